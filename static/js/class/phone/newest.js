/*
  newest.js: where numbers are published, the newest that came: "Try to read them." Each is painted as soon as the browser
  paints, so that nobody is shown fewer than can be shown.
*/
import { el, setText } from "../../charts/dom.js";

/** The first price of a market; of anything else nothing. @param {unknown} data */
export function numberOf(data) {
  const { quotes } = /** @type {{quotes?: unknown}} */ (data ?? {});
  const first = Array.isArray(quotes) ? quotes[0] : undefined;
  return typeof first?.symbol === "string" && Number.isFinite(first.price) ? { name: String(first.symbol), value: Number(first.price) } : null;
}

/** @param {import("./lane.js").Follower} follower */
export function newestLine(follower) {
  const [name, value] = [el("span", {}), el("strong", { class: "num" })];
  // Ninety a second are for the eye alone.
  const element = el("p", { class: "phone-newest", hidden: "", "aria-hidden": "true" }, name, " ", value);
  let isOn = false;
  let frame = 0;

  function paint() {
    frame = 0;
    const number = numberOf(follower.newest);
    element.hidden = number === null;
    if (number !== null) {
      setText(name, number.name);
      setText(value, number.value.toFixed(2));
    }
    if (isOn && element.isConnected) frame = requestAnimationFrame(paint);
  }

  return {
    element,
    /** @param {boolean} isWanted  called again and again while its view stands */
    show(isWanted) {
      isOn = isWanted;
      if (!isOn) element.hidden = true;
      else if (frame === 0 && element.isConnected) frame = requestAnimationFrame(paint);
    },
  };
}
