// The compare page, put together: controls → run → lane states → cards and tables.
// Receiving and drawing are apart: publications go into ring buffers and histograms as they come; a loop of at
// most ten times a second draws the strips, and the figures change twice a second, so that they can be read.

import { comparedRows } from "../lab.js";
import { startClock } from "../clock.js";
import { startMeasure } from "../measure.js";
import { startPaintLoop } from "../charts/paint-loop.js";
import { showLegend } from "../charts/byte-bar.js";
import { find, setText } from "../charts/dom.js";
import { bytesText } from "../charts/format.js";
import { RangeBuckets } from "../charts/range-buckets.js";
import { labFacts } from "../dashboard/lab-facts.js";
import { watchConditions } from "../conditions/watch.js";
import { attachControls } from "./controls.js";
import { attachCopyButtons } from "./copy-buttons.js";
import { perPublication, seriesOf } from "./counters.js";
import { createDoubtsView } from "./doubts-view.js";
import { resultOf } from "./export.js";
import { ownOrigins, showFairness } from "./fairness.js";
import { commonByteScale, figuresOf } from "./figures.js";
import { createLaneCard } from "./lane-card.js";
import { marksOf } from "./lane-state.js";
import { sharedRange, STRIP_S } from "./latency-strip.js";
import { createPhaseView } from "./phase-view.js";
import { createResultsTables } from "./results-table.js";
import { Run } from "./run.js";
import { READ_EVERY_MS } from "./stats-feed.js";
import { summarise } from "./summary.js";
import { doubts } from "./validity.js";

const FIGURES_EVERY_MS = 500;

const clock = startClock();
const measure = startMeasure({ clock, client: `compare-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}` });

/** Marks of each strip; they outlive a run, so that a Reset needs no new cards. @type {Map<string, import("./lane-state.js").Marks>} */
const marks = new Map(comparedRows.map((lane) => [lane.lane, { measured: new RangeBuckets(STRIP_S), discarded: new RangeBuckets(STRIP_S) }]));
const cards = new Map(comparedRows.map((lane) => [lane.lane, createLaneCard(find("[data-lane-cards]"), lane, marksOf(marks, lane.lane))]));
const tables = createResultsTables(find("[data-tables]"), comparedRows);
const phaseView = createPhaseView();
const showDoubts = createDoubtsView();
const controls = attachControls({ start, pauseOrResume, reset, changed });
/** @type {import("../dashboard/lab-facts.js").LabFacts} */
let facts = { host: {}, settings: {} };
void labFacts().then((answer) => {
  facts = answer;
  showFairness(find("[data-fairness]"), facts.host);
});
showLegend(find("[data-layer-legend]"));
attachCopyButtons(() => run && resultOf(run, figures, doubtsNow, boundMs(), facts));

/** @type {Run|null} */
let run = null;
/** The tab was in the background while this run measured. */
let wasHidden = false;
let figuresAtMs = 0;
/** @type {import("./figures.js").Figures[]} */
let figures = [];
/** @type {ReturnType<typeof doubts>} */
let doubtsNow = [];

/** Error of the clock now, ms. */
function boundNowMs() {
  return Number.isFinite(clock.boundUs) ? clock.boundUs / 1000 : null;
}

/** Error of the clock that the present figures have to answer for. */
function boundMs() {
  return run?.worstBoundMs ?? boundNowMs();
}

// What the controls ask for

function end() {
  run?.stop();
  run = null;
  for (const { measured, discarded } of marks.values()) {
    measured.clear();
    discarded.clear();
  }
}

/** @param {import("./settings.js").Settings} settings */
function start(settings) {
  end();
  wasHidden = document.hidden;
  run = new Run(chosen(settings), settings, { clock, measure, marks }, { onPhase: showPhase, onLane: showStates, onArrival: noteArrival });
  void run.start();
}

function pauseOrResume() {
  if (run?.phase === "paused") void run.resume();
  else void run?.pause();
}

function reset() {
  end();
  measure.reset();
  showPhase();
  showFigures();
}

/** @param {import("./settings.js").Settings} settings */
function changed(settings) {
  showChoice(settings);
  if (run && run.phase !== "failed") start(settings);
}

/** @param {import("./settings.js").Settings} settings */
function chosen(settings) {
  return comparedRows.filter((lane) => settings.lanes.includes(lane.lane));
}

// What is shown

