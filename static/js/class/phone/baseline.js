/*
  baseline.js: what the lab's clients use and a phone of 2023 lacks. Imported first by a student's page, so that the
  transports' modules stay as they are read in class. AbortSignal.any came to Safari 17.4 and Firefox 124 in 2024,
  AbortSignal.timeout to older Chromium in part.
*/

/** @param {string} name  of a static method @param {unknown} fallback */
function give(name, fallback) {
  if (typeof Reflect.get(AbortSignal, name) !== "function") Reflect.set(AbortSignal, name, fallback);
}

give("timeout", (/** @type {number} */ ms) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new DOMException("it took too long", "TimeoutError")), ms);
  return controller.signal;
});

give("any", (/** @type {AbortSignal[]} */ signals) => {
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) {
      controller.abort(signal.reason);
      break;
    }
    signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true, signal: controller.signal });
  }
  return controller.signal;
});

export {};
