// One lane on the stage: name and newest publication, strip, median, bytes by layer, requests, empty answers, delivered;
// and, on demand, what it opens to (row-detail.js). The number of the newest publication is written in the first frame
// after it came: it is what "painted" in the figures refers to.

import { el, setText } from "../charts/dom.js";
import { count, digits, percent } from "../charts/format.js";
import { showMark } from "../conditions/watch.js";
import { LANES } from "../lanes.js";
import { createDelayStrip } from "./delay-strip.js";
import { createLayerBar } from "./layer-bar.js";
import { createRowDetail } from "./row-detail.js";
import { medianWords } from "./shown-delay.js";
import { showMedian } from "./median-view.js";

/** A state that needs no word: it is what one expects. */
const EXPECTED = "open";

/**
 * @param {import("../lab.js").ComparedRow} lane
 * @param {import("./lane-state.js").Marks} marks
 */
export function createStageRow(lane, marks) {
  const look = LANES[lane.lane];
  const id = `row-${lane.lane}`;
  const latest = el("span", { class: "row-newest num" });
  const state = el("span", { class: "row-state" });
  const mark = el("a", { class: "badge badge-warn", href: "/conditions", hidden: "" });
  const toggle = el("button", { class: "row-toggle", type: "button", "aria-expanded": "false", "aria-controls": `${id}-detail` }, lane.label);
  const cell = (/** @type {string} */ name, /** @type {string} */ label) => el("td", { role: "cell", class: `cell-${name}` }, el("span", { class: "cell-label", "aria-hidden": "true" }, label));
  const cells = {
    strip: el("td", { role: "cell", class: "cell-strip" }),
    median: cell("median", "half within"),
    bytes: cell("bytes", "bytes for each"),
    requests: cell("requests", "requests each"),
    empty: cell("empty", "empty"),
    delivered: cell("delivered", "delivered"),
  };
  const numbers = Object.fromEntries(["requests", "empty", "delivered"].map((name) => {
    const number = el("span", { class: "stage-number num" });
    const note = el("span", { class: "unit" });
    cells[/** @type {"requests"} */ (name)].append(number, " ", note);
    return [name, { number, note }];
  }));
  const unopened = el("p", { class: "row-unopened", hidden: "" });
  const detail = el("div", { class: "row-detail" });
  const detailRow = el("tr", { role: "row", id: `${id}-detail`, hidden: "" }, el("td", { role: "cell", colspan: "7" }, detail));
  const body = el("tbody", { role: "rowgroup", class: "stage-row", "data-lane": lane.lane },
    el("tr", { role: "row" },
      el("th", { role: "rowheader", scope: "row" }, toggle, el("span", { class: "row-about" }, el("span", { class: "lane-key", "data-lane": lane.lane, "aria-hidden": "true" }), latest, state, mark)),
      ...Object.values(cells)),
    detailRow);

  const strip = createDelayStrip(cells.strip, look, marks.recent);
  cells.strip.append(unopened);
  const bar = createLayerBar(cells.bytes, lane.label);
  const median = showMedian(cells.median);
  /** @type {ReturnType<typeof createRowDetail>|null} */
  let opened = null;
  toggle.addEventListener("click", () => {
    const open = toggle.getAttribute("aria-expanded") !== "true";
    toggle.setAttribute("aria-expanded", String(open));
    detailRow.hidden = !open;
    opened ??= createRowDetail(detail, lane, marks);
    opened.showState(state.dataset.state ?? "closed", state.dataset.word ?? "");
  });
  const isOpen = () => !detailRow.hidden;

  return {
    element: body,
    /** @param {boolean} shown  whether this lane runs */
    show(shown) { body.hidden = !shown; },
    /** What the lane's network is under. @param {import("../conditions/api.js").InEffect | null} conditions */
    showConditions(conditions) { showMark(mark, conditions); },
    /** The state of the client. @param {string} name  a state of lab.css  @param {string} word */
    showState(name, word) {
      state.dataset.state = name;
      state.dataset.word = word;
      setText(state, name === EXPECTED ? "" : word);
      opened?.showState(name, word);
    },
    /** Called in the first frame after an arrival. @param {number} offset */
    paintLatest(offset) { setText(latest, offset === 0 ? "" : `no. ${count(offset)}`); },
    /**
     * @param {import("./delay-axis.js").DelayAxis} axis
     * @param {{min: number|null, p50: number|null, max: number|null}} measured  ms
     * @param {Iterable<import("./lane-state.js").Marks>} all
     * @param {number} nowMs
     */
    draw(axis, measured, all, nowMs) {
      strip.draw(axis, measured, nowMs);
      if (isOpen()) opened?.draw(all, nowMs);
    },
    /**
     * @param {import("./figures.js").Figures} f  one lane's figures
     * @param {Record<string, number>|null} each  bytes per delivered publication
     * @param {number} scale  bytes that fill a bar
     * @param {string} why  it has no figures; "" where it has
     */
    showFigures(f, each, scale, why) {
      setText(unopened, why);
      unopened.hidden = why === "";
      body.classList.toggle("is-unopened", why !== "");
      median(medianWords(f));
      bar.update(each, scale);
      // Before anything was delivered, what was asked meanwhile is all there is, and worth seeing.
      const [requests, note] = f.requests_per_publication === null ? [f.requests > 0 ? count(f.requests) : "", f.requests > 0 ? "so far" : ""] : [digits(f.requests_per_publication), ""];
      put("requests", requests, note);
      put("empty", f.requests === 0 ? "" : f.empty_ratio === 0 ? "0" : percent(f.empty_ratio), "");
      put("delivered", f.expected === 0 || why !== "" ? "" : count(f.delivered), f.expected === 0 || why !== "" ? "" : `of ${count(f.expected)}`);
      cells.delivered.dataset.bad = String((f.missing ?? 0) > 0);
      strip.say({ n: f.received_n, p50: f.received_p50_ms, max: f.received_max_ms });
      opened?.showFigures(f, each, scale);
    },
  };

  /** @param {string} name @param {string} number @param {string} note */
  function put(name, number, note) {
    setText(numbers[name].number, number);
    setText(numbers[name].note, note);
  }
}
