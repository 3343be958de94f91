// Every lane behind a real nginx: its defaults for lanes of plain HTTP, the documented lines for WebSockets, the
// snippet that people copy, and the defaults with compression.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Pusher from "pusher-js";
import { io } from "socket.io-client";
import WebSocket from "ws";
import { startLab } from "../browser/lab.mjs";
import { COPIED, DOCUMENTED, GZIP, startNginx } from "./nginx.mjs";

const SOCKETS = ["websocket", "channels", "socketio-websocket", "actix-ws"];
const PATIENCE_MS = 10_000;

/** @type {Awaited<ReturnType<typeof startLab>>} */
let lab;
/** @type {Awaited<ReturnType<typeof startNginx>>} */
let proxy;
before(async () => {
  lab = await startLab([], { log: "proxy" });
  const lanes = Object.entries(lab.lanes);
  const own = (lane) => (SOCKETS.includes(lane) ? DOCUMENTED : "");
  const before = lanes.map(([lane, url]) => [lane, { url, lines: own(lane) }]);
  const gzip = lanes.map(([lane, url]) => [`gzip ${lane}`, { url, lines: own(lane) + GZIP }]);
  const copied = lanes.map(([lane, url]) => [`copied ${lane}`, { url, lines: COPIED }]);
  proxy = await startNginx(Object.fromEntries([...before, ...gzip, ...copied]));
});
after(async () => {
  await proxy?.stop();
  await lab?.stop();
});

/** Before a lane's name: nginx' defaults (or the documented lines), these with compression, and the copied ones. */
const WAYS = ["", "gzip ", "copied "];

async function publish(channel, data, url = lab.url) {
  const body = JSON.stringify({ event: "e", data });
  return fetch(`${url}/api/channels/${channel}/publications`, { method: "POST", body });
}

/** Reads a stream, each time until it has said this. */
function reader(response) {
  let said = "";
  const decoder = new TextDecoder();
  const pieces = response.body[Symbol.asyncIterator]();
  return async (text) => {
    while (!said.includes(text)) {
      const { done, value } = await pieces.next();
      if (done) throw new Error(`the stream ended: ${said}`);
      said += decoder.decode(value, { stream: true });
    }
  };
}

const signal = () => AbortSignal.timeout(PATIENCE_MS);
const demoKey = async () => (await (await fetch(`${lab.url}/api/lab`)).json()).demo_app.key;

test("hundreds of POSTs and polls through the copied snippet are answered, every one", { timeout: 6 * PATIENCE_MS }, async () => {
  const statuses = new Map();
  const count = ({ status }) => statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const ask = async (worker) => {
    for (let turn = 0; turn < 60; turn += 1) {
      count(await publish(`copied-${worker}`, turn, proxy.lanes["copied main"]));
      count(await fetch(`${proxy.lanes["copied short-poll"]}/short-poll/copied-${worker}`));
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, worker) => ask(worker)));
  assert.deepEqual([...statuses], [[200, 960]]);
});

