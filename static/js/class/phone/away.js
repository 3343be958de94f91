/*
  away.js: a phone on another page of the lab, where the presenter sent everybody. It stays on the wall, and comes back when
  the class goes on: the presenter has taken the page away, named another, or darkens the phones.
*/
import { startFeed } from "../feed.js";
import { whatItCan } from "./can.js";
import { startReports } from "./reports.js";

export function stayInClass() {
  /** @type {import("../state.js").ClassState | null} */
  let first = null;
  const feed = startFeed({
    onState(state) {
      if (state?.me === undefined) return; // over, or not in it any more: the link leads to what can be said about it
      if (first === null || first.class !== state.class) {
        first = state;
        return;
      }
      if (state.reload > first.reload) location.reload();
      else if (state.dark || (first.page !== null && (state.page === null || state.page_number !== first.page_number))) location.assign("/phone");
    },
  });
  const can = whatItCan();
  startReports({
    about: () => (feed.state?.me === undefined ? null : { state: "idle", lane: null, delay_ms: null, seen: null, run: null, can, is_native: false }),
    onRefused: () => void feed.ask(),
  });
}
