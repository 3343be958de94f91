/*
  feed.js: the feed of the class as the wall and the presenter's page use it: one sentence of trouble beside the state,
  empty where all is well.
*/

import { startFeed } from "../feed.js";

/** @typedef {import("./state.js").State} State */

/**
 * @param {{base: string, whole?: string}} addresses
 * @param {(state: State | null) => void} onState  null: no class is on
 * @param {(trouble: string) => void} onTrouble    "" when it is over
 */
export function follow(addresses, onState, onTrouble) {
  const feed = startFeed({
    ...addresses,
    onState: (state) => {
      onTrouble("");
      onState(/** @type {State | null} */ (state));
    },
    onLink: (link) => onTrouble(link === "reconnecting" && feed.state !== null ? "The lab does not answer. What is shown may be old; this page asks again by itself." : ""),
    onRefused: (error) => onTrouble(said(error, error.status)),
  });
  return feed;
}

/** A refusal as a sentence. @param {{message?: string, hint?: string}|undefined} error @param {number} status */
export function said(error, status) {
  if (error?.message === undefined) return `The lab answered ${status}.`;
  const message = `${error.message[0].toUpperCase()}${error.message.slice(1)}`;
  return [message.replace(/[.]?$/, "."), error.hint ?? ""].join(" ").trim();
}
