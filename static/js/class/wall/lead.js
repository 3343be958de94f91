/*
  lead.js: what only the presenter sees of a class beside the controls: the notes of the step, what the guesses suggest
  to do next, and the lessons that can be given.
*/

import { el, find, setText } from "../../charts/dom.js";
import { isRunning } from "../state.js";
import { counted } from "../words.js";
import { nodesOf } from "./views.js";

/** @typedef {import("../state.js").ClassState} State */
/** @typedef {import("../state.js").LessonState} Lesson */

/** Nothing more can be pressed in this lesson. @param {State} state */
export function isAtEnd({ lesson, lead }) {
  const isAsking = lesson?.kind === "ask" && (lesson.ask?.answers ?? null) === null;
  return lesson !== null && lead?.next === null && !isAsking && !isRunning(lesson.run) && (lesson.kind !== "reveal" || lesson.reveal !== null);
}

/** What is usually done at a step that has no note of its own, as far as it is. Pure. @param {State} state */
export function usualOf(state) {
  const { lesson } = state;
  if (!lesson) return "Choose a lesson below.";
  if (isAtEnd(state)) return state.lead?.plan ? "The lesson is over. Go on in the plan, above." : "The lesson is over. Choose the next one below.";
  switch (lesson.kind) {
    case "say": return "Read it aloud, or let somebody read it: about 20 s.";
    case "guess": return ofGuess(lesson, state.lead);
    case "set": return "The clients are set up; nothing is measured yet.";
    case "run": return ofRun(lesson);
    case "wait": return lesson.wait?.seen ? "" : "Press Next once it was seen: this page says so.";
    case "reveal": return lesson.reveal ? "Let somebody say why, then go on." : "Ask who expected this before you reveal it.";
    case "code": return "This is what runs. Ask for the line that matters.";
    case "ask": return lesson.ask?.answers ? "Let somebody say why the others are wrong, then go on." : "The same idea in another story. Show the answers when most have answered.";
    default: return "";
  }
}

/** @param {Lesson} lesson @param {import("../state.js").Lead|undefined} lead */
function ofGuess({ locked, round }, lead) {
  if (!locked) return round > 1 ? "They have talked: everybody keeps the guess or changes it, about 15 s. Then lock." : "Everybody guesses alone, about 40 s. Then lock.";
  if (lead?.hint) return ""; // it says what comes next
  return lead?.asks_again ? "Let them talk to a neighbour, then ask again: a minute for both." : "Go on.";
}

/** @param {Lesson} lesson */
function ofRun({ run, asks_about: about }) {
  if (!run || run.state === "waiting") {
    return run?.kind === "experiment" ? "Say what is compared, then press Run: the laptop measures, and the wall shows how long it still takes." : "Say what to look at, then press Run.";
  }
  if (run.state === "failed") return "It gave no figures. Run it again, or go on with the prediction.";
  if (run.kind === "page") return "Measure it on the page, then write down here what it shows.";
  if (run.state === "over") return "It is over: go on, and ask who expected this.";
  if (run.kind === "experiment") return "The laptop measures, and no picture comes before the result: let them say meanwhile what they expect.";
  return about === undefined ? "It runs: point at the dots on the wall. Each is a phone, further right where its message was later." : "It runs: point at what is counted on the wall.";
}

/** What each hint asks for, with the shares that it rests on: Vickrey and others 2015. @type {Record<string, string>} */
const HINTS = {
  explain: "Explain first: under 35\u00a0% are right.",
  talk: "Let them talk, then ask again: 35 to 70\u00a0% are right.",
  "go on": "Go on: over 70\u00a0% are right.",
};
/** Once they have talked. */
const HAVE_TALKED = "Let one of each side say why, then go on: 35 to 70\u00a0% are right.";

/** How long neighbours talk before they guess again, s: a lesson's clock has a minute for both. */
const TALK_S = 45;

/**
 * What the talk of neighbours asks for next, where the hint proposes it: its timer, then the second guess.
 * @param {import("../state.js").ClassState} state
 * @returns {"begin"|"ask"|null}
 */
