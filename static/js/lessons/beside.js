/*
  beside.js: a curve that was guessed, what was measured and what theory says, in one picture.
*/

import { curvePicture } from "../class/guess-control.js";
import { el } from "../charts/dom.js";

/** @typedef {import("../class/words.js").Values} Values */

/**
 * The figures beside it say the same (class/words.js).
 * @param {HTMLElement} node @param {import("../class/state.js").CurveQuestion} asked
 * @param {{guess: number[], measured?: Values, theory?: Values}} curves
 */
export function drawCurves(node, { x, x_unit: xUnit, min, max, unit }, { guess, measured, theory }) {
  const picture = curvePicture({ x, xUnit, min, max, unit });
  picture.draw(guess, { measured, theory });
  node.replaceChildren(picture.svg, el("p", { class: "lesson-ends" }, "┄ guess  ● measured  ○ theory"));
}
