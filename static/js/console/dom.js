// dom.js: the few ways in which the console's modules touch the page. Text goes in as text, never as markup.

/** The element that shows a value. @param {string} name  @returns {HTMLElement} */
export function shown(name) {
  return /** @type {HTMLElement} */ (document.querySelector(`[data-show="${name}"]`));
}

/** @param {string} selector  @returns {any} */
export const find = (selector) => document.querySelector(selector);

/**
 * @param {string} name  of the element
 * @param {string} [className]
 * @param {string | (Node | string)[]} [content]
 * @returns {HTMLElement}
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
