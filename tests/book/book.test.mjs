// docs/ built by mdBook: every chapter is a page, and every link in it leads to a page and an anchor of the book.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { MDBOOK_MISSING, ROOT, mdbook } from "./mdbook.mjs";

const program = mdbook() ?? assert.fail(MDBOOK_MISSING);
const folder = mkdtempSync(path.join(tmpdir(), "pushlab-book-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const built = spawnSync(program, ["build", path.join(ROOT, "docs"), "--dest-dir", folder], { encoding: "utf8" });
const summary = readFileSync(path.join(ROOT, "docs/SUMMARY.md"), "utf8");
const pages = [...summary.matchAll(/\]\(([^)]+)\.md\)/g)].map(([, name]) => (name === "README" ? "index.html" : `${name}.html`));

/** @type {Map<string, string>} */
const texts = new Map();
/** @param {string} file */
function text(file) {
  const known = texts.get(file) ?? readFileSync(path.join(folder, file), "utf8");
  texts.set(file, known);
  return known;
}

test("it builds, without a warning", () => {
  assert.equal(built.status, 0, built.stderr);
  assert.doesNotMatch(built.stderr + built.stdout, /WARN|ERROR/);
});

test("every chapter is a page of it", () => {
  assert.ok(pages.length > 20, `${pages.length}`);
  for (const page of pages) assert.ok(existsSync(path.join(folder, page)), page);
});

test("every link leads to a page and an anchor", () => {
  let links = 0;
  for (const page of pages) {
    const main = /<main>([\s\S]*?)<\/main>/.exec(text(page))?.[1] ?? assert.fail(page);
    for (const [, link = ""] of main.matchAll(/(?:href|src)="([^"]+)"/g)) {
      if (/^https?:/.test(link)) continue;
      links += 1;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? page : path.join(path.dirname(page), file);
      assert.ok(existsSync(path.join(folder, target)), `${page}: ${link}`);
      if (anchor !== undefined) assert.ok(text(target).includes(`id="${anchor}"`), `${page}: ${link}`);
    }
  }
  assert.ok(links > 100, `${links}`);
});
