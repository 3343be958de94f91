// The one clock of the charts: calls back at most ten times a second, in an animation frame, so that
// drawing never competes with receiving. Publications go into ring buffers as they arrive; only this
// loop touches the page. With prefers-reduced-motion it slows to once a second. In a hidden tab it rests
// (browsers stop animation frames there), and nothing is lost, because the buffers go on filling.
// It also times itself: the instrument states its own cost.

const REDUCED = matchMedia("(prefers-reduced-motion: reduce)");

/** Milliseconds between two paints now: 100, or 1,000 when the visitor asked for reduced motion. */
export function paintInterval() {
  return REDUCED.matches ? 1000 : 100;
}

/**
 * Starts a loop.
 * @param {(nowMs: number) => void} paint  called with performance.now(), inside an animation frame
 * @returns {{stop: () => void, cost: () => {paintsPerS: number, msPerS: number}, longestGapMs: () => number, forgetGaps: () => void}}
 *   cost over the last ~2 s; the longest time between two frames, since forgetGaps, in which this tab did nothing
 */
export function startPaintLoop(paint) {
  let running = true;
  let lastPaint = -Infinity;
  let windowStart = performance.now();
  let paints = 0;
  let spentMs = 0;
  let cost = { paintsPerS: 0, msPerS: 0 };
  let lastFrame = NaN;
  let longestGap = 0;

  function frame() {
    if (!running) return;
    requestAnimationFrame(frame);
    const now = performance.now();
    if (!document.hidden && now - lastFrame > longestGap) longestGap = now - lastFrame;
    lastFrame = document.hidden ? NaN : now;
    // 4 ms of slack: at 60 Hz every sixth frame is due, not every seventh.
    if (now - lastPaint < paintInterval() - 4) return;
    lastPaint = now;
    paint(now);
    paints += 1;
    spentMs += performance.now() - now;
    const elapsed = now - windowStart;
    if (elapsed >= 2000) {
      cost = { paintsPerS: (paints * 1000) / elapsed, msPerS: (spentMs * 1000) / elapsed };
      windowStart = now;
      paints = 0;
      spentMs = 0;
    }
  }
  requestAnimationFrame(frame);
  document.addEventListener("visibilitychange", () => { lastFrame = NaN; }); // frames rest in a hidden tab; that is no stall

  return {
    stop: () => { running = false; },
    cost: () => cost,
    longestGapMs: () => longestGap,
    forgetGaps: () => { longestGap = 0; },
  };
}
