// A recipe of CONTRIBUTING.md as data, and a toy put into a copy of the tree by it.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Everything that this makes. */
export const WORK = path.join(ROOT, "target/toys");
/** The copy that toys are added to. */
export const TREE = path.join(WORK, "tree");

/**
 * A line of registration. What it is put beside, or what it replaces, stands in the file exactly once.
 * @typedef {{file: string} & ({after: string, insert: string} | {before: string, insert: string} | {instead: [string, string]})} Edit
 */

/**
 * @typedef {object} Toy
 * @property {string} recipe  the heading in CONTRIBUTING.md
 * @property {string[]} names  what NAME stands for: in paths any of them, in commands the last
 * @property {{to: string, from: string, changed: [string, string][]}[]} [copied]  new files that are a sibling's, but for a few words
 * @property {Edit[]} edits
 * @property {string[]} [without]  lines of the list that it does not need; each must say "if" or "with that"
 * @property {Record<string, string>} [narrowed]  commands of the recipe that are run in a shorter form
 * @property {string[]} [further]  commands that show more than the recipe's do
 * @property {RegExp} shows  what the commands print of it
 */

/** The part of CONTRIBUTING.md below a heading. @param {string} text @param {string} heading */
function section(text, heading) {
  const [, rest] = text.split(`\n## ${heading}\n`);
  if (rest === undefined) throw new Error(`CONTRIBUTING.md has no "${heading}"`);
  return rest.split("\n## ")[0] ?? "";
}

/** Its table: which file gets what. @param {string} text @param {string} heading */
export function listOf(text, heading) {
  return [...section(text, heading).matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)].map(([, file = "", what = ""]) => ({ file, what }));
}

/** Its commands, one by one, about the toy. @param {string} text @param {Toy} toy @returns {string[]} */
export function commandsOf(text, { recipe, names, narrowed = {}, further = [] }) {
  const [, block] = /```sh\n([^]*?)```/.exec(section(text, recipe)) ?? [];
  if (block === undefined) throw new Error(`"${recipe}" has no commands`);
  const commands = block.split("\n").flatMap((line) => line.replace(/\s+#.*/, "").split(" && ")).filter((command) => command !== "");
  for (const command of Object.keys(narrowed)) {
    if (!commands.includes(command)) throw new Error(`"${recipe}" has no command "${command}"; it has\n${commands.join("\n")}`);
  }
  const name = names.at(-1) ?? "";
  return [...commands.map((command) => narrowed[command] ?? command), ...further].map((command) => command.replaceAll("NAME", name));
}

/**
 * How a toy and its recipe's list differ.
 * @param {Toy} toy
 * @param {{file: string, what: string}[]} list
 * @param {Set<string>} touched  the toy's files
 */
export function mismatch({ recipe, names, without = [] }, list, touched) {
  const unlisted = new Set(touched);
  const faults = [];
  for (const { file, what } of list) {
    const meant = names.map((name) => file.replace("NN-NAME", "NAME").replace("NAME", name));
    const found = meant.filter((path) => touched.has(path));
    for (const path of found) unlisted.delete(path);
    const isSpared = without.includes(file);
    if (isSpared && !/\bif\b|\bwith that\b/.test(what)) faults.push(`${file}: the toy does without it, and the list does not say when one may`);
    if (isSpared && found.length > 0) faults.push(`${file}: the toy is said to do without it, and has it`);
    if (!isSpared && found.length === 0) faults.push(`${file}: is listed, and the toy has nothing there`);
  }
  for (const file of without) if (!list.some((line) => line.file === file)) faults.push(`${file}: the toy does without it, and it is not listed`);
  for (const file of unlisted) faults.push(`${file}: the toy needs it, and it is not listed`);
  return faults.length === 0 ? undefined : `"${recipe}" of CONTRIBUTING.md and the toy differ:\n${faults.map((fault) => `  ${fault}`).join("\n")}`;
}

/** Makes the copy equal to this tree; what is equal keeps its time, so that cargo builds little anew. */
export function sync() {
  const listed = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT, encoding: "utf8", maxBuffer: 64 << 20 });
  if (listed.status !== 0) throw new Error(`the files of this tree cannot be listed by git: ${listed.stderr}`);
  // Without the toys, and without the test of them: in the copy one of them is there already.
  const isOfToys = (/** @type {string} */ file) => file.startsWith("tests/toys/") || file === "tests/modules/toys.test.mjs";
  const files = new Set(listed.stdout.split("\0").filter((file) => file !== "" && !isOfToys(file) && existsSync(path.join(ROOT, file))));
  for (const file of below(TREE)) if (!files.has(file)) rmSync(path.join(TREE, file));
  for (const file of files) put(file, readFileSync(path.join(ROOT, file)));
  const packages = path.join(TREE, "node_modules");
  if (!existsSync(packages)) symlinkSync(path.join(ROOT, "node_modules"), packages);
}

/**
 * The files of a toy, whole: its new ones, and those that it is registered in.
 * @param {Toy} toy
 * @param {string} folder  its new files, by their places
 * @param {(file: string) => string} read  a file as it is without it
 * @returns {Map<string, string>}
 */
export function filesOf({ copied = [], edits }, folder, read) {
  /** @type {Map<string, string>} */
  const files = new Map(below(folder).map((file) => [file, readFileSync(path.join(folder, file), "utf8")]));
  for (const { to, from, changed } of copied) files.set(to, changed.reduce((text, [one, other]) => once(text, one, other, from), read(from)));
  for (const edit of edits) {
    const text = files.get(edit.file) ?? read(edit.file);
    if ("instead" in edit) files.set(edit.file, once(text, ...edit.instead, edit.file));
    else if ("after" in edit) files.set(edit.file, once(text, `${edit.after}\n`, `${edit.after}\n${edit.insert}\n`, edit.file));
    else files.set(edit.file, once(text, edit.before, `${edit.insert}\n${edit.before}`, edit.file));
  }
  return files;
}

/** Adds a toy to the copy. @param {Toy} toy @param {string} folder @returns {Set<string>} what it touched */
export function apply(toy, folder) {
  const files = filesOf(toy, folder, (file) => readFileSync(path.join(TREE, file), "utf8"));
  const registered = new Set(toy.edits.map(({ file }) => file));
  for (const [file, text] of files) {
    if (!registered.has(file) && existsSync(path.join(TREE, file))) throw new Error(`${file} is there already: the toy is to be called otherwise`);
    put(file, text);
  }
  return new Set(files.keys());
}

/** @param {string} text @param {string} one @param {string} other @param {string} file */
function once(text, one, other, file) {
  const parts = text.split(one);
  if (parts.length !== 2) throw new Error(`${file} is to have this once, and has it ${parts.length - 1} times:\n${one}\n`
    + "A toy is put beside it, or in place of it: give that edit, in toy.mjs of tests/toys/, a line that is there now. Nothing is wrong with what you added.");
  return parts.join(other);
}

/** @param {string} file  in the copy @param {Buffer | string} content */
function put(file, content) {
  const at = path.join(TREE, file);
  if (existsSync(at) && readFileSync(at).equals(Buffer.from(content))) return;
  mkdirSync(path.dirname(at), { recursive: true });
  writeFileSync(at, content);
}

/** Files below a folder, packages left out. @param {string} folder @returns {string[]} */
function below(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
  return files.map((file) => file.replaceAll("\\", "/")).filter((file) => !file.startsWith("node_modules/") && !file.startsWith("target/"));
}
