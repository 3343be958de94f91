/*
  step.js: which view a step of the lesson has. A view is made when the step comes, told every state while it stands, and
  stopped when another comes: what a finger is on is not replaced under it.
*/
import { el, setText } from "../../charts/dom.js";
import { makeAsk } from "./ask-view.js";
import { heading, ownWay, prose } from "./dom.js";
import { makeGuess } from "./guess-view.js";
import { newestLine } from "./newest.js";
import { makeReveal } from "./reveal-view.js";
import { makeRun } from "./run-view.js";
import { makeWait } from "./wait-view.js";

const DRAW_MS = 250;

/**
 * What a view shows.
 * @typedef {object} Shown
 * @property {import("../state.js").ClassState} state
 * @property {import("../state.js").LessonState} lesson
 * @property {import("../state.js").Me} me
 * @property {import("../state.js").Group | null} group  this phone's
 *
 * What a view may use.
 * @typedef {object} Context
 * @property {import("../../clock.js").Clock} clock
 * @property {import("./lane.js").Follower} follower
 * @property {(lane: string) => "short_polls"|"held_polls"|"stream"|undefined} fetchingOf
 * @property {(sentence: string) => void} announce
 * @property {(refused: import("./api.js").Refused) => void} onRefused  the page looks whether this phone is still in the class
 *
 * @typedef {object} View
 * @property {HTMLElement} element
 * @property {(shown: Shown) => void} update
 * @property {(isHeld: boolean) => void} [hold]  frozen: it can be read, and nothing is sent
 * @property {() => void} stop
 */

/** @param {Context} context @param {Shown} shown @returns {View} */
function make(context, shown) {
  const { lesson } = shown;
  if (lesson.kind === "guess" && lesson.guess) return makeGuess(context, shown);
  if (lesson.kind === "run" && lesson.run) return makeRun(context, shown);
  if (lesson.kind === "reveal") return makeReveal(context, shown);
  if (lesson.kind === "ask" && lesson.ask) return makeAsk(context, shown);
  if (lesson.kind === "wait" && lesson.wait) return makeWait(context, shown);
  if (lesson.kind === "set") return makeSet(context, shown);
  // say, and code, whose lines are in its text.
  const { html } = lesson;
  const nothing = html.trim() === "";
  const element = el("div", { class: "phone-say" }, heading(nothing ? "One moment" : lesson.title),
    ...(nothing ? [el("p", {}, "Look to the front.")] : [prose(html)]));
  return { element, update() {}, stop() {} };
}

/** What the phones are set up as, and this one. @param {Context} context @param {Shown} first @returns {View} */
function makeSet({ follower }, first) {
  const { html, title } = first.lesson;
  const own = el("p", { class: "phone-own", hidden: "" });
  const newest = newestLine(follower);
  const timer = window.setInterval(() => newest.show(true), DRAW_MS);
  return {
    element: el("div", { class: "phone-say" }, heading(title), ...(html.trim() === "" ? [el("p", {}, "Look to the front.")] : [prose(html)]), own, newest.element),
    update({ state, group }) {
      own.hidden = group === null;
      if (group === null) return;
      setText(own, `${state.groups.length > 1 ? "This phone is in the group" : "This phone"}: ${ownWay(group)}`);
    },
    stop: () => clearInterval(timer),
  };
}

/** What is read out when a step comes. @param {Shown} shown */
function spoken({ lesson }) {
  if (lesson.kind === "guess") return `Your guess: ${lesson.guess?.question ?? ""}`;
  if (lesson.kind === "run") return "It runs.";
  if (lesson.kind === "reveal") return `What came out: ${lesson.reveal?.sentence ?? "the result comes"}`;
  if (lesson.kind === "ask") return `One question to go: ${lesson.ask?.question ?? ""}`;
  return `Next: ${lesson.title}.`;
}

/**
 * @param {HTMLElement} box
 * @param {Context} context
 */
export function startSteps(box, context) {
  /** @type {View | null} */
  let view = null;
  let key = "";
  const kicker = el("p", { class: "kicker" });

  return {
    isEmpty: () => key === "",

    /** @param {import("../state.js").ClassState} state  before the first question, and between lessons */
    wait(state) {
      const next = `${state.class} waits`;
      if (key === next) return;
      const isFirst = key === "";
      view?.stop();
      view = null;
      key = next;
      box.replaceChildren(el("div", { class: "phone-wait" }, heading("You are in."), el("p", {}, "Waiting for the first question. Look to the front; this page goes on by itself.")));
      if (!isFirst) context.announce("The lesson is over.");
    },

    /** @param {boolean} isHeld */
    hold(isHeld) { view?.hold?.(isHeld); },

    /** @param {Shown} shown */
    show(shown) {
      const { state, lesson } = shown;
      const has = [lesson.guess, lesson.run, lesson.reveal, lesson.ask].map((part) => (part ? 1 : 0)).join("");
      const next = JSON.stringify([state.class, lesson.id, lesson.step, lesson.kind, lesson.guess?.question, lesson.ask?.question, lesson.kind === "reveal" ? "" : has, lesson.kind === "guess" ? lesson.round : 0]);
      if (next !== key) {
        const hadFocus = box.contains(document.activeElement);
        const isFirst = key === "";
        view?.stop();
        key = next;
        view = make(context, shown);
        kicker.textContent = `${lesson.title} · ${lesson.step + 1} of ${lesson.steps}`;
        box.replaceChildren(kicker, view.element);
        if (!isFirst) {
          window.scrollTo({ top: 0 });
          context.announce(spoken(shown));
        }
        if (hadFocus) /** @type {HTMLElement | null} */ (box.querySelector("h1[tabindex]"))?.focus({ preventScroll: true });
      }
      view?.update(shown);
    },
    clear() {
      view?.stop();
      view = null;
      key = "";
      box.replaceChildren();
    },
  };
}
