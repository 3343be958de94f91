// `cargo build` without Node: build.rs, compiled and run as Cargo runs it, where no program but rustc is found.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { ROOT } from "../browser/lab.mjs";

/** The packages that the pages embed. */
const PACKAGES = Object.keys(JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")).dependencies);
const folder = mkdtempSync(path.join(tmpdir(), "pushlab-build-"));
const script = path.join(folder, "build-script");
const rustc = execFileSync("rustc", ["--print", "sysroot"], { encoding: "utf8" }).trim() + "/bin/rustc";

// What compresses for a release build is a crate, and is not what is tried here: a debug build needs none.
before(() => {
  const stub = path.join(folder, "miniz_oxide.rs");
  writeFileSync(stub, "pub mod deflate { pub fn compress_to_vec_zlib(_: &[u8], _: u8) -> Vec<u8> { unreachable!() } }");
  const library = path.join(folder, "libminiz_oxide.rlib");
  execFileSync(rustc, ["--edition=2024", "--crate-type=rlib", "--crate-name=miniz_oxide", "-o", library, stub]);
  execFileSync(rustc, ["--edition=2024", "--crate-name=build", `--extern=miniz_oxide=${library}`, "-o", script, path.join(ROOT, "build.rs")]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A source folder, with these packages, in which the script has run. @param {string} name @param {string[]} packages @param {string} [programs]  PATH */
function built(name, packages, programs = "") {
  const source = path.join(folder, name);
  const out = path.join(folder, `${name}-out`);
  for (const made of [source, out]) mkdirSync(made, { recursive: true });
  for (const file of ["package.json", "package-lock.json", "Cargo.lock"]) copyFileSync(path.join(ROOT, file), path.join(source, file));
  for (const known of packages) cpSync(path.join(ROOT, "node_modules", known), path.join(source, "node_modules", known), { recursive: true });
  const { status, stdout } = spawnSync(script, { cwd: source, encoding: "utf8", env: { PATH: programs, OUT_DIR: out, RUSTC: rustc, PROFILE: "debug" } });
  const [, error] = /^cargo::error=(.*)$/m.exec(stdout) ?? [];
  return { status, error, out };
}

test("where the packages are, neither Node nor npm is needed", () => {
  const { status, error, out } = built("there", PACKAGES);
  assert.equal(error, undefined);
  assert.equal(status, 0);
  assert.ok(existsSync(path.join(out, "vendor/pusher.min.js")));
});

test("where they are not and npm is not either, it says what to run", () => {
  const [first, ...others] = PACKAGES;
  for (const [name, packages] of /** @type {[string, string[]][]} */ ([["none", []], ["one-missing", others], ["only-one", [first]]])) {
    const { error } = built(name, packages);
    assert.match(error ?? "", /npm.* was not found: .*run `npm ci --omit=dev --ignore-scripts`.*copy its node_modules here/, name);
  }
});

test("where npm fails, it says why and what to do", () => {
  const programs = path.join(folder, "programs");
  mkdirSync(programs);
  writeFileSync(path.join(programs, "npm"), "#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n");
  chmodSync(path.join(programs, "npm"), 0o755);
  const { error } = built("offline", [], programs);
  assert.match(error ?? "", /`npm ci` failed \(ENOTFOUND\).*connect and run `npm ci --omit=dev --ignore-scripts`/);
});

test("the command that it names is the one that it runs", () => {
  const text = readFileSync(path.join(ROOT, "build.rs"), "utf8");
  const [, named] = /const NPM_CI: &str = "npm ([^"]+)"/.exec(text) ?? [];
  const [, run] = /Command::new\(npm\)\s*\.args\(\[([^\]]+)\]/.exec(text) ?? [];
  const flags = run.match(/"[^"]+"/g)?.map((flag) => flag.replaceAll('"', "")) ?? [];
  for (const flag of named.split(" ")) assert.ok(flags.includes(flag), flag);
});
