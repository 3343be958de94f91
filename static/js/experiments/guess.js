/*
  guess.js: what a visitor expected, kept in this browser and shown beside what came out. Nobody else sees it.
*/

import { find, setText } from "../charts/dom.js";

/** @param {Element} card @param {string} id */
export function keepGuess(card, id) {
  const field = find("[data-guess]", HTMLInputElement, card);
  const key = `lab-guess-${id}`;
  try { field.value = localStorage.getItem(key) ?? ""; } catch { /* this page only */ }
  field.addEventListener("change", () => {
    try { localStorage.setItem(key, field.value); } catch { /* this page only */ }
  });
}

/** Shows the guess beside the result. @param {Element} card */
export function said(card) {
  const field = find("[data-guess]", HTMLInputElement, card);
  setText(find("[data-said]", HTMLElement, card), field.value.trim() || "nothing, this time");
}
