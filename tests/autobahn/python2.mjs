// Finds a CPython 2.7 and gives it the Autobahn suite, in target/autobahn/venv.
//
// The suite has no release for Python 3. The versions in requirements.txt are exact;
// when that file changes the environment is made anew. Everything comes from PyPI
// through pip; nothing is installed outside target/.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "../browser/lab.mjs";

const REQUIREMENTS = fileURLToPath(new URL("requirements.txt", import.meta.url));
const HOME = path.join(ROOT, "target/autobahn");
const VENV = path.join(HOME, "venv");

/** The last virtualenv that is one file, needs nothing else and runs on Python 2.7. */
const VIRTUALENV = "virtualenv==16.7.12";

/** What to tell somebody whose machine has none. */
export const PYTHON2_MISSING = "no CPython 2.7 found (PYTHON2, python2.7 on the PATH, pyenv); `pyenv install 2.7.18` brings one";

/** @returns {string | undefined} a working CPython 2.7 */
export function findPython2() {
  const versions = path.join(process.env.PYENV_ROOT ?? path.join(os.homedir(), ".pyenv"), "versions");
  const fromPyenv = (existsSync(versions) ? readdirSync(versions) : [])
    .filter((name) => name.startsWith("2.7"))
    .map((name) => path.join(versions, name, "bin/python2.7"));
  const check = "import sys, ssl; sys.exit(sys.version_info[:2] != (2, 7))";
  return [process.env.PYTHON2, "python2.7", ...fromPyenv]
    .filter((python) => python !== undefined)
    .find((python) => spawnSync(python, ["-c", check], { stdio: "ignore" }).status === 0);
}

/**
 * @param {string} python2
 * @returns {string} the path of `wstest`
 */
export function installAutobahn(python2) {
  const wstest = path.join(VENV, "bin/wstest");
  const stamp = path.join(VENV, "requirements.txt");
  const wanted = readFileSync(REQUIREMENTS, "utf8");
  if (existsSync(wstest) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return wstest;

  console.log("installing the Autobahn test suite into target/autobahn/venv");
  const bootstrap = path.join(HOME, "bootstrap");
  rmSync(VENV, { recursive: true, force: true });
  rmSync(bootstrap, { recursive: true, force: true });
  mkdirSync(HOME, { recursive: true });
  const pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet"];
  run(python2, [...pip, "--target", bootstrap, VIRTUALENV]);
  run(python2, [path.join(bootstrap, "virtualenv.py"), "--quiet", "--no-download", VENV]);
  run(path.join(VENV, "bin/python"), [...pip, "--no-deps", "-r", REQUIREMENTS]);
  copyFileSync(REQUIREMENTS, stamp);
  return wstest;
}

/** Runs to success or throws with all the program said. */
function run(program, args) {
  const env = { ...process.env, PYTHONWARNINGS: "ignore", PYTHONPATH: "", PYTHONNOUSERSITE: "1" };
  const { status, error, stdout, stderr } = spawnSync(program, args, { env, encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`${program} ${args.join(" ")} failed:\n${error ?? ""}${stdout ?? ""}${stderr ?? ""}`);
  }
}