function talkOf({ lesson, lead, timer }) {
  const isBetween = lesson?.guess && lesson.locked && lesson.round === 1 && !lesson.reveal && lesson.kind === "guess";
  if (!isBetween || lead?.hint !== "talk") return null;
  return timer ? "ask" : "begin";
}

/**
 * The one press of the talk.
 * @param {import("../state.js").ClassState} state
 * @param {(path: string, body?: unknown) => void} tell
 */
export function talk(state, tell) {
  const next = talkOf(state);
  if (next === "begin") tell("/tools", { timer_s: TALK_S });
  if (next !== "ask") return;
  tell("/second-guess");
  tell("/tools", { timer_s: 0 });
}

/**
 * @param {HTMLElement} part
 * @param {import("../state.js").ClassState} state
 * @param {(path: string, body?: unknown) => void} tell
 */
export function showLead(part, state, tell) {
  const { lead } = state;
  if (lead === undefined) return;
  const notKept = find("[data-not-kept]", HTMLElement, part);
  notKept.hidden = lead.not_kept === null;
  setText(notKept, lead.not_kept === null ? "" : `This class is not kept: the data folder cannot be written (${lead.not_kept}). When the lab stops, what it did is gone. Next time, start the lab with --data-dir FOLDER, another folder.`);
  const hint = find("[data-hint]", HTMLElement, part);
  const words = [missingOf(state), hintOf(state), waitOf(state)].filter((text) => text !== "").join(" ");
  hint.hidden = words === "";
  setText(hint, words);
  const held = find("[data-held]", HTMLElement, part);
  held.hidden = heldOf(state) === "";
  setText(held, heldOf(state));
  const next = talkOf(state);
  const button = find("[data-talk]", HTMLButtonElement, part);
  button.hidden = next === null;
  setText(button, next === "ask" ? "Ask once more, and end the timer" : `Let them talk: ${TALK_S} s`);

  const notes = find("[data-notes]", HTMLElement, part);
  const usual = usualOf(state);
  const made = `${usual} ${lead.notes_html}`;
  if (notes.dataset.made !== made) {
    notes.dataset.made = made;
    notes.replaceChildren(...(lead.notes_html !== "" ? nodesOf(lead.notes_html) : usual === "" ? [] : [el("p", { class: "lead-faint" }, usual)]));
  }
  const can = find("[data-can]", HTMLElement, part);
  can.hidden = lead.can.of === 0;
  setText(can, canOf(lead.can));
  showLessons(part, state, tell);
}

/** How many phones have what the lanes need. @param {import("../state.js").Lead["can"]} can */
function canOf({ of, websocket, eventsource, streams, http2 }) {
  const has = /** @type {const} */ ([["WebSocket", websocket], ["EventSource", eventsource], ["streaming fetch", streams], ["HTTP/2", http2]]);
  return `Of ${counted(of, "phone")}: ${has.map(([what, count]) => `${what} ${count === of ? "all" : count === 0 ? "none" : count}`).join(" · ")}`;
}

/** Said from a lesson's first step on, and not when its run cannot begin. @param {State} state */
function missingOf({ lesson, lead }) {
  const missing = lead?.phones_missing ?? 0;
  if (missing === 0 || lesson?.reveal || lesson?.kind === "ask") return "";
  return `This lesson takes ${counted(missing, "phone")} more, or as many stand-ins ("Stand-ins" below).`;
}

/** What the guesses suggest: at their step, once it is locked. @param {State} state */
function hintOf({ lesson, lead }) {
  if (!lead?.hint || lesson?.kind !== "guess" || !lesson.locked || lesson.reveal) return "";
  const { hint, right_share: share, asks_again: asksAgain } = lead;
  const right = share === null ? "" : ` Of the guesses ${Math.round(share * 100)}\u00a0% are right.`;
  return `${hint === "talk" && lesson.round > 1 ? HAVE_TALKED : HINTS[hint] ?? hint}${right}${asksAgain && hint !== "talk" ? " This lesson proposes a second guess." : ""}`;
}

