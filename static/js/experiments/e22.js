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
import { laneNamed } from "../lab.js";
import { understood } from "../runs/job.js";
import { transport } from "../transports/index.js";
import { keepGuess, said } from "./guess.js";

const EVERY_MS = 500;
/** Intervals kept of each kind; a day of half seconds. */
const KEPT_MAX = 200_000;
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
  const own = crypto.getRandomValues(new Uint32Array(2)).reduce((text, n) => text + n.toString(36), "");
  const channel = `e22-${own}`;
  await understood(await fetch(`/api/sources/${channel}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ kind: "compare", rate_per_s: 1000 / EVERY_MS, size_bytes: 60 }),
  }));
  const books = { visible: emptyBook(), hidden: emptyBook() };
  const pollUrl = `${laneNamed("short-poll")?.url}/short-poll/${channel}`;
  let last = { poll: NaN, push: NaN };
  let since = performance.now();
  let state = document.visibilityState;

  const note = (kind) => {
    const now = performance.now();
    const gap = now - last[kind];
    const { gaps } = books[state === "hidden" ? "hidden" : "visible"][kind];
    // NaN: the first of its kind since the tab was hidden or shown, an interval of both states.
    if (!Number.isNaN(gap) && gaps.length < KEPT_MAX) gaps.push(gap);
    last[kind] = now;
    if (state === "visible") show(books, spent());
  };
  const spent = () => {
    const now = performance.now();
    const total = { visible: books.visible.ms, hidden: books.hidden.ms };
    total[state === "hidden" ? "hidden" : "visible"] += now - since;
    return total;
  };
  const turned = () => {
    const total = spent();
    books.visible.ms = total.visible;
    books.hidden.ms = total.hidden;
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
  const { connect } = await transport("websocket");
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
      fetch(`/api/sources/${channel}`, { method: "DELETE" }).catch(() => {});
      show(books, spent());
      setText(part("says"), "Ended.");
      announce(part("verdict").textContent);
    },
  };
}

function emptyBook() {
  return { ms: 0, poll: { gaps: /** @type {number[]} */ ([]) }, push: { gaps: /** @type {number[]} */ ([]) } };
}

function show(books, spent) {
  const rows = Object.entries(books).map(([state, book]) => el("tr", { "data-tab": state },
    el("th", { scope: "row" }, state), number(spent[state] / 1000, 1), ...of(book.poll.gaps), ...of(book.push.gaps)));
  part("rows").replaceChildren(...rows);
  const [poll, push] = [median(books.hidden.poll.gaps), median(books.hidden.push.gaps)];
  if (!Number.isNaN(poll) && !Number.isNaN(push)) {
    setText(part("verdict"), `While the tab was hidden, polls that should be ${EVERY_MS} ms apart were ${poll.toFixed(0)} ms apart; pushes every ${EVERY_MS} ms were ${push.toFixed(0)} ms apart.`);
  }
}

const of = (gaps) => [number(gaps.length, 0), number(median(gaps), 0), number(Math.max(...gaps.slice(-5000), -Infinity), 0)];
const number = (value, digits) => el("td", { class: "num" }, Number.isFinite(value) ? value.toFixed(digits) : "—");

/** @param {number[]} values */
function median(values) {
  return values.length === 0 ? NaN : values.slice().sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
