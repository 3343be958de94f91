// Starts the built `pushlab` for a test and stops it again.
//
// The program is run as a stranger would run it: `serve --port 0 --json`, its first
// line on standard output naming every lane. Its log goes to a file under target/,
// which the error message names when the program does not come up or does not stop.
// Nothing is built here; `npm test` does that first.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, closeSync, readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const BINARY = process.env.PUSHLAB_BINARY ?? path.join(ROOT, "target/release/pushlab");

/** The presenter's, of every lab in tests, and the header that shows it. */
export const TOKEN = "test-presenter-token-0123456789";
export const AS_PRESENTER = { authorization: `Bearer ${TOKEN}` };

/** How long browsers wait for what is to come. Two slow cores run three browsers at once, and nothing that holds waits
 * for it: it is the time after which something is taken for lost. */
export const PATIENCE_MS = 60_000;
const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 30_000;

/**
 * @typedef {object} Lab
 * @property {string} url  the main lane, for example "http://127.0.0.1:43121"
 * @property {Record<string, string>} lanes  url of every lane by its name
 * @property {number | undefined} pid
 * @property {{class?: {code: string, phone?: string}, from_elsewhere?: string[], tls_fingerprint?: string}} told  the first line of it
 * @property {() => Promise<void>} stop  SIGTERM; rejects unless the program then ends by itself with 0
 */

/**
 * @param {string[]} flags  beside `serve --port 0 --json`
 * @param {{log?: string, port?: number, command?: "serve" | "class"}} [options]  log: file name under target/test-logs
 * @returns {Promise<Lab>}
 */
export async function startLab(flags = [], { log = "pushlab", port = 0, command = "serve" } = {}) {
  if (!existsSync(BINARY)) {
    throw new Error(`${BINARY} does not exist: run \`cargo build --release\` (or \`npm test\`, which does)`);
  }
  const logFile = path.join(ROOT, "target/test-logs", `${log}-${process.pid}.log`);
  mkdirSync(path.dirname(logFile), { recursive: true });
  const logHandle = openSync(logFile, "w");
  const child = spawn(BINARY, [command, "--port", String(port), "--json", ...flags], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", logHandle],
    // Results are saved, and not among those of whoever runs the tests.
    env: { PUSHLAB_DATA_DIR: path.join(ROOT, "target/test-data", `${log}-${process.pid}`), ...process.env, NO_COLOR: "1", PUSHLAB_PRESENTER_TOKEN: TOKEN },
  });
  closeSync(logHandle);
  const stdout = /** @type {import("node:stream").Readable} */ (child.stdout); // "pipe", above
  const lastWords = () => `\n${readFileSync(logFile, "utf8").slice(-2000)}\n(whole log: ${logFile})`;
  const exited = once(child, "exit");
  // A test that fails to stop the lab must not leave it running.
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);
  exited.then(() => process.removeListener("exit", killWithUs), () => {});

  const firstLine = await Promise.race([
    once(createInterface({ input: stdout }), "line").then(([line]) => line),
    exited.then(([code, signal]) => {
      throw new Error(`pushlab ended before it listened (exit ${code ?? signal})${lastWords()}`);
    }),
    deadline(START_DEADLINE_MS, () => new Error(`pushlab named no lanes within ${START_DEADLINE_MS} ms${lastWords()}`)),
  ]);
  stdout.resume();
  const told = JSON.parse(firstLine);
  const lanes = Object.fromEntries(told.listening.map(({ lane, url }) => [lane, url]));

  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    const [code, signal] = await Promise.race([
      exited,
      deadline(STOP_DEADLINE_MS, () => new Error(`pushlab did not stop within ${STOP_DEADLINE_MS} ms of SIGTERM${lastWords()}`)),
    ]);
    if (code !== 0) throw new Error(`pushlab ended with ${code ?? signal}${lastWords()}`);
    if (/panicked at/.test(readFileSync(logFile, "utf8"))) throw new Error(`pushlab panicked${lastWords()}`);
  };
  return { url: lanes.main, lanes, pid: child.pid, told, stop };
}

/** Port of a server that listens. @param {{address(): import("node:net").AddressInfo | string | null}} server */
export function portOf(server) {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen on a port");
  return address.port;
}

/** Rejects with `error()` after `ms`; does not keep the process alive. */
function deadline(ms, error) {
  return new Promise((_, reject) => setTimeout(() => reject(error()), ms).unref());
}
