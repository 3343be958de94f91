/*
  first.js: the time from opening this page to the first event of one's own code. Code of one's own publishes to a channel
  whose name is made here, so that nothing else comes on it; this page subscribes as any client would.
*/
import { isPresenter, onChange } from "../console/apps.js";
import { find, say, shown } from "../console/dom.js";
import { watchFeed } from "../console/feed.js";
import { connectPusher } from "./pusher.js";

/** What "under five minutes" promises. */
const PROMISED_MS = 5 * 60_000;

/** Call it before the code is shown: the code names the channel. */
export function nameChannel() {
  const random = [...crypto.getRandomValues(new Uint8Array(4))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  find("[data-creator] [name=channel]", HTMLInputElement).value = `first-${random}`;
}

export function attachFirst() {
  const channel = find("[data-creator] [name=channel]", HTMLInputElement).value;
  find("[data-creator]", HTMLFormElement).addEventListener("submit", (event) => event.preventDefault());
  let isOver = false;
  const timer = window.setInterval(() => { shown("clock").textContent = clock(performance.now()); }, 500);
  let stop = () => {};
  onChange((app) => {
    stop();
    if (isOver) return;
    const pusher = connectPusher(app.key);
    const waiting = new Set(isPresenter ? ["channel", "feed"] : ["channel"]);
    const ready = (/** @type {string} */ part) => {
      if (waiting.delete(part) && waiting.size === 0) say("first", `Waiting for your first event on ${channel} …`);
    };
    const subscription = pusher.subscribe(channel);
    subscription.bind("pusher:subscription_succeeded", () => ready("channel"));
    subscription.bind_global((/** @type {string} */ event, /** @type {unknown} */ data) => {
      // Not the protocol's own, and not what the lab's plain way publishes, which is no signed call.
      if (event.startsWith("pusher:") || (data !== null && typeof data === "object" && "epoch" in data)) return;
      over(event, data);
      pusher.disconnect();
    });
    const stopFeed = isPresenter ? watchFeed(app.id, { entry: refused, gap: () => {}, state: (state) => { if (state === "open") ready("feed"); } }) : () => {};
    stop = () => { pusher.disconnect(); stopFeed(); };
  });

  /** @param {string} event @param {unknown} data */
  function over(event, data) {
    if (isOver) return;
    isOver = true;
    const tookMs = performance.now();
    window.clearInterval(timer);
    shown("clock").textContent = clock(tookMs);
    shown("refused").hidden = true;
    const verdict = tookMs < PROMISED_MS ? "under five minutes" : "more than five minutes";
    say("first", `Your first event came after ${words(tookMs)}, ${verdict}: ${event} ${JSON.stringify(data)?.slice(0, 200)}`, "ok");
    stop();
  }

  /** A signed call that failed is worth a word. @param {import("../console/feed.js").Entry} entry */
  function refused(entry) {
    if (isOver || entry.what !== "api_call" || entry.status === undefined || entry.status < 400) return;
    const line = shown("refused");
    line.hidden = false;
    line.textContent = `A call came and was refused with ${entry.status}.${entry.status === 401 ? " Is the secret right, and the clock of that machine?" : ""}`;
  }
}

/** @param {number} ms */
function clock(ms) {
  const s = Math.floor(ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

/** @param {number} ms */
function words(ms) {
  const s = Math.round(ms / 1000);
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`;
}
