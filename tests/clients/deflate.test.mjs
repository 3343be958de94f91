// permessage-deflate by another implementation: `ws` of Node, by the system's zlib, on every kind of WebSocket that
// the lab has. (Browsers and `ws` make the same offer; the raw bytes of theirs are in tests/lab/deflate.rs.)

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import WebSocket from "ws";
import { startLab } from "../browser/lab.mjs";
import { inbox } from "./inbox.mjs";

const MESSAGES = 300;

/** @type {Record<string, import("../browser/lab.mjs").Lab>} */
const labs = {};
before(async () => {
  for (const compress of ["off", "on", "context"]) {
    labs[compress] = await startLab(["--echo", "--compress", compress], { log: `deflate-${compress}` });
  }
});
after(async () => {
  for (const lab of Object.values(labs)) await lab.stop();
});

/** Text of few words, some of it too short to compress, some far longer than a window. */
function text(n) {
  const words = ["price", "101.5", "größer", "{\"n\":", "seen", "not yet", "\u{1f600}"];
  const length = [0, 3, 40, 200, 3_000][n % 5];
  return Array.from({ length }, (_, i) => words[(n * 7 + i * i) % words.length]).join(" ");
}

/** @returns {Promise<{socket: WebSocket, next: () => Promise<string>}>} an open socket, and what comes by it */
function open(url, options = {}) {
  const socket = new WebSocket(url.replace(/^http/, "ws"), { perMessageDeflate: { threshold: 0 }, ...options });
  const got = inbox("a message");
  let read = 0;
  socket.on("message", (data) => got.push(data.toString()));
  const next = async () => {
    const at = read++;
    return (await got.until(at + 1))[at];
  };
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve({ socket, next }));
    socket.once("error", reject);
  });
}

const OFFERS = {
  "as it is": {},
  "no context for the server": { serverNoContextTakeover: true },
  "no context for either": { serverNoContextTakeover: true, clientNoContextTakeover: true },
  "a window of 512 bytes": { serverMaxWindowBits: 9 },
};

for (const compress of ["off", "on", "context"]) {
  describe(`--compress ${compress}`, () => {
    for (const [name, offer] of Object.entries(OFFERS)) {
      test(`what goes up comes back as it was: ${name}`, async () => {
        const { socket, next } = await open(`${labs[compress].url}/echo`, { perMessageDeflate: { threshold: 0, ...offer } });
        assert.equal(socket.extensions, compress === "off" ? "" : "permessage-deflate");
        for (let n = 0; n < MESSAGES; n += 1) socket.send(n % 11 === 0 ? Buffer.from(text(n)) : text(n));
        for (let n = 0; n < MESSAGES; n += 1) {
          assert.equal(await next(), text(n), `message ${n}`);
        }
        socket.close();
      });
    }

    test("publications come to all subscribers, whatever each has agreed to", async () => {
      const url = `${labs[compress].lanes.websocket}/ws/deflate-${compress}`;
      const all = await Promise.all([
        open(url),
        open(url),
        open(`${url}?compress=on`),
        open(`${url}?compress=context`),
        open(url, { perMessageDeflate: false }),
        open(url, { perMessageDeflate: { threshold: 0, serverMaxWindowBits: 9 } }),
      ]);
      for (const { next } of all) assert.match(await next(), /^\{"subscribed":/);
      for (let n = 0; n < MESSAGES; n += 1) {
        all[n % all.length].socket.send(JSON.stringify({ publish: { event: "say", data: text(n) } }));
        const came = await Promise.all(all.map(async ({ next }, index) => {
          const isMine = index === n % all.length;
          const messages = [await next()];
          if (isMine) messages.push(await next());
          return messages.map((message) => JSON.parse(message)).find((message) => "data" in message);
        }));
        for (const publication of came) {
          assert.equal(publication.data, text(n));
          assert.deepEqual(publication, came[0]);
        }
      }
      for (const { socket } of all) socket.close();
    });

    test("a bomb is refused with 1009", async () => {
      const { socket } = await open(`${labs[compress].lanes.websocket}/ws/bombs`);
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.send("0".repeat(8 << 20));
      assert.equal(await closed, 1009);
    });

    test("Channels and Socket.IO", async () => {
      const lab = labs[compress];
      const { demo_app: app } = await (await fetch(`${lab.url}/api/lab`)).json();
      const channels = await open(`${lab.lanes.channels}/app/${app.key}?protocol=7`);
      assert.equal(JSON.parse(await channels.next()).event, "pusher:connection_established");
      const channel = `deflate-${compress}`;
      channels.socket.send(JSON.stringify({ event: "pusher:subscribe", data: { channel } }));
      assert.match(await channels.next(), /subscription_succeeded/);

      const socketio = await open(`${lab.lanes["socketio-websocket"]}/socket.io/?EIO=4&transport=websocket`);
      assert.match(await socketio.next(), /^0\{"sid":/);
      socketio.socket.send("40/lab,");
      assert.match(await socketio.next(), /^40\/lab,/);
      for (const { socket } of [channels, socketio]) {
        assert.equal(socket.extensions, compress === "off" ? "" : "permessage-deflate");
        socket.close();
      }
    });
  });
}
