// The one test command: `npm test`. Builds, then runs every suite and sums them up.
//
//   npm test                       everything but official-browser, which takes minutes, and
//                                  capture, which needs the right to record the network
//   npm test -- browser autobahn   only the suites named: check, modules, rust, browser, clients, proxy, official, official-browser, autobahn, capture
//
// A suite whose outside tool is missing (Chromium, nginx, CPython 2.7, network namespaces) is
// reported as skipped in one line that says why; with CI=true a missing Chromium or a
// missing Python 3 is a failure.
// A failing suite does not stop the next one; a failing build does. The counts in the
// last line are the runners' own, read from what they print.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const IN_CI = process.env.CI === "true";
const LOCKED = IN_CI ? ["--locked"] : [];
const BUILD = ["cargo", "build", "--release", ...LOCKED];
// The tests' own dependencies switch on features of shared ones: built on its own first, the binary would have
// cargo compile most of the tree twice.
const BUILD_WITH_TESTS = ["cargo", "test", "--release", "--no-run", ...LOCKED];

/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {() => Promise<string | undefined>} [missing]  what it needs and is not here: a reason to skip
 * @property {boolean} [requiredInCi]  missing, it is a failure there
 * @property {boolean} [onlyWhenNamed]
 * @property {boolean} [withoutBinary]  nothing has to be built for it
 * @property {() => string[]} command
 * @property {(log: string) => {passed: number, failed: number, skipped: number}} counts  in what the command prints
 */

/** @type {Suite[]} */
const SUITES = [
  {
    // Types and faults of all JavaScript, before anything runs it.
    name: "check",
    withoutBinary: true,
    command: () => ["npm", "run", "--silent", "check"],
    counts: (log) => {
      const failed = (log.match(/error TS\d+|^ +\d+:\d+ +error /gm) ?? []).length;
      return { passed: failed === 0 ? 1 : 0, failed, skipped: 0 };
    },
  },
  {
    // The pages' modules, where no browser is needed.
    name: "modules",
    withoutBinary: true,
    command: () => nodeTests("tests/modules"),
    counts: nodeCounts,
  },
  {
    name: "rust",
    // Every binary runs even when one fails, so that the counts are whole.
    command: () => ["cargo", "test", "--release", "--no-fail-fast", ...LOCKED],
    counts: (log) => ({
      passed: sum(log, /^test result: .*?(\d+) passed/gm),
      failed: sum(log, /^test result: .*?(\d+) failed/gm),
      skipped: sum(log, /^test result: .*?(\d+) ignored/gm),
    }),
  },
  {
    name: "browser",
    missing: chromiumMissing,
    requiredInCi: true,
    // One file at a time: latencies are measured, and two cores are few.
    command: () => nodeTests("tests/browser"),
    counts: nodeCounts,
  },
  {
    // Unmodified clients and SDKs of other people, from npm and PyPI.
    name: "clients",
    missing: chromiumMissing,
    requiredInCi: true,
    // faye-websocket, in pusher-js for Node, leaves timers of 30 s behind when it is closed twice.
    command: () => nodeTests("tests/clients", "--test-force-exit"),
    counts: nodeCounts,
  },
  {
    // Every lane behind a real nginx.
    name: "proxy",
    missing: nginxMissing,
    requiredInCi: true,
    command: () => nodeTests("tests/proxy", "--test-force-exit"),
    counts: nodeCounts,
  },
  {
    // The suites of those clients' own makers.
    name: "official",
    missing: officialMissing,
    command: () => ["node", "tests/official/run.mjs", "pusher-node", "pusher-sdk"],
    counts: officialCounts,
  },
  {
    // 228 specs in Chromium, with every fallback's own patience: too long for every run.
    name: "official-browser",
    onlyWhenNamed: true,
    missing: officialMissing,
    command: () => ["node", "tests/official/run.mjs", "pusher-browser"],
    counts: officialCounts,
  },
  {
    name: "autobahn",
    missing: async () => {
      const { findPython2, PYTHON2_MISSING } = await import("./autobahn/python2.mjs");
      return findPython2() ? undefined : PYTHON2_MISSING;
    },
    command: () => ["node", "tests/autobahn/run.mjs"],
    counts: (log) => ({
      passed: sum(log, /^autobahn: (\d+) passed/gm),
      failed: sum(log, /^autobahn: \d+ passed, (\d+) failed/gm),
      skipped: 0,
    }),
  },
  {
    // Lane bytes against tshark's.
    name: "capture",
    onlyWhenNamed: true,
    missing: async () => (await import("./capture/run.mjs")).captureMissing(),
    command: () => ["node", "tests/capture/run.mjs"],
    counts: (log) => ({
      passed: sum(log, /^capture: (\d+) passed/gm),
      failed: sum(log, /^capture: \d+ passed, (\d+) failed/gm),
      skipped: 0,
    }),
  },
];

