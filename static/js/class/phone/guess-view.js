/*
  guess-view.js: the guess. Sent when it is chosen, may be changed until the presenter locks it; nobody else sees it.
*/
import { el, setText } from "../../charts/dom.js";
import { guessControl } from "../guess-control.js";
import { Refused, tell } from "./api.js";
import { heading, prose } from "./dom.js";
import { TALK, guessedIn, haveDone, inWords, isTalk } from "../words.js";

/** A finger on a slider makes many values; what is sent is where it rested. */
const RESTED_MS = 350;
const AGAIN_MS = 2000;
/** A state that was made before the last guess came in may arrive after its answer: it is not listened to. */
const ECHO_MS = 1500;

/** @typedef {import("../state.js").Guess} Guess */

/** @param {import("./step.js").Context} context @param {import("./step.js").Shown} first @returns {import("./step.js").View} */
export function makeGuess({ announce, onRefused }, first) {
  const { lesson } = first;
  const question = /** @type {import("../state.js").Question} */ (lesson.guess);
  const sent = el("p", { class: "phone-sent", "data-sent": "" });
  const error = el("p", { class: "notice notice-bad", role: "alert", "data-guess-error": "", hidden: "" });
  const others = el("p", { class: "phone-count", "data-answered": "" });
  const before = el("p", { class: "hint", "data-first-guess": "", hidden: "" });
  // Who keeps a guess says so: the class sees how many have guessed again.
  const keep = el("button", { class: "button", type: "button", "data-keep": "", hidden: "" }, "Keep my guess");
  keep.addEventListener("click", () => {
    if (known !== null) chosen(known);
  });
  const isAgain = (lesson.round ?? 1) > 1;
  /** @type {Guess | null} */
  let wanted = null; // chosen here, and not yet with the class
  /** @type {Guess | null} */
  let known = first.me.guess ?? null; // what the class has
  let hasGuessed = false; // in this round
  let timer = 0;
  let isSending = false;
  let isOver = false;
  let isOpen = true; // the class takes guesses: not locked, not muted
  let isHeld = false; // frozen
  let isTaken = true; // both
  let isUnfinished = false; // something was touched, and is no guess yet
  let sentMs = -Infinity;

  const control = guessControl(question, { onChange: chosen });
  if (known !== null) show(known);

  /** @param {Guess | null} told */
  function chosen(told) {
    if (isOver || !isTaken) return;
    wanted = told;
    isUnfinished = told === null;
    clearTimeout(timer);
    error.hidden = true;
    if (wanted !== null) timer = window.setTimeout(() => void send(), RESTED_MS);
    say();
  }

  /** @param {Guess | null} guess */
  function show(guess) {
    isUnfinished = false;
    control.set(guess);
  }

  async function send() {
    if (isSending || wanted === null || isOver) return;
    const guess = wanted;
    isSending = true;
    let againMs = 0;
    try {
      await tell("guess", { step: lesson.step, guess });
      const isFirst = !hasGuessed;
      known = guess;
      hasGuessed = true;
      sentMs = performance.now();
      if (JSON.stringify(wanted) === JSON.stringify(guess)) wanted = null;
      else againMs = 1; // changed meanwhile
      if (isFirst) announce("Your guess is sent. You can change it until it is locked.");
      error.hidden = true;
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      if (problem.code === "unreachable" || problem.code === "too_fast") {
        againMs = AGAIN_MS;
      } else {
        wanted = null;
        onRefused(problem);
      }
      error.hidden = false;
      setText(error, problem.code === "unreachable" ? `Not sent yet: ${problem.sentence}` : problem.sentence);
    } finally {
      isSending = false;
      say();
    }
    if (againMs > 0 && !isOver) {
      clearTimeout(timer);
      timer = window.setTimeout(() => void send(), againMs);
    }
  }

  function say() {
    keep.hidden = !isAgain || hasGuessed || known === null || wanted !== null || isSending || !isTaken;
    const words = inWords(question, wanted ?? known);
    setText(sent, !isTaken ? (known === null ? (isOpen ? "" : "No guess of yours came in.") : `Your guess: ${inWords(question, known)}.`)
      : isUnfinished ? `${control.fault()}${known === null ? "" : ` Until then it is: ${inWords(question, known)}.`}`
      : wanted !== null ? `Sending: ${words} …`
      : known !== null && !hasGuessed ? ""
      : known !== null ? `Sent: ${words}. You can change it until it is locked.`
      : "Nobody else sees your guess. Right or wrong, it earns the same.");
    sent.dataset.sent = wanted !== null ? "sending" : known !== null ? "sent" : "";
  }

  function settle() {
    const taken = isOpen && !isHeld;
    if (taken !== isTaken) control.lock(!taken);
    isTaken = taken;
  }

  /** @param {import("./step.js").Shown} shown */
  function update({ state, lesson: now, me }) {
    const words = inWords(question, me.first_guess);
    before.hidden = words === "" || !isAgain;
    setText(before, `Your first guess: ${words}. Keep it or change it, after talking.`);
    hasGuessed = isAgain ? hasGuessed || me.has_guessed_again === true : known !== null || (me.guess ?? null) !== null;
    const told = me.guess ?? null; // null after a guess: the class has reset it
    if (!isSending && wanted === null && performance.now() - sentMs > ECHO_MS && JSON.stringify(told) !== JSON.stringify(known)) {
      known = told;
      show(told);
    }
    const locked = now.locked === true;
    isOpen = !locked && !state.muted;
    settle();
    setText(others, `${now.answered ?? 0} of ${state.here} ${haveDone(now.answered ?? 0, guessedIn(now.round))}.${isTalk(state) ? ` ${TALK}` : locked ? " Locked: guesses can no longer be changed." : ""}`);
    say();
  }

  return {
    element: el("div", { class: "phone-guess" }, heading(question.question), ...(lesson.html ? [prose(lesson.html)] : []), before, keep, control.element, error, sent, others),
    update,
    hold(held) {
      isHeld = held;
      settle();
    },
    stop() {
      // What was chosen in the last moment does not count: the class takes no more guesses to this question.
      isOver = true;
      clearTimeout(timer);
    },
  };
}
