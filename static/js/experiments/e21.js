/*
  E21, six connections: opens one event stream after the other to one lane of this lab, and after each asks that
  same origin an ordinary question; then the same with WebSockets. A browser has a pool of six HTTP/1.1 connections
  for an origin; a stream that never ends keeps its one. WebSockets have a pool of their own, far larger.

  Everything is measured here, in the page: from the call to the "open" event, from the question to its answer.
  A wait is judged after 1.5 s; a stream that waits is left waiting, since that is what a page would see.
*/

import { announce } from "../announce.js";
import { el, find, setText } from "../charts/dom.js";
import { laneNamed } from "../lab.js";
import { attachGuess } from "./guess.js";
import { keepOwn, lastOwn } from "./own.js";

const MOST = 8;
const PATIENCE_MS = 1_500;
const WAITS = "waits";
const card = find('[data-own="E21"]');
const part = (/** @type {string} */ name) => find(`[data-${name}]`, HTMLElement, card);
const button = find("[data-begin]", HTMLButtonElement, card);

const guess = attachGuess(card, "E21");
const last = lastOwn("E21");
if (last !== null) show(last);
button.addEventListener("click", () => void measure());

async function measure() {
  button.disabled = true;
  part("shown").hidden = true;
  try {
    const streams = await series("sse", openStream, "event stream");
    const sockets = await series("websocket", openSocket, "WebSocket");
    reveal(streams, sockets);
  } catch (error) {
    setText(part("says"), `It came to nothing: ${error instanceof Error ? error.message : error}`);
  } finally {
    button.disabled = false;
  }
}

/**
 * @typedef {{openMs: number|null, askMs: number|null}} Step   null: still waiting
 * @param {string} lane @param {(url: string, onOpen: () => void) => () => void} open @param {string} name
 * @returns {Promise<Step[]>}
 */
async function series(lane, open, name) {
  const url = laneNamed(lane)?.url ?? "";
  /** @type {(() => void)[]} */
  const closers = [];
  const steps = [];
  try {
    for (let n = 1; n <= MOST; n += 1) {
      setText(part("says"), `Opening ${name} ${n} of ${MOST} …`);
      const openMs = await timed((done) => { closers.push(open(url, done)); });
      const stop = new AbortController();
      const askMs = await timed((done) => {
        fetch(`${url}/api/clock`, { cache: "no-store", signal: stop.signal }).then((answer) => answer.text()).then(done, () => {});
      });
      stop.abort();
      steps.push({ openMs, askMs });
    }
  } finally {
    for (const close of closers) close();
  }
  setText(part("says"), "");
  return steps;
}

/** How long something takes, or null where it is not done in time. @param {(done: () => void) => void} begin @returns {Promise<number|null>} */
function timed(begin) {
  const beganMs = performance.now();
  return new Promise((resolve) => {
    const timer = window.setTimeout(() => resolve(null), PATIENCE_MS);
    begin(() => {
      window.clearTimeout(timer);
      resolve(performance.now() - beganMs);
    });
  });
}

/** @param {string} url @param {() => void} onOpen */
function openStream(url, onOpen) {
  const stream = new EventSource(`${url}/sse/e21`);
  stream.onopen = onOpen;
  return () => stream.close();
}

/** @param {string} url @param {() => void} onOpen */
function openSocket(url, onOpen) {
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/ws/e21`);
  socket.onopen = onOpen;
  return () => socket.close();
}

/** @param {Step[]} streams @param {Step[]} sockets */
function reveal(streams, sockets) {
  const cell = (/** @type {number|null} */ ms) => (ms === null ? WAITS : ms.toFixed(1));
  const rows = streams.map((stream, i) => [stream.openMs, stream.askMs, sockets[i].openMs, sockets[i].askMs].map(cell));
  const result = { sentence: `${told("event stream", streams)} ${told("WebSocket", sockets)}`, rows };
  keepOwn("E21", result);
  show(result);
  announce(result.sentence);
}

/** @param {import("./own.js").OwnResult} result */
function show({ sentence, rows }) {
  const cell = (/** @type {string} */ text) => el("td", { class: "num" }, text === WAITS ? el("strong", {}, text) : text);
  part("rows").replaceChildren(...rows.map((cells, i) => el("tr", {}, el("th", { scope: "row" }, String(i + 1)), ...cells.map(cell))));
  setText(part("verdict"), sentence);
  guess.mark();
  part("shown").hidden = false;
}

/** @param {string} name @param {Step[]} steps */
function told(name, steps) {
  const opened = steps.filter(({ openMs }) => openMs !== null).length;
  const stalled = steps.findIndex(({ askMs }) => askMs === null);
  const opening = opened === MOST ? `All ${MOST} ${name}s opened.` : `${opened} ${name}s opened; number ${steps.findIndex(({ openMs }) => openMs === null) + 1} waits.`;
  const asking = stalled === -1 ? "An ordinary request was answered beside every one of them." : `With ${stalled + 1} of them an ordinary request to the same origin gets no answer.`;
  return `${opening} ${asking}`;
}
