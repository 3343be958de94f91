/*
  feed.js: what happens in an application, as the server's event stream tells it. EventSource reconnects by itself
  and says where it was (Last-Event-ID), so a short break loses nothing; where something was lost the server says
  how much, and that is passed on as a gap. At a status but 200 it gives up for good: a proxy whose lab is gone
  answers 502. Then a new one is opened, which says in its address where the last one was.
*/

/** After a stream that was refused. */
const AGAIN_MS = 5_000;

/**
 * @typedef {object} Entry  one event; further fields belong to its `what` (Fields in feed-text.js)
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
  const address = `/presenter/api/apps/${encodeURIComponent(appId)}/feed`;
  /** @type {EventSource} */
  let source;
  let wasOpen = false;
  let last = "";
  let timer = 0;
  on.state("connecting");
  open();
  return () => {
    window.clearTimeout(timer);
    source.close();
  };

  function open() {
    source = new EventSource(last ? `${address}?after=${encodeURIComponent(last)}` : address);
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
    source.addEventListener("message", (event) => {
      last = event.lastEventId;
      on.entry(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      const isOver = source.readyState === EventSource.CLOSED;
      on.state(isOver ? "closed" : "reconnecting");
      if (isOver) timer = window.setTimeout(open, AGAIN_MS);
    });
  }
}
