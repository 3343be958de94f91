// How a median stands in its row: what trust.js says of it, in words and digits. Pure.

import { duration } from "../charts/format.js";
import { delayFigures } from "./figures.js";
import { boundSentence, errorText, trust, TRUST_MARK, trustSentence } from "./trust.js";

/**
 * @param {import("./figures.js").Figures} lane
 * @returns {{word: string, number: string, unit: string, note: string, hint: string, why: string}}
 *   a number with its unit; a note in small type, and a hint about it; why it is no plain value, "" when it is
 */
export function medianWords(lane) {
  const { received_n: n, received_p50_ms: ms } = lane;
  const nothing = { word: "", number: "", unit: "", note: "", hint: "", why: "" };
  if (n === 0 || ms === null) return nothing;
  const figure = delayFigures(lane).p50_us;
  if ("invalid" in figure) return { ...nothing, word: "withheld", why: figure.invalid };
  const errorMs = figure.error / 1000;
  if ("below" in figure) {
    const [number, unit] = duration(figure.below / 1000);
    return { ...nothing, word: "below", number, unit, why: boundSentence(ms, errorMs) };
  }
  const [number, unit] = duration(figure.value / 1000);
  const note = [`± ${errorText(errorMs)}`, TRUST_MARK[trust(0.5, n)]].filter((part) => part !== "").join(", ");
  return { ...nothing, number, unit, note, hint: trustSentence(0.5, n) };
}
