// Pages that are not the lab's, in a real browser: of another site, under a name of another site that leads to this
// machine (DNS rebinding), and of another port of this machine. What a browser sends by itself (Origin, Sec-Fetch-*,
// preflights, cookies) is what counts here, so nothing of it is made up.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { CHROMIUM_MISSING, findChromium, launchChromium } from "./chromium.mjs";
import { AS_PRESENTER, PATIENCE_MS, ROOT, startLab, TOKEN } from "./lab.mjs";

const skip = findChromium() ? false : CHROMIUM_MISSING;
const FOREIGN = "foreign.example";
const FILES = {
  "/pusher.js": "node_modules/pusher-js/dist/web/pusher.js",
  "/socket.io.js": "node_modules/socket.io-client/dist/socket.io.js",
};

/** @type {Awaited<ReturnType<typeof startLab>>} */
let lab;
let browser;
let server;
let folder;
let demo;

before(async () => {
  if (skip) return;
  folder = mkdtempSync(path.join(tmpdir(), "pushlab-foreign-"));
  const config = path.join(folder, "lab.toml");
  writeFileSync(config, '[[apps]]\nid = "71"\nkey = "open-key"\nsecret = "s"\n');
  lab = await startLab(["--config", config], { log: "foreign" });
  demo = (await (await fetch(`${lab.url}/api/lab`)).json()).demo_app;
  server = createServer((request, response) => {
    const file = FILES[request.url];
    response.setHeader("content-type", file ? "text/javascript" : "text/html");
    response.end(file ? readFileSync(path.join(ROOT, file)) : "<!doctype html><title>x</title><script src=/pusher.js></script><script src=/socket.io.js></script>");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  // Chromium's own checks of what public pages ask of local addresses are off: the lab's are tried.
  browser = await launchChromium([`--host-resolver-rules=MAP ${FOREIGN} 127.0.0.1`, "--disable-features=LocalNetworkAccessChecks"]);
});
after(async () => {
  await browser?.close();
  server?.close();
  await lab?.stop();
  if (folder) rmSync(folder, { recursive: true });
});

/** A page of this host on the other server, in the browser of the presenter; `own` runs in it. */
async function pageOf(host) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE_MS);
  await context.request.get(`${lab.url}/presenter/unlock/${TOKEN}`, { maxRedirects: 0 });
  const page = await context.newPage();
  await page.goto(`http://${host}:${server.address().port}/`);
  return { page, context };
}

/** What another page must not change. */
async function state() {
  const json = async (target) => (await fetch(lab.url + target, { headers: AS_PRESENTER })).json();
  return {
    history: (await json("/api/channels/o/history")).publications,
    present: (await json("/api/channels/o/presence")).members.map(({ client }) => client),
    sources: (await json("/api/sources")).sources,
    conditions: (await json("/api/conditions/all")).lanes.filter(({ conditions }) => conditions),
    runs: (await json("/api/runs")).job,
    urls: (await json("/api/apps/demo/webhooks")).urls,
  };
}

