// A live strip: the last N seconds of something, drawn by uPlot (MIT, https://github.com/leeoniya/uPlot).
// The time axis stands still and the data moves under it, like paper under a pen. Colours are read from the
// page's own colour meanings each time a strip is drawn, so light, dark and high contrast just work.
// What this leaves out: zooming, legends and tooltips. A strip is for shape; for values there are the
// figures beside it and the table under it (see figure.js).

import uPlot from "../../vendor/uPlot.esm.js";
import { colour } from "../theme.js";

/**
 * @typedef {object} StripLine
 * @property {string} label
 * @property {string} token     colour meaning, for example "--lane-sse"
 * @property {number[]} [dash]  line pattern in px; [] or nothing is solid
 * @property {number} [width]
 * @property {boolean} [hidden] the column is only there for `draw`
 *
 * @typedef {object} StripOptions
 * @property {number} seconds                 how much time is shown
 * @property {number} everyS                  distance of the marks on the time axis
 * @property {StripLine[]} lines              one per column of data
 * @property {(low: number|null, high: number|null) => [number, number]} range  of the vertical axis
 * @property {(value: number) => string} label   text at a mark of the vertical axis
 * @property {boolean} [binary]               marks at powers of two: for bytes
 * @property {number} [axisRem]               room for the labels of the vertical axis, in rem
 * @property {boolean} [log]                  logarithmic vertical axis with a mark at each power of ten
 * @property {(plot: uPlot) => void} [draw]   draws on top of the lines, in canvas pixels
 * @property {(plot: uPlot) => void} [drawBelow]  the same, under the lines
 */

/** 1, 2, 4 … bytes: steps that come out even in KiB, MiB and GiB. */
const BINARY_STEPS = Array.from({ length: 46 }, (_, power) => 2 ** power);

/** Marks of a logarithmic axis: the powers of ten inside it. @param {number} low @param {number} high */
function decades(low, high) {
  const marks = [];
  for (let p = Math.ceil(Math.log10(low) - 1e-9); p <= Math.log10(high) + 1e-9; p += 1) marks.push(10 ** p);
  return marks;
}

/**
 * @param {HTMLElement} host  an empty element with a size of its own (class "chart")
 * @param {StripOptions} options
 */
export function createStrip(host, options) {
  let nowS = 0;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const font = `${Math.round(rem * 0.72)}px ${getComputedStyle(document.body).fontFamily}`;
  const axis = {
    font,
    stroke: () => colour("--ink-faint"),
    grid: { stroke: () => colour("--grid-line"), width: 1 },
    ticks: { show: false },
  };

  /** @returns {{width: number, height: number}} */
  function size() {
    return { width: Math.max(80, host.clientWidth), height: Math.max(60, host.clientHeight) };
  }

  const plot = new uPlot({
    ...size(),
    legend: { show: false },
    cursor: { show: false },
    padding: [Math.round(rem * 0.6), Math.round(rem * 0.8), 0, 0],
    scales: {
      x: { time: false, auto: false },
      y: { distr: options.log ? 3 : 1, range: (_plot, low, high) => options.range(low, high) },
    },
    series: [
      {},
      ...options.lines.map((line) => ({
        label: line.label,
        stroke: () => colour(line.token),
        width: line.width ?? 1.5,
        dash: line.dash ?? [],
        points: { show: false },
        paths: line.hidden ? () => null : undefined,
        spanGaps: false,
      })),
    ],
    axes: [
      {
        ...axis,
        size: Math.round(rem * 1.8),
        gap: Math.round(rem * 0.55),
        splits: () => {
          const marks = [];
          for (let ago = options.seconds; ago >= 0; ago -= options.everyS) marks.push(nowS - ago);
          return marks;
        },
        values: (_plot, marks) => marks.map((mark) => {
          const ago = Math.round(nowS - mark);
          return ago === 0 ? "now" : `−${ago} s`;
        }),
      },
      {
        ...axis,
        size: Math.round(rem * (options.axisRem ?? 3.4)),
        gap: Math.round(rem * 0.3),
        space: Math.round(rem * 1.75),
        ...(options.binary ? { incrs: BINARY_STEPS } : {}),
        ...(options.log ? { splits: (_p, _i, low, high) => decades(low, high), filter: (_p, marks) => marks } : {}),
        values: (_plot, marks) => marks.map((mark) => (mark === null ? "" : options.label(mark))),
      },
    ],
    hooks: {
      ...(options.draw ? { draw: [options.draw] } : {}),
      ...(options.drawBelow ? { drawAxes: [options.drawBelow] } : {}),
    },
  }, [[], ...options.lines.map(() => [])], host);

  const resized = new ResizeObserver(() => plot.setSize(size()));
  resized.observe(host);
  const themed = () => plot.redraw(false, true);
  document.addEventListener("lab:theme", themed);

  return {
    plot,
    /**
     * Draws the strip as it is now.
     * @param {import("./ring.js").Columns} columns  one per line
     * @param {number} atS  the right edge, on the same clock as the times
     */
    update(columns, atS) {
      nowS = atS;
      plot.batch(() => {
        plot.setData(columns, false);
        plot.setScale("x", { min: atS - options.seconds, max: atS });
      });
    },
    destroy() {
      resized.disconnect();
      document.removeEventListener("lab:theme", themed);
      plot.destroy();
    },
  };
}
