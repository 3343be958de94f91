// packaging/sbom.mjs names what is in the binary, and what is not.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ROOT } from "../browser/lab.mjs";

/** @param {string} target */
const bom = (target) => JSON.parse(execFileSync(process.execPath, [path.join(ROOT, "packaging/sbom.mjs"), target], { encoding: "utf8", maxBuffer: 64 << 20 }));

test("every component has a version, a licence, a checksum, and is one of the lock files'", () => {
  const { bomFormat, specVersion, components, dependencies, serialNumber } = bom("x86_64-unknown-linux-musl");
  assert.deepEqual([bomFormat, specVersion], ["CycloneDX", "1.5"]);
  assert.match(serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const crates = readFileSync(path.join(ROOT, "Cargo.lock"), "utf8");
  const packages = JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8")).packages;
  for (const { name, version, purl, licenses, hashes } of components) {
    const isLocked = purl.startsWith("pkg:cargo/") ? crates.includes(`name = "${name}"\nversion = "${version}"`) : packages[`node_modules/${name}`]?.version === version;
    assert.ok(isLocked, purl);
    assert.match(hashes[0].content, /^[0-9a-f]{64,128}$/, purl);
    assert.match(licenses[0].expression, /^[A-Za-z0-9.() -]+$/, purl);
  }
  const refs = new Set(components.map((component) => component["bom-ref"]));
  for (const { dependsOn } of dependencies) for (const ref of dependsOn) assert.ok(refs.has(ref), ref);
});

test("what is linked is told from what runs at compile time, and from what only tests want", () => {
  const scope = (target) => Object.fromEntries(bom(target).components.map(({ name, scope }) => [name, scope]));
  const linux = scope("x86_64-unknown-linux-musl");
  assert.equal(linux["actix-web"], "required");
  assert.equal(linux["socket.io-client"], "required");
  assert.equal(linux["engine.io-client"], "required", "it is in that one's bundle");
  assert.equal(linux.serde_derive, "excluded");
  for (const absent of ["criterion", "proptest", "eslint", "windows-sys"]) assert.equal(linux[absent], undefined, absent);
  assert.equal(linux.mimalloc, "required");
  const windows = scope("x86_64-pc-windows-gnu");
  assert.equal(windows.mimalloc, undefined, "the system's allocator");
  assert.equal(windows["windows-sys"], "required");
});
