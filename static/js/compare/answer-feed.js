// The answer in one sentence, made by the server from this run's figures (src/run/answer), as every other surface of
// the lab has it. Asked whenever the rows change, and at most once a second, so that both are of the same figures. A server that has no answers (404) is not asked again.

import { delayFigures } from "./figures.js";
import { bytesOfEach } from "./layer-bar.js";
import { meanBytes, messagesOf } from "./own-messages.js";

/** A frame less than a second: rows change in a frame of the screen, and that may be a little early. */
const EVERY_MS = 950;
/** Of fewer events no delay is told: two more may double it. */
const EVENTS_MIN = 5;

/** @typedef {{sentence: string, about: string|null, order: string[]}} Answer */

/**
 * What is asked: the load, and each lane's figures that there are.
 * @param {import("./settings.js").Settings} settings
 * @param {{figures: import("./figures.js").Figures, each: Record<string, number>|null}[]} lanes
 * @param {string} conditions  that the lanes' networks are under; "" for none
 */
export function questionOf(settings, lanes, conditions) {
  const { rate_per_s, schedule, poll_interval_ms, hold_ms, payloads } = settings;
  const size_bytes = messagesOf(payloads).length > 0 ? Math.round(meanBytes(payloads)) : settings.size_bytes;
  return {
    load: { rate_per_s, size_bytes, schedule, clients: 1, poll_interval_ms, hold_ms, conditions },
    lanes: lanes.filter(({ figures }) => figures.never_opened === 0 && figures.delivered > 0).map(({ figures: f, each }) => ({
      lane: f.lane,
      label: f.label,
      figures: present({
        p50_us: medianOf(f),
        bytes_per_publication: each && { value: bytesOfEach(each) },
        requests_per_publication: valueOf(f.requests_per_publication),
        empty_ratio: valueOf(f.empty_ratio),
        // What is still on its way is neither delivered nor lost.
        delivery_ratio: valueOf(f.missing === null || f.delivered + f.missing === 0 ? null : f.delivered / (f.delivered + f.missing)),
      }),
    })),
  };
}

/**
 * The median with what its own samples leave open beside what the instruments do; null where there are too few.
 * @param {import("./figures.js").Figures} f
 */
function medianOf(f) {
  if (f.received_n < EVENTS_MIN) return null;
  const figure = delayFigures(f).p50_us;
  const { received_p50_low_ms: low, received_p50_high_ms: high } = f;
  if (!("value" in figure) || low === null || high === null) return figure;
  return { ...figure, low: Math.round(low * 1000), high: Math.round(high * 1000) };
}

/** @param {number|null} value */
const valueOf = (value) => (value === null ? null : { value });

/** Without what there is not. @param {Record<string, object|null>} all */
function present(all) {
  return Object.fromEntries(Object.entries(all).filter(([, figure]) => figure !== null));
}

/** @param {(answer: Answer|null) => void} show  null: there is none */
export function createAnswerFeed(show) {
  let isThere = true;
  let askedMs = -Infinity;
  /** Counts up with every reset, so that an answer about a run that is over is not shown. */
  let turn = 0;
  /** Counts up with every question: an answer that was overtaken is of older figures than the rows are. */
  let asked = 0;

  return {
    /** @param {ReturnType<typeof questionOf>} question @param {{closing?: boolean}} [how]  closing: the last figures, asked at once */
    async ask(question, { closing = false } = {}) {
      const nowMs = performance.now();
      if (!isThere || question.lanes.length === 0 || (!closing && nowMs - askedMs < EVERY_MS)) return;
      askedMs = nowMs;
      const mine = turn;
      asked += 1;
      const mineAsked = asked;
      try {
        const answer = await fetch("/api/answer", {
          method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(question), signal: AbortSignal.timeout(5000),
        });
        isThere = answer.status !== 404;
        const told = answer.ok ? await answer.json() : null;
        if (mine === turn && mineAsked === asked && told !== null) show(told);
      } catch {
        // The figures stand; the next asking says it.
      }
    },
    forget() {
      turn += 1;
      askedMs = -Infinity;
      show(null);
    },
  };
}
