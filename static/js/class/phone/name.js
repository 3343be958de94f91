/*
  name.js: one's name on the wall. It was given from a list of harmless ones; a small form changes it, and the server
  has the last word.
*/
import { announce } from "../../announce.js";
import { find, setText } from "../../charts/dom.js";
import { Refused, tell } from "./api.js";

/** @param {{onName: (name: string) => void, onRefused: (refused: Refused) => void}} options */
export function attachName({ onName, onRefused }) {
  const opener = find("[data-rename]", HTMLButtonElement);
  const form = find("[data-rename-form]", HTMLFormElement);
  const field = find("input", HTMLInputElement, form);
  const error = find("[data-rename-error]");

  /** @param {boolean} isOpen */
  function open(isOpen) {
    form.hidden = !isOpen;
    opener.setAttribute("aria-expanded", String(isOpen));
    error.hidden = true;
    if (isOpen) {
      field.value = find("[data-name]").textContent ?? "";
      field.focus();
      field.select();
    } else {
      opener.focus();
    }
  }

  opener.addEventListener("click", () => open(form.hidden !== false));
  find("[data-rename-cancel]", HTMLButtonElement).addEventListener("click", () => open(false));
  form.addEventListener("keydown", (event) => { if (event.key === "Escape") open(false); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void tell("name", { name: field.value.trim() }).then(({ name }) => {
      onName(name);
      open(false);
      announce(`Your name is ${name}.`);
    }, (problem) => {
      if (!(problem instanceof Refused)) throw problem;
      error.hidden = false;
      setText(error, problem.sentence);
      field.focus();
      onRefused(problem);
    });
  });
}
