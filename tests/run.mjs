// The one test command: `npm test`. Builds, then runs every suite and sums them up. `npm test -- --help` says what
// there is; that text is made from the table below.
//
// A suite whose outside tool is missing (Chromium, nginx, tshark, CPython 2.7, network namespaces) is
// reported as skipped in one line that says why; with CI=true a missing Chromium, nginx,
// tshark or Python 3 is a failure.
// A failing suite does not stop the next one; a failing build does. The counts in the
// last line are the runners' own, read from what they print.
// A test file that fails beside others is run once more by itself. If it then passes it
// is *unsteady*: named in the summary, counted in the last line, and no failure of the
// change under test. What fails twice has failed.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const IN_CI = process.env.CI === "true";
const LOCKED = IN_CI ? ["--locked"] : [];
const BUILD = ["cargo", "build", "--release", ...LOCKED];
// In debug: the release's optimisation over the whole program takes minutes for each of six test programs. What is
// installed, the release, is what the suites in JavaScript run.
const BUILD_TESTS = ["cargo", "test", "--no-run", ...LOCKED];
// Most tests wait most of their time: for clients that fall silent, for graces, for runs.
const TEST_THREADS = `--test-threads=${3 * availableParallelism()}`;
/** Browser tests at the same time; each waits about half of its time. */
const BROWSERS = 4;
/** Browser tests that compare or count what came when, or that are many browsers: they want the machine for themselves. */
const MEASURING = ["class-many.test.mjs", "compare.test.mjs", "race.test.mjs", "recovery.test.mjs"];
/** More files than this do not fail by chance: they are not run again. */
const AGAIN_MAX = 3;
const QUICK = ["format", "check", "modules", "rust-quick"];

/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {string} about  in one line, for --help
 * @property {() => Promise<string | undefined>} [missing]  what it needs and is not here: a reason to skip
 * @property {boolean} [requiredInCi]  missing, it is a failure there
 * @property {boolean} [onlyWhenNamed]
 * @property {boolean} [withoutBinary]  nothing has to be built for it
 * @property {string} [beside]  neighbours in the table that say the same word run at the same time
 * @property {() => string[][]} commands  one after the other
 * @property {boolean} [againAlone]  its test files are run once more when few of them fail: they share two cores with others
 * @property {(log: string) => {passed: number, failed: number, skipped: number}} counts  in what the commands print
 */

