/*
  delay.js: how late a message came here, as a bar in the look of the lane that brought it, with its number.

  From Send on the sender's page to this page's script, on the server's clock. The length of the bar is the logarithm
  of the delay, since lanes differ by powers of ten: each step of ten is as long as the one before, from 1 ms to 10 s.
  A delay that is smaller than what the clocks may be off by is told as a bound.
*/
import { durationText } from "../charts/format.js";
import { LANES } from "../lanes.js";

const SHORTEST_MS = 1;
const DECADES = 4; // 1 ms to 10 s
const LEAST_PART = 0.06; // shorter would not be seen

/**
 * @typedef {object} Delay
 * @property {string} lane      that brought it
 * @property {number} delayUs
 * @property {number} boundUs   what the clocks may be off by; 0 where one clock told both instants
 */

/** Its part of the longest bar: 0 to 1. @param {number} delayUs */
export function barPart(delayUs) {
  const decades = Math.log10(Math.max(delayUs / 1000, SHORTEST_MS) / SHORTEST_MS);
  return Math.min(1, Math.max(LEAST_PART, decades / DECADES));
}

/** What can be said of it: "4.12 ms ± 0.3", or "below 0.8 ms". @param {number} delayUs  @param {number} boundUs */
export function delayWords(delayUs, boundUs) {
  if (delayUs <= boundUs) return { number: `below ${durationText(roundedUp(Math.max(0, delayUs) + boundUs))}`, bound: "" };
  return { number: durationText(delayUs / 1000), bound: boundUs > 0 ? `± ${durationText(roundedUp(boundUs))}` : "" };
}

/** ms with two significant digits, never less than it is. @param {number} us */
function roundedUp(us) {
  const step = 10 ** (Math.floor(Math.log10(Math.max(us, 1))) - 1);
  return (Math.ceil(us / step) * step) / 1000;
}

/** @param {Delay} delay */
export function delayMark({ lane, delayUs, boundUs }) {
  const mark = document.createElement("p");
  mark.className = "message-delay";
  mark.dataset.lane = lane;
  const bar = document.createElement("span");
  bar.className = "delay-bar";
  bar.setAttribute("aria-hidden", "true");
  bar.style.inlineSize = `${barPart(delayUs) * 100}%`;
  const { number, bound } = delayWords(delayUs, boundUs);
  const name = LANES[lane]?.label ?? lane;
  const clocks = boundUs > 0 ? "two clocks" : "one clock";
  mark.title = `from Send to this page by ${name}: ${[number, bound].join(" ").trim()}, ${clocks}`;
  mark.append(bar, span("num", number), span("bound", bound), span("visually-hidden", `late, by ${name}`));
  return mark;
}

/** @param {string} className  @param {string} text */
function span(className, text) {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = text;
  return made;
}
