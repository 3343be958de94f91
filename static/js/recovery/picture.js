// The picture: one row a client, one column a number, one mark where they meet. Square: came as it happened.
// Diamond: came after the cut. Cross: lost. Nothing: not yet. Columns published while the clients were away are
// shaded. It is redrawn whole a few times a second; at most forty columns by three rows are nothing to a browser.

const SVG = "http://www.w3.org/2000/svg";
const COLUMNS_MIN = 20;
const COLUMNS_MAX = 40;
const MARK_PX = 13; // a column on the screen, where there are fewer than can be
const STEP = 16;
const ROW = 22;
const HEAD = 14;
const TICK_EVERY = 5;

/** @param {string} name  @param {Record<string, string|number>} attributes  @param {string} [text] */
function draw(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

/** @param {import("./listener.js").Mark | undefined} mark  @param {number} x  @param {number} y  the middle */
function shape(mark, x, y) {
  switch (mark) {
    case "live": return draw("rect", { class: "live", x: x - 5, y: y - 5, width: 10, height: 10 });
    case "late": return draw("path", { class: "late", d: `M${x} ${y - 6}l6 6l-6 6l-6 -6z` });
    case "lost": return draw("path", { class: "lost", d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8` });
    default: return null;
  }
}

/** @param {HTMLElement} host */
export function createPicture(host) {
  return {
    /**
     * @param {import("./listener.js").Listener[]} listeners  one a row
     * @param {number} newest  number published last
     * @param {Set<number>} away  numbers published while the clients were away
     */
    update(listeners, newest, away) {
      const columns = Math.max(COLUMNS_MIN, Math.min(COLUMNS_MAX, Math.floor(host.clientWidth / MARK_PX)));
      const width = columns * STEP;
      const first = Math.max(1, newest - columns + 1);
      const svg = draw("svg", { viewBox: `0 0 ${width} ${HEAD + listeners.length * ROW}`, "aria-hidden": "true", focusable: "false" });
      for (let n = first; n <= newest; n += 1) {
        const x = (n - first + 0.5) * STEP;
        if (away.has(n)) svg.append(draw("rect", { class: "away", x: x - STEP / 2, y: HEAD, width: STEP, height: listeners.length * ROW }));
        if (n % TICK_EVERY === 0) svg.append(draw("text", { x, y: HEAD - 4 }, String(n)));
      }
      listeners.forEach((listener, row) => {
        const y = HEAD + (row + 0.5) * ROW;
        svg.append(draw("path", { class: "row", d: `M0 ${y + ROW / 2}h${width}` }));
        for (let n = first; n <= newest; n += 1) {
          const mark = shape(listener.marks.get(n), (n - first + 0.5) * STEP, y);
          if (mark) svg.append(mark);
        }
      });
      host.replaceChildren(svg);
    },
    /** @param {string} sentence  the same in words */
    say(sentence) {
      if (host.getAttribute("aria-label") !== sentence) host.setAttribute("aria-label", sentence);
    },
  };
}
