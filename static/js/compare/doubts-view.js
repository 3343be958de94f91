// The doubts about a run (validity.js): the gravest in one line under the stage, all of them beside the reasons for
// fairness; spoken once when a new one appears.

import { announce } from "../announce.js";
import { el, find, setText } from "../charts/dom.js";

/** @param {() => void} showAll */
export function createDoubtsView(showAll) {
  const line = find("[data-doubt]");
  const first = el("span", {});
  const more = el("button", { class: "button button-small button-quiet", type: "button" });
  const list = find("[data-doubts]");
  line.append(first, more);
  more.addEventListener("click", showAll);
  let shown = "";
  let count = 0;

  /** @param {Array<{level: "warn"|"bad", text: string}>} doubts */
  return function show(doubts) {
    const text = doubts.map((doubt) => doubt.text).join("\n");
    if (text === shown) return;
    shown = text;
    if (doubts.length > count) announce(doubts[doubts.length - 1].text);
    count = doubts.length;
    const gravest = doubts.find(({ level }) => level === "bad") ?? doubts[0];
    line.hidden = gravest === undefined;
    line.className = `doubt notice notice-${gravest?.level ?? "warn"}`;
    setText(first, gravest?.text ?? "");
    setText(more, doubts.length > 1 ? `All ${doubts.length} doubts` : "More");
    list.hidden = count === 0;
    list.replaceChildren(...doubts.map((doubt) => el("p", { class: `notice notice-${doubt.level}` }, doubt.text)));
  };
}