/** @type {Suite[]} */
const SUITES = [
  {
    name: "format",
    about: "cargo fmt --check",
    onlyWhenNamed: true,
    withoutBinary: true,
    beside: "reading",
    commands: () => [["cargo", "fmt", "--check"]],
    counts: (log) => ({ passed: log === "" ? 1 : 0, failed: log === "" ? 0 : 1, skipped: 0 }),
  },
  {
    // Types and faults of all JavaScript, before anything runs it.
    name: "check",
    about: "types and faults of all JavaScript: tsc, eslint",
    withoutBinary: true,
    beside: "reading",
    commands: () => [["npm", "run", "--silent", "check"]],
    counts: (log) => {
      const failed = (log.match(/error TS\d+|^ +\d+:\d+ +error /gm) ?? []).length;
      return { passed: failed === 0 ? 1 : 0, failed, skipped: 0 };
    },
  },
  {
    // The pages' modules, where no browser is needed.
    name: "modules",
    about: "the pages' modules, without a browser",
    withoutBinary: true,
    beside: "reading",
    commands: () => [nodeTests(testFiles("tests/modules"))],
    counts: nodeCounts,
  },
  {
    // docs/ by mdBook, as it is read where no lab runs. (That the lab itself serves it: rust, browser.)
    name: "book",
    about: "docs/ by mdBook, as it is read where no lab runs",
    withoutBinary: true,
    missing: async () => {
      const { mdbook, MDBOOK_MISSING } = await import("./book/mdbook.mjs");
      return mdbook() ? undefined : MDBOOK_MISSING;
    },
    beside: "reading",
    commands: () => [nodeTests(testFiles("tests/book"))],
    counts: nodeCounts,
  },
  {
    // Cargo builds what it needs. Not here: tests/run, whose runs measure, and floods of thousands of publications.
    name: "rust-quick",
    about: "most Rust tests, in debug: without those that run experiments or flood a lab",
    onlyWhenNamed: true,
    withoutBinary: true,
    commands: () => {
      const cargo = ["cargo", "test", "--no-fail-fast", ...LOCKED];
      const floods = ["booking::", "random_cuts::"].flatMap((name) => ["--skip", name]);
      return [
        [...cargo, "--lib", "--test", "pusher", "--test", "socketio", "--", TEST_THREADS],
        [...cargo, "--test", "lab", "--", TEST_THREADS, ...floods],
      ];
    },
    counts: cargoCounts,
  },
  {
    name: "rust",
    withoutBinary: true,
    about: "every Rust test, in debug",
    // Every binary runs even when one fails, so that the counts are whole.
    commands: () => [["cargo", "test", "--no-fail-fast", ...LOCKED, "--", TEST_THREADS]],
    counts: cargoCounts,
  },
  {
    name: "browser",
    about: "the pages in Chromium; wants chromium",
    missing: chromiumMissing,
    requiredInCi: true,
    againAlone: true,
    commands: () => {
      // A test that fails may leave something open, which must not hold up the others.
      const files = testFiles("tests/browser");
      const isMeasuring = (/** @type {string} */ file) => MEASURING.includes(path.basename(file));
      return [
        nodeTests(files.filter((file) => !isMeasuring(file)), { atOnce: BROWSERS, flags: ["--test-force-exit"] }),
        nodeTests(files.filter(isMeasuring), { flags: ["--test-force-exit"] }),
      ];
    },
    counts: nodeCounts,
  },
  {
    // A lane, a condition, an experiment and a report format that are toys, each added as CONTRIBUTING.md says.
    name: "toys",
    about: "CONTRIBUTING.md's recipes, each on a toy in a copy of the tree; minutes",
    onlyWhenNamed: true,
    withoutBinary: true,
    commands: () => [["node", "tests/toys/run.mjs"]],
    counts: (log) => ({ passed: sum(log, /^toys: (\d+) passed/gm), failed: sum(log, /^toys: \d+ passed, (\d+) failed/gm), skipped: 0 }),
  },
  {
    // Unmodified clients and SDKs of other people, from npm and PyPI.
    name: "clients",
    about: "other people's clients and SDKs; wants chromium, python3-venv and PyPI",
    missing: chromiumMissing,
    requiredInCi: true,
    beside: "foreign",
    // faye-websocket, in pusher-js for Node, leaves timers of 30 s behind when it is closed twice.
    againAlone: true,
    commands: () => [nodeTests(testFiles("tests/clients"), { flags: ["--test-force-exit"] })],
    counts: nodeCounts,
  },
  {
    // Every lane behind a real nginx.
    name: "proxy",
    about: "every lane behind a real nginx; wants nginx",
    missing: nginxMissing,
    requiredInCi: true,
    beside: "foreign",
    commands: () => [nodeTests(testFiles("tests/proxy"), { flags: ["--test-force-exit"] })],
    counts: nodeCounts,
  },
  {
    // What a tap keeps against tshark's reading of its file.
    name: "dissect",
    about: "what a tap keeps beside tshark's reading of it; wants tshark",
    missing: tsharkMissing,
    requiredInCi: true,
    beside: "foreign",
    commands: () => [nodeTests(["tests/capture/dissect.test.mjs"], { flags: ["--test-force-exit"] })],
    counts: nodeCounts,
  },
  {
    // What somebody who installs it has: the program alone, its container, its unit, its completions.
    name: "packaging",
    about: "the built program alone: no source, no Node, no network; container, systemd unit",
    beside: "foreign",
    commands: () => [nodeTests(testFiles("tests/packaging"), { flags: ["--test-force-exit"] })],
    counts: nodeCounts,
  },
  {
    // The suites of those clients' own makers.
    name: "official",
    about: "the suites of pusher-js' own makers; wants a network namespace",
    missing: officialMissing,
    beside: "foreign",
    commands: () => [["node", "tests/official/run.mjs", "pusher-node", "pusher-sdk"]],
    counts: officialCounts,
  },
  {
    // 228 specs in Chromium, with every fallback's own patience: too long for every run.
    name: "official-browser",
    about: "228 specs of pusher-js in Chromium, some minutes; wants the same",
    onlyWhenNamed: true,
    missing: officialMissing,
    commands: () => [["node", "tests/official/run.mjs", "pusher-browser"]],
    counts: officialCounts,
  },
  {
    name: "autobahn",
    about: "the WebSocket conformance suite; wants CPython 2.7",
    missing: async () => {
      const { findPython2, PYTHON2_MISSING } = await import("./autobahn/python2.mjs");
      return findPython2() ? undefined : PYTHON2_MISSING;
    },
    // At first it installs its packages for minutes, which keeps no core busy for long; its cases take seconds.
    beside: "foreign",
    commands: () => [["node", "tests/autobahn/run.mjs"]],
    counts: (log) => ({
      passed: sum(log, /^autobahn: (\d+) passed/gm),
      failed: sum(log, /^autobahn: \d+ passed, (\d+) failed/gm),
      skipped: 0,
    }),
  },
  {
    // Lane bytes, and a tap's, against what tshark records; and "dissect".
    name: "capture",
    about: "every lane's bytes beside what tshark records; wants tshark and root",
    onlyWhenNamed: true,
    missing: async () => (await import("./capture/tshark.mjs")).recordingMissing(),
    commands: () => [["node", "tests/capture/run.mjs"], nodeTests(testFiles("tests/capture"), { flags: ["--test-force-exit"] })],
    counts: (log) => {
      const { passed, failed, skipped } = nodeCounts(log);
      return {
        passed: passed + sum(log, /^capture: (\d+) passed/gm),
        failed: failed + sum(log, /^capture: \d+ passed, (\d+) failed/gm),
        skipped,
      };
    },
  },
];

