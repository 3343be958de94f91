// Webhooks, as both official SDKs validate them: signature, content type, freshness.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import Pusher from "pusher-js";
import { heard, inbox } from "./inbox.mjs";
import { APP, clientOptions, fresh, MASTER_KEY, startPusherLab } from "./pusher-lab.mjs";
import { noPython, startPython } from "./python.mjs";
import { portOf } from "../browser/lab.mjs";

/** @type {Awaited<ReturnType<typeof startReceiver>>} */
let receiver;
/** @type {Awaited<ReturnType<typeof startPusherLab>>} */
let lab;
before(async () => {
  receiver = await startReceiver();
  lab = await startPusherLab("pusher-webhooks", { settings: `webhooks = [{ url = ${JSON.stringify(receiver.url)} }]` });
});
after(async () => {
  await lab?.stop();
  await receiver?.stop();
});

const open = async (user) => {
  const client = new Pusher(APP.key, clientOptions(lab.url, { application: lab.application, user }));
  await heard(client.connection, "connected");
  return client;
};

/** What is told of a channel: [name, user or event], in order. */
const toldOf = (channel) =>
  receiver.requests.items
    .flatMap(({ body }) => JSON.parse(body).events)
    .filter((event) => event.channel === channel)
    .map(({ name, user_id, event, subscription_count }) => [name, event ?? user_id ?? subscription_count].filter((part) => part !== undefined));

test("a presence channel's life is told, and the Node SDK validates every request", async () => {
  const room = fresh("presence-hooks-");
  const [ann, bob] = [await open({ id: "7", name: "Ann" }), await open({ id: "9", name: "Bob" })];
  for (const client of [ann, bob]) await heard(client.subscribe(room), "pusher:subscription_succeeded");
  await receiver.requests.until(() => toldOf(room).length >= 3);
  assert.equal(ann.channel(room).trigger("client-wave", { to: "Bob" }), true);
  await receiver.requests.until(() => toldOf(room).length >= 4);
  ann.disconnect();
  bob.disconnect();
  // Each is a request of its own, and one may overtake another.
  const endings = ["channel_vacated", "member_removed"];
  await receiver.requests.until(() => toldOf(room).filter(([name]) => endings.includes(name)).length >= 3);
  const names = toldOf(room).map((parts) => parts.join(" "));
  assert.deepEqual([...names].sort(), [
    "channel_occupied",
    "channel_vacated",
    "client_event client-wave",
    "member_added 7",
    "member_added 9",
    "member_removed 7",
    "member_removed 9",
  ]);
  for (const { headers, body } of receiver.requests.items) {
    const webhook = lab.sdk.webhook({ headers, rawBody: body });
    assert.equal(webhook.isValid(), true, body);
    assert.ok(webhook.getEvents().length > 0);
    assert.ok(Math.abs(Date.now() - webhook.getTime().getTime()) < 300_000);
    // And not with anything changed.
    assert.equal(lab.sdk.webhook({ headers, rawBody: `${body} ` }).isValid(), false);
  }
});

test("a miss on a cache channel is told", async () => {
  const name = fresh("cache-hooks-");
  const client = await open();
  await heard(client.subscribe(name), "pusher:cache_miss");
  await receiver.requests.until(() => toldOf(name).some(([event]) => event === "cache_miss"));
  client.disconnect();
});

const skip = noPython();
test("the Python SDK validates them", { skip }, async () => {
  const name = fresh("hooks-python-");
  const client = await open();
  await heard(client.subscribe(name), "pusher:subscription_succeeded");
  await receiver.requests.until(() => toldOf(name).some(([event]) => event === "channel_occupied"));
  client.disconnect();
  const { headers, body } = receiver.requests.items.find((request) => request.body.includes(name));
  const signature = headers["x-pusher-signature"];
  const { port } = new URL(lab.url);
  const validate = (text) => ["validate_webhook", [APP.key, signature, text], {}];
  const calls = [validate(body), validate(`${body} `)];
  const argument = { port: Number(port), app_id: APP.id, key: APP.key, secret: APP.secret, master_key: MASTER_KEY, calls };
  const python = startPython("pusher_call.py", argument);
  await python.ended();
  assert.deepEqual(python.lines.items, [{ returned: JSON.parse(body) }, { returned: null }]);
});

/** A customer's endpoint that takes everything. */
async function startReceiver() {
  const requests = inbox("webhooks");
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    response.end();
    requests.push({ headers: request.headers, body });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${portOf(server)}/hooks`,
    requests,
    stop: () => new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    }),
  };
}
