/*
  toast.js: a short note in the corner that goes by itself. Only for what needs no answer; anything a visitor
  must act on stands in the page as a notice. The corner is a polite live region, so it is read aloud too.
*/

const SHOWN_MS = 6000;

/**
 * @param {string} text
 * @param {"ok"|"warn"|"bad"} [kind]
 */
export function toast(text, kind = "ok") {
  const corner = document.getElementById("toasts");
  if (corner === null) return;
  const note = document.createElement("p");
  note.className = "toast";
  note.dataset.kind = kind;
  note.textContent = text;
  corner.append(note);
  window.setTimeout(() => note.remove(), SHOWN_MS);
}
