// The recovery page, put together: one publisher, three listeners, one picture, and the button that cuts.

import { announce } from "../announce.js";
import { el, find, setText } from "../charts/dom.js";
import { laneNamed } from "../lab.js";
import { transport } from "../transports/index.js";
import { Listener } from "./listener.js";
import { createPicture } from "./picture.js";
import { startPublisher } from "./publisher.js";

const DRAW_EVERY_MS = 200;
const form = find("#cut", HTMLFormElement);
const button = find('[type="submit"]', HTMLButtonElement, form);

const own = crypto.getRandomValues(new Uint32Array(2)).reduce((text, part) => text + part.toString(36), "");
const channel = `recovery-${own}`;
const url = laneNamed("channels")?.url ?? "";
const picture = createPicture(find("[data-picture]"));
const publisher = startPublisher([channel, `cache-${channel}`], (n) => {
  if (listeners.some((listener) => listener.away)) away.add(n);
  for (const listener of listeners) listener.expect(n);
});
/** Numbers published while the clients were away. @type {Set<number>} */
let away = new Set();
/** @type {Listener[]} */
let listeners = [];
let backMs = NaN; // when the clients come back
let failure = "";

/** What differs between the three; everything else is the same. */
const KINDS = {
  plain: { name: "Channels as it is", channel, recovery: false },
  cache: { name: "On a cache channel", channel: `cache-${channel}`, recovery: false },
  extension: { name: "With the extension", channel, recovery: true },
};

async function begin() {
  const { connect } = await transport("channels");
  listeners = Object.entries(KINDS).map(([kind, { name, ...options }]) => {
    const card = find(`[data-client="${kind}"]`);
    setText(find('[data-show="channel"]', HTMLElement, card), options.channel);
    const state = find(".state", HTMLElement, card);
    return new Listener(connect, { ...options, url, demo: "none" }, (word) => {
      state.dataset.state = word;
      setText(state, word === "closed" ? "cut" : word);
    });
  });
  publisher.setRate(number("rate_per_s"));
}

/** A number inside the limits of its field, written back so that what is shown is what holds. @param {string} name */
function number(name) {
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  const wanted = field.value === "" ? Number(field.defaultValue) : Number(field.value);
  const inside = Math.min(Number(field.max), Math.max(Number(field.min), Math.round(wanted)));
  if (Number(field.value) !== inside) field.value = String(inside);
  return inside;
}

// A lesson may set the fields by the page's address: /recovery?rate_per_s=2&away_s=4. What is out of a field's limits is
// brought within them as if it were typed.
for (const [name, value] of new URLSearchParams(location.search)) {
  const field = form.elements.namedItem(name);
  if (!(field instanceof HTMLInputElement) || !/^\d{1,3}$/.test(value)) continue;
  field.value = value;
  number(name);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (listeners.length === 0 || listeners.some((listener) => listener.away)) return;
  const awayMs = number("away_s") * 1000;
  backMs = performance.now() + awayMs;
  button.disabled = true;
  // What is on its way at this instant gets lost with the connection.
  for (const listener of listeners) for (const n of listener.cut()) away.add(n);
  announce("All three are cut.");
  window.setTimeout(() => {
    for (const listener of listeners) listener.restore();
    button.disabled = false;
    announce("All three are back.");
  }, awayMs);
});
form.addEventListener("change", () => publisher.setRate(number("rate_per_s")));
find("[data-clear]").addEventListener("click", () => {
  for (const listener of listeners) listener.forget();
  away = new Set();
});

setInterval(() => {
  const nowMs = performance.now();
  for (const listener of listeners) listener.settle(nowMs);
  picture.update(listeners, publisher.published, away);
  picture.say(sentence());
  setText(find('[data-show="published"]'), `${publisher.published} published`);
  setText(find('[data-show="says"]'), status(nowMs));
  Object.keys(KINDS).forEach((kind, i) => showCounts(find(`[data-client="${kind}"] dl`), listeners.at(i)));
}, DRAW_EVERY_MS);

/** @param {number} nowMs */
function status(nowMs) {
  if (failure !== "") return failure;
  if (listeners.some((listener) => listener.away)) return `Cut. Back in ${Math.max(1, Math.ceil((backMs - nowMs) / 1000))} s; the publisher goes on.`;
  if (!listeners.length || listeners.some((listener) => !listener.open)) return "Connecting …";
  return away.size === 0 ? "All three are connected and hear every number." : `All three are back. ${away.size} were published while they were away.`;
}

function sentence() {
  return Object.values(KINDS).map(({ name }, i) => {
    const listener = listeners.at(i);
    return listener ? `${name}: ${listener.count("live")} came as they happened, ${listener.count("late")} after a cut, ${listener.count("lost")} lost.` : "";
  }).join(" ");
}

/** @param {HTMLElement} list  @param {Listener | undefined} listener */
function showCounts(list, listener) {
  if (listener === undefined) return;
  const counts = { "as it happened": listener.count("live"), "after a cut": listener.count("late"), lost: listener.count("lost") };
  if (list.children.length === 0) list.append(...Object.keys(counts).map((label) => el("div", {}, el("dt", {}, label), el("dd", {}))));
  Object.values(counts).forEach((count, i) => setText(/** @type {Element} */ (list.children[i].lastElementChild), String(count)));
}

begin().catch((error) => { failure = `The clients could not be loaded: ${error.message}. Reload the page.`; });
