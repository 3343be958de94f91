// The toys of tests/toys against CONTRIBUTING.md, as far as that takes no build: each is what its recipe lists, and its
// lines of registration have their places. `npm test -- toys` builds them.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ROOT, commandsOf, filesOf, listOf, mismatch } from "../toys/recipe.mjs";

const FOLDER = path.join(ROOT, "tests/toys");
const contributing = readFileSync(path.join(ROOT, "CONTRIBUTING.md"), "utf8");
const kinds = readdirSync(FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);

/** @param {string} kind @returns {Promise<import("../toys/recipe.mjs").Toy>} */
async function toyOf(kind) {
  return (await import(`../toys/${kind}/toy.mjs`)).default;
}

/** @param {import("../toys/recipe.mjs").Toy} toy @param {string} kind */
function touched(toy, kind) {
  return new Set(filesOf(toy, path.join(FOLDER, kind, "files"), (file) => readFileSync(path.join(ROOT, file), "utf8")).keys());
}

test("there is a toy for each recipe that takes a build", async () => {
  const recipes = await Promise.all(kinds.map(async (kind) => (await toyOf(kind)).recipe));
  const wanted = [...contributing.matchAll(/^## (Add an? .*)$/gm)].map(([, heading]) => heading);
  // Tried at run time, in tests/run/contributing.rs; a page of documentation is one file and one line.
  const others = ["Add a lesson", "Add a plan", "Add a page of documentation"];
  assert.deepEqual(recipes.sort(), wanted.filter((heading) => !others.includes(heading ?? "")).sort());
});

for (const kind of kinds) test(`${kind}: the toy is what the recipe lists`, async () => {
  const toy = await toyOf(kind);
  const list = listOf(contributing, toy.recipe);
  const files = touched(toy, kind);
  assert.equal(mismatch(toy, list, files), undefined);
  assert.ok(commandsOf(contributing, toy).length > 1);
  // That it would be noticed: a line of the list too few, a file of the toy too few.
  assert.match(mismatch(toy, list.slice(1), files) ?? "", /the toy needs it, and it is not listed/);
  const [first = ""] = files;
  assert.match(mismatch(toy, list, new Set([...files].filter((file) => file !== first))) ?? "", /is listed, and the toy has nothing there/);
});
