// The compare page, put together: address → controls → run → lane states → stage and tables → answer.
// Receiving and drawing are apart: publications go into ring buffers and histograms as they come; a loop of at
// most ten times a second draws the strips, and the figures change once a second, and the sentence with them.

import { startClock } from "../clock.js";
import { startMeasure } from "../measure.js";
import { startPaintLoop } from "../charts/paint-loop.js";
import { showLegend } from "../charts/byte-bar.js";
import { find, setText } from "../charts/dom.js";
import { bytesText, count } from "../charts/format.js";
import { RangeBuckets } from "../charts/range-buckets.js";
import { labFacts } from "../dashboard/lab-facts.js";
import { comparedRows } from "../lab.js";
import { Arrivals } from "./arrivals.js";
import { createAnswerFeed, questionOf as answerQuestionOf } from "./answer-feed.js";
import { attachCopyButtons } from "./copy-buttons.js";
import { perPublication, seriesOf } from "./counters.js";
import { createDoubtsView } from "./doubts-view.js";
import { resultOf } from "./export.js";
import { ownOrigins, showFairness } from "./fairness.js";
import { commonByteScale, figuresOf } from "./figures.js";
import { createHeadView } from "./head-view.js";
import { createResultsTables } from "./results-table.js";
import { Run } from "./run.js";
import { attachSetup } from "./setup.js";
import { createStage } from "./stage.js";
import { READ_EVERY_MS } from "./stats-feed.js";
import { summarise } from "./summary.js";
import { whyUnopened } from "./unopened.js";
import { doubts } from "./validity.js";
import { attachBytes } from "./wire/bytes.js";
import { attachRace } from "./wire/race.js";
import { attachSequence } from "./wire/sequence.js";
import { createWireViews } from "./wire/views.js";

/** Rows and sentence change together, once a second, and are of the same figures. */
const FIGURES_EVERY_MS = 1000;
/** The strip of a row's detail holds a minute. */
const STRIP_S = 60;

const clock = startClock();
const measure = startMeasure({ clock, client: `compare-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}` });

/** Marks of each strip; they outlive a run, so that a Reset needs no new rows. @type {Map<string, import("./lane-state.js").Marks>} */
const marks = new Map(comparedRows.map((lane) => [lane.lane, { measured: new RangeBuckets(STRIP_S), discarded: new RangeBuckets(STRIP_S), recent: new Arrivals() }]));
const stage = createStage(comparedRows, marks);
const tables = createResultsTables(find("[data-tables]"), comparedRows);
const head = createHeadView();
/** @type {import("../dashboard/lab-facts.js").LabFacts} */
let facts = { host: {}, settings: {} };
void labFacts().then((answer) => {
  facts = answer;
  showFairness(find("[data-fairness]"), facts.host);
});
showLegend(find("[data-layer-legend]"));

/** @type {Run|null} */
let run = null;
/** Of Starts and ends: a run whose tap was long in coming may no longer be wanted. */
let starts = 0;
/** The tab was in the background while this run measured. */
let wasHidden = false;
let figuresAtMs = 0;
/** @type {import("./figures.js").Figures[]} */
let figures = [];
/** Bytes of each publication by layer, lane by lane as in `figures`. @type {(Record<string, number>|null)[]} */
let bytesOfLanes = [];
/** @type {ReturnType<typeof doubts>} */
let doubtsNow = [];
/** The sentence; "" while there is none. */
let answer = "";

const answerFeed = createAnswerFeed((told) => {
  answer = told?.sentence ?? "";
  if (told !== null) stage.offer(told.order);
  head.update(run, answer, meanwhile());
});
const setup = attachSetup({ start: (settings) => void start(settings), pauseOrResume, reset, changed, showView });
const wire = createWireViews({ run: () => run, rows: comparedRows, clock, sequence: setup.sequence, rememberSequence: setup.rememberSequence }, { start: setup.start, showView: setup.showView });
wire.attach("race", attachRace);
wire.attach("sequence", attachSequence);
wire.attach("bytes", attachBytes);
const showDoubts = createDoubtsView(() => setup.showView("fair"));
attachCopyButtons(() => run && resultOf(run, figures, doubtsNow, boundMs(), facts, { question: setup.question().text, guess: setup.guess(), answer }));

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
  starts += 1;
  run?.stop();
  run = null;
  wire.ended();
  answerFeed.forget();
  stage.reset();
  for (const { measured, discarded, recent } of marks.values()) for (const each of [measured, discarded, recent]) each.clear();
}

/** @param {import("./settings.js").Settings} settings */
async function start(settings) {
  end();
  const mine = starts;
  const tap = await wire.tapForRun();
  if (mine !== starts) return;
  wasHidden = document.hidden;
  run = new Run(chosen(settings), settings, { clock, measure, marks }, { onPhase: showPhase, onLane: showStates, onArrival: noteArrival }, tap?.channel);
  wire.began();
  void run.start();
  // On a phone Start is below the fold, and the answer comes at the top.
  if (scrollY > 0) scrollTo({ top: 0, behavior: "instant" });
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
  if (run && run.phase !== "failed") void start(settings);
}

/** @param {import("./settings.js").Settings} settings */
function chosen(settings) {
  return comparedRows.filter((lane) => settings.lanes.includes(lane.lane));
}

// What is shown

function showView() {
  wire.show(setup.view());
  showFigures();
}

/** A lane that does not run takes no room. @param {import("./settings.js").Settings} settings */
function showChoice(settings) {
  stage.only(settings.lanes);
  tables.only(settings.lanes);
}

