/*
  phones.js: the presenter's list of phones: who each is, how it is connected, and what can be done with it. A row is
  changed in place, so that one that is open stays open while phones come and go.
*/

import { confirmed } from "../../confirm.js";
import { el, setText } from "../../charts/dom.js";
import { SHAPES, laneLabel, phoneDelay } from "../grid.js";
import { receivedText } from "../received.js";
import { sequenceOf } from "./sequence.js";

/** @typedef {import("../state.js").Seat} Phone */

export class PhoneList {
  /** @type {Map<string, {row: HTMLElement, phone: Phone}>} */
  #rows = new Map();
  #shown = "";
  /** @type {number|null} */
  #published = null;

  /** @param {HTMLElement} list @param {(path: string, body?: unknown, method?: "POST"|"DELETE") => void} tell */
  constructor(list, tell) {
    this.list = list;
    this.tell = tell;
  }

  /** @param {Phone[]} phones @param {string|null} shown  the phone that the wall shows @param {number|null} [published]  in the run that is shown */
  show(phones, shown, published = null) {
    this.#shown = shown ?? "";
    this.#published = published;
    const left = new Map(this.#rows);
    for (const phone of phones) {
      left.delete(phone.id);
      const known = this.#rows.get(phone.id) ?? this.#add(phone);
      known.phone = phone;
      this.#draw(known);
    }
    for (const [id, { row }] of left) {
      this.#rows.delete(id);
      row.remove();
    }
  }

  /** @param {Phone} phone */
  #add(phone) {
    const row = el("li", {},
      el("details", {},
        el("summary", {}, el("span", { "data-part": "shape", "aria-hidden": "true" }), " ", el("span", { "data-part": "name" }), " ", el("span", { class: "lead-phone-facts", "data-part": "facts" })),
        el("div", { class: "lead-line" },
          el("button", { class: "button button-small", type: "button", "data-act": "name" }, "New name"),
          el("button", { class: "button button-small", type: "button", "data-act": "show", "aria-pressed": "false" }, "Show on the wall"),
          el("a", { class: "button button-small", target: "_blank", rel: "noopener", "data-part": "sequence" }, "Its sequence"),
          el("button", { class: "button button-small button-danger", type: "button", "data-act": "away", "aria-haspopup": "dialog" }, "Send away"))));
    const known = { row, phone };
    row.addEventListener("click", (event) => {
      const act = event.target instanceof Element ? event.target.closest("[data-act]") : null;
      if (act instanceof HTMLElement) void this.#act(act.dataset.act ?? "", known.phone);
    });
    this.#rows.set(phone.id, known);
    this.list.append(row);
    return known;
  }

  /** @param {string} act @param {Phone} phone */
  async #act(act, phone) {
    const address = `/participants/${encodeURIComponent(phone.id)}`;
    if (act === "name") this.tell(`${address}/name`);
    if (act === "show") this.tell("/tools", { show: this.#shown === phone.id ? null : phone.id });
    if (act !== "away") return;
    const isSure = await confirmed({ title: "Send this phone away?", text: `${phone.name} is out of the class, and its guesses are no longer counted. It can come in again with the code.`, yes: "Send away" });
    if (isSure) this.tell(address, undefined, "DELETE");
  }

  /** @param {{row: HTMLElement, phone: Phone}} known */
  #draw({ row, phone }) {
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (row.querySelector(name));
    row.dataset.state = phone.state;
    setText(part("[data-part=shape]"), SHAPES[phone.state] ?? "·");
    setText(part("[data-part=name]"), phone.name);
    setText(part("[data-part=facts]"), [phone.state, laneLabel(phone.lane), phoneDelay(phone), phone.seen && this.#published ? receivedText(phone.seen.received, this.#published) : "", phone.here_by === "native" ? "stand-in" : ""].filter((fact) => fact !== "").join(", "));
    part("[data-act=show]").setAttribute("aria-pressed", String(this.#shown === phone.id));
    const link = /** @type {HTMLAnchorElement} */ (row.querySelector("[data-part=sequence]"));
    const address = sequenceOf(phone);
    if (link.getAttribute("href") !== address) link.href = address;
  }
}
