/*
  measure.js: what a visitor really waits for. For each publication two delays, both from the instant it was
  intended, on the server's clock (see clock.js):

      intended ──► published ──► written ──► received ──► painted
                                             script runs   the frame that shows it is done

  Kept as one histogram per lane and stage, and reported to the server every two seconds over the main lane,
  so that the lab's own table holds end-to-end figures as well.
  Left out: publications that were replayed from the history (they are old, not slow), and painting in a
  hidden tab (nothing is painted there).
*/
import { startAttention } from "./attention.js";
import { Histogram } from "./histogram.js";
import { laneNamed } from "./lab.js";
import { askForKey, sendReport } from "./report-keys.js";

const REPORT_MS = 2000;
const DELAYS_PER_SAMPLE = 2000;

/** @typedef {"received"|"painted"} Stage */

/** What a delay needs of a publication, µs on the server's clock. @typedef {{intended_us: number, published_us: number}} Instants */

/**
 * @typedef {object} Measure
 * @property {(lane: string) => void} begin       call before connecting: what was published earlier is history
 * @property {(lane: string, publication: Instants, atMs?: number) => number} observe
 *           call first thing in onPublication, or with the performance.now() of that moment; answers the received
 *           delay in µs, NaN when it cannot be told. `lane` may be the name of a lane's variant: what is measured of
 *           it stays on this page, for the lab's table has lanes
 * @property {(lane: string, stage: Stage) => Histogram} histogram   everything since begin or reset
 * @property {(delayUs: number) => boolean} wasLookedAt   whether this page was looked at for all of a delay that ends now:
 *           what came late to a page that slept is not to be told to others
 * @property {() => void} reset
 * @property {() => void} stop
 */

/**
 * @param {{clock: import("./clock.js").Clock, client: string, channel?: string, onPainted?: (lane: string, delayUs: number) => void}} options
 *           channel: where all of it comes from, if the lab shows what is received there together
 * @returns {Measure}
 */
export function startMeasure({ clock, client, channel, onPainted }) {
  /** @type {Map<string, number>} performance.now() at begin */
  const begun = new Map();
  /** @type {Map<string, Histogram>} key: "lane stage" */
  const histograms = new Map();
  /** @type {Map<string, {lane: string, stage: Stage, delays_us: number[]}>} */
  let unsent = new Map();
  /** @type {{lane: string, intendedUs: number}[]} received in this frame, not painted yet */
  let unpainted = [];

  const wasLookedAt = startAttention();
  const timer = window.setInterval(report, REPORT_MS);
  window.addEventListener("pagehide", report);
  document.addEventListener("visibilitychange", forgetUnpainted);

  function observe(/** @type {string} */ lane, /** @type {Instants} */ publication, atMs = performance.now()) {
    const delayUs = clock.at(atMs) - publication.intended_us;
    const begunMs = begun.get(lane);
    const live = begunMs === undefined || publication.published_us >= clock.at(begunMs);
    if (Number.isNaN(delayUs) || !live) return NaN;
    if (!clock.tells(publication.intended_us)) return NaN;
    record(lane, "received", delayUs);
    if (!document.hidden) {
      if (unpainted.length === 0) afterPaint(painted);
      unpainted.push({ lane, intendedUs: publication.intended_us });
    }
    return delayUs;
  }

  function painted() {
    const nowUs = clock.now();
    for (const { lane, intendedUs } of unpainted) {
      if (!clock.tells(intendedUs)) continue;
      record(lane, "painted", nowUs - intendedUs);
      onPainted?.(lane, nowUs - intendedUs);
    }
    unpainted = [];
  }

  /** What was received just before the tab was hidden is painted when it is shown again: no delay of the transport's. */
  function forgetUnpainted() {
    if (document.hidden) unpainted = [];
  }

  function record(/** @type {string} */ lane, /** @type {Stage} */ stage, /** @type {number} */ delayUs) {
    histogram(lane, stage).record(delayUs);
    if (laneNamed(lane) === undefined) return; // a variant of a lane
    if (!wasLookedAt(delayUs)) return; // this page knows; the lab's table could not tell
    const key = `${lane} ${stage}`;
    if (!unsent.has(key)) unsent.set(key, { lane, stage, delays_us: [] });
    unsent.get(key)?.delays_us.push(Math.round(delayUs));
  }

  function histogram(/** @type {string} */ lane, /** @type {Stage} */ stage) {
    const key = `${lane} ${stage}`;
    const found = histograms.get(key) ?? new Histogram();
    histograms.set(key, found);
    return found;
  }

  function report() {
    if (unsent.size === 0) return;
    const bound_us = Math.ceil(clock.boundUs);
    const samples = [...unsent.values()].flatMap(({ lane, stage, delays_us }) =>
      slices(delays_us).map((part) => ({ lane, stage, bound_us, delays_us: part })));
    unsent = new Map();
    sendReport(client, samples, channel);
  }

  return {
    begin: (lane) => {
      begun.set(lane, performance.now());
      void askForKey(lane);
    },
    observe,
    histogram,
    wasLookedAt,
    reset() { for (const each of histograms.values()) each.reset(); },
    stop() {
      clearInterval(timer);
      window.removeEventListener("pagehide", report);
      document.removeEventListener("visibilitychange", forgetUnpainted);
      report();
    },
  };
}

/** A frame callback runs before the frame is painted; the task it posts runs after. @param {() => void} then */
function afterPaint(then) {
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = then;
    channel.port2.postMessage(null);
  });
}

/** @param {number[]} delays  no more than the server takes in one sample */
function slices(delays) {
  const parts = [];
  for (let from = 0; from < delays.length; from += DELAYS_PER_SAMPLE) parts.push(delays.slice(from, from + DELAYS_PER_SAMPLE));
  return parts;
}
