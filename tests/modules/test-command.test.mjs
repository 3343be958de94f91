// `npm test -- --help`: what it says there is is there, and a name that is none is told so.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const run = (...args) => spawnSync(process.execPath, [path.join(ROOT, "tests/run.mjs"), ...args], { encoding: "utf8" });

test("--help lists every suite in one line and runs nothing", () => {
  const { status, stdout, stderr } = run("--help");
  assert.equal(status, 0, stderr);
  const listed = [...stdout.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map(([, name]) => name);
  for (const name of ["format", "check", "modules", "rust", "browser", "packaging", "capture"]) assert.ok(listed.includes(name), name);
  // Every folder of tests in JavaScript is some suite's.
  for (const name of ["browser", "clients", "proxy", "packaging", "autobahn"]) assert.ok(existsSync(path.join(ROOT, "tests", name)) && listed.includes(name), name);
  for (const line of stdout.split("\n")) assert.ok(line.length <= 120, line);
  assert.deepEqual(run("-h").stdout, stdout);
});

test("what is no suite and no flag is told, with what to do", () => {
  const unknown = run("browsers");
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /no suite named browsers; there are quick, format/);
  const flag = run("--hlep");
  assert.equal(flag.status, 2);
  assert.match(flag.stderr, /--hlep.*\n.*--help/);
});
