/*
  condition.js: what a step waits for, in plain words: "short-poll.requests.per_phone >= 40 and publications >= 3" is
  "at least 40 questions per phone on Short poll, and at least 3 messages published". What can stand there is in
  src/lessons/figure.rs; what is rare is shown as it is written.
*/

import { laneLabel } from "../grid.js";
import { shown } from "../words.js";

const COMPARED = /** @type {Record<string, string>} */ ({ ">=": "at least", "<=": "at most", ">": "more than", "<": "less than", "==": "exactly" });
const OF_A_CLASS = /** @type {Record<string, string>} */ ({ publications: "messages published", phones: "phones here", answered: "phones that answered", seconds: "seconds counted" });
const COUNTERS = /** @type {Record<string, string>} */ ({
  requests: "questions", empty_answers: "answers with nothing new", delivered: "messages received", received: "messages sent",
  connections_opened: "connections made", connections_open: "open connections", drops: "messages dropped", bytes: "bytes", wire_bytes: "bytes", phones: "phones",
});

/** @param {string} written */
export function conditionText(written) {
  return written.split(" and ").map((part) => partText(part.trim())).join(", and ");
}

/** @param {string} part */
function partText(part) {
  const [, value, compare, number] = /^(.+?) *(>=|<=|==|>|<) *([0-9.]+)$/.exec(part) ?? [];
  if (value === undefined) return part;
  const [, of, whole] = /^ratio\(([^(),]+), *([^(),]+)\)$/.exec(value) ?? [];
  const how = COMPARED[compare];
  if (of !== undefined) {
    const [counted, all] = [nameText(of), nameText(whole)];
    if (counted === null || all === null) return part;
    const [, lane] = whole === "publications" ? /^([a-z0-9-]+)\.delivered\.per_phone$/.exec(of) ?? [] : [];
    const share = `${how} ${shown(Number(number) * 100)} %`;
    return lane === undefined ? `${counted}: ${share} of the ${all}` : `${share} of all messages received by the phones on ${laneLabel(lane)}`;
  }
  const name = nameText(value);
  return name === null ? part : `${how} ${shown(Number(number))} ${name}`;
}

/** @param {string} name @returns {string|null} null: it has no plain words */
function nameText(name) {
  if (OF_A_CLASS[name] !== undefined) return OF_A_CLASS[name];
  const [, lane, counter, per = ""] = /^([a-z0-9-]+)\.([a-z_]+)(\.per_phone|\.per_s)?$/.exec(name) ?? [];
  if (lane === undefined || COUNTERS[counter] === undefined) return null;
  return `${COUNTERS[counter]}${{ ".per_phone": " per phone", ".per_s": " a second" }[per] ?? ""} on ${laneLabel(lane)}`;
}
