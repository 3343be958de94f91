/*
  own.js: the last result of an experiment that measured this browser, kept in it: a sentence, and the table's cells.
*/

/** @typedef {{sentence: string, rows: string[][]}} OwnResult */

/** @param {string} id @returns {OwnResult | null} */
export function lastOwn(id) {
  try {
    const kept = JSON.parse(localStorage.getItem(`lab-result-${id}`) ?? "null");
    const isText = (/** @type {unknown} */ cell) => typeof cell === "string";
    return isText(kept?.sentence) && Array.isArray(kept.rows) && kept.rows.every((/** @type {unknown} */ row) => Array.isArray(row) && row.every(isText)) ? kept : null;
  } catch {
    return null;
  }
}

/** @param {string} id @param {OwnResult} result */
export function keepOwn(id, result) {
  try { localStorage.setItem(`lab-result-${id}`, JSON.stringify(result)); } catch { /* this page only */ }
}
