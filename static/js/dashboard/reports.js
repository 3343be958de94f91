// Tells the lab how late things were here: POST /api/reports, every two seconds, over the main lane. Unlike
// measure.js it reports as painted only what was really painted: this page skips what is overtaken before its
// next paint, and a skipped publication has no painted time.
import { startAttention } from "../attention.js";
import { askForKey, sendReport } from "../report-keys.js";

const REPORT_MS = 2000;
const DELAYS_PER_SAMPLE = 2000;

/** @param {import("../clock.js").Clock} clock */
export function startReports(clock) {
  const client = `dashboard-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
  const wasLookedAt = startAttention();
  /** @type {Map<string, {lane: string, stage: string, delays_us: number[]}>} */
  let unsent = new Map();

  function send() {
    if (unsent.size === 0) return;
    const bound_us = Math.ceil(clock.boundUs);
    const samples = [...unsent.values()].map((sample) => ({ ...sample, bound_us }));
    unsent = new Map();
    sendReport(client, samples);
  }
  setInterval(send, REPORT_MS);
  addEventListener("pagehide", send);

  return {
    /** @param {string} lane @param {"received"|"painted"} stage @param {number} delayUs */
    note(lane, stage, delayUs) {
      if (!Number.isFinite(delayUs)) return;
      void askForKey(lane);
      if (!wasLookedAt(delayUs)) return;
      const key = `${lane} ${stage}`;
      if (!unsent.has(key)) unsent.set(key, { lane, stage, delays_us: [] });
      const delays = unsent.get(key)?.delays_us ?? [];
      if (delays.length < DELAYS_PER_SAMPLE) delays.push(Math.round(delayUs));
    },
  };
}
