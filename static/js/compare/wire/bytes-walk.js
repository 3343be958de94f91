// Pointing at parts and walking from one to the next, and what each is, in one place that stands still. One tab stop for
// all of them: arrows to the sides go from part to part, up and down from line to line, Home and End to the ends. A click
// or Enter holds a part, so that the pointer may leave.

import { el, setText } from "../../charts/dom.js";
import { bytesText } from "../../charts/format.js";
import { LAYERS, WHO } from "./bytes-sums.js";

/** @typedef {import("./tap.js").Part} Part */

/** @param {HTMLElement} host  the parts are in it @param {HTMLElement} place */
export function attachWalk(host, place) {
  /** @type {Map<Element, Part>} */
  let parts = new Map();
  /** @type {Element|null} */
  let held = null;
  const what = el("p", { class: "wire-what" });
  const who = el("p", { class: "wire-who" });
  const note = el("p");
  const section = el("p", { class: "wire-section" });
  place.replaceChildren(what, who, note, section);

  /** @param {Element|null} element */
  function tell(element) {
    for (const marked of host.querySelectorAll(".is-told")) marked.classList.remove("is-told");
    const part = element === null ? undefined : parts.get(element);
    place.dataset.is = part === undefined ? "empty" : "told";
    if (part === undefined) {
      setText(what, "Point at a part of the bytes, or walk over them with the arrow keys: what it is stands here.");
      for (const line of [who, note, section]) setText(line, "");
      return;
    }
    element?.classList.add("is-told");
    setText(what, part.what);
    setText(who, `${bytesText(part.len)} · ${LAYERS[part.layer]?.label ?? part.layer} · from ${WHO[part.by] ?? part.by}`);
    setText(note, part.note ?? "");
    setText(section, part.section ?? "");
  }

  /** @param {EventTarget|null} target */
  const partAt = (target) => (target instanceof Element ? target.closest(".wire-part") : null);
  const all = () => /** @type {HTMLElement[]} */ ([...host.querySelectorAll(".wire-part")]);

  /** @param {Element} element */
  function makeStop(element) {
    for (const each of all()) each.tabIndex = each === element ? 0 : -1;
  }
  /** @param {Element|null} element */
  function hold(element) {
    held?.setAttribute("aria-pressed", "false");
    held = element === held ? null : element;
    held?.setAttribute("aria-pressed", "true");
    tell(element);
  }

  host.addEventListener("pointerover", ({ target, pointerType }) => {
    if (pointerType !== "touch" && held === null && partAt(target) !== null) tell(partAt(target));
  });
  host.addEventListener("focusin", ({ target }) => {
    const element = partAt(target);
    if (element === null) return;
    makeStop(element);
    if (held !== null && held !== element) hold(null);
    tell(element);
  });
  host.addEventListener("click", ({ target }) => {
    if (partAt(target) !== null) hold(partAt(target));
  });
  host.addEventListener("keydown", (event) => {
    const element = partAt(event.target);
    if (element === null) return;
    if (event.key === "Enter" || event.key === " ") hold(element);
    else if (event.key === "Escape" && held !== null) hold(held);
    else {
      const to = stepFrom(all(), element, event.key);
      if (to === null) return;
      to.focus();
    }
    event.preventDefault();
  });

  return {
    /** Other bytes are shown. @param {Map<Element, Part>} drawn */
    show(drawn) {
      parts = drawn;
      held = null;
      const [first] = all();
      if (first !== undefined) makeStop(first);
      tell(null);
    },
  };
}

/** @param {HTMLElement[]} all @param {Element} from @param {string} key @returns {HTMLElement|null} */
function stepFrom(all, from, key) {
  const at = all.findIndex((each) => each === from);
  const lineOf = (/** @type {Element} */ element) => element.closest(".wire-line");
  switch (key) {
    case "ArrowRight": return all[at + 1] ?? null;
    case "ArrowLeft": return all[at - 1] ?? null;
    case "Home": return all[0];
    case "End": return all[all.length - 1];
    case "ArrowDown": return all.slice(at).find((each) => lineOf(each) !== lineOf(from)) ?? null;
    case "ArrowUp": {
      const above = all.slice(0, at).findLast((each) => lineOf(each) !== lineOf(from));
      return above === undefined ? null : all.find((each) => lineOf(each) === lineOf(above)) ?? null;
    }
    default: return null;
  }
}
