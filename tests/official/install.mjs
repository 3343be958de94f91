// What the suites need, in target/official: they travel inside npm packages and are unpacked
// from there, so nothing of them is in this repository.
//
// package.json and package-lock.json beside this file name the exact versions; when the lock
// changes everything is installed anew. The tools are the packages' own development
// dependencies, minus those that npm cannot bring (git addresses) and nothing here uses.

import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "../browser/lab.mjs";

export const HOME = path.join(ROOT, "target/official");
const HERE = fileURLToPath(new URL(".", import.meta.url));

/** @param {string} name @returns {string} a program that an npm package brought */
export const tool = (name) => path.join(HOME, "node_modules/.bin", name);

/** Installs the packages, once per lock file. */
export function install() {
  const lock = path.join(HOME, "package-lock.json");
  const done = path.join(HOME, "installed.json");
  const wanted = readFileSync(path.join(HERE, "package-lock.json"), "utf8");
  if (existsSync(done) && readFileSync(done, "utf8") === wanted) return;
  console.log("installing the official suites and their tools into target/official");
  rmSync(HOME, { recursive: true, force: true });
  mkdirSync(HOME, { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) copyFileSync(path.join(HERE, file), path.join(HOME, file));
  mustRun("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], HOME);
  copyFileSync(lock, done);
}

/**
 * A package laid out as in its own repository, outside node_modules, where bundlers translate it.
 * @param {string} name
 * @returns {string} its folder
 */
export function unpacked(name) {
  const folder = path.join(HOME, name);
  if (!existsSync(folder)) cpSync(path.join(HOME, "node_modules", name), folder, { recursive: true });
  return folder;
}

/**
 * The specs of pusher-js as one file.
 * @param {"node" | "browser"} suite
 * @returns {string} the package's folder, the bundle being below `tmp`
 */
export function bundledSpecs(suite) {
  const folder = unpacked("pusher-js");
  const bundle = { node: "tmp/node_integration/integration_tests_spec.js", browser: "tmp/web_integration/specs.js" }[suite];
  if (!existsSync(path.join(folder, bundle))) {
    mustRun(tool("webpack"), [`--config=${path.join(HERE, "webpack.cjs")}`, "--env", `suite=${suite}`], folder);
  }
  return folder;
}

/** Runs to success or throws with all the program said. */
export function mustRun(program, args, cwd) {
  const { status, error, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`${program} ${args.join(" ")} failed:\n${error ?? ""}${stdout ?? ""}${stderr ?? ""}`);
  }
}
