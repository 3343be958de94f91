// The Channels console, as somebody uses it: what happens shows up and can be sifted, an
// event goes out and comes in elsewhere, the code it shows does what it says.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { launchChromium } from "./chromium.mjs";
import { AS_PRESENTER, PATIENCE_MS, portOf, startLab } from "./lab.mjs";
import { connectPusher } from "./pusher.mjs";
import { visit } from "./visit.mjs";

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "console" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** A channel that no other test uses. */
let channels = 0;
const newChannel = (prefix = "") => `${prefix}console-${process.pid}-${(channels += 1)}`;

/** Opens the console and waits until its feed is open. */
async function openConsole(options = {}) {
  const visitor = await visit(browser, `${lab.url}/console`, options, (context) => context.grantPermissions(["clipboard-read", "clipboard-write"]));
  const { page } = visitor;
  await page.locator('[data-show="state"]').filter({ hasText: /^open$/ }).waitFor();
  return {
    ...visitor,
    /** Entries with a text. @param {string | RegExp} text  @param {string} [what] */
    entry: (text, what) => page.locator(what ? `[data-feed] [data-what="${what}"]` : "[data-feed] li").filter({ hasText: text }),
    pre: page.locator('[data-show="snippet"]'),
    send: async ({ channel, event, data, socketId = "" }) => {
      await page.getByLabel("Channel", { exact: true }).fill(channel);
      await page.getByLabel("Event", { exact: true }).fill(event);
      await page.getByLabel("Data", { exact: true }).fill(data);
      await page.getByLabel(/Exclude the connection/).fill(socketId);
      await page.getByRole("button", { name: "Send the event" }).click();
    },
    answer: (text) => page.locator('[data-show="answer"]').filter({ hasText: text }).waitFor(),
  };
}

test("what is pressed before the list of applications has come is carried out once it has", async () => {
  let come = () => {};
  const hasCome = new Promise((resolve) => { come = () => resolve(undefined); });
  const { page, finish } = await visit(browser, `${lab.url}/console`, {}, (context) => context.route("**/presenter/api/apps", async (route) => {
    await hasCome;
    await route.continue();
  }));
  await page.getByLabel("Channel", { exact: true }).fill(newChannel());
  await page.getByLabel("Event", { exact: true }).fill("early");
  await page.getByLabel("Data", { exact: true }).fill("1");
  await page.getByRole("button", { name: "Send the event" }).click();
  assert.equal(new URL(page.url()).search, "", "the form did not leave the page");
  come();
  await page.locator('[data-show="answer"]').filter({ hasText: /^200 / }).waitFor();
  await finish();
});

test("the feed shows connections, subscriptions, members, events, calls and how they end", async () => {
  const visitor = await openConsole();
  const client = await connectPusher(browser, lab);
  const channel = newChannel("presence-");
  await visitor.entry(`${client.socketId} connected over websocket`).waitFor();
  await client.subscribe(channel, { client: "c7", name: "Ann" });
  await visitor.entry(channel, "occupied").waitFor();
  await visitor.entry(channel, "subscribed").filter({ hasText: "as c7" }).waitFor();
  await visitor.entry(channel, "member_added").filter({ hasText: "c7 is there" }).waitFor();
  await client.send({ event: "client-wave", channel, data: { hand: "left" } });
  await visitor.entry(channel, "client_event").filter({ hasText: '{"hand":"left"}' }).waitFor();
  const plain = await fetch(`${lab.url}/api/channels/${channel}/publications`, { method: "POST", body: '{"event":"say","data":"by plain HTTP"}' });
  assert.equal(plain.status, 200);
  await visitor.entry(channel, "published_plain").filter({ hasText: "by plain HTTP" }).waitFor();
  await visitor.send({ channel, event: "tick", data: '{"n":1}' });
  await visitor.entry(channel, "published").filter({ hasText: "tick to 1 subscription" }).waitFor();
  await visitor.entry(`POST /apps/${client.app.id}/events → 200`).first().waitFor();
  await client.send({ event: "client-wave", channel: "nowhere", data: 1 });
  const refused = visitor.entry(client.socketId, "refused");
  await refused.waitFor();
  assert.equal(await refused.getAttribute("data-tone"), "bad");
  await client.close();
  await visitor.entry(channel, "vacated").waitFor();
  await visitor.entry(`${client.socketId} disconnected`).waitFor();
  await visitor.finish();
});

