// pusher-js' browser build, unmodified, in headless Chromium: each transport, and a browser
// whose WebSocket is blocked and which then falls back by itself, on the same port.
//
// The page comes from another origin than the lab, so preflights and CORS headers are part of
// every request of the fallbacks.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, before, test } from "node:test";
import { launchChromium } from "../browser/chromium.mjs";
import { visit } from "../browser/visit.mjs";
import { servePage } from "./page.mjs";
import { APP, clientOptions, fresh, LANES, startPusherLab, TRANSPORTS } from "./pusher-lab.mjs";
import { portOf } from "../browser/lab.mjs";

const PUSHER_JS = "pusher-js/dist/web/pusher-with-encryption.min.js";

/** @type {Awaited<ReturnType<typeof startPusherLab>>} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof servePage>>} */
let page;
before(async () => {
  lab = await startPusherLab("pusher-chromium");
  browser = await launchChromium();
  page = await servePage(PUSHER_JS, inThePage);
});
after(async () => {
  await browser?.close();
  await page?.stop();
  await lab?.stop();
});

for (const transport of TRANSPORTS) {
  test(`over ${transport}: public, private, presence, encrypted, client events`, async () => {
    const url = lab.lanes[LANES[transport]];
    const ann = await open({ url, transports: [transport], user: { id: "7", name: "Ann" } });
    const bob = await open({ url, transports: [transport], user: { id: "9", name: "Bob" } });
    assert.equal(await ann.connected(), transport);
    assert.equal(await bob.connected(), transport);

    const names = ["news-", "private-", "private-encrypted-"].map(fresh);
    for (const name of names) {
      await ann.subscribe(name);
      await lab.sdk.trigger(name, "e", { name, text: "Grüße" });
      assert.deepEqual(await ann.event(name, "e"), { name, text: "Grüße" });
    }

    const room = fresh("presence-");
    await ann.subscribe(room);
    await bob.subscribe(room);
    assert.deepEqual(await ann.event(room, "pusher:member_added"), { id: "9", info: { name: "Bob" } });
    assert.deepEqual(await ann.members(room), ["7", "9"]);
    assert.deepEqual(await bob.members(room), ["7", "9"]);
    await bob.trigger(room, "client-wave", { to: "Ann" });
    assert.deepEqual(await ann.event(room, "client-wave"), { to: "Ann" });
    await bob.close();
    assert.equal((await ann.event(room, "pusher:member_removed")).id, "9");
    await ann.close();
  });
}

test("a blocked WebSocket falls back by itself, and everything works there", async () => {
  const proxy = await startProxyWithoutWebSocket(lab.lanes.channels);
  const visitor = await open({ url: proxy.url, transports: TRANSPORTS, user: { id: "7", name: "Ann" } });
  visitor.expectComplaint(/WebSocket/);
  assert.equal(await visitor.connected(), "xhr_streaming");
  assert.ok(proxy.refused() > 0, "the WebSocket was tried first");
  const name = fresh("presence-blocked-");
  await visitor.subscribe(name);
  assert.deepEqual(await visitor.members(name), ["7"]);
  await lab.sdk.trigger(name, "e", { n: 1 });
  assert.deepEqual(await visitor.event(name, "e"), { n: 1 });
  await visitor.close();
  await proxy.stop();
});

test("streaming rotates past 256 KiB and loses nothing", async () => {
  const visitor = await open({ transports: ["xhr_streaming"] });
  await visitor.connected();
  const name = fresh("rotation-");
  await visitor.subscribe(name);
  const count = 60;
  for (let n = 0; n < count; n += 1) await lab.sdk.trigger(name, "n", { n, pad: "x".repeat(8_000) });
  const events = await visitor.events(name, "n", count);
  assert.deepEqual(events.map(({ n }) => n), [...Array(count).keys()]);
  assert.equal(visitor.streams() > 1, true, `${visitor.streams()} streams`);
  await visitor.close();
});

