// The view Race: one publication at a time, let go on all lanes at the same instant, its dots travelling in the time that
// was measured, ten times slower. Arrivals go into a book as they come; who looks sees the newest one that every lane has,
// and then the next. It draws only while its tab is shown: dots in frames of the screen while they move, words and table
// with the page's own loop.

import { announce } from "../../announce.js";
import { find, setText } from "../../charts/dom.js";
import { count } from "../../charts/format.js";
import { seriesOf } from "../counters.js";
import { delayErrorMs, errorText } from "../trust.js";
import { Busy } from "./race-busy.js";
import { CostBook, RaceBook } from "./race-book.js";
import { axisOf, endOf, placesOf } from "./race-order.js";
import { RacePlayer } from "./race-player.js";
import { createStills } from "./race-stills.js";
import { createRaceTable } from "./race-table.js";
import { createTracks } from "./race-tracks.js";
import { bytesSoFarText, delayText, placeNote, placeText, sentenceOf } from "./race-words.js";

/** A lane may lag by its interval and this much, ms, before it is said to wait; as long as until it counts as a loss. */
const GRACE_MS = 2000;
const REDUCED = matchMedia("(prefers-reduced-motion: reduce)");
/** Two arrivals, each read off the page's timer: what the clock is off is the same for both. */
const TIMER_MS = 2 * (delayErrorMs(0) ?? 0);

