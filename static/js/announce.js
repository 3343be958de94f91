/*
  announce.js: a polite voice for screen readers. Sentences go into the one live region of the page
  (#announcements in base.html), at most once in five seconds; what comes meanwhile is joined, and when
  there is much of it, only the newest is read, with a count. A busy room must not talk without end.
*/

const QUIET_MS = 5000;
const KEEP = 3;
const region = document.getElementById("announcements");
/** @type {string[]} */
let waiting = [];
let timer = 0;

/** @param {string} sentence  plain text; shown to assistive technology only */
export function announce(sentence) {
  waiting.push(sentence);
  if (timer === 0) speak();
}

function speak() {
  timer = 0;
  if (waiting.length === 0 || region === null) return;
  const leftOut = waiting.length - KEEP;
  const newest = waiting.slice(-KEEP).join(" ");
  region.textContent = leftOut > 0 ? `${leftOut} earlier left out. ${newest}` : newest;
  waiting = [];
  timer = window.setTimeout(speak, QUIET_MS);
}
