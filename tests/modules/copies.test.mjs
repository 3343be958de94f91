// The client modules of the transports share no code on purpose: each is read alone, and any two side by side. So what
// they have in common stands in each of them, and a mended copy beside one that is not would be a trap. Here the copies
// are held equal: their code and what is said about it. A module that is added is looked at by the names it uses.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../static/js/transports", import.meta.url));

/** @type {Record<string, string>} text of each module by its file */
const MODULES = Object.fromEntries(readdirSync(FOLDER)
  .filter((file) => file.endsWith(".js") && file !== "index.js")
  .map((file) => [file, readFileSync(path.join(FOLDER, file), "utf8")]));

/** How many versions of a function there may be, and why more than one. @type {[string, number, string][]} */
const FUNCTIONS = [
  ["backoffMs", 1, ""],
  ["query", 1, ""],
  ["given", 1, ""],
  ["leave", 1, ""],
  ["retry", 2, "pollers ask again by themselves; an EventSource makes the first attempt itself"],
  ["deliver", 3, "pollers keep one position; others also know one before the first publication; pusher-js brings more than publications"],
  ["refusal", 2, "for pollers a refusal may be final"],
];

/** The same for what a client gives back. @type {[string, number, string][]} */
const CALLS = [
  ["publish", 4, "a request, alike on the plain lanes; the library's own request; a frame; an event"],
  ["onPublication", 1, ""],
];

/** Single lines that say the same everywhere. @type {[string, RegExp, number][]} */
const LINES = [
  ["the first wait", /^ *const backoffFirstMs = .*$/m, 1],
  ["the longest wait", /^ *const backoffMaxMs = .*$/m, 1],
  ["what was lost", /^ *const lost = .*$/m, 2],
  ["another life of the history", /^ *const anotherLife = .*$/m, 2],
  ["where to continue", /^ *if \(position === null \|\| lost\) .*$/m, 1],
];

/** A function of connect(), with the comment above it. @param {string} name */
const functionNamed = (name) => new RegExp(`(^  /\\*\\*(?:(?!\\*/)[^])*\\*/\\n)?^  (async )?function ${name}\\([^]*?^  \\}$`, "m");
/** A call of the object that it gives back. @param {string} name */
const callNamed = (name) => new RegExp(`^    (async )?${name}\\([^]*?\\},$`, "m");

/** @param {RegExp} pattern @returns {Map<string, string[]>} files by what is found in them */
function versions(pattern) {
  const found = new Map();
  for (const [file, text] of Object.entries(MODULES)) {
    const [here] = pattern.exec(text) ?? [];
    if (here !== undefined) found.set(here, [...(found.get(here) ?? []), file]);
  }
  return found;
}

/** @param {RegExp} pattern @param {number} allowed @param {string} [why] */
function areEqual(pattern, allowed, why = "") {
  const found = versions(pattern);
  const files = [...found.values()];
  assert.ok(files.flat().length > allowed, "a copy has gone: this test no longer compares anything");
  const told = [...found].map(([text, where]) => `${where.join(", ")}:\n${text}`).join("\n");
  assert.equal(found.size, allowed, `${allowed} ${allowed === 1 ? "version" : `versions (${why})`} expected:\n${told}`);
}

for (const [name, allowed, why] of FUNCTIONS) {
  test(`${name}() is the same in every client module`, () => areEqual(functionNamed(name), allowed, why));
}
for (const [name, allowed, why] of CALLS) {
  test(`the call ${name} is the same in every client module`, () => areEqual(callNamed(name), allowed, why));
}
for (const [what, pattern, allowed] of LINES) {
  test(`${what} is decided by the same line`, () => areEqual(pattern, allowed));
}
