// A tap's bytes against a recording of the loopback interface at the same time: the same connections, byte for byte,
// but for what is hidden. Needs the right to record: `npm test -- capture`.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { startLab } from "../browser/lab.mjs";
import { record, settled } from "./run.mjs";
import { EVENT, followAll, openTap, PATIENCE_MS, TEXTS } from "./tapped.mjs";
import { read, recordingMissing } from "./tshark.mjs";

const FIELDS = /** @type {const} */ (["tcp.srcport", "tcp.dstport", "tcp.flags.syn", "tcp.seq_raw", "tcp.payload"]);

/** @typedef {{up: Buffer, down: Buffer}} Recorded */

/** @type {import("../browser/lab.mjs").Lab} */
let lab;
/** @type {import("./tapped.mjs").Unit[]} */
let units;
/** By the lane's port. @type {Map<number, Recorded[]>} */
let recorded;
/** Each unit with its bytes in the recording. @type {{unit: import("./tapped.mjs").Unit, bytes: Buffer}[]} */
const pairs = [];
const folder = mkdtempSync(path.join(tmpdir(), "pushlab-recorded-"));
const missing = recordingMissing();

describe("a tap and a recording", { skip: missing ?? false, timeout: 3 * PATIENCE_MS }, () => {
  before(async () => {
    lab = await startLab([], { log: "recorded" });
    const ports = Object.values(lab.lanes).map(portOf);
    const file = path.join(folder, "lo.pcapng");
    const recording = await record(ports, lab.url, file);
    const tap = await openTap(lab);
    const followers = await followAll(lab, tap.channel);
    for (const text of TEXTS) await followers.publish(text);
    await followers.close();
    await settled(lab);
    units = (await tap.units()).filter(({ lane }) => lane !== "main");
    await recording.stop();
    recorded = connections(file, ports);
  });
  after(async () => {
    await lab?.stop();
    rmSync(folder, { recursive: true });
  });

  test("every lane's connections are the same in both, byte for byte", () => {
    for (const [lane, url] of Object.entries(lab.lanes).filter(([name]) => name !== "main")) {
      const left = [...(recorded.get(portOf(url)) ?? [])];
      const numbers = [...new Set(units.filter((unit) => unit.lane === lane).map(({ connection }) => connection))];
      assert.ok(numbers.length > 0, `${lane} is not in the tap`);
      for (const number of numbers) {
        const tapped = units.filter((unit) => unit.lane === lane && unit.connection === number);
        const found = left.findIndex((each) => areSame(tapped, each));
        assert.ok(found >= 0, `connection ${number} of ${lane} is in the recording: ${tapped.length} units`);
        const [same] = left.splice(found, 1);
        for (const unit of tapped) pairs.push({ unit, bytes: same[unit.direction].subarray(unit.at, unit.at + unit.kept) });
      }
      // What a session of Channels asks before it has subscribed is on no channel, and in no tap.
      const early = (/** @type {Recorded} */ { down }) => lane.startsWith("channels-") && !down.includes(EVENT);
      assert.deepEqual(left.filter((each) => !early(each)).map(({ up }) => up.toString("latin1").split("\r\n")[0]), [], `connections of ${lane} that are not in the tap`);
    }
  });

  test("what is hidden is x, and something else in the recording", () => {
    const secrets = pairs.flatMap(({ unit, bytes }) => unit.hidden.map(({ at, len }) => [Buffer.from(unit.hex, "hex"), bytes].map((from) => from.subarray(at, at + len).toString("hex"))));
    assert.ok(secrets.length > 0, "the identifier of a session, for one");
    for (const [kept, was] of secrets) assert.notEqual(kept, was);
  });
});

/** @param {string} url */
function portOf(url) {
  return Number(new URL(url).port);
}

/** What each connection carried that carried anything, without what TCP sent twice. @param {string} file @param {number[]} ports */
function connections(file, ports) {
  /** @type {Map<string, {port: number, up: Side, down: Side}>} */
  const all = new Map();
  for (const packet of read(file, FIELDS, { only: "tcp" })) {
    const [from, to] = [packet["tcp.srcport"], packet["tcp.dstport"]].map(Number);
    const direction = ports.includes(to) ? "up" : "down";
    const [client, port] = direction === "up" ? [from, to] : [to, from];
    const key = `${client} ${port}`;
    const connection = all.get(key) ?? { port, up: new Side(), down: new Side() };
    all.set(key, connection);
    connection[direction].take(packet);
  }
  /** @type {Map<number, Recorded[]>} */
  const byPort = new Map(ports.map((port) => [port, []]));
  for (const { port, up, down } of all.values()) {
    const [sent, received] = [up.bytes(), down.bytes()];
    // Node's fetch opens one in advance, now and then.
    if (sent.length + received.length > 0) byPort.get(port)?.push({ up: sent, down: received });
  }
  return byPort;
}

/** One direction of a connection. */
class Side {
  #first = 0;
  /** @type {Map<number, Buffer>} by its place in the stream */
  #pieces = new Map();

  /** @param {Record<typeof FIELDS[number], string[]>} packet */
  take(packet) {
    const sequence = Number(packet["tcp.seq_raw"][0]);
    if (packet["tcp.flags.syn"][0] === "1") this.#first = sequence + 1;
    const [payload] = packet["tcp.payload"];
    if (payload !== undefined) this.#pieces.set((sequence - this.#first) >>> 0, Buffer.from(payload.replaceAll(":", ""), "hex"));
  }

  bytes() {
    const ends = [...this.#pieces].map(([at, bytes]) => at + bytes.length);
    const out = Buffer.alloc(Math.max(0, ...ends));
    for (const [at, bytes] of this.#pieces) bytes.copy(out, at);
    return out;
  }
}

/** Whether these units are all that the connection carried. @param {import("./tapped.mjs").Unit[]} tapped @param {Recorded} connection */
function areSame(tapped, connection) {
  return /** @type {const} */ (["up", "down"]).every((direction) => {
    const bytes = connection[direction];
    const ofDirection = tapped.filter((unit) => unit.direction === direction).sort((a, b) => a.at - b.at);
    let reached = 0;
    for (const { at, size, kept, hex, hidden } of ofDirection) {
      if (at !== reached) return false;
      reached += size;
      const tappedBytes = Buffer.from(hex, "hex");
      const recordedBytes = Buffer.from(bytes.subarray(at, at + kept));
      for (const { at: from, len } of hidden) recordedBytes.set(tappedBytes.subarray(from, from + len), from);
      if (!tappedBytes.equals(recordedBytes)) return false;
    }
    return reached === bytes.length;
  });
}
