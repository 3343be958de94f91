// One lane of the sequence as a picture: the page's line on the left, the server's on the right, time from top to bottom.
// What is drawn stays where it was put; as time goes on only the group it is in is moved, so that a frame costs next to
// nothing. An arrow can be reached with the arrow keys, and opened.

import { el } from "../../charts/dom.js";
import { axisDuration, bytesText, durationText } from "../../charts/format.js";
import { goneText } from "./tap.js";
import { beginOf, drawnEnds, endOf, labelsThatFit, onWayText, stepOf, thicknessOf } from "./sequence-model.js";

/** @typedef {import("./sequence-model.js").Arrow} Arrow @typedef {import("./sequence-model.js").Band} Band */

const SVG = "http://www.w3.org/2000/svg";
/** More would be a smear. */
const DRAWN_MAX = 250;
/** Left of the page's line: the time. Right of the server's: how long a question was held. At least so many px, and so many letters. */
const LEFT = { px: 64, em: 3.6 };
const RIGHT = { px: 84, em: 4.4 };
/** Letters of so many px are projected. */
const PROJECTED_EM = 20;
/** The widest arrow, px. */
const SHAFT_MAX = 14;
/** Of a line whose other end nobody measured. */
const STUB = 0.3;

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} name @param {Record<string, string|number>} [attributes] @param {...(Node|string)} children
 * @returns {SVGElementTagNameMap[K]}
 */
function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}

/** @param {Arrow} arrow @param {string} lane  its name @param {number} boundUs @param {number} zeroUs */
function arrowText(arrow, lane, boundUs, zeroUs) {
  const [from, to] = arrow.direction === "up" ? ["browser", "server"] : ["server", "browser"];
  const bytes = arrow.bytes === null ? "" : `, ${bytesText(arrow.bytes)}`;
  return `${lane}, ${timeText(beginOf(arrow), zeroUs)}: ${from} to ${to}, ${arrow.what}${bytes}; on its way: ${onWayText(arrow, boundUs, durationText)}`;
}

/** Seconds since the first of it: "12.345 s". @param {number} us @param {number} zeroUs */
export function timeText(us, zeroUs) {
  return `${((us - zeroUs) / 1e6).toFixed(3)} s`;
}

export class SequenceColumn {
  #arrows = svg("g");
  #labels = svg("g", { class: "sequence-labels", "aria-hidden": "true" });
  #bars = svg("g");
  #ticks = svg("g", { class: "sequence-ticks" });
  #gaps = svg("g");
  #clouds = svg("g");
  #lines = svg("g");
  #moving = svg("g");
  /** @type {Map<string, {node: SVGGElement, label: SVGTextElement|null, drawn: string, arrow: Arrow}>} */
  #drawn = new Map();
  /** Of its letters, px. */
  #em = 12;
  #width = 0;
  #height = 0;
  #baseUs = NaN;
  #spanUs = NaN;
  /** @type {(Band & {node: SVGGElement})[]} */
  #bands = [];

