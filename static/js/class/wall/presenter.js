/*
  presenter.js: the presenter's page. The stage is the wall's; the bar below it tells the server what happens next, and
  every screen follows from the state that comes back. Nothing here waits for a phone.
*/

import { el, find, seek, setText } from "../../charts/dom.js";
import { confirmed } from "../../confirm.js";
import { tell } from "./commands.js";
import { follow } from "./feed.js";
import { listen } from "./keys.js";
import { watchLate } from "./late.js";
import { isAtEnd, showLead, talk } from "./lead.js";
import { PhoneList } from "./phones.js";
import { startPlan } from "./plan.js";
import { openStage } from "./place.js";
import { publishedOf } from "../received.js";
import { isRunning } from "../state.js";
import { counted } from "../words.js";

/** @typedef {import("../state.js").ClassState} State */

const stage = openStage(true);
const bar = find("[data-bar]");
const aside = find("[data-lead]");
const error = find("[data-error]");
const seen = find("[data-seen]", HTMLInputElement);
const seconds = find("[data-timer-seconds]", HTMLSelectElement);
const pages = find("[data-pages]", HTMLSelectElement);
const ending = find("[data-end-dialog]", HTMLDialogElement);
const standIns = find("[data-stand-ins]", HTMLFormElement);
const late = watchLate((text) => {
  find("[data-late]").hidden = text === "";
  setText(find("[data-late-says]"), text);
});
const plan = startPlan(send);
const phones = new PhoneList(find("[data-phones]"), send);
/** @type {State|null} */
let state = null;
let trouble = "";
let refusal = "";
/** What a switch was told and has not been answered yet: pressed twice, it is as it was. @type {Map<string, {isOn: boolean}>} */
const wished = new Map();
/** Switches are told one after the other: the last press counts, whichever way is quicker. */
let switching = Promise.resolve();

/** Of phones that are gone: as many are called by name before they are sent away. */
const GONE_NAMED = 6;

/** What comes next, by the kind of its step. @type {Record<string, string>} */
const STEPS = {
  say: "a text", set: "setting up", guess: "the guess", run: "the run", wait: "was enough seen?", reveal: "the result", code: "the source text", ask: "the last question",
};

/** What each button does. @type {Record<string, () => void>} */
const DOES = {
  start: () => {
    setText(find("[data-ended]"), "");
    send("", {});
  },
  back: () => send("/go", { to: "back" }),
  next: () => send("/go", { to: "next" }),
  again: () => send("/go", { to: "again" }),
  lock: () => send("/lock"),
  "second-guess": () => send("/second-guess"),
  run: () => send("/run"),
  stop: () => send("/run/stop"),
  reveal: () => revealSeen(),
  predict: () => send("/reveal", { predicted_only: true }),
  answers: () => send("/answers"),
  timer: () => turn("timer", (isOn) => ({ timer_s: isOn ? Number(seconds.value) : 0 })),
  page: () => send("/tools", { page: pages.value === "" ? null : pages.value }),
  unshow: () => send("/tools", { show: null }),
  reload: () => void sure({ title: "Reload every phone now?", text: "All phones leave and come back at once: a storm of new connections, which is what lesson \"When the lights come back\" is about.", yes: "Reload all" }, "/reload"),
  reset: () => void sure({ title: "Reset this lesson?", text: "Guesses, answers and results of this lesson are gone for good, and what it set in the lab is undone. The phones stay.", yes: "Reset" }, "/reset"),
  end: () => ending.showModal(),
};

