/*
  run.js: starts the experiment of a lesson, follows it, and hands on the id under which its result is saved. One run
  goes on at a time in a lab; somebody else's is waited for, and said.
*/

import { find, setText } from "../charts/dom.js";
import { isOver, sentence, share, start, watch } from "../runs/job.js";

const DRAW_EVERY_MS = 250;

/**
 * @param {HTMLElement} box
 * @param {(saved: string) => Promise<void>} onResult
 */
export function attachRun(box, onResult) {
  const id = box.dataset.runExperiment ?? "";
  const button = find("[data-run]", HTMLButtonElement, box);
  const progress = find("[data-progress]", HTMLElement, box);
  const bar = find("progress", HTMLProgressElement, progress);
  const said = find("[role=status]", HTMLElement, progress);
  const error = find("[data-run-error]", HTMLElement, box);
  let timer = 0;
  let awaited = 0; // number of the job whose end is awaited here

  const fail = (/** @type {string} */ text) => {
    progress.hidden = true;
    error.hidden = false;
    setText(error, text);
  };

  /** @param {import("../runs/job.js").Job} job */
  const onJob = (job) => {
    clearInterval(timer);
    const over = isOver(job);
    const isMine = job.experiment === id;
    if (isMine && !over) awaited = job.number;
    button.disabled = !over;
    progress.hidden = over;
    setText(said, isMine ? sentence(job) : `Another run goes on: ${job.what}. Wait for its end.`);
    const draw = () => { bar.value = share(job); };
    draw();
    if (!over) timer = window.setInterval(draw, DRAW_EVERY_MS);
    else if (isMine && job.number === awaited) {
      if (job.saved === null) fail(job.error ?? "It ended without a result. Run it again, or go on with the prediction.");
      else onResult(job.saved).catch((problem) => fail(`The result is saved as ${job.saved} and cannot be shown: ${problem.message}`));
    }
  };

  button.addEventListener("click", () => {
    error.hidden = true;
    start(`/api/experiments/${id}`, { full: false })
      .then((job) => {
        awaited = job.number;
        watch(onJob);
      })
      .catch((problem) => fail(problem.message));
  });
  watch(onJob);
}
