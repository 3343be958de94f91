/*
  race.js: what everybody in this room waited lately, lane by lane, the fastest first. Each page reports what it measures
  (measure.js); the lab keeps the last few of each and answers the middle of them. Asked again and again while the page
  is seen; the answer is no lane's traffic.
*/
import { LANES } from "../lanes.js";
import { barPart, delayWords } from "./delay.js";

const EVERY_MS = 2000;

/** @typedef {{lane: string, pages: number, p50_us: number, bound_us: number}} LaneDelay */

/**
 * @param {{list: HTMLElement, empty: HTMLElement, channel: string}} options
 */
export function startRace({ list, empty, channel }) {
  async function ask() {
    if (document.hidden) return;
    const answer = await fetch(`/api/delays/${channel}`);
    if (answer.ok) show((await answer.json()).lanes);
  }

  /** @param {LaneDelay[]} lanes */
  function show(lanes) {
    const known = lanes.filter(({ lane }) => lane in LANES).sort((one, other) => one.p50_us - other.p50_us);
    empty.hidden = known.length > 0;
    list.replaceChildren(...known.map(entry));
  }

  const look = () => { ask().catch(() => {}); }; // what does not answer tells nothing
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
  look();
}

/** @param {LaneDelay} delay */
function entry({ lane, pages, p50_us: p50Us, bound_us: boundUs }) {
  const item = document.createElement("li");
  item.dataset.lane = lane;
  const key = document.createElement("span");
  key.className = "delay-bar";
  key.setAttribute("aria-hidden", "true");
  key.style.inlineSize = `${barPart(p50Us) * 4}rem`;
  const { number, bound } = delayWords(p50Us, boundUs);
  const people = pages === 1 ? "1 page" : `${pages} pages`;
  item.title = `${LANES[lane].label}: ${[number, bound].join(" ").trim()}, the median of the latest messages of ${people}`;
  const name = document.createElement("span");
  name.className = "chat-race-name";
  name.textContent = LANES[lane].label;
  const figure = document.createElement("span");
  figure.className = "num";
  figure.textContent = number;
  item.append(key, figure, " ", name);
  return item;
}
