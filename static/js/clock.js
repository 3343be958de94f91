/*
  clock.js: the server's clock, as seen from this page. An exchange like NTP's (RFC 5905 §8, the on-wire
  protocol): ask when it is, note when the question left and the answer came, and assume the way there took as
  long as the way back. Of several samples the one with the lowest round trip wins, since queueing only adds.

      page    t0 ─────────────►              t3        offset = ((t1 − t0) + (t2 − t3)) / 2
      server            t1 (received)  t2 (sent)       round trip = (t3 − t0) − (t2 − t1)

  The offset cannot be wrong by more than half the round trip; that, plus the resolution of the page's timer,
  is boundUs, and stands beside every latency that needed two clocks. Two crystals drift apart by about 20 ppm:
  an older exchange's bound grows by that much, and as long as it is still the tighter one, it stands. So an
  exchange under load cannot make a good clock worse. After the tab was hidden the machine may have slept, and
  the newest exchange counts whatever it says.
  performance.now() is the base, never Date.now(), which may jump.
*/

const SAMPLES = 10;
const REPEAT_MS = 30_000;
const RETRY_MS = 2000; // after a failed exchange
const ASK_TIMEOUT_MS = 5000;
const DRIFT_PPM = 20;
const TIMER_RESOLUTION_US = 100; // 0.1 ms on pages that are not cross-origin isolated
const ISOLATED_RESOLUTION_US = 5;

/**
 * @typedef {object} Clock
 * @property {() => number} now                   µs since the Unix epoch on the server's clock; NaN before the first exchange
 * @property {(performanceMs: number) => number} at   the same for an instant noted earlier with performance.now()
 * @property {number} boundUs                     the most this clock can be wrong by; NaN before the first exchange
 * @property {number} roundTripUs                 lowest round trip of the exchange that stands
 * @property {Promise<void>} ready                resolves after the first exchange that worked
 * @property {() => void} stop
 */

/**
 * Starts the exchange and repeats it every 30 s and whenever the tab becomes visible again.
 * @param {string} [url]  base address of the lane to ask; the page's own by default
 * @returns {Clock}
 */
export function startClock(url = "") {
  let offsetUs = NaN;
  let boundUs = NaN;
  let roundTripUs = NaN;
  /** @type {() => void} */
  let firstDone;
  const ready = new Promise((resolve) => { firstDone = () => resolve(undefined); });
  const resolutionUs = self.crossOriginIsolated ? ISOLATED_RESOLUTION_US : TIMER_RESOLUTION_US;

  let exchangedMs = NaN; // performance.now() of the last exchange, for drift

  /** @param {boolean} anew  whether an older exchange must not stand */
  async function exchange(anew) {
    let best = { roundTripUs: Infinity, offsetUs: NaN };
    for (let taken = 0; taken < SAMPLES; taken += 1) {
      const sample = await ask(url);
      if (sample.roundTripUs < best.roundTripUs) best = sample;
    }
    const nowMs = performance.now();
    const drifted = boundUs + (nowMs - exchangedMs) * (DRIFT_PPM / 1000);
    const found = best.roundTripUs / 2 + resolutionUs;
    if (!anew && drifted < found) {
      boundUs = drifted;
    } else {
      ({ offsetUs, roundTripUs } = best);
      boundUs = found;
    }
    exchangedMs = nowMs;
    firstDone();
  }

  let busy = false;
  const sync = (anew = false) => {
    if (busy || document.hidden) return;
    busy = true;
    // A failed exchange leaves the last offset standing.
    exchange(anew)
      .catch(() => { retryTimer = window.setTimeout(() => sync(anew), RETRY_MS); })
      .finally(() => { busy = false; });
  };
  const seenAgain = () => sync(true);
  let retryTimer = 0;
  const timer = window.setInterval(() => sync(), REPEAT_MS);
  document.addEventListener("visibilitychange", seenAgain);
  sync(true);

  return {
    now: () => performance.now() * 1000 + offsetUs,
    at: (performanceMs) => performanceMs * 1000 + offsetUs,
    get boundUs() { return boundUs; },
    get roundTripUs() { return roundTripUs; },
    ready,
    stop() {
      clearInterval(timer);
      clearTimeout(retryTimer);
      document.removeEventListener("visibilitychange", seenAgain);
    },
  };
}

/** One question. @param {string} url */
async function ask(url) {
  const t0 = performance.now() * 1000;
  const answer = await fetch(`${url}/api/clock`, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
  const t3 = performance.now() * 1000;
  if (!answer.ok) throw new Error(`the clock answered ${answer.status}`);
  const { received_us: t1, sent_us: t2 } = await answer.json();
  // Epoch µs need 51 of a float's 53 bits; the two sums here stay below that, a sum of all four would not.
  return { roundTripUs: Math.max(0, t3 - t0 - (t2 - t1)), offsetUs: ((t1 - t0) + (t2 - t3)) / 2 };
}
