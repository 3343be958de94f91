/*
  demo.js: what both examples show: a button, who heard it, the figures, and the wire. Two clients; the first is Ann's.
*/
import { el, find, setText } from "../charts/dom.js";
import { watchWire } from "./wire.js";

const NAMES = ["Ann", "Ben"];
/** Lines of the wire that are kept. */
const KEPT = 60;
/** Characters of a message that are shown. */
const SHOWN = 400;

/**
 * @param {"socketio" | "pusher"} name
 * @param {string} path  beginning of the address of its connections
 */
export function demo(name, path) {
  const card = find(`[data-example="${name}"]`);
  const part = (/** @type {string} */ of) => find(`[data-part="${of}"]`, undefined, card);
  const button = find("[data-part=go]", HTMLButtonElement, card);
  const count = { connections: 0, up: 0, down: 0, calls: 0 };
  const rows = /** @type {const} */ ([["connections", "connections opened"], ["up", "messages by clients"], ["down", "messages to clients"], ["calls", "calls by the back end"]]);
  const values = rows.map(([key, label]) => {
    const value = el("dd", { class: "num", "data-count": key });
    part("figures").append(el("div", {}, el("dt", {}, label), value));
    return value;
  });
  /** @type {Set<string>} */
  let heardBy = new Set();
  const ready = new Set();

  function write() {
    rows.forEach(([key], at) => setText(values[at], String(count[key])));
  }

  /** @param {string} line */
  function line(line) {
    const wire = part("wire");
    wire.prepend(el("li", {}, line.length > SHOWN ? `${line.slice(0, SHOWN)} …` : line));
    while (wire.children.length > KEPT) wire.lastElementChild?.remove();
    write();
  }

  watchWire(path, ({ number, way, text }) => {
    if (way === "opened") count.connections += 1;
    if (way === "sent") count.up += 1;
    if (way === "came") count.down += 1;
    const sign = { opened: "open", sent: "→", came: "←", closed: "×" }[way];
    // Connections come in the order in which they are made; after a break the names would be a guess.
    line(`${NAMES[number - 1] ?? `connection ${number}`} ${sign} ${text}`);
  });
  write();

  /** @param {string} text @param {"ok" | "bad" | ""} [tone] */
  function say(text, tone = "") {
    setText(part("says"), text);
    part("says").dataset.tone = tone;
  }

  return {
    names: NAMES,
    button,
    say,
    /** The button was pressed: both clients are to hear anew. */
    begin: () => { heardBy = new Set(); },
    /** @param {string} text  a call of the back end */
    call(text) { count.calls += 1; line(`back end → ${text}`); },
    /** @param {string} who  @param {unknown} message */
    heard(who, message) {
      heardBy.add(who);
      const said = typeof message === "string" ? message : JSON.stringify(message);
      say(`${NAMES.filter((one) => heardBy.has(one)).join(" and ")} heard: ${said.slice(0, SHOWN)}`, heardBy.size === NAMES.length ? "ok" : "");
    },
    /** @param {string} who  @param {boolean} isOpen */
    open(who, isOpen) {
      if (isOpen) ready.add(who); else ready.delete(who);
      const all = ready.size === NAMES.length;
      button.disabled = !all;
      part("state").dataset.state = all ? "open" : "connecting";
      setText(part("state"), all ? "open" : "connecting");
      if (all) say("Both clients are connected. Press, and watch.");
    },
  };
}
