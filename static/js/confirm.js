/*
  confirm.js: asks before something is gone for good. The dialog is made for the question and removed after it;
  <dialog> itself gives focus trap, Escape and the return of focus. The button that does no harm has the focus.
*/

let asked = 0;

/**
 * @param {{title: string, text: string, yes: string}} question  yes: what the button does, as a verb
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, yes }) {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog dialog-small";
  const heading = document.createElement("h2");
  heading.id = `confirm-${++asked}`;
  heading.textContent = title;
  dialog.setAttribute("aria-labelledby", heading.id);
  const words = document.createElement("p");
  words.textContent = text;
  const go = button(yes, "button button-danger", "yes");
  const stay = button("Cancel", "button", "");
  stay.autofocus = true;
  dialog.append(part("dialog-head", heading), part("dialog-body", words), part("dialog-foot", stay, go));
  for (const each of [go, stay]) each.addEventListener("click", () => dialog.close(each.value));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
  });
}

/** @param {string} text  @param {string} className  @param {string} value */
function button(text, className, value) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = className;
  made.textContent = text;
  made.value = value;
  return made;
}

/** @param {string} className  @param {Element[]} children */
function part(className, ...children) {
  const made = document.createElement("div");
  made.className = className;
  made.append(...children);
  return made;
}
