/*
  first.js: the time from opening this page to the first event of one's own code. Code of one's own publishes to a channel
  whose name is made here, so that nothing else comes on it; the application's feed tells when a signed call did. The feed
  and the secret are for whoever leads: a visitor sees the code, and no clock.
*/
import { isPresenter, onChange } from "../console/apps.js";
import { find, say, shown } from "../console/dom.js";
import { watchFeed } from "../console/feed.js";

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
  shown("clock").hidden = !isPresenter;
  if (!isPresenter) return say("first", "The clock runs on the page of whoever leads the lab, who has the secret.");
  let isOver = false;
  const timer = window.setInterval(() => { shown("clock").textContent = clock(performance.now()); }, 500);
  let stop = () => {};
  onChange((app) => {
    stop();
    if (isOver) return;
    stop = watchFeed(app.id, {
      entry: see,
      gap: () => {},
      state: (state) => {
        if (!isOver) say("first", state === "open" ? `Waiting for your first event on ${channel} …` : "Connecting …");
      },
    });
  });

  /** @param {import("../console/feed.js").Entry} entry */
  function see(entry) {
    if (isOver) return;
    if (entry.what === "published" && entry.channel === channel) return over(entry.data?.text ?? "");
    // A call that was refused is worth a word.
    if (entry.what !== "api_call" || entry.status === undefined || entry.status < 400) return;
    shown("refused").hidden = false;
    shown("refused").textContent = `A call came and was refused with ${entry.status}.${entry.status === 401 ? " Is the secret right, and the clock of that machine?" : ""}`;
  }

  /** @param {string} data */
  function over(data) {
    isOver = true;
    const tookMs = performance.now();
    window.clearInterval(timer);
    stop();
    shown("clock").textContent = clock(tookMs);
    shown("refused").hidden = true;
    const verdict = tookMs < PROMISED_MS ? "under five minutes" : "more than five minutes";
    say("first", `Your first event came after ${words(tookMs)}, ${verdict}: ${data.slice(0, 200)}`, "ok");
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
