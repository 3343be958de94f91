// The keys with which this page reports delays. Each lane gives out its own, asked for beside the page's connection
// and not in it, so that no metered byte is added; POST /api/reports counts nothing without.
import { laneNamed } from "./lab.js";

const ASK_TIMEOUT_MS = 5000;

/** @type {Map<string, string>} key by lane */
const known = new Map();
/** @type {Map<string, Promise<void>>} */
const asking = new Map();

/** Asks a lane for this page's key, once; a failure leaves it to the next call. @param {string} lane */
export function askForKey(lane) {
  if (known.has(lane)) return Promise.resolve();
  const asked = asking.get(lane) ?? fetchKey(lane).catch(() => {}).finally(() => asking.delete(lane));
  asking.set(lane, asked);
  return asked;
}

/** The connection was lost: a lab that was started anew has other keys, and refuses the old ones. @param {string} lane */
export function forgetKey(lane) {
  known.delete(lane);
}

/** @param {string} lane */
async function fetchKey(lane) {
  const address = `${laneNamed(lane)?.url ?? ""}/api/reports/key?lane=${lane}`;
  const answer = await fetch(address, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
  if (answer.ok) known.set(lane, (await answer.json()).key);
}

/**
 * Sends what was measured. Figures on this page do not depend on it: a lost report is only a gap in the lab's table,
 * and what has no key yet is left out.
 * @param {string} client
 * @param {{lane: string, stage: string, bound_us: number, delays_us: number[]}[]} samples
 * @param {string} [channel]  that all of them came from
 */
export function sendReport(client, samples, channel) {
  const keyed = samples.filter(({ lane }) => known.has(lane)).map((sample) => ({ ...sample, key: known.get(sample.lane) }));
  for (const { lane } of samples) void askForKey(lane);
  if (keyed.length === 0) return;
  fetch("/api/reports", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ client, samples: keyed, channel }),
    keepalive: true,
  }).then((answer) => {
    // Too old, or of a lab that was started anew since.
    if (answer.status === 403) for (const { lane } of keyed) known.delete(lane);
  }).catch(() => {});
}
