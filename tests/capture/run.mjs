// Every lane's own byte counts against a capture of the same run: `npm test -- capture`.
//
// A lab listens, tshark records the loopback interface, `pushlab run --target` drives every lane, and then
// the TCP payload on each lane's port, without what TCP sent twice, must be what the lane says that it read
// and wrote, to the byte. One row per lane: a port has no other user.
//
// Needs tshark (Debian: tshark) and the right to capture on `lo`; that is why it runs only when named.
// Not here: bytes by layer (tests/run/runner.rs has those), headers of TCP and IP.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BINARY, startLab } from "../browser/lab.mjs";
import { recordingMissing } from "./tshark.mjs";

const SETTLED_AFTER_MS = 200;
const SETTLE_DEADLINE_MS = 10_000;
const CAPTURE_STARTS_MS = 15_000;
const CAPTURE_LOOK_MS = 50;

/** Starts recording these ports and that of `probed`; resolves when a request there has been seen. */
export async function record(ports, probed, file) {
  const all = [...ports, Number(new URL(probed).port)];
  const filter = `tcp and (${all.map((port) => `port ${port}`).join(" or ")})`;
  const child = spawn("tshark", ["-i", "lo", "-B", "64", "-f", filter, "-w", file], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  /** @type {Promise<void>} */
  const ready = new Promise((resolve, reject) => {
    child.stderr.on("data", (chunk) => {
      said += chunk;
      if (/Capturing on/.test(said)) resolve();
    });
    child.once("close", () => reject(new Error(`tshark ended at once: ${said}`)));
    setTimeout(() => reject(new Error(`tshark does not begin: ${said}`)), CAPTURE_STARTS_MS).unref();
  });
  await ready;
  // It says so before it does: what is sent until then is in no file.
  const size = () => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const deadline = Date.now() + CAPTURE_STARTS_MS;
  for (let before = size(); size() <= before || before === 0; before ||= size()) {
    if (Date.now() > deadline) throw new Error(`tshark records nothing: ${said}`);
    await (await fetch(`${probed}/healthz`)).text();
    await pause(CAPTURE_LOOK_MS);
  }
  return {
    async stop() {
      const closed = once(child, "close");
      child.kill("SIGINT");
      await closed;
      const dropped = /(\d+) packets? dropped/.exec(said);
      if (dropped && dropped[1] !== "0") throw new Error(`the capture is not whole: ${dropped[0]}`);
    },
  };
}

/** TCP payload bytes by server port: up and down. */
function payloads(file, ports) {
  const fields = ["tcp.srcport", "tcp.dstport", "tcp.len"].flatMap((field) => ["-e", field]);
  const only = "tcp.len > 0 && !tcp.analysis.retransmission && !tcp.analysis.keep_alive";
  const read = spawnSync("tshark", ["-r", file, "-Y", only, "-T", "fields", ...fields], { encoding: "utf8", maxBuffer: 1 << 30 });
  if (read.status !== 0) throw new Error(`the capture cannot be read: ${read.stderr}`);
  const sums = new Map(ports.map((port) => [port, { up: 0, down: 0 }]));
  for (const line of read.stdout.split("\n").filter(Boolean)) {
    const [from, to, bytes] = line.split("\t").map(Number);
    if (sums.has(to)) sums.get(to).up += bytes;
    else if (sums.has(from)) sums.get(from).down += bytes;
  }
  return sums;
}

/** Waits until the lab counts nothing more. */
export async function settled(lab) {
  const counted = async () => {
    const { series } = await (await fetch(`${lab.url}/api/stats`)).json();
    return series.reduce((sum, { up, down }) => sum + up.total + down.total, 0);
  };
  const deadline = Date.now() + SETTLE_DEADLINE_MS;
  for (let before = -1, now = await counted(); before !== now && Date.now() < deadline; now = await counted()) {
    before = now;
    await pause(SETTLED_AFTER_MS);
  }
}

async function main() {
  const missing = recordingMissing();
  if (missing) {
    console.log(`capture: skipped: ${missing}`);
    return;
  }
  const folder = mkdtempSync(path.join(tmpdir(), "pushlab-capture-"));
  const lab = await startLab([], { log: "capture" });
  try {
    const lanes = Object.entries(lab.lanes).filter(([lane]) => lane !== "main");
    const portOf = Object.fromEntries(lanes.map(([lane, url]) => [lane, Number(new URL(url).port)]));
    const ports = Object.values(portOf);
    const file = path.join(folder, "run.pcapng");
    const recording = await record(ports, lab.url, file);
    const plan = ["--clients", "20", "--rate", "10", "--duration", "5s", "--poll-interval", "200ms"];
    const child = spawn(BINARY, ["run", "--json", "--no-save", "--target", lab.url, ...plan], { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (chunk) => (out += chunk));
    const [code] = await once(child, "close");
    if (![0, 4].includes(code)) throw new Error(`pushlab run ended with ${code}`);
    await settled(lab);
    await recording.stop();
    const captured = payloads(file, ports);
    // Not the run's own figures: of a pass that came too late and was done again it gives the second alone.
    const { series } = await (await fetch(`${lab.url}/api/stats`)).json();
    const counted = (lane, direction) => series.filter((each) => each.lane === lane).reduce((sum, each) => sum + each[direction].total, 0);
    let failed = 0;
    console.log("lane                     read by lane    captured  written by lane    captured");
    for (const { lane } of JSON.parse(out).lanes) {
      const [up, down] = [counted(lane, "up"), counted(lane, "down")];
      const seen = captured.get(portOf[lane]);
      const equal = up === seen.up && down === seen.down;
      failed += equal ? 0 : 1;
      console.log(
        `${lane.padEnd(24)} ${String(up).padStart(12)} ${String(seen.up).padStart(11)} ${String(down).padStart(16)} ${String(seen.down).padStart(11)}  ${equal ? "equal" : "DIFFERENT"}`,
      );
    }
    console.log(`capture: ${lanes.length - failed} passed, ${failed} failed`);
    process.exitCode = failed ? 1 : 0;
  } finally {
    await lab.stop();
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
