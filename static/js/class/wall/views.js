/*
  views.js: what the stage shows, one view at a time. Which one follows from the state alone. A view is drawn anew when
  what it is made of has changed, and brought up to date in place otherwise, so that a picture does not flicker with
  each phone that comes or sleeps.
*/

import { el, setText } from "../../charts/dom.js";
import { Grid, SHAPES, byLane, delayText, groupLabel, halfWithin, laneLabel, whoFollow } from "../grid.js";
import { drawGuesses } from "../histogram.js";
import { countedOf } from "../counted.js";
import { isRunning } from "../state.js";
import { TALK, clockTime, counted, guessedIn, haveDone, isTalk, shown as figure, withUnit } from "../words.js";
import { publishedOf, receivedByGroup, receivedText } from "../received.js";
import { arrivalEnd, waitWords, whyWords } from "../waiting.js";
import { Race } from "./race.js";

/**
 * @typedef {import("../state.js").ClassState} State
 * @typedef {import("../state.js").LessonState} Lesson
 *
 * @typedef {object} View
 * @property {string} name
 * @property {string} made                     what it was drawn from: another value, another drawing
 * @property {() => Node[]} draw
 * @property {(body: HTMLElement, state: State, time: import("./time.js").ServerTime) => void} update  with each state, and four times a second
 *
 * @typedef {{address: string, isPresenter: boolean, qr: string, late: string}} Place  qr: address of its picture; late: that nobody comes; "" for none
 */

/** @param {State|null} state @param {Place} place @returns {View} */
export function viewOf(state, place) {
  if (state === null) return noClass(place);
  if (state.dark && !place.isPresenter) return { name: "dark", made: "", draw: () => [el("h1", { class: "visually-hidden" }, "The presenter has made the screen dark.")], update() {} };
  if (state.show !== null && state.show !== undefined) return onePhone(state);
  const { lesson } = state;
  if (lesson === null || lesson === undefined) return lobby(state, place);
  switch (lesson.kind) {
    case "guess": return guess(lesson);
    case "run": case "wait": return run(lesson);
    case "reveal": return reveal(lesson);
    case "ask": return ask(lesson);
    case "code": return code(lesson);
    default: return prose(state, lesson);
  }
}

/** Numbers for the style sheet. The lab's policy takes no style attributes. @template {HTMLElement} T @param {T} node @param {Record<string, number>} sizes */
function sized(node, sizes) {
  for (const [name, value] of Object.entries(sizes)) node.style.setProperty(`--${name}`, String(value));
  return node;
}

/** What this program has made from Markdown, as nodes. @param {string} html */
export function nodesOf(html) {
  return [...new DOMParser().parseFromString(html, "text/html").body.childNodes];
}

/** @param {string} html */
function proseOf(html, className = "wall-prose") {
  const box = el("div", { class: className });
  box.replaceChildren(...nodesOf(html));
  return box;
}

/** @param {Place} place @returns {View} */
function noClass({ isPresenter }) {
  return {
    name: "no-class",
    made: String(isPresenter),
    draw: () => [el("p", { class: "wall-large" }, "No class is on."), el("p", {}, isPresenter ? "Start one with the button below: the phones come in by the address and the code that then stand here." : "Whoever leads starts one by pushlab class in a terminal, or on their page. This page then shows it by itself.")],
    update() {},
  };
}

