/*
  wait-view.js: while the class waits for something to be seen: what, how far it is, and until when.
*/
import { el, setText } from "../../charts/dom.js";
import { waitWords } from "../waiting.js";
import { heading, prose } from "./dom.js";

const DRAW_MS = 500;

/**
 * The two lines of it, here and in a run that goes on for it.
 * @param {import("../../clock.js").Clock} clock
 * @returns {{element: HTMLElement, show: (wait: import("../state.js").Wait | null | undefined) => void}}
 */
export function waitLines(clock) {
  const [what, soFar] = [el("p", {}), el("ul", { role: "list" })];
  const element = el("div", { class: "phone-waits", hidden: "" }, what, soFar);
  let made = "";
  return {
    element,
    show(wait) {
      element.hidden = wait === null || wait === undefined;
      if (!wait) return;
      const nowUs = clock.now();
      const words = waitWords(wait, Number.isFinite(nowUs) ? (wait.late_us - nowUs) / 1e6 : 0);
      setText(what, `${words.what}.`);
      const next = JSON.stringify(words.soFar);
      if (next === made) return;
      made = next;
      soFar.replaceChildren(...words.soFar.map((line) => el("li", {}, line)));
    },
  };
}

/** @param {import("./step.js").Context} context @param {import("./step.js").Shown} first @returns {import("./step.js").View} */
export function makeWait({ clock }, first) {
  const lines = waitLines(clock);
  let { wait } = first.lesson;
  const title = heading("One moment");
  const draw = () => {
    setText(title, wait?.seen ? "Enough was seen" : "One moment");
    lines.show(wait);
  };
  const timer = window.setInterval(draw, DRAW_MS);
  return {
    element: el("div", { class: "phone-say" }, title, ...(first.lesson.html.trim() === "" ? [] : [prose(first.lesson.html)]), lines.element),
    update(now) {
      ({ wait } = now.lesson);
      draw();
    },
    stop: () => clearInterval(timer),
  };
}
