/*
  code-viewer.js: "Show the code". Any button with data-code opens what it names, one thing or several side by
  side: "/static/js/…" is a file, fetched from the address it runs from, so what is shown is what runs; "#id" is a
  <template> of the page that holds a text and is titled by its data-title, for code that runs elsewhere.
  Text only: nothing shown becomes markup.
  The dialog is made on first use; <dialog> itself gives focus trap, Escape and the return of focus.
*/

import { copy as copyText } from "./copy.js";

/** @type {HTMLDialogElement | undefined} */
let dialog;

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-code]") : null;
  if (button instanceof HTMLElement && button.dataset.code) void showCode(button.dataset.code);
});

/** @typedef {{title: string, text: string, says: string}} Source */

/** @param {string} names  addresses of text files on this server, ids of templates; separated by spaces */
export async function showCode(names) {
  dialog ??= buildDialog();
  const wanted = names.split(" ");
  const title = part("h2");
  const note = part("[data-note]");
  const body = part(".dialog-body");
  const copy = /** @type {HTMLButtonElement} */ (part("[data-copy]"));
  title.textContent = wanted.map(titleOf).join(" · ");
  note.textContent = "Loading …";
  body.replaceChildren();
  copy.disabled = true;
  if (!dialog.open) dialog.showModal();
  try {
    const sources = await Promise.all(wanted.map(load));
    body.replaceChildren(...sources.map((source) => pane(source, sources.length > 1)));
    note.textContent = sources.map(summary).join(" · ");
    copy.disabled = false;
    copy.onclick = async () => {
      const copied = await copyText(sources.map(({ text }) => text).join("\n"));
      note.textContent = copied ? "Copied." : "This browser does not allow copying here; select the text instead.";
    };
  } catch (error) {
    note.textContent = `Could not load the file: ${error instanceof Error ? error.message : error}`;
  }
}

/** @param {string} name */
function titleOf(name) {
  return template(name)?.dataset.title ?? name.replace(/^\/static\//, "static/");
}

/** @param {string} name  @returns {HTMLTemplateElement | null} */
function template(name) {
  return name.startsWith("#") ? document.querySelector(`template${name}`) : null;
}

/** @param {string} name  @returns {Promise<Source>} */
async function load(name) {
  const held = template(name);
  if (held) return { title: titleOf(name), text: held.content.textContent?.trim() ?? "", says: held.dataset.says ?? "" };
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return { title: titleOf(name), text: await answer.text(), says: "as this page runs it" };
}

/** @param {Source} source  @param {boolean} titled */
function pane({ title, text }, titled) {
  const made = element("section", "code-pane");
  // A long line makes it scroll sideways, and that must go by keyboard as well.
  made.tabIndex = 0;
  made.setAttribute("aria-label", title);
  const lines = element("ol", "code-lines");
  lines.append(...numbered(text));
  if (titled) {
    const head = element("h3", "");
    head.textContent = title;
    made.append(head);
  }
  made.append(lines);
  return made;
}

/** @param {Source} source */
function summary({ text, says }) {
  const lines = text.replace(/\n$/, "").split("\n").length;
  return [`${lines} lines`, `${new Blob([text]).size.toLocaleString()} bytes`, says].filter(Boolean).join(", ");
}

/** @param {string} selector  @returns {HTMLElement} */
function part(selector) {
  return /** @type {HTMLElement} */ (dialog?.querySelector(selector));
}

/** @param {string} text  one list item per line; lines of comments are marked, JavaScript's and Rust's */
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