test("the filter sifts what is kept and what comes, by kind, channel and text", async () => {
  const visitor = await openConsole();
  const { page } = visitor;
  const [one, other] = [newChannel(), newChannel()];
  await visitor.send({ channel: one, event: "first", data: "apples" });
  await visitor.send({ channel: other, event: "second", data: "pears" });
  await visitor.entry(other, "published").waitFor();
  await page.getByLabel("Channel contains").fill(one);
  await visitor.entry(other, "published").waitFor({ state: "detached" });
  assert.equal(await visitor.entry(one, "published").count(), 1);
  assert.equal(await page.locator('[data-feed] [data-what="api_call"]').count(), 0, "a call has no channel");
  await page.getByLabel("Channel contains").fill("");
  await page.getByLabel("Text contains").fill("PEARS");
  await visitor.entry(one, "published").waitFor({ state: "detached" });
  await visitor.entry(other, "published").waitFor();
  await page.getByLabel("Text contains").fill("");
  await page.getByLabel("events", { exact: true }).uncheck();
  await page.locator('[data-feed] [data-kind="event"]').first().waitFor({ state: "detached" });
  assert.ok(await page.locator('[data-feed] [data-kind="api"]').count() >= 2);
  await page.getByLabel("events", { exact: true }).check();
  await visitor.entry(one, "published").waitFor();
  await page.getByLabel("Text contains").fill("there is no such text");
  await page.getByText("Nothing of what is kept matches the filter.").waitFor();
  await visitor.finish();
});

test("paused, entries are held back and counted; clear empties the feed", async () => {
  const visitor = await openConsole();
  const { page } = visitor;
  await page.getByRole("button", { name: "Pause" }).click();
  const channel = newChannel();
  await visitor.send({ channel, event: "held", data: "1" });
  // The event and the call; and whatever those who were here before leave behind meanwhile.
  const goOn = page.getByRole("button", { name: /^Go on \(([2-9]|\d\d+) held back\)$/ });
  await goOn.waitFor();
  assert.equal(await visitor.entry(channel).count(), 0);
  await goOn.click();
  await visitor.entry(channel, "published").waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByText("Nothing has happened since this page was opened.").waitFor();
  await visitor.finish();
});

test("an event reaches its subscribers as it was typed, but not the excluded one", async () => {
  const visitor = await openConsole();
  const [hears, does_not] = [await connectPusher(browser, lab), await connectPusher(browser, lab)];
  const channel = newChannel("private-");
  await hears.subscribe(channel);
  await does_not.subscribe(channel);
  const data = '{"text": "über <b>all</b>",\n "n": 1}';
  await visitor.send({ channel, event: "news", data, socketId: does_not.socketId });
  await visitor.answer("200 {}");
  assert.equal((await hears.next("news")).data, data);
  await does_not.send({ event: "pusher:ping", data: {} });
  await does_not.next("pusher:pong");
  assert.deepEqual(await does_not.rest(), [], "what was sent before the pong would have come before it");
  await visitor.entry("über <b>all</b>", "published").waitFor();
  await Promise.all([hears.close(), does_not.close()]);
  await visitor.finish();
});

test("the form says what the data is, and the server why it refuses", async () => {
  const visitor = await openConsole();
  const { page } = visitor;
  visitor.expectComplaint(/status of (400|413)/);
  const check = (text) => page.locator("#data-check").filter({ hasText: text }).waitFor();
  await page.getByLabel("Data", { exact: true }).fill("[1,2]");
  await check("JSON (array), 5 of 10,240 bytes.");
  await page.getByLabel("Data", { exact: true }).fill("{oops");
  await check("Not JSON:");
  await page.getByLabel("Data", { exact: true }).fill("just words");
  await check("Plain text");
  await page.getByLabel("Channel", { exact: true }).fill("private-encrypted-x");
  await check("expect ciphertext");
  await visitor.send({ channel: "not a channel", event: "e", data: "1" });
  await visitor.answer(/^400 .*character/);
  await visitor.send({ channel: "a", event: "pusher:forged", data: "1" });
  await visitor.answer(/^400 .*reserved/);
  await visitor.send({ channel: "a", event: "e", data: "é".repeat(6_000) });
  await check("Too long");
  await visitor.answer(/^413 .*10240/);
  await visitor.finish();
});

