// The median in its row: large, its error small below it; withheld, its reason on focus and on hover (why.js).

import { el, setText } from "../charts/dom.js";
import { explain } from "./why.js";

/** @param {HTMLElement} cell @returns {(words: ReturnType<typeof import("./shown-delay.js").medianWords>) => void} */
export function showMedian(cell) {
  const parts = { word: el("span", { class: "unit" }), number: el("span", { class: "num" }), unit: el("span", { class: "unit" }) };
  const note = el("span", { class: "row-note" });
  const figure = el("span", { class: "stage-number" }, parts.word, " ", parts.number, " ", parts.unit);
  cell.append(figure, note);
  return ({ word, number, unit, note: small, hint, why }) => {
    setText(parts.word, word);
    setText(parts.number, number);
    setText(parts.unit, unit);
    setText(note, small);
    note.title = hint;
    figure.dataset.look = word === "withheld" ? "withheld" : "";
    explain(figure, why);
  };
}
