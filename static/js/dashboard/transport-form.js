// The one switch of the dashboard: which transport brings the data, and the setting that only this transport
// has. The choice stands in the address (?transport=sse), so that it can be linked to and survives a reload.

import { find } from "../charts/dom.js";
import { transportLanes } from "../lab.js";
import { CODE } from "../transports/index.js";

const DEFAULT = "sse";

/**
 * @param {(lane: import("../lab.js").Lane, options: {pollIntervalMs: number, holdMs: number}) => void} use
 */
export function attachTransportForm(use) {
  const form = find("#transport", HTMLFormElement);
  const radios = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll('input[name="transport"]')]);
  const code = find('[data-show="code"]');
  const asked = new URLSearchParams(location.search).get("transport");
  const first = [asked, DEFAULT, radios[0]?.value].find((name) => radios.some((radio) => radio.value === name));
  for (const radio of radios) radio.checked = radio.value === first;

  /** @param {string} name */
  function number(name) {
    const field = /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
    const wanted = field.value === "" ? Number(field.defaultValue) : Number(field.value);
    const inside = Math.round(Math.min(Number(field.max), Math.max(Number(field.min), wanted)));
    if (Number(field.value) !== inside) field.value = String(inside);
    return inside;
  }

  function apply() {
    const name = radios.find((radio) => radio.checked)?.value ?? "";
    const lane = transportLanes.find((each) => each.lane === name);
    if (!lane) return;
    for (const field of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-only]"))) field.hidden = field.dataset.only !== name;
    code.dataset.code = CODE[name];
    const address = new URL(location.href);
    address.searchParams.set("transport", name);
    history.replaceState(null, "", address);
    use(lane, { pollIntervalMs: number("poll_interval_ms"), holdMs: number("hold_ms") });
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", apply);
  apply();
}
