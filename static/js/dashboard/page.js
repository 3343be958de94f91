// The dashboard, put together: one transport → two channels → what is newest of each → the screen, at most ten
// times a second. What arrives between two paints is counted and overtaken; its age is what this page is about.

import { LANES } from "../lanes.js";
import { startClock } from "../clock.js";
import { announce } from "../announce.js";
import { startPaintLoop } from "../charts/paint-loop.js";
import { find, setText } from "../charts/dom.js";
import { bytesText, durationText } from "../charts/format.js";
import { createAgeView } from "./age-view.js";
import { createHostView } from "./host-view.js";
import { labFacts } from "./lab-facts.js";
import { createLink, HOST_CHANNEL } from "./link.js";
import { createMarketView } from "./market-view.js";
import { isHostFigures, isMarket } from "./published.js";
import { attachMarketSource } from "./market-source.js";
import { toast } from "../toast.js";
import { startReports } from "./reports.js";
import { attachTransportForm } from "./transport-form.js";

const READ_EVERY_MS = 500;
const shown = (/** @type {string} */ name) => find(`[data-show="${name}"]`);
/** @typedef {import("../transports/index.js").Publication} Publication */
/** @typedef {Publication & {data: import("./published.js").HostFigures}} HostPublication */
/** @typedef {Publication & {data: import("./published.js").Market}} MarketPublication */

const clock = startClock();
const reports = startReports(clock);
const ageView = createAgeView(clock);
const hostView = createHostView();
const marketView = createMarketView();
const marketSource = attachMarketSource();

/** Newest publication of each channel that is not painted yet. @type {{market: MarketPublication | null, host: HostPublication | null, arrived: number}} */
const waiting = { market: null, host: null, arrived: 0 };
let hostIntendedUs = NaN;
let lane = "";
let readMs = 0;
let chosenMs = NaN; // performance.now() at which the transport was chosen
let openMs = NaN; // at which the first one stood: what was published before is shown, and its age is not counted

/** What was there before is old, not late: it is shown, and in no figure of delays. @param {Publication} publication */
function isNews(publication) {
  return publication.published_us >= clock.at(chosenMs);
}

/** Published once this page's connection stood: the age of anything older says when the page came, nothing of a transport. @param {Publication} publication */
function isFresh(publication) {
  return publication.published_us >= clock.at(openMs);
}

const link = createLink({
  onPublication(channel, publication) {
    const nowMs = performance.now();
    const { data } = publication;
    if (isNews(publication) && clock.tells(publication.intended_us)) reports.note(lane, "received", clock.at(nowMs) - publication.intended_us);
    if (channel === HOST_CHANNEL) {
      if (!isHostFigures(data)) return;
      hostView.take(data, nowMs / 1000);
      waiting.host = { ...publication, data };
      return;
    }
    if (!isMarket(data)) return;
    marketSource.heard();
    ageView.received(nowMs);
    waiting.market = { ...publication, data };
    waiting.arrived += 1;
  },
  onState(state) {
    const node = shown("state");
    if (node.dataset.state === state && node.textContent === state) return;
    node.dataset.state = state;
    setText(node, state);
    if (state === "open" && Number.isNaN(openMs)) openMs = performance.now();
    if (state !== "connecting") announce(`${LANES[lane]?.label ?? lane}: ${state}.`);
  },
});

attachTransportForm((chosen, options) => {
  lane = chosen.lane;
  chosenMs = performance.now();
  ageView.useLane(lane);
  shown("lane").dataset.lane = lane;
  setText(shown("lane"), LANES[lane]?.label ?? lane);
  for (const card of document.querySelectorAll("[data-current-lane]")) card.setAttribute("data-lane", lane);
  link.use(chosen, options).catch((error) => {
    shown("state").dataset.state = "closed";
    setText(shown("state"), "closed");
    toast(`The code of this transport did not come: ${error.message}. Choose another, or reload the page.`, "bad");
  });
});

const loop = startPaintLoop((nowMs) => {
  // Without a clock there is no age; the first exchange takes a few milliseconds.
  if (!Number.isFinite(clock.boundUs)) return;
  const nowS = nowMs / 1000;
  const { market, host, arrived } = waiting;
  Object.assign(waiting, { market: null, host: null, arrived: 0 });
  if (market) marketView.paint(market.data, nowS);
  if (host) {
    hostView.paint(host.data);
    if (isFresh(host)) hostIntendedUs = host.intended_us;
  }
  ageView.paint(nowMs, market && isFresh(market) ? market : null, arrived);
  setText(shown("host-age"), Number.isNaN(hostIntendedUs) ? "—" : durationText((clock.at(nowMs) - hostIntendedUs) / 1000));
  for (const view of [ageView, marketView, hostView]) view.draw(nowS);
  reportPainted([market, host].filter((publication) => publication !== null).filter(isNews));
  if (nowMs - readMs >= READ_EVERY_MS) {
    readMs = nowMs;
    ageView.say(nowMs);
    hostView.say();
    marketView.say();
    showCost();
  }
});

/** The frame is on the screen when a task posted from it runs. @param {Publication[]} publications */
function reportPainted(publications) {
  if (publications.length === 0) return;
  const by = lane;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    for (const publication of publications) if (clock.tells(publication.intended_us)) reports.note(by, "painted", clock.now() - publication.intended_us);
    port1.close();
  };
  port2.postMessage(null);
}

function showCost() {
  const node = document.querySelector("[data-own-cost]");
  const { msPerS, paintsPerS } = loop.cost();
  if (node) setText(node, `Drawing this page takes ${msPerS.toFixed(0)} ms of every second, in ${paintsPerS.toFixed(0)} paints.`);
}

void labFacts().then(({ host }) => setText(shown("host-facts"), [
  host.os, host.kernel, host.cpus && `${host.cpus} processors`, host.memory_bytes && bytesText(host.memory_bytes),
].filter(Boolean).join(" · ")));
addEventListener("pagehide", () => link.close());
