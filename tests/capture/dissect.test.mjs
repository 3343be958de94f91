// What a tap says of its bytes against tshark's own reading of them: the capture file of one tap, with a client on
// every lane, and each request line, status line, header, chunk and frame that the page's parts name.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { startLab } from "../browser/lab.mjs";
import { withSegments } from "./pcapng.mjs";
import { followAll, openTap, PATIENCE_MS, TEXTS } from "./tapped.mjs";
import { hasTshark, read, TSHARK_MISSING } from "./tshark.mjs";

/** @typedef {import("./tapped.mjs").Unit} Unit */

const LANES = [
  "short-poll", "long-poll", "sse", "websocket", "channels", "channels-streaming", "channels-polling",
  "socketio-polling", "socketio-websocket", "actix-ws", "fetch-stream",
];
const PACKETS = /** @type {const} */ ([
  "tcp.stream", "frame.packet_flags_direction", "frame.comment", "frame.interface_id", "frame.interface_name", "frame.time_epoch",
  "ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.nxtseq", "tcp.ack_raw", "tcp.payload",
  "ip.checksum.status", "tcp.checksum.status",
]);
const MESSAGES = /** @type {const} */ ([
  "tcp.stream", "frame.packet_flags_direction",
  "http.request.method", "http.request.uri", "http.request.version", "http.request.line",
  "http.response.version", "http.response.code", "http.response.phrase", "http.response.line", "http.chunk_size", "http.chunk_data",
  "websocket.fin", "websocket.opcode", "websocket.mask", "websocket.payload_length", "websocket.payload_length_ext_16",
  "websocket.payload_length_ext_64", "websocket.masking_key",
]);
const CHECKSUMS = { "ip.check_checksum": "TRUE", "tcp.check_checksum": "TRUE" };
const GOOD = "1";

/** @typedef {Record<typeof MESSAGES[number], string[]>} Message */

/** @type {import("../browser/lab.mjs").Lab} */
let lab;
/** @type {Awaited<ReturnType<typeof followAll>>} */
let followers;
/** @type {Unit[]} in the order of their streams */
let units;
/** @type {Record<typeof PACKETS[number], string[]>[]} */
let packets;
/** @type {Message[]} */
let messages;
/** tshark's number of each connection of the tap. @type {Map<string, string>} */
let streamOf;
/** @type {any} */
let har;
const folder = mkdtempSync(path.join(tmpdir(), "pushlab-dissect-"));
const file = path.join(folder, "capture.pcapng");

