// The Python SDK (PyPI `pusher`), unmodified: its nine calls, two of which sign and post in ways
// that other self-hosted servers refuse (a body MD5 on GET; terminate without the application).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Pusher from "pusher-js";
import { heard, inbox } from "./inbox.mjs";
import { APP, clientOptions, fresh, MASTER_KEY, startPusherLab } from "./pusher-lab.mjs";
import { noPython, startPython } from "./python.mjs";

const skip = noPython();

/** @type {Awaited<ReturnType<typeof startPusherLab>>} */
let lab;
/** @type {Pusher} */
let client;
before(async () => {
  if (skip) return;
  lab = await startPusherLab("pusher-python");
  client = new Pusher(APP.key, clientOptions(lab.url, { application: lab.application, user: { id: "7", name: "Ann" } }));
  await heard(client.connection, "connected");
});
after(async () => {
  client?.disconnect();
  await lab?.stop();
});

/** @returns {Promise<any[]>} what each call returned */
async function call(...calls) {
  const { port } = new URL(lab.url);
  const argument = { port: Number(port), app_id: APP.id, key: APP.key, secret: APP.secret, master_key: MASTER_KEY };
  const python = startPython("pusher_call.py", { ...argument, calls: calls.map(([name, args, named = {}]) => [name, args, named]) });
  await python.ended();
  return python.lines.items.map((line) => {
    assert.ok("returned" in line, JSON.stringify(line));
    return line.returned;
  });
}

const subscribe = async (name) => {
  const channel = client.subscribe(name);
  await heard(channel, "pusher:subscription_succeeded");
  const events = inbox(`events on ${name}`);
  channel.bind_global((event, data) => event.startsWith("pusher:") || events.push([event, data]));
  return events;
};

test("trigger and trigger_batch", { skip }, async () => {
  const name = fresh("python-");
  const events = await subscribe(name);
  const batch = [1, 2, 3].map((n) => ({ channel: name, name: "b", data: { n } }));
  const answers = await call(
    ["trigger", [name, "e", { text: "Grüße" }]],
    ["trigger", [[name], "e", "plain"]],
    ["trigger_batch", [batch]],
  );
  assert.deepEqual(answers, [{}, {}, {}]);
  const expected = [["e", { text: "Grüße" }], ["e", "plain"], ...[1, 2, 3].map((n) => ["b", { n }])];
  assert.deepEqual(await events.until(5), expected);
});

test("channels_info, channel_info, users_info: each signs the MD5 of nothing", { skip }, async () => {
  const room = fresh("presence-python-");
  await subscribe(room);
  const [channels, channel, users] = await call(
    ["channels_info", [], { prefix_filter: room, attributes: ["user_count"] }],
    ["channel_info", [room], { attributes: ["user_count"] }],
    ["users_info", [room]],
  );
  assert.deepEqual(channels, { channels: { [room]: { user_count: 1 } } });
  assert.deepEqual(channel, { occupied: true, user_count: 1 });
  assert.deepEqual(users, { users: [{ id: "7" }] });
});

test("several attributes arrive with their comma unescaped, and the signature holds", { skip }, async () => {
  const name = fresh("cache-python-");
  await subscribe(name);
  const [info] = await call(["channel_info", [name], { attributes: ["subscription_count", "cache"] }]);
  assert.deepEqual(info, { occupied: true, subscription_count: 1, cache: null });
});

test("authenticate: private, presence, encrypted; pusher-js is let in by it", { skip }, async () => {
  const names = ["private-", "presence-", "private-encrypted-"].map(fresh);
  const socket = client.connection.socket_id;
  const who = { user_id: "7", user_info: { name: "Ännchen" } };
  const answers = await call(...names.map((name, n) => ["authenticate", [name, socket, ...(n === 1 ? [who] : [])]]));
  const byName = new Map(names.map((name, n) => [name, answers[n]]));
  // The same connection, its next subscriptions answered from what Python signed.
  const authorizer = client.config.channelAuthorizer;
  client.config.channelAuthorizer = ({ channelName }, callback) => callback(null, byName.get(channelName));
  try {
    for (const name of names) await subscribe(name);
    assert.equal(/** @type {import("pusher-js").PresenceChannel} */ (client.channel(names[1])).members.me.info.name, "Ännchen");
    const events = inbox("decrypted");
    client.channel(names[2]).bind("secret", events.push);
    assert.deepEqual(await call(["trigger", [names[2], "secret", { n: "é" }]]), [{}]);
    assert.deepEqual(await events.first(), { n: "é" });
  } finally {
    client.config.channelAuthorizer = authorizer;
  }
});

test("authenticate_user, send_to_user, terminate_user_connections", { skip }, async () => {
  const id = fresh("python-user-");
  const options = clientOptions(lab.url, { application: lab.application });
  const user = new Pusher(APP.key, {
    ...options,
    userAuthentication: {
      customHandler: ({ socketId }, callback) => {
        call(["authenticate_user", [socketId, { id, user_info: { name: "Ann" } }]]).then(([answer]) => callback(null, answer)).catch((error) => callback(error, null));
      },
    },
  });
  try {
    await heard(user.connection, "connected");
    user.signin();
    await user.user.signinDonePromise;
    await heard(user.user.serverToUserChannel, "pusher:subscription_succeeded", "the user's own channel");
    const message = heard(user.user, "dm");
    assert.deepEqual(await call(["send_to_user", [id, "dm", { hello: "Ann" }]]), [{}]);
    assert.deepEqual(await message, { hello: "Ann" });
    const ended = heard(user.connection, "disconnected");
    assert.deepEqual(await call(["terminate_user_connections", [id]]), [{}]);
    await ended;
  } finally {
    user.disconnect();
  }
});
