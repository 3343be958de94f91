// packaging/Containerfile, followed line by line without a registry: its root is assembled in a folder, and its command
// is run there, as its user, with nothing else in sight and no network. What a builder would refuse is refused here.
//
// The static binary is taken where there is one (packaging/build-static); elsewhere the ordinary one, with the
// libraries that it names beside it, which no image would have.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { BINARY, ROOT } from "../browser/lab.mjs";
import { alone, noRoom } from "./namespace.mjs";

const RECIPE = readFileSync(path.join(ROOT, "packaging/Containerfile"), "utf8");
const STATIC = path.join(ROOT, "target/dist/container/pushlab");
const LANES = (readFileSync(path.join(ROOT, "README.md"), "utf8").match(/^\| `[a-z-]+` \| [^|]+ \| `\//gm) ?? []).length;

/** @returns {[string, string][]} instruction and what follows it */
function instructions() {
  const lines = RECIPE.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n\s*/g, " ").split("\n").filter((line) => line !== "");
  return lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]);
}

/** `a=b "c=d e"` as pairs. @param {string} text */
const pairs = (text) => Object.fromEntries([...text.matchAll(/([\w.]+)=("[^"]*"|\S+)/g)].map(([, name, value]) => [name, value.replaceAll('"', "")]));

test("every lane's port is exposed", () => {
  assert.ok(LANES > 10, "the README's table of lanes is found");
  const [, exposed] = instructions().find(([name]) => name === "EXPOSE") ?? [];
  assert.equal(exposed, `8080-${8080 + LANES}`);
});

test("the recipe's root is assembled, and its command runs in it", (t) => {
  const reason = noRoom() ?? (process.getuid?.() === 0 ? undefined : "files of another user take root");
  if (reason !== undefined) return t.skip(reason);
  const folder = mkdtempSync(path.join(tmpdir(), "pushlab-container-"));
  try {
    const context = path.join(folder, "context");
    mkdirSync(path.join(context, "data"), { recursive: true });
    const program = existsSync(STATIC) ? STATIC : path.resolve(ROOT, BINARY);
    copyFileSync(program, path.join(context, "pushlab"));
    const root = path.join(folder, "root");
    mkdirSync(root);
    const image = assemble(context, root);
    assert.deepEqual(readdirSync(root).sort(), ["data", "pushlab"], "nothing else is in it");
    assert.equal(image.STOPSIGNAL, "SIGTERM");
    assert.deepEqual([...image.entrypoint, ...image.cmd], ["/pushlab", "serve"]);
    // What a runtime brings (OCI runtime specification, "Default Filesystems" and "Default Devices"), of which this
    // program wants two: /proc, where it finds itself, and /dev/null.
    mkdirSync(path.join(root, "proc"));
    mkdirSync(path.join(root, "dev"));
    execFileSync("mknod", ["-m", "666", path.join(root, "dev/null"), "c", "1", "3"]);
    const libraries = bringLibraries(path.join(root, "pushlab"), root);
    t.diagnostic(libraries.length === 0 ? "static: needs nothing" : `not static: beside it ${libraries.join(", ")}`);
    const visitor = path.join(folder, "inside.mjs");
    copyFileSync(path.join(ROOT, "tests/packaging/inside.mjs"), visitor);
    copyFileSync(path.join(ROOT, "tests/packaging/visit.mjs"), path.join(folder, "visit.mjs"));
    // The visitor stands outside of the root and in its network.
    const visiting = [process.execPath, visitor, root, image.user, JSON.stringify(image.env), JSON.stringify(image.entrypoint)];
    const [command, ...args] = alone(visiting);
    const found = JSON.parse(execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }));
    t.diagnostic(JSON.stringify(found));
    assert.equal(found.lanes, LANES);
    assert.equal(found.measured, LANES, "it starts itself as well");
    const kept = readdirSync(path.join(root, "data"));
    assert.ok(kept.includes("demo-app.json"), `its data folder is its user's: ${kept}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Does what a builder does. @param {string} context @param {string} root */
function assemble(context, root) {
  const image = { env: {}, user: "0:0", entrypoint: [], cmd: [], STOPSIGNAL: "" };
  for (const [name, rest] of instructions()) {
    switch (name) {
      case "FROM":
        assert.equal(rest, "scratch");
        break;
      case "COPY": {
        const [, owner, from, to] = /^(?:--chown=(\d+:\d+) )?(\S+) (\/\S+)$/.exec(rest) ?? assert.fail(`not understood: COPY ${rest}`);
        const target = path.join(root, to);
        cpSync(path.join(context, from), target, { recursive: true });
        if (owner !== undefined) {
          const [user, group] = owner.split(":").map(Number);
          chownSync(target, user, group);
        }
        break;
      }
      case "ENV":
        Object.assign(image.env, pairs(rest));
        break;
      case "USER":
        image.user = rest;
        break;
      case "ENTRYPOINT":
        image.entrypoint = JSON.parse(rest);
        break;
      case "CMD":
        image.cmd = JSON.parse(rest);
        break;
      case "STOPSIGNAL":
        image.STOPSIGNAL = rest;
        break;
      case "LABEL":
      case "VOLUME":
      case "EXPOSE":
        break;
      default:
        assert.fail(`no builder knows ${name}`);
    }
  }
  return image;
}

/** What `ldd` says that a program wants. @param {string} program @param {string} root @returns {string[]} */
function bringLibraries(program, root) {
  const { stdout } = spawnSync("ldd", [program], { encoding: "utf8" });
  const wanted = [...stdout.matchAll(/(\/\S+\.so\S*) \(0x/g)].map(([, file]) => file);
  for (const file of wanted) {
    const to = path.join(root, file);
    mkdirSync(path.dirname(to), { recursive: true });
    copyFileSync(file, to);
    chmodSync(to, 0o755);
  }
  return wanted;
}
