#!/usr/bin/env node
// What the binary is made of, as a software bill of materials: CycloneDX 1.5, JSON, on standard output.
//
//   packaging/sbom.mjs x86_64-unknown-linux-musl > pushlab.cdx.json
//
// From what built it: `cargo metadata` for the crates (those of this target, without what only tests and
// build scripts want; with what macros need, which is marked), package-lock.json for the packages that
// pages embed. cargo-cyclonedx would do the first half and none of the second.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const [target] = process.argv.slice(2);
if (target === undefined || target.startsWith("-")) {
  console.error("for which target? As in: packaging/sbom.mjs x86_64-unknown-linux-musl");
  process.exit(2);
}
const metadata = JSON.parse(execFileSync("cargo", ["metadata", "--format-version", "1", "--locked", "--features", "packaging", "--filter-platform", target], {
  cwd: ROOT, encoding: "utf8", maxBuffer: 64 << 20, stdio: ["ignore", "pipe", "inherit"],
}));
const packages = new Map(metadata.packages.map((one) => [one.id, one]));
const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
const root = metadata.resolve.root;

/** Dependencies of a crate that go into the binary, or run while it is compiled as a macro. */
const wanted = (id) => nodes.get(id).deps.filter(({ dep_kinds }) => dep_kinds.some(({ kind }) => kind === null)).map(({ pkg }) => pkg);
const isMacro = (id) => packages.get(id).targets.some(({ kind }) => kind.includes("proc-macro"));

/** @type {Map<string, boolean>} crates by id; whether they are compiled into the binary */
const used = new Map();
function walk(id, isInBinary) {
  if (used.get(id) || (used.has(id) && !isInBinary)) return;
  used.set(id, isInBinary);
  for (const dependency of wanted(id)) walk(dependency, isInBinary && !isMacro(dependency));
}
walk(root, true);
used.delete(root);

const purl = ({ name, version }) => `pkg:cargo/${name}@${version}`;
const checksums = new Map([...readFileSync(path.join(ROOT, "Cargo.lock"), "utf8").matchAll(/name = "([^"]+)"\nversion = "([^"]+)"\nsource = [^\n]+\nchecksum = "([0-9a-f]+)"/g)]
  .map(([, name, version, checksum]) => [`pkg:cargo/${name}@${version}`, checksum]));

const crates = [...used].map(([id, isInBinary]) => {
  const one = packages.get(id);
  return {
    type: "library",
    "bom-ref": purl(one),
    name: one.name,
    version: one.version,
    scope: isInBinary ? "required" : "excluded",
    hashes: [{ alg: "SHA-256", content: checksums.get(purl(one)) }],
    // Old manifests divide by "/" what SPDX joins by OR.
    licenses: [{ expression: one.license.replaceAll(/\s*\/\s*/g, " OR ") }],
    purl: purl(one),
  };
});

const lock = JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8")).packages;
// What the three packages want stands in their bundles, but for what they want in Node alone, or in another bundle.
const NOT_BUNDLED = ["debug", "ms", "tweetnacl", "ws", "xmlhttprequest-ssl"];
const bundled = Object.keys(lock).filter((place) => place !== "" && !lock[place].dev && !NOT_BUNDLED.some((name) => place.endsWith(`/${name}`)));
const embedded = bundled.map((place) => {
  const name = place.replace(/^.*node_modules\//, "");
  const { version, license, integrity } = lock[place];
  const ref = `pkg:npm/${name}@${version}`;
  const content = Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
  return { type: "library", "bom-ref": ref, name, version, scope: "required", hashes: [{ alg: "SHA-512", content }], licenses: [{ expression: license }], purl: ref };
});

const own = packages.get(root);
const components = [...crates, ...embedded].sort((one, other) => (one.purl < other.purl ? -1 : 1));
const bom = {
  bomFormat: "CycloneDX",
  specVersion: "1.5",
  version: 1,
  metadata: {
    component: { type: "application", "bom-ref": purl(own), name: own.name, version: own.version, licenses: [{ expression: own.license }], purl: purl(own) },
    properties: [{ name: "target", value: target }],
  },
  components,
  dependencies: [root, ...used.keys()].map((id) => ({
    ref: purl(packages.get(id)),
    dependsOn: [...new Set(wanted(id).map((dependency) => purl(packages.get(dependency))))].concat(id === root ? embedded.map(({ purl }) => purl) : []).sort(),
  })),
};
// The same tree gives the same file, and the same name for it (UUID version 8, of its content).
const digest = createHash("sha256").update(JSON.stringify(bom)).digest("hex");
const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
console.log(JSON.stringify({ ...bom, serialNumber: `urn:uuid:${uuid}` }, null, 2));
