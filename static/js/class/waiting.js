/*
  waiting.js: what a step waits for, how far that is, and until when: for wall and phone. Pure.
*/

import { conditionText } from "./wall/condition.js";

/**
 * @param {import("./state.js").Wait} wait
 * @param {number} leftS  until it is late
 * @returns {{what: string, soFar: string[]}}
 */
export function waitWords({ until, seen, so_far: soFar = [] }, leftS) {
  const what = conditionText(until);
  if (seen) return { what: `Seen: ${what}`, soFar: [] };
  const end = leftS > 0 ? `, for ${Math.ceil(leftS)} s more at most` : "; the time for it is over";
  return { what: `Waiting for ${what}${end}`, soFar };
}

/** A figure as lessons write it: "short-poll.requests". */
const FIGURE = /\b[a-z][a-z0-9-]*\.[a-z_]+/;

/** Why a run gave nothing, for everybody: names of figures are for who writes lessons. @param {string} why */
export const whyWords = (why) => (FIGURE.test(why) ? "What the lesson waits for was not seen in time." : `${why[0]?.toUpperCase() ?? ""}${why.slice(1)}${/[.!?]$/.test(why) ? "" : "."}`);

/** Before a run counts: it waits for phones. @param {number} leftS */
export const arrivalEnd = (leftS) => (leftS > 0 ? `it begins when all are, or in ${Math.ceil(leftS)} s` : "it begins now");
