// The page's state in its address, so that a comparison can be prepared, bookmarked, shared, and opened by a lesson:
//
//   /compare?rate_per_s=0.2&size_bytes=60&poll_interval_ms=500&hold_ms=25000&schedule=poisson&seed=1&warmup_s=3
//            &lanes=short-poll,websocket&guess=10&view=figures&projector=1
//   /compare?view=sequence&seq_lanes=short-poll,sse&seq_s=3    lanes side by side in the sequence, and seconds shown at once
//   /compare?example=rare&run=1        an example by its name; run=1 starts, in the presenter's browser only
//
// What is not in it is as the page starts; what cannot be is said, and is as the page starts. Pure.

import { DEFAULTS, EXAMPLES, LIMITS, SCHEDULES } from "./settings.js";
import { readMessages } from "./own-messages.js";

/** Longer messages of one's own stay out of the address: proxies and browsers cut it. */
export const MESSAGES_IN_ADDRESS_MAX = 1500;

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {keyof typeof LIMITS} NumberName */
const NUMBERS = /** @type {NumberName[]} */ (Object.keys(LIMITS));

/** Every key there is. */
const KEYS = [...NUMBERS, "example", "schedule", "lanes", "payloads", "guess", "view", "projector", "run", "conditions", "seq_lanes", "seq_s"];
/** Seconds that the sequence shows at once; _compare_sequence.html offers the same. */
export const SEQUENCE_SPANS_S = [60, 30, 10, 3, 1, 0.3, 0.1];
const SEQUENCE_S = 10;
/** What people write for them, without case and signs. @type {Record<string, string>} */
const ALSO_WRITTEN = {
  rate: "rate_per_s", rateps: "rate_per_s", eventrate: "rate_per_s", events: "rate_per_s", persecond: "rate_per_s", hz: "rate_per_s",
  size: "size_bytes", bytes: "size_bytes", payloadsize: "size_bytes", sizeb: "size_bytes",
  poll: "poll_interval_ms", polls: "poll_interval_ms", interval: "poll_interval_ms", intervalms: "poll_interval_ms", pollms: "poll_interval_ms", pollinterval: "poll_interval_ms", pollevery: "poll_interval_ms",
  hold: "hold_ms", held: "hold_ms", holdfor: "hold_ms", warmup: "warmup_s", warmupseconds: "warmup_s",
  lane: "lanes", transport: "lanes", transports: "lanes", rows: "lanes", payload: "payloads", message: "payloads", messages: "payloads",
  preset: "example", tab: "view", beamer: "projector", condition: "conditions", network: "conditions", start: "run", autostart: "run",
  sequencelanes: "seq_lanes", seqlane: "seq_lanes", sequences: "seq_s", sequenceseconds: "seq_s", seqseconds: "seq_s", seqspan: "seq_s",
};
/** Enough to see what is wrong with an address; it can hold any number of them. */
const MISSPELT_MAX = 5;

/** The key that somebody meant; "" where it resembles none, as what a newsletter appends. @param {string} written */
function meantBy(written) {
  const plain = (/** @type {string} */ key) => key.toLowerCase().replaceAll(/[^a-z]/g, "");
  const wanted = plain(written.slice(0, 40));
  if (Object.hasOwn(ALSO_WRITTEN, wanted)) return ALSO_WRITTEN[wanted];
  return KEYS.find((key) => plain(key) === wanted) ?? KEYS.find((key) => wanted.length > 3 && differsByOne(plain(key), wanted)) ?? "";
}

/** One letter more, fewer, other, or two that changed places. @param {string} one @param {string} other */
function differsByOne(one, other) {
  const [longer, shorter] = one.length >= other.length ? [one, other] : [other, one];
  if (longer.length - shorter.length > 1) return false;
  const at = [...longer].findIndex((letter, i) => letter !== shorter[i]);
  if (at < 0) return true;
  if (longer.length > shorter.length) return longer.slice(at + 1) === shorter.slice(at);
  const swapped = longer[at] === shorter[at + 1] && longer[at + 1] === shorter[at];
  return longer.slice(at + (swapped ? 2 : 1)) === shorter.slice(at + (swapped ? 2 : 1));
}

/**
 * @typedef {object} Asked
 * @property {Settings} settings
 * @property {string} guess        as it was written; what it may be depends on the question
 * @property {string} view         a tab; the first one when nothing is said
 * @property {boolean} projector
 * @property {boolean} run         start when the page is the presenter's
 * @property {{lanes: string[], s: number}} sequence  lanes side by side, none for as many as fit; seconds shown at once
 * @property {string} conditions   under which this comparison was made: "" where nothing is said
 * @property {string[]} complaints one sentence for each value that cannot be
 */

/**
 * @param {string} search  location.search
 * @param {{lanes: string[], first: string[], views: string[]}} known  lanes in the order of the page; those it starts with; tabs
 * @returns {Asked}
 */