/** @param {State} state @param {Place} place @returns {View} */
function lobby(state, { address, qr, late }) {
  /** @type {Grid|undefined} */
  let grid;
  return {
    name: "lobby",
    made: JSON.stringify([state.code, address, qr, late, state.closed]),
    draw: () => {
      const phones = el("div", { class: "wall-grid" });
      grid = new Grid(phones);
      if (state.closed) return [el("div", { class: "wall-join-large" }, el("p", { class: "wall-large" }, "The door is closed"), el("p", {}, "Nobody else is let in. Who was in comes back by itself."), el("p", { class: "wall-large wall-in", "data-part": "in" }), phones)];
      return [
        el("div", { class: qr === "" ? "wall-lobby wall-lobby-typed" : "wall-lobby" },
          ...(qr === "" ? [] : [el("img", { src: qr, alt: `QR code of ${address}, with the code`, class: "wall-qr" })]),
          el("div", { class: "wall-join-large" },
            el("p", { class: "wall-large" }, "Join with your phone"),
            address === "" ? el("p", { class: "wall-note" }, "No address for phones yet: /join on this laptop says why.") : el("p", {}, "open ", sized(el("strong", { class: "wall-figure wall-address" }, address.replace(/\/join$/, ""), el("wbr"), "/join"), { letters: address.length })),
            el("p", {}, "code ", el("strong", { class: "wall-code" }, state.code)),
            el("p", { class: "wall-large wall-in", "data-part": "in" }), phones,
            ...(late === "" ? [] : [el("p", { class: "wall-note", role: "status" }, late)]))),
      ];
    },
    update: (body, now) => {
      grid?.show(now.grid ?? []);
      setPart(body, "in", now.joined === 0 ? "Nobody is in yet." : now.here === 1 ? "1 is in" : `${now.here} are in`);
    },
  };
}

/** Prose alone, with what the phones are to do where a step sets it. @param {State} state @param {Lesson} lesson @returns {View} */
function prose(state, lesson) {
  const groups = lesson.kind === "set" ? state.groups : [];
  const who = `${whoFollow(state.grid ?? [])}s`;
  return {
    name: lesson.kind,
    made: JSON.stringify([lesson.step, lesson.html, groups, ...(groups.length > 0 ? [who] : [])]),
    draw: () => [
      proseOf(lesson.html),
      ...(groups.length === 0 ? [] : [el("ul", { class: "wall-groups", role: "list" }, ...groups.map((group) => el("li", {}, laneName(group.lane), groups.length > 1 ? `: ${shareText(group.share, groups, who)}` : `: all ${who}`, group.poll_interval_ms ? `, asking every ${figure(group.poll_interval_ms)} ms` : "")))]),
    ],
    update() {},
  };
}

/** The program's own source, as it runs. @param {Lesson} lesson @returns {View} */
function code(lesson) {
  const shown = lesson.code;
  const text = shown === undefined ? [] : flushLeft(shown.lines.map((line) => line.text));
  return {
    name: "code",
    made: JSON.stringify([lesson.step, lesson.html, shown]),
    draw: () => [
      withoutCode(proseOf(lesson.html, "wall-prose wall-prose-small")),
      ...(shown === undefined ? [] : [
        el("p", { class: "wall-note" }, `${shown.file}, line ${shown.lines[0]?.number ?? 1}`),
        sized(el("pre", { class: "wall-code-lines", tabindex: "0" }, text.join("\n")), { widest: Math.max(40, ...text.map((line) => line.length)), lines: text.length }),
      ]),
    ],
    update() {},
  };
}

/** The prose of a code step has the source in it, for pages that scroll. Here it stands once, as large as it can. @param {HTMLElement} prose */
function withoutCode(prose) {
  for (const figure of prose.querySelectorAll(".lesson-code")) figure.remove();
  return prose;
}

/** Without the blanks that all lines begin with. @param {string[]} lines */
function flushLeft(lines) {
  const depth = Math.min(...lines.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length));
  return lines.map((line) => line.slice(Number.isFinite(depth) ? depth : 0));
}

/** The question, what an answer looks like, and how many have one. Never which. @param {Lesson} lesson @returns {View} */
function guess(lesson) {
  return {
    name: "guess",
    made: JSON.stringify([lesson.step, lesson.html, lesson.guess, lesson.round]),
    draw: () => [
      ...(lesson.round > 1 ? [el("p", { class: "wall-note" }, "Second guess: you have talked, now guess again.")] : []),
      proseOf(lesson.html, "wall-prose wall-prose-small"),
      el("p", { class: "wall-question" }, lesson.guess?.question ?? ""),
      ...(lesson.guess ? [answerShape(lesson.guess)] : []),
      counter("answered"),
      el("p", { class: "wall-note", "data-part": "note" }),
    ],
    update: (body, state) => {
      const { lesson: now, here, frozen, muted } = state;
      if (!now) return;
      showCounter(body, now.answered, here, haveDone(now.answered, guessedIn(now.round)));
      setPart(body, "note", isTalk(state) ? TALK : now.locked ? "Locked: guesses stand as they are." : heldWords("guess", frozen, muted));
    },
  };
}

