/*
  run-end.js: until when a phone counts what it sees of a run. Pure.

  While it measures, the newest end counts: a run that waits for something is prolonged. Once it is over, `ends_us` is when
  the class had put its figures together, later than the last moment that was counted; or earlier than foretold, where the
  presenter stopped it. So the end that was foretold last stays, unless the run was over before.
*/

/** @typedef {{fromUs: number, toUs: number}} Span  instants of the server's clock, µs */

/**
 * @param {Span} known  of the state before; of another run it is left out
 * @param {import("../state.js").Run} run  measuring or over
 * @returns {Span}
 */
export function spanOf(known, run) {
  const fromUs = run.measured_from_us ?? NaN;
  const endsUs = run.ends_us ?? Infinity;
  if (known.fromUs !== fromUs || run.state !== "over") return { fromUs, toUs: endsUs };
  return { fromUs, toUs: Math.min(known.toUs, endsUs) };
}