const CONTENT_TYPES = ["text/plain", "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""];
const METHODS = ["GET", "POST", "PUT", "DELETE"];
const TARGETS = [
  ["/api/channels/o/publications", '{"event":"e","data":1}'],
  ["/api/channels/o/presence/leave?client=victim", ""],
  ["/short-poll/o?client=intruder", ""],
  ["/api/reports", "[]"],
  ["/api/sources/compare-x", '{"kind":"compare","rate_per_s":1,"size_bytes":60}'],
  ["/api/conditions/all", '{"conditions":"latency down=1ms"}'],
  ["/presenter/api/conditions/all", '{"conditions":"latency down=1ms"}'],
  ["/presenter/api/runs", "{}"],
  ["/presenter/api/experiments/E2", "{}"],
  ["/presenter/api/apps/demo/webhooks", '{"url":"http://127.0.0.1:9/"}'],
  ["/presenter/api/apps/demo/trigger", '{"name":"e","channel":"o","data":"1"}'],
  ["/presenter/api/apps/demo/secret", ""],
  ["/pusher/auth", "socket_id=1.1&channel_name=private-a"],
  ["/pusher/app/KEY/1/abcdefgh/xhr_streaming", ""],
  ["/socket.io/?EIO=4&transport=polling", ""],
];

test("a foreign page can neither read nor change anything by HTTP, however it asks", { skip }, async () => {
  // Somebody who is there, and whom others must not send away.
  const there = new AbortController();
  const stream = await fetch(`${lab.lanes.sse}/sse/o?client=victim&name=v`, { signal: there.signal });
  assert.equal(stream.status, 200);
  const { page, context } = await pageOf(FOREIGN);
  try {
    const before = await state();
    assert.deepEqual(before.present, ["victim"]);
    const read = await page.evaluate(async ({ base, targets, methods, types }) => {
      const read = [];
      for (const [target, body] of targets) {
        for (const method of methods) {
          for (const type of method === "GET" ? [""] : types) {
            for (const mode of /** @type {const} */ (["cors", "no-cors"])) {
              /** @type {Record<string, string>} */
              const headers = type === "" ? {} : { "content-type": type };
              /** @type {RequestInit} */
              const init = { method, mode, credentials: "include", headers, ...(method === "GET" ? {} : { body }) };
              const answer = await fetch(base + target, init).catch(() => null);
              if (answer !== null && answer.type !== "opaque") read.push(`${method} ${target} ${type} ${mode} ${answer.status}`);
            }
          }
        }
        navigator.sendBeacon(base + target, body);
        await new Promise((done) => { const image = new Image(); image.onload = image.onerror = done; image.src = base + target; });
      }
      return read;
    }, { base: lab.url, targets: TARGETS.map(([target, body]) => [target.replace("KEY", demo.key), body]), methods: METHODS, types: CONTENT_TYPES });
    assert.deepEqual(read, [], "nothing is readable");
    for (const enctype of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      for (const [target, body] of TARGETS) {
        const [answer] = await Promise.all([
          page.waitForResponse((response) => response.request().method() === "POST"),
          page.evaluate(({ action, body, enctype }) => {
            const frame = Object.assign(document.createElement("iframe"), { name: "into" });
            const form = Object.assign(document.createElement("form"), { action, method: "post", enctype, target: "into" });
            const field = Object.assign(document.createElement("input"), { name: body, value: "" });
            form.append(field);
            document.body.append(frame, form);
            form.submit();
          }, { action: lab.url + target.replace("KEY", demo.key), body, enctype }),
        ]);
        assert.equal(answer.status(), 403, `${enctype} ${target}`);
        await page.evaluate(() => document.querySelectorAll("iframe, form").forEach((part) => part.remove()));
      }
    }
    assert.deepEqual(await state(), before, "nothing changed");
  } finally {
    there.abort();
    await context.close();
  }
});

test("a foreign page's streams and sockets are refused, and pusher-js says why and stays away", { skip }, async () => {
  const { page, context } = await pageOf(FOREIGN);
  const opened = await page.evaluate(async ({ lanes }) => {
    const ended = (source, open, error) => new Promise((done) => {
      source.addEventListener(open, () => done("opened"));
      source.addEventListener(error, () => done(source.readyState));
    });
    return {
      stream: await ended(new EventSource(`${lanes.sse}/sse/o`), "open", "error"),
      socket: await ended(new WebSocket(`${lanes.websocket.replace("http", "ws")}/ws/o`), "open", "error"),
      main: await ended(new WebSocket(`${lanes.main.replace("http", "ws")}/ws/o`), "open", "error"),
    };
  }, { lanes: lab.lanes });
  assert.deepEqual(opened, { stream: 2, socket: 3, main: 3 }, "closed for good");

  for (const transports of [["polling"], ["websocket"]]) {
    const error = await page.evaluate(({ url, transports }) => new Promise((done) => {
      const socket = io(url, { transports, reconnection: false });
      socket.on("connect", () => done("connected"));
      socket.on("connect_error", (error) => done(error.message));
    }), { url: lab.url, transports });
    assert.match(error, /error/, String(transports));
  }

  // With a clock that can be put forward: whether it stays away is for its timers to say.
  await page.clock.install();
  await page.evaluate(({ key, host, wsPort }) => new Promise((done) => {
    const errors = [];
    const states = [];
    const pusher = new Pusher(key, { cluster: "", wsHost: host, wsPort, httpHost: host, httpPort: wsPort, forceTLS: false, enableStats: false });
    pusher.connection.bind("error", ({ error, data }) => errors.push((error ?? { data }).data));
    pusher.connection.bind("state_change", ({ current }) => {
      states.push(current);
      if (current === "disconnected") done(undefined);
    });
    Object.assign(window, { told: () => ({ errors, states, state: pusher.connection.state }) });
  }), { key: demo.key, host: "127.0.0.1", wsPort: Number(new URL(lab.lanes.channels).port) });
  await page.clock.runFor(60_000);
  const said = await page.evaluate(() => /** @type {any} */ (window).told());
  assert.equal(said.state, "disconnected");
  assert.deepEqual(said.states, ["disconnected"], "and no attempt since");
  assert.equal(said.errors[0].code, 4009);
  assert.match(said.errors[0].message, /Origin not allowed.*--origins/);
  await context.close();
});

test("an application of [[apps]] is open to a foreign page, by WebSocket and over HTTP", { skip }, async () => {
  const { page, context } = await pageOf(FOREIGN);
  for (const [transport, lane] of [["ws", "channels"], ["xhr_streaming", "channels-streaming"]]) {
    const state = await page.evaluate(({ transport, port }) => new Promise((done) => {
      const pusher = new Pusher("open-key", { cluster: "", wsHost: "127.0.0.1", wsPort: port, httpHost: "127.0.0.1", httpPort: port, forceTLS: false, enableStats: false, enabledTransports: [transport] });
      pusher.connection.bind("error", (error) => done(JSON.stringify(error)));
      pusher.subscribe("news").bind("pusher:subscription_succeeded", () => { pusher.disconnect(); done("subscribed"); });
    }), { transport, port: Number(new URL(lab.lanes[lane]).port) });
    assert.equal(state, "subscribed", transport);
  }
  await context.close();
});

test("under a foreign name the lab answers nobody, and says how it would", { skip }, async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const port = new URL(lab.url).port;
  for (const target of ["/", "/chat", "/api/lab", "/short-poll/o", `/presenter/unlock/${TOKEN}`]) {
    const answer = await page.goto(`http://${FOREIGN}:${port}${target}`);
    assert.equal(answer.status(), 421, target);
    assert.match(await page.textContent("body"), /--hosts/, target);
  }
  assert.equal((await context.cookies()).length, 0);
  // A page that came before the name led here: what it asks is of its own origin to the browser.
  await page.route("**/before", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>x</title>" }));
  await page.goto(`http://${FOREIGN}:${port}/before`);
  const asked = await page.evaluate(async () => {
    const statuses = [];
    for (const method of ["GET", "POST"]) {
      const init = method === "POST" ? { method, body: '{"event":"e","data":1}' } : {};
      statuses.push((await fetch(method === "GET" ? "/api/channels/o/history" : "/api/channels/o/publications", init)).status);
    }
    const socket = new WebSocket(`ws://${location.host}/ws/o`);
    statuses.push(await new Promise((done) => { socket.onopen = () => done("opened"); socket.onerror = () => done("refused"); }));
    return statuses;
  });
  assert.deepEqual(asked, [421, 421, "refused"]);
  await context.close();
});

for (const host of ["localhost", "127.0.0.1"]) {
  test(`a page on another port of ${host} uses every lane, and has none of the presenter's rights`, { skip }, async () => {
    const { page, context } = await pageOf(host);
    const at = [];
    page.on("console", (message) => at.push(message.text()));
    const late = new Promise((_, failed) => setTimeout(() => failed(new Error(`not in time; the page said: ${at.join("\n")}`)), PATIENCE_MS).unref());
    const tries = page.evaluate(async ({ lanes, key, channel }) => {
      const publish = async (data) => {
        const body = JSON.stringify({ event: "e", data });
        const headers = { "content-type": "application/json", traceparent: "00-1-1-01" };
        return (await fetch(`${lanes.main}/api/channels/${channel}/publications`, { method: "POST", headers, body })).status;
      };
      const got = {};
      const stream = new EventSource(`${lanes.sse}/sse/${channel}`);
      await new Promise((done, failed) => { stream.onopen = done; stream.onerror = () => failed(new Error("stream")); });
      const ofStream = new Promise((done) => stream.addEventListener("message", ({ data }) => { if (data.includes("4711")) done(data); }));
      const socket = new WebSocket(`${lanes.websocket.replace("http", "ws")}/ws/${channel}`);
      await new Promise((done, failed) => { socket.onopen = done; socket.onerror = () => failed(new Error("socket")); });
      const ofSocket = new Promise((done) => { socket.onmessage = ({ data }) => { if (data.includes("4711")) done(data); }; });
      const ofPusher = [];
      for (const [transport, lane] of /** @type {const} */ ([["ws", "channels"], ["xhr_streaming", "channels-streaming"], ["xhr_polling", "channels-polling"]])) {
        const port = Number(new URL(lanes[lane]).port);
        const pusher = new Pusher(key, {
          cluster: "", wsHost: "127.0.0.1", wsPort: port, httpHost: "127.0.0.1", httpPort: port, forceTLS: false, enableStats: false, enabledTransports: [transport],
          channelAuthorization: { endpoint: `${lanes.main}/pusher/auth`, transport: "ajax" },
        });
        await new Promise((done, failed) => {
          const guarded = pusher.subscribe(`private-${channel}`);
          guarded.bind("pusher:subscription_succeeded", done);
          guarded.bind("pusher:subscription_error", (error) => failed(new Error(JSON.stringify(error))));
        });
        const open = pusher.subscribe(channel);
        await new Promise((done) => open.bind("pusher:subscription_succeeded", done));
        ofPusher.push(new Promise((done) => open.bind("e", (data) => { pusher.disconnect(); done(data); })));
      }
      console.log("pusher-js is subscribed");
      const ofSocketio = [];
      for (const [transport, lane] of [["polling", "socketio-polling"], ["websocket", "socketio-websocket"]]) {
        const socket = io(`${lanes[lane]}/lab`, { transports: [transport], forceNew: true });
        await new Promise((done, failed) => { socket.on("connect", () => done(undefined)); socket.on("connect_error", failed); });
        const subscribed = await socket.timeout(45_000).emitWithAck("subscribe", { channel });
        if (subscribed.error) throw new Error(JSON.stringify(subscribed));
        ofSocketio.push(new Promise((done) => socket.onAny((event, ...args) => { if (JSON.stringify([event, args]).includes("4711")) { socket.disconnect(); done("heard"); } })));
      }
      console.log("all are subscribed");
      got.status = await publish(4711);
      got.stream = (await ofStream).includes("4711");
      got.socket = (await ofSocket).includes("4711");
      got.pusher = await Promise.all(ofPusher);
      console.log("pusher-js has heard");
      got.socketio = await Promise.all(ofSocketio);
      got.polled = (await (await fetch(`${lanes["short-poll"]}/short-poll/${channel}`)).json()).epoch !== undefined;
      stream.close();
      socket.close();
      // With the presenter's cookie, as this host's pages have it: refused all the same.
      const tried = [];
      for (const [method, target] of [["GET", "apps/demo/secret"], ["DELETE", "conditions/all"], ["POST", "runs"], ["PUT", "sources/compare-x"]]) {
        for (const mode of /** @type {const} */ (["cors", "no-cors"])) {
          if (mode === "no-cors" && !["GET", "POST"].includes(method)) continue;
          const answer = await fetch(`${lanes.main}/presenter/api/${target}`, { method, mode, credentials: "include", ...(method === "GET" ? {} : { body: "{}" }) }).catch(() => null);
          tried.push(answer?.ok ?? false);
        }
      }
      got.tried = tried;
      return got;
    }, { lanes: lab.lanes, key: demo.key, channel: `local-${host.length}` });
    const got = await Promise.race([tries, late]);
    assert.deepEqual(got, {
      status: 200, stream: true, socket: true, pusher: [4711, 4711, 4711], socketio: ["heard", "heard"], polled: true,
      tried: [false, false, false, false, false, false],
    });
    const { conditions, sources, runs } = await state();
    assert.deepEqual([conditions, sources, runs], [[], [], null]);
    await context.close();
  });
}
