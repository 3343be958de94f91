// One lane's strip on the stage. From left to right: how long after it happened a publication arrived, on the axis all
// rows share (delay-axis.js). One dot is one arrival; the same publication stands at the same height in every row, so
// that the eye finds it again. Below the dots a line in the lane's own dash pattern goes from the fastest to the slowest
// of the whole run, so that a single late one stays visible; the upright bar is the median. Rings are warm-up and do
// not count.

import { el } from "../charts/dom.js";
import { count, durationText } from "../charts/format.js";
import { paintInterval } from "../charts/paint-loop.js";
import { colour } from "../theme.js";

/** Heights a dot can stand at, by its publication's number. */
const HEIGHTS = 5;
/** A dot that has just come is larger for so long. */
const NEW_MS = 700;

/** @typedef {{n: number, p50: number|null, max: number|null}} Received  ms */

/**
 * @param {HTMLElement} host
 * @param {{label: string, colour: string, dash: number[]}} look
 * @param {import("./arrivals.js").Arrivals} arrivals
 */
export function createDelayStrip(host, look, arrivals) {
  const canvas = el("canvas", { class: "delay-strip", role: "img", "aria-label": `${look.label}: nothing measured yet` });
  host.append(canvas);
  const context = canvas.getContext("2d");

  /** Sizes the bitmap to the box. @returns {{width: number, height: number, rem: number}} in CSS px */
  function fit() {
    const { clientWidth: width, clientHeight: height } = canvas;
    const [wide, high] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
    if (canvas.width !== wide) canvas.width = wide;
    if (canvas.height !== high) canvas.height = high;
    return { width, height, rem: parseFloat(getComputedStyle(document.documentElement).fontSize) };
  }

  return {
    /**
     * @param {import("./delay-axis.js").DelayAxis} axis
     * @param {{min: number|null, p50: number|null, max: number|null}} measured  ms, of the whole run
     * @param {number} nowMs
     */
    draw(axis, measured, nowMs) {
      const { width, height, rem } = fit();
      if (context === null || width === 0) return;
      const line = Math.max(2, rem / 8);
      const radius = rem * 0.22;
      const inset = radius * 1.5;
      const x = (/** @type {number} */ ms) => inset + axis.at(ms) * (width - 2 * inset);
      const floor = height - line * 2;
      context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
      context.clearRect(0, 0, width, height);

      context.fillStyle = colour("--grid-line");
      for (const { ms } of axis.marks()) context.fillRect(Math.round(x(ms)), 0, 1, height);

      const own = colour(look.colour);
      const ground = colour("--panel");
      if (measured.min !== null && measured.max !== null) {
        context.strokeStyle = own;
        context.lineWidth = line;
        context.setLineDash(look.dash.map((length) => (length * line) / 2.5));
        context.beginPath();
        context.moveTo(x(measured.min) - radius, floor);
        context.lineTo(x(measured.max) + radius, floor);
        context.stroke();
        context.setLineDash([]);
      }
      const still = paintInterval() > 100;
      const step = (floor - line - 2 * radius) / (HEIGHTS - 1);
      arrivals.each((delayMs, number, atMs, isMeasured) => {
        const isNew = !still && nowMs - atMs < NEW_MS;
        const size = isNew ? radius * 1.3 : radius;
        context.beginPath();
        context.arc(x(delayMs), radius + (number % HEIGHTS) * step, isMeasured ? size : size - line / 2, 0, 2 * Math.PI);
        if (isMeasured) {
          context.fillStyle = own;
          context.fill();
          context.strokeStyle = ground;
          context.lineWidth = 0.75;
        } else {
          context.strokeStyle = colour("--rule-strong");
          context.lineWidth = line * 0.75;
        }
        context.stroke();
      });
      if (measured.p50 !== null) {
        context.fillStyle = ground;
        context.fillRect(x(measured.p50) - line, 0, 2 * line, height);
        context.fillStyle = colour("--ink");
        context.fillRect(x(measured.p50) - line / 2, 0, line, height);
      }
    },
    /** The same in words. @param {Received} received */
    say({ n, p50, max }) {
      const words = n === 0 ? "nothing measured yet" : `${count(n)} arrived; half of them within ${durationText(p50)}, the slowest after ${durationText(max)}`;
      const label = `${look.label}: ${words}`;
      if (canvas.getAttribute("aria-label") !== label) canvas.setAttribute("aria-label", label);
    },
  };
}
