// Small helpers for finding, building and changing page elements. Text is always a text node, never markup:
// what comes from another person or from the network cannot become an element here.

/**
 * The element that a selector names. Pages and modules are made for each other: one that is missing, or is something
 * else, is a fault of this lab, and is named here instead of where it is first used.
 * @template {Element} [T=HTMLElement]
 * @param {string} selector
 * @param {new () => T} [kind]  its class, for example HTMLInputElement
 * @param {ParentNode} [within]
 * @returns {T}
 */
export function find(selector, kind, within) {
  const found = seek(selector, kind, within);
  if (found === null) throw new Error(`the page has no ${kind?.name ?? "HTMLElement"} ${selector}`);
  return found;
}

/**
 * The same where a page may do without it.
 * @template {Element} [T=HTMLElement]
 * @param {string} selector
 * @param {new () => T} [kind]
 * @param {ParentNode} [within]
 * @returns {T | null}
 */
export function seek(selector, kind = /** @type {new () => T} */ (/** @type {unknown} */ (HTMLElement)), within = document) {
  const found = within.querySelector(selector);
  return found instanceof kind ? found : null;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, string>} attributes
 * @param {...(Node|string)} children
 */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== "" || key === "hidden") node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Sets text only where it differs, so that an unchanged figure costs no layout. @param {Element} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A measured value and its unit into a <dd>. @param {Element} node @param {[string, string]} pair */
export function setValue(node, [value, unit]) {
  if (node.children.length !== 2) node.replaceChildren(el("span", { class: "num" }), " ", el("span", { class: "unit" }));
  setText(node.children[0], value);
  setText(node.children[1], unit);
}