/** Why nobody answers. @param {string} what @param {boolean} frozen @param {boolean} muted */
const heldWords = (what, frozen, muted) => (frozen ? `Frozen: no ${what} is taken until it goes on.` : muted ? `Muted: no ${what} is taken now.` : "");

/** @param {import("../state.js").Question} question */
function answerShape(question) {
  const list = (/** @type {string} */ name, /** @type {string[]} */ items) => el("ol", { class: `wall-options wall-options-${name}` }, ...items.map((item) => el("li", {}, item)));
  switch (question.as) {
    case "number": return el("p", { class: "wall-range" }, "a number from ", el("strong", {}, figure(question.min)), " to ", el("strong", {}, withUnit(question.max, question.unit)));
    case "choice": return el("div", {}, list("choice", question.options), ...(question.many ? [el("p", { class: "wall-note" }, "More than one may be right.")] : []));
    case "curve": return el("p", { class: "wall-range" }, "a curve over ", el("strong", {}, question.x.map(figure).join(", ")), ` ${question.x_unit}, each from `, el("strong", {}, figure(question.min)), " to ", el("strong", {}, withUnit(question.max, question.unit)));
    case "order": return el("div", {}, el("p", { class: "wall-note" }, "Put these in order:"), el("ul", { class: "wall-options" }, ...question.items.map((item) => el("li", {}, item))));
  }
}

/** @type {Record<import("../state.js").Run["state"], string>} */
const RUN_WORDS = { waiting: "not begun yet", warming: "warming up: not counted yet", measuring: "measuring", over: "the run is over", failed: "this run gave no figures" };

/**
 * How far the phones are while a live run does not count yet. null: it counts, or knows from when on.
 * @param {import("../state.js").Run} now @param {import("../state.js").Seat[]} seats @param {number} [leftS]  until it begins without the others
 */
export function arrivalText(now, seats, leftS) {
  if (now.kind !== "live" || now.state !== "warming" || now.measured_from_us !== null) return null;
  const awake = seats.filter(({ state }) => state === "open");
  const connected = awake.filter(({ lane, line }) => lane !== null && line === "open").length;
  return `${connected} of ${counted(awake.length, "phone")} ${connected === 1 ? "is" : "are"} connected; ${leftS === undefined ? "nothing is counted yet" : arrivalEnd(leftS)}`;
}