test("the secret is shown on request only, and hidden again", async () => {
  const visitor = await openConsole();
  const { page } = visitor;
  const { secret } = await (await fetch(`${lab.url}/api/apps/demo/secret`, { headers: AS_PRESENTER })).json();
  assert.ok(secret.length >= 16);
  assert.ok(!(await page.content()).includes(secret));
  assert.match(await visitor.pre.innerText(), /YOUR_APP_SECRET/);
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.locator('[data-show="app-secret"]').filter({ hasText: secret }).waitFor();
  assert.ok((await visitor.pre.innerText()).includes(secret));
  await page.getByRole("button", { name: "Hide", exact: true }).click();
  await page.locator('[data-show="app-secret"]').filter({ hasText: "not shown" }).waitFor();
  assert.ok(!(await page.content()).includes(secret));
  await visitor.finish();
});

test("the code is for this server and this event, and the copied curl call does it", async () => {
  const visitor = await openConsole();
  const { page } = visitor;
  const client = await connectPusher(browser, lab);
  const channel = newChannel();
  await client.subscribe(channel);
  const data = `{"it's":"a \\"test\\" of $HOME and \`quotes\`","n":[1,null,true]}`;
  await page.getByLabel("Channel", { exact: true }).fill(channel);
  await page.getByLabel("Data", { exact: true }).fill(data);
  const { hostname, port } = new URL(lab.url);
  for (const language of ["Node", "Python", "PHP", "Ruby", "Rust"]) {
    await page.getByRole("tab", { name: language }).click();
    const code = await visitor.pre.innerText();
    for (const part of [hostname, port, client.app.key, client.app.id, channel, "my-event"]) {
      assert.ok(code.includes(part), `${language} has ${part}: ${code}`);
    }
  }
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.getByRole("tab", { name: "curl" }).getAttribute("aria-selected"), "true", "round the corner");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByRole("button", { name: "Hide", exact: true }).waitFor();
  await page.getByRole("button", { name: "Copy", exact: true }).click();
  await page.getByText("Copied (curl).").waitFor();
  const script = await page.evaluate(() => navigator.clipboard.readText());
  const { stdout } = await promisify(execFile)("sh", ["-c", script]);
  assert.equal(stdout, "{}");
  assert.equal((await client.next("my-event")).data, data);
  await client.close();
  await visitor.finish();
});

test("the signature's steps end in a call that the server takes, and the browser agrees", async () => {
  const visitor = await openConsole();
  const { page } = visitor;
  const steps = page.locator("[data-steps] li");
  await page.getByRole("button", { name: "Work it out for this event" }).click();
  await steps.filter({ hasText: "this browser does it again" }).waitFor();
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await steps.first().waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Work it out for this event" }).click();
  await steps.filter({ hasText: "This browser has worked out the same." }).waitFor();
  const texts = await steps.locator("pre").allTextContents();
  assert.equal(texts.length, 6);
  assert.match(texts[1], /^[0-9a-f]{32}$/);
  assert.match(texts[3], /^POST\n\/apps\/\d+\/events\nauth_key=/);
  const [head, body] = texts[5].split("\n\n");
  const target = head.split("\n")[0].replace("POST ", "");
  const answer = await fetch(lab.url + target, { method: "POST", body });
  assert.equal(await answer.text(), "{}");
  await visitor.finish();
});

test("occupied channels are listed and go into the form when pressed", async () => {
  const visitor = await openConsole();
  const client = await connectPusher(browser, lab);
  const channel = newChannel("private-cache-");
  await client.subscribe(channel);
  const name = visitor.page.getByRole("button", { name: channel });
  await name.click();
  assert.equal(await visitor.page.getByLabel("Channel", { exact: true }).inputValue(), channel);
  const row = visitor.page.locator("[data-channels] tr").filter({ hasText: channel });
  assert.match((await row.textContent()) ?? "", /private, cached1—/);
  await client.close();
  await name.waitFor({ state: "detached" });
  await visitor.finish();
});

test("webhooks come with their signature checked, in the panel and in the feed", async () => {
  const visitor = await openConsole();
  const client = await connectPusher(browser, lab);
  const channel = newChannel();
  const come = visitor.page.locator("[data-webhooks] details").filter({ hasText: `channel_occupied ${channel}` });
  await visitor.page.locator("[data-webhooks] > *").first().waitFor();
  await client.subscribe(channel);
  await come.waitFor();
  assert.match(await come.locator("summary").innerText(), /signature good/);
  await come.locator("summary").click();
  assert.deepEqual(JSON.parse(await come.locator("pre").innerText()).events.filter((event) => event.channel === channel), [{ name: "channel_occupied", channel }]);
  await visitor.entry(/delivered to http:/, "webhook_delivered").first().waitFor();
  await client.close();
  await visitor.finish();
});

