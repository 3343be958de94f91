/*
  baseline.js: what the lab's clients use and a phone of 2023 lacks. Imported first by a student's page, so that the
  transports' modules stay as they are read in class. AbortSignal.any came to Safari 17.4 and Firefox 124 in 2024,
  AbortSignal.timeout to older Chromium in part.
*/

const Signal = /** @type {{any?: (signals: AbortSignal[]) => AbortSignal, timeout?: (ms: number) => AbortSignal}} */ (/** @type {unknown} */ (AbortSignal));

Signal.timeout ??= (ms) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new DOMException("it took too long", "TimeoutError")), ms);
  return controller.signal;
};

Signal.any ??= (signals) => {
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) {
      controller.abort(signal.reason);
      break;
    }
    signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true, signal: controller.signal });
  }
  return controller.signal;
};

export {};