describe("a tap's capture and tshark", { skip: hasTshark() ? false : TSHARK_MISSING, timeout: 3 * PATIENCE_MS }, () => {
  before(async () => {
    lab = await startLab([], { log: "dissect" });
    const tap = await openTap(lab);
    followers = await followAll(lab, tap.channel);
    for (const text of TEXTS) await followers.publish(text);
    // What comes after this is in the file and not here.
    units = (await tap.units()).sort((a, b) => a.at - b.at || a.n - b.n);
    const capture = await tap.download("capture.pcapng");
    har = JSON.parse((await tap.download("capture.har")).toString());
    writeFileSync(file, capture);
    packets = read(file, PACKETS, { settings: CHECKSUMS });
    streamOf = new Map(packets.flatMap((packet) => {
      const named = /connection (\d+) of (\S+)$/.exec(packet["frame.comment"].join());
      return named === null ? [] : [[`${named[2]}/${named[1]}`, packet["tcp.stream"][0]]];
    }));
    // tshark says nothing of an answer in chunks before its last one.
    const ended = path.join(folder, "ended.pcapng");
    writeFileSync(ended, withSegments(capture, unended().map(lastChunk)));
    messages = read(ended, MESSAGES, { only: "http or websocket" });
  });
  after(async () => {
    await followers?.close();
    await lab?.stop();
    rmSync(folder, { recursive: true });
  });

  test("every packet is well formed, its checksums are right, and it says what is made up", () => {
    assert.deepEqual(read(file, ["frame.number", "_ws.expert.message"], { only: "_ws.malformed or _ws.expert.severity >= error", settings: CHECKSUMS }), []);
    assert.deepEqual(read(file, ["frame.number"], { only: "tcp.analysis.lost_segment or tcp.analysis.ack_lost_segment or tcp.analysis.out_of_order" }), []);
    for (const packet of packets) {
      assert.deepEqual([packet["ip.checksum.status"], packet["tcp.checksum.status"]], [[GOOD], [GOOD]]);
      assert.match(packet["frame.comment"].join(), /^IP and TCP headers are made up/);
    }
  });

  test("every lane is there", () => {
    assert.deepEqual([...followers.lanes].sort(), [...LANES].sort());
    const captured = new Set(packets.flatMap((packet) => packet["frame.interface_name"]));
    assert.deepEqual(LANES.filter((lane) => !captured.has(lane)), []);
  });

  test("something of every kind is there to be compared", () => {
    const frames = units.filter(({ kind }) => kind === "frame").map(frameOfParts);
    for (const mask of [true, false]) {
      assert.ok(frames.some((frame) => frame.mask === mask && frame.length > 125), `a long frame, mask ${mask}`);
      assert.ok(frames.some((frame) => frame.mask === mask && frame.length <= 125), `a short frame, mask ${mask}`);
    }
    for (const kind of ["request_head", "answer_head", "body", "chunk"]) assert.ok(units.some((unit) => unit.kind === kind && unit.lane !== "main"), kind);
    assert.ok(units.some(({ hidden }) => hidden.length > 0));
    assert.ok(unended().length >= 3, "streams that go on");
  });

  for (const lane of LANES) describe(lane, () => {
    const ofLane = () => units.filter((unit) => unit.lane === lane);
    /** Each connection and direction of this lane. */
    const ways = () => {
      const connections = new Set(ofLane().map(({ connection }) => connection));
      return [...connections].flatMap((connection) => /** @type {const} */ (["up", "down"]).map((direction) => ({
        direction,
        stream: /** @type {string} */ (streamOf.get(`${lane}/${connection}`)),
        units: ofLane().filter((unit) => unit.connection === connection && unit.direction === direction),
      })));
    };
    /** tshark's messages of one way that have this field. @param {{stream: string, direction: string}} way @param {keyof Message} field */
    const dissected = ({ stream, direction }, field) =>
      messages.filter((message) => message["tcp.stream"][0] === stream && directionOf(message) === direction && message[field].length > 0);

    test("the file has the same bytes", () => {
      assert.ok(ofLane().some(({ direction }) => direction === "down"));
      for (const way of ways()) {
        const bytes = streamBytes(way);
        for (const unit of way.units) assert.equal(bytes.subarray(unit.at, unit.at + unit.kept).toString("hex"), unit.hex, `unit ${unit.n}`);
      }
    });

    test("parts cover every byte once", () => {
      for (const unit of ofLane()) {
        let reached = 0;
        for (const { at, len } of unit.parts) {
          assert.equal(at, reached, `unit ${unit.n}`);
          reached += len;
        }
        assert.equal(reached, unit.kept, `unit ${unit.n}`);
      }
    });

    test("tshark names the same requests and headers", () => {
      for (const way of ways().filter(({ direction }) => direction === "up")) {
        const heads = way.units.filter(({ kind }) => kind === "request_head");
        const named = dissected(way, "http.request.method").slice(0, heads.length);
        assert.deepEqual(
          named.map((message) => [message["http.request.method"], message["http.request.uri"], message["http.request.version"]].map(String)),
          heads.map((head) => [part(head, "method"), lineOf(head).split(" ")[1], part(head, "version")]),
        );
        assert.deepEqual(named.map((message) => message["http.request.line"].map(unescaped)), heads.map(headers));
      }
    });

    test("tshark names the same answers and headers", () => {
      for (const way of ways().filter(({ direction }) => direction === "down")) {
        const heads = way.units.filter(({ kind }) => kind === "answer_head");
        const named = dissected(way, "http.response.code").slice(0, heads.length);
        assert.deepEqual(
          named.map((message) => [message["http.response.version"], message["http.response.code"], message["http.response.phrase"]].map(String)),
          heads.map((head) => ["version", "status", "reason in words"].map((what) => part(head, what))),
        );
        assert.deepEqual(named.map((message) => message["http.response.line"].map(unescaped)), heads.map(headers));
      }
    });

    test("tshark names the same chunks", () => {
      for (const way of ways()) {
        const sizes = dissected(way, "http.chunk_size");
        const exchanges = grouped(way.units.filter(({ kind }) => kind === "chunk"), ({ exchange }) => exchange);
        [...exchanges.values()].forEach((chunks, index) => {
          const named = sizes[index];
          assert.deepEqual(named["http.chunk_size"].slice(0, chunks.length).map(Number), chunks.map(chunkSize));
          const data = chunks.filter((chunk) => chunkSize(chunk) > 0).map(chunkData);
          assert.deepEqual(named["http.chunk_data"].slice(0, data.length).map(plainHex), data);
        });
      }
    });

    test("tshark names the same frames", () => {
      for (const way of ways()) {
        const frames = way.units.filter(({ kind }) => kind === "frame");
        const named = dissected(way, "websocket.opcode").slice(0, frames.length);
        assert.deepEqual(named.map(frameOfTshark), frames.map(frameOfParts));
      }
    });

    test("the archive has the same exchanges, with their sizes", () => {
      const connections = grouped(ofLane(), ({ connection }) => connection);
      for (const [connection, all] of connections) {
        const entries = har.log.entries.filter((entry) => entry.connection === `${lane} ${connection}`);
        [...new Set(all.map(({ exchange }) => exchange))].sort((a, b) => a - b).forEach((exchange, index) => {
          const of = (kind) => all.filter((unit) => unit.exchange === exchange && unit.kind === kind);
          const entry = entries[index];
          assert.equal(entry.request.headersSize, of("request_head")[0].size);
          assert.equal(entry.request.method, part(of("request_head")[0], "method"));
          for (const { size } of of("answer_head").slice(-1)) assert.equal(entry.response.headersSize, size);
          const frames = of("frame").sort((a, b) => a.n - b.n).map(({ size }) => size);
          if (frames.length > 0) assert.deepEqual(entry._webSocketMessages.slice(0, frames.length).map(({ _bytes: bytes }) => bytes), frames);
        });
      }
    });
  });
});

