/*
  E22, hidden tab: polls every half second by a timer, and is pushed to every half second over a WebSocket, while
  the visitor hides the tab and comes back. Browsers slow the timers of hidden tabs down (Chrome: once a second, after
  five minutes once a minute); what the network brings is an event of its own and is handed on at once.

  Measured in the page: the instants at which questions are sent and at which pushes arrive, told apart by whether
  the tab was hidden all the time in between. The server publishes by itself (PUT /api/sources), so that no timer
  of this page is part of the push.
*/

import { announce } from "../announce.js";
import { el, setText } from "../charts/dom.js";
import { startSource, stopSource } from "../dashboard/source.js";
import { laneNamed } from "../lab.js";
import { transport } from "../transports/index.js";
import { keepGuess, said } from "./guess.js";

const EVERY_MS = 500;
/** Intervals kept of each kind: some hours of half seconds. */
const KEPT_MAX = 20_000;
/** How long a tab has been hidden decides how slow its timers are: name, and from when on. */
const HIDDEN = [["hidden", 0], ["hidden for over 1 min", 60_000], ["hidden for over 5 min", 300_000]];
const card = /** @type {HTMLElement} */ (document.querySelector('[data-own="e22"]'));
const part = (name) => /** @type {any} */ (card.querySelector(`[data-${name}]`));

/** @type {{end: () => void} | undefined} */
let running;
keepGuess(card, "E22");
part("begin").addEventListener("click", async () => {
  part("begin").hidden = true;
  part("shown").hidden = true;
  try {
    running = await begin();
    part("end").hidden = false;
  } catch (error) {
    part("begin").hidden = false;
    setText(part("says"), `It cannot begin: ${error.message}`);
  }
});
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
  const books = Object.fromEntries([["visible"], ...HIDDEN].map(([name]) => [name, emptyBook()]));
  const pollUrl = `${laneNamed("short-poll")?.url}/short-poll/${channel}`;
  let last = { poll: NaN, push: NaN };
  let since = performance.now();
  let state = document.visibilityState;

  const note = (kind) => {
    const now = performance.now();
    const gap = now - last[kind];
    const { gaps } = books[bookOf(state, last[kind] - since)][kind];
    // NaN: the first of its kind since the tab was hidden or shown, an interval of both states.
    if (!Number.isNaN(gap) && gaps.length < KEPT_MAX) gaps.push(gap);
    last[kind] = now;
    if (state === "visible") show(books, spent());
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
    if (state === "visible") show(books, spent());
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
  said(card);
  part("shown").hidden = false;
  setText(part("verdict"), "Nothing is known of the hidden tab yet.");
  return {
    end() {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", turned);
      client.close();
      stopSource(channel);
      show(books, spent());
      setText(part("says"), "Ended.");
      announce(part("verdict").textContent);
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

function show(books, spent) {
  const rows = Object.entries(books).filter(([state]) => state === "visible" || spent[state] > 0).map(([state, book]) => el("tr", { "data-tab": state },
    el("th", { scope: "row" }, state), number(spent[state] / 1000, 1), ...of(book.poll.gaps), ...of(book.push.gaps)));
  part("rows").replaceChildren(...rows);
  const hidden = (kind) => HIDDEN.flatMap(([name]) => books[name][kind].gaps);
  const [poll, push] = [hidden("poll"), hidden("push")];
  if (poll.length > 0 && push.length > 0) {
    setText(part("verdict"), `While the tab was hidden, polls that should be ${EVERY_MS} ms apart were ${told(poll)}; pushes every ${EVERY_MS} ms were ${told(push)}.`);
  }
}

/** @param {number[]} gaps */
const told = (gaps) => `${median(gaps).toFixed(0)} ms apart (median; longest ${longest(gaps).toFixed(0)} ms)`;
const longest = (gaps) => gaps.reduce((most, gap) => Math.max(most, gap), -Infinity);
const of = (gaps) => [number(gaps.length, 0), number(median(gaps), 0), number(longest(gaps), 0)];
const number = (value, digits) => el("td", { class: "num" }, Number.isFinite(value) ? value.toFixed(digits) : "—");

/** @param {number[]} values */
function median(values) {
  return values.length === 0 ? NaN : values.slice().sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
