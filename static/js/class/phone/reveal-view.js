/*
  reveal-view.js: what came out. The sentence first; then what this phone guessed beside what was measured and beside the
  class; then, as text of the lesson, what it means.
*/
import { el } from "../../charts/dom.js";
import { drawGuesses } from "../histogram.js";
import { compared, inWords } from "../words.js";
import { prose } from "./dom.js";

/** @typedef {import("../state.js").Question} Question */
/** @typedef {import("../words.js").Values} Values */

/** @param {import("./step.js").Context} _context @param {import("./step.js").Shown} first @returns {import("./step.js").View} */
export function makeReveal(_context, first) {
  const element = el("div", { class: "phone-reveal" });
  let drawn = "";

  /** @param {import("./step.js").Shown} now */
  function update({ lesson, me }) {
    const { reveal, guess: question } = lesson;
    const next = JSON.stringify([reveal, question, me.guess, me.first_guess]);
    if (next === drawn) return;
    drawn = next;
    const sentence = el("h1", { class: "phone-sentence", tabindex: "-1" }, reveal?.sentence ?? "One moment: the result comes.");
    if (!reveal) {
      element.replaceChildren(sentence);
      return;
    }
    /** @type {Node[]} */
    const parts = [sentence];
    if (reveal.predicted_only) parts.push(el("p", {}, el("span", { class: "badge badge-predicted" }, "predicted, not measured here")));
    if (question) parts.push(...beside(question, reveal, me));
    if (reveal.experiment) parts.push(el("p", {}, `By the experiment: ${reveal.experiment}`));
    if (lesson.html) parts.push(prose(lesson.html));
    if (reveal.change_html) parts.push(el("h2", {}, "Change one thing"), prose(reveal.change_html));
    element.replaceChildren(...parts);
  }

  update(first);
  return { element, update, stop() {} };
}

/** What this phone guessed and what came out, in words; and both among the guesses of the class.
 * @param {Question} question @param {import("../state.js").Reveal} reveal @param {import("../state.js").Me} me */
function beside(question, reveal, me) {
  const [measured, theory] = [valuesOf(question, reveal.measured, reveal.measured_points), valuesOf(question, reveal.theory, reveal.theory_points)];
  const right = reveal.right ?? [];
  const rows = [
    ["You guessed", inWords(question, me.guess) || "nothing", ""],
    ["First you guessed", inWords(question, me.first_guess), ""],
    ["Measured here", came(question, measured), ""],
    ["Theory", came(question, theory), "predicted"],
    ["Right", right.length === 0 ? "" : inWords(question, question.as === "order" ? { order: right } : { choices: right }), ""],
  ].filter(([, value]) => value !== "");
  /** @type {Node[]} */
  const parts = [el("dl", { class: "phone-beside" }, ...rows.map(([name, value, kind]) => el("div", {}, el("dt", {}, name), el("dd", { class: kind }, value))))];
  const off = me.guess === null ? "" : compared(question, me.guess, { measured: measured ?? undefined, theory: theory ?? undefined, right });
  if (off !== "") parts.push(el("p", { class: "phone-off" }, off));
  if (reveal.guesses) {
    const { picture, table } = drawGuesses({ question, guesses: reveal.guesses, first: reveal.first_guesses, measured, theory, right, own: me.guess });
    // An order is a table as it stands.
    parts.push(el("div", { class: "phone-figure" }, picture, ...(question.as === "order" ? [] : [el("div", { class: "visually-hidden" }, table)])));
  }
  return parts;
}

/** Of a number a list of one, of a curve one for each point. @param {Question} question @param {number | null} value @param {Values | undefined} points @returns {Values | null} null where nothing is known */
function valuesOf(question, value, points) {
  if (question.as === "curve") return points !== undefined && points.length > 0 ? points : null;
  return question.as === "number" && value !== null ? [value] : null;
}

/** @param {Question} question @param {Values | null} values */
function came(question, values) {
  if (values === null) return "";
  return inWords(question, question.as === "curve" ? { curve: values } : { number: values[0] ?? NaN });
}