  /**
   * @param {import("../../lab.js").ComparedRow} row
   * @param {{open: (arrow: Arrow) => void, focused: (isLookedAt: boolean) => void, beyond: (by: 1|-1) => boolean}} wants  beyond: to the exchange after the last or before the first that is seen
   */
  constructor(row, wants) {
    this.row = row;
    this.wants = wants;
    this.under = el("a", { class: "sequence-under", href: "/conditions", hidden: "" });
    this.left = el("p", { class: "sequence-note", hidden: "" });
    this.picture = svg("svg", { class: "sequence-picture", role: "group", tabindex: 0, "aria-label": `${row.label}: what this page and the server said to each other, time from top to bottom` });
    const cloud = `sequence-cloud-${row.lane}`;
    const pattern = svg("pattern", { id: cloud, patternUnits: "userSpaceOnUse", width: 40, height: 28 });
    this.pattern = pattern;
    this.cloud = cloud;
    this.#moving.append(this.#ticks, this.#gaps, this.#bars, this.#arrows, this.#labels);
    this.break = `sequence-break-${row.lane}`;
    const hatched = svg("pattern", { id: this.break, patternUnits: "userSpaceOnUse", width: 8, height: 8, patternTransform: "rotate(45)" }, svg("rect", { class: "sequence-break", width: 3, height: 8 }));
    this.picture.append(svg("defs", {}, pattern, hatched), this.#clouds, this.#lines, this.#moving);
    this.node = el("section", { class: "sequence-column", "data-lane": row.lane, "aria-label": row.label },
      el("h2", {}, el("span", { class: "lane-name", "data-lane": row.lane }, row.label)),
      el("p", { class: "sequence-ends" }, el("span", {}, "browser"), this.under, el("span", {}, "server")), el("div", { class: "sequence-frame" }, this.picture, this.left));
    this.picture.addEventListener("click", (event) => this.#openAt(event.target));
    this.picture.addEventListener("focusin", ({ target }) => { if (target !== this.picture) wants.focused(true); });
    this.picture.addEventListener("focusout", ({ relatedTarget }) => {
      if (!(relatedTarget instanceof Element) || relatedTarget.closest("[data-arrow]") === null) wants.focused(false);
    });
    this.picture.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {EventTarget|null} target */
  #openAt(target) {
    const group = target instanceof Element ? target.closest("[data-arrow]") : null;
    const known = group === null ? undefined : this.#drawn.get(group.getAttribute("data-arrow") ?? "");
    if (known !== undefined && known.arrow.which !== null) this.wants.open(known.arrow);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#openAt(event.target);
      return;
    }
    const seen = this.#seen();
    const at = seen.findIndex(({ node }) => node === document.activeElement);
    // From the picture itself to the newest of it.
    if (at < 0 && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      const newest = seen.at(-1)?.node;
      if (newest !== undefined) this.#focus(newest);
      return;
    }
    /** @type {Record<string, number>} */
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: seen.length - 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const to = moves[event.key];
    if (to >= 0 && to < seen.length) this.#focus(seen[to].node);
    else if (this.wants.beyond(to < 0 ? -1 : 1)) {
      const now = this.#seen();
      const next = to < 0 ? now[now.findIndex(({ node }) => node === document.activeElement) - 1] : now.at(-1);
      if (next !== undefined) this.#focus(next.node);
    }
  }

  /** @param {SVGGElement} node */
  #focus(node) {
    node.focus({ preventScroll: true });
  }

  /** What is drawn and inside the picture, in order of time. */
  #seen() {
    return [...this.#drawn.values()].filter(({ node }) => node.dataset.seen === "true").sort((one, other) => beginOf(one.arrow) - beginOf(other.arrow));
  }