/** @template Value @param {Value[]} values @param {(value: Value) => string | number} keyOf */
function grouped(values, keyOf) {
  /** @type {Map<string | number, Value[]>} */
  const groups = new Map();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return groups;
}

/** @param {{"frame.packet_flags_direction": string[]}} packet  as the server sees it: 1 is inbound */
function directionOf(packet) {
  return Number(packet["frame.packet_flags_direction"][0]) === 1 ? "up" : "down";
}

/** What one side sent, from the payloads of its packets. @param {{stream: string, direction: string}} way */
function streamBytes({ stream, direction }) {
  const ofWay = packets.filter((packet) => packet["tcp.stream"][0] === stream && directionOf(packet) === direction);
  const pieces = ofWay.filter((packet) => packet["tcp.payload"].length > 0).map((packet) => ({
    at: Number(packet["tcp.seq_raw"][0]) - 1,
    bytes: Buffer.from(plainHex(packet["tcp.payload"][0]), "hex"),
  }));
  const out = Buffer.alloc(Math.max(0, ...pieces.map(({ at, bytes }) => at + bytes.length)));
  for (const { at, bytes } of pieces) bytes.copy(out, at);
  return out;
}

/** Connections whose last answer is in chunks that go on. @returns {string[]} tshark's numbers */
function unended() {
  const connections = grouped(units.filter(({ direction }) => direction === "down"), ({ lane, connection }) => `${lane}/${connection}`);
  return [...connections].flatMap(([which, all]) => {
    const last = all.at(-1);
    const head = all.findLast(({ kind }) => kind === "answer_head");
    const isChunked = head !== undefined && headers(head).some((line) => /^transfer-encoding: chunked/i.test(line));
    const isEnded = last?.kind === "chunk" && chunkSize(last) === 0;
    return isChunked && !isEnded ? [/** @type {string} */ (streamOf.get(String(which)))] : [];
  });
}

