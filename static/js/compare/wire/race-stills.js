// The race without motion: up to four stills, each with its words, beside or under each other; one of them is the present
// one, and buttons and keys step through them.

import { announce } from "../../announce.js";
import { el, setText } from "../../charts/dom.js";
import { stillsOf } from "./race-order.js";
import { createTracks } from "./race-tracks.js";
import { stillText } from "./race-words.js";

/** @param {HTMLElement} host */
export function createStills(host) {
  const frames = Array.from({ length: 4 }, () => {
    const words = el("figcaption", {});
    const figure = el("figure", { class: "race-still" }, words);
    const tracks = createTracks(figure, { heads: null });
    return { figure, words, tracks };
  });
  host.append(...frames.map(({ figure }) => figure));
  let present = 0;
  let shown = 0;

  function mark() {
    frames.forEach(({ figure }, i) => {
      if (i === present) figure.setAttribute("aria-current", "step");
      else figure.removeAttribute("aria-current");
    });
  }
  mark();

  return {
    /**
     * @param {import("./race-order.js").Entry[]} entries @param {import("./race-order.js").Axis} axis
     * @param {import("./race-tracks.js").Words} words @param {number|null} errorMs @param {string} since
     */
    draw(entries, axis, words, errorMs, since) {
      const stills = stillsOf(entries);
      shown = stills.length;
      frames.forEach(({ figure, words: said, tracks }, i) => {
        const still = stills[i];
        figure.hidden = still === undefined;
        if (still === undefined) return;
        setText(said, `${i + 1}. ${stillText(still, entries, errorMs, (lane) => words.get(lane)?.note ?? "")}`);
        tracks.set(entries, axis, since);
        tracks.draw(entries, still.atMs, axis, words);
      });
    },
    /** Another still becomes the present one, and is said. @param {1|-1} by */
    step(by) { this.go((present + by + shown) % Math.max(1, shown)); },
    /** @param {number} to */
    go(to) {
      present = to;
      mark();
      frames[present].figure.scrollIntoView({ block: "nearest" });
      announce(frames[present].words.textContent ?? "");
    },
    /** Another race: from its start again. */
    rewind() {
      present = 0;
      mark();
    },
  };
}
