/*
  ask-view.js: one question to go. The options are large buttons; which is right, and why, comes when the presenter shows it.
*/
import { el, setText } from "../../charts/dom.js";
import { Refused, tell } from "./api.js";
import { heading, prose } from "./dom.js";
import { counted, haveDone } from "../words.js";

/** @param {import("./step.js").Context} context @param {import("./step.js").Shown} first @returns {import("./step.js").View} */
export function makeAsk({ announce, onRefused }, first) {
  const { lesson } = first;
  const ask = /** @type {import("../state.js").Ask} */ (lesson.ask);
  const title = heading(ask.question);
  title.id = "ask-title";
  const said = el("p", { class: "phone-sent" });
  const error = el("p", { class: "notice notice-bad", role: "alert", hidden: "" });
  let chosen = first.me.answer ?? null;
  let isSending = false;
  let isShown = false;
  let isHeld = false; // frozen
  let shown = first;

  const options = ask.options.map((text, at) => {
    const count = el("span", { class: "phone-option-count", hidden: "" });
    const mark = el("span", { class: "phone-option-mark" });
    const button = el("button", { type: "button", class: "button phone-option", "aria-pressed": "false" }, mark, el("span", { class: "phone-option-text" }, text), count);
    const because = el("p", { class: "phone-because", hidden: "" });
    button.addEventListener("click", () => void choose(at + 1));
    return { button, mark, count, because, item: el("li", {}, button, because) };
  });

  /** @param {number} place  from 1 */
  async function choose(place) {
    if (isShown || isSending || shown.state.muted || isHeld) return;
    const before = chosen;
    chosen = place;
    isSending = true;
    error.hidden = true;
    draw();
    try {
      await tell("answer", { step: lesson.step, choice: place });
      if (before === null) announce("Your answer is sent.");
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      chosen = before;
      error.hidden = false;
      setText(error, problem.sentence);
      onRefused(problem);
    } finally {
      isSending = false;
      draw();
    }
  }

  function draw() {
    const now = shown.lesson.ask ?? ask;
    const [right, because, answers] = [now.right ?? null, now.because ?? null, now.answers ?? null];
    const taken = right === null && !shown.state.muted && !isHeld;
    options.forEach(({ button, mark, count, because: reason }, at) => {
      const place = at + 1;
      button.setAttribute("aria-pressed", String(chosen === place));
      button.setAttribute("aria-disabled", String(!taken));
      if (right === null) delete button.dataset.verdict;
      else button.dataset.verdict = right === place ? "right" : "wrong";
      setText(mark, right === place ? "✓ right" : right !== null && chosen === place ? "yours" : chosen === place ? "✓" : "");
      count.hidden = answers === null;
      if (answers !== null) setText(count, counted(answers[at] ?? 0, "phone"));
      reason.hidden = because === null || !because[at];
      setText(reason, because?.[at] ?? "");
    });
    const count = `${shown.lesson.answered ?? 0} of ${shown.state.here} ${haveDone(shown.lesson.answered ?? 0, "answered")}.`;
    setText(said, right !== null ? (chosen === null ? "You gave no answer." : chosen === right ? "Yours is right." : "Yours is another one: read why.")
      : isSending ? "Sending …" : chosen !== null ? `Sent. You can change it until the answer is shown. ${count}` : count);
  }

  return {
    element: el("div", { class: "phone-ask" }, ...(lesson.html ? [prose(lesson.html)] : []), title, el("ul", { class: "phone-options", "aria-labelledby": title.id }, ...options.map(({ item }) => item)), error, said),
    update(now) {
      shown = now;
      const right = now.lesson.ask?.right ?? null;
      if (right !== null && !isShown) announce(`The answer is shown: ${ask.options[right - 1]}. ${now.lesson.ask?.because?.[right - 1] ?? ""}`);
      isShown = right !== null;
      if (!isSending) chosen = now.me.answer ?? (isShown ? chosen : null);
      draw();
    },
    hold(held) {
      isHeld = held;
      draw();
    },
    stop() {},
  };
}
