// The home page: the figures of every lane are live, and the ways lead where they say.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { ROOT, startLab } from "./lab.mjs";
import { enter, newRoom } from "./room.mjs";
import { LANES, visit } from "./visit.mjs";

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "home" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

test("every lane's card counts what is delivered over it", async () => {
  const visitor = await visit(browser, lab.url);
  // Totals and delays are of different times, and it says of which.
  await visitor.page.getByText(/^Totals since the start .* ago, delays of the last 5 min;/).waitFor();
  for (const lane of Object.keys(LANES)) {
    const room = newRoom();
    const ann = await enter(browser, { url: lab.url, room, lane, name: "Ann" });
    await ann.say("Counted");
    await ann.isConfirmed("Counted");
    const card = (heading) => visitor.page.getByRole("article").filter({ has: visitor.page.getByRole("heading", { name: heading, exact: true }) });
    const [, library, short] = /^(Channels over|Socket\.IO,) (.*)$/.exec(LANES[lane]) ?? [];
    if (library) {
      const own = visitor.page.getByRole("rowheader", { name: short, exact: true });
      const row = card(library === "Socket.IO," ? "Socket.IO" : "Pusher Channels").getByRole("row").filter({ has: own });
      await row.locator("td").nth(1).filter({ hasText: /[1-9]/ }).waitFor();
    } else if (await card(LANES[lane]).count() === 0) {
      const own = visitor.page.locator(`[data-lane="${lane}"]`);
      const row = card("The same envelope, other ways").getByRole("row").filter({ has: own });
      await row.locator("td").nth(1).filter({ hasText: /[1-9]/ }).waitFor();
    } else {
      await card(LANES[lane]).locator("dd").nth(1).filter({ hasText: /[1-9]/ }).waitFor();
    }
    await ann.finish();
  }
  await visitor.finish();
});

test("the menu and the buttons lead to every page", async () => {
  const visitor = await visit(browser, lab.url);
  const ways = [["Chat", /Chat room lobby/], ["Dashboard", /Dashboard/], ["Compare", /Compare/], ["Recovery", /Recovery/], ["Lab", /Poll or push/]];
  for (const [link, heading] of ways) {
    const navigation = visitor.page.getByRole("navigation", { name: "Pages" });
    if (link === "Recovery") await navigation.getByText("More").click();
    await navigation.getByRole("link", { name: link }).click();
    await visitor.page.getByRole("heading", { level: 1, name: heading }).waitFor();
    assert.equal(await navigation.locator("li:not(.site-nav-narrow) > [aria-current=page]").textContent(), link);
  }
  await visitor.finish();
});

test("the classic example is shown in both languages, as text", async () => {
  const visitor = await visit(browser, lab.url);
  await visitor.page.getByRole("button", { name: "The classic example, twice" }).click();
  const dialog = visitor.page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "JavaScript, on Node.js", exact: true }).waitFor();
  const panes = await Promise.all([0, 1].map((n) => dialog.locator(".code-lines").nth(n).locator("li").allTextContents()));
  const [js, rust] = panes.map((lines) => lines.join("\n"));
  for (const said of ["connection", "send-message", "new-message"]) assert.ok(js.includes(said), said);
  assert.equal(rust, readFileSync(`${ROOT}/src/protocol/socketio/classic.rs`, "utf8").trim());
  await visitor.finish();
});

test("a lane's card opens the chat on that transport", async () => {
  const visitor = await visit(browser, lab.url);
  await visitor.page.getByRole("link", { name: "Chat over long polling" }).click();
  await visitor.page.locator("#state").filter({ hasText: /^open$/ }).waitFor();
  assert.equal(await visitor.page.locator("#transport option:checked").textContent(), LANES["long-poll"]);
  await visitor.finish();
});
