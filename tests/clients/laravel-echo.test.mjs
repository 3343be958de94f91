// Laravel Echo from npm, unmodified, on unmodified pusher-js: both of its broadcasters that
// speak Pusher's protocol. The application server authorizes with the SDK and gives users
// numeric ids, as Laravel does.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import Echo from "laravel-echo";
import Pusher from "pusher-js";
import { inbox } from "./inbox.mjs";
import { APP, clientOptions, fresh, startPusherLab } from "./pusher-lab.mjs";

/** @type {Awaited<ReturnType<typeof startPusherLab>>} */
let lab;
/** @type {Echo<any>[]} */
let echoes = [];
before(async () => {
  lab = await startPusherLab("laravel-echo");
});
afterEach(() => {
  for (const echo of echoes) echo.disconnect();
  echoes = [];
});
after(() => lab?.stop());

for (const broadcaster of ["pusher", "reverb"]) {
  describe(`Echo, broadcaster ${broadcaster}`, () => {
    const newEcho = (user = {}) => {
      // Echo takes pusher-js' options, and the endpoints by their older names.
      const { channelAuthorization, userAuthentication, ...rest } = clientOptions(lab.url, { application: lab.application });
      const echo = new Echo({
        ...rest,
        broadcaster: /** @type {"pusher"} */ (broadcaster), // "reverb" takes the same
        Pusher,
        key: APP.key,
        authEndpoint: `${lab.application}/broadcasting/auth`,
        auth: { params: user, headers: {} },
        userAuthentication: { headers: {}, ...userAuthentication, transport: "ajax", endpoint: `${lab.application}/broadcasting/user-auth`, params: user },
      });
      echoes.push(echo);
      return echo;
    };
    const subscribed = (channel, what) => {
      const box = inbox(`subscription to ${what}`);
      channel.subscribed(() => box.push(true));
      return box.first();
    };

    test("listen: a bare name after a dot, App\\Events before one without", async () => {
      const name = fresh("orders.");
      const channel = newEcho().channel(name);
      await subscribed(channel, name);
      const got = inbox("events");
      channel.listen(".shipped", (data) => got.push(["shipped", data])).listen("OrderPlaced", (data) => got.push(["placed", data]));
      await lab.sdk.trigger(name, "shipped", { id: 1 });
      await lab.sdk.trigger(name, "App\\Events\\OrderPlaced", { id: 2 });
      assert.deepEqual(await got.until(2), [["shipped", { id: 1 }], ["placed", { id: 2 }]]);
    });

    test("private: authorized, whispers, and a refusal reaches error", async () => {
      const name = fresh("invoices.");
      const [left, right] = [newEcho(), newEcho()].map((echo) => echo.private(name));
      await Promise.all([subscribed(left, name), subscribed(right, name)]);
      const heard = inbox("whispers");
      right.listenForWhisper("typing", heard.push);
      left.whisper("typing", { name: "Ann" });
      assert.deepEqual(await heard.first(), { name: "Ann" });
      const events = inbox("events");
      left.listen(".paid", events.push);
      await lab.sdk.trigger(`private-${name}`, "paid", { total: 3 });
      assert.deepEqual(await events.first(), { total: 3 });

      const errors = inbox("errors");
      newEcho().private(`${name}-refused`).error((error) => errors.push(error.status));
      newEcho().private(`${name}-forged`).error((error) => errors.push(error.status));
      assert.deepEqual((await errors.until(2)).sort(), [401, 403]);
    });

    test("encryptedPrivate: what the SDK encrypted is heard in clear", async () => {
      const name = fresh("vault.");
      const channel = newEcho().encryptedPrivate(name);
      await subscribed(channel, name);
      const got = inbox("events");
      channel.listen(".opened", got.push);
      await lab.sdk.trigger(`private-encrypted-${name}`, "opened", { by: "Zoë" });
      assert.deepEqual(await got.first(), { by: "Zoë" });
    });

    test("join with integer ids: here, joining, whisper, leaving", async () => {
      const name = fresh("room.");
      const [here, joining, leaving, whispers] = ["here", "joining", "leaving", "whispers"].map((what) => inbox(what));
      const ann = newEcho({ id: "7", name: "Ann" }).join(name);
      ann.here(here.push).joining(joining.push).leaving(leaving.push).listenForWhisper("wave", whispers.push);
      assert.deepEqual(await here.first(), [{ name: "Ann" }]);

      const bobsEcho = newEcho({ id: "10", name: "Bob" });
      const bob = bobsEcho.join(name);
      const bobHere = inbox("here, as Bob sees it");
      bob.here(bobHere.push);
      assert.deepEqual((await bobHere.first()).map((info) => info.name).sort(), ["Ann", "Bob"]);
      assert.deepEqual(await joining.first(), { name: "Bob" });
      bob.whisper("wave", { to: "Ann" });
      assert.deepEqual(await whispers.first(), { to: "Ann" });

      // The same user once more is nobody new, and the first of the two to go leaves nobody out.
      const again = newEcho({ id: "10", name: "Bob" });
      const secondHere = inbox("here, in Bob's other tab");
      again.join(name).here(secondHere.push);
      assert.equal((await secondHere.first()).length, 2);
      again.leave(name);
      bobsEcho.leave(name);
      assert.deepEqual(await leaving.first(), { name: "Bob" });
      assert.equal(joining.items.length, 1);
    });

    test("leave: nothing of the channel any more", async () => {
      const name = fresh("left.");
      const echo = newEcho();
      const channel = echo.channel(name);
      await subscribed(channel, name);
      const got = inbox("events");
      channel.listen(".e", got.push);
      echo.leave(name);
      // By another subscription of the same connection: what was left would have come before it.
      const witness = echo.channel(`${name}.witness`);
      await subscribed(witness, "the witness");
      const seen = inbox("the witness' event");
      witness.listen(".e", seen.push);
      await lab.sdk.trigger([name, `${name}.witness`], "e", 1);
      await seen.first();
      assert.deepEqual(got.items, []);
    });

    test("socketId is what the SDK excludes by", async () => {
      const name = fresh("toothers.");
      const echo = newEcho();
      const channel = echo.channel(name);
      await subscribed(channel, name);
      const got = inbox("events");
      channel.listen(".e", got.push);
      await lab.sdk.trigger(name, "e", "not for me", { socket_id: echo.socketId() });
      await lab.sdk.trigger(name, "e", "for me");
      assert.deepEqual(await got.until(1), ["for me"]);
    });
  });
}
