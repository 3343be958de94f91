// socket.io-client from npm, unmodified, under Node.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { startLab } from "../browser/lab.mjs";
import { startNetwork } from "../browser/network.mjs";
import { inbox } from "./inbox.mjs";
import { all, connected, next, openSocket, WAYS } from "./socketio-ways.mjs";

/** @type {import("../browser/lab.mjs").Lab} */
let lab;
/** @type {import("../browser/lab.mjs").Lab} with connection state recovery */
let recovering;
/** @type {import("socket.io-client").Socket[]} */
let sockets = [];
before(async () => {
  lab = await startLab(["--echo"], { log: "socketio-client" });
  recovering = await startLab(["--echo", "--socketio-recovery", "2m"], { log: "socketio-recovery" });
});
afterEach(() => {
  for (const socket of sockets) socket.disconnect();
  sockets = [];
});
after(async () => {
  await lab?.stop();
  await recovering?.stop();
});

for (const [way, { transports, lane, endsOn }] of Object.entries(WAYS)) {
  describe(`socket.io-client, ${way}`, () => {
    const open = (options = {}, url = lab.lanes[lane]) => {
      const socket = openSocket(url, { transports, ...options });
      sockets.push(socket);
      return socket;
    };
    const connect = (options, url) => connected(open(options, url), endsOn);

    test("connects with its auth, on this transport", async () => {
      const socket = open({ auth: { token: "grüße", list: [1] } });
      const auth = next(socket, "auth");
      await connected(socket, endsOn);
      assert.deepEqual(await auth, [{ token: "grüße", list: [1] }]);
      assert.equal(socket.io.engine.transport.name, endsOn);
      assert.notEqual(socket.id, socket.io.engine.id, "the session's id is a secret");
    });

    test("is refused with the reason's data, and let in when it asks otherwise", async () => {
      const socket = open({ auth: { refuse: "not today" } });
      const [error] = await next(socket, "connect_error");
      assert.equal(error.message, "refused as asked");
      assert.deepEqual(error.data, { why: "not today" });
      assert.equal(socket.connected, false);
      socket.auth = {};
      socket.connect();
      await connected(socket, endsOn);
    });

    test("events in both directions, in order, whatever they hold", async () => {
      const socket = await connect();
      const echoes = all(socket, "echo");
      const sent = [[], [null], [1, "two", [3], { four: 4.5 }], ["\u{1f600} \"\\\u2028"], [{ deep: [{ er: true }] }]];
      for (const args of sent) socket.emit("echo", ...args);
      for (let n = 0; n < 50; n += 1) socket.emit("echo", n);
      assert.deepEqual(await echoes.until(55), [...sent, ...Array.from({ length: 50 }, (_, n) => [n])]);
    });

    test("acknowledgements both ways", async () => {
      const socket = await connect();
      const got = inbox("acknowledgement");
      socket.emit("echo", "a", { b: 1 }, (...answer) => got.push(answer));
      assert.deepEqual(await got.first(), ["a", { b: 1 }]);
      assert.equal(await socket.timeout(10_000).emitWithAck("echo", "within time"), "within time");

      socket.on("question", (what, answer) => answer({ asked: what }, 42));
      const answer = next(socket, "answer");
      socket.emit("ask", "why?");
      assert.deepEqual(await answer, [{ asked: "why?" }, 42]);
    });

    test("binary both ways, in events and acknowledgements, anywhere inside", async () => {
      const socket = await connect();
      const bytes = (length, seed) => Buffer.from(Array.from({ length }, (_, n) => (n * 7 + seed) % 256));
      const echo = next(socket, "echo");
      socket.emit("echo", bytes(10, 1), { inside: [bytes(0, 2), "text", bytes(70_000, 3)] }, 5);
      assert.deepEqual(await echo, [bytes(10, 1), { inside: [bytes(0, 2), "text", bytes(70_000, 3)] }, 5]);
      assert.deepEqual(await socket.emitWithAck("echo", { pixels: bytes(300, 4) }), { pixels: bytes(300, 4) });

      socket.on("question", (what, answer) => answer(Buffer.concat([what, what])));
      const answer = next(socket, "answer");
      socket.emit("ask", bytes(3, 5));
      assert.deepEqual(await answer, [Buffer.concat([bytes(3, 5), bytes(3, 5)])]);
    });

    test("rooms: the others in it hear, nobody else, until they leave", async () => {
      const [ann, bob, eve] = await Promise.all([connect(), connect(), connect()]);
      const heard = [ann, bob, eve].map((socket) => all(socket, "said"));
      for (const socket of [ann, bob]) await socket.emitWithAck("join", `kitchen ${way}`);
      ann.emit("say", `kitchen ${way}`, "hello");
      assert.deepEqual(await heard[1].first(), [`kitchen ${way}`, "hello"]);
      await bob.emitWithAck("leave", `kitchen ${way}`);
      ann.emit("say", `kitchen ${way}`, "still there?");
      ann.emit("say-all", "to everybody");
      for (const box of heard) await box.until((said) => said.some(([what]) => what === "to everybody"));
      assert.deepEqual(heard.map(({ items }) => items.length), [1, 2, 1]);
    });

    test("namespaces: several on one connection, on demand, unknown", async () => {
      const first = await connect();
      const second = first.io.socket("/echo-7", {});
      const unknown = first.io.socket("/nowhere", {});
      const refused = next(unknown, "connect_error");
      unknown.connect();
      assert.equal((await refused)[0].message, "Invalid namespace");
      second.connect();
      await connected(second, endsOn);
      assert.equal(second.io.engine, first.io.engine);
      assert.notEqual(second.id, first.id);
      const boxes = [first, second].map((socket) => all(socket, "said"));
      second.emit("say-all", "here only");
      await boxes[1].first();
      assert.equal(await first.emitWithAck("echo", 1), 1);
      assert.deepEqual(boxes[0].items, []);
      second.disconnect();
      assert.equal(await first.emitWithAck("echo", 2), 2);
    });

    test("forced disconnects: the socket alone, the whole connection, by itself", async () => {
      const socket = await connect();
      const gone = next(socket, "disconnect");
      socket.emit("kick", false);
      assert.equal((await gone)[0], "io server disconnect");
      assert.equal(socket.active, false, "and does not come back by itself");
      socket.connect();
      await connected(socket, endsOn);

      const closed = next(socket, "disconnect");
      const ended = next(socket.io, "close");
      socket.emit("kick", true);
      assert.equal((await closed)[0], "io server disconnect");
      await ended;

      const other = await connect();
      const left = next(other, "disconnect");
      other.disconnect();
      assert.equal((await left)[0], "io client disconnect");
    });

    test("after a cut it reconnects by itself, as somebody new", async () => {
      const network = await startNetwork(lab);
      try {
        const socket = await connect({}, network.relayed(lab.lanes[lane]));
        const first = socket.id;
        const gone = next(socket, "disconnect");
        network.cut();
        assert.match((await gone)[0], /^transport (close|error)$/);
        const back = next(socket, "connect");
        network.restore();
        await back;
        assert.notEqual(socket.id, first);
        assert.ok(!socket.recovered);
        assert.equal(await socket.emitWithAck("echo", "again"), "again");
        socket.disconnect();
      } finally {
        await network.stop();
      }
    });

    test("recovery after a cut: a hundred missed events, in order, once, as who it was", async () => {
      const network = await startNetwork(recovering);
      try {
        const socket = await connect({}, network.relayed(recovering.lanes[lane]));
        const speaker = await connect({}, recovering.lanes[lane]);
        const first = socket.id;
        const said = all(socket, "said");
        await socket.emitWithAck("join", `room ${way}`);
        speaker.emit("say", `room ${way}`, "before");
        await said.until(1);
        const gone = next(socket, "disconnect");
        network.cut();
        await gone;
        for (let n = 0; n < 100; n += 1) speaker.emit("say", `room ${way}`, n);
        assert.equal(await speaker.emitWithAck("echo", "all said"), "all said");
        const back = next(socket, "connect");
        network.restore();
        await back;
        assert.equal(socket.recovered, true);
        assert.equal(socket.id, first);
        speaker.emit("say", `room ${way}`, "after");
        await said.until((items) => items.some(([, what]) => what === "after"));
        assert.deepEqual(said.items.map(([, what]) => what), ["before", ...Array(100).keys(), "after"]);
        socket.disconnect();
      } finally {
        await network.stop();
      }
    });

    test("the lab's channels: what curl publishes arrives, a position brings what was missed", async () => {
      const network = await startNetwork(lab);
      try {
        const channel = `clients-${process.pid}-${way.replaceAll(/\W/g, "")}`;
        const publish = (data) =>
          fetch(`${lab.url}/api/channels/${channel}/publications`, { method: "POST", body: JSON.stringify({ event: "n", data }) });
        const socket = await connect({ namespace: "/lab", query: { channel, demo: "chat" } }, network.relayed(lab.lanes[lane]));
        const got = all(socket, "publication");
        const { recovered } = await socket.emitWithAck("subscribe", { channel });
        assert.equal(recovered, false);
        await publish(0);
        const [[{ epoch, offset }]] = await got.until(1);
        const answer = await socket.emitWithAck("publish", { channel, event: "n", data: 1 });
        assert.equal(answer.offset, offset + 1);
        await got.until(2);

        const gone = next(socket, "disconnect");
        network.cut();
        await gone;
        for (let n = 2; n < 102; n += 1) await publish(n);
        const back = next(socket, "connect");
        network.restore();
        await back;
        const again = await socket.emitWithAck("subscribe", { channel, epoch, offset: offset + 1 });
        assert.equal(again.recovered, true);
        await publish(102);
        await got.until(103);
        assert.deepEqual(got.items.map(([{ data }]) => data), [...Array(103).keys()]);
        socket.disconnect();
      } finally {
        await network.stop();
      }
    });
  });
}