/** Why the phones do not follow. @param {State} state */
function heldOf({ frozen, muted, dark }) {
  return [
    frozen ? "Frozen: phones keep what they show, whatever step you go to, and nothing they say is taken. Press Freeze once more to go on." : "",
    muted ? "Muted: guesses and answers are not taken. Press Mute once more to hear them." : "",
    dark ? "Dark: the wall and the phones show nothing. Press Dark once more to go on." : "",
  ].filter((text) => text !== "").join(" ");
}

/** What a step waits for, and what to do where it does not come. @param {State} state */
function waitOf({ lesson, now_us: now }) {
  const wait = lesson?.wait;
  if (wait === undefined || wait === null) return "";
  if (wait.seen) return "Seen: press Next.";
  if (now < wait.late_us) return "";
  return wait.otherwise === "again" ? "It was not seen in time: go back and run it again." : "It was not seen in time: go on.";
}

/**
 * Rows are changed in place: with each phone that joins, another lesson may be one that can be given, and a row that is
 * made anew takes the focus or the press that was on it with it.
 * @param {HTMLElement} part @param {import("../state.js").ClassState} state @param {(path: string, body?: unknown) => void} tell
 */
function showLessons(part, state, tell) {
  const list = find("[data-lessons]", HTMLElement, part);
  const lessons = state.lead?.lessons ?? [];
  const given = state.lesson?.id ?? "";
  const around = find("[data-lessons-part]", HTMLDetailsElement, part);
  // At the end of a lesson without a plan the next one is chosen here.
  const isEnd = isAtEnd(state) && !state.lead?.plan;
  if (isEnd && list.dataset.atEnd !== given) around.open = true;
  list.dataset.atEnd = isEnd ? given : "";
  const made = JSON.stringify([lessons, given]);
  if (list.dataset.made === made) return;
  const isOther = list.dataset.given !== given;
  const hadFocus = list.contains(document.activeElement);
  list.dataset.made = made;
  list.dataset.given = given;
  const known = new Map(/** @type {HTMLElement[]} */ ([...list.children]).map((row) => [row.dataset.lesson, row]));
  const rows = lessons.map((lesson) => drawLesson(known.get(lesson.id) ?? newLesson(lesson.id, tell), lesson, given));
  if (rows.length !== list.children.length || rows.some((row, place) => list.children[place] !== row)) list.replaceChildren(...rows);
  // Open in the lobby, closed once one is given; in between it is the presenter's to open and close.
  if (isOther) around.open = given === "";
  // What was pressed is folded away: who leads by keyboard is not sent back to the top.
  if (isOther && hadFocus) find("summary", HTMLElement, around).focus();
}

/** @param {string} id @param {(path: string, body?: unknown) => void} tell */
function newLesson(id, tell) {
  const button = el("button", { class: "lead-lesson", type: "button" }, el("span"), el("span", { class: "lead-faint num" }));
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") tell("/lesson", { lesson: id });
  });
  return el("li", { "data-lesson": id }, button, el("p", { class: "lead-why-not", id: `why-not-${id}` }));
}

/** @param {HTMLElement} row @param {import("../state.js").Lead["lessons"][number]} lesson @param {string} given */
function drawLesson(row, lesson, given) {
  const [button, why] = /** @type {HTMLCollectionOf<HTMLElement>} */ (row.children);
  const [name, facts] = button.children;
  const isGiven = lesson.id === given;
  setText(name, `${lesson.order}. ${lesson.title}`);
  setText(facts, isGiven ? "on" : `${lesson.minutes} min`);
  if (isGiven) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
  if (lesson.why_not === null) {
    button.removeAttribute("aria-disabled");
    button.removeAttribute("aria-describedby");
  } else {
    button.setAttribute("aria-disabled", "true");
    button.setAttribute("aria-describedby", why.id);
  }
  why.hidden = lesson.why_not === null;
  setText(why, lesson.why_not ?? "");
  return row;
}