const options = /** @type {const} */ ({ help: { type: "boolean", short: "h" } });
const { values, positionals: named } = parseArgsOrExit();
if (values.help) {
  console.log(usage());
  process.exit(0);
}
const positionals = named.flatMap((name) => (name === "quick" ? QUICK : [name]));
const unknown = positionals.filter((name) => !SUITES.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`no suite named ${unknown.join(", ")}; there are quick, ${SUITES.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
const chosen = SUITES.filter(({ name, onlyWhenNamed }) => (positionals.length === 0 ? !onlyWhenNamed : positionals.includes(name)));

await installPackages();
// Both at the same time: the release's last minutes keep one core busy, and each has a folder of its own.
await Promise.all([
  !chosen.every(({ withoutBinary }) => withoutBinary) && process.env.PUSHLAB_BINARY === undefined ? mustSucceed(BUILD) : undefined,
  chosen.some(({ name }) => name === "rust") ? mustSucceed(BUILD_TESTS) : undefined,
]);
const outcomes = [];
for (const suites of neighbours(chosen)) outcomes.push(...(await Promise.all(suites.map((suite) => runSuite(suite, suites.length > 1)))));
summarize(outcomes);

/** What was asked for; a flag that there is not is told, and ends it. */
function parseArgsOrExit() {
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message.split("\n")[0]}\nnpm test -- --help lists what there is`);
    process.exit(2);
  }
}

function usage() {
  const lines = SUITES.map(({ name, about, onlyWhenNamed }) => `  ${name.padEnd(17)} ${about}${onlyWhenNamed ? " (only when named)" : ""}`);
  return `npm test [-- SUITE…]    builds, runs the suites, and sums them up

  npm test                      every suite but those marked below
  npm test -- quick             before a commit, in two minutes: ${QUICK.join(", ")}
  npm test -- browser autobahn  only these

Suites:
${lines.join("\n")}

Where an outside tool is missing, its suite is skipped with the reason; with CI=true a missing Chromium,
nginx, tshark or Python 3 is a failure. A test file that fails beside others is run once more alone.

  PUSHLAB_BINARY=FILE   use this binary: nothing is built for the suites in JavaScript
  CI=true               versions exactly as in the lock files

Exit codes: 0 nothing failed; 1 something did; 2 no such suite.
One test: CONTRIBUTING.md, "One test of each kind".`;
}

/** Suites that run at the same time, in the order of the table. @param {Suite[]} suites */
function neighbours(suites) {
  /** @type {Suite[][]} */
  const groups = [];
  for (const suite of suites) {
    const last = groups.at(-1);
    if (last !== undefined && suite.beside !== undefined && last[0].beside === suite.beside) last.push(suite);
    else groups.push([suite]);
  }
  return groups;
}

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
  const { code } = await run(command, process.stdout);
  if (code !== 0) {
    console.error(`${command.join(" ")} failed: no tests were run`);
    process.exit(1);
  }
}

/**
 * @param {Suite} suite
 * @param {boolean} isBesideOthers  what it prints is shown in one piece at its end
 */
