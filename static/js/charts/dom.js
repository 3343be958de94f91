// Two small helpers for building and changing page elements. Text is always a text node, never markup:
// what comes from another person or from the network cannot become an element here.

/**
 * @param {string} name
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
