/*
  guess.js: what a visitor expected, kept in this browser; once there is a result, said beside it and marked in its
  picture, on the axis of theory and measurement. Nobody else sees it.
*/

import { find, seek, setText } from "../charts/dom.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {HTMLElement} article  the experiment; its guess is one number field, or one of a few radio buttons
 * @param {string} id
 * @returns {{mark: () => void, value: () => string}}  mark: puts the guess beside what is shown now
 */
export function attachGuess(article, id) {
  const fields = /** @type {HTMLInputElement[]} */ ([...article.querySelectorAll("[data-guess]")]);
  const key = `lab-guess-${id}`;
  let kept = "";
  try { kept = localStorage.getItem(key) ?? ""; } catch { /* this page only */ }
  for (const field of fields) {
    if (field.type === "radio") field.checked = field.value === kept;
    // What is kept may be of before, when a guess was a sentence.
    else if (Number.isFinite(Number(kept))) field.value = kept;
  }
  const value = () => (fields[0]?.type === "radio" ? fields.find((field) => field.checked)?.value : fields[0]?.value) ?? "";
  const mark = () => {
    say(article, fields[0], value());
    for (const picture of /** @type {NodeListOf<HTMLElement>} */ (article.querySelectorAll("[data-picture]"))) draw(picture, fields[0], value());
  };
  for (const field of fields) {
    field.addEventListener("change", () => {
      try { localStorage.setItem(key, value()); } catch { /* this page only */ }
      mark();
    });
  }
  mark();
  return { mark, value };
}

/** The guess in words. @param {HTMLElement} article @param {HTMLInputElement | undefined} field @param {string} value */
function say(article, field, value) {
  const node = seek("[data-said]", HTMLElement, article);
  if (node === null) return;
  node.hidden = value === "";
  setText(node, value === "" ? "" : `You guessed: ${value}${unitOf(field)}.`);
}

/** @param {HTMLInputElement | undefined} field */
const unitOf = (field) => (field?.dataset.unit ? ` ${field.dataset.unit}` : "");

/**
 * A stroke through the row that was guessed. Beyond the axis it stands at its end, and the key says so.
 * @param {HTMLElement} picture @param {HTMLInputElement | undefined} field @param {string} value
 */
function draw(picture, field, value) {
  for (const stroke of picture.querySelectorAll("[data-guess-stroke]")) stroke.remove();
  const key = find("[data-guess-key]", HTMLElement, picture);
  const track = seek("[data-guessed] [data-track]", SVGElement, picture);
  const guessed = value === "" || field?.type === "radio" ? NaN : Number(value) * Number(field?.dataset.scale ?? 1);
  key.hidden = track === null || !Number.isFinite(guessed);
  if (track === null || !Number.isFinite(guessed)) return;
  const share = shareOf(guessed, picture.dataset);
  const at = `${(Math.min(1, Math.max(0, share)) * 100).toFixed(2)}%`;
  const stroke = document.createElementNS(SVG, "line");
  for (const [name, text] of Object.entries({ class: "picture-guess", x1: at, x2: at, y1: "0", y2: "100%", "data-guess-stroke": "" })) stroke.setAttribute(name, text);
  track.append(stroke);
  const beyond = share > 1 ? ", beyond the axis" : share < 0 ? ", below the axis" : "";
  setText(find("[data-guess-says]", HTMLElement, key), `your guess: ${value}${unitOf(field)}${beyond}`);
}

/** Where a number stands between an axis' ends. @param {number} value @param {DOMStringMap} axis */
function shareOf(value, { from, to, logarithmic }) {
  const [least, most] = [Number(from), Number(to)];
  if (logarithmic === undefined) return (value - least) / (most - least);
  return value > 0 ? Math.log(value / least) / Math.log(most / least) : -1;
}
