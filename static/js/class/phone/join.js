/*
  join.js: the code on the wall, typed. By the QR's address nobody sees this form.
*/
import { find, setText } from "../../charts/dom.js";

const LENGTH = 4;

/**
 * @param {HTMLFormElement} form
 * @param {{onJoin: (code: string) => Promise<void>}} options
 */
export function attachJoin(form, { onJoin }) {
  const field = find("input", HTMLInputElement, form);
  const button = find("button", HTMLButtonElement, form);
  const reason = find("[data-join-why]", HTMLElement, form);

  /** @param {string} sentence */
  function why(sentence) {
    reason.hidden = sentence === "";
    setText(reason, sentence);
    field.toggleAttribute("aria-invalid", sentence !== "");
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const code = field.value.replace(/\s/g, "").toUpperCase();
    if (code.length !== LENGTH) {
      why(`The code has ${LENGTH} letters and digits. It stands on the wall.`);
      field.focus();
      return;
    }
    why("");
    button.disabled = true;
    void onJoin(code).finally(() => { button.disabled = false; });
  });

  return {
    why,
    /** @param {string} code @param {string} sentence */
    refused(code, sentence) {
      field.value = code.slice(0, 8);
      why(sentence);
      field.focus();
    },
  };
}