/** A visitor with one client of pusher-js on the page. */
async function open({ url = lab.url, transports, user = {} }) {
  const visitor = await visit(browser, page.url);
  let streams = 0;
  visitor.page.on("request", (request) => {
    if (request.method() === "POST" && new URL(request.url()).pathname.endsWith("/xhr_streaming")) streams += 1;
  });
  const options = clientOptions(url, { application: lab.application, transports, user });
  await visitor.page.evaluate(([key, given]) => globalThis.openClient(key, given), [APP.key, options]);
  const ask = (name, ...args) => visitor.page.evaluate(([call, given]) => globalThis.client[call](...given), [name, args]);
  return {
    connected: () => ask("connected"),
    subscribe: (name) => ask("subscribe", name),
    event: async (name, event) => (await ask("events", name, event, 1))[0],
    events: (name, event, count) => ask("events", name, event, count),
    members: (name) => ask("members", name),
    trigger: (name, event, data) => ask("trigger", name, event, data),
    streams: () => streams,
    expectComplaint: visitor.expectComplaint,
    close: async () => {
      await ask("disconnect");
      await visitor.finish();
    },
  };
}

/** What the page offers the tests; nothing in it but pusher-js and the waiting. */
function inThePage() {
  const DEADLINE_MS = 60_000;
  const within = (promise, what) =>
    Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error(`waited for ${what}`)), DEADLINE_MS))]);

  globalThis.openClient = (key, options) => {
    const pusher = new globalThis.Pusher(key, options);
    const heard = new Map();
    const waiting = new Set();
    const listOf = (id) => heard.get(id) ?? heard.set(id, []).get(id);
    const next = (what, isThere) =>
      within(new Promise((resolve) => {
        const check = () => isThere() && (waiting.delete(check), resolve(undefined));
        waiting.add(check);
        check();
      }), what);
    const checkAll = () => waiting.forEach((check) => check());
    pusher.connection.bind("state_change", checkAll);

    globalThis.client = {
      connected: async () => {
        await next("connected", () => pusher.connection.state === "connected");
        return pusher.connection.connection.transport.name;
      },
      subscribe: async (name) => {
        const channel = pusher.subscribe(name);
        channel.bind_global((event, data) => {
          listOf(`${name} ${event}`).push(JSON.parse(JSON.stringify(data ?? null)));
          checkAll();
        });
        await next(`subscription to ${name}`, () => channel.subscribed);
      },
      events: async (name, event, count) => {
        const list = listOf(`${name} ${event}`);
        await next(`${count} of ${event} on ${name}`, () => list.length >= count);
        return list.slice(0, count);
      },
      members: async (name) => Object.keys(/** @type {import("pusher-js").PresenceChannel} */ (pusher.channel(name)).members.members).sort(),
      trigger: async (name, event, data) => pusher.channel(name).trigger(event, data),
      disconnect: async () => pusher.disconnect(),
    };
  };
}

/** A proxy as in some offices: requests pass, a connection that asks for an upgrade is cut. */
async function startProxyWithoutWebSocket(url) {
  const { port } = new URL(url);
  const sockets = new Set();
  let refused = 0;
  const server = net.createServer((near) => {
    sockets.add(near);
    near.on("error", () => {});
    near.on("close", () => sockets.delete(near));
    near.once("data", (head) => {
      if (/^upgrade: websocket/im.test(head.toString("latin1"))) {
        refused += 1;
        return near.resetAndDestroy();
      }
      const far = net.connect(Number(port), "127.0.0.1");
      far.on("error", () => near.destroy());
      far.on("close", () => near.destroy());
      near.on("close", () => far.destroy());
      far.write(head);
      near.pipe(far).pipe(near);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    refused: () => refused,
    stop: () => new Promise((done) => {
      server.close(done);
      for (const socket of sockets) socket.destroy();
    }),
  };
}
