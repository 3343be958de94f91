// Completions and manual, of a program that has them (a build with --features packaging), as those read them who use
// them: bash completes a flag, man formats a page.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { BINARY, ROOT } from "../browser/lab.mjs";

const PROGRAM = path.resolve(ROOT, BINARY);
const run = (...args) => spawnSync(PROGRAM, args, { encoding: "utf8" });
const WITHOUT = run("completions", "bash").status === 0 ? undefined : "built without --features packaging";

test("bash completes commands, flags and their values", (t) => {
  if (WITHOUT !== undefined) return t.skip(WITHOUT);
  const script = run("completions", "bash").stdout;
  const completed = (...words) => {
    const ask = `source <(cat); COMP_WORDS=(pushlab "$@"); COMP_CWORD=$(($#)); _pushlab pushlab "\${@: -1}" "\${@: -2:1}"; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return spawnSync("bash", ["-c", ask, "bash", ...words], { input: script, encoding: "utf8" }).stdout.split("\n");
  };
  if (spawnSync("bash", ["--version"]).status !== 0) return t.skip("no bash");
  assert.ok(completed("exp").includes("experiment"));
  assert.ok(completed("run", "--mark").includes("--markdown"));
  assert.ok(completed("serve", "--single").includes("--single-port"));
});

test("man formats the page of every command without a complaint", (t) => {
  if (WITHOUT !== undefined) return t.skip(WITHOUT);
  if (spawnSync("man", ["--version"]).status !== 0) return t.skip("no man");
  const commands = [...run("help").stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name).filter((name) => name !== "help");
  assert.ok(commands.includes("serve") && commands.includes("man"), `${commands}`);
  for (const command of [[], ...commands.map((name) => [name])]) {
    const page = run("man", ...command).stdout;
    const formatted = spawnSync("man", ["--warnings", "-P", "cat", "-l", "-"], { input: page, encoding: "utf8", env: { ...process.env, MANWIDTH: "100" } });
    assert.equal(formatted.stderr, "", command.join(" "));
    assert.match(formatted.stdout, new RegExp(`pushlab${command.map((name) => `-${name}`).join("")}`));
  }
});
