/*
  code-viewer.js: "Show the code". Any button with data-code="/static/js/…" opens that file, fetched from the
  address it runs from, so what is shown is what runs. Text only: nothing fetched becomes markup.
  The dialog is made on first use; <dialog> itself gives focus trap, Escape and the return of focus.
*/

/** @type {HTMLDialogElement | undefined} */
let dialog;

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-code]") : null;
  if (button instanceof HTMLElement && button.dataset.code) showCode(button.dataset.code);
});

/** @param {string} url  address of a text file on this server */
export async function showCode(url) {
  dialog ??= buildDialog();
  const title = part("h2");
  const note = part("[data-note]");
  const lines = part("ol");
  const copy = /** @type {HTMLButtonElement} */ (part("[data-copy]"));
  title.textContent = url.replace(/^\/static\//, "static/");
  note.textContent = "Loading …";
  lines.replaceChildren();
  copy.disabled = true;
  if (!dialog.open) dialog.showModal();
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const text = await answer.text();
    lines.replaceChildren(...numbered(text));
    note.textContent = `${lines.childElementCount} lines, ${new Blob([text]).size.toLocaleString()} bytes, as this page runs it`;
    copy.disabled = false;
    copy.onclick = async () => {
      await navigator.clipboard.writeText(text).then(
        () => { note.textContent = "Copied."; },
        () => { note.textContent = "This browser does not allow copying here; select the text instead."; },
      );
    };
  } catch (error) {
    note.textContent = `Could not load the file: ${error instanceof Error ? error.message : error}`;
  }
}

/** @param {string} selector  @returns {HTMLElement} */
function part(selector) {
  return /** @type {HTMLElement} */ (dialog?.querySelector(selector));
}

/** @param {string} text  one list item per line; lines of the JavaScript comments are marked */
function numbered(text) {
  let inComment = false;
  return text.replace(/\n$/, "").split("\n").map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    const trimmed = line.trim();
    if (trimmed.startsWith("/*")) inComment = true;
    if (inComment || trimmed.startsWith("//")) item.className = "comment";
    if (trimmed.endsWith("*/")) inComment = false;
    return item;
  });
}

function buildDialog() {
  const made = document.createElement("dialog");
  made.className = "dialog code-dialog";
  made.setAttribute("aria-labelledby", "code-title");
  const head = element("header", "dialog-head");
  const title = element("h2", "");
  title.id = "code-title";
  const copy = element("button", "button button-small");
  copy.setAttribute("type", "button");
  copy.textContent = "Copy";
  copy.dataset.copy = "";
  const close = element("button", "button button-small");
  close.setAttribute("type", "button");
  close.textContent = "Close";
  close.addEventListener("click", () => made.close());
  head.append(title, copy, close);
  const body = element("div", "dialog-body");
  body.tabIndex = 0;
  body.setAttribute("role", "region");
  body.setAttribute("aria-label", "Source text");
  body.append(element("ol", "code-lines"));
  const foot = element("footer", "dialog-foot");
  const note = element("p", "hint");
  note.dataset.note = "";
  note.setAttribute("role", "status");
  foot.append(note);
  made.append(head, body, foot);
  made.addEventListener("click", (event) => { if (event.target === made) made.close(); });
  document.body.append(made);
  return made;
}

/** @param {string} name  @param {string} className  @returns {HTMLElement} */
function element(name, className) {
  const made = document.createElement(name);
  if (className) made.className = className;
  return made;
}