test("webhooks can be sent to another address, and back to the lab", async (t) => {
  /** @type {{headers: import("node:http").IncomingHttpHeaders, body: string}[]} */
  const got = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (bytes) => (body += bytes));
    request.on("end", () => {
      got.push({ headers: request.headers, body });
      response.end();
      receiver.emit("told");
    });
  }).listen(0, "127.0.0.1");
  t.after(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  await once(receiver, "listening");
  const about = async (/** @type {string} */ channel) => {
    for (const signal = AbortSignal.timeout(PATIENCE_MS); ; await once(receiver, "told", { signal })) {
      const one = got.find(({ body }) => body.includes(channel));
      if (one !== undefined) return one;
    }
  };
  const visitor = await openConsole();
  const { page } = visitor;
  visitor.expectComplaint(/status of 400/);
  await page.getByLabel(/another address/).fill("ftp://example.com/");
  await page.getByRole("button", { name: "Send there" }).click();
  await page.getByText("cannot be sent to").waitFor();
  const url = `http://127.0.0.1:${portOf(receiver)}/hooks`;
  await page.getByLabel(/another address/).fill(url);
  await page.getByRole("button", { name: "Send there" }).click();
  await page.getByText("Done: they go there from now on.").waitFor();
  await page.getByText(`They go to ${url}.`).waitFor();
  const client = await connectPusher(browser, lab);
  const channel = newChannel();
  await client.subscribe(channel);
  await visitor.entry(url, "webhook_delivered").first().waitFor();
  const { secret } = await (await fetch(`${lab.url}/api/apps/demo/secret`, { headers: AS_PRESENTER })).json();
  const one = await about(channel);
  assert.equal(one.headers["x-pusher-signature"], createHmac("sha256", secret).update(one.body).digest("hex"));
  await page.getByRole("button", { name: "Back to the lab" }).click();
  await page.getByText("Done: they come to the lab.").waitFor();
  await client.close();
  await page.locator("[data-webhooks] details").filter({ hasText: `channel_vacated ${channel}` }).waitFor();
  await visitor.finish();
});

test("the meter counts today's use and says what it would cost", async () => {
  const visitor = await openConsole();
  const { page } = visitor;
  const today = page.locator("[data-usage] dd .num").first();
  await today.waitFor();
  const before = Number(await today.textContent());
  await visitor.send({ channel: newChannel(), event: "counted", data: "1" });
  await page.waitForFunction((n) => Number(document.querySelector("[data-usage] dd .num")?.textContent) > n, before);
  assert.match((await page.locator("[data-usage]").textContent()) ?? "", /of 200,000.*of 100/s);
  await page.getByText("The hosted service's plans").click();
  assert.ok(await page.locator("[data-ladder] tbody tr").count() >= 8);
  await page.getByText("not checked at the source").waitFor();
  await visitor.finish();
});

test("every application has a feed of its own, and the chooser goes from one to the other", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "pushlab-console-"));
  const settings = path.join(folder, "pushlab.toml");
  writeFileSync(settings, '[[apps]]\nid = "77"\nkey = "second-key"\nsecret = "second-secret"\n');
  const two = await startLab(["--config", settings], { log: "console-two" });
  const visitor = await visit(browser, `${two.url}/console`);
  const { page } = visitor;
  const open = () => page.locator('[data-show="state"]').filter({ hasText: /^open$/ }).waitFor();
  await open();
  assert.deepEqual(await page.locator("[data-app] option").allTextContents(), ["1 (demo)", "77"]);
  await page.getByRole("button", { name: "Send the event" }).click();
  const published = page.locator('[data-feed] [data-what="published"]');
  await published.waitFor();
  await page.getByLabel("Watch").selectOption("77");
  await page.locator('[data-show="app-key"]').filter({ hasText: "second-key" }).waitFor();
  await published.waitFor({ state: "detached" });
  await open();
  await page.getByRole("button", { name: "Send the event" }).click();
  await page.locator("[data-feed] li").filter({ hasText: "POST /apps/77/events → 200" }).waitFor();
  assert.match((await page.locator('[data-show="snippet"]').textContent()) ?? "", /apps\/77\/events/);
  await visitor.finish();
  await two.stop();
  rmSync(folder, { recursive: true });
});

test("a reload shows again what the feed still has", async () => {
  const visitor = await openConsole();
  const channel = newChannel();
  await visitor.send({ channel, event: "before", data: "1" });
  await visitor.entry(channel, "published").waitFor();
  await visitor.page.reload();
  await visitor.entry(channel, "published").filter({ hasText: "before" }).waitFor();
  await visitor.finish();
});
