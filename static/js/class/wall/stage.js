/*
  stage.js: the wall itself: head (lesson, step, timer), the view, foot (who is here, address and code). Type grows
  where a view leaves room and shrinks where it would not fit, never below 24 px of a full screen; what still does not
  fit can be scrolled to.
*/

import { announce } from "../../announce.js";
import { el, find, setText } from "../../charts/dom.js";
import { byLane, laneLabel } from "../grid.js";
import { clockTime, counted } from "../words.js";
import { ServerTime } from "./time.js";
import { viewOf } from "./views.js";

const CLOCK_EVERY_MS = 250;
/** Sizes that are tried until a view fits: above 1 all of it grows, below only large type shrinks. */
const FITS = [1.6, 1.4, 1.2, 1.1, 1, 0.9, 0.8, 0.7, 0.6];

/** @param {HTMLElement} stage @param {import("./views.js").Place} place */
export function startStage(stage, place) {
  const time = new ServerTime();
  const body = find("[data-body]", HTMLElement, stage);
  const timer = find("[data-timer]", HTMLElement, stage);
  /** @type {import("../state.js").ClassState|null} */
  let state = null;
  /** @type {import("./views.js").View|undefined} */
  let view;
  let where = place;

  /** What was fitted last, and whether nothing was small enough. */
  let fitted = { frame: "", height: 0, isTooMuch: false };

  /**
   * Trying a size lays the whole view out again, and states of a full class come five times a second: it is done where
   * there is another view, another frame, or another height that can be helped.
   * @param {boolean} isOther
   */
  const fit = (isOther) => {
    const frame = `${body.clientWidth} ${body.clientHeight}`;
    const isOver = body.scrollHeight > body.clientHeight;
    if (!isOther && frame === fitted.frame && (body.scrollHeight === fitted.height || (fitted.isTooMuch && isOver))) return;
    // Where the page itself scrolls, there is nothing to fit into.
    const isFree = getComputedStyle(body).overflowY === "visible";
    for (const size of isFree ? [1] : FITS) {
      stage.style.setProperty("--fit", String(size));
      if (body.scrollHeight <= body.clientHeight) break;
    }
    if (body.scrollHeight > body.clientHeight + 1) body.tabIndex = 0;
    else body.removeAttribute("tabindex");
    fitted = { frame: `${body.clientWidth} ${body.clientHeight}`, height: body.scrollHeight, isTooMuch: body.scrollHeight > body.clientHeight };
  };

  const draw = () => {
    const next = viewOf(state, where);
    const isOther = view === undefined || view.name !== next.name || view.made !== next.made;
    if (isOther) {
      view = next;
      stage.dataset.view = next.name;
      body.replaceChildren(...next.draw());
      body.scrollTop = 0;
    }
    if (state !== null) view?.update(body, state, time);
    if (isOther) sayView();
    fit(isOther);
  };

  const sayView = () => {
    const sentence = body.querySelector("[data-part=sentence], .wall-question, .wall-large, .wall-prose");
    if (sentence?.textContent) announce(sentence.textContent.trim());
  };

  const tick = () => {
    const ends = state?.timer ?? null;
    timer.hidden = ends === null || stage.dataset.view === "dark";
    if (ends !== null) {
      const left = time.left(ends.ends_us, Date.now());
      setText(timer, left === 0 ? "time is up" : clockTime(left));
    }
    if (state !== null && view?.name === "run") view.update(body, state, time);
  };

  new ResizeObserver(() => fit(true)).observe(find("[data-frame]"));
  setInterval(tick, CLOCK_EVERY_MS);

  return {
    /** @param {import("../state.js").ClassState|null} now */
    show(now) {
      if (now !== null) time.learn(now.now_us, Date.now());
      state = now;
      showHead(stage, now);
      showFoot(stage, now, where);
      tick();
      draw();
    },
    /** @param {Partial<import("./views.js").Place>} changed */
    move(changed) {
      if (Object.entries(changed).every(([name, value]) => where[/** @type {keyof typeof where} */ (name)] === value)) return;
      where = { ...where, ...changed };
      showFoot(stage, state, where);
      draw();
    },
  };
}

/** @param {HTMLElement} stage @param {import("../state.js").ClassState|null} state */
function showHead(stage, state) {
  const lesson = state?.lesson ?? null;
  setText(find("[data-title]", HTMLElement, stage), lesson?.title ?? "pushlab");
  const steps = find("[data-steps]", HTMLElement, stage);
  steps.hidden = lesson === null;
  if (lesson !== null) setText(steps, `${lesson.step + 1} of ${lesson.steps}`);
  const flags = find("[data-flags]", HTMLElement, stage);
  const words = [
    ...(state?.frozen ? ["❚❚ frozen: phones hold still"] : []),
    ...(state?.muted ? ["muted: names and guesses are not taken"] : []),
    ...(state?.dark ? ["dark: the wall and the phones show nothing"] : []),
    ...(state?.closed ? ["the door is closed: nobody else is let in"] : []),
    ...(state?.page ? [`everybody is sent to ${state.page.split("?")[0]}`] : []),
  ];
  if (flags.textContent !== words.join("")) flags.replaceChildren(...words.map((word) => el("span", { class: "wall-flag" }, word)));
}

/** @param {HTMLElement} stage @param {import("../state.js").ClassState|null} state @param {import("./views.js").Place} place */
function showFoot(stage, state, place) {
  const counts = find("[data-counts]", HTMLElement, stage);
  const join = find("[data-join]", HTMLElement, stage);
  counts.hidden = state === null;
  join.hidden = state === null || state.closed === true; // nobody is asked in who is sent away at the door
  if (state === null) return;
  const lanes = byLane(state.grid ?? []);
  const standIns = (state.grid ?? []).filter((phone) => phone.here_by === "native" && phone.state !== "gone").length;
  const made = JSON.stringify([state.here, state.joined, standIns, lanes.map(({ lane, count }) => [lane, count])]);
  if (counts.dataset.made !== made) {
    counts.dataset.made = made;
    counts.replaceChildren(el("span", {}, `${state.here} of ${counted(state.joined, "phone")}`), ...lanes.map(({ lane, count }) => el("span", { class: "wall-lane" }, el("span", { class: "lane-key", "data-lane": lane, "aria-hidden": "true" }), ` ${laneLabel(lane)} ${count}`)), ...(standIns > 0 ? [el("span", {}, counted(standIns, "stand-in"))] : []));
  }
  setText(find("[data-address]", HTMLElement, join), place.address);
  setText(find("[data-code]", HTMLElement, join), state.code);
}