bar.addEventListener("click", ({ target }) => {
  const button = target instanceof Element ? target.closest("button") : null;
  if (button === null || button.getAttribute("aria-disabled") === "true") return;
  const { tool } = button.dataset;
  if (tool !== undefined) return turn(tool, (isOn) => ({ [tool]: isOn }));
  DOES[button.dataset.do ?? ""]?.();
});
seen.addEventListener("keydown", ({ key }) => { if (key === "Enter") revealSeen(); });
for (const button of ending.querySelectorAll("button")) button.addEventListener("click", () => ending.close(button.value));
ending.addEventListener("close", () => {
  const how = ending.returnValue;
  ending.returnValue = "";
  if (how === "save" || how === "delete") void end(how === "save");
});
find("[data-talk]").addEventListener("click", () => { if (state !== null) talk(state, send); });
find("[data-no-lesson]").addEventListener("click", () => send("/lesson", { lesson: null }));
standIns.addEventListener("submit", (event) => {
  event.preventDefault();
  const field = find("input", HTMLInputElement, standIns);
  const count = Number(field.value);
  if (!Number.isInteger(count) || count < 0 || count > 100 || field.value.trim() === "") {
    fail("Write a whole number of stand-ins from 0 to 100.");
    return field.focus();
  }
  send("/stand-ins", { count });
});
find('[data-tool="closed"]').addEventListener("click", () => turn("closed", (isOn) => ({ closed: isOn })));
find("[data-away-gone]").addEventListener("click", () => {
  const gone = (state?.grid ?? []).filter((phone) => phone.state === "gone");
  if (gone.length === 0) return fail("No phone is gone: each has had a connection within the last ten seconds.");
  const who = gone.slice(0, GONE_NAMED).map(({ name }) => name).join(", ");
  const more = gone.length > GONE_NAMED ? ` and ${gone.length - GONE_NAMED} more` : "";
  void sure({ title: `Send away ${counted(gone.length, "phone")} that ${gone.length === 1 ? "is" : "are"} gone?`, text: `${who}${more}: out of the class, and what they guessed is no longer counted. They can come in again with the code, unless nobody else is let in.`, yes: gone.length === 1 ? "Send it away" : "Send them away" }, "/send-away-gone");
});
find("[data-send-home]").addEventListener("click", () => send("/stand-ins", { count: 0 }));
// A key does what its button would, and nothing where that is out of reach.
listen(find("[data-keys-on]", HTMLInputElement), (names) => {
  for (const name of names) {
    const button = seek(`[data-do="${name}"], [data-tool="${name}"]`, HTMLButtonElement, bar);
    if (button !== null && !button.disabled && button.offsetParent !== null) return button.click();
  }
});

const feed = follow({ base: "/presenter/api/class", whole: "/presenter/api/class/lead" }, (now) => {
  state = now;
  stage.show(now);
  late.show(now);
  plan.show(now);
  showControls();
  if (now === null) return;
  showLead(aside, now, send);
  const grid = now.grid ?? [];
  setText(find("[data-phones-count]"), `${now.here} of ${now.joined}${now.closed ? ", nobody else is let in" : ""}`);
  phones.show(grid, now.show, publishedOf(now));
}, (text) => {
  trouble = text;
  showTrouble();
});

/**
 * Tells the server, and says beside the bar why it would not. What was refused before is over as this is asked, and not as
 * it is answered: the answer to one that takes long would take away why a later one was refused.
 * @param {string} path @param {unknown} [body] @param {"POST"|"DELETE"} [method]
 */
function send(path, body, method) {
  fail("");
  void answered(path, body, method);
}

/** The same, and it is known when it has been answered. @param {string} path @param {unknown} [body] @param {"POST"|"DELETE"} [method] */
function answered(path, body, method) {
  return tell(path, body, method).then((told) => {
    if (typeof told.revision === "number") feed.take(/** @type {State} */ (told));
  }, (problem) => fail(problem.message));
}

/** @param {string} text  "": something else is asked */
function fail(text) {
  refusal = text;
  showTrouble();
}

/** A refusal stands until the next command; a lab that does not answer, until it does. */
function showTrouble() {
  const text = refusal || trouble;
  error.hidden = text === "";
  setText(error, text);
}

/** @param {{title: string, text: string, yes: string}} question @param {string} path */
async function sure(question, path) {
  if (await confirmed(question)) send(path);
}

/** Turns a switch from what it is, or was last told to be. @param {string} tool @param {(isOn: boolean) => object} say  what the server is told */
function turn(tool, say) {
  const isOn = !(wished.get(tool)?.isOn ?? Boolean(state?.[/** @type {"frozen"|"muted"|"dark"|"closed"|"timer"} */ (tool)]));
  // Of this press, and not of another that wished the same.
  const wish = { isOn };
  const body = say(isOn);
  wished.set(tool, wish);
  fail("");
  switching = switching.then(() => answered("/tools", body)).then(() => {
    if (wished.get(tool) === wish) wished.delete(tool);
  });
}

function revealSeen() {
  if (seen.closest("[hidden]") !== null || seen.value.trim() === "") return send("/reveal", {});
  const value = Number(seen.value.trim().replace(",", "."));
  if (!Number.isFinite(value)) {
    fail("Write the value that the page shows as a number, for example 12.5.");
    return seen.focus();
  }
  send("/reveal", { seen: value });
}

/** @param {boolean} isSaved */
async function end(isSaved) {
  try {
    fail("");
    const { saved } = await tell(`?save=${isSaved}`, undefined, "DELETE");
    const said = find("[data-ended]");
    setText(said, isSaved && saved ? "The class is over. What it did is saved: " : "The class is over, and nothing of it is kept.");
    if (isSaved && saved) said.append(el("a", { href: `/runs/classes/${encodeURIComponent(saved)}` }, "open and print it"));
  } catch (problem) {
    fail(/** @type {Error} */ (problem).message);
  }
}

