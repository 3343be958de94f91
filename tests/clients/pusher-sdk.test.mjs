// The Node SDK (npm `pusher`), unmodified: every call of the HTTP API, and its errors.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import PusherServer from "pusher";
import Pusher from "pusher-js";
import { heard, inbox } from "./inbox.mjs";
import { APP, clientOptions, fresh, startPusherLab } from "./pusher-lab.mjs";

/** @type {Awaited<ReturnType<typeof startPusherLab>>} */
let lab;
/** @type {Pusher[]} */
let clients = [];
before(async () => {
  lab = await startPusherLab("pusher-sdk");
});
afterEach(() => {
  for (const client of clients) client.disconnect();
  clients = [];
});
after(() => lab?.stop());

const subscribe = async (name, user) => {
  const client = new Pusher(APP.key, clientOptions(lab.url, { application: lab.application, user }));
  clients.push(client);
  const channel = client.subscribe(name);
  await heard(channel, "pusher:subscription_succeeded");
  return channel;
};
const json = async (answer) => {
  const response = await answer;
  assert.equal(response.status, 200);
  return response.json();
};

test("trigger: one channel, several, with info; the answer is {} without", async () => {
  const [news, room] = [fresh("news-"), fresh("presence-room-")];
  const channels = [await subscribe(news), await subscribe(room, { id: "7", name: "Ann" })];
  const boxes = channels.map((channel) => {
    const box = inbox("events");
    channel.bind("e", box.push);
    return box;
  });
  assert.deepEqual(await json(lab.sdk.trigger(news, "e", 1)), {});
  assert.deepEqual(await json(lab.sdk.trigger([news, room], "e", 2)), {});
  const subscriptions = await json(lab.sdk.trigger(news, "e", 3, { info: "subscription_count" }));
  assert.deepEqual(subscriptions, { channels: { [news]: { subscription_count: 1 } } });
  const users = await json(lab.sdk.trigger(room, "e", 4, { info: "user_count" }));
  assert.deepEqual(users, { channels: { [room]: { user_count: 1 } } });
  assert.deepEqual(await boxes[0].until(3), [1, 2, 3]);
  assert.deepEqual(await boxes[1].until(2), [2, 4]);
  assert.deepEqual(await json(lab.sdk.trigger(fresh("nobody-"), "e", 1)), {});
});

test("triggerBatch: in order, to its channels; info per element", async () => {
  const name = fresh("batch-");
  const channel = await subscribe(name);
  const got = inbox("events");
  channel.bind_global((event, data) => event.startsWith("pusher:") || got.push([event, data]));
  // The SDK writes into what it is given.
  const event = (n, more = {}) => ({ channel: name, name: `e${n}`, data: { n }, ...more });
  const numbers = [...Array(10).keys()];
  assert.deepEqual(await json(lab.sdk.triggerBatch(numbers.map((n) => event(n)))), {});
  assert.deepEqual(await got.until(10), numbers.map((n) => [`e${n}`, { n }]));
  const counted = await json(lab.sdk.triggerBatch([event(10, { info: "subscription_count" }), event(11)]));
  assert.deepEqual(counted, { batch: [{ subscription_count: 1 }, {}] });
});

test("channels, channel, users", async () => {
  const room = fresh("presence-asked-");
  await subscribe(room, { id: "7", name: "Ann" });
  await subscribe(room, { id: "9", name: "Bob" });
  const params = { filter_by_prefix: room, info: "user_count" };
  assert.deepEqual(await json(lab.sdk.get({ path: "/channels", params })), { channels: { [room]: { user_count: 2 } } });
  const one = await json(lab.sdk.get({ path: `/channels/${room}`, params: { info: "user_count" } }));
  assert.deepEqual(one, { occupied: true, user_count: 2 });
  const { users } = await json(lab.sdk.get({ path: `/channels/${room}/users` }));
  assert.deepEqual(users.map(({ id }) => id).sort(), ["7", "9"]);
  assert.deepEqual(await json(lab.sdk.get({ path: `/channels/${fresh("empty-")}` })), { occupied: false });

  const cached = fresh("cache-asked-");
  await lab.sdk.trigger(cached, "e", { v: 1 });
  const { cache } = await json(lab.sdk.get({ path: `/channels/${cached}`, params: { info: "cache" } }));
  assert.equal(cache.data, '{"v":1}');
  assert.ok(cache.ttl > 0 && cache.ttl <= 1800, `${cache.ttl}`);
});

test("encrypted: batch and trigger are decrypted by pusher-js, and the lab holds ciphertext", async () => {
  const name = fresh("private-encrypted-");
  const channel = await subscribe(name);
  const got = inbox("events");
  channel.bind("secret", got.push);
  await lab.sdk.trigger(name, "secret", { n: 1 });
  await lab.sdk.triggerBatch([{ channel: name, name: "secret", data: { n: 2 } }]);
  assert.deepEqual(await got.until(2), [{ n: 1 }, { n: 2 }]);
  const { publications } = await (await fetch(`${lab.url}/short-poll/${name}?history=10`)).json();
  assert.equal(publications.length, 2);
  assert.doesNotMatch(JSON.stringify(publications), /"n":/);
});

test("refusals reach the SDK as errors with the status and a text", async () => {
  const failure = async (call) => {
    const error = await call.then(() => assert.fail("was accepted"), (refused) => refused);
    assert.ok(error instanceof PusherServer.RequestError, String(error));
    assert.ok((error.body ?? "").length > 0);
    return error.status;
  };
  const { hostname: host, port } = new URL(lab.url);
  const as = (options) => new PusherServer({ appId: APP.id, key: APP.key, secret: APP.secret, host, port, useTLS: false, ...options });
  const wrongSecret = await as({ secret: "wrong" }).trigger("a", "e", 1).catch((error) => error);
  assert.equal(wrongSecret.status, 401);
  assert.doesNotMatch(wrongSecret.body, /clients-secret/);
  assert.equal(await failure(as({ key: "nobody" }).trigger("a", "e", 1)), 401);
  assert.equal(await failure(as({ appId: "7" }).trigger("a", "e", 1)), 404);
  assert.equal(await failure(lab.sdk.trigger("a", "e", "x".repeat(10_241))), 413);
  assert.equal(await failure(lab.sdk.trigger("a", "pusher:mine", 1)), 400);
  assert.equal(await failure(lab.sdk.triggerBatch(Array(11).fill({ channel: "a", name: "e", data: 1 }))), 400);
  assert.equal(await failure(lab.sdk.get({ path: "/channels", params: { info: "user_count" } })), 400);
  assert.equal(await failure(lab.sdk.get({ path: "/channels/public/users" })), 400);
});

test("forURL reaches the same application", async () => {
  const { host } = new URL(lab.url);
  const byUrl = PusherServer.forURL(`http://${APP.key}:${APP.secret}@${host}/apps/${APP.id}`);
  assert.deepEqual(await json(byUrl.trigger(fresh("by-url-"), "e", 1)), {});
});
