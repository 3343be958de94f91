// The reason behind a figure that is not plainly what it seems: on hover, on focus, and as the figure's description for
// a screen reader (WCAG 2.2, 1.4.13: Escape hides it, the pointer may rest on it). One bubble serves the page.

import { el } from "../charts/dom.js";

const bubble = el("p", { class: "why-bubble", id: "why-bubble", role: "tooltip", hidden: "" });
document.body.append(bubble);
/** @type {HTMLElement|null} */
let shownFor = null;

/** Gives a figure its reason; "" takes it away. @param {HTMLElement} node @param {string} why */
export function explain(node, why) {
  if ((node.dataset.why ?? "") === why) return;
  node.querySelector("[data-why-text]")?.remove();
  if (why === "") {
    delete node.dataset.why;
    node.removeAttribute("tabindex");
    node.removeAttribute("role");
    if (shownFor === node) hide();
    return;
  }
  node.dataset.why = why;
  node.tabIndex = 0;
  node.setAttribute("role", "note");
  node.append(el("span", { class: "visually-hidden", "data-why-text": "of this" }, ` ${why}`));
  if (shownFor === node) bubble.textContent = why;
}

/** @param {HTMLElement} node */
function show(node) {
  bubble.textContent = node.dataset.why ?? "";
  bubble.hidden = false;
  shownFor = node;
  const box = node.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left, document.documentElement.clientWidth - bubble.offsetWidth - 8));
  const below = box.bottom + bubble.offsetHeight + 12 < document.documentElement.clientHeight;
  bubble.style.insetInlineStart = `${left}px`;
  bubble.style.insetBlockStart = `${below ? box.bottom + 4 : box.top - bubble.offsetHeight - 4}px`;
}

function hide() {
  bubble.hidden = true;
  shownFor = null;
}

/** @param {EventTarget|null} target */
const explained = (target) => (target instanceof Element ? /** @type {HTMLElement|null} */ (target.closest("[data-why]")) : null);
for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, ({ target }) => {
    const node = explained(target);
    if (node !== null) show(node);
    else if (target !== bubble && shownFor !== document.activeElement) hide();
  });
}
document.addEventListener("focusout", ({ target }) => { if (target === shownFor) hide(); });
document.addEventListener("keydown", ({ key }) => { if (key === "Escape") hide(); });
addEventListener("scroll", hide, { passive: true });
