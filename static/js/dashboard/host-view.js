// The figures of this machine, as they come on channel cache-dashboard-host: big numbers and four strips. The strips
// are grey on purpose: colour belongs to transports. Cores are told apart by the list below the strip.

import { el, find, setText, setValue } from "../charts/dom.js";
import { axisBytes, bytes, bytesText, digits, percent } from "../charts/format.js";
import { bytesFromZero, createLineFigure, fromZero } from "../charts/line-figure.js";
import { Ring } from "../charts/ring.js";

/** @typedef {import("./published.js").HostFigures} HostFigures */

const SECONDS = 120;
const ROWS = 180;
const host = (/** @type {string} */ name) => find(`[data-strip="${name}"]`);
const shown = (/** @type {string} */ name) => find(`[data-show="${name}"]`);
const mean = (/** @type {number[]} */ list) => list.reduce((a, b) => a + b, 0) / Math.max(1, list.length);
/** @param {[string, string]} value @returns {[string, string]} */
const perSecond = ([value, unit]) => [value, unit === "" ? "" : `${unit}/s`];

const SOLID = { token: "--ink", width: 1.75 };
const DASHED = { token: "--ink-soft", dash: [6, 4], width: 1.5 };
const DOTTED = { token: "--ink-soft", dash: [2, 3], width: 1.5 };

export function createHostView() {
  const memory = new Ring(ROWS, 1);
  const network = new Ring(ROWS, 2);
  const load = new Ring(ROWS, 3);
  /** Cores, and their mean as the last column; made when the number of cores is known. @type {Ring|null} */
  let cpu = null;

  const figures = [
    createLineFigure(host("memory"), {
      title: "used, last 2 min", of: "memory", ring: memory, seconds: SECONDS, lines: [{ label: "used", ...SOLID }],
      range: bytesFromZero(2 ** 26), binary: true, label: axisBytes, format: bytesText, axisRem: 4,
    }),
    createLineFigure(host("network"), {
      title: "per second, last 2 min", of: "the network", ring: network, seconds: SECONDS, lines: [{ label: "in", ...SOLID }, { label: "out", ...DASHED }],
      keys: [{ label: "in", line: "" }, { label: "out", line: "dashed" }],
      range: bytesFromZero(1024), binary: true, label: axisBytes, format: bytesText, axisRem: 4,
    }),
    createLineFigure(host("load"), {
      title: "last 2 min", of: "load", ring: load, seconds: SECONDS,
      lines: [{ label: "1 min", ...SOLID }, { label: "5 min", ...DASHED }, { label: "15 min", ...DOTTED }],
      keys: [{ label: "1", line: "" }, { label: "5", line: "dashed" }, { label: "15 min", line: "dotted" }],
      range: fromZero(1), label: (value) => digits(value), axisRem: 2.6,
    }),
  ];
  /** @type {HTMLElement[]} */
  let coreBars = [];

  /** @param {number} cores */
  function buildCpu(cores) {
    cpu = new Ring(ROWS, cores + 1);
    const each = Array.from({ length: cores }, (_, i) => ({ label: `core ${i}`, token: "--ink-faint", width: 1, dash: i % 2 ? [4, 3] : [] }));
    figures.unshift(createLineFigure(host("cpu"), {
      title: "last 2 min", of: "the processors", ring: cpu, seconds: SECONDS, lines: [...each, { label: "all cores", ...SOLID }],
      keys: [{ label: "all", line: "" }, { label: "each core", line: "thin" }],
      spoken: "all cores", range: () => [0, 100], label: (value) => `${Math.round(value)} %`, axisRem: 3.2,
    }));
    coreBars = each.map(() => el("span", { class: "core-bar" }));
    document.querySelector("[data-cores]")?.replaceChildren(...coreBars.map((bar, i) => el("li", {},
      el("span", {}, `core ${i}`), el("span", { class: "core-track", "aria-hidden": "true" }, bar), el("span", { class: "num" }))));
  }

  return {
    /** @param {HostFigures} data @param {number} atS  performance time in s */
    take(data, atS) {
      if (cpu === null) buildCpu(data.cpu_percent.length);
      cpu?.push(atS, [...data.cpu_percent, mean(data.cpu_percent)]);
      memory.push(atS, [data.memory_used_bytes]);
      network.push(atS, [data.network_in_bytes_per_s, data.network_out_bytes_per_s]);
      load.push(atS, data.load);
    },
    /** Big numbers of the newest publication. @param {HostFigures} data */
    paint(data) {
      setValue(shown("cpu"), [digits(mean(data.cpu_percent)), "%"]);
      setValue(shown("process-cpu"), [digits(data.process_cpu_percent), "%"]);
      const [used, unit] = bytes(data.memory_used_bytes);
      setValue(shown("memory"), [used, `${unit} of ${bytesText(data.memory_total_bytes)}`]);
      setValue(shown("process-memory"), bytes(data.process_memory_bytes));
      setValue(shown("net-in"), perSecond(bytes(data.network_in_bytes_per_s)));
      setValue(shown("net-out"), perSecond(bytes(data.network_out_bytes_per_s)));
      ["load-1", "load-5", "load-15"].forEach((name, i) => setValue(shown(name), [digits(data.load[i]), ""]));
      coreBars.forEach((bar, i) => {
        bar.style.inlineSize = `${data.cpu_percent[i] ?? 0}%`;
        const number = bar.closest("li")?.lastElementChild;
        if (number) setText(number, percent((data.cpu_percent[i] ?? 0) / 100));
      });
    },
    /** @param {number} nowS */
    draw(nowS) {
      for (const figure of figures) figure.update(nowS);
    },
    say() {
      for (const figure of figures) figure.say();
    },
  };
}