for (const way of WAYS) {
  const lane = (name) => proxy.lanes[`${way}${name}`];

  test(`${way}short poll and long poll carry a publication`, { timeout: 2 * PATIENCE_MS }, async () => {
    const channel = `${way.trim()}polls`;
    const { epoch, offset } = await (await publish(channel, 1)).json();
    const held = fetch(`${lane("long-poll")}/long-poll/${channel}?epoch=${epoch}&offset=${offset}`, { signal: signal() });
    await publish(channel, 2);
    assert.deepEqual((await (await held).json()).publications.map(({ data }) => data), [2]);
    const polled = await fetch(`${lane("short-poll")}/short-poll/${channel}?epoch=${epoch}&offset=${offset}`);
    assert.deepEqual((await polled.json()).publications.map(({ data }) => data), [2]);
  });

  for (const [name, hello] of [["sse", "event: subscribed"], ["fetch-stream", '{"subscribed"']]) test(`${way}a stream of ${name} comes as it is sent`, { timeout: 2 * PATIENCE_MS }, async () => {
    const channel = `${way.trim()}stream`;
    const response = await fetch(`${lane(name)}/${name}/${channel}`, { signal: signal() });
    assert.equal(response.status, 200);
    // Compressed, and yet each event by itself: what nginx does not gather (X-Accel-Buffering) it flushes.
    assert.equal(response.headers.get("content-encoding"), way === "gzip " ? "gzip" : null);
    const until = reader(response);
    await until(hello);
    for (const text of ["one", "two", "three"]) {
      await publish(channel, text);
      await until(`"data":"${text}"`);
    }
  });

  test(`${way}Channels by XHR streaming come as they are sent`, { timeout: 2 * PATIENCE_MS }, async () => {
    const session = `${lane("channels-streaming")}/pusher/app/${await demoKey()}/1/${way.trim()}session`;
    const response = await fetch(`${session}/xhr_streaming?protocol=7`, { method: "POST", signal: signal() });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-encoding"), way === "gzip " ? "gzip" : null);
    const until = reader(response);
    await until("connection_established");
    const channel = `${way.trim()}xhr`;
    const subscribe = JSON.stringify({ event: "pusher:subscribe", data: { channel } });
    await fetch(`${session}/xhr_send`, { method: "POST", body: JSON.stringify([subscribe]) });
    await until("subscription_succeeded");
    for (const text of ["one", "two", "three"]) {
      await publish(channel, text);
      await until(text);
    }
  });

  test(`${way}HEAD is answered without a body`, { timeout: 2 * PATIENCE_MS }, async () => {
    for (const [name, path] of [["main", "/"], ["sse", "/sse/head"], ["long-poll", "/long-poll/head"]]) {
      const response = await fetch(lane(name) + path, { method: "HEAD", signal: signal() });
      assert.equal(response.status, 200, path);
    }
  });

  for (const [name, path] of [["websocket", "ws"], ["actix-ws", "actix-ws"]]) test(`${way}a plain WebSocket of ${name} carries a publication`, { timeout: 2 * PATIENCE_MS }, async () => {
    const channel = `${way.trim()}socket-${name}`;
    const socket = new WebSocket(`${lane(name).replace("http", "ws")}/${path}/${channel}`);
    const messages = [];
    /** @type {Promise<void>} */
    const came = new Promise((resolve, reject) => {
      socket.onerror = () => reject(new Error("the WebSocket failed"));
      socket.onmessage = ({ data }) => {
        messages.push(data);
        if (messages.length === 1) publish(channel, "through").catch(reject);
        if (String(data).includes('"through"')) resolve();
      };
    });
    await came;
    socket.close();
  });

  for (const [transport, name] of /** @type {const} */ ([["ws", "channels"], ["xhr_streaming", "channels-streaming"], ["xhr_polling", "channels-polling"]])) {
    test(`${way}pusher-js carries an event over ${transport}`, { timeout: 2 * PATIENCE_MS }, async () => {
      const { hostname: host, port } = new URL(lane(name));
      const client = new Pusher(await demoKey(), {
        cluster: "lab", forceTLS: false, enabledTransports: [transport], disableStats: true,
        wsHost: host, wsPort: Number(port), httpHost: host, httpPort: Number(port),
      });
      try {
        const channel = client.subscribe(`${way.trim()}${transport}`);
        await new Promise((resolve) => channel.bind("pusher:subscription_succeeded", resolve));
        const came = new Promise((resolve) => channel.bind("e", resolve));
        await publish(`${way.trim()}${transport}`, "through");
        assert.equal(await came, "through");
      } finally {
        client.disconnect();
      }
    });
  }

  for (const [transport, name] of [["polling", "socketio-polling"], ["websocket", "socketio-websocket"]]) {
    test(`${way}socket.io-client carries an event over ${transport}`, { timeout: 2 * PATIENCE_MS }, async () => {
      const channel = `${way.trim()}io-${transport}`;
      const client = io(`${lane(name)}/lab`, { transports: [transport], reconnection: false });
      try {
        await new Promise((resolve, reject) => client.on("connect", () => resolve(undefined)).on("connect_error", reject));
        assert.equal(client.io.engine.transport.name, transport);
        const came = new Promise((resolve) => client.on("publication", resolve));
        await client.timeout(PATIENCE_MS).emitWithAck("subscribe", { channel });
        await publish(channel, "through");
        assert.equal((await came).data, "through");
      } finally {
        client.disconnect();
      }
    });
  }
}
