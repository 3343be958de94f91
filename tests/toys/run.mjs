// The recipes of CONTRIBUTING.md, each followed on a toy of its kind: `npm test -- toys`.
//
//   node tests/toys/run.mjs                 every kind
//   node tests/toys/run.mjs lane format     only these
//
// The tree is copied to target/toys/tree; a toy's files are put there and its lines of registration are added, which
// together must be what the recipe lists, no more and no less; then the recipe's own commands are run. So a file that
// the list forgets, a line that has moved on, and a command that has gone stale are each a failure with its name.
//
// Lessons and plans take no build, so their toys are in tests/run/contributing.rs.

import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { performance } from "node:perf_hooks";
import { ROOT, TREE, WORK, apply, commandsOf, listOf, mismatch, sync } from "./recipe.mjs";

/** Exit codes of what was carried out, and is otherwise than predicted or cannot be stood behind: in a debug build, or
 * on a busy machine. */
const CARRIED_OUT = [0, 3, 4];

const HERE = path.dirname(fileURLToPath(import.meta.url));
const kinds = readdirSync(HERE, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort();
const asked = process.argv.slice(2);
const unknown = asked.filter((kind) => !kinds.includes(kind));
if (unknown.length > 0) {
  console.error(`no toy named ${unknown.join(", ")}; there are ${kinds.join(", ")}`);
  process.exit(2);
}

let failed = 0;
const chosen = asked.length > 0 ? asked : kinds;
for (const kind of chosen) {
  const began = performance.now();
  const fault = await follow(kind);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  if (fault !== undefined) failed += 1;
  console.log(fault === undefined ? `ok ${kind} (${seconds} s)` : `not ok ${kind} (${seconds} s)\n${fault}`);
}
console.log(`toys: ${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Follows one recipe to its end. @param {string} kind @returns {Promise<string | undefined>} what is wrong */
async function follow(kind) {
  /** @type {{default: import("./recipe.mjs").Toy}} */
  const { default: toy } = await import(`./${kind}/toy.mjs`);
  mkdirSync(TREE, { recursive: true });
  sync();
  const text = readFileSync(path.join(ROOT, "CONTRIBUTING.md"), "utf8");
  try {
    const touched = apply(toy, path.join(HERE, kind, "files"));
    const differs = mismatch(toy, listOf(text, toy.recipe), touched);
    if (differs !== undefined) return differs;
    const log = path.join(WORK, `${kind}.log`);
    rmSync(log, { force: true });
    let said = "";
    for (const command of commandsOf(text, toy)) {
      console.log(`  ${command}`);
      const { status, stdout, stderr } = spawnSync("bash", ["-ec", command], {
        cwd: TREE,
        encoding: "utf8",
        maxBuffer: 64 << 20,
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, CARGO_TARGET_DIR: path.join(WORK, "target"), PUSHLAB_DATA_DIR: path.join(WORK, "data") },
      });
      appendFileSync(log, `$ ${command}\n${stderr}${stdout}\n`);
      said += stdout;
      const isMeasured = /cargo run .*-- (run|experiment) /.test(command);
      if (!(isMeasured ? CARRIED_OUT : [0]).includes(status ?? -1)) {
        return `${command}\nended with ${status}; all of it is in ${log}\n${(stderr + stdout).split("\n").slice(-60).join("\n")}`;
      }
      if (/cargo test/.test(command) && !/^test result: ok\. [1-9]/m.test(stdout)) return `${command}\nran no test`;
    }
    return toy.shows.test(said) ? undefined : `nothing that was printed matches ${toy.shows}; all of it is in ${log}`;
  } catch (error) {
    return `${/** @type {Error} */ (error).message}`;
  }
}
