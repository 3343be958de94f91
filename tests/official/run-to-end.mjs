// Runs a suite's own runner, showing what it prints, and hands that back to be counted.

import { spawn } from "node:child_process";
import { once } from "node:events";

/** @typedef {{passed: number, failed: number}} Outcome */

const DEADLINE_MS = 30 * 60_000;

/**
 * @param {string} program
 * @param {string[]} args
 * @param {{cwd: string, env?: Record<string, string>, quiet?: boolean}} options
 * @returns {Promise<{code: number | string, log: string}>}
 */
export async function runToEnd(program, args, { cwd, env = {}, quiet = false }) {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: DEADLINE_MS,
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk) => {
      log += chunk;
      if (!quiet) process.stdout.write(chunk);
    });
  }
  const [code, signal] = await once(child, "close");
  return { code: code ?? signal, log };
}