/** A lane that does not run takes no room. @param {import("./settings.js").Settings} settings */
function showChoice(settings) {
  for (const [name, card] of cards) card.show(settings.lanes.includes(name));
  tables.only(settings.lanes);
  find("[data-lane-cards]").dataset.columns = settings.lanes.length % 4 === 0 ? "4" : "3";
}

function showPhase() {
  if (run?.phase === "measuring") loop.forgetGaps();
  phaseView.update(run, boundMs());
  controls.show(run?.phase ?? "ready");
  showStates();
  if (run?.phase === "paused" || run?.phase === "failed") showFigures(); // the closing figures; they stand still from here on
}

function showStates() {
  for (const lane of comparedRows) {
    const state = run?.lanes.find((each) => each.lane.lane === lane.lane)?.state ?? "closed";
    cards.get(lane.lane)?.showState(state, run ? state : "not started");
  }
}

/** Lanes whose newest number waits for the next frame: one write per lane and frame, however many arrived. */
const unpainted = new Set();
/** @param {import("./lane-state.js").LaneState} state */
function noteArrival(state) {
  if (unpainted.size === 0) requestAnimationFrame(paintLatest);
  unpainted.add(state);
}
function paintLatest() {
  for (const state of unpainted) cards.get(state.lane.lane)?.paintLatest(state.latest);
  unpainted.clear();
}

function showFigures() {
  const present = run;
  figures = present?.lanes.map((state) => figuresOfLane(present, state)) ?? [];
  const each = present?.lanes.map((state) => perPublication(present.stats.measured(seriesOf(state.lane)))) ?? [];
  const scale = commonByteScale(each);
  figures.forEach((f, i) => cards.get(f.lane)?.showFigures(f, each[i], scale));
  if (present === null) for (const card of cards.values()) card.clear();
  tables.update(figures);
  doubtsNow = present === null ? [] : doubts({
    figures, wasHidden, boundMs: boundMs(), measuredMs: present.measuredMs(), ratePerS: present.settings.rate_per_s, schedule: present.settings.schedule,
    oneOrigin: !ownOrigins(),
    stallMs: present.measuredMs() > 0 ? loop.longestGapMs() : 0, drawingMsPerS: loop.cost().msPerS,
  });
  showDoubts(doubtsNow);
}

/** @param {Run} run @param {import("./lane-state.js").LaneState} state */
function figuresOfLane(run, state) {
  const { lane, label, transport, protocol } = state.lane;
  const series = seriesOf(state.lane);
  // A poller may lag by its interval without having lost anything.
  state.tally.settle(performance.now(), run.settings.poll_interval_ms + 2000);
  return figuresOf({
    lane, label, transport, protocol, tally: state.tally, opened: state.opened,
    received: summarise(measure.histogram(lane, "received")),
    painted: summarise(measure.histogram(lane, "painted")),
    written: run.stats.written(series, lane),
    counters: run.stats.measured(series),
    openedTotal: run.stats.opened(series),
    tcpSource: run.stats.tcpSource(series),
    predicted: run.predictions.get(lane),
  }, run.ledger.expected(), boundMs());
}

const loop = startPaintLoop((nowMs) => {
  run?.noteBound(boundNowMs());
  phaseView.update(run, boundMs());
  if (run === null || run.phase === "paused" || run.phase === "failed") return;
  const range = sharedRange(marks.values(), nowMs / 1000);
  for (const { lane } of run.lanes) cards.get(lane.lane)?.strip.update(nowMs / 1000, range);
  if (nowMs - figuresAtMs < FIGURES_EVERY_MS) return;
  figuresAtMs = nowMs;
  showFigures();
});
for (const card of cards.values()) card.clear();
watchConditions((lanes) => {
  for (const { lane, conditions } of lanes) cards.get(lane)?.showConditions(conditions);
});
showChoice(controls.settings());

setInterval(() => {
  if (run?.phase !== "measuring") return;
  void run.readCounters();
  const { paintsPerS, msPerS } = loop.cost();
  setText(find("[data-own-cost]"), `It has read ${bytesText(run.stats.bytesRead)} of counters in this run, and spends ${msPerS.toFixed(0)} ms of every second drawing, in ${paintsPerS.toFixed(0)} paints.`);
}, READ_EVERY_MS);

document.addEventListener("visibilitychange", () => { if (document.hidden && run?.phase === "measuring") wasHidden = true; });
addEventListener("pagehide", end);
