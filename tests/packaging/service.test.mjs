// packaging/pushlab.service, as systemd reads it; and what it says of the program is what the program does.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { BINARY, ROOT } from "../browser/lab.mjs";

const UNIT = readFileSync(path.join(ROOT, "packaging/pushlab.service"), "utf8");
/** Of 10, where 10 is an open house. systemd calls up to 4 "OK"; ordinary services have 9 and more. */
const EXPOSURE_MAX = 2.0;

/** @param {string} name @returns {string[]} */
const values = (name) => [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value);

test("systemd understands every line of the unit", (t) => {
  if (spawnSync("systemd-analyze", ["--version"]).status !== 0) return t.skip("no systemd-analyze");
  const folder = mkdtempSync(path.join(tmpdir(), "pushlab-unit-"));
  try {
    const program = path.join(folder, "pushlab");
    copyFileSync(path.resolve(ROOT, BINARY), program);
    chmodSync(program, 0o755);
    const unit = path.join(folder, "pushlab.service");
    writeFileSync(unit, UNIT.replace("/usr/local/bin/pushlab", program));
    const verified = spawnSync("systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", unit], { encoding: "utf8" });
    assert.equal(verified.stderr.split("\n").filter((line) => line.includes("pushlab")).join("\n"), "");
    const rated = spawnSync("systemd-analyze", ["security", "--offline=true", "--no-pager", unit], { encoding: "utf8" });
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(rated.stdout) ?? assert.fail(rated.stdout + rated.stderr);
    t.diagnostic(`exposure ${exposure} of 10`);
    assert.ok(Number(exposure) <= EXPOSURE_MAX, `${exposure}: what it may do has grown`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("it is stopped as the program wants to be, and has longer for it than the program takes", () => {
  assert.deepEqual(values("KillSignal"), ["SIGTERM"]);
  const [patience] = values("TimeoutStopSec").map(parseFloat);
  const settings = spawnSync(path.resolve(ROOT, BINARY), ["--print-settings"], { encoding: "utf8" }).stdout;
  const [, grace] = /shutdown_grace\W+([\d.]+)s/.exec(settings) ?? assert.fail(settings);
  assert.ok(patience >= 2 * Number(grace), `${patience} s for a grace of ${grace} s`);
});

test("what it is not started again after are the program's own exit codes", () => {
  const run = (...flags) => spawnSync(path.resolve(ROOT, BINARY), ["serve", "--data-dir", tmpdir(), ...flags], { encoding: "utf8" }).status;
  const codes = values("RestartPreventExitStatus").join(" ").split(" ").map(Number);
  assert.deepEqual(codes, [run("--workers", "no number"), run("--host", "192.0.2.1", "--port", "0")]);
});
