// What a stranger does with the program, in an order that takes all of it: starts it, opens every page and what each is
// made of, publishes and reads on every plain lane, has it measure itself, stops it. Run as a program of its own, so
// that it can be put where there is no network and no source:
//
//   node visit.mjs '["/somewhere/pushlab"]' FOLDER
//
// FOLDER is where it is started, with nothing in its environment. Imports nothing of the repository. Prints what it
// found as JSON; whatever fails is thrown.

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const PAGES = ["/", "/chat", "/dashboard", "/compare", "/recovery", "/conditions", "/experiments", "/claims", "/lessons", "/runs", "/console", "/join", "/healthz", "/metrics", "/api/lab"];
const DEADLINE_MS = 60_000;

/**
 * @param {string[]} command  the program, and what enters it
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} [env]  nothing, but what Windows itself wants
 */
export async function visit(command, folder, env = process.platform === "win32" ? { SystemRoot: process.env.SystemRoot } : {}) {
  const data = path.join(folder, "data");
  const [program, ...before] = command;
  const started = performance.now();
  const child = spawn(program, [...before, "serve", "--port", "0", "--json", "--data-dir", data], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  try {
    const told = JSON.parse(await soon(firstLine(child), "it names its lanes"));
    const startMs = performance.now() - started;
    const main = told.listening[0].url;
    const pages = await eachPage(main);
    const lanes = await eachPlainLane(told.listening);
    const measured = await measure(command, folder, env, main);
    child.kill("SIGTERM");
    const [code, signal] = await soon(ended, "it ends when it is told");
    // Windows knows no SIGTERM: there it is ended at once.
    if (code !== 0 && process.platform !== "win32") throw new Error(`stopped, it ended with ${code ?? signal}`);
    return { start_ms: Math.round(startMs), lanes: told.listening.length - 1, ...pages, ...lanes, ...measured };
  } finally {
    child.kill("SIGKILL");
  }
}

/** Every page, and every script, style and icon that these name, and what those name. @param {string} main */
async function eachPage(main) {
  const seen = new Set(PAGES);
  let bytes = 0;
  // A set that grows is gone through to its end.
  for (const address of seen) {
    const answer = await fetch(main + address, { signal: AbortSignal.timeout(DEADLINE_MS) });
    const text = await answer.text();
    if (answer.status !== 200 || text === "") throw new Error(`${address}: ${answer.status}, ${text.slice(0, 200)}`);
    bytes += text.length;
    const isScript = address.endsWith(".js");
    const named = isScript
      ? [...text.matchAll(/(?:from|import)\s*\(?"(\.{1,2}\/[^"]+\.js)"/g)].map(([, name]) => new URL(name, main + address).pathname)
      : [...text.matchAll(/(?:src|href)="(\/static\/[^"?#]+)"/g)].map(([, name]) => name);
    for (const name of named) seen.add(name);
  }
  const files = [...seen].filter((address) => address.startsWith("/static/")).length;
  for (const library of ["pusher.min.js", "socket.io.esm.min.js", "uPlot.esm.js"]) {
    const { status } = await fetch(`${main}/static/vendor/${library}`);
    if (status !== 200) throw new Error(`${library}: ${status}`);
  }
  return { pages: PAGES.length, files, bytes };
}

/** @param {{lane: string, url: string}[]} listening */
async function eachPlainLane(listening) {
  const url = Object.fromEntries(listening.map(({ lane, url }) => [lane, url]));
  const posted = await fetch(`${url.main}/api/channels/alone/publications`, { method: "POST", body: JSON.stringify({ event: "hello", data: { to: "everyone" } }) });
  const { epoch, offset } = await posted.json();
  const read = [];
  for (const lane of ["short-poll", "long-poll", "sse", "fetch-stream"]) {
    // After nothing: all of it. Streams are read until it is there.
    const answer = await fetch(`${url[lane]}/${lane}/alone?epoch=${epoch}&offset=${offset - 1}`, { signal: AbortSignal.timeout(DEADLINE_MS) });
    const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
    let text = "";
    while (!text.includes('"everyone"')) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`${lane} ended without the publication: ${text}`);
      text += new TextDecoder().decode(value);
    }
    await reader.cancel();
    read.push(lane);
  }
  return { read };
}

/** The program measures what it is beside, and a lab that it starts itself; both as JSON. */
async function measure(command, folder, env, main) {
  const run = async (...more) => {
    const [program, ...before] = command;
    const args = [...before, "run", "--json", "--no-save", "--clients", "2", "--duration", "1s", "--warm-up", "200ms", "--data-dir", path.join(folder, "data"), ...more];
    const child = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part) => (text += part));
    const [code] = await soon(once(child, "close"), "a run ends");
    // 4: the machine was too busy for its figures to be stood behind, and everything else is as it should be.
    if (code !== 0 && code !== 4) throw new Error(`pushlab run ${more.join(" ")} ended with ${code}`);
    return JSON.parse(text).lanes.map(({ lane, measured }) => [lane, measured.delivery_ratio.value]);
  };
  const beside = await run("--target", main, "--lanes", "sse");
  const own = await run("--lanes", "all");
  for (const [lane, delivered] of [...beside, ...own]) {
    if (delivered !== 1) throw new Error(`${lane}: ${delivered} of its publications came`);
  }
  return { measured: own.length };
}

/** @param {import("node:child_process").ChildProcess} child */
async function firstLine(child) {
  const stdout = /** @type {import("node:stream").Readable} */ (child.stdout);
  const line = once(createInterface({ input: stdout }), "line").then(([line]) => String(line));
  const early = once(child, "exit").then(([code, signal]) => {
    throw new Error(`it ended before it listened (${code ?? signal})`);
  });
  return Promise.race([line, early]);
}

/** @template T @param {Promise<T>} what @param {string} named @returns {Promise<T>} */
async function soon(what, named) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${named}: not within ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  return Promise.race([what, late]).finally(() => clearTimeout(timer));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [command, folder] = process.argv.slice(2);
  console.log(JSON.stringify(await visit(JSON.parse(command), folder)));
}
