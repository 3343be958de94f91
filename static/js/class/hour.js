/*
  hour.js: the plan of an hour as text: minutes used beside minutes planned, how far behind it the class is, and what
  comes next. Pure: instants are parameters, in µs of the server's time of day.
*/

import { clockTime } from "./words.js";

/** @typedef {import("./state.js").Plan} Plan */
/** @typedef {import("./state.js").LessonTimes} LessonTimes */

const MIN_US = 60_000_000;
/** So many minutes behind are worth a word. */
const BEHIND_MIN = 2;

/** Whole minutes that have passed. @param {number} us */
const minutes = (us) => Math.max(0, Math.floor(us / MIN_US));

/** What passed where the class is, and what was written down before. @param {number} usedUs @param {number} sinceUs @param {number} nowUs */
const withNow = (usedUs, sinceUs, nowUs) => usedUs + (sinceUs === 0 ? 0 : Math.max(0, nowUs - sinceUs));

/** "4 min of 5, 12 of 45": the row that is on, and the hour. @param {Plan} plan @param {number} nowUs */
export function minutesUsed(plan, nowUs) {
  const row = plan.rows[plan.row];
  const hour = `${minutes(nowUs - plan.began_us)} of ${plan.minutes}`;
  return row === undefined ? hour : `${minutes(withNow(row.used_us, plan.since_us, nowUs))} min of ${row.to - row.from}, ${hour}`;
}

/** "3 min behind the plan", or "" where it is not. @param {Plan} plan @param {number} nowUs */
export function behind(plan, nowUs) {
  const row = plan.rows[plan.row];
  if (row === undefined) return "";
  const used = Math.min(withNow(row.used_us, plan.since_us, nowUs), (row.to - row.from) * MIN_US);
  const late = minutes(nowUs - plan.began_us - row.from * MIN_US - used);
  return late >= BEHIND_MIN ? `${late} min behind the plan` : "";
}

/** Minutes of a row that the class has left, or is at: "4 of 5 min"; planned only where it never was: "5 min". @param {Plan} plan @param {number} at @param {number} nowUs */
export function rowMinutes(plan, at, nowUs) {
  const row = plan.rows[at];
  const planned = row.to - row.from;
  if (at !== plan.row && row.used_us === 0) return `${planned} min`;
  return `${minutes(at === plan.row ? withNow(row.used_us, plan.since_us, nowUs) : row.used_us)} of ${planned} min`;
}

/**
 * "This step: 0:42 of 1:40", whether a plan is followed or not; the step's time alone where none is planned for it.
 * @param {LessonTimes} times @param {number} step @param {number} nowUs
 */
export function stepTime({ steps, since_us: since }, step, nowUs) {
  const here = steps[step];
  if (here === undefined) return "";
  const used = clockTime(Math.floor(withNow(here.used_us, since, nowUs) / 1e6));
  return here.planned_s > 0 ? `This step: ${used} of ${clockTime(here.planned_s)}` : `This step: ${used}`;
}

/** What is done, as a name: up to its first full stop or colon. @param {string} note */
export const shortened = (note) => note.split(/[.:;](?:\s|$)/, 1)[0];

/** The row that comes next: the first after this one that can be gone to, and what is left out before it. @param {Plan} plan @param {(lesson: string) => boolean} canBeGiven */
export function nextRow(plan, canBeGiven) {
  const isPossible = (/** @type {number} */ at) => plan.rows[at].lesson === null || canBeGiven(plan.rows[at].lesson ?? "");
  const after = plan.rows.map((_, at) => at).slice(plan.row + 1);
  const at = after.find(isPossible);
  return { at: at ?? null, leftOut: after.filter((row) => row < (at ?? plan.rows.length)) };
}
