// The view Sequence: what this page and the server said to each other on up to three lanes, as both sides noted it. The
// lab's tap has the server's instants, observed.js those of this page; matching.js joins them, sequence-model.js makes
// arrows of them, sequence-column.js draws one lane of it, and playhead.js knows up to when.

import { el, find, setText } from "../../charts/dom.js";
import { digits } from "../../charts/format.js";
import { delayErrorMs, errorText } from "../trust.js";
import { exchangesOf, Matcher } from "./matching.js";
import { observed, unwatch, watch } from "./observed.js";
import { BEHIND_US, Playhead, SLOWER } from "./playhead.js";
import { SequenceColumn } from "./sequence-column.js";
import { bandsWith, beginOf, endOf, modelOf } from "./sequence-model.js";
import { figuresIn, SENTENCE_US, sentenceOf } from "./sequence-sentence.js";
import { createSequenceTable } from "./sequence-table.js";
import { goneText, missingUs, reachText } from "./tap.js";

/** Bands of conditions that are remembered of each lane. */
const BANDS_MAX = 20;
/** What is new comes twice a second; in between the whole moves. */
const DRAWN_EVERY_MS = 300;
/** Of a shorter time the sentence would say little. */
const WHOLE_US = 2e6;
/** The table and the sentence can be read. */
const WORDS_EVERY_MS = 1000;

/** Lanes that are shown first. */
const FIRST = ["short-poll", "sse", "websocket"];

const REDUCED = matchMedia("(prefers-reduced-motion: reduce)");
/** Narrower, fewer fit. */
const WIDTHS = [{ query: matchMedia("(min-width: 64rem)"), lanes: 3 }, { query: matchMedia("(min-width: 44rem)"), lanes: 2 }];

/** @typedef {import("../../lab.js").ComparedRow} ComparedRow */

