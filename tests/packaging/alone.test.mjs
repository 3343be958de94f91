// The built program alone in an empty folder: no source, no Node, no network, nothing in its environment. Where
// namespaces can be made, there is really no network but the loopback and this repository's folder is empty; elsewhere
// it is started in a folder of its own all the same.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { BINARY, ROOT } from "../browser/lab.mjs";
import { alone, noRoom } from "./namespace.mjs";

test("the program needs nothing but itself", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "pushlab-alone-"));
  try {
    const program = path.join(folder, path.basename(BINARY));
    copyFileSync(path.resolve(ROOT, BINARY), program);
    const visitor = path.join(folder, "visit.mjs");
    copyFileSync(path.join(ROOT, "tests/packaging/visit.mjs"), visitor);
    const empty = path.join(folder, "empty");
    mkdirSync(empty);
    const visiting = [process.execPath, visitor, JSON.stringify([program]), empty];
    const reason = noRoom();
    if (reason !== undefined) t.diagnostic(`with the network and the source there: ${reason}`);
    const [command, ...args] = reason === undefined ? alone(visiting, { hidden: [ROOT] }) : visiting;
    // What it prints of itself goes to standard error, which is shown.
    const found = JSON.parse(execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }));
    t.diagnostic(JSON.stringify(found));
    assert.ok(found.files > 100, "scripts and styles of all pages");
    assert.equal(found.read.length, 4);
    assert.equal(found.measured, found.lanes, "every lane");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
