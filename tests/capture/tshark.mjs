// tshark, as tests use it: whether it is here, and what it reads in a file.

import { spawnSync } from "node:child_process";

export const TSHARK_MISSING = "tshark is not installed: apt-get install --no-install-recommends tshark";

/** Between several values of one field in one packet, and between the fields: nothing that a header has in it. */
const VALUES = "\u001f";
const FIELDS = "\u001e";
const OUTPUT_MAX_BYTES = 1 << 30;

/** Whether it can be run. */
export function hasTshark() {
  return spawnSync("tshark", ["--version"], { stdio: "ignore" }).error === undefined;
}

/** Why it may not record the loopback interface, or undefined. */
export function recordingMissing() {
  if (!hasTshark()) return TSHARK_MISSING;
  const tried = spawnSync("tshark", ["-i", "lo", "-a", "duration:1", "-w", "/dev/null"], { encoding: "utf8" });
  return tried.status === 0 ? undefined : `tshark may not capture on lo (run as root): ${tried.stderr.trim().split("\n").at(-1)}`;
}

/**
 * The packets of a file, each with all values of each field.
 * @template {string} Field
 * @param {string} file
 * @param {readonly Field[]} fields
 * @param {{settings?: Record<string, string>, only?: string}} [options]  settings: its preferences; only: a display filter
 * @returns {Record<Field, string[]>[]}
 */
export function read(file, fields, { settings = {}, only = "" } = {}) {
  const shown = ["-T", "fields", "-E", `separator=${FIELDS}`, "-E", `aggregator=${VALUES}`, "-E", "occurrence=a"];
  const set = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}:${value}`]);
  const filter = only === "" ? [] : ["-Y", only];
  const args = ["-r", file, ...filter, ...set, ...shown, ...fields.flatMap((field) => ["-e", field])];
  const done = spawnSync("tshark", args, { encoding: "utf8", maxBuffer: OUTPUT_MAX_BYTES });
  if (done.status !== 0) throw new Error(`tshark cannot read ${file}: ${done.error ?? done.stderr}`);
  return done.stdout.split("\n").filter(Boolean).map((line) => {
    const values = line.split(FIELDS).map((value) => (value === "" ? [] : value.split(VALUES)));
    return /** @type {Record<Field, string[]>} */ (Object.fromEntries(fields.map((field, index) => [field, values[index] ?? []])));
  });
}
