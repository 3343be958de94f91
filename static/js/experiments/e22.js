/*
  E22, hidden tab: polls every half second by a timer, and is pushed to every half second over a WebSocket, while
  the visitor hides the tab and comes back. Browsers slow the timers of hidden tabs down (Chrome: once a second, after
  five minutes once a minute); what the network brings is an event of its own and is handed on at once.

  Measured in the page: the instants at which questions are sent and at which pushes arrive, told apart by whether
  the tab was hidden all the time in between. The server publishes by itself (PUT /api/sources), so that no timer
  of this page is part of the push.
*/

import { announce } from "../announce.js";
import { el, find, setText } from "../charts/dom.js";
import { startSource, stopSource } from "../dashboard/source.js";
import { laneNamed } from "../lab.js";
import { transport } from "../transports/index.js";
import { attachGuess } from "./guess.js";
import { keepOwn, lastOwn } from "./own.js";

const EVERY_MS = 500;
/** Intervals kept of each kind: some hours of half seconds. */
const KEPT_MAX = 20_000;
/** How long a tab has been hidden decides how slow its timers are: name, and from when on. @type {[string, number][]} */
const HIDDEN = [["hidden", 0], ["hidden for over 1 min", 60_000], ["hidden for over 5 min", 300_000]];
const NOTHING_YET = "Nothing is known of the hidden tab yet.";
const card = find('[data-own="E22"]');
const part = (/** @type {string} */ name) => find(`[data-${name}]`, HTMLElement, card);

/** Intervals between questions and between pushes, ms. @typedef {{ms: number, poll: {gaps: number[]}, push: {gaps: number[]}}} Book  ms: how long in this state */
/** By state of the tab. @typedef {Record<string, Book>} Books */

/** @type {{end: () => void} | undefined} */
let running;
const guess = attachGuess(card, "E22");
const before = lastOwn("E22");
if (before !== null) reveal(before);
part("begin").addEventListener("click", () => void start());
async function start() {
  part("begin").hidden = true;
  part("shown").hidden = true;
  try {
    running = await begin();
    part("end").hidden = false;
  } catch (error) {
    part("begin").hidden = false;
    setText(part("says"), `It cannot begin: ${error instanceof Error ? error.message : error}`);
  }
}
part("end").addEventListener("click", () => {
  running?.end();
  running = undefined;
  part("end").hidden = true;
  part("begin").hidden = false;
});

async function begin() {
  const { connect } = await transport("websocket");
  const own = crypto.getRandomValues(new Uint32Array(2)).reduce((text, n) => text + n.toString(36), "");
  const channel = `e22-${own}`;
  await startSource(channel, { kind: "compare", rate_per_s: 1000 / EVERY_MS, size_bytes: 60, conflate_ms: 0, schedule: "periodic", seed: 1 });
  /** @type {Books} */
  const books = Object.fromEntries(["visible", ...HIDDEN.map(([name]) => name)].map((name) => [name, emptyBook()]));
  const pollUrl = `${laneNamed("short-poll")?.url}/short-poll/${channel}`;
  let last = { poll: NaN, push: NaN };
  let since = performance.now();
  let state = document.visibilityState;

  const note = (/** @type {"poll"|"push"} */ kind) => {
    const now = performance.now();
    const gap = now - last[kind];
    const { gaps } = books[bookOf(state, last[kind] - since)][kind];
    // NaN: the first of its kind since the tab was hidden or shown, an interval of both states.
    if (!Number.isNaN(gap) && gaps.length < KEPT_MAX) gaps.push(gap);
    last[kind] = now;
    if (state === "visible") reveal(found(books, spent()));
  };
  // How long in which state, the present stretch with it.
  const spent = () => {
    const total = Object.fromEntries(Object.entries(books).map(([name, { ms }]) => [name, ms]));
    const lasted = performance.now() - since;
    if (state !== "hidden") total.visible += lasted;
    else HIDDEN.forEach(([name, from], i) => { total[name] += Math.max(0, Math.min(lasted, HIDDEN[i + 1]?.[1] ?? Infinity) - from); });
    return total;
  };
  const turned = () => {
    const total = spent();
    for (const name of Object.keys(books)) books[name].ms = total[name];
    since = performance.now();
    state = document.visibilityState;
    last = { poll: NaN, push: NaN };
    setText(part("says"), state === "hidden" ? "Hidden." : "You are back. Hide it again for longer, or end it.");
    if (state === "visible") reveal(found(books, spent()));
  };
  const timer = window.setInterval(() => {
    note("poll");
    // The answer is of no interest here, only when the question went out.
    fetch(pollUrl, { cache: "no-store" }).then((answer) => answer.body?.cancel()).catch(() => {});
  }, EVERY_MS);
  document.addEventListener("visibilitychange", turned);
  const client = connect({ url: laneNamed("websocket")?.url ?? "", channel, client: own, name: "E22", demo: "none" });
  client.onPublication(() => note("push"));
  setText(part("says"), "Running. Now go to another tab for at least ten seconds, and come back.");
  reveal(found(books, spent()));
  return {
    end() {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", turned);
      client.close();
      void stopSource(channel);
      const result = found(books, spent());
      reveal(result);
      if (result.sentence !== NOTHING_YET) keepOwn("E22", result);
      setText(part("says"), "Ended.");
      announce(part("verdict").textContent ?? "");
    },
  };
}

