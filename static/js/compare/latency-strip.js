// What a row of the stage opens to: latency (received − intended) over the last minute, on a logarithmic axis that all
// lanes share. Every tenth of a second with arrivals is one mark, from its fastest to its slowest
// publication, so a single late one stays visible. Marks before the end of a warm-up are grey.

import { createStrip } from "../charts/strip.js";
import { createFigure } from "../charts/figure.js";
import { axisDuration, count, durationText } from "../charts/format.js";
import { colour } from "../theme.js";

export const STRIP_S = 60;
const FLOOR_MS = 0.1; // below this the clock says nothing (performance.now() has a resolution of 0.1 ms)

/** Powers of ten that hold all values. @param {number|null} low @param {number|null} high @returns {[number, number]} */
export function decadesAround(low, high) {
  const bottom = 10 ** Math.floor(Math.log10(Math.max(FLOOR_MS, low ?? 1)));
  const top = 10 ** Math.ceil(Math.log10(Math.max(10 * bottom, (high ?? 100) * 1.05)));
  return [bottom, top];
}

/**
 * The axis that holds what all lanes show now.
 * @param {Iterable<import("./lane-state.js").Marks>} marks @param {number} nowS
 * @returns {[number, number]}
 */
export function sharedRange(marks, nowS) {
  let [low, high] = [Infinity, -Infinity];
  for (const { measured, discarded } of marks) {
    for (const buckets of [measured, discarded]) {
      const [, lows, highs] = buckets.between(nowS - STRIP_S, nowS);
      for (const value of lows) low = Math.min(low, value);
      for (const value of highs) high = Math.max(high, value);
    }
  }
  return low <= high ? decadesAround(low, high) : decadesAround(null, null);
}

/**
 * @param {HTMLElement} host
 * @param {string} name   the lane's label
 * @param {string} token  the lane's colour
 * @param {import("../charts/range-buckets.js").RangeBuckets} measured
 * @param {import("../charts/range-buckets.js").RangeBuckets} discarded  arrivals in a warm-up
 */
export function createLatencyStrip(host, name, token, measured, discarded) {
  /** @type {[number, number]} */
  let range = [0.1, 1000];
  let lastS = 0;

  const figure = createFigure(host, {
    title: "Latency over the last minute",
    of: name,
    table: () => ({ head: ["Seconds ago", "fastest", "slowest"], rows: tableRows(measured, lastS) }),
  });

  /** @param {import("uplot")} plot @param {number} column @param {string} paint */
  function marks(plot, column, paint) {
    const [times, lows, highs] = [plot.data[0], plot.data[column] ?? [], plot.data[column + 1] ?? []];
    const thick = Math.max(2, Math.round(devicePixelRatio * 1.5));
    plot.ctx.fillStyle = paint;
    for (let i = 0; i < times.length; i += 1) {
      const [low, high] = [lows[i] ?? null, highs[i] ?? null];
      if (low === null || high === null) continue;
      const x = plot.valToPos(times[i], "x", true);
      const bottom = plot.valToPos(Math.max(range[0], low), "y", true);
      const top = plot.valToPos(Math.max(range[0], high), "y", true);
      plot.ctx.fillRect(Math.round(x - thick / 2), Math.round(top - thick / 2), thick, Math.round(bottom - top) + thick);
    }
  }

  const strip = createStrip(figure.chart, {
    seconds: STRIP_S,
    everyS: 20,
    log: true,
    axisRem: 3.1,
    lines: ["fastest", "slowest", "warm-up fastest", "warm-up slowest"].map((label) => ({ label, token, hidden: true })),
    range: () => range,
    label: axisDuration,
    draw: (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      marks(plot, 3, colour("--rule-strong"));
      marks(plot, 1, colour(token));
      ctx.restore();
    },
  });

  return {
    /** @param {number} nowS @param {[number, number]} sharedRange  in ms, powers of ten */
    update(nowS, sharedRange) {
      range = sharedRange;
      lastS = nowS;
      strip.update(interleave(measured.between(nowS - STRIP_S, nowS), discarded.between(nowS - STRIP_S, nowS)), nowS);
    },
    /** @param {{n: number, p50: number|null, p99: number|null, max: number|null}} received */
    say({ n, p50, max }) {
      figure.say(n === 0
        ? "Nothing measured yet."
        : `${count(n)} arrived; half of them within ${durationText(p50)}, the slowest after ${durationText(max)}.`);
    },
  };
}

/** Times, lows and highs, as RangeBuckets has them. @typedef {[number[], number[], number[]]} Ranges */

/** Two sets of marks on one time axis, as uPlot wants them: one list of times, gaps as null.
 * @param {Ranges} measured @param {Ranges} grey @returns {import("../charts/ring.js").Columns} */
function interleave([times, lows, highs], [greyTimes, greyLows, greyHighs]) {
  /** @type {[number[], ...(number|null)[][]]} */
  const out = [[], [], [], [], []];
  let a = 0;
  let b = 0;
  while (a < times.length || b < greyTimes.length) {
    const next = Math.min(times[a] ?? Infinity, greyTimes[b] ?? Infinity);
    out[0].push(next);
    const isA = times[a] === next;
    const isB = greyTimes[b] === next;
    out[1].push(isA ? lows[a] : null);
    out[2].push(isA ? highs[a] : null);
    out[3].push(isB ? greyLows[b] : null);
    out[4].push(isB ? greyHighs[b] : null);
    if (isA) a += 1;
    if (isB) b += 1;
  }
  return out;
}

/** The last minute in steps of five seconds. @param {import("../charts/range-buckets.js").RangeBuckets} buckets @param {number} nowS */
function tableRows(buckets, nowS) {
  const rows = [];
  for (let ago = 0; ago < STRIP_S; ago += 5) {
    const [times, lows, highs] = buckets.between(nowS - ago - 5, nowS - ago - 0.1);
    if (times.length === 0) continue;
    rows.push([`${ago} to ${ago + 5}`, durationText(Math.min(...lows)), durationText(Math.max(...highs))]);
  }
  return rows;
}
