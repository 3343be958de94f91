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
 * @property {number} started_us
 * @property {number} expected_ms
 * @property {number} step
 * @property {number} steps
 * @property {string} text
 * @property {string|null} saved        id of the saved result
 * @property {string|null} error
 */

/** @param {Job} job */
export const isOver = (job) => job.state === "done" || job.state === "failed";

/**
 * Asks the server to start something. Rejects with what the server says against it.
 * @param {string} path @param {unknown} body @returns {Promise<Job>}
 */
export async function start(path, body) {
  const answer = await fetch(`/presenter${path}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  return (await understood(answer)).job;
}

/** Tells the running one to end with what it has. */
export async function stop() {
  await understood(await fetch("/presenter/api/runs/job", { method: "DELETE" }));
}

/** What was answered, as JSON: {job} of a run, {id} of a file. @param {Response} answer @returns {Promise<{job: Job, id: string}>} */
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
    const job = JSON.parse(data);
    if (isOver(job)) stream.close();
    onChange(job);
  };
  // The server ended it because there is no job, or the lab itself ended: there is nothing to come back to.
  stream.onerror = () => stream.close();
}

/**
 * How far a job is, 0 to 100: by the clock, since a run's length is in its plan. Never all of it before it is over.
 * @param {Job} job @param {number} nowMs
 */
export function share(job, nowMs) {
  if (isOver(job)) return 100;
  if (job.expected_ms === 0) return 0;
  return Math.min(98, Math.max(0, (100 * (nowMs - job.started_us / 1000)) / job.expected_ms));
}

/** What happens, in a sentence. @param {Job} job */
export function sentence(job) {
  if (job.state === "stopping") return "Told to stop; it ends with what it has.";
  const step = job.steps > 1 ? `Step ${job.step} of ${job.steps}. ` : "";
  return step + (job.text || "Starting.");
}
