// dom.js: the few ways in which the console's modules touch the page. Text goes in as text, never as markup.

import { find } from "../charts/dom.js";

export { find, seek } from "../charts/dom.js";

/** The element that shows a value. @param {string} name */
export function shown(name) {
  return find(`[data-show="${name}"]`);
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name  of the element
 * @param {string} [className]
 * @param {string | (Node | string)[]} [content]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, className = "", content = []) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...(typeof content === "string" ? [content] : content));
  return made;
}

/** Says how something went, in a role="status" line. @param {string} name  @param {string} text  @param {"ok"|"bad"|""} [tone] */
export function say(name, text, tone = "") {
  const line = shown(name);
  line.textContent = text;
  line.dataset.tone = tone;
}
