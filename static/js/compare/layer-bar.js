// Bytes of one publication as one stacked bar on the stage, by whatever layers charts/byte-bar.js has, all rows on one
// scale. The number beside it is what the lab's other figures call bytes per publication: all that the lane counted, both
// ways. What the packets add around it is in the bar and said, not in the number.

import { BYTE_PARTS } from "../charts/byte-bar.js";
import { el, setText } from "../charts/dom.js";
import { bytes, bytesText } from "../charts/format.js";

/** @param {HTMLElement} host @param {string} label  whose */
export function createLayerBar(host, label) {
  const spans = BYTE_PARTS.map(({ layer, direction }) => el("span", { "data-layer": layer, "data-direction": direction ?? "", "aria-hidden": "true" }));
  const bar = el("div", { class: "bytebar", role: "img", "aria-label": `${label}: nothing delivered yet` }, ...spans);
  const [value, unit] = [el("span", { class: "num" }), el("span", { class: "unit" })];
  host.append(bar, el("span", { class: "stage-number" }, value, " ", unit));

  return {
    /**
     * @param {Record<string, number>|null} each  bytes per delivered publication by layer; null: nothing delivered yet
     * @param {number} scale  bytes that fill the bar
     */
    update(each, scale) {
      const [number, of] = each === null ? ["", ""] : bytes(bytesOfEach(each));
      bar.classList.toggle("is-empty", each === null);
      setText(value, number);
      setText(unit, of);
      const parts = BYTE_PARTS.map((part) => (each === null ? 0 : part.sum(each)));
      spans.forEach((span, i) => { span.style.inlineSize = `${scale > 0 ? (100 * parts[i]) / scale : 0}%`; });
      const words = BYTE_PARTS.map((part, i) => `${part.label} ${bytesText(parts[i])}`).join(", ");
      bar.setAttribute("aria-label", each === null ? `${label}: nothing delivered yet` : `${label}: ${bytesText(bytesOfEach(each))} each; ${words}`);
    },
  };
}

/** What the lane counted of one publication, both ways, without what the packets add. @param {Record<string, number>} each */
export function bytesOfEach(each) {
  return each.up_total + each.down_total;
}
