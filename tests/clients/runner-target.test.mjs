// `pushlab run --target` against servers that are none of ours: the official Socket.IO server for Node, by
// both of its transports, and Channels and Socket.IO of a second pushlab as if it were somebody else's.
// It proves that the instrument is not bound to our server. Counts are asserted, no delay is.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { Server } from "socket.io";
import { AS_PRESENTER, BINARY, portOf, startLab } from "../browser/lab.mjs";

const CLIENTS = 5;
const PLAN = ["--clients", `${CLIENTS}`, "--rate", "20", "--duration", "2s", "--warm-up", "500ms"];
const MEASURED = CLIENTS * 40;
/** A busy machine makes delays invalid (4), which is as good here. */
const CARRIED_OUT = [0, 4];

/** Runs to the end; the result is what is alone on standard output. */
async function run(...flags) {
  const child = spawn(BINARY, ["run", "--json", "--no-save", ...PLAN, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let said = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (said += chunk));
  const [code] = await once(child, "close");
  return { code, said, result: CARRIED_OUT.includes(code) ? JSON.parse(out) : null };
}

/** What every row must show of a server that only its protocol tells of. */
function deliveredWhole({ code, said, result }, lanes) {
  assert.ok(CARRIED_OUT.includes(code), said);
  assert.deepEqual(result.lanes.map(({ lane }) => lane), lanes);
  for (const { lane, measured, remarks } of result.lanes) {
    const value = (figure) => measured[figure]?.value;
    assert.equal(value("n"), MEASURED, lane);
    assert.equal(value("delivery_ratio"), 1, lane);
    for (const none of ["gaps", "duplicates", "order_violations", "failures"]) assert.equal(value(none), 0, `${none} ${lane}`);
    assert.ok(value("bytes_per_publication") > 60, lane);
    // What only a server can tell is absent, not nothing.
    for (const absent of ["drops", "wire_bytes_per_publication", "server_cpu_us_per_delivery", "server_memory_per_client_bytes", "unexplained_bytes"]) {
      assert.equal(measured[absent], undefined, `${absent} ${lane}`);
    }
    assert.match(remarks.join(), /counted at the clients/);
  }
}

describe("an official Socket.IO server", () => {
  const http = createServer();
  before(async () => {
    const io = new Server(http);
    for (const namespace of ["/", "/room"]) {
      io.of(namespace).on("connection", (socket) => {
        socket.on("send-message", (message) => io.of(namespace).emit("new-message", message));
        socket.on("say", (words) => io.of(namespace).emit("said", words));
      });
    }
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
  });
  after(() => {
    http.closeAllConnections();
    http.close();
  });
  const at = (rest) => `socketio://127.0.0.1:${portOf(http)}${rest}`;

  test("is measured by polling and by WebSocket, everything delivered", async () => {
    const measured = await run("--target", at(""));
    deliveredWhole(measured, ["socketio-polling", "socketio-websocket"]);
    const [polling, websocket] = measured.result.lanes;
    // 42["new-message",…] in a frame with a header of two bytes.
    assert.equal(websocket.measured.bytes_per_publication.value, 60 + '42["new-message",]'.length + 2);
    assert.ok(polling.measured.requests_per_publication.value > 0);
  });

  test("in a namespace and by event names of its own", async () => {
    const measured = await run("--target", at("/room?emit=say&on=said"), "--lanes", "socketio-websocket");
    deliveredWhole(measured, ["socketio-websocket"]);
  });

  test("that lacks the namespace is refused with the server's reason", async () => {
    const { code, said } = await run("--target", at("/nowhere"), "--lanes", "socketio-websocket");
    assert.equal(code, 1);
    assert.match(said, /Invalid namespace/);
  });
});

describe("a pushlab as any other server", () => {
  /** @type {import("../browser/lab.mjs").Lab} */
  let lab;
  let app;
  before(async () => {
    lab = await startLab([], { log: "runner-target" });
    app = await (await fetch(`${lab.url}/api/apps/demo/secret`, { headers: AS_PRESENTER })).json();
  });
  after(() => lab?.stop());
  const host = () => new URL(lab.url).host;

  test("Channels by its three transports and the signed HTTP API", async () => {
    const target = `pusher://${app.key}:${app.secret}@${host()}?app=${app.id}`;
    const lanes = ["channels", "channels-streaming", "channels-polling"];
    const measured = await run("--target", target, "--lanes", lanes.join());
    deliveredWhole(measured, lanes);
    assert.ok(!JSON.stringify(measured.result).includes(app.secret), "the secret is in no result");
  });

  test("Channels with a wrong secret is refused with the server's reason", async () => {
    const { code, said } = await run("--target", `pusher://${app.key}:wrong@${host()}?app=${app.id}`);
    assert.equal(code, 1);
    assert.match(said, /401/);
  });

  test("Socket.IO's main namespace", async () => {
    deliveredWhole(await run("--target", `socketio://${host()}`), ["socketio-polling", "socketio-websocket"]);
  });

  test("a lane that the server cannot have is refused before anything starts", async () => {
    const { code, said } = await run("--target", `socketio://${host()}`, "--lanes", "sse");
    assert.equal(code, 2);
    assert.match(said, /lanes is sse/);
  });
});