async function runSuite({ name, missing, requiredInCi, commands, counts, againAlone }, isBesideOthers) {
  const reason = await missing?.();
  if (reason !== undefined) {
    const fatal = IN_CI && requiredInCi === true;
    console.log(`\n== ${name} ${fatal ? "failed" : "skipped"}: ${reason}`);
    return { name, passed: 0, failed: fatal ? 1 : 0, skipped: fatal ? 0 : 1, seconds: 0, note: reason };
  }
  const heading = `\n== ${commands()[0].slice(0, 3).join(" ")} (${name})`;
  console.log(isBesideOthers ? `${heading} begins, beside others` : heading);
  const started = performance.now();
  let code = 0;
  let log = "";
  for (const command of commands()) {
    const outcome = await run(command, isBesideOthers ? undefined : process.stdout);
    code ||= outcome.code;
    log += outcome.log;
  }
  if (isBesideOthers) console.log(`${heading}\n${log.trimEnd()}`);
  const counted = counts(log);
  /** @type {string[]} */
  let unsteady = [];
  if (code !== 0 && againAlone) {
    const files = failedFiles(log);
    const again = files.length > 0 && files.length <= AGAIN_MAX ? await runAgain(name, files) : undefined;
    if (again?.code === 0) {
      unsteady = files;
      code = 0;
      // Each that failed has now passed, and is counted once.
      Object.assign(counted, { passed: counted.passed + counted.failed, failed: 0 });
    }
  }
  const seconds = (performance.now() - started) / 1000;
  if (code === 0 && counted.passed + counted.skipped === 0) return { name, ...counted, failed: 1, seconds, note: "ran no test" };
  // A runner that broke before it could count its failures still failed.
  if (code !== 0) return { name, ...counted, failed: Math.max(1, counted.failed), seconds, note: `exit ${code}`, log };
  return { name, ...counted, seconds, unsteady, note: unsteady.length > 0 ? `unsteady: ${unsteady.join(", ")}` : "", log: unsteady.length > 0 ? log : undefined };
}

/** Test files by themselves, after they failed beside others. @param {string} name  of their suite  @param {string[]} files */
function runAgain(name, files) {
  console.log(`\n== once more, alone: ${files.join(", ")} (${name})`);
  return run(nodeTests(files, { flags: ["--test-force-exit"] }), process.stdout);
}

/** The files that Node's list of failures names; none when a runner broke off before it had one. @param {string} log */
function failedFiles(log) {
  return [...new Set([...log.matchAll(/^test at (\S+?\.test\.mjs):\d+:\d+$/gm)].map(([, file]) => file))];
}

/**
 * Runs a command.
 * @param {string[]} command
 * @param {NodeJS.WritableStream} [shown]  where its output is shown as it comes
 */
async function run(command, shown) {
  const [program, ...args] = command;
  const child = spawn(program, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.setEncoding("utf8");
  let log = "";
  child.stdout.on("data", (chunk) => {
    log += chunk;
    shown?.write(chunk);
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
    console.log(`  ${name.padEnd(10)} ${verdict.padEnd(8)} ${figures} in ${seconds.toFixed(0)} s${note && ` (${note})`}`);
  }
  // Once more, where a log that was cut short still has it.
  for (const { name, log, failed } of outcomes.filter(({ log }) => log !== undefined)) {
    console.log(`\n== what failed ${failed > 0 ? "" : "at first "}in ${name}\n${whatFailed(log)}`);
  }
  const total = (key) => outcomes.reduce((sum, outcome) => sum + outcome[key], 0);
  const unsteady = outcomes.flatMap((outcome) => outcome.unsteady ?? []).length;
  const ofThem = unsteady > 0 ? `, ${unsteady} files passed only when run again alone` : "";
  console.log(`tests: ${total("passed")} passed, ${total("failed")} failed, ${total("skipped")} skipped${ofThem}`);
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

async function tsharkMissing() {
  const { hasTshark, TSHARK_MISSING } = await import("./capture/tshark.mjs");
  return hasTshark() ? undefined : TSHARK_MISSING;
}

async function chromiumMissing() {
  const { findChromium, CHROMIUM_MISSING } = await import("./browser/chromium.mjs");
  return findChromium() ? undefined : CHROMIUM_MISSING;
}

/** Every test file of a folder. @param {string} folder */
function testFiles(folder) {
  const names = readdirSync(path.join(ROOT, folder)).filter((name) => name.endsWith(".test.mjs"));
  return names.sort().map((name) => path.join(folder, name));
}

/**
 * Test files under Node's runner, so many at once.
 * @param {string[]} files
 * @param {{atOnce?: number, flags?: string[]}} [options]
 */
function nodeTests(files, { atOnce = 1, flags = [] } = {}) {
  return ["node", "--test", `--test-concurrency=${atOnce}`, "--test-reporter=spec", ...flags, ...files];
}

/** @param {string} log */
function cargoCounts(log) {
  return {
    passed: sum(log, /^test result: .*?(\d+) passed/gm),
    failed: sum(log, /^test result: .*?(\d+) failed/gm),
    skipped: sum(log, /^test result: .*?(\d+) ignored/gm),
  };
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
