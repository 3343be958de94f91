// Writes a percentile so that it cannot be taken for more than it is: solid, marked "rough", or greyed with
// "n too small"; as a bound where the instruments may be off by more than it is (see trust.js). The mark is text, so it
// is heard and printed as well as seen.

import { el, setText } from "../charts/dom.js";
import { duration, NONE } from "../charts/format.js";
import { boundSentence, NUMBER_SHARE, trust, TRUST_MARK, trustSentence } from "./trust.js";

/**
 * @param {HTMLElement} node  a <dd> or a <td>
 * @param {number|null} ms
 * @param {number} quantile  for example 0.99; 1 for the maximum
 * @param {number} n  samples behind it
 * @param {number} [errorMs]  that the instruments may be off, ±
 */
export function showPercentile(node, ms, quantile, n, errorMs = 0) {
  if (node.children.length !== 3) {
    node.replaceChildren(el("span", { class: "num" }), " ", el("span", { class: "unit" }), " ", el("small", { class: "trust-mark" }));
  }
  const isBound = ms !== null && errorMs > NUMBER_SHARE * ms;
  const [value, unit] = ms === null ? [NONE, ""] : duration(isBound ? Math.max(ms, 0) + errorMs : ms);
  setText(node.children[0], isBound ? `below ${value}` : value);
  setText(node.children[1], unit);
  const level = ms === null ? "none" : trust(quantile, n);
  setText(node.children[2], TRUST_MARK[level]);
  if (node.dataset.trust !== level) node.dataset.trust = level;
  const sentence = isBound ? boundSentence(ms, errorMs) : trustSentence(quantile, n);
  if (node.title !== sentence) node.title = sentence;
}
