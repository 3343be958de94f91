/*
  feed-view.js: the feed on the page, newest first, at most ten paints a second. The newest entries are kept in
  memory, so that a changed filter looks through all of them; while paused, new ones are held back and counted.
  Both are bounded: past the bound the oldest go, and the count below the feed says so.
*/

/** @typedef {import("./feed.js").Entry} Entry */

import { element, find, shown } from "./dom.js";
import { clockTime, describe } from "./feed-text.js";

const KEPT = 500;
const PAINT_EVERY_MS = 100;

/** @typedef {{gap: string} | {entry: Entry, words: ReturnType<typeof describe>}} Line */

/** Newest last. @type {Line[]} */
let lines = [];
/** @type {Line[]} */
let heldBack = [];
let total = 0;
let isPaused = false;
let timer = 0;

/** @returns {{entry: (entry: Entry) => void, gap: (text: string) => void, reset: () => void}} */
export function attachFeedView() {
  find("[data-pause]").addEventListener("click", togglePause);
  find("[data-clear]").addEventListener("click", reset);
  find("[data-filter]").addEventListener("input", paint);
  find("[data-filter]").addEventListener("submit", (event) => event.preventDefault());
  paint();
  return {
    entry: (entry) => { total += 1; take({ entry, words: describe(entry) }); },
    gap: (gap) => take({ gap }),
    reset,
  };
}

/** @param {Line} line */
function take(line) {
  const list = isPaused ? heldBack : lines;
  list.push(line);
  if (list.length > KEPT) list.shift();
  if (timer === 0) timer = window.setTimeout(paint, PAINT_EVERY_MS);
}

function togglePause() {
  isPaused = !isPaused;
  if (!isPaused) {
    lines = lines.concat(heldBack).slice(-KEPT);
    heldBack = [];
  }
  paint();
}

function reset() {
  lines = [];
  heldBack = [];
  total = 0;
  paint();
}

function paint() {
  timer = 0;
  const matches = matcher();
  const seen = lines.filter(matches);
  const frame = find("[data-feed-frame]");
  // Who has scrolled down to read something keeps it in sight.
  const fromBottom = frame.scrollTop > 0 ? frame.scrollHeight - frame.scrollTop : -1;
  find("[data-feed]").replaceChildren(...seen.map(row).reverse());
  if (fromBottom >= 0) frame.scrollTop = frame.scrollHeight - fromBottom;
  const empty = shown("feed-empty");
  empty.hidden = seen.length > 0;
  empty.textContent = lines.length === 0 ? "Nothing has happened since this page was opened." : "Nothing of what is kept matches the filter.";
  shown("feed-count").textContent = counts(seen.length);
  const pause = find("[data-pause]");
  pause.setAttribute("aria-pressed", String(isPaused));
  pause.textContent = isPaused ? `Go on (${heldBack.length} held back)` : "Pause";
}

/** @param {number} seen */
function counts(seen) {
  const parts = [`${total.toLocaleString()} ${total === 1 ? "entry" : "entries"}`, `${seen} shown`];
  if (lines.length === KEPT) parts.push(`the newest ${KEPT} are kept`);
  if (isPaused) parts.push(`${heldBack.length}${heldBack.length === KEPT ? " newest" : ""} held back`);
  return `${parts.join("; ")}.`;
}

/** What the filter lets through. @returns {(line: Line) => boolean} */
function matcher() {
  const asked = new FormData(find("[data-filter]", HTMLFormElement));
  const kinds = new Set(asked.getAll("kind"));
  const channel = String(asked.get("channel")).toLowerCase();
  const text = String(asked.get("text")).toLowerCase();
  return (line) => {
    if ("gap" in line) return true;
    const { entry, words } = line;
    return kinds.has(entry.kind)
      && words.channel.toLowerCase().includes(channel)
      && (text === "" || `${words.channel} ${words.text} ${words.data}`.toLowerCase().includes(text));
  };
}

/** @param {Line} line */
function row(line) {
  if ("gap" in line) return element("li", "entry-gap", line.gap);
  const { entry, words } = line;
  const time = element("time", "", clockTime(entry.time_us));
  time.setAttribute("datetime", new Date(entry.time_us / 1000).toISOString());
  const what = element("span", "entry-what", words.channel === "" ? [words.text] : [element("span", "entry-channel", words.channel), ` ${words.text}`]);
  const item = element("li", "entry", [time, element("span", "entry-kind", words.kind), what]);
  item.dataset.kind = entry.kind;
  item.dataset.what = entry.what;
  if (words.isBad) item.dataset.tone = "bad";
  if (words.data !== "") item.append(element("span", "entry-data", words.note === "" ? words.data : `${words.data} ${words.note}`));
  return item;
}
