// The question of a comparison, the visitor's guess at it before Start, and the guess beside what came out. A guess is a
// number of times or a lane; as text it is part of the address.

import { el, find, setText } from "../charts/dom.js";
import { LANES } from "../lanes.js";
import { bytesOfEach } from "./layer-bar.js";

/**
 * @typedef {{text: string, over: string, under: string}} Times   how many times the bytes of `under` does `over` spend
 * @typedef {{text: string}} Least                                which lane spends the fewest bytes
 * @typedef {Times|Least} Question
 */

/** In every comparison that has both: the oldest way and the newest. */
const OVER = "short-poll";
const UNDER = "websocket";
const LARGEST_GUESS = 1e6;

const lower = (/** @type {string} */ label) => label.charAt(0).toLowerCase() + label.slice(1);

/** @param {import("./settings.js").Settings} settings @param {string} example  "" for none @returns {Question} */
export function questionOf(settings, example) {
  if (example === "burst") return { text: "Which lane spends the fewest bytes on one event?" };
  if (![OVER, UNDER].every((lane) => settings.lanes.includes(lane))) return { text: "Which of these lanes spends the fewest bytes on one event?" };
  const [over, under] = [lower(LANES[OVER].label), LANES[UNDER].label];
  return { text: `How many times the bytes of a ${under} does ${over} spend on each event?`, over: OVER, under: UNDER };
}

/** @param {Question} question @param {string} guess  as it was written @returns {string} the same, or "" for what is no guess at this */
export function checkedGuess(question, guess) {
  if (!("over" in question)) return Object.hasOwn(LANES, guess) ? guess : "";
  const times = guess === "" ? NaN : Number(guess);
  return times > 0 && times <= LARGEST_GUESS ? String(times) : "";
}

/**
 * The guess beside what was measured so far.
 * @param {Question} question
 * @param {string} guess  checked
 * @param {{lane: string, each: Record<string, number>|null}[]} lanes  bytes of each publication
 */
export function besideGuess(question, guess, lanes) {
  if (guess === "") return "";
  const delivered = lanes.flatMap(({ lane, each }) => (each === null ? [] : [{ lane, bytes: bytesOfEach(each) }]));
  if ("over" in question) {
    const [over, under] = [question.over, question.under].map((name) => delivered.find(({ lane }) => lane === name)?.bytes);
    const said = `You guessed: ${Number(guess).toLocaleString("en")} times a ${LANES[question.under].label}.`;
    return over === undefined || under === undefined ? said : `${said} It is ${times(over / under)}.`;
  }
  const least = delivered.toSorted((a, b) => a.bytes - b.bytes)[0];
  const said = `You guessed: ${LANES[guess].label}.`;
  if (least === undefined) return said;
  return least.lane === guess ? `${said} So it is.` : `${said} It is ${LANES[least.lane].label}.`;
}

/** Two digits are what a guess can be held against. @param {number} ratio */
function times(ratio) {
  return `${Number(ratio.toPrecision(2)).toLocaleString("en")} times`;
}

/** The field for it, beside Start. @param {() => void} changed */
export function attachGuess(changed) {
  const label = find("[data-guess-question]", HTMLLabelElement);
  const number = find("#guess-times", HTMLInputElement);
  const lane = find("#guess-lane", HTMLSelectElement);
  const [timesField, laneField] = [find("[data-guess-times]"), find("[data-guess-lane]")];
  for (const field of [number, lane]) field.addEventListener("change", changed);

  return {
    /** @returns {string} as it stands in the field that is asked for */
    value: () => (timesField.hidden ? lane.value : number.value),
    /** @param {Question} question @param {string[]} lanes  that run @param {string} guess  checked */
    ask(question, lanes, guess) {
      setText(label, question.text);
      const isTimes = "over" in question;
      timesField.hidden = !isTimes;
      laneField.hidden = isTimes;
      label.htmlFor = isTimes ? number.id : lane.id;
      if (isTimes) {
        number.value = guess;
        return;
      }
      lane.replaceChildren(el("option", {}, "no guess"), ...lanes.map((name) => el("option", { value: name }, LANES[name].label)));
      lane.options[0].value = "";
      lane.value = lanes.includes(guess) ? guess : "";
    },
  };
}
