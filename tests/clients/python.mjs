// A Python with the official clients from PyPI, in target/clients/venv, and how they are called.
//
// python/requirements.txt names exact versions; when it changes the environment is made anew.
// Where there is no Python 3, or the packages cannot be had, the tests are skipped with the
// reason; with CI=true that is a failure.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ROOT } from "../browser/lab.mjs";
import { inbox } from "./inbox.mjs";

const REQUIREMENTS = fileURLToPath(new URL("python/requirements.txt", import.meta.url));
const HOME = path.join(ROOT, "target/clients");
const VENV = path.join(HOME, "venv");
const PYTHON = path.join(VENV, "bin/python");

/** @returns {string | undefined} why there are no Python clients here */
export function noPython() {
  try {
    install();
    return undefined;
  } catch (error) {
    if (process.env.CI === "true") throw error;
    return `no Python clients: ${String(error instanceof Error ? error.message : error).split("\n")[0]}`;
  }
}

function install() {
  const stamp = path.join(VENV, "requirements.txt");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === readFileSync(REQUIREMENTS, "utf8")) return;
  console.log("installing the Python clients into target/clients/venv");
  rmSync(VENV, { recursive: true, force: true });
  mkdirSync(HOME, { recursive: true });
  run("python3", ["-m", "venv", VENV]);
  run(PYTHON, ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "-r", REQUIREMENTS]);
  copyFileSync(REQUIREMENTS, stamp);
}

function run(program, args) {
  const { status, error, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.slice(0, 4).join(" ")} failed: ${error?.message ?? stderr.trim()}`);
}

/**
 * Runs a file of one's own with those clients to its end. What it printed.
 * @param {string} file
 */
export function runPython(file) {
  const { status, error, stdout, stderr } = spawnSync(PYTHON, [file], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${error?.message ?? stderr}`);
  return stdout;
}

/**
 * Starts one of the scripts in python/: it takes one JSON argument, and prints a JSON value a line.
 * @param {string} script
 * @param {unknown} argument
 */
export function startPython(script, argument) {
  const file = fileURLToPath(new URL(`python/${script}`, import.meta.url));
  const child = spawn(PYTHON, ["-u", file, JSON.stringify(argument)], { stdio: ["pipe", "pipe", "pipe"] });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => (complaints += chunk));
  const lines = inbox(`lines of ${script}`);
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
  const exited = once(child, "close").then(([code]) => {
    if (code !== 0) throw new Error(`${script} ended with ${code}:\n${complaints}`);
  });
  // Whoever waits for lines is told by the deadline; whoever waits for the end, by this.
  exited.catch(() => {});
  return {
    lines,
    /** @param {unknown} command  one more JSON line for its standard input */
    tell: (command) => void child.stdin.write(`${JSON.stringify(command)}\n`),
    ended: () => exited,
    kill: () => void child.kill(),
  };
}