/** What can be done now. The server decides; a button that would be refused is grey beforehand. */
function showControls() {
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-needs-class]"))) part.hidden = state === null;
  find("[data-needs-no-class]").hidden = state !== null;
  if (state === null) return;
  const lesson = state.lesson ?? null;
  const run = lesson?.run ?? null;
  const kind = lesson?.kind ?? "";
  const isOn = isRunning(run);
  const next = state.lead?.next ?? null;
  enable("back", lesson !== null && lesson.step > 0 && !isOn);
  enable("next", next !== null && !isOn);
  enable("again", state.lead?.can_again === true);
  enable("lock", kind === "guess" && !lesson?.locked);
  enable("second-guess", lesson !== null && Boolean(lesson.guess) && lesson.locked && lesson.round === 1 && !lesson.reveal && !isOn);
  enable("run", kind === "run" && !isOn);
  show("run", !isOn);
  show("stop", isOn);
  const isReveal = ["run", "wait", "reveal"].includes(kind);
  enable("reveal", isReveal && !lesson?.reveal && !isOn);
  show("reveal", kind !== "ask");
  show("answers", kind === "ask");
  enable("answers", kind === "ask" && (lesson?.ask?.answers ?? null) === null);
  const isOpen = isReveal && !lesson?.reveal;
  show("predict", isOpen && (run?.state === "failed" || run?.kind === "page"));
  setText(find("[data-seen-label]"), run?.seen || "Read off the page");
  // What was read off for another lesson is none of this one's.
  const of = `${state.class} ${lesson?.id ?? ""} ${lesson?.reveal ? "" : run?.page ?? ""}`;
  if (seen.dataset.of !== of) seen.value = "";
  seen.dataset.of = of;
  find("[data-seen-part]").hidden = !(isOpen && run?.kind === "page");
  for (const [tool, value] of Object.entries({ frozen: state.frozen, muted: state.muted, dark: state.dark, closed: state.closed })) find(`[data-tool="${tool}"]`).setAttribute("aria-pressed", String(value === true));
  setText(find('[data-do="timer"]'), state.timer ? "End the timer" : "Start");
  show("unshow", state.show !== null && state.show !== undefined);
  setText(find('[data-do="next"]'), next === null ? "Next" : `Next: ${STEPS[next] ?? next}`);
  // What usually comes next is dark: a run that was not begun is not passed over by mistake.
  const first = kind === "run" && !isOn && run?.state !== "over" ? "run" : isOn ? "stop"
    : kind === "reveal" && !lesson?.reveal ? "reveal" : kind === "ask" && (lesson?.ask?.answers ?? null) === null ? "answers" : next === null || isAtEnd(state) ? "" : "next";
  for (const name of ["next", "run", "stop", "reveal", "answers"]) find(`[data-do="${name}"]`).classList.toggle("button-primary", name === first);
  showPages();
}

/** Pages that this step names, then those that the lesson is about: as links, and before the lab's where everybody is sent. */
function showPages() {
  const lesson = state?.lesson ?? null;
  const named = [...new Set([lesson?.wall_page, lesson?.run?.page, ...(state?.lead?.pages ?? [])].filter((page) => typeof page === "string"))];
  // One that is set up for this lesson stands for the same page without.
  const own = named.filter((page) => !named.some((other) => other.startsWith(`${page}?`)));
  const group = find("[data-lesson-pages]");
  const made = own.join(" ");
  if (group.dataset.made === made) return;
  group.dataset.made = made;
  group.hidden = own.length === 0;
  group.replaceChildren(...own.map((page) => el("option", { value: page }, nameOf(page))));
  const links = find("[data-step-pages]");
  links.hidden = own.length === 0;
  links.replaceChildren(...own.map((page) => el("li", {}, el("a", { href: page, target: "_blank", rel: "noopener" }, nameOf(page)))));
}

/** What a page is called: as the lab's own list of places has it, an experiment by its id, else its path. @param {string} page */
function nameOf(page) {
  const [path, query] = page.split("?");
  const place = [...pages.querySelectorAll("[data-places] option")].find((option) => option.getAttribute("value") === path);
  const experiment = /^\/experiments\/(E\d+)$/.exec(path)?.[1];
  const name = place?.textContent ?? (experiment === undefined ? path : `Experiment ${experiment}`);
  return query === undefined ? name : `${name}, set up for this lesson`;
}

/** @param {string} name @param {boolean} isPossible */
function enable(name, isPossible) {
  find(`[data-do="${name}"]`, HTMLButtonElement).disabled = !isPossible;
}

/** @param {string} name @param {boolean} isShown */
function show(name, isShown) {
  find(`[data-do="${name}"]`).hidden = !isShown;
}
