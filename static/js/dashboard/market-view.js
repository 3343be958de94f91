// The market on the screen: quotes in a table, and the price of one symbol as a strip. Only what is painted is
// recorded in the strip: it shows what a person could have seen, not everything that came.

import { el, find, setText } from "../charts/dom.js";
import { count } from "../charts/format.js";
import { createLineFigure } from "../charts/line-figure.js";
import { Ring } from "../charts/ring.js";

/** @typedef {import("./published.js").Market} Market */

const SECONDS = 120;
const ROWS = 1300; // ten paints a second, and some
const money = (/** @type {number} */ value) => value.toFixed(2);

/** ▲ 0.40, ▼ 0.15 or 0.00: the sign is a shape and a word as well as a colour. @param {number} change */
function direction(change) {
  if (change > 0) return { sign: "▲", word: "up" };
  return change < 0 ? { sign: "▼", word: "down" } : { sign: "·", word: "unchanged" };
}

export function createMarketView() {
  const body = find("[data-quotes]");
  const select = find("[data-symbol]", HTMLSelectElement);
  const number = find('[data-show="market-n"]');
  /** @type {Array<{price: Element, sign: Element, word: Element, change: Element}>} */
  let rows = [];
  let symbols = "";
  /** @type {Ring|null} */
  let prices = null;
  /** @type {ReturnType<typeof createLineFigure>|null} */
  let figure = null;

  /** @param {Array<{symbol: string}>} quotes */
  function build(quotes) {
    symbols = quotes.map((quote) => quote.symbol).join(" ");
    rows = quotes.map(() => ({ price: el("td", { class: "num" }), sign: el("span", { "aria-hidden": "true" }), word: el("span", { class: "visually-hidden" }), change: el("span", {}) }));
    body.replaceChildren(...quotes.map((quote, i) => el("tr", {}, el("th", { scope: "row" }, quote.symbol), rows[i].price,
      el("td", { class: "num" }, rows[i].sign, rows[i].word, " ", rows[i].change))));
    select.replaceChildren(...quotes.map((quote, i) => el("option", { value: String(i) }, quote.symbol)));
    prices = new Ring(ROWS, quotes.length);
    const host = find('[data-strip="price"]');
    host.replaceChildren();
    figure = createLineFigure(host, {
      title: "price as painted, last 2 min", ring: prices, seconds: SECONDS, lines: [{ label: "price", token: "--ink", width: 1.5 }],
      only: () => Number(select.value), range: around, label: money, axisRem: 3.6,
    });
  }

  return {
    /** @param {Market} data  of the newest publication @param {number} atS */
    paint(data, atS) {
      const { quotes } = data;
      if (quotes.map((quote) => quote.symbol).join(" ") !== symbols) build(quotes);
      quotes.forEach((quote, i) => {
        const { sign, word } = direction(quote.change);
        setText(rows[i].price, money(quote.price));
        setText(rows[i].sign, sign);
        setText(rows[i].word, word);
        setText(rows[i].change, money(Math.abs(quote.change)));
      });
      setText(number, `no. ${count(data.n)}`);
      prices?.push(atS, quotes.map((quote) => quote.price));
    },
    /** @param {number} nowS */
    draw(nowS) { figure?.update(nowS); },
    say() { figure?.say(); },
  };
}

/** A little room above and below, and never a flat line blown up to a mountain. @param {number|null} low @param {number|null} high @returns {[number, number]} */
function around(low, high) {
  if (low === null || high === null) return [0, 1];
  const room = Math.max((high - low) * 0.1, high * 0.002);
  return [low - room, high + room];
}
