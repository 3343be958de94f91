// api.js: the lab's conditions over HTTP. A refusal becomes an Error that says what is wrong and what to do.

/**
 * @typedef {object} Key
 * @property {string} name
 * @property {string} meaning
 * @property {string|null} default   null where there is none
 * @property {boolean} required      it must be given
 * @property {string} unit           "duration", "bits per second", "bytes", "count", "share", "choice"
 * @property {string|null} least
 * @property {string|null} most
 * @property {string[]} choices
 *
 * @typedef {{name: string, meaning: string, example: string, keys: Key[]}} Kind
 * @typedef {{name: string, text: string, meaning: string, source: string | null}} Preset  source: of a platform's figures
 *
 * @typedef {object} InEffect
 * @property {string} text          as it was written
 * @property {string} apart         with presets taken apart
 * @property {number} seed
 * @property {number} since_us      when they were put, server's clock
 * @property {number} connections   under them now
 *
 * @typedef {{lane: string, label: string, conditions: InEffect|null}} LaneView
 */

/** @param {string} path  @param {RequestInit} [how] */
async function ask(path, how) {
  const answer = await fetch(`/presenter/api/conditions${path}`, { cache: "no-store", ...how });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.error?.message ?? answer.status}. ${body.error?.hint ?? ""}`.trim());
  return body;
}

/** @returns {Promise<{catalogue: Kind[], presets: Preset[], lanes: LaneView[]}>} */
export const everything = () => ask("");

/** @returns {Promise<{lanes: LaneView[]}>} */
export const lanesNow = () => ask("/all");

/** @param {string} lane  @param {string} conditions  @param {number} seed */
export const put = (lane, conditions, seed) =>
  ask(`/${lane}`, { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ conditions, seed }) });

/** @param {string} lane */
export const clear = (lane) => ask(`/${lane}`, { method: "DELETE" });