  #y(/** @type {number} */ us) {
    return ((us - this.#baseUs) / this.#spanUs) * this.#height;
  }

  get #pageX() { return Math.max(LEFT.px, LEFT.em * this.#em); }
  get #right() { return Math.max(RIGHT.px, RIGHT.em * this.#em); }
  get #serverX() { return this.#width - this.#right; }

  /** Moves what is drawn so that `headUs` is at the lower edge. @param {number} headUs */
  scroll(headUs) {
    if (!(this.#height > 0) || Number.isNaN(this.#baseUs)) return;
    const down = this.#height - this.#y(headUs);
    this.#moving.setAttribute("transform", `translate(0 ${down.toFixed(2)})`);
    const edge = (/** @type {number|null} */ us) => Math.min(this.#height, us === null ? Infinity : this.#y(us) + down);
    for (const { fromUs, sureToUs, toUs, node } of this.#bands) this.#placeBand(node, Math.max(0, this.#y(fromUs) + down), edge(sureToUs), edge(toUs), down);
  }

  /** @param {SVGGElement} node @param {number} top @param {number} sure  up to there it held @param {number} bottom  and there no more @param {number} down */
  #placeBand(node, top, sure, bottom, down) {
    const isSeen = bottom - top > 1;
    node.toggleAttribute("hidden", !isSeen);
    node.style.display = isSeen ? "" : "none";
    if (!isSeen) return;
    const [area, soft, text] = node.children;
    const split = Math.max(top, sure);
    for (const [part, from, to] of /** @type {const} */ ([[area, top, split], [soft, split, bottom]])) {
      part.setAttribute("y", String(from));
      part.setAttribute("height", String(Math.max(0, to - from)));
    }
    // Where they begin; what holds at the lower edge stands above the picture.
    text.toggleAttribute("hidden", top <= 0);
    text.setAttribute("y", String(top + 14));
    this.pattern.setAttribute("patternTransform", `translate(${this.#bandX} ${(down % 28).toFixed(2)})`);
  }

  get #bandWidth() { return Math.max(40, (this.#serverX - this.#pageX) * 0.34); }
  get #bandX() { return (this.#pageX + this.#serverX - this.#bandWidth) / 2; }

  /**
   * @param {import("./sequence-model.js").Model} model  of this lane
   * @param {{headUs: number, spanUs: number, boundUs: number, zeroUs: number, bands: Band[], gaps: import("./tap.js").Gap[], laneBytesMax: number}} view
   */
  draw(model, { headUs, spanUs, boundUs, zeroUs, bands, gaps, laneBytesMax }) {
    const { clientWidth: width, clientHeight: height } = this.picture;
    if (width === 0 || height === 0 || Number.isNaN(headUs)) return;
    const em = parseFloat(getComputedStyle(this.picture).fontSize);
    if (em !== this.#em || width !== this.#width || height !== this.#height || spanUs !== this.#spanUs || !(Math.abs(headUs - this.#baseUs) < 200 * spanUs)) {
      this.#em = em;
      [this.#width, this.#height, this.#spanUs, this.#baseUs] = [width, height, spanUs, headUs];
      for (const id of [...this.#drawn.keys()]) this.#remove(id);
      this.#drawLines();
    }
    const from = headUs - spanUs * 1.15;
    const to = headUs + spanUs * 0.15;
    const near = model.arrows.filter((arrow) => endOf(arrow) >= from && beginOf(arrow) <= to);
    const shown = near.slice(-DRAWN_MAX);
    const labels = this.#labelsOf(shown, boundUs, gaps);

    const wanted = new Set(shown.map(({ id }) => id));
    for (const [id, { node }] of this.#drawn) {
      if (wanted.has(id) || node === document.activeElement) continue;
      this.#remove(id);
    }
    for (const arrow of shown) this.#drawArrow(arrow, boundUs, zeroUs, labels.has(arrow.id));
    this.#markSeen(headUs);
    this.#drawBars(model.bars.filter((bar) => (bar.toUs ?? headUs) >= from && bar.fromUs <= to), headUs);
    this.#drawTicks(from, to, zeroUs);
    this.#drawGaps(gaps.filter((gap) => gap.toUs >= from && gap.fromUs <= to), laneBytesMax);
    this.#drawBands(bands);
    const under = bands.find(({ fromUs, toUs }) => fromUs <= headUs && (toUs === null || toUs > headUs))?.text ?? "";
    if (this.under.textContent !== under) {
      this.under.textContent = under;
      this.under.hidden = under === "";
      this.under.title = under === "" ? "" : `Network conditions: ${under}`;
    }
    this.left.hidden = near.length <= DRAWN_MAX;
    this.left.textContent = this.left.hidden ? "" : `The newest ${DRAWN_MAX} of ${near.length} are drawn; show less time at once for the others.`;
    this.scroll(headUs);
  }

  /** @param {string} id */
  #remove(id) {
    const known = this.#drawn.get(id);
    known?.node.remove();
    known?.label?.remove();
    this.#drawn.delete(id);
  }

  /** @param {number} headUs */
  #markSeen(headUs) {
    for (const { node, arrow } of this.#drawn.values()) {
      node.dataset.seen = String(beginOf(arrow) <= headUs && endOf(arrow) >= headUs - this.#spanUs);
    }
  }

  #drawLines() {
    const line = (/** @type {number} */ x) => svg("line", { class: "sequence-life", x1: x, x2: x, y1: 0, y2: this.#height });
    this.#lines.replaceChildren(line(this.#pageX), line(this.#serverX));
    this.node.style.setProperty("--page-x", `${this.#pageX}px`);
    this.node.style.setProperty("--server-right", `${this.#right}px`);
    const w = this.#bandWidth;
    this.pattern.setAttribute("width", String(w));
    this.pattern.replaceChildren(svg("path", { class: "sequence-cloud", d: `M10 0 Q-6 14 10 28 H${w - 1} Q${w - 1} 18 ${w - 10} 14 Q${w - 1} 10 ${w - 1} 0 Z` }));
    for (const { node } of this.#bands) node.remove();
    this.#bands = [];
  }

  /** Those that have room above their arrow: no other label, and no arrow that would strike it through. @param {Arrow[]} arrows @param {number} boundUs @param {import("./tap.js").Gap[]} gaps */
  #labelsOf(arrows, boundUs, gaps) {
    const placed = arrows.map((arrow) => ({ id: arrow.id, y: this.#middle(arrow, boundUs), above: this.#above(arrow), weight: weightOf(arrow), isWhole: arrow.pageUs !== null && arrow.serverUs !== null }));
    const shafts = placed.filter(({ isWhole }) => isWhole).map(({ y, above }) => ({ from: y - above, to: y + above })).sort((one, other) => one.from - other.from);
    const breaks = gaps.map(({ fromUs, toUs }) => ({ from: this.#y(fromUs), to: Math.max(this.#y(toUs), this.#y(fromUs) + 6) }));
    const isFree = (/** @type {{y: number, above: number}} */ { y, above }) => {
      const [top, bottom] = [y - above - this.#em, y - above - 1];
      // The first that begins below the label's upper edge less the widest there is.
      let at = firstAtLeast(shafts, top - SHAFT_MAX);
      for (; at < shafts.length && shafts[at].from < bottom; at += 1) if (shafts[at].to > top + 1) return false;
      return !breaks.some(({ from, to }) => from < bottom && to > top);
    };
    return labelsThatFit(placed.filter(isFree), this.#em * 1.25);
  }

  /** Half of its width, and what keeps letters off it. @param {Arrow} arrow */
  #above(arrow) {
    return thicknessOf(arrow.bytes, arrow.isEmpty, this.#em >= PROJECTED_EM ? 3 : 2) / 2 + 1;
  }

  /** @param {Arrow} arrow @param {number} boundUs */
  #middle(arrow, boundUs) {
    const { pageUs, serverUs } = drawnEnds(arrow, boundUs);
    const one = pageUs ?? serverUs ?? NaN;
    return this.#y((one + (serverUs ?? one)) / 2);
  }

  /** @param {Arrow} arrow @param {number} boundUs @param {number} zeroUs @param {boolean} hasLabel */
  #drawArrow(arrow, boundUs, zeroUs, hasLabel) {
    const { pageUs, serverUs, isLevel } = drawnEnds(arrow, boundUs);
    const is = [pageUs, serverUs, isLevel, hasLabel, arrow.bytes, arrow.short, arrow.missing, arrow.isEmpty].join();
    const known = this.#drawn.get(arrow.id);
    if (known?.drawn === is) {
      known.arrow = arrow;
      return;
    }
    const node = known?.node ?? svg("g", { tabindex: -1, "data-arrow": arrow.id });
    const text = arrowText(arrow, this.row.label, boundUs, zeroUs);
    node.setAttribute("class", `sequence-arrow is-${arrow.kind}${arrow.isEmpty ? " is-empty" : ""}`);
    node.setAttribute("role", arrow.which === null ? "img" : "button");
    node.setAttribute("aria-label", text);
    node.replaceChildren(svg("title", {}, text), ...this.#shape(arrow, pageUs, serverUs));
    if (known === undefined) this.#arrows.append(node);
    known?.label?.remove();
    const label = hasLabel ? this.#label(arrow, boundUs) : null;
    if (label !== null) this.#labels.append(label);
    this.#drawn.set(arrow.id, { node, label, drawn: is, arrow });
  }

  /** @param {Arrow} arrow @param {number|null} pageUs @param {number|null} serverUs @returns {SVGElement[]} */
  #shape(arrow, pageUs, serverUs) {
    const [pageX, serverX] = [this.#pageX, this.#serverX];
    const isUp = arrow.direction === "up";
    const stub = (serverX - pageX) * STUB;
    const width = thicknessOf(arrow.bytes, arrow.isEmpty, this.#em >= PROJECTED_EM ? 3 : 2);
    const page = pageUs !== null ? { x: pageX, y: this.#y(pageUs) } : { x: serverX - stub, y: this.#y(serverUs ?? 0) };
    const server = serverUs !== null ? { x: serverX, y: this.#y(serverUs) } : { x: pageX + stub, y: page.y };
    const [from, to] = isUp ? [page, server] : [server, page];
    const isOpenTo = (isUp ? serverUs : pageUs) === null;
    const isOpen = pageUs === null || serverUs === null;
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    const tip = 5 + width;
    const [ux, uy] = [(to.x - from.x) / length, (to.y - from.y) / length];
    const neck = isOpenTo ? to : { x: to.x - ux * tip, y: to.y - uy * tip };
    const half = tip / 2 + 0.5;
    const ends = { x1: from.x, y1: from.y, x2: neck.x, y2: neck.y };
    const open = isOpenTo ? to : from;
    return [
      svg("line", { class: "sequence-hit", ...ends }),
      svg("line", { class: "sequence-shaft", ...ends, "stroke-width": width }),
      ...(isOpenTo ? [] : [svg("path", { class: "sequence-tip", d: `M${to.x} ${to.y} L${neck.x - uy * half} ${neck.y + ux * half} L${neck.x + uy * half} ${neck.y - ux * half} Z` })]),
      ...(isOpen ? [svg("circle", { class: "sequence-open", cx: open.x, cy: open.y, r: 3.5 })] : []),
    ];
  }

  /** @param {Arrow} arrow @param {number} boundUs */
  #label(arrow, boundUs) {
    const room = this.#serverX - this.#pageX;
    const full = arrow.bytes === null ? arrow.short : `${arrow.short} · ${bytesText(arrow.bytes)}`;
    const text = full.length * this.#em * 0.55 < room - 24 ? full : arrow.short;
    const x = (this.#pageX + this.#serverX) / 2;
    return svg("text", { class: arrow.isEmpty ? "is-empty" : "", x, y: this.#middle(arrow, boundUs) - this.#above(arrow) - 3, "text-anchor": "middle" }, text);
  }

  /** @param {import("./sequence-model.js").Bar[]} bars @param {number} headUs */
  #drawBars(bars, headUs) {
    const x = this.#serverX;
    const edge = this.#y(headUs);
    const placed = bars.map(({ id, fromUs, toUs }) => {
      const [top, bottom] = [this.#y(fromUs), this.#y(toUs ?? Math.max(headUs, fromUs))];
      const y = bottom > edge ? Math.max(top + 12, edge - 24) : Math.max((top + bottom) / 2, top + 12);
      return { id, fromUs, toUs, top, bottom, y, weight: bottom - top };
    });
    const said = labelsThatFit(placed.filter(({ top, bottom }) => bottom - top > this.#em * 1.25), this.#em * 2.5);
    this.#bars.replaceChildren(...placed.map(({ id, fromUs, toUs, top, bottom, y }) => {
      const [first, second] = toUs === null ? ["held", "still"] : ["held", durationText((toUs - fromUs) / 1000)];
      return svg("g", { class: "sequence-held" }, svg("title", {}, toUs === null ? "held, no answer yet" : `held ${second}`),
        svg("rect", { x: x + 1, y: top, width: 9, height: Math.max(1, bottom - top) }),
        ...(said.has(id) ? [svg("text", { x: x + 15, y }, first), svg("text", { x: x + 15, y: y + this.#em * 1.1 }, second)] : []));
    }));
  }

  /** @param {number} from @param {number} to @param {number} zeroUs */
  #drawTicks(from, to, zeroUs) {
    const step = stepOf(this.#spanUs, this.#height / Math.max(48, this.#em * 2.5));
    const first = Math.ceil((from - zeroUs) / step);
    const last = Math.floor((to - zeroUs) / step);
    /** @type {SVGElement[]} */
    const marks = [];
    for (let i = Math.max(first, 0); i <= last; i += 1) {
      const y = this.#y(zeroUs + i * step);
      marks.push(svg("line", { x1: this.#pageX - 6, x2: this.#serverX, y1: y, y2: y }), svg("text", { x: this.#pageX - 9, y: y + this.#em * 0.33, "text-anchor": "end" }, axisDuration((i * step) / 1000)));
    }
    this.#ticks.replaceChildren(...marks);
  }

  /** Where messages are missing the picture breaks: it is no silence. @param {import("./tap.js").Gap[]} gaps @param {number} laneBytesMax */
  #drawGaps(gaps, laneBytesMax) {
    this.#gaps.replaceChildren(...gaps.map(({ fromUs, toUs }) => {
      const [top, bottom] = [this.#y(fromUs), this.#y(toUs)];
      const height = Math.max(6, bottom - top);
      const says = goneText(Math.max(1000, toUs - fromUs), laneBytesMax);
      const room = (this.#serverX - this.#pageX - 8) / this.#em / 0.55;
      const lines = says.split(": ").flatMap((line) => foldedTo(line, room));
      const fits = height > this.#em * 1.25 * lines.length + 4;
      const x = (this.#pageX + this.#serverX) / 2;
      const y = top + height / 2 - (lines.length - 1) * this.#em * 0.625 + this.#em * 0.35;
      return svg("g", { class: "sequence-gap" }, svg("title", {}, says),
        svg("rect", { x: this.#pageX - 4, y: top, width: Math.max(8, this.#serverX - this.#pageX + 8), height, fill: `url(#${this.break})` }),
        ...(fits ? lines : height > this.#em * 1.5 ? ["bytes are gone"] : []).map((line, i, all) => svg("text", { x, y: all.length === 1 ? top + height / 2 + this.#em * 0.35 : y + i * this.#em * 1.25, "text-anchor": "middle" }, line)));
    }));
  }

  /** @param {Band[]} bands */
  #drawBands(bands) {
    const isSame = bands.length === this.#bands.length && bands.every((band, i) => band.text === this.#bands[i].text && band.fromUs === this.#bands[i].fromUs && band.toUs === this.#bands[i].toUs);
    if (isSame) return;
    for (const { node } of this.#bands) node.remove();
    this.#bands = bands.map((band) => {
      const room = Math.floor((this.#serverX - this.#pageX - 16) / this.#em / 0.55);
      const text = band.text.length > room ? `${band.text.slice(0, room - 1)}…` : band.text;
      const area = (/** @type {string} */ name) => svg("rect", { class: name, x: this.#bandX, width: this.#bandWidth, fill: `url(#${this.cloud})` });
      const node = svg("g", { class: "sequence-band", "data-from-us": band.fromUs }, area("sequence-sure"), area("sequence-soft"),
        svg("text", { x: (this.#pageX + this.#serverX) / 2, "text-anchor": "middle" }, text));
      const lifted = band.toUs !== null && band.sureToUs !== null && band.toUs > band.sureToUs ? `; lifted at the pale end (± ${durationText((band.toUs - band.sureToUs) / 2000)})` : "";
      node.append(svg("title", {}, `Under conditions: ${band.text}${lifted}`));
      this.#clouds.append(node);
      return { ...band, node };
    });
  }
}

/** @param {{from: number}[]} sorted @param {number} from */
function firstAtLeast(sorted, from) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle].from < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Words in lines of at most so many letters. @param {string} text @param {number} most @returns {string[]} */
function foldedTo(text, most) {
  return text.split(" ").reduce((/** @type {string[]} */ lines, word) => {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > most) return [...lines, word];
    return [...lines.slice(0, -1), `${last} ${word}`];
  }, []);
}

/** Labels of more weight win their place. @param {Arrow} arrow */
function weightOf({ events, isEmpty, kind, direction }) {
  if (events > 0) return 4;
  if (kind === "preflight") return 3;
  if (isEmpty) return direction === "down" ? 1.5 : 1;
  return kind === "control" ? 2 : 2.5;
}
