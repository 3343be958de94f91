// "Cover all but your data": all but the payload is covered, and how many bytes are under it is asked. The answer is counted from
// the parts that are shown.

import { find, setText } from "../../charts/dom.js";
import { verdictOf } from "./bytes-sentence.js";

/**
 * @param {HTMLElement} panel
 * @param {(covered: boolean) => void} covered
 */
export function attachCover(panel, covered) {
  const toggle = find("[data-cover]", HTMLInputElement, panel);
  const form = find("[data-cover-question]", HTMLFormElement, panel);
  const guess = find("#cover-guess", HTMLInputElement, panel);
  const verdict = find("[data-cover-verdict]", undefined, panel);
  let counted = 0;

  toggle.addEventListener("change", () => {
    show(toggle.checked);
    if (toggle.checked) guess.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (guess.value === "" || !guess.checkValidity()) return void guess.reportValidity();
    const said = verdictOf(Number(guess.value), counted);
    show(false);
    setText(verdict, said);
    verdict.hidden = false;
    toggle.focus();
  });

  /** @param {boolean} isCovered */
  function show(isCovered) {
    toggle.checked = isCovered;
    form.hidden = !isCovered;
    verdict.hidden = true;
    guess.value = "";
    covered(isCovered);
  }

  return {
    isOn: () => toggle.checked,
    /** Other bytes are shown. @param {number} besidesPayload */
    asksFor(besidesPayload) {
      counted = besidesPayload;
    },
    /** What was said was said of other bytes. */
    forget() { verdict.hidden = true; },
  };
}
