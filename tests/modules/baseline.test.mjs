// A class brings the phones it has: what a student's page uses is no newer than Baseline 2023, or has a fallback.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const STATIC = fileURLToPath(new URL("../../static", import.meta.url));
const read = (/** @type {string} */ file) => readFileSync(path.join(STATIC, file), "utf8");
const withoutComments = (/** @type {string} */ text) => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");

test("every colour that is light-dark() stands in colors-2023.css, for both themes", () => {
  const meant = [...read("css/colors.css").matchAll(/(--[a-z-]+): light-dark\((var\([^)]*\)), (var\([^)]*\))\);/g)].map(([, name, light, dark]) => ({ name, light, dark }));
  assert.ok(meant.length > 15);
  const [, light, system, chosen] = /:root \{([^}]*)\}[\s\S]*?:root:not\(\[data-theme="light"\]\) \{([^}]*)\}[\s\S]*?:root\[data-theme="dark"\] \{([^}]*)\}/.exec(read("css/colors-2023.css")) ?? [];
  const pairs = (/** @type {string} */ block) => [...block.matchAll(/(--[a-z-]+): ([^;]+);/g)].map(([, name, value]) => `${name} ${value}`);
  assert.deepEqual(pairs(light), meant.map((each) => `${each.name} ${each.light}`));
  for (const block of [system, chosen]) assert.deepEqual(pairs(block), meant.map((each) => `${each.name} ${each.dark}`));
});

/** What the modules below may not use. [what, how it looks, unless the page has a fallback in baseline.js] */
const TOO_NEW = /** @type {const} */ ([
  ["Promise.withResolvers (2024)", /Promise\.withResolvers/],
  ["Object.groupBy, Map.groupBy (2024)", /\b(?:Object|Map)\.groupBy/],
  ["Array.fromAsync (2024)", /Array\.fromAsync/],
  ["methods of sets (2024)", /\.(?:union|intersection|difference|isSubsetOf|isSupersetOf|isDisjointFrom)\(/],
  ["methods of iterators (2025)", /\.(?:values|keys|entries)\(\)\.(?:map|filter|take|drop|some|every|find|toArray|reduce|forEach)\(/],
  ["Promise.try (2025)", /Promise\.try/],
  ["RegExp.escape (2025)", /RegExp\.escape/],
  ["popover (2024)", /\.(?:showPopover|togglePopover|popover)\b/],
  ["URL.parse (2024)", /URL\.parse\(/],
  ["startViewTransition", /startViewTransition/],
]);

test("a student's page and what it imports use nothing newer than 2023", () => {
  const seen = new Set();
  const look = (/** @type {string} */ file) => {
    if (seen.has(file) || file.includes("vendor")) return;
    seen.add(file);
    const text = withoutComments(read(file));
    for (const [what, pattern] of TOO_NEW) assert.doesNotMatch(text, pattern, `${file} uses ${what}`);
    for (const [, from] of text.matchAll(/(?:from|import) "(\.[^"]+)"/g)) look(path.join(path.dirname(file), from));
  };
  look("js/class/phone/page.js");
  for (const file of readdirSync(path.join(STATIC, "js/transports"))) look(`js/transports/${file}`);
  assert.ok(seen.has("js/class/feed.js") && seen.has("js/transports/short-poll.js"));
  // AbortSignal.any and .timeout are used by the transports, and are there before them.
  assert.match(read("js/class/phone/page.js"), /^import "\.\/baseline\.js";$/m);
  assert.equal(/^import .*$/m.exec(read("js/class/phone/page.js"))?.[0], 'import "./baseline.js";');
});

test("the fallbacks of AbortSignal do what the browsers' own do", async () => {
  const [any, timeout] = [AbortSignal.any, AbortSignal.timeout];
  try {
    // @ts-expect-error: a browser that lacks them
    AbortSignal.any = AbortSignal.timeout = undefined;
    await import("../../static/js/class/phone/baseline.js");
    assert.notEqual(AbortSignal.any, any);
    const one = new AbortController();
    const both = AbortSignal.any([one.signal, AbortSignal.timeout(60_000)]);
    assert.equal(both.aborted, false);
    one.abort(new Error("enough"));
    assert.equal(both.reason.message, "enough");
    assert.equal(AbortSignal.any([one.signal]).aborted, true);
    const late = AbortSignal.timeout(1);
    await new Promise((resolve) => late.addEventListener("abort", resolve));
    assert.equal(late.reason.name, "TimeoutError");
  } finally {
    [AbortSignal.any, AbortSignal.timeout] = [any, timeout];
  }
});
