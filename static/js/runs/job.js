/*
  job.js: the run that goes on in the lab's own process beside it. There is one at a time; how it is comes as an
  event stream (/api/runs/job/events), which the server ends when the run is over.
*/

/**
 * @typedef {object} Job
 * @property {number} number
 * @property {string} what
 * @property {string|null} experiment   id of the catalogue, where it is one
 * @property {"running"|"stopping"|"done"|"failed"} state
 * @property {number} elapsed_ms        since it was started, when this was said
 * @property {number} startedMs         by this page's clock that only counts up, performance.now()
 * @property {number} expected_ms
 * @property {number} step
 * @property {number} steps
 * @property {string} text
 * @property {string|null} saved        id of the saved result
 * @property {string|null} error
 */

/** After a stream that was refused. */
const AGAIN_MS = 5_000;

/** @param {Job} job */
export const isOver = (job) => job.state === "done" || job.state === "failed";

/**
 * Asks the server to start something. Rejects with what the server says against it.
 * @param {string} path @param {unknown} body @returns {Promise<Job>}
 */
export async function start(path, body) {
  const answer = await fetch(`/presenter${path}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  return timed((await understood(answer)).job);
}

/** Tells the running one to end with what it has. */
export async function stop() {
  return understood(await fetch("/presenter/api/runs/job", { method: "DELETE" }));
}

/** @param {Response} answer @returns {Promise<any>} */
export async function understood(answer) {
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  throw new Error(said.error ? `${said.error.message}. ${said.error.hint}` : `The lab answered ${answer.status}.`);
}

/**
 * Calls back for how the job is and for every change, until it is over.
 * @param {(job: Job) => void} onChange
 */
export function watch(onChange) {
  const stream = new EventSource("/api/runs/job/events");
  stream.onmessage = ({ data }) => {
    const job = timed(JSON.parse(data));
    if (isOver(job)) stream.close();
    onChange(job);
  };
  stream.addEventListener("none", () => stream.close());
  // A stream that broke off is opened again by the browser; one that was refused is not, and a proxy before a lab
  // that starts anew refuses.
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED) window.setTimeout(() => watch(onChange), AGAIN_MS);
  };
}

/** The server's clock and the page's may differ, and either may be set: only what has passed is told. @param {any} job @returns {Job} */
const timed = (job) => ({ ...job, startedMs: performance.now() - job.elapsed_ms });

/**
 * How far a job is, 0 to 100: by the clock, since a run's length is in its plan. Never all of it before it is over.
 * @param {Job} job
 */
export function share(job) {
  if (isOver(job)) return 100;
  if (job.expected_ms === 0) return 0;
  return Math.min(98, Math.max(0, (100 * (performance.now() - job.startedMs)) / job.expected_ms));
}

/** What happens, in a sentence. @param {Job} job */
export function sentence(job) {
  if (job.state === "stopping") return "Told to stop; it ends with what it has.";
  const step = job.steps > 1 ? `Step ${job.step} of ${job.steps}. ` : "";
  return step + (job.text || "Starting.");
}
