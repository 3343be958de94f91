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
  performance.now() is the base, never Date.now(), which may jump. But the server's clock may be set, and
  performance.now() may stand still while the machine sleeps. Either shows as a jump: of the answers by more than
  both bounds allow, or of Date.now() − performance.now() here. Then the old offset is void: until the next exchange
  there is no time (NaN), and for a minute, while what was stamped before it arrives, no delay (tells).
*/

const SAMPLES = 10;
const REPEAT_MS = 30_000;
const RETRY_MS = 2000; // after a failed exchange
const ASK_TIMEOUT_MS = 5000;
const DRIFT_PPM = 20;
const LOOK_MS = 1000; // how often this machine's two clocks are compared
const APART_MS = 50; // they may come apart by this much between two looks: timers are coarse, and clocks are slewed
const STEP_US = 10_000; // answers that differ by this much more than their bounds are of two clocks
const STRADDLES_MS = 60_000; // nothing live is under way for longer: what was stamped before a step has arrived by then
const SLOW_US = 1_000_000; // a delay over this makes the page ask for the time at once
const NEVER_US = 600_000_000; // and this is none any more
const TIMER_RESOLUTION_US = 100; // 0.1 ms on pages that are not cross-origin isolated
const ISOLATED_RESOLUTION_US = 5;

/**
 * @typedef {object} Clock
 * @property {() => number} now                   µs since the Unix epoch on the server's clock; NaN before the first exchange
 * @property {(performanceMs: number) => number} at   the same for an instant noted earlier with performance.now()
 * @property {(stampUs: number) => boolean} tells   whether a stamp of the server's can be compared with now: no step lies between
 * @property {() => number} steps                 how often a step of either clock was found
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

  let settledMs = -Infinity; // performance.now() from which on nothing is under way that was stamped before a step
  let steps = 0;
  let apartMs = Date.now() - performance.now();

  /** Whether this machine's clocks came apart: it slept, or was set. Then nothing is known until the next exchange. */
  function cameApart() {
    const nowApartMs = Date.now() - performance.now();
    const stepped = Math.abs(nowApartMs - apartMs) > APART_MS;
    apartMs = nowApartMs;
    if (stepped) forget();
    return stepped;
  }

  function forget() {
    if (!Number.isFinite(offsetUs)) return;
    steps += 1;
    settledMs = performance.now() + STRADDLES_MS;
    offsetUs = boundUs = NaN;
  }

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
    const differsUs = Math.abs(best.offsetUs - offsetUs);
    if (differsUs > drifted + found + STEP_US) forget();
    if (!anew && drifted < found && differsUs <= drifted + found) {
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
  const watch = window.setInterval(() => { if (cameApart()) sync(true); }, LOOK_MS);
  document.addEventListener("visibilitychange", seenAgain);
  sync(true);

  return {
    now: () => performance.now() * 1000 + offsetUs,
    at: (performanceMs) => performanceMs * 1000 + offsetUs,
    tells: (stampUs) => {
      if (cameApart()) sync(true);
      const nowMs = performance.now();
      const delayUs = nowMs * 1000 + offsetUs - stampUs;
      const isOdd = delayUs < -(boundUs + STEP_US) || delayUs > SLOW_US;
      if (isOdd && nowMs - exchangedMs > RETRY_MS) sync(); // late, or the server's clock was set: the answer tells
      return nowMs >= settledMs && delayUs >= -(boundUs + STEP_US) && delayUs <= NEVER_US;
    },
    steps: () => steps,
    get boundUs() { return boundUs; },
    get roundTripUs() { return roundTripUs; },
    ready,
    stop() {
      clearInterval(timer);
      clearInterval(watch);
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
