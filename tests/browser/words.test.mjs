// What pages say and hand over where the browser or a library has other words, or none: reasons in the chat, and copying
// on plain HTTP, where browsers have no navigator.clipboard.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { reasonOf } from "../../static/js/chat/reason.js";
import { launchChromium } from "./chromium.mjs";
import { startLab } from "./lab.mjs";
import { visit } from "./visit.mjs";

describe("reasons are words for people", () => {
  for (const [cause, words] of [
    ["xhr poll error", "the server does not answer"],
    ["websocket error", "the server does not answer"],
    [new TypeError("Failed to fetch"), "the server does not answer"],
    [new DOMException("signal timed out", "TimeoutError"), "the server did not answer in time"],
    [new Error("operation has timed out"), "the server did not answer in time"],
    [new Error("not connected"), "there is no connection just now"],
    ["transport close", "the connection broke off"],
    [undefined, "the connection broke off"],
    ["undefined", "the connection broke off"],
    ["", "the connection broke off"],
    [new Error("an event name has 1 to 200 bytes"), "an event name has 1 to 200 bytes"],
  ]) {
    test(`${cause instanceof Error ? cause.message : JSON.stringify(cause)}: ${words}`, () => assert.equal(reasonOf(cause), words));
  }
});

describe("copying without a clipboard API", () => {
  let lab, browser;
  before(async () => { [lab, browser] = await Promise.all([startLab([], { log: "words" }), launchChromium()]); });
  after(async () => { await browser?.close(); await lab?.stop(); });

  test("copies the code that the chat shows, out of its dialog", async () => {
    const tab = await visit(browser, `${lab.url}/chat`, {}, (context) =>
      context.addInitScript(() => Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined })));
    const { page } = tab;
    await page.locator("#show-code").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: /copy/i }).click();
    await dialog.getByText("Copied.").waitFor();
    await page.keyboard.press("Escape");
    const box = page.getByRole("textbox", { name: "Message" });
    await box.focus();
    await page.keyboard.press("ControlOrMeta+V");
    assert.match(await box.inputValue(), /^\/\*\s/);
    await tab.finish();
  });
});
