// One of the two protocol suites of socketio/socket.io against conformance mode.
//
// They are in no package: PUSHLAB_SOCKETIO_DOCS names the `docs` folder of a checkout of that
// repository (the copies in the older protocol repositories lose messages; only this one is
// a yardstick). The suite is copied and given its own dependencies by its own lock file.

import { cpSync, existsSync, rmSync } from "node:fs";
import path from "node:path";
import { startLab } from "../browser/lab.mjs";
import { HOME, mustRun } from "./install.mjs";
import { runToEnd } from "./run-to-end.mjs";

/** @param {string} folder  of the suite, below docs */
export function protocolSuite(folder) {
  const docs = process.env.PUSHLAB_SOCKETIO_DOCS;
  const copy = path.join(HOME, path.basename(path.dirname(folder)));

  const missing = () => {
    if (docs === undefined) return "PUSHLAB_SOCKETIO_DOCS does not name the docs folder of a checkout of socketio/socket.io";
    return existsSync(path.join(docs, folder, "test-suite.js")) ? undefined : `there is no ${folder}/test-suite.js in ${docs}`;
  };
  const prepare = () => {
    if (docs === undefined || missing() !== undefined) return;
    rmSync(copy, { recursive: true, force: true });
    cpSync(path.join(docs, folder), copy, { recursive: true });
    mustRun("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], copy);
  };
  const run = async () => {
    const lab = await startLab(["--conformance", "--single-port"], { log: "conformance", port: 3000 });
    try {
      const { log } = await runToEnd("node_modules/.bin/mocha", ["test-suite.js"], { cwd: copy, env: { NO_COLOR: "1" } });
      const count = (word) => Number(new RegExp(`^\\s*(\\d+) ${word}`, "m").exec(log)?.[1] ?? 0);
      return { passed: count("passing"), failed: count("failing") };
    } finally {
      await lab.stop();
    }
  };
  return { missing, prepare, run };
}