/** @param {import("./views.js").Shared} shared @returns {import("./views.js").WireView} */
export function attachSequence(shared) {
  const { clock } = shared;
  const panel = find("[data-sequence]");
  const columnsHost = find("[data-sequence-columns]");
  const scrub = find("[data-sequence-scrub]", HTMLInputElement);
  const span = find("[data-sequence-span]", HTMLSelectElement);
  const button = (/** @type {string} */ what) => find(`[data-sequence-do="${what}"]`, HTMLButtonElement);
  const table = createSequenceTable(find("[data-sequence-table]"), open);

  let isShown = false;
  let playhead = new Playhead(REDUCED.matches);
  let matcher = new Matcher();
  /** @type {import("./sequence-model.js").Model} */
  let model = { arrows: [], bars: [] };
  /** Where messages are missing. @type {readonly import("./tap.js").Gap[]} */
  let gaps = [];
  /** From when on messages are kept here. */
  let keptFromUs = NaN;
  /** Whose time is counted from. */
  let zeroUs = NaN;
  /** End of the last exchange. */
  let lastUs = NaN;
  /** When the run was paused: what this page's own clients say from then on is no more of it. */
  let stoppedUs = NaN;
  /** A focused arrow holds the picture, not a button. */
  let isHeldByFocus = false;
  /** Lanes of the run, one for each that carries rows of it. @type {ComparedRow[]} */
  let lanes = [];
  /** Their names. @type {Map<string, string[]>} */
  let byOrigin = new Map();
  /** The newest choice last; of them those that there is room for. @type {string[]} */
  let chosen = shared.sequence().lanes;
  /** @type {SequenceColumn[]} */
  let columns = [];
  /** What each lane's network was under, and when. @type {Map<string, import("./sequence-column.js").Band[]>} */
  const bands = new Map();
  /** When the lab last told what holds. */
  let heardUs = NaN;
  let stopListening = () => {};
  let isStale = false;
  let framed = 0;
  let tickedMs = NaN;
  let wordsAtMs = -Infinity;
  let drawnMs = -Infinity;

  const most = () => WIDTHS.find(({ query }) => query.matches)?.lanes ?? 1;
  const inSight = () => chosen.slice(-most());
  const spanUs = () => Number(span.value) * 1e6;
  /** What an instant of this page may be off, µs: as in all figures of this run. */
  const boundUs = () => (delayErrorMs(shared.run()?.worstBoundMs ?? (Number.isFinite(clock.boundUs) ? clock.boundUs / 1000 : null)) ?? NaN) * 1000;
  const isShownLane = (/** @type {string} */ lane) => columns.some(({ row }) => row.lane === lane);
  const labelOf = (/** @type {string} */ lane) => lanes.find((row) => row.lane === lane)?.label ?? lane;
  /** There is more to come. */
  const goesOn = () => shared.tapIsLive() && !["ready", "paused", "failed"].includes(shared.run()?.phase ?? "ready");
  /** What the picture leads up to: now, or a little after the last of what there is. */
  const endUs = () => (goesOn() || model.arrows.length === 0 ? clock.now() : Math.min(lastUs + 200_000, Number.isNaN(stoppedUs) ? Infinity : stoppedUs) + BEHIND_US);
  /** All that belongs to the run has been told: what came later would only push it out. */
  const isOver = () => clock.now() - stoppedUs > 2 * BEHIND_US;

  /** @param {import("./sequence-model.js").Arrow} arrow */
  function open({ which, n }) {
    if (which !== null) shared.showBytes(which, n ?? undefined);
  }

  // What is drawn

  /** Takes in what both sides have noted since. */
  function takeIn() {
    const tap = shared.tap();
    if (tap === null || playhead.isFrozen || (isOver() && model.arrows.length > 0)) return;
    const streams = new Set(lanes.filter(({ fetching }) => fetching === "stream").map(({ lane }) => lane));
    const units = tap.units();
    const lanesOf = (/** @type {string} */ origin) => byOrigin.get(origin) ?? [];
    gaps = tap.gaps();
    playhead.keptUs = tap.reachUs();
    keptFromUs = (units.at(-1)?.last_us ?? NaN) - tap.reachUs();
    const exchanges = exchangesOf(units, (lane) => streams.has(lane));
    matcher.update(exchanges, observed(), lanesOf, clock);
    // Of requests that left when the lab's last answer did, it could not tell yet.
    const sinceUs = units[0]?.first_us ?? Infinity;
    const told = observed().filter(({ sentMs }) => clock.at(sentMs) > sinceUs && clock.at(sentMs) < tap.nowUs - 1e6);
    model = modelOf(exchanges, matcher, told, lanesOf, clock);
    lastUs = model.arrows.reduce((last, arrow) => Math.max(last, endOf(arrow)), -Infinity);
    if (Number.isNaN(zeroUs) && model.arrows.length > 0) zeroUs = beginOf(model.arrows[0]);
    isStale = false;
  }

  /** @param {number} nowMs @param {boolean} [isForced]  somebody asked for it */
  function draw(nowMs, isForced = false) {
    if (panel.hidden || (nowMs - drawnMs < DRAWN_EVERY_MS && !isForced)) return;
    drawnMs = nowMs;
    if (isStale) takeIn();
    tick(nowMs);
    playhead.spanUs = spanUs();
    const view = { headUs: playhead.headUs, spanUs: spanUs(), boundUs: boundUs(), zeroUs };
    for (const column of columns) {
      const { lane } = column.row;
      column.draw({ arrows: model.arrows.filter((arrow) => arrow.lane === lane), bars: model.bars.filter((bar) => bar.lane === lane) }, { ...view, bands: bands.get(lane) ?? [], gaps: gaps.filter((gap) => gap.lane === lane), laneBytesMax: shared.tap()?.laneBytesMax ?? NaN });
    }
    showControls();
    if (nowMs - wordsAtMs >= WORDS_EVERY_MS) sayIt(nowMs);
  }

  /** @param {number} nowMs */
  function tick(nowMs) {
    const elapsedUs = Number.isNaN(tickedMs) ? 0 : (nowMs - tickedMs) * 1000;
    tickedMs = nowMs;
    playhead.tick(endUs(), Math.max(0, elapsedUs));
  }

  /** Between two drawings only the whole moves. */
  function frame() {
    framed = 0;
    if (!isShown || panel.hidden) return;
    if (playhead.isPlaying) {
      const fromMs = performance.now();
      tick(fromMs);
      for (const column of columns) column.scroll(playhead.headUs);
      shared.drew(fromMs);
    }
    framed = requestAnimationFrame(frame);
  }

  /** Sentence and table. @param {number} nowMs */
  function sayIt(nowMs) {
    wordsAtMs = nowMs;
    const { headUs, isLive } = playhead;
    const keptUs = Math.max(headUs - SENTENCE_US, Number.isNaN(zeroUs) ? headUs : zeroUs - 1000, Number.isNaN(keptFromUs) ? headUs : Math.min(headUs, keptFromUs));
    const rows = columns.map(({ row }) => row);
    const missing = gaps.filter((gap) => gap.toUs > keptUs && gap.fromUs <= headUs && isShownLane(gap.lane));
    // What is counted is whole where that is long enough to say something of.
    const wholeUs = missing.reduce((last, { toUs }) => Math.max(last, toUs), keptUs);
    const isWhole = headUs - wholeUs >= WHOLE_US;
    const fromUs = isWhole ? wholeUs : keptUs;
    const gone = goneText(missingUs(missing, keptUs, headUs), shared.tap()?.laneBytesMax ?? NaN);
    const said = sentenceOf(rows.map((row) => figuresIn(row, model, fromUs, headUs)), headUs - fromUs, isLive && goesOn(), missing.length > 0 && !isWhole) || "Nothing has been said yet.";
    const isSilent = (shared.tap()?.silentS() ?? 0) > 0;
    setText(find("[data-sequence-says]"), isSilent ? "" : gone === "" ? said : isWhole ? `${said} Before that, ${gone}.` : `${said} It is not all, for ${gone}.`);
    const shown = { arrows: model.arrows.filter(({ lane }) => isShownLane(lane)), bars: model.bars.filter(({ lane }) => isShownLane(lane)) };
    table(shown, { fromUs: headUs - spanUs(), toUs: headUs, zeroUs, boundUs: boundUs(), labelOf });
    setText(find("[data-sequence-bound]"), Number.isFinite(boundUs())
      ? `The two clocks are known to ± ${errorText(boundUs() / 1000)}: what was quicker is drawn level.` : "The two clocks are being compared.");
  }

  function showControls() {
    const { isPlaying, isSlow, agoS, still } = playhead;
    setText(button("play"), isPlaying ? "Hold the picture" : "Go on");
    find("[data-sequence-held]").hidden = !isHeldByFocus;
    button("play").hidden = button("slow").hidden = still;
    button("slow").setAttribute("aria-pressed", String(isSlow));
    find("[data-sequence-still]").hidden = !still;
    const reach = Math.floor(playhead.reachUs / 1e5) / 10;
    setText(find("[data-sequence-back]"), `Back over the last ${reachText(playhead.keptUs)}`);
    scrub.max = String(reach);
    scrub.disabled = reach === 0;
    // From left to right as time goes: the newest is at the right end.
    const value = String(Math.round((reach - Math.min(agoS, reach)) * 10) / 10);
    if (document.activeElement !== scrub || isPlaying || scrub.value !== value) scrub.value = value;
    const said = agoS < 0.5 ? "the newest" : `${digits(agoS)} s before the newest`;
    if (scrub.getAttribute("aria-valuetext") !== said) scrub.setAttribute("aria-valuetext", said);
    setText(find("[data-sequence-at]"), playhead.isFrozen ? `${said}; nothing newer is taken in` : said);
  }

  function redraw() {
    wordsAtMs = -Infinity;
    draw(performance.now(), true);
  }

  // Which lanes

  function showChoice() {
    const holder = find("[data-sequence-lanes] > div");
    const boxes = /** @type {HTMLInputElement[]} */ ([...holder.querySelectorAll("input")]);
    if (boxes.map(({ value }) => value).join() !== lanes.map(({ lane }) => lane).join()) {
      holder.replaceChildren(...lanes.map(({ lane, short }) => el("label", { "data-lane": lane }, el("input", { type: "checkbox", name: "sequence-lane", value: lane }), el("span", {}, short))));
    }
    for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (holder.querySelectorAll("input"))) box.checked = inSight().includes(box.value);
    setText(find("[data-sequence-lanes-legend]"), most() === 1 ? "Lane" : `Lanes side by side, up to ${most()}`);
    const wanted = lanes.filter(({ lane }) => inSight().includes(lane));
    if (columns.map(({ row }) => row.lane).join() === wanted.map(({ lane }) => lane).join()) return;
    columns = wanted.map((row) => columns.find((column) => column.row === row) ?? new SequenceColumn(row, { open, focused: holdForFocus, beyond: (by) => step(by) }));
    columnsHost.replaceChildren(...columns.map(({ node }) => node));
    columnsHost.style.setProperty("--columns", String(columns.length));
  }

  find("[data-sequence-lanes]").addEventListener("change", (event) => {
    const { value, checked } = /** @type {HTMLInputElement} */ (event.target);
    if (checked) chosen = [...inSight().filter((lane) => lane !== value), value].slice(-most());
    else if (inSight().length > 1) chosen = inSight().filter((lane) => lane !== value); // one there has to be
    shared.rememberSequence({ ...shared.sequence(), lanes: inSight() });
    showChoice();
    redraw();
  });
  for (const { query } of WIDTHS) query.addEventListener("change", () => {
    showChoice();
    redraw();
  });

  // Time

  /** Something that is being looked at must not run away; when it no longer is, the picture goes on. @param {boolean} isLookedAt */
  function holdForFocus(isLookedAt) {
    if (isLookedAt ? !playhead.isPlaying : !isHeldByFocus) return;
    isHeldByFocus = isLookedAt;
    if (isLookedAt) playhead.pause();
    else toNewest();
    redraw();
  }

  function toNewest() {
    isHeldByFocus = false;
    playhead.now(NaN);
    takeIn();
    playhead.now(endUs());
  }

  /** To the end of the next exchange of the lanes that are shown, or of the one before. @param {1|-1} by */
  function step(by) {
    if (isStale) takeIn();
    const ends = model.arrows.filter(({ lane }) => isShownLane(lane)).map(endOf).sort((one, other) => one - other);
    const went = playhead.step(ends, by);
    redraw();
    return went;
  }

  button("play").addEventListener("click", () => {
    playhead.pauseOrPlay();
    isHeldByFocus = false;
    redraw();
  });
  button("slow").addEventListener("click", () => {
    playhead.slowOrNot();
    // As much slower, as much nearer: on the screen it moves as fast as before, and milliseconds are seen.
    if (playhead.isSlow) showSpan(Number(span.value) / SLOWER);
    else showSpan(Number(span.value) * SLOWER);
    redraw();
  });
  button("step").addEventListener("click", () => step(1));
  button("back").addEventListener("click", () => step(-1));
  /** The nearest there is. @param {number} seconds */
  function showSpan(seconds) {
    const apart = (/** @type {HTMLOptionElement} */ option) => Math.abs(Math.log(Number(option.value) / seconds));
    span.value = [...span.options].reduce((best, option) => (apart(option) < apart(best) ? option : best)).value;
  }
  button("now").addEventListener("click", () => {
    if (playhead.isSlow) showSpan(Number(span.value) * SLOWER);
    toNewest();
    redraw();
  });
  scrub.addEventListener("input", () => {
    playhead.scrub(Number(scrub.max) - Number(scrub.value));
    redraw();
  });
  showSpan(shared.sequence().s);
  span.addEventListener("change", () => {
    shared.rememberSequence({ ...shared.sequence(), s: Number(span.value) });
    redraw();
  });
  REDUCED.addEventListener("change", () => {
    playhead.still = REDUCED.matches;
    if (REDUCED.matches) playhead.pause();
    redraw();
  });

  // What the page tells

  /** Nobody looked: what is newest is shown, unless somebody had put the picture elsewhere. */
  function comeBack() {
    isStale = true;
    tickedMs = NaN;
    show();
    if (!playhead.isHeld && !playhead.isSlow) toNewest();
    redraw();
  }
  document.addEventListener("visibilitychange", () => { if (isShown && !document.hidden) comeBack(); });

  function show() {
    const phase = shared.run()?.phase;
    stoppedUs = phase !== "paused" ? NaN : Number.isNaN(stoppedUs) ? clock.now() : stoppedUs;
    if (shared.run() === null) unwatch();
    panel.hidden = shared.run() === null || shared.tap() === null;
    if (isShown && !panel.hidden && framed === 0) framed = requestAnimationFrame(frame);
  }

  return {
    shown(now) {
      isShown = now;
      if (!now) return;
      comeBack();
    },
    began() {
      stopListening();
      const run = shared.run();
      const tap = shared.tap();
      playhead = new Playhead(REDUCED.matches);
      matcher = new Matcher();
      model = { arrows: [], bars: [] };
      gaps = [];
      keptFromUs = stoppedUs = NaN;
      isHeldByFocus = false;
      zeroUs = tickedMs = NaN;
      const carriers = new Set((run?.lanes ?? []).map(({ lane }) => lane.of));
      lanes = shared.rows.filter(({ lane }) => carriers.has(lane));
      byOrigin = new Map();
      for (const { lane, url } of lanes) {
        const { origin } = new URL(url);
        byOrigin.set(origin, [...(byOrigin.get(origin) ?? []), lane]);
      }
      chosen = chosen.filter((lane) => carriers.has(lane));
      // What is most unlike each other, side by side; then the others in the order of the page.
      const order = [...new Set([...FIRST, ...lanes.map(({ lane }) => lane)])].filter((lane) => lanes.some((row) => row.lane === lane));
      if (chosen.length === 0) chosen = order.slice(0, WIDTHS[0].lanes).reverse();
      if (run === null || tap === null) unwatch();
      else {
        watch(lanes.map(({ url }) => url));
        stopListening = tap.onUnits(() => { isStale = true; });
      }
      showChoice();
      show();
    },
    changed: show,
    draw: (nowMs) => draw(nowMs),
    conditions(views) {
      const nowUs = clock.now();
      if (!Number.isFinite(nowUs)) return;
      for (const { lane, conditions } of views) {
        bands.set(lane, bandsWith(bands.get(lane) ?? [], conditions, nowUs, heardUs).slice(-BANDS_MAX));
      }
      heardUs = nowUs;
    },
  };
}