/** What goes on, how long it still takes, and what the phones say of themselves. @param {Lesson} lesson @returns {View} */
function run(lesson) {
  /** @type {Grid|undefined} */
  let grid;
  /** @type {Race|undefined} */
  let race;
  /** @type {HTMLElement|undefined} */
  let tracks;
  return {
    name: "run",
    made: JSON.stringify([lesson.step, lesson.html, lesson.run?.what, lesson.run?.kind, lesson.run?.page, lesson.run?.why]),
    draw: () => {
      const phones = el("div", { class: "wall-grid wall-grid-small" });
      grid = new Grid(phones);
      tracks = el("div", { class: "wall-race", hidden: "" });
      race = new Race(tracks);
      const now = lesson.run;
      return [
        proseOf(lesson.html),
        ...(now && now.kind !== "page" ? [el("p", { class: "wall-question" }, now.what)] : []),
        el("div", { class: "wall-run" },
          el("p", { class: "wall-note", "data-part": "state" }),
          el("p", { class: "wall-clock num", "data-part": "left" }),
          el("progress", { max: "1", "aria-label": "How far the run has come", "data-part": "share" })),
        el("p", { class: "wall-note", "data-part": "until" }),
        el("p", { class: "wall-note", "data-part": "so-far" }),
        ...(now?.why ? [el("p", { class: "wall-note" }, whyWords(now.why))] : []),
        el("p", { class: "wall-counted", "data-part": "counted", hidden: "" }, el("strong", { class: "wall-large num" }), " ", el("span")),
        ...(now?.page && now.kind === "page" ? [el("p", { class: "wall-question" }, "It is measured on the page ", el("a", { href: now.page, target: "_blank", rel: "noopener" }, now.page.split("?")[0]), ".")] : []),
        el("ul", { class: "wall-lanes", "data-part": "lanes", role: "list", "aria-label": "Here, by lane" }),
        tracks,
        el("ul", { class: "wall-lanes wall-received", "data-part": "received", role: "list", "aria-label": "Received, by group", hidden: "" }),
        phones,
      ];
    },
    update: (body, state, time) => {
      const now = state.lesson?.run ?? null;
      const wait = state.lesson?.wait ?? now?.waits ?? null;
      const words = wait === null ? null : waitWords(wait, time.left(wait.late_us, Date.now()));
      setPart(body, "until", words?.what ?? "");
      setPart(body, "so-far", words?.soFar.join(" · ") ?? "");
      const startsBy = now?.starts_by_us === undefined ? undefined : time.left(now.starts_by_us, Date.now());
      setPart(body, "state", now === null ? "not begun yet" : now.kind === "page" ? "" : (state.groups.length > 0 ? arrivalText(now, state.grid ?? [], startsBy) : null) ?? (now.state === "measuring" && now.waits ? "measuring goes on" : RUN_WORDS[now.state] ?? now.state));
      const clock = body.querySelector("[data-part=left]");
      const bar = /** @type {HTMLProgressElement|null} */ (body.querySelector("[data-part=share]"));
      // No clock before the measured time: what comes first takes as long as the phones take.
      const fromUs = now?.measured_from_us ?? null;
      // None once it goes on for what it waits for: its end is put off second by second, and that is said in words.
      const isTimed = now !== null && isRunning(now) && !now.waits && now.ends_us !== null && fromUs !== null && time.left(fromUs, Date.now()) === 0;
      if (clock instanceof HTMLElement) clock.hidden = !isTimed;
      if (bar !== null) bar.hidden = !isTimed;
      if (isTimed && now.ends_us !== null && fromUs !== null) {
        const left = time.left(now.ends_us, Date.now());
        setPart(body, "left", clockTime(left));
        if (bar !== null) bar.value = 1 - Math.min(1, left / Math.max(1, (now.ends_us - fromUs) / 1e6));
      }
      grid?.show(state.grid ?? []);
      // Who races is named by the race.
      const isRaced = now?.kind === "live" && (isRunning(now) || now.state === "over") && race?.show(state.grid ?? [], state.groups) === true;
      const lanes = /** @type {HTMLElement} */ (body.querySelector("[data-part=lanes]"));
      lanes.hidden = isRaced;
      if (!isRaced) showLanes(lanes, state.grid ?? [], state.groups, now?.kind === "page");
      tracks?.toggleAttribute("hidden", !isRaced);
      showCounted(body, countedOf(state));
      showReceived(/** @type {HTMLElement} */ (body.querySelector("[data-part=received]")), state);
    },
  };
}

/** The sentence first, then one picture, then what to change. @param {Lesson} lesson @returns {View} */
function reveal(lesson) {
  const shown = lesson.reveal ?? null;
  return {
    name: "reveal",
    made: JSON.stringify([lesson.step, lesson.html, shown, lesson.guess]),
    draw: () => {
      if (shown === null) return [proseOf(lesson.html), el("p", { class: "wall-note" }, "What came out is shown when the presenter reveals it.")];
      const drawn = lesson.guess ? drawGuesses({ question: lesson.guess, guesses: shown.guesses, first: shown.first_guesses, measured: valuesOf(shown.measured, shown.measured_points), theory: valuesOf(shown.theory, shown.theory_points), right: shown.right ?? [] }) : null;
      return [
        el("p", { class: "wall-sentence", "data-part": "sentence" }, shown.sentence),
        ...(shown.predicted_only ? [el("p", { class: "wall-note" }, "Predicted, not measured.")] : []),
        ...(drawn === null ? figuresOf(shown) : [el("div", { class: "wall-picture" }, drawn.picture), hidden(drawn.table)]),
        ...(shown.experiment ? [el("p", { class: "wall-note", "data-part": "experiment" }, `By the experiment: ${shown.experiment}`)] : []),
        proseOf(lesson.html, "wall-prose wall-prose-small"),
        ...(shown.change_html ? [proseOf(shown.change_html, "wall-prose wall-prose-small wall-change")] : []),
      ];
    },
    update() {},
  };
}

