/*
  lead.js: what only the presenter sees of a class beside the controls: the notes of the step, what the guesses suggest
  to do next, and the lessons that can be given.
*/

import { el, find, setText } from "../../charts/dom.js";
import { isRunning } from "../state.js";
import { counted } from "../words.js";
import { nodesOf } from "./views.js";

/** What is usually done at a step that has no note of its own. @type {Record<string, string>} */
const USUAL = {
  say: "Read it aloud, or let somebody read it: about 20 s.",
  guess: "Everybody guesses alone, about 40 s. Lock. Let them talk to a neighbour for a minute, then ask again.",
  set: "The clients are set up; nothing is measured yet.",
  run: "Say what to look at, then press Run.",
  wait: "It goes on when enough was seen.",
  reveal: "Ask who expected this before you reveal it. Then: why?",
  code: "This is what runs. Ask for the line that matters.",
  ask: "The same idea in another story. Show the answers when most have answered.",
};

/** @param {import("../state.js").ClassState} state */
function usualOf({ lesson }) {
  if (!lesson) return "Choose a lesson below.";
  const { kind, run } = lesson;
  if (kind === "run" && isRunning(run)) return "It runs: point at what the wall shows.";
  if (kind === "run" && run?.state === "over" && run.kind !== "page") return "It is over: go on, and ask who expected this.";
  return USUAL[kind] ?? "";
}

/** What each hint asks for, with the shares that it rests on: Vickrey and others 2015. @type {Record<string, string>} */
const HINTS = {
  explain: "Explain first: under 35 % are right.",
  talk: "Let them talk, then ask again: 35 to 70 % are right.",
  "go on": "Go on: over 70 % are right.",
};

/** How long neighbours talk before they guess again, s. */
const TALK_S = 90;

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
  const words = [missingOf(state), state.lesson?.reveal || state.lesson?.kind === "ask" ? "" : hintOf(lead), waitOf(state)].filter((text) => text !== "").join(" ");
  hint.hidden = words === "";
  setText(hint, words);
  const next = talkOf(state);
  const button = find("[data-talk]", HTMLButtonElement, part);
  button.hidden = next === null;
  setText(button, next === "ask" ? "Ask once more, and end the timer" : `Let them talk: ${TALK_S} s`);

  const notes = find("[data-notes]", HTMLElement, part);
  const usual = usualOf(state);
  const made = `${usual} ${lead.notes_html}`;
  if (notes.dataset.made !== made) {
    notes.dataset.made = made;
    notes.replaceChildren(...(lead.notes_html === "" ? [el("p", { class: "lead-faint" }, usual)] : nodesOf(lead.notes_html)));
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

/** Said from a lesson's first step on, and not when its run cannot begin. @param {import("../state.js").ClassState} state */
function missingOf({ lesson, lead }) {
  const missing = lead?.phones_missing ?? 0;
  if (missing === 0 || lesson?.reveal || lesson?.kind === "ask") return "";
  return `This lesson takes ${counted(missing, "phone")} more, or as many stand-ins ("Stand-ins" below).`;
}

/** What the guesses suggest. @param {import("../state.js").Lead} lead */
function hintOf({ hint, right_share: share, asks_again: asksAgain }) {
  if (hint === null) return "";
  const right = share === null ? "" : ` Of the guesses ${Math.round(share * 100)}\u00a0% are right.`;
  return `${HINTS[hint] ?? hint}${right}${asksAgain ? " This lesson proposes a second guess." : ""}`;
}

/** What a step waits for, and what to do where it does not come. @param {import("../state.js").ClassState} state */
function waitOf({ lesson, now_us: now }) {
  const wait = lesson?.wait;
  if (wait === undefined || wait === null) return "";
  if (wait.seen) return "Seen: go on.";
  if (now < wait.late_us) return "Go on when it was seen.";
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
  const made = JSON.stringify([lessons, given]);
  if (list.dataset.made === made) return;
  const isOther = list.dataset.given !== given;
  const around = find("[data-lessons-part]", HTMLDetailsElement, part);
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
