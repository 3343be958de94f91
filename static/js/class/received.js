/*
  received.js: "received 40 of 48": what a run published, and how much of it the phones say they got. Of a group the least
  and the most that one of its phones got. Pure.
*/

import { shown } from "./words.js";

/** @typedef {import("./state.js").Seat} Seat @typedef {import("./state.js").ClassState} ClassState */

/** What was published in the run that is shown; null: none has measured anything. @param {ClassState} state */
export function publishedOf({ published, lesson }) {
  const { run } = lesson ?? {};
  if (run?.kind !== "live") return null;
  return (run.state === "measuring" ? published : run.published ?? published) ?? null;
}

/** What a phone counted and the lab's own count are of two moments: a phone that is ahead has all of it. @param {number} received @param {number} published */
export const receivedText = (received, published) => `received ${shown(Math.min(received, published), 6)} of ${shown(published, 6)}`;

/** Of the phones of each group that are open and have counted. @param {ClassState} state @returns {Map<number, string>} by the group's number */
export function receivedByGroup(state) {
  const published = publishedOf(state);
  const texts = new Map();
  if (published === null || published === 0) return texts;
  for (const { group } of state.groups) {
    const counts = (state.grid ?? []).flatMap((seat) => (seat.group === group && seat.state === "open" && seat.seen ? [seat.seen.received] : []));
    if (counts.length === 0) continue;
    const [least, most] = [Math.min(...counts, published), Math.min(published, Math.max(...counts))];
    texts.set(group, least === most ? receivedText(most, published) : `received ${shown(least, 6)} to ${receivedText(most, published).replace("received ", "")}`);
  }
  return texts;
}
