// A figure of one or more lines over the last seconds, out of a ring buffer: strip, sentence and table in one.
// The dashboard's charts are all of this kind.

import { createFigure } from "./figure.js";
import { createStrip } from "./strip.js";

const TABLE_STEP_S = 10;

/**
 * @param {HTMLElement} host
 * @param {object} options
 * @param {string} options.title
 * @param {string} [options.of]  what it is of, where only the heading beside it says so
 * @param {import("./ring.js").Ring} options.ring
 * @param {number} options.seconds
 * @param {import("./strip.js").StripLine[]} options.lines  one per column of the ring
 * @param {Array<{label: string, line: string}>} [options.keys]
 * @param {(low: number|null, high: number|null) => [number, number]} options.range
 * @param {(value: number) => string} options.label     at the axis: short
 * @param {(value: number) => string} [options.format]  in sentence and table; the same by default
 * @param {number} [options.axisRem]
 * @param {boolean} [options.binary]
 * @param {string} [options.spoken]  label of the only line the sentence is about; all of them by default
 * @param {() => number} [options.only]  a ring with many columns of which one is drawn: which
 */
export function createLineFigure(host, { title, of, ring, seconds, lines, keys, range, label, format = label, axisRem, binary, spoken, only }) {
  let nowS = 0;
  /** @returns {import("./ring.js").Columns} */
  const columns = () => {
    const [times, ...values] = ring.since(nowS - seconds);
    return only ? [times, values[only()] ?? times.map(() => null)] : [times, ...values];
  };
  const figure = createFigure(host, { title, of, keys, table });
  const strip = createStrip(figure.chart, { seconds, everyS: seconds / 4, lines, range, label, axisRem, binary });

  /** The newest value at each ten seconds back. */
  function table() {
    const [times, ...values] = columns();
    const rows = [];
    for (let ago = 0; ago < seconds; ago += TABLE_STEP_S) {
      const at = times.findLastIndex((time) => time <= nowS - ago);
      if (at < 0) break;
      rows.push([ago === 0 ? "now" : String(ago), ...values.map((column) => (column[at] === null ? "—" : format(column[at])))]);
    }
    return { head: ["Seconds ago", ...lines.map((line) => line.label)], rows };
  }

  return {
    /** Draws up to now. @param {number} atS  performance time in s */
    update(atS) {
      nowS = atS;
      strip.update(columns(), atS);
    },
    /** Puts what is drawn into words: each line's last value and its extremes. */
    say() {
      const [, ...columnOf] = columns();
      const parts = lines.flatMap((line, i) => {
        if (spoken !== undefined && line.label !== spoken) return [];
        const values = columnOf[i].filter((value) => value !== null);
        const last = values.at(-1);
        if (last === undefined) return [];
        const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
        return [`${line.label}: ${format(last)} last, between ${format(low)} and ${format(high)} in ${seconds} s.`];
      });
      figure.say(parts.join(" ") || "Nothing received yet.");
    },
  };
}

/** An axis from zero to a little above the largest value, in steps that do not jitter. @param {number} least  smallest top */
export function fromZero(least) {
  return (/** @type {number|null} */ _low, /** @type {number|null} */ high) => /** @type {[number, number]} */ ([0, niceAbove(Math.max(least, (high ?? 0) * 1.05))]);
}

/** The same for bytes: the top is a power of two, or one and a half of it. @param {number} least */
export function bytesFromZero(least) {
  return (/** @type {number|null} */ _low, /** @type {number|null} */ high) => {
    const power = 2 ** Math.ceil(Math.log2(Math.max(least, (high ?? 0) * 1.05)));
    return /** @type {[number, number]} */ ([0, power * 0.75 >= (high ?? 0) * 1.05 && power > least ? power * 0.75 : power]);
  };
}

/** The next of 1, 2, 3, 5, 7 times a power of ten. @param {number} value */
export function niceAbove(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return (([1, 2, 3, 5, 7].find((step) => step * power >= value * 0.999)) ?? 10) * power;
}