/** What ends such an answer. @param {string} stream */
function lastChunk(stream) {
  const last = packets.findLast((packet) => packet["tcp.stream"][0] === stream && directionOf(packet) === "down");
  assert.ok(last);
  const [seconds, fraction] = last["frame.time_epoch"][0].split(".");
  return {
    interface: Number(last["frame.interface_id"][0]),
    ns: BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0")),
    from: last["ip.src"][0],
    to: last["ip.dst"][0],
    fromPort: Number(last["tcp.srcport"][0]),
    toPort: Number(last["tcp.dstport"][0]),
    sequence: Number(last["tcp.nxtseq"][0]),
    acknowledged: Number(last["tcp.ack_raw"][0]),
    payload: "0\r\n\r\n",
  };
}

/** @param {Unit} unit @param {{at: number, len: number}} part */
function bytesOf(unit, { at, len }) {
  return Buffer.from(unit.hex, "hex").subarray(at, at + len);
}

/** The text of the part with this name; "" without one. @param {Unit} unit @param {string} what */
function part(unit, what) {
  const found = unit.parts.find((each) => each.what === what);
  return found === undefined ? "" : bytesOf(unit, found).toString("latin1");
}

/** @param {Unit} head */
function lineOf(head) {
  return Buffer.from(head.hex, "hex").toString("latin1").split("\r\n")[0];
}

/** @param {Unit} head */
function headers(head) {
  return head.parts.filter(({ what }) => what.startsWith("header ")).map((each) => bytesOf(head, each).toString("latin1").trimEnd());
}

/** A header as it was, from how tshark shows it. @param {string} line */
function unescaped(line) {
  return line.replace(/\\r\\n$/, "").replaceAll('\\"', '"').trimEnd();
}

/** @param {string} digits */
function plainHex(digits) {
  return digits.replaceAll(":", "");
}

/** @param {Unit} chunk */
function chunkSize(chunk) {
  const stated = chunk.parts.find(({ what }) => what.startsWith("chunk size"));
  assert.ok(stated, `unit ${chunk.n} has no chunk size`);
  return parseInt(bytesOf(chunk, stated).toString("latin1"), 16);
}

/** @param {Unit} chunk */
function chunkData(chunk) {
  const [first] = chunk.parts;
  const last = /** @type {{at: number}} */ (chunk.parts.at(-1)); // a chunk has a size and an end
  return bytesOf(chunk, { at: first.len, len: last.at - first.len }).toString("hex");
}

/** @param {Message} message */
function frameOfTshark(message) {
  const extended = [...message["websocket.payload_length_ext_16"], ...message["websocket.payload_length_ext_64"]];
  return {
    fin: message["websocket.fin"][0] === "1",
    opcode: Number(message["websocket.opcode"][0]),
    mask: message["websocket.mask"][0] === "1",
    length: Number(extended[0] ?? message["websocket.payload_length"][0]),
    key: plainHex(message["websocket.masking_key"][0] ?? ""),
  };
}

/** @param {Unit} frame */
function frameOfParts(frame) {
  const [first, second, third] = frame.parts;
  const length = [third, second].map((each) => /(?:^|, )length (\d+)$/.exec(each?.what ?? "")).find((found) => found !== null);
  const key = frame.parts.find(({ what }) => what === "masking key");
  return {
    fin: first.what.startsWith("FIN, "),
    opcode: Number(/opcode (\d+)/.exec(first.what)?.[1]),
    mask: second.what.startsWith("MASK, "),
    length: Number(length?.[1]),
    key: key === undefined ? "" : bytesOf(frame, key).toString("hex"),
  };
}