/** By how long a tab had been hidden when an interval began. @param {string} state @param {number} sinceMs */
function bookOf(state, sinceMs) {
  if (state !== "hidden") return "visible";
  return HIDDEN.findLast(([, from]) => sinceMs >= from)?.[0] ?? "hidden";
}

function emptyBook() {
  return { ms: 0, poll: { gaps: /** @type {number[]} */ ([]) }, push: { gaps: /** @type {number[]} */ ([]) } };
}

/** What is known so far. @param {Books} books @param {Record<string, number>} spent  ms by state @returns {import("./own.js").OwnResult} */
function found(books, spent) {
  const rows = Object.entries(books).filter(([state]) => state === "visible" || spent[state] > 0)
    .map(([state, book]) => [state, number(spent[state] / 1000, 1), ...of(book.poll.gaps), ...of(book.push.gaps)]);
  const hidden = (/** @type {"poll"|"push"} */ kind) => HIDDEN.flatMap(([name]) => books[name][kind].gaps);
  const [poll, push] = [hidden("poll"), hidden("push")];
  const sentence = poll.length > 0 && push.length > 0
    ? `While the tab was hidden, polls that should be ${EVERY_MS} ms apart were ${told(poll)}; pushes every ${EVERY_MS} ms were ${told(push)}.`
    : NOTHING_YET;
  return { sentence, rows };
}

/** @param {import("./own.js").OwnResult} result */
function reveal({ sentence, rows }) {
  part("rows").replaceChildren(...rows.map(([state, ...cells]) => el("tr", { "data-tab": state },
    el("th", { scope: "row" }, state), ...cells.map((cell) => el("td", { class: "num" }, cell)))));
  setText(part("verdict"), sentence);
  guess.mark();
  part("shown").hidden = false;
}

/** @param {number[]} gaps */
const told = (gaps) => `${median(gaps).toFixed(0)} ms apart (median; longest ${longest(gaps).toFixed(0)} ms)`;
const longest = (/** @type {number[]} */ gaps) => gaps.reduce((most, gap) => Math.max(most, gap), -Infinity);
const of = (/** @type {number[]} */ gaps) => [number(gaps.length, 0), number(median(gaps), 0), number(longest(gaps), 0)];
const number = (/** @type {number} */ value, /** @type {number} */ digits) => (Number.isFinite(value) ? value.toFixed(digits) : "—");

/** @param {number[]} values */
function median(values) {
  return values.length === 0 ? NaN : values.slice().sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
