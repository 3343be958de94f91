/*
  feed.js: the feed of the class as the wall and the presenter's page use it: one sentence of trouble beside the state,
  empty where all is well.
*/

import { startFeed } from "../feed.js";
import { refusalText } from "../words.js";

/** @typedef {import("../state.js").ClassState} State */

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
    onRefused: (error) => onTrouble(refusalText(error, error.status)),
  });
  return feed;
}
