// WebSocket conformance: the Autobahn suite's fuzzing client against `/echo`.
//
//   node tests/autobahn/run.mjs                    starts target/release/pushlab --echo
//   node tests/autobahn/run.mjs 12 13              these sections; with 12 or 13 the server has --compress on
//   node tests/autobahn/run.mjs all                every section, all with --compress on
//   node tests/autobahn/run.mjs 12 --compress context
//   node tests/autobahn/run.mjs --url ws://…/echo  judges a server that is running
//   node tests/autobahn/run.mjs --cases 7.1.*,6.4.1
//   node tests/autobahn/run.mjs --lane actix-ws    the crate actix-ws, shown as it is: nothing fails for it
//
// A case passes when both of its verdicts, behaviour and closing behaviour, are OK.
// NON-STRICT is conformant but against a SHOULD (fail-fast UTF-8, for one); it is listed
// apart and does not pass here. Cases that are INFORMATIONAL by nature (the suite gives
// them no verdict) are listed apart and not counted.
// Left out: 9 (sizes and speed). 12 and 13 (permessage-deflate: 216 cases of 1,000 messages each) run when they are
// named, since they take the better part of an hour.
// The suite's own pages, one per case with the bytes, are in target/autobahn/report.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { ROOT, startLab } from "../browser/lab.mjs";
import { findPython2, installAutobahn, PYTHON2_MISSING } from "./python2.mjs";

const SECTIONS = {
  1: "Framing",
  2: "Pings and pongs",
  3: "Reserved bits",
  4: "Opcodes",
  5: "Fragmentation",
  6: "UTF-8 handling",
  7: "Close handling",
  10: "Automatic fragmentation",
  12: "permessage-deflate, corpora",
  13: "permessage-deflate, offers",
};
/** Run only when named: by these the extension is negotiated, and they take long. */
const COMPRESSED = ["12", "13"];
const REPORT = path.join(ROOT, "target/autobahn/report");
const RUN_DEADLINE_MS = 10 * 60_000;
const COMPRESSED_DEADLINE_MS = 3 * 60 * 60_000;
const AGENT = "pushlab";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { url: { type: "string" }, cases: { type: "string" }, lane: { type: "string" }, compress: { type: "string" } },
});
const sections = positionals.includes("all") ? Object.keys(SECTIONS) : positionals;
const unknown = sections.find((section) => !(section in SECTIONS));
if (unknown !== undefined) {
  console.error(`autobahn: there is no section ${unknown} here; choose all, or some of ${Object.keys(SECTIONS).join(", ")}`);
  process.exit(2);
}
const usual = Object.keys(SECTIONS).filter((section) => !COMPRESSED.includes(section));
const cases = options.cases?.split(",") ?? (sections.length > 0 ? sections : usual).map((section) => `${section}.*`);
const isCompressed = cases.some((id) => COMPRESSED.includes(id.split(".")[0]));
const compress = options.compress ?? (isCompressed ? "on" : "off");

const python2 = findPython2();
if (python2 === undefined) {
  console.error(`autobahn: ${PYTHON2_MISSING}`);
  process.exit(1);
}
const wstest = installAutobahn(python2);
const lab = options.url === undefined ? await startLab(["--echo", "--compress", compress], { log: "autobahn" }) : undefined;
const own = options.lane === undefined ? `${lab?.url}/echo` : `${lab?.lanes[options.lane]}/echo-${options.lane}`;
const url = options.url ?? own.replace(/^http/, "ws");
console.log(`Autobahn fuzzing client against ${url}, --compress ${compress}`);
const began = Date.now();
let failed;
try {
  const announced = await runFuzzingClient(url);
  failed = report(readResults(), announced);
} finally {
  await lab?.stop();
}
process.exitCode = failed === 0 || options.lane !== undefined ? 0 : 1;

/**
 * Runs the suite to its end.
 * @returns {Promise<number>} how many cases it said it would run
 */
async function runFuzzingClient(url) {
  rmSync(REPORT, { recursive: true, force: true });
  mkdirSync(REPORT, { recursive: true });
  const spec = path.join(REPORT, "..", "fuzzingclient.json");
  const servers = [{ agent: AGENT, url }];
  writeFileSync(spec, JSON.stringify({ outdir: REPORT, servers, cases, "exclude-cases": [], "exclude-agent-cases": {} }));
  const child = spawn(wstest, ["-m", "fuzzingclient", "-s", spec], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PYTHONWARNINGS: "ignore", PYTHONPATH: "", PYTHONNOUSERSITE: "1" },
    timeout: isCompressed ? COMPRESSED_DEADLINE_MS : RUN_DEADLINE_MS,
  });
  let log = "";
  const collect = (chunk) => (log += chunk);
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const [code, signal] = await once(child, "close");
  writeFileSync(path.join(REPORT, "..", "wstest.log"), log);
  const announced = /will run (\d+) test cases/.exec(log);
  if (code !== 0 || announced === null) {
    throw new Error(`wstest ended with ${code ?? signal}:\n${log.slice(-2000)}`);
  }
  return Number(announced[1]);
}

/** The suite's verdicts: [["1.1.1", {behavior, behaviorClose, reportfile, …}], …], in order. */
function readResults() {
  const index = path.join(REPORT, "index.json");
  const results = existsSync(index) ? (JSON.parse(readFileSync(index, "utf8"))[AGENT] ?? {}) : {};
  return Object.entries(results).sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
}

/** Prints the table and what did not pass; @returns {number} failures, missing cases included */
function report(results, announced) {
  const verdictOf = ({ behavior, behaviorClose }) => {
    if (behavior === "INFORMATIONAL") return "informational";
    if (behavior === "OK" && behaviorClose === "OK") return "passed";
    const conformant = ["OK", "NON-STRICT"];
    return conformant.includes(behavior) && conformant.includes(behaviorClose) ? "non-strict" : "failed";
  };
  const having = (verdict, list = results) => list.filter(([, result]) => verdictOf(result) === verdict);

  for (const [section, title] of Object.entries(SECTIONS)) {
    const mine = results.filter(([id]) => id.split(".")[0] === section);
    if (mine.length === 0) continue;
    const [passed, informational] = [having("passed", mine).length, having("informational", mine).length];
    const apart = informational > 0 ? `, ${informational} informational` : "";
    console.log(`  ${section.padStart(2)} ${title.padEnd(24)} ${passed} of ${mine.length - informational} passed${apart}`);
  }
  const describe = ([id, { behavior, behaviorClose, remoteCloseCode, reportfile }]) =>
    `  ${id.padEnd(8)} behaviour ${behavior}, closing ${behaviorClose} (close code ${remoteCloseCode ?? "none"}) ` +
    path.relative(ROOT, path.join(REPORT, reportfile.replace(/\.json$/, ".html")));
  const headings = {
    informational: "No verdict (informational cases):",
    "non-strict": "Conformant, but not strictly (counted as failed):",
    failed: "Failed:",
  };
  for (const [verdict, heading] of Object.entries(headings)) {
    const list = having(verdict);
    if (list.length > 0) console.log([heading, ...list.map(describe)].join("\n"));
  }
  const missing = announced - results.length;
  if (missing > 0) console.log(`${missing} of ${announced} cases have no result: the server stopped answering`);
  const failed = having("failed").length + having("non-strict").length + missing;
  console.log(`autobahn: ${having("passed").length} passed, ${failed} failed in ${Math.round((Date.now() - began) / 1000)} s`);
  return failed;
}