/** @param {import("./views.js").Shared} shared @returns {import("./views.js").WireView} */
export function attachRace(shared) {
  const root = find("[data-race]");
  const says = find("[data-race-says]");
  const note = find("[data-race-note]");
  const number = find("[data-race-number]", HTMLInputElement);
  const closeUp = find("[data-race-close-up]", HTMLInputElement);
  const picture = find("[data-race-picture]");
  const stillsHost = find("[data-race-stills]");
  const button = (/** @type {string} */ name) => find(`[data-race-do="${name}"]`, HTMLButtonElement);
  const toggle = button("toggle");
  const [before, after] = [button("before"), button("after")];
  const tracks = createTracks(picture, { heads: { place: "finish", delay: "received after", bytes: "bytes so far" } });
  const stills = createStills(stillsHost);
  const table = createRaceTable(find("[data-race-table]"));
  const book = new RaceBook();
  const player = new RacePlayer();
  const busy = new Busy();
  /** When the newest arrival of each lane came, performance.now(). @type {Map<string, number>} */
  const newestMs = new Map();
  /** What lanes had cost when each of the newest events had come. */
  const costs = new CostBook();
  let isShown = false;
  let frame = 0;
  let frameMs = 0;
  /** What is drawn, made anew with the words: in a frame of the screen only dots move. @type {{entries: import("./race-order.js").Entry[], axis: import("./race-order.js").Axis, words: import("./race-tracks.js").Words}} */
  let scene = { entries: [], axis: axisOf([], false), words: new Map() };
  /** What the lanes' networks are under, in words. @type {Map<string, string>} */
  let conditions = new Map();
  /** Somebody asked for this race, and is told how it ended. */
  let isAwaited = false;

  // What is known

  /** @param {import("../run.js").Run} run @returns {import("./race-book.js").Rules} */
  function rulesOf(run) {
    return {
      lanes: run.lanes.filter(({ takesPart }) => takesPart).map(({ lane }) => lane.lane),
      nowMs: performance.now(),
      patienceMs: run.settings.poll_interval_ms + GRACE_MS,
      counts: (n) => run.ledger.measures(n),
    };
  }

  /** The present race, lane by lane in the order of the page. @returns {import("./race-order.js").Entry[]} */
  function entriesNow() {
    const run = shared.run();
    if (run === null || player.number === null) return [];
    const arrivals = book.arrivals(player.number);
    const bytes = costs.at(player.number);
    return run.lanes.filter(({ takesPart }) => takesPart).map(({ lane: { lane, label, short, fetching } }) => (
      { lane, label, short, fetching, ...timesOf(arrivals.get(lane)), bytes: bytes?.get(lane) ?? null }));
  }

  /** What each lane has cost by now, as last counted. @param {import("../run.js").Run} run */
  function costsNow(run) {
    return new Map(run.lanes.flatMap(({ lane }) => {
      const { up_total, down_total } = run.stats.measured(seriesOf(lane));
      return up_total + down_total > 0 ? [/** @type {[string, number]} */ ([lane.lane, up_total + down_total])] : [];
    }));
  }

  /** @param {import("./race-book.js").Arrival|undefined} arrival */
  function timesOf(arrival) {
    return arrival === undefined ? { delayMs: null, heldMs: 0 } : { delayMs: arrival.delayMs, heldMs: arrival.atMs - busy.reaching(arrival.sinceMs) };
  }

  /** What a delay may be off now: as all figures of this run. */
  function errorNow() {
    const { boundUs } = shared.clock;
    return delayErrorMs(shared.run()?.worstBoundMs ?? (Number.isFinite(boundUs) ? boundUs / 1000 : null));
  }

  /** @param {import("./race-order.js").Entry[]} entries @returns {import("./race-tracks.js").Words} */
  function wordsOf(entries) {
    const places = placesOf(entries, TIMER_MS);
    const errorMs = errorNow();
    return new Map(entries.map(({ lane, delayMs, bytes }) => {
      const place = places.get(lane) ?? null;
      return [lane, { under: conditions.get(lane) ?? "", place: placeText(place), note: placeNote(place), delay: delayMs === null ? "" : delayText(delayMs, errorMs), bytes: bytesSoFarText(bytes) }];
    }));
  }

  // What is shown

  const factorWords = () => (player.factor === 1 ? "as fast as it was" : `${player.factor} times slower`);
  const factorSign = () => (player.factor === 1 ? "not slowed" : `×${player.factor} slower`);

  function drawPicture() {
    const { entries, axis, words } = scene;
    if (REDUCED.matches) return stills.draw(entries, axis, words, errorNow(), "time");
    tracks.set(entries, axis, `time, ${factorSign()}`);
    tracks.draw(entries, player.atMs, axis, words);
  }

  /** @param {ReturnType<typeof entriesNow>} entries */
  function sentence(entries) {
    const run = shared.run();
    if (run === null || player.number === null) return "";
    return sentenceOf({ number: player.number, entries, settings: run.settings, delayErrorMs: errorNow(), timerMs: TIMER_MS });
  }

  /** Before the first race. @param {import("../run.js").Run} run */
  function waitWords(run) {
    switch (run.phase) {
      case "connecting": return "Connecting. The first race is that of the first event that counts.";
      case "warm-up": return "Warm-up. The first race is that of the first event that counts.";
      case "failed": return "The run failed before there was a race.";
      case "paused": return "Paused before there was a race.";
      default: return "Waiting for an event that every lane has received.";
    }
  }

  function draw() {
    const run = shared.run();
    root.hidden = run === null;
    if (run === null) return;
    const rules = rulesOf(run);
    const isStill = REDUCED.matches;
    for (const part of root.querySelectorAll("[data-race-moves]")) /** @type {HTMLElement} */ (part).hidden = isStill;
    for (const part of root.querySelectorAll("[data-race-stands]")) /** @type {HTMLElement} */ (part).hidden = !isStill;
    takeNext(rules);
    const entries = entriesNow();
    scene = { entries, axis: axisOf(entries, closeUp.checked), words: wordsOf(entries) };
    const hasRace = entries.length > 0;
    picture.hidden = isStill || !hasRace;
    stillsHost.hidden = !isStill || !hasRace;
    find("[data-race-table]").hidden = !hasRace;
    setText(toggle, player.isOn ? "Pause race" : "Play race");
    const at = player.number ?? 0;
    for (const [each, to] of [[before, book.beside(at, -1, rules)], [after, book.beside(at, 1, rules)]]) {
      /** @type {HTMLButtonElement} */ (each).setAttribute("aria-disabled", String(at === 0 || to === null));
    }
    if (document.activeElement !== number && number.value !== String(at || "")) number.value = String(at || "");
    // What is still to be seen is not told before.
    const isUnderWay = !isStill && !player.isOver;
    setText(says, !hasRace ? waitWords(run) : isUnderWay
      ? `Event ${count(at)} was let go on ${entries.length === 1 ? "the lane" : `all ${entries.length} lanes at the same instant`}; it is shown ${factorWords()}.`
      : sentence(entries));
    setText(find("[data-race-error]"), errorWords(run));
    if (!hasRace) return;
    drawPicture();
    if (isUnderWay) table.draw(`Event ${count(at)}, those that have it by now in the order of arrival`, entries, scene.words, player.atMs);
    else table.draw(`Event ${count(at)}, in the order of arrival`, entries, scene.words);
  }

  /** @param {import("../run.js").Run} run */
  function errorWords(run) {
    const errorMs = errorNow();
    const out = run.lanes.filter(({ takesPart }) => !takesPart).map(({ lane }) => lane.label);
    return [
      "Every lane is received by this one page and timed by its one clock.",
      ...(errorMs === null ? [] : [`The ± of each delay is how far that clock may be off the server's (${errorText(errorMs)}). It moves all dots by the same, so it changes no order.`]),
      `The order is as exact as this page's timer: ± ${errorText(TIMER_MS)} between two lanes.`,
      "A page receives one thing after another. What comes while it is busy waits, and may have been there first. Lanes that may have waited are not told apart.",
      "Bytes so far are what the lane has cost since measuring began, both ways. They are counted once a second; here stands the counting that followed this event.",
      ...(out.length === 0 ? [] : [`Not in this race, for they were not open when measuring began: ${out.join(", ")}.`]),
    ].join(" ");
  }

  // What moves

  /** The next race begins by itself where nothing else is on; without motion only the very first. @param {import("./race-book.js").Rules} rules */
  function takeNext(rules) {
    if (!isShown || document.hidden) return;
    if (REDUCED.matches ? player.number !== null : !player.isFree(performance.now())) return;
    const next = book.newest(rules, player.number ?? 0);
    if (next === null) return;
    if (REDUCED.matches) player.show(next);
    else player.begin(next);
    run();
  }

  /** Frames, as long as something moves and somebody may see it. */
  function run() {
    if (frame !== 0 || !player.isMoving || !isShown || REDUCED.matches) return;
    frameMs = performance.now();
    frame = requestAnimationFrame(step);
  }

  /** Notes how long this page is busy with the frame that began at an instant: until it can do something else. @param {number} fromMs */
  function noteFrame(fromMs) {
    busy.during(fromMs, performance.now());
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      busy.during(fromMs, performance.now());
      port1.close();
    };
    port2.postMessage(0);
  }
  /** The browser tells of long tasks afterwards; it is asked from the first run on. @type {PerformanceObserver|null} */
  let longTasks = null;
  function watchLongTasks() {
    if (longTasks !== null || !globalThis.PerformanceObserver?.supportedEntryTypes.includes("longtask")) return;
    longTasks = new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) busy.longTask(startTime, startTime + duration);
    });
    longTasks.observe({ type: "longtask" });
  }

  /** @param {number} nowMs */
  function step(nowMs) {
    frame = 0;
    const fromMs = performance.now();
    move(nowMs);
    noteFrame(fromMs);
    if (frame === 0 && player.isMoving && isShown) frame = requestAnimationFrame(step);
  }

  /** @param {number} nowMs */
  function move(nowMs) {
    const isOver = player.tick(nowMs - frameMs, endOf(scene.entries), nowMs);
    frameMs = nowMs;
    if (isOver) {
      draw();
      if (isAwaited) announce(sentence(scene.entries));
      isAwaited = false;
    } else {
      drawPicture();
    }
  }

  function rest() {
    cancelAnimationFrame(frame);
    frame = 0;
  }

  // What is asked for

  /** @param {number|null} wanted */
  function choose(wanted) {
    if (wanted === null) return;
    complain("");
    if (REDUCED.matches) {
      player.show(wanted);
      stills.rewind();
      announce(sentence(entriesNow()));
    } else {
      player.choose(wanted);
      isAwaited = true;
    }
    run();
    draw();
  }

  /** @param {string} text */
  function complain(text) {
    setText(note, text);
    note.hidden = text === "";
  }

  /** @type {Record<string, (run: import("../run.js").Run) => void>} */
  const deeds = {
    toggle(present) {
      if (player.isOn) player.pause();
      else if (present.phase === "paused" && player.atMs >= endOf(entriesNow()) && book.newest(rulesOf(present), player.number ?? 0) === null) return choose(player.number);
      else player.play(endOf(entriesNow()));
      run();
      draw();
    },
    replay: () => choose(player.number),
    before: (present) => choose(player.number && book.beside(player.number, -1, rulesOf(present))),
    after: (present) => choose(player.number && book.beside(player.number, 1, rulesOf(present))),
    newest(present) {
      choose(book.newest(rulesOf(present)));
      player.follows = !REDUCED.matches;
      draw();
    },
    "still-before": () => stills.step(-1),
    "still-after": () => stills.step(1),
    "still-first": () => stills.go(0),
  };

  /** @param {string} name */
  function act(name) {
    const present = shared.run();
    if (present !== null) deeds[name]?.(present);
  }

  root.addEventListener("click", ({ target }) => {
    const pressed = target instanceof Element ? target.closest("[data-race-do]") : null;
    if (pressed !== null && pressed.getAttribute("aria-disabled") !== "true") act(pressed.getAttribute("data-race-do") ?? "");
  });
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target instanceof HTMLInputElement) return;
    const isStill = REDUCED.matches;
    /** @type {Record<string, string>} */
    const keys = { " ": isStill ? "still-after" : "toggle", ArrowLeft: "before", ArrowRight: "after", Home: isStill ? "still-first" : "replay", End: "newest" };
    if (!(event.key in keys) || (event.key === " " && event.target instanceof HTMLButtonElement)) return;
    event.preventDefault();
    act(keys[event.key]);
  });
  number.addEventListener("change", () => {
    const present = shared.run();
    const wanted = number.valueAsNumber;
    if (present === null || Number.isNaN(wanted)) return;
    if (book.isOver(wanted, rulesOf(present))) return choose(wanted);
    complain(`Event ${count(wanted)} cannot be shown: it has not come yet, counts for nothing, or is too long ago.`);
  });
  for (const radio of /** @type {NodeListOf<HTMLInputElement>} */ (root.querySelectorAll('[name="race-factor"]'))) {
    radio.addEventListener("change", () => {
      player.factor = Number(radio.value);
      draw();
    });
  }
  closeUp.addEventListener("change", draw);
  REDUCED.addEventListener("change", () => {
    rest();
    if (REDUCED.matches && player.number !== null) player.show(player.number);
    else player.follows = true;
    draw();
  });

  return {
    conditions(views) {
      conditions = new Map(shared.rows.map(({ lane, of }) => [lane, views.find((each) => each.lane === of)?.conditions?.text ?? ""]));
    },
    shown(now) {
      isShown = now;
      if (!now) return rest();
      draw();
      run();
    },
    arrived(state, published, delayMs, atMs) {
      // Told once more, when another lane has said when it happened, it was received before.
      const isNew = atMs > (newestMs.get(state.lane.lane) ?? -Infinity);
      newestMs.set(state.lane.lane, Math.max(atMs, newestMs.get(state.lane.lane) ?? -Infinity));
      const sinceMs = isNew ? busy.waitingSince(atMs) : atMs;
      if (isNew) busy.during(atMs, performance.now());
      if (delayMs === null) return;
      book.take(state.lane.lane, published, { delayMs, atMs, sinceMs });
      costs.awaits(published);
    },
    began() {
      rest();
      watchLongTasks();
      book.clear();
      costs.clear();
      player.forget();
      stills.rewind();
      complain("");
    },
    changed() { if (isShown) draw(); },
    draw,
    drew(fromMs) {
      const present = shared.run();
      if (present === null) return;
      noteFrame(fromMs);
      costs.read(present.stats.latest, () => costsNow(present));
    },
  };
}