function showPhase() {
  if (run?.phase === "measuring") loop.forgetGaps();
  head.update(run, answer, meanwhile());
  setup.showPhase(run?.phase ?? "ready");
  wire.changed();
  showStates();
  if (run?.phase !== "paused" && run?.phase !== "failed") return;
  showFigures(); // the closing figures; they stand still from here on
  if (run.phase === "paused") void askForAnswer(run, true);
}

/** What can be said before anything has happened: who has asked in vain, and what it spent on that. */
function meanwhile() {
  if (run === null) return "";
  const { stats, lanes } = run;
  const asked = lanes.filter(({ lane }) => lane.fetching === "short_polls").flatMap(({ lane }) => {
    const { requests, up_total, down_total } = stats.measured(seriesOf(lane));
    return requests === 0 ? [] : [`${lane.label} has asked ${count(requests)} ${requests === 1 ? "time" : "times"} meanwhile and spent ${bytesText(up_total + down_total)} on that`];
  });
  return asked.length === 0 ? "" : `${asked.join("; ")}.`;
}

function showStates() {
  for (const { lane, state } of run?.lanes ?? []) stage.row(lane.lane).showState(state, state);
}

/** Lanes whose newest number waits for the next frame: one write per lane and frame, however many arrived. */
const unpainted = new Set();
/** @type {import("./lane-state.js").Arrived} */
function noteArrival(state, number, delayMs, atMs) {
  wire.arrived(state, number, delayMs, atMs);
  if (delayMs !== null) stage.take(delayMs);
  if (unpainted.size === 0) requestAnimationFrame(paintLatest);
  unpainted.add(state);
}
function paintLatest() {
  const fromMs = performance.now();
  for (const state of unpainted) stage.row(state.lane.lane).paintLatest(state.latest);
  unpainted.clear();
  wire.drew(fromMs);
}

function showFigures() {
  const present = run;
  figures = present?.lanes.map((state) => figuresOfLane(present, state)) ?? [];
  bytesOfLanes = present?.lanes.map((state) => perPublication(present.stats.measured(seriesOf(state.lane)))) ?? [];
  const scale = commonByteScale(bytesOfLanes);
  present?.lanes.forEach((state, i) => stage.row(state.lane.lane).showFigures(figures[i], bytesOfLanes[i], scale, state.takesPart ? "" : whyUnopened(state)));
  for (const none of document.querySelectorAll("[data-none-yet]")) /** @type {HTMLElement} */ (none).hidden = present !== null;
  for (const some of document.querySelectorAll("[data-tables], [data-copy-buttons]")) /** @type {HTMLElement} */ (some).hidden = present === null;
  if (setup.view() === "figures") tables.update(figures);
  setup.showBesideGuess(figures.map(({ lane }, i) => ({ lane, each: bytesOfLanes[i] })));
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
    lane, label, transport, protocol, tally: state.tally, opened: state.takesPart,
    received: summarise(measure.histogram(lane, "received")),
    painted: summarise(measure.histogram(lane, "painted")),
    written: run.stats.written(series, lane),
    counters: run.stats.measured(series),
    openedTotal: run.stats.opened(series),
    tcpSource: run.stats.tcpSource(series),
    predicted: run.predictions.get(lane),
  }, run.ledger.expected(), boundMs());
}

/** @param {Run} run @param {boolean} [closing] */
function askForAnswer(run, closing = false) {
  const lanes = figures.map((f, i) => ({ figures: f, each: bytesOfLanes[i] }));
  return answerFeed.ask(answerQuestionOf(run.settings, lanes, setup.conditions()), { closing });
}

/** A histogram's ends and middle for a strip, ms. @param {string} lane */
function spanOf(lane) {
  const received = measure.histogram(lane, "received");
  const { p50, max } = summarise(received);
  return { name: lane, measured: { min: received.count === 0 ? null : received.min / 1000, p50, max } };
}

const loop = startPaintLoop((nowMs) => {
  draw(nowMs);
  // What comes meanwhile waits; the race must know.
  wire.drew(nowMs);
});
/** @param {number} nowMs */
function draw(nowMs) {
  run?.noteBound(boundNowMs());
  head.update(run, answer, meanwhile());
  wire.draw(nowMs);
  if (run === null || run.phase === "failed") return;
  stage.draw(run.lanes.map(({ lane }) => spanOf(lane.lane)), nowMs);
  if (run.phase === "paused" || nowMs - figuresAtMs < FIGURES_EVERY_MS) return;
  figuresAtMs = nowMs;
  showFigures();
  if (run.phase === "measuring") void askForAnswer(run);
}
setup.onConditions((lanes) => {
  wire.conditions(lanes);
  for (const row of comparedRows) stage.row(row.lane).showConditions(lanes.find(({ lane }) => lane === row.of)?.conditions ?? null);
});
showChoice(setup.settings());
showView();
void setup.wantsToRun().then((wants) => { if (wants && run === null) setup.start(); });

setInterval(() => {
  if (run?.phase !== "measuring") return;
  void run.readCounters();
  const { paintsPerS, msPerS } = loop.cost();
  setText(find("[data-own-cost]"), `It has read ${bytesText(run.stats.bytesRead)} of counters in this run, and spends ${msPerS.toFixed(0)} ms of every second drawing, in ${paintsPerS.toFixed(0)} paints.`);
}, READ_EVERY_MS);

document.addEventListener("visibilitychange", () => { if (document.hidden && run?.phase === "measuring") wasHidden = true; });
addEventListener("pagehide", end);
