/*
  strangers.js: what others publish is theirs, and may be anything that JSON has. A page shows it as text or leaves it out,
  and what comes after it is shown all the same: transports hand over several publications in one turn, and an error in the
  middle of them would lose the rest.
*/

/** A text as it is, a number or a truth in digits and letters; what is no text is "". Objects are not asked: their own toString may be anything. @param {unknown} value */
export function textOf(value) {
  return typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/**
 * The same callback, whose error ends with this publication; the console has it.
 * @template {unknown[]} Told
 * @param {(...told: Told) => void} take
 * @returns {(...told: Told) => void}
 */
export function eachForItself(take) {
  return (...told) => {
    try {
      take(...told);
    } catch (error) {
      console.error("A publication was left out:", error);
    }
  };
}