/** Of a curve one for each point. @param {number|null} value @param {(number|null)[]|undefined} points */
const valuesOf = (value, points) => (points !== undefined && points.length > 0 ? points : value === null ? null : [value]);

/** Figures of a lesson without a guess. @param {import("../state.js").Reveal} shown */
function figuresOf({ measured, theory, unit }) {
  const one = (/** @type {string} */ sample, /** @type {string} */ name, /** @type {number|null} */ value) => (value !== null ? [el("p", {}, el("span", { class: `guesses-sample guesses-sample-${sample}`, "aria-hidden": "true" }), ` ${name} `, el("strong", { class: "wall-figure" }, withUnit(value, unit)))] : []);
  return [...one("measured", "measured", measured), ...one("theory", "theory", theory)];
}

/** A table for screen readers: the picture says the same to everybody else. @param {HTMLElement} node */
function hidden(node) {
  return el("div", { class: "visually-hidden" }, node);
}

/** The last question; counts and reasons once the presenter shows them. @param {Lesson} lesson @returns {View} */
function ask(lesson) {
  const asked = lesson.ask ?? null;
  const answers = asked?.answers ?? null;
  const most = Math.max(1, ...(answers ?? []));
  return {
    name: "ask",
    made: JSON.stringify([lesson.step, lesson.html, asked]),
    draw: () => {
      if (asked === null) return [proseOf(lesson.html)];
      const options = asked.options.map((option, place) => {
        const isRight = asked.right === place + 1;
        const row = el("li", { class: "wall-answer" }, el("span", { class: "wall-answer-text" }, ...(isRight ? [el("span", { class: "wall-right" }, "✓ right: ")] : []), option));
        if (isRight) row.dataset.right = "";
        if (answers !== null) {
          const fill = el("span", { class: "guesses-fill" });
          fill.style.inlineSize = `${((answers[place] ?? 0) / most) * 100}%`;
          row.append(el("span", { class: "guesses-well", "aria-hidden": "true" }, fill), el("span", { class: "wall-figure num" }, String(answers[place] ?? 0)));
        }
        const why = asked.because?.[place];
        if (why) row.append(el("p", { class: "wall-because" }, why));
        return row;
      });
      return [
        proseOf(lesson.html, "wall-prose wall-prose-small"),
        el("p", { class: "wall-question" }, asked.question),
        el("ol", { class: `wall-answers${answers === null ? "" : " wall-answers-counted"}` }, ...options),
        ...(answers === null ? [counter("answered"), el("p", { class: "wall-note", "data-part": "note" })] : []),
      ];
    },
    update: (body, { lesson: now, here, frozen, muted }) => {
      if (!now) return;
      showCounter(body, now.answered, here, haveDone(now.answered, "answered"));
      setPart(body, "note", heldWords("answer", frozen, muted));
    },
  };
}