export function readAddress(search, { lanes, first, views }) {
  const asked = new URLSearchParams(search);
  /** @type {string[]} */
  const complaints = [];
  const complain = (/** @type {string} */ name, /** @type {string} */ why, /** @type {string} */ used) =>
    complaints.push(`The address asks for ${name}=${shortened(asked.get(name) ?? "")}, ${why}. ${used}`);
  /** @type {Settings} */
  const settings = { ...DEFAULTS, lanes: first };

  for (const key of [...new Set(asked.keys())].filter((each) => !KEYS.includes(each))) {
    const meant = meantBy(key);
    if (meant === "" || complaints.length === MISSPELT_MAX) continue;
    complaints.push(`The address has ${shortened(key)}=${shortened(asked.get(key) ?? "")}, which this page does not know. It is spelt ${meant}=${shortened(asked.get(key) ?? "")}.`);
  }

  const example = asked.get("example");
  if (example !== null && !Object.hasOwn(EXAMPLES, example)) complain("example", `which is none of ${Object.keys(EXAMPLES).join(", ")}`, "The settings are those the page starts with.");
  else if (example !== null) Object.assign(settings, EXAMPLES[example]);

  for (const name of NUMBERS) {
    const written = asked.get(name);
    if (written === null) continue;
    const { min, max, whole } = LIMITS[name];
    const value = written.trim() === "" ? NaN : Number(written);
    if (value >= min && value <= max && (!whole || Number.isInteger(value))) settings[name] = value;
    else complain(name, `which is no ${whole ? "whole " : ""}number from ${min} to ${max}`, `It is ${settings[name]} instead.`);
  }

  const schedule = asked.get("schedule");
  const knownSchedule = SCHEDULES.find((each) => each === schedule);
  if (knownSchedule !== undefined) settings.schedule = knownSchedule;
  else if (schedule !== null) complain("schedule", `which is none of ${SCHEDULES.join(", ")}`, `It is ${settings.schedule} instead.`);

  const chosen = asked.get("lanes")?.split(",").map((name) => name.trim()).filter((name) => name !== "");
  if (chosen !== undefined) {
    const unknown = chosen.filter((name) => !lanes.includes(name));
    const running = lanes.filter((name) => chosen.includes(name));
    if (running.length > 0) settings.lanes = running;
    const used = running.length > 0 ? "The others run." : "The lanes are those the page starts with.";
    if (unknown.length > 0) complain("lanes", `in which ${unknown.map(shortened).join(", ")} is no lane of this lab`, used);
    else if (running.length === 0) complain("lanes", "which names no lane", used);
  }

  const { text, fault } = readMessages(asked.get("payloads") ?? "");
  if (fault === "") settings.payloads = text || settings.payloads;
  else complain("payloads", `which cannot be sent (${fault.replace(/\.$/, "")})`, "Messages are made to a size instead.");

  const view = asked.get("view") ?? views[0];
  // ?view=projector was the projector's address before tabs had one each, and stands on walls and in lessons.
  if (!views.includes(view) && view !== "projector") complain("view", `which is none of ${views.join(", ")}`, `It is ${views[0]} instead.`);

  const beside = [...new Set(asked.get("seq_lanes")?.split(",").map((name) => name.trim()).filter((name) => name !== "") ?? [])];
  const strange = beside.filter((name) => !lanes.includes(name));
  if (strange.length > 0) complain("seq_lanes", `in which ${strange.map(shortened).join(", ")} is no lane of this lab`, "The sequence shows the others, or as many as fit.");
  const shownS = asked.get("seq_s");
  const knownS = SEQUENCE_SPANS_S.find((s) => String(s) === shownS?.trim());
  if (shownS !== null && knownS === undefined) complain("seq_s", `which is none of ${SEQUENCE_SPANS_S.join(", ")}`, `It is ${SEQUENCE_S} instead.`);

  return {
    settings,
    sequence: { lanes: beside.filter((name) => lanes.includes(name)), s: knownS ?? SEQUENCE_S },
    guess: asked.get("guess")?.trim() ?? "",
    view: views.includes(view) ? view : views[0],
    projector: view === "projector" || asked.get("projector") === "1",
    run: asked.get("run") === "1",
    conditions: asked.get("conditions")?.trim() ?? "",
    complaints,
  };
}

/**
 * The query that opens the same again: every setting, so that it stays what it is when a later version starts elsewhere.
 * @param {Omit<Asked, "run"|"complaints">} state
 * @param {string} firstView  the tab that needs no word
 */
export function writeAddress({ settings, guess, view, projector, conditions, sequence }, firstView) {
  const query = new URLSearchParams();
  for (const name of NUMBERS) query.set(name, String(settings[name]));
  query.set("schedule", settings.schedule);
  query.set("lanes", settings.lanes.join(","));
  if (settings.payloads !== "" && settings.payloads.length <= MESSAGES_IN_ADDRESS_MAX) query.set("payloads", settings.payloads);
  if (guess !== "") query.set("guess", guess);
  if (conditions !== "") query.set("conditions", conditions);
  if (view !== firstView) query.set("view", view);
  if (projector) query.set("projector", "1");
  if (sequence.lanes.length > 0) query.set("seq_lanes", sequence.lanes.join(","));
  if (sequence.s !== SEQUENCE_S) query.set("seq_s", String(sequence.s));
  return `?${query.toString().replaceAll("%2C", ",")}`;
}

/** Enough of it to know it again. @param {string} text */
function shortened(text) {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
