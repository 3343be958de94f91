// "Copy as CSV" and "Copy as JSON": the result of the present run, with everything needed to judge it; and the address.

import { toast } from "../toast.js";
import { copy } from "../copy.js";
import { toCsv, toJson } from "./export.js";

/** @param {() => ReturnType<typeof import("./export.js").resultOf>|null} result  null while there is no run */
export function attachCopyButtons(result) {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-copy]"))) {
    button.addEventListener("click", () => void (button.dataset.copy === "address" ? handAddress() : hand(button.dataset.copy === "csv" ? toCsv : toJson)));
  }

  /** @param {typeof toCsv} written */
  async function hand(written) {
    const present = result();
    if (present === null) return toast("There is nothing to copy yet. Start a run first.", "warn");
    const copied = await copy(written(present));
    if (copied) toast("Copied, with settings, versions, seed and fairness statement.");
    else toast("The browser did not allow copying.", "bad");
  }

  async function handAddress() {
    if (await copy(location.href)) toast("Copied. Opened, it sets this page up as it is now.");
    else toast("The browser did not allow copying.", "bad");
  }
}
