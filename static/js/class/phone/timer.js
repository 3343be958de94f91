/*
  timer.js: the presenter's timer, on the server's clock. It is said when it begins and when it is over, not each second.
*/
import { announce } from "../../announce.js";
import { setText } from "../../charts/dom.js";
import { clockTime } from "../words.js";

const DRAW_MS = 250;

/** @param {HTMLElement} node @param {import("../../clock.js").Clock} clock */
export function startTimer(node, clock) {
  /** @type {{ends_us: number, seconds: number} | null} */
  let timer = null;
  let isOver = false;

  function draw() {
    node.hidden = timer === null;
    if (timer === null) return;
    const nowUs = clock.now();
    if (!Number.isFinite(nowUs)) return;
    const left = (timer.ends_us - nowUs) / 1e6;
    setText(node, clockTime(left));
    node.dataset.over = String(left <= 0);
    if (left <= 0 && !isOver) {
      isOver = true;
      announce("The time is over.");
    }
  }
  setInterval(draw, DRAW_MS);

  return {
    /** @param {{ends_us: number, seconds: number} | null} next */
    show(next) {
      if (next?.ends_us === timer?.ends_us) return;
      timer = next;
      isOver = false;
      setText(node, next === null ? "" : clockTime(next.seconds));
      if (next !== null) announce(`The timer runs: ${clockTime(next.seconds)}.`);
      draw();
    },
  };
}
