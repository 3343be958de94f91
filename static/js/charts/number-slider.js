// A slider and a number field that are one control: what one says, the other shows. The slider is logarithmic
// where its range spans powers of ten (1 to 200 per second), so that the small values can be hit too; the
// number field has the name, the limits and the exact value, and works alone from the keyboard.
//   <div class="field field-range" data-number-slider>
//     <label for="rate">…</label><input type="range" data-log><input type="number" id="rate" name="rate_per_s" …></div>

import { find } from "./dom.js";

const STEPS = 1000;

/** Joins the two inputs of a field. @param {Element} field */
export function joinNumberSlider(field) {
  const range = find('input[type="range"]', HTMLInputElement, field);
  const number = find('input[type="number"]', HTMLInputElement, field);
  const min = Number(number.min);
  const max = Number(number.max);
  const log = range.hasAttribute("data-log");
  const whole = number.step === "1" || number.step === "";
  range.min = "0";
  range.max = String(STEPS);
  range.step = "1";

  const toRange = (/** @type {number} */ value) => Math.round(STEPS * (log ? Math.log(value / min) / Math.log(max / min) : (value - min) / (max - min)));
  const toValue = (/** @type {number} */ position) => {
    const share = position / STEPS;
    const value = log ? min * (max / min) ** share : min + (max - min) * share;
    return whole ? Math.round(value) : Number(value.toPrecision(2));
  };
  const say = () => range.setAttribute("aria-valuetext", `${number.value} ${number.dataset.unit ?? ""}`.trim());

  range.addEventListener("input", (event) => {
    event.stopPropagation(); // the number field speaks for both
    number.value = String(toValue(Number(range.value)));
    say();
    number.dispatchEvent(new Event("input", { bubbles: true }));
  });
  range.addEventListener("change", (event) => {
    event.stopPropagation();
    number.dispatchEvent(new Event("change", { bubbles: true }));
  });
  const follow = () => {
    const value = Math.min(max, Math.max(min, Number(number.value) || min));
    if (document.activeElement !== range) range.value = String(toRange(value));
    say();
  };
  number.addEventListener("input", follow);
  follow();
}
