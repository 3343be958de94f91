/*
  reveal-view.js: what came out. The sentence first; then what this phone guessed beside what was measured and beside the
  class; then, as text of the lesson, what it means.
*/
import { el } from "../../charts/dom.js";
import { prose } from "./dom.js";
import { pictureOf } from "./picture.js";
import { compared, inWords, withUnit } from "./words.js";

/** @param {import("./step.js").Context} _context @param {import("./step.js").Shown} first @returns {import("./step.js").View} */
export function makeReveal(_context, first) {
  const element = el("div", { class: "phone-reveal" });
  let drawn = "";

  /** @param {import("./step.js").Shown} now */
  function update({ lesson, me }) {
    const { reveal } = lesson;
    const next = JSON.stringify([reveal, lesson.guess, me.guess, me.first_guess]);
    if (next === drawn) return;
    drawn = next;
    const sentence = el("h1", { class: "phone-sentence", tabindex: "-1" }, reveal?.sentence ?? "One moment: the result comes.");
    if (!reveal) {
      element.replaceChildren(sentence);
      return;
    }
    const question = lesson.guess ?? null;
    /** @type {Node[]} */
    const parts = [sentence];
    if (reveal.predicted_only) parts.push(el("p", {}, el("span", { class: "badge badge-predicted" }, "predicted, not measured here")));
    const unit = reveal.unit ?? question?.unit;
    const [measured, theory] = [pointsOf(reveal.measured_points) ?? reveal.measured ?? null, pointsOf(reveal.theory_points) ?? reveal.theory ?? null];
    const rows = [
      ["You guessed", question && !isInTable(question, me.guess) ? inWords(question, me.guess) || "nothing" : "", ""],
      ["First you guessed", question && me.first_guess && !isInTable(question, me.first_guess) ? inWords(question, me.first_guess) : "", ""],
      ["Measured here", several(measured, unit), ""],
      ["Theory", several(theory, unit), "predicted"],
      ["Right", question?.as === "choice" && reveal.right?.length ? reveal.right.map((place) => question.options?.[place - 1] ?? "").join("; ") : "", ""],
    ].filter(([, value]) => value !== "");
    if (rows.length > 0) parts.push(el("dl", { class: "phone-beside" }, ...rows.map(([name, value, kind]) => el("div", {}, el("dt", {}, name), el("dd", { class: kind }, value)))));
    const truth = measured ?? theory;
    const off = me.guess?.number !== undefined && typeof truth === "number" ? compared(me.guess.number, truth, measured === null ? "the prediction" : "what was measured") : "";
    if (off !== "") parts.push(el("p", { class: "phone-off" }, off));
    if (question && reveal.guesses) parts.push(pictureOf(question, reveal.guesses, { guess: me.guess, measured, theory, right: reveal.right ?? [] }));
    if (question && reveal.first_guesses) {
      parts.push(el("details", { class: "phone-more" }, el("summary", {}, "The first guesses, before talking"), pictureOf(question, reveal.first_guesses, { guess: me.first_guess, measured, theory, right: reveal.right ?? [] })));
    }
    if (lesson.html) parts.push(prose(lesson.html));
    if (reveal.change_html) parts.push(el("h2", {}, "Change one thing"), prose(reveal.change_html));
    element.replaceChildren(...parts);
  }

  update(first);
  return { element, update, stop() {} };
}

/** An order stands in the picture's table, item by item. @param {import("../state.js").Question} question @param {import("../state.js").Guess | null | undefined} guess */
const isInTable = (question, guess) => question.as === "order" && guess?.order !== undefined;

/** Of a curve. @param {number[] | undefined} points */
const pointsOf = (points) => (points !== undefined && points.length > 0 ? points : null);

/** One value, or of a curve one for each point. @param {number | number[] | null} values @param {string | undefined} unit */
function several(values, unit) {
  if (values === null) return "";
  return Array.isArray(values) ? inWords({ as: "curve", question: "", unit }, { curve: values }) : withUnit(values, unit);
}
