// A result that can be handed on: as JSON or CSV, with everything needed to judge and repeat it (settings,
// seed, versions, machine, fairness statement, doubts). CSV keeps that in lines beginning with "#", above a
// plain table (RFC 4180 quoting).

import { lab } from "../lab.js";
import { browserName, fairnessStatement } from "./fairness.js";

/**
 * @param {import("./run.js").Run} run
 * @param {import("./figures.js").Figures[]} figures
 * @param {Array<{level: string, text: string}>} doubts
 * @param {number|null} boundMs
 * @param {import("../dashboard/lab-facts.js").LabFacts} facts
 * @param {{question: string, guess: string, answer: string}} asked  "" where there is none
 */
export function resultOf(run, figures, doubts, boundMs, facts, { question, guess, answer }) {
  return {
    what: "pushlab, compare page",
    version: lab.version,
    started: run.startedAt.toISOString(),
    measured_s: Math.round(run.measuredMs()) / 1000,
    phase: run.phase,
    channel: run.channel,
    question,
    guess,
    answer,
    address: location.href,
    settings: run.settings,
    clock_bound_ms: boundMs,
    browser: browserName(),
    host: facts.host,
    server_settings: facts.settings,
    fairness: fairnessStatement(facts.host),
    doubts: doubts.map((doubt) => doubt.text),
    written_note: "written_… is of the last five minutes at most, over all channels of the lane",
    lanes: figures,
  };
}

/** @param {ReturnType<typeof resultOf>} result */
export function toJson(result) {
  return `${JSON.stringify(result, roundNumber, 2)}\n`;
}

/** @param {ReturnType<typeof resultOf>} result */
export function toCsv(result) {
  const { lanes, ...about } = result;
  const notes = Object.entries(about).flatMap(([key, value]) => [value].flat().map((one) => ({ key, one })));
  const columns = /** @type {(keyof import("./figures.js").Figures)[]} */ (Object.keys(lanes[0] ?? {}));
  return [
    ...notes.map(({ key, one }) => `# ${key}: ${oneLine(typeof one === "object" ? JSON.stringify(one) : String(roundNumber(key, one)))}`),
    columns.join(","),
    ...lanes.map((lane) => columns.map((column) => field(roundNumber(column, lane[column]))).join(",")),
    "",
  ].join("\r\n");
}

/** Six digits are more than any clock here can tell. @param {string} _key @param {unknown} value */
function roundNumber(_key, value) {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

/** @param {unknown} value */
function field(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {string} text */
function oneLine(text) {
  return text.replaceAll(/\s+/g, " ");
}
