// `npm run check` believes what comments say about types. A comment that says "any" would end the check there, without
// a word; what is not known is "unknown", and is looked at before it is used.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../static/js", import.meta.url));

test("no type of a page's module is any", () => {
  const files = readdirSync(FOLDER, { recursive: true }).map(String).filter((file) => file.endsWith(".js"));
  assert.ok(files.length > 50, `${files.length} files`);
  const found = files.flatMap((file) => {
    const text = readFileSync(path.join(FOLDER, file), "utf8");
    const comments = text.match(/\/\*\*(?:(?!\*\/)[^])*\*\//g) ?? [];
    return comments.flatMap((comment) => typesIn(comment).filter((type) => /\bany\b/.test(type)).map((type) => `${file}: ${type}`));
  });
  assert.deepEqual(found, []);
});

/** The {…} behind the tags of a comment, with what is nested in them. @param {string} comment */
function typesIn(comment) {
  return [...comment.matchAll(/@\w+\s*\{/g)].map(({ index, 0: tag }) => {
    const from = index + tag.length;
    let depth = 1;
    let at = from;
    while (depth > 0 && at < comment.length) depth += { "{": 1, "}": -1 }[comment[at++]] ?? 0;
    return comment.slice(from, at - 1);
  });
}
