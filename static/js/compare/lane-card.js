// One lane on the compare page: nameplate and state, strip of latency, key figures, bytes by layer, and the
// number of the newest publication, written in every frame: it is what "painted" in the figures refers to.

import { el, setText, setValue } from "../charts/dom.js";
import { count, digits, percent, NONE } from "../charts/format.js";
import { createByteBar } from "../charts/byte-bar.js";
import { showMark } from "../conditions/watch.js";
import { LANES } from "../lanes.js";
import { CODE } from "../transports/index.js";
import { createLatencyStrip, decadesAround } from "./latency-strip.js";
import { showPercentile } from "./percentile-view.js";

/**
 * @param {HTMLElement} host  where the card is added
 * @param {import("../lab.js").Lane} lane
 * @param {{measured: import("../charts/range-buckets.js").RangeBuckets, discarded: import("../charts/range-buckets.js").RangeBuckets}} marks
 */
export function createLaneCard(host, lane, marks) {
  const look = LANES[lane.lane];
  const title = `lane-${lane.lane}`;
  const state = el("span", { class: "state", "data-state": "closed" }, "not started");
  const mark = el("a", { class: "badge badge-warn", href: "/conditions", hidden: "" });
  const latest = el("span", { class: "num" }, NONE);
  const stripHost = el("figure", {});
  const byteHost = el("div", { class: "bytes" });
  const cells = Object.fromEntries(["p50", "p99", "max", "delivered", "requests", "empty"].map((name) => [name, el("dd", {}, NONE)]));
  const figure = (/** @type {string} */ label, /** @type {HTMLElement} */ cell) => el("div", {}, el("dt", {}, label), cell);

  const card = el("section", { class: "card lane-card", "data-lane": lane.lane, "aria-labelledby": title },
    el("header", { class: "card-head" }, el("h3", { id: title }, lane.label), state,
      el("p", { class: "unit lane-labels" }, `${lane.protocol} over ${lane.transport}`, " ", mark)),
    el("div", { class: "card-body" },
      stripHost,
      el("dl", { class: "figures lane-figures" },
        figure("p50", cells.p50), figure("p99", cells.p99), figure("max", cells.max), figure("delivered", cells.delivered),
        figure("requests each", cells.requests), figure("empty answers", cells.empty)),
      byteHost),
    el("footer", { class: "card-foot" },
      el("span", {}, "newest ", latest),
      el("button", { class: "button button-small button-quiet", type: "button", "data-code": CODE[lane.lane] }, "Show the code",
        el("span", { class: "visually-hidden" }, ` of ${lane.label}`))));
  host.append(card);

  const strip = createLatencyStrip(stripHost, lane.label, look.colour, marks.measured, marks.discarded);
  const bar = createByteBar(byteHost, lane.label, lane.protocol);

  return {
    strip,
    /** @param {boolean} shown  whether this lane runs */
    show(shown) { card.hidden = !shown; },
    /** What the lane's network is under. @param {import("../conditions/api.js").InEffect | null} conditions */
    showConditions(conditions) { showMark(mark, conditions); },
    /** The state of the client. @param {string} name  a state of lab.css  @param {string} word */
    showState(name, word) {
      if (state.dataset.state !== name) state.dataset.state = name;
      setText(state, word);
    },
    /** Called in the first frame after an arrival. @param {number} offset */
    paintLatest(offset) {
      setText(latest, offset === 0 ? NONE : `no. ${count(offset)}`);
    },
    /** Back to "nothing yet". */
    clear() {
      for (const cell of Object.values(cells)) {
        cell.replaceChildren(NONE);
        delete cell.dataset.trust;
      }
      setText(latest, NONE);
      bar.update(null, 0, null);
      strip.say({ n: 0, p50: null, p99: null, max: null });
      strip.update(performance.now() / 1000, decadesAround(null, null));
    },
    /**
     * @param {import("./figures.js").Figures} f  one lane's figures
     * @param {Record<string, number>|null} each  bytes per delivered publication
     * @param {number} scale  bytes that fill a bar
     */
    showFigures(f, each, scale) {
      showPercentile(cells.p50, f.received_p50_ms, 0.5, f.received_n);
      showPercentile(cells.p99, f.received_p99_ms, 0.99, f.received_n);
      showPercentile(cells.max, f.received_max_ms, 1, f.received_n);
      setValue(cells.delivered, f.expected === 0 ? [NONE, ""] : [count(f.delivered), `of ${count(f.expected)}`]);
      setValue(cells.requests, [digits(f.requests_per_publication), ""]);
      setValue(cells.empty, f.requests === 0 ? [NONE, ""] : [count(f.empty_answers), percent(f.empty_ratio)]);
      bar.update(each, scale, f.tcp_ip_source);
      strip.say({ n: f.received_n, p50: f.received_p50_ms, p99: f.received_p99_ms, max: f.received_max_ms });
    },
  };
}
