// socket.io-client's browser build, unmodified, in headless Chromium, from another origin.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "../browser/chromium.mjs";
import { startLab } from "../browser/lab.mjs";
import { startNetwork } from "../browser/network.mjs";
import { visit } from "../browser/visit.mjs";
import { servePage } from "./page.mjs";
import { WAYS } from "./socketio-ways.mjs";

/** @type {import("../browser/lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof servePage>>} */
let page;
before(async () => {
  lab = await startLab(["--echo", "--socketio-recovery", "2m"], { log: "socketio-chromium" });
  browser = await launchChromium();
  page = await servePage("socket.io-client/dist/socket.io.min.js", inThePage);
});
after(async () => {
  await browser?.close();
  await page?.stop();
  await lab?.stop();
});

for (const [way, { transports, lane, endsOn }] of Object.entries(WAYS)) {
  test(`socket.io-client in Chromium, ${way}`, async () => {
    const network = await startNetwork(lab);
    const visitor = await visit(browser, page.url);
    // What Chromium says of the cut: which of its words depends on where the request was.
    visitor.expectComplaint(/Failed to load resource: net::ERR_|WebSocket connection/);
    // Both sides close after a kick: a client's goodbye by POST to a session that has just ended
    // is answered 400, "Session ID unknown", as docs/protocols/socketio.md has it ("Handshake").
    visitor.expectComplaint(/status of 400.*transport=polling/);
    const ask = (call, ...args) => visitor.page.evaluate(([name, given]) => globalThis.checks[name](...given), [call, args]);
    try {
      const url = `${network.relayed(lab.lanes[lane])}/echo`;
      assert.deepEqual(await ask("refused", url, { transports }), { message: "refused as asked", data: { why: "not today" } });
      assert.deepEqual(await ask("connect", url, { transports, auth: { token: "ü" } }, endsOn), { auth: { token: "ü" }, transport: endsOn });
      assert.deepEqual(await ask("echo", 50), [...Array(50).keys()]);
      assert.deepEqual(await ask("acknowledgements"), { acked: ["a", 1], answered: ["why?"] });
      assert.deepEqual(await ask("binary", [0, 255, 7]), { event: [0, 255, 7], acked: [0, 255, 7] });
      assert.deepEqual(await ask("rooms"), [["kitchen", "hello"]]);

      // Somebody else, who stays, speaks to the room meanwhile.
      await ask("speaker", `${lab.url}/echo`);
      const before = await ask("lose");
      network.cut();
      await ask("lost");
      await ask("speak", 100);
      network.restore();
      const { recovered, id, numbers } = await ask("missed", 100);
      assert.equal(recovered, true);
      assert.equal(id, before);
      assert.deepEqual(numbers, [...Array(100).keys()]);
      assert.equal(await ask("kicked"), "io server disconnect");
    } finally {
      await visitor.finish();
      await network.stop();
    }
  });
}

/** What the page offers the tests; nothing in it but socket.io-client and the waiting. */
function inThePage() {
  const DEADLINE_MS = 60_000;
  const OPTIONS = { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
  const within = (promise, what) =>
    Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error(`waited for ${what}`)), DEADLINE_MS))]);
  const next = (emitter, event) => within(new Promise((resolve) => emitter.once(event, (...args) => resolve(args))), event);
  const gather = (emitter, event, count) =>
    within(new Promise((resolve) => {
      const heard = [];
      emitter.on(event, (...args) => heard.push(args) === count && resolve(heard));
    }), `${count} of ${event}`);
  const bytesOf = (buffer) => [...new Uint8Array(buffer)];
  let open;
  let socket;
  let speaker;
  let losing;
  let saying;

  globalThis.checks = {
    refused: async (url, options) => {
      const asking = globalThis.io(url, { ...OPTIONS, ...options, auth: { refuse: "not today" } });
      const [{ message, data }] = await next(asking, "connect_error");
      asking.disconnect();
      return { message, data };
    },
    connect: async (url, options, endsOn) => {
      open = () => globalThis.io(url, { ...OPTIONS, ...options });
      socket = open();
      const [auth] = await next(socket, "auth");
      const { engine } = socket.io;
      if (engine.transport.name !== endsOn) await next(engine, "upgrade");
      return { auth, transport: engine.transport.name };
    },
    echo: async (count) => {
      const echoes = gather(socket, "echo", count);
      for (let n = 0; n < count; n += 1) socket.emit("echo", n);
      const heard = await echoes;
      socket.off("echo");
      return heard.map(([n]) => n);
    },
    acknowledgements: async () => {
      const acked = await within(new Promise((resolve) => socket.emit("echo", "a", 1, (...args) => resolve(args))), "ack");
      socket.once("question", (what, answer) => answer(what));
      const answer = next(socket, "answer");
      socket.emit("ask", "why?");
      return { acked, answered: (await answer).slice(0, 1) };
    },
    binary: async (bytes) => {
      const echo = next(socket, "echo");
      socket.emit("echo", { inside: Uint8Array.from(bytes) });
      const [{ inside }] = await echo;
      const acked = await within(socket.emitWithAck("echo", Uint8Array.from(bytes).buffer), "ack");
      return { event: bytesOf(inside), acked: bytesOf(acked) };
    },
    rooms: async () => {
      const other = open();
      await next(other, "connect");
      await other.emitWithAck("join", "kitchen");
      const said = gather(other, "said", 1);
      socket.emit("say", "kitchen", "hello");
      const heard = (await said).map((args) => args.slice(0, 2));
      other.disconnect();
      return heard;
    },
    speaker: async (url) => {
      speaker = globalThis.io(url, { ...OPTIONS, transports: ["websocket"] });
      await next(speaker, "connect");
      await socket.emitWithAck("join", "missed");
      // An offset to come back with: a client that never heard an event has none.
      const said = next(socket, "said");
      speaker.emit("say", "missed", "first");
      await said;
    },
    lose: async () => {
      losing = next(socket, "disconnect");
      return socket.id;
    },
    lost: async () => {
      saying = { heard: gather(socket, "said", 100), back: next(socket, "connect") };
      await losing;
    },
    speak: async (count) => {
      for (let n = 0; n < count; n += 1) speaker.emit("say", "missed", n);
      await speaker.emitWithAck("echo", "all said");
    },
    missed: async () => {
      await saying.back;
      const numbers = (await saying.heard).map(([, n]) => n);
      speaker.disconnect();
      return { recovered: socket.recovered, id: socket.id, numbers };
    },
    kicked: async () => {
      const gone = next(socket, "disconnect");
      socket.emit("kick", true);
      return (await gone)[0];
    },
  };
}
