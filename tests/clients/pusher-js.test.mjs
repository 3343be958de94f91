// pusher-js from npm, unmodified, under Node, over each of its transports.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import Pusher from "pusher-js";
import { startNetwork } from "../browser/network.mjs";
import { heard, inbox } from "./inbox.mjs";
import { APP, clientOptions, fresh, LANES, startPusherLab, TRANSPORTS } from "./pusher-lab.mjs";

/** @type {Awaited<ReturnType<typeof startPusherLab>>} */
let lab;
/** @type {Pusher[]} */
let clients = [];
before(async () => {
  lab = await startPusherLab("pusher-js");
});
afterEach(() => {
  for (const client of clients) client.disconnect();
  clients = [];
});
after(() => lab?.stop());

for (const transport of /** @type {import("pusher-js").Options["enabledTransports"] & {}} */ (TRANSPORTS)) {
  describe(`pusher-js over ${transport}`, () => {
    /** A client over this transport alone, not yet connected. */
    const newClient = ({ user = {}, url = lab.lanes[LANES[transport]], key = APP.key } = {}) => {
      const options = clientOptions(url, { application: lab.application, transports: [transport], user });
      const client = new Pusher(key, options);
      clients.push(client);
      return client;
    };
    const connect = async (more) => {
      const client = newClient(more);
      if (client.connection.state !== "connected") await heard(client.connection, "connected");
      return client;
    };
    const subscribe = async (client, name) => {
      const channel = client.subscribe(name);
      await heard(channel, "pusher:subscription_succeeded", `subscription to ${name}`);
      return channel;
    };

    test("connects, over this transport, and is told its socket id", async () => {
      const client = await connect();
      assert.match(client.connection.socket_id, /^\d+\.\d+$/);
      assert.equal(client.connection.connection.transport.name, transport);
    });

    test("an unknown key ends in disconnected and is never tried again", async () => {
      const client = newClient({ key: "nobody" });
      const states = inbox("state changes");
      const errors = inbox("errors");
      client.connection.bind("state_change", ({ current }) => states.push(current));
      client.connection.bind("error", errors.push);
      await states.until((all) => all.includes("disconnected"));
      assert.ok(errors.items.some(({ error }) => error?.data?.code === 4001), JSON.stringify(errors.items));
    });

    test("a public channel carries what the SDK triggers, in order and byte for byte", async () => {
      const name = fresh("news-");
      const channel = await subscribe(await connect(), name);
      const events = inbox("events");
      channel.bind_global((event, data) => event.startsWith("pusher:") || events.push([event, data]));
      /** @type {[string, unknown][]} */
      const sent = [
        ["object", { x: 1, text: "Grüße \u{1f600} \"quoted\" \\ \u2028" }],
        ["text", "not JSON"],
        ["App\\Events\\Named", { nested: { list: [1, 2.5, null, true] } }],
        ["number", 7],
      ];
      for (const [event, data] of sent) await lab.sdk.trigger(name, event, data);
      // A string that reads as JSON is decoded by the client: the protocol cannot tell them apart.
      assert.deepEqual(await events.until(sent.length), sent);
    });

    test("fifty events one after the other arrive in order", async () => {
      const name = fresh("burst-");
      const channel = await subscribe(await connect(), name);
      const numbers = inbox("numbers");
      channel.bind("n", numbers.push);
      for (let n = 0; n < 50; n += 1) await lab.sdk.trigger(name, "n", { n });
      assert.deepEqual((await numbers.until(50)).map(({ n }) => n), [...Array(50).keys()]);
    });

    test("the connection that the publisher names is left out", async () => {
      const name = fresh("exclude-");
      const [left, other] = await Promise.all([connect(), connect()]);
      const [leftChannel, otherChannel] = await Promise.all([left, other].map((client) => subscribe(client, name)));
      const boxes = [leftChannel, otherChannel].map((channel) => {
        const box = inbox("events");
        channel.bind("e", box.push);
        return box;
      });
      await lab.sdk.trigger(name, "e", 1, { socket_id: left.connection.socket_id });
      await lab.sdk.trigger(name, "e", 2);
      assert.deepEqual(await boxes[1].until(2), [1, 2]);
      assert.deepEqual(await boxes[0].until(1), [2]);
    });

    test("a private channel with the SDK's authorization; client events go to the others only", async () => {
      const name = fresh("private-");
      const channels = await Promise.all((await Promise.all([connect(), connect()])).map((client) => subscribe(client, name)));
      const boxes = channels.map((channel) => {
        const box = inbox("client events");
        channel.bind("client-typing", (data, metadata) => box.push([data, metadata]));
        return box;
      });
      assert.equal(channels[0].trigger("client-typing", { on: true }), true);
      assert.equal(channels[1].trigger("client-typing", { on: false }), true);
      // Each has the other's and, once that has come, not its own.
      assert.deepEqual((await boxes[0].until(1)).map(([data]) => data), [{ on: false }]);
      assert.deepEqual((await boxes[1].until(1)).map(([data]) => data), [{ on: true }]);
      assert.equal(boxes[0].items[0][1]?.user_id, undefined);
    });

    test("no authorization, no subscription: neither a refusal nor a forged signature", async () => {
      const client = await connect();
      for (const prefix of ["private-", "private-cache-", "private-encrypted-", "presence-", "presence-cache-"]) {
        const refused = client.subscribe(`${fresh(prefix)}-refused`);
        assert.equal((await heard(refused, "pusher:subscription_error")).status, 403, prefix);
        if (prefix === "private-encrypted-") continue;
        const forged = client.subscribe(`${fresh(prefix)}-forged`);
        const error = await heard(forged, "pusher:subscription_error");
        assert.deepEqual([error.type, error.status], ["AuthError", 401], prefix);
        assert.equal(forged.subscribed, false);
      }
      assert.equal(client.connection.state, "connected");
    });

    test("presence: members, joins, leaves, and who sent a client event", async () => {
      const name = fresh("presence-");
      const [ann, bob] = await Promise.all([connect({ user: { id: "7", name: "Ann" } }), connect({ user: { id: "9", name: "Bob" } })]);
      const seenByAnn = await subscribe(ann, name);
      // The id as the application server gave it, a number: this side of the client never asked us.
      assert.deepEqual(seenByAnn.members.me, { id: 7, info: { name: "Ann" } });
      assert.equal(seenByAnn.members.count, 1);

      const added = heard(seenByAnn, "pusher:member_added");
      const seenByBob = await subscribe(bob, name);
      assert.deepEqual(await added, { id: "9", info: { name: "Bob" } });
      assert.equal(seenByAnn.members.count, 2);
      assert.equal(seenByBob.members.count, 2);
      assert.deepEqual(seenByBob.members.get("7"), { id: "7", info: { name: "Ann" } });

      const whispers = inbox("whispers");
      seenByAnn.bind("client-hello", (data, metadata) => whispers.push([data, metadata.user_id]));
      seenByBob.trigger("client-hello", { to: "Ann" });
      assert.deepEqual(await whispers.first(), [{ to: "Ann" }, "9"]);

      const removed = heard(seenByAnn, "pusher:member_removed");
      bob.disconnect();
      assert.equal((await removed).id, "9");
      assert.equal(seenByAnn.members.count, 1);
    });

    test("an encrypted channel: encrypted by the SDK, opaque to the lab, decrypted here", async () => {
      const name = fresh("private-encrypted-");
      const channel = await subscribe(await connect(), name);
      const got = heard(channel, "secret");
      await lab.sdk.trigger(name, "secret", { plan: "Überraschung" });
      assert.deepEqual(await got, { plan: "Überraschung" });
    });

    test("a cache channel: a miss first, then the last event for whoever comes later", async () => {
      const name = fresh("cache-");
      const early = (await connect()).subscribe(name);
      await heard(early, "pusher:cache_miss");
      const seen = heard(early, "latest");
      await lab.sdk.trigger(name, "latest", { v: 1 });
      await seen;
      const late = (await connect()).subscribe(name);
      assert.deepEqual(await heard(late, "latest"), { v: 1 });
    });

    test("subscribers are told how many they are", async () => {
      const name = fresh("counted-");
      const counts = inbox("subscription counts");
      const channel = (await connect()).subscribe(name);
      channel.bind("pusher:subscription_count", ({ subscription_count }) => counts.push(subscription_count));
      await counts.until((all) => all.at(-1) === 1);
      await subscribe(await connect(), name);
      await counts.until((all) => all.at(-1) === 2);
      assert.equal(channel.subscriptionCount, 2);
    });

    test("sign-in, a message to the user, termination by the SDK", async () => {
      const id = fresh("u");
      const client = await connect({ user: { id, name: "Ann" } });
      client.signin();
      await client.user.signinDonePromise;
      assert.deepEqual(client.user.user_data, { id, user_info: { name: "Ann" } });
      await heard(client.user.serverToUserChannel, "pusher:subscription_succeeded", "the user's own channel");
      const message = heard(client.user, "dm");
      await lab.sdk.sendToUser(id, "dm", { hello: "Ann" });
      assert.deepEqual(await message, { hello: "Ann" });

      const ended = heard(client.connection, "disconnected");
      await lab.sdk.terminateUserConnections(id);
      await ended;
      assert.equal(client.connection.state, "disconnected");
    });

    test("a watchlist: who is online at sign-in, who comes, who goes", async () => {
      const [ann, bob, zoe] = ["ann-", "bob-", "zoe-"].map(fresh);
      const signIn = async (user) => {
        const client = await connect({ user });
        client.signin();
        await client.user.signinDonePromise;
        return client;
      };
      await signIn({ id: bob });
      const client = await connect({ user: { id: ann, watchlist: `${bob},${zoe}` } });
      const news = inbox("watchlist events");
      for (const event of ["online", "offline"]) {
        client.user.watchlist.bind(event, ({ user_ids }) => news.push([event, ...user_ids].join(" ")));
      }
      client.signin();
      await news.until((all) => all.includes(`online ${bob}`) && all.includes(`offline ${zoe}`));
      const third = await signIn({ id: zoe });
      await news.until((all) => all.includes(`online ${zoe}`));
      third.disconnect();
      await news.until((all) => all.filter((text) => text === `offline ${zoe}`).length === 2);
    });

    test("subscribe, unsubscribe, subscribe back to back takes effect in that order", async () => {
      const name = fresh("private-back-to-back-");
      const client = await connect();
      await subscribe(client, name);
      for (let n = 0; n < 3; n += 1) client.unsubscribe(name);
      const channel = client.subscribe(name);
      client.unsubscribe(name);
      client.subscribe(name);
      await heard(channel, "pusher:subscription_succeeded");
      const got = heard(channel, "e");
      await lab.sdk.trigger(name, "e", 1);
      assert.equal(await got, 1);
    });

    test("what is published plainly arrives here, and what the SDK triggers arrives there", async () => {
      const name = fresh("shared-");
      const channel = await subscribe(await connect(), name);
      const got = heard(channel, "hello");
      const body = JSON.stringify({ event: "hello", data: { from: "curl" } });
      const { status } = await fetch(`${lab.url}/api/channels/${name}/publications`, { method: "POST", body });
      assert.equal(status, 200);
      assert.deepEqual(await got, { from: "curl" });
      await lab.sdk.trigger(name, "hello", { from: "sdk" });
      const { publications } = await (await fetch(`${lab.url}/short-poll/${name}?history=10`)).json();
      assert.deepEqual(publications.map(({ data }) => data.from), ["curl", "sdk"]);
    });

    test("after a cut it connects by itself and has its channels again", async () => {
      const network = await startNetwork(lab);
      try {
        const name = fresh("private-cut-");
        const client = await connect({ url: network.relayed(lab.lanes[LANES[transport]]) });
        const first = client.connection.socket_id;
        const channel = await subscribe(client, name);
        const away = inbox("states");
        client.connection.bind("state_change", ({ current }) => away.push(current));
        network.cut();
        await away.until((all) => all.some((state) => state !== "connected"));
        network.restore();
        await heard(channel, "pusher:subscription_succeeded", "the second subscription");
        assert.notEqual(client.connection.socket_id, first);
        const got = heard(channel, "e");
        await lab.sdk.trigger(name, "e", "again");
        assert.equal(await got, "again");
        client.disconnect();
      } finally {
        await network.stop();
      }
    });
  });
}
