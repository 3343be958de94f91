/*
  beside.js: a guess, what was measured and what theory says, in words and, of a curve, in one picture.
*/

import { curvePicture } from "../class/guess-control.js";
import { el } from "../charts/dom.js";

/**
 * @typedef {import("../class/guess-control.js").Asked} Asked
 * @typedef {import("../class/guess-control.js").Guess} Guess
 * @typedef {(number | null)[]} Values   of a curve one for each point; null: nothing was measured there
 */

/** In words. @param {Asked} asked @param {Guess | {curve: Values}} guess @returns {string} "" where there is nothing to say */
export function said(asked, guess) {
  if ("unknown" in guess) return "I do not know";
  if ("number" in guess) return withUnit(asked, guess.number);
  if ("curve" in guess) return guess.curve.every((value) => value === null) ? "" : `${guess.curve.map((value) => (value === null ? "–" : shown(value))).join(" · ")}${unitOf(asked)}`;
  if ("choices" in guess) return named(guess.choices, asked.as === "choice" ? asked.options : []).join("; ");
  return named(guess.order, asked.as === "order" ? asked.items : []).map((name, at) => `${at + 1}. ${name}`).join("; ");
}

/**
 * How far off a guess is, in one sentence: of numbers as a factor, since that is what is remembered; of a curve at its last
 * point; of an order by how many stand in their place.
 * @param {Asked} asked @param {Guess} guess @param {{measured?: Values, theory?: Values, right: number[]}} truth
 */
export function compared(asked, guess, { measured, theory, right }) {
  if (asked.as === "order" && "order" in guess) {
    const inPlace = guess.order.filter((item, at) => item === right[at]).length;
    return inPlace === right.length ? "All stand in their place." : `In their place: ${inPlace} of ${right.length}.`;
  }
  const what = measured === undefined ? "the prediction" : "what was measured";
  const values = measured ?? theory ?? [];
  if (asked.as === "number" && "number" in guess) return factor(asked, guess.number, values[0], what, "");
  if (asked.as !== "curve" || !("curve" in guess)) return "";
  const last = asked.x.length - 1;
  return factor(asked, guess.curve[last], values[last], what, `At ${shown(asked.x[last])}${asked.x_unit === "" ? "" : ` ${asked.x_unit}`}: `);
}

/** @param {Asked} asked @param {number} guess @param {number | null | undefined} truth @param {string} what @param {string} where */
function factor(asked, guess, truth, what, where) {
  if (truth === null || truth === undefined) return "";
  const begin = (/** @type {string} */ text) => (where === "" ? text : `${where}${text[0].toLowerCase()}${text.slice(1)}`);
  if (guess <= 0 || truth <= 0) return begin(guess === truth ? `Your guess is ${what}.` : `Your guess is ${withUnit(asked, Math.abs(guess - truth))} from ${what}.`);
  const off = Math.max(guess / truth, truth / guess);
  if (off < 1.1) return begin(`Your guess is within a tenth of ${what}.`);
  const times = `${Number(off.toPrecision(2))} times`;
  return begin(guess > truth ? `Your guess is ${times} ${what}.` : `${what[0].toUpperCase()}${what.slice(1)} is ${times} your guess.`);
}

/**
 * All three curves in one picture; the figures beside it say the same.
 * @param {HTMLElement} node @param {import("../class/guess-control.js").AskedCurve} asked
 * @param {{guess: number[], measured?: Values, theory?: Values}} curves
 */
export function drawCurves(node, { x, x_unit: xUnit, min, max, unit }, { guess, measured, theory }) {
  const picture = curvePicture({ x, xUnit, min, max, unit });
  picture.draw(guess, { measured, theory });
  node.replaceChildren(picture.svg, el("p", { class: "lesson-ends" }, "┄ guess  ● measured  ○ theory"));
}

/** @param {number[]} places  from 1 @param {string[]} names */
const named = (places, names) => places.map((place) => names[place - 1] ?? "");

/** @param {Asked} asked */
const unitOf = (asked) => ((asked.as === "number" || asked.as === "curve") && asked.unit !== "" ? ` ${asked.unit}` : "");

/** @param {Asked} asked @param {number} value */
const withUnit = (asked, value) => (Number.isFinite(value) ? `${shown(value)}${unitOf(asked)}` : "");

/** @param {number} value */
const shown = (value) => String(Number(value.toPrecision(3)));