/** One phone of the class, as everybody may see it. @param {State} state @returns {View} */
function onePhone(state) {
  const phone = (state.grid ?? []).find(({ id }) => id === state.show);
  const published = publishedOf(state);
  return {
    name: "show",
    made: JSON.stringify([phone ?? state.show, published]),
    draw: () => {
      if (phone === undefined) return [el("p", { class: "wall-large" }, "That phone is not in the class any more.")];
      const rows = [
        ["state", `${SHAPES[phone.state] ?? ""} ${phone.state}`],
        [phone.lane === null ? "an answer takes" : "delay now", delayText(phone.delay_ms) || "not known"],
        ...(phone.seen ? [["questions asked", String(phone.seen.requests)], ["answers with nothing", String(phone.seen.empty)], ["messages received", published ? receivedText(phone.seen.received, published).replace("received ", "") : String(phone.seen.received)]] : []),
      ];
      return [
        el("p", { class: "wall-note" }, phone.here_by === "native" ? "one stand-in" : "one phone"),
        el("p", { class: "wall-large" }, phone.name),
        el("p", {}, laneName(phone.lane)),
        el("dl", { class: "wall-figures" }, ...rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", { class: "wall-figure" }, value)))),
      ];
    },
    update() {},
  };
}

/** A line sample and its name. @param {string|null} lane */
export function laneName(lane) {
  return lane === null ? el("span", {}, "connected by no lane") : el("span", { class: "lane-name", "data-lane": lane }, laneLabel(lane));
}

/** Shares count beside each other. @param {number} share @param {import("../state.js").Group[]} groups @param {string} who */
function shareText(share, groups, who) {
  const all = groups.reduce((sum, group) => sum + group.share, 0);
  return all > 0 ? `${Math.round((share / all) * 100)} % of the ${who}` : "";
}

/** @param {string} name */
function counter(name) {
  return el("p", { class: "wall-counter", role: "status", "data-counter": name }, el("strong", { class: "wall-figure num" }), " of ", el("strong", { class: "wall-figure num" }), " ", el("span"));
}

/** @param {HTMLElement} body @param {number} answered @param {number} here @param {string} words */
function showCounter(body, answered, here, words) {
  const parts = body.querySelector("[data-counter]")?.children;
  if (parts === undefined) return;
  setText(parts[0], String(answered));
  setText(parts[1], String(Math.max(here, answered)));
  setText(parts[2], words);
}

/** What all phones counted of what the question is about. @param {HTMLElement} body @param {{figure: string, words: string}|null} found */
function showCounted(body, found) {
  const part = /** @type {HTMLElement} */ (body.querySelector("[data-part=counted]"));
  part.hidden = found === null;
  setText(part.children[0], found?.figure ?? "");
  setText(part.children[1], found?.words ?? "");
}

/** What each group's phones got of what was published; large where that is what is asked. @param {HTMLElement} list @param {State} state */
function showReceived(list, state) {
  const texts = receivedByGroup(state);
  list.hidden = texts.size === 0;
  list.classList.toggle("wall-received-asked", state.lesson?.asks_about === "received" && state.groups.length > 1);
  const groups = state.groups.filter(({ group }) => texts.has(group));
  const made = groups.map(groupLabel).join();
  if (list.dataset.made !== made) {
    list.dataset.made = made;
    list.replaceChildren(...groups.map((group) => el("li", {}, el("span", { class: "lane-name", "data-lane": group.lane }, groupLabel(group)), " ", el("strong", { class: "num" }))));
  }
  groups.forEach(({ group }, place) => setText(list.children[place].children[1], texts.get(group) ?? ""));
}

/**
 * Phones by lane. How late they are is told of what runs on a page of the lab: before a run of the phones it would be of
 * another one, and in it the race tells it.
 * @param {HTMLElement} list @param {import("../state.js").Seat[]} phones @param {import("../state.js").Group[]} groups @param {boolean} withDelays
 */
function showLanes(list, phones, groups, withDelays) {
  const lanes = byLane(phones, groups);
  const made = lanes.map(({ key }) => key).join();
  if (list.dataset.made !== made) {
    list.dataset.made = made;
    list.replaceChildren(...lanes.map(({ lane, name }) => el("li", {}, el("span", { class: "lane-name", "data-lane": lane }, name), " ", el("strong", { class: "wall-figure num" }), " ", el("span"))));
  }
  lanes.forEach(({ count, delays }, place) => {
    const parts = list.children[place].children;
    setText(parts[1], String(count));
    const half = withDelays ? halfWithin(delays) : null;
    setText(parts[2], half === null ? "" : `half of the ${whoFollow(phones)}s got their last message within ${delayText(half)}`);
  });
}

/** @param {HTMLElement} body @param {string} name @param {string} text */
function setPart(body, name, text) {
  const node = body.querySelector(`[data-part="${name}"]`);
  if (!(node instanceof HTMLElement)) return;
  setText(node, text);
  node.hidden = text === "";
}