const { positionals } = parseArgs({ allowPositionals: true });
const unknown = positionals.filter((name) => !SUITES.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`no suite named ${unknown.join(", ")}; there are ${SUITES.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
const chosen = SUITES.filter(({ name, onlyWhenNamed }) => (positionals.length === 0 ? !onlyWhenNamed : positionals.includes(name)));

await installPackages();
if (!chosen.every(({ withoutBinary }) => withoutBinary)) await mustSucceed(chosen.some(({ name }) => name === "rust") ? BUILD_WITH_TESTS : BUILD);
const outcomes = [];
for (const suite of chosen) outcomes.push(await runSuite(suite));
summarize(outcomes);

/** `npm ci`, when what is installed is not what the lock file names. */
async function installPackages() {
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8"));
  const isInstalled = ([folder, { version, optional }]) => {
    if (folder === "" || optional) return true;
    const manifest = path.join(ROOT, folder, "package.json");
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).version === version;
  };
  if (Object.entries(packages).every(isInstalled)) return;
  await mustSucceed(["npm", "ci", "--no-audit", "--no-fund"]);
}

async function mustSucceed(command) {
  console.log(`\n== ${command.join(" ")}`);
  const { code } = await run(command);
  if (code !== 0) {
    console.error(`${command.join(" ")} failed: no tests were run`);
    process.exit(1);
  }
}

/** @param {Suite} suite */
async function runSuite({ name, missing, requiredInCi, command, counts }) {
  const reason = await missing?.();
  if (reason !== undefined) {
    const fatal = IN_CI && requiredInCi === true;
    console.log(`\n== ${name} ${fatal ? "failed" : "skipped"}: ${reason}`);
    return { name, passed: 0, failed: fatal ? 1 : 0, skipped: fatal ? 0 : 1, seconds: 0, note: reason };
  }
  console.log(`\n== ${command().slice(0, 3).join(" ")} (${name})`);
  const started = performance.now();
  const { code, log } = await run(command());
  const seconds = (performance.now() - started) / 1000;
  const counted = counts(log);
  if (code === 0 && counted.passed + counted.skipped === 0) return { name, ...counted, failed: 1, seconds, note: "ran no test" };
  // A runner that broke before it could count its failures still failed.
  if (code !== 0) return { name, ...counted, failed: Math.max(1, counted.failed), seconds, note: `exit ${code}`, log };
  return { name, ...counted, seconds, note: "" };
}

/** Runs a command, showing its output as it comes. @param {string[]} command */
async function run(command) {
  const [program, ...args] = command;
  const child = spawn(program, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.setEncoding("utf8");
  let log = "";
  child.stdout.on("data", (chunk) => {
    log += chunk;
    process.stdout.write(chunk);
  });
  try {
    const [code, signal] = await once(child, "close");
    return { code: code ?? signal, log };
  } catch (error) {
    const { message, code } = /** @type {NodeJS.ErrnoException} */ (error);
    console.error(`cannot run ${program}: ${message}`);
    return { code, log };
  }
}

function summarize(outcomes) {
  console.log("\n== summary");
  for (const { name, passed, failed, skipped, seconds, note } of outcomes) {
    const verdict = failed > 0 ? "FAILED" : passed > 0 ? "passed" : "skipped";
    const figures = `${passed} passed, ${failed} failed, ${skipped} skipped`;
    console.log(`  ${name.padEnd(9)} ${verdict.padEnd(8)} ${figures} in ${seconds.toFixed(0)} s${note && ` (${note})`}`);
  }
  // Once more, where a log that was cut short still has it.
  for (const { name, log } of outcomes.filter(({ log }) => log !== undefined)) {
    console.log(`\n== what failed in ${name}\n${whatFailed(log)}`);
  }
  const total = (key) => outcomes.reduce((sum, outcome) => sum + outcome[key], 0);
  console.log(`tests: ${total("passed")} passed, ${total("failed")} failed, ${total("skipped")} skipped`);
  process.exitCode = total("failed") === 0 ? 0 : 1;
}

/** What the runners say of failures: Node's list at its end, cargo's reports of single tests. */
function whatFailed(log) {
  const LINES_MAX = 80;
  const atTheEnd = log.lastIndexOf("✖ failing tests:");
  const said = atTheEnd >= 0 ? log.slice(atTheEnd) : (log.match(/^---- [^]*?(?=^failures:)/gm) ?? [log.slice(-4_000)]).join("");
  return said.split("\n").slice(0, LINES_MAX).join("\n");
}

async function nginxMissing() {
  const { findNginx, NGINX_MISSING } = await import("./proxy/nginx.mjs");
  return findNginx() ? undefined : NGINX_MISSING;
}

async function chromiumMissing() {
  const { findChromium, CHROMIUM_MISSING } = await import("./browser/chromium.mjs");
  return findChromium() ? undefined : CHROMIUM_MISSING;
}

/** Every test file of a folder, one after the other, under Node's runner. */
function nodeTests(folder, ...flags) {
  const names = readdirSync(path.join(ROOT, folder)).filter((name) => name.endsWith(".test.mjs"));
  const files = names.sort().map((name) => path.join(folder, name));
  return ["node", "--test", "--test-concurrency=1", "--test-reporter=spec", ...flags, ...files];
}

function nodeCounts(log) {
  return {
    passed: sum(log, /^ℹ pass (\d+)/gm),
    failed: sum(log, /^ℹ fail (\d+)/gm) + sum(log, /^ℹ cancelled (\d+)/gm),
    skipped: sum(log, /^ℹ skipped (\d+)/gm),
  };
}

/** The sum of the first group of every match. */
function sum(text, pattern) {
  return [...text.matchAll(pattern)].reduce((total, [, count]) => total + Number(count), 0);
}

/** Function declarations: the table above uses them. */
async function officialMissing() {
  return (await import("./official/namespace.mjs")).noNamespace();
}

/** @param {string} log */
function officialCounts(log) {
  return {
    passed: sum(log, /^official: (\d+) passed/gm),
    failed: sum(log, /^official: \d+ passed, (\d+) failed/gm),
    skipped: sum(log, /^official: \d+ passed, \d+ failed, (\d+) skipped/gm),
  };
}
