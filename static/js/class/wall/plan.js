/*
  plan.js: the plan that leads the presenter through the hour: a list with where the class is, the minutes used beside
  those planned, the sentence that leads from one lesson to the next, and one press to go there. The sentences are in
  lessons/plans/; what a class has of them comes with its state.
*/

import { confirmed } from "../../confirm.js";
import { el, find, setText } from "../../charts/dom.js";
import { behind, minutesUsed, nextRow, rowMinutes, shortened, stepTime } from "../hour.js";
import { ServerTime } from "./time.js";

/** @typedef {import("../state.js").ClassState} State */
/** @typedef {import("../state.js").Plan} Plan */
/** @typedef {(path: string, body?: unknown) => void} Tell */

const LOOK_MS = 1000;

/** @param {Tell} tell */
export function startPlan(tell) {
  const part = find("[data-plan-part]");
  const choice = find("[data-plan]", HTMLSelectElement, part);
  const followed = find("[data-plan-followed]", HTMLElement, part);
  const whole = find("[data-plan-whole]");
  const list = find("[data-plan-rows]", HTMLElement, whole);
  const next = find("[data-plan-next]", HTMLButtonElement, part);
  const time = new ServerTime();
  /** @type {State|null} */
  let state = null;

  choice.addEventListener("change", () => void choose());
  next.addEventListener("click", () => go(Number(next.dataset.row)));
  list.addEventListener("click", ({ target }) => {
    const button = target instanceof Element ? target.closest("button") : null;
    if (button !== null && button.getAttribute("aria-disabled") !== "true") go(Number(button.dataset.row));
  });
  setInterval(showTime, LOOK_MS);

  const plan = () => state?.lead?.plan ?? null;
  const nowUs = () => time.at(Date.now());
  /** @param {number} row */
  const go = (row) => tell("/plan/go", { row });
  /** @param {string|null} lesson */
  const found = (lesson) => state?.lead?.lessons.find(({ id }) => id === lesson);
  /** Nothing says against it. @param {string} lesson */
  const canBeGiven = (lesson) => found(lesson)?.why_not === null;

  async function choose() {
    const chosen = choice.value;
    const isLeft = plan() !== null && plan()?.id !== chosen;
    if (isLeft && !await confirmed({ title: "Leave this plan?", text: "The minutes that its parts took so far are forgotten; the lessons and their steps keep theirs.", yes: "Leave it" })) {
      choice.value = plan()?.id ?? "";
      return;
    }
    tell("/plan", { plan: chosen === "" ? null : chosen });
  }

  function show() {
    const now = plan();
    if (document.activeElement !== choice) choice.value = now?.id ?? "";
    followed.hidden = now === null;
    whole.hidden = now === null;
    if (now !== null) {
      showRows(now);
      showNext(now);
    }
    showTime();
  }

  /** A lesson as it is called now, or what is done. @param {Plan["rows"][number]} row */
  function nameOf(row) {
    const lesson = found(row.lesson);
    return lesson === undefined ? row.lesson ?? shortened(row.note) : `${lesson.order} ${lesson.title}`;
  }

  /** @param {Plan} now */
  function showRows(now) {
    const made = JSON.stringify([now.id, now.row, now.rows.map(({ lesson }) => [lesson, found(lesson)?.title, found(lesson)?.why_not])]);
    if (list.dataset.made === made) return;
    const focused = document.activeElement instanceof HTMLElement && list.contains(document.activeElement) ? document.activeElement.dataset.row : undefined;
    list.dataset.made = made;
    list.replaceChildren(...now.rows.map((row, at) => {
      const isHere = at === now.row;
      const whyNot = row.lesson === null || isHere ? null : found(row.lesson)?.why_not ?? null;
      const why = `plan-why-not-${at}`;
      const button = el("button", { class: "lead-lesson", type: "button", "data-row": String(at), ...(isHere ? { "aria-current": "step" } : {}), ...(whyNot === null ? {} : { "aria-disabled": "true", "aria-describedby": why }) },
        el("span", {}, nameOf(row)), el("span", { class: "lead-faint num", "data-row-time": "on" }));
      return el("li", {}, button, ...(whyNot === null ? [] : [el("p", { class: "lead-why-not", id: why }, whyNot)]));
    }));
    if (focused !== undefined) find(`[data-row="${focused}"]`, HTMLElement, list).focus();
  }

  /** @param {Plan} now */
  function showNext(now) {
    const bridge = now.rows[now.row]?.bridge ?? "";
    const says = find("[data-plan-bridge]", HTMLElement, part);
    says.hidden = bridge === "";
    setText(find("[data-plan-says]", HTMLElement, part), bridge);
    const { at, leftOut } = nextRow(now, canBeGiven);
    next.hidden = at === null;
    if (at !== null) {
      next.dataset.row = String(at);
      setText(next, `Next in the plan: ${nameOf(now.rows[at])}`);
    }
    // The lesson has no more step: what comes next is this.
    const isOver = (state?.lesson ?? null) === null || (state?.lead?.next ?? null) === null;
    next.classList.toggle("button-primary", isOver);
    const note = now.rows[now.row]?.note ?? "";
    const todo = find("[data-plan-note]", HTMLElement, part);
    todo.hidden = note === "";
    setText(todo, note);
    const left = find("[data-plan-left-out]", HTMLElement, part);
    left.hidden = leftOut.length === 0;
    setText(left, leftOut.length === 0 ? "" : `Left out here: ${leftOut.map((row) => nameOf(now.rows[row])).join(", ")}. Why stands in the list.`);
    const page = find("[data-plan-page]", HTMLAnchorElement, part);
    if (page.getAttribute("href") !== `/lessons/plans/${now.id}`) page.href = `/lessons/plans/${now.id}`;
  }

  function showTime() {
    const step = find("[data-step-time]");
    const times = state?.lead?.times ?? null;
    const here = state?.lesson?.step;
    const said = times === null || here === undefined ? "" : stepTime(times, here, nowUs());
    step.hidden = said === "";
    setText(step, said);
    const now = plan();
    if (now === null) return;
    setText(find("[data-plan-time]", HTMLElement, part), minutesUsed(now, nowUs()));
    const late = behind(now, nowUs());
    find("[data-plan-behind]", HTMLElement, part).hidden = late === "";
    setText(find("[data-plan-late]", HTMLElement, part), late);
    [...list.children].forEach((row, at) => {
      const shown = row.querySelector("[data-row-time]");
      if (shown !== null && now.rows[at] !== undefined) setText(shown, rowMinutes(now, at, nowUs()));
    });
  }

  return {
    /** @param {State|null} now */
    show(now) {
      state = now;
      if (now === null) {
        whole.hidden = true;
        return;
      }
      time.learn(now.now_us, Date.now());
      show();
    },
  };
}
