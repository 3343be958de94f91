/*
  feed.js: what happens in an application, as the server's event stream tells it. EventSource reconnects by itself
  and says where it was (Last-Event-ID), so a short break loses nothing; where something was lost the server says
  how much, and that is passed on as a gap.
*/

/**
 * @typedef {object} Entry  one happening; further fields belong to its `what` (Fields in feed-text.js)
 * @property {number} time_us
 * @property {string} kind    connection, subscription, presence, event, api, webhook
 * @property {string} what
 * @property {string} [channel]
 * @property {{text: string, bytes: number, is_cut?: boolean}} [data]  of an event: all of it, or the first part
 * @property {number} [status]  of an API call
 */

/**
 * @param {string} appId
 * @param {object} on
 * @param {(entry: Entry) => void} on.entry
 * @param {(text: string) => void} on.gap
 * @param {(state: "connecting" | "open" | "reconnecting" | "closed") => void} on.state
 * @returns {() => void}  stops
 */
export function watchFeed(appId, on) {
  const source = new EventSource(`/presenter/api/apps/${encodeURIComponent(appId)}/feed`);
  let wasOpen = false;
  on.state("connecting");
  source.addEventListener("watching", (event) => {
    const { is_resumed: isResumed } = JSON.parse(event.data);
    if (wasOpen && !isResumed) on.gap("The server has begun a new feed: what happened meanwhile is not known.");
    wasOpen = true;
    on.state("open");
  });
  source.addEventListener("missed", (event) => {
    const { count } = JSON.parse(event.data);
    on.gap(`${count.toLocaleString()} ${count === 1 ? "entry" : "entries"} came too fast and went by unread.`);
  });
  source.addEventListener("message", (event) => on.entry(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    on.state(source.readyState === EventSource.CLOSED ? "closed" : "reconnecting");
  });
  return () => source.close();
}
