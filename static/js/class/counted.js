/*
  counted.js: while phones run a lesson whose question is about something that they count, what they have counted so far,
  over all of them: "122 of 131 answers brought nothing new". Pure.
*/

import { whoFollow } from "./grid.js";
import { publishedOf } from "./received.js";
import { counted, shown } from "./words.js";

/**
 * @param {import("./state.js").ClassState} state
 * @returns {{figure: string, words: string} | null} null: nothing was counted yet, or the question is about something else
 */
export function countedOf(state) {
  const { asks_about: about, run } = state.lesson ?? {};
  if (about === undefined || run?.kind !== "live" || !["measuring", "over"].includes(run.state)) return null;
  const seats = (state.grid ?? []).filter(({ state: how, seen }) => how === "open" && seen);
  if (seats.length === 0) return null;
  const sum = (/** @type {"requests"|"empty"|"received"} */ what) => seats.reduce((all, { seen }) => all + (seen?.[what] ?? 0), 0);
  const figure = (/** @type {number} */ value) => shown(value, 6);
  const who = counted(seats.length, whoFollow(seats));
  const all = sum(about);
  if (about === "empty") return { figure: figure(all), words: `of ${counted(sum("requests"), "answer")} brought nothing new, on ${who}` };
  if (about === "requests") return { figure: figure(all), words: `${all === 1 ? "question" : "questions"} asked by ${who}` };
  // Of several groups what each received stands beside what it is compared with (received.js).
  if (state.groups.length > 1) return null;
  const published = publishedOf(state);
  return { figure: figure(all), words: `${all === 1 ? "message" : "messages"} received by ${who}${published === null ? "" : `; ${figure(published)} published`}` };
}
