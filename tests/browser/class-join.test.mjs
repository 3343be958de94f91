// How phones come in: what the projector shows, joining with a phone, and what is said where none comes.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { CHROMIUM_MISSING, findChromium, launchChromium } from "./chromium.mjs";
import { startLab, TOKEN } from "./lab.mjs";
import { visit } from "./visit.mjs";

const skip = findChromium() ? false : CHROMIUM_MISSING;
const PROJECTOR = { viewport: { width: 1920, height: 1080 } };
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, visitor: true };
/** A name that leads to the lab as an address of the classroom would, also on a machine without a network. */
const NAME = "lab.example";
const AXE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  if (!skip) browser = await launchChromium([`--host-resolver-rules=MAP ${NAME} 127.0.0.1`]);
});
after(() => browser?.close());

/** The lab's address under that name. @param {import("./lab.mjs").Lab} lab */
const named = (lab) => lab.url.replace(/127\.0\.0\.1|0\.0\.0\.0/, NAME);

/** Chromium says of every page on http that is no localhost that its isolation is off; phones have it so. */
const NOT_ISOLATED = /Cross-Origin-Opener-Policy header has been ignored/;

describe("a class", { skip }, () => {
  /** @type {import("./lab.mjs").Lab} */
  let lab;
  before(async () => (lab = await startLab(["--hosts", NAME], { log: "class-join", command: "class" })));
  after(() => lab?.stop());

  /** @param {string} address @param {Parameters<typeof visit>[2]} [options] */
  async function open(address, options) {
    const visitor = await visit(browser, address, options);
    visitor.expectComplaint(NOT_ISOLATED);
    return visitor;
  }
  const code = () => lab.told.class?.code ?? "";

  test("is on from the start, and the address in the terminal leads to where it is led", async () => {
    assert.match(code(), /^[23456789ABCDEFGHJKMNPQRSTUVWXYZ]{4}$/);
    const answer = await fetch(`${lab.url}/presenter/unlock/${TOKEN}`, { redirect: "manual" });
    assert.equal(answer.headers.get("location"), "/presenter/class");
    const refused = await fetch(`${lab.url}/presenter/class`, { headers: { accept: "text/html" } });
    assert.equal(refused.status, 403);
    assert.match(await refused.text(), /address that the lab printed in its terminal[^<]*\/presenter\/unlock\/TOKEN/);
  });

  test("no address for phones is a loopback", async (t) => {
    const { class: started, from_elsewhere: elsewhere = [] } = lab.told;
    const addresses = started?.phone === undefined ? elsewhere : [...elsewhere, started.phone];
    if (addresses.length === 0) return t.skip("this machine is in no network, so the lab names no address for phones");
    for (const address of addresses) {
      assert.doesNotMatch(address, /\/\/(127\.|localhost|\[::1\]|169\.254\.|\[fe80)/);
    }
  });

  test("a projector shows a code to point at, an address to read and the class's code, on the first screen", async () => {
    const { page, finish } = await open(`${named(lab)}/join`, { ...PROJECTOR, visitor: true });
    const picture = page.locator(".qr:visible");
    const box = await picture.boundingBox();
    assert.ok(box !== null && box.width >= 480 && box.y + box.height <= 1080, JSON.stringify(box));
    const size = await page.locator(".join-address:visible").evaluate((node) => parseFloat(getComputedStyle(node).fontSize));
    assert.ok(size >= 40, `${size} px`);
    assert.equal(await page.locator(".join-code:visible").innerText(), code());
    const title = await picture.locator("title").textContent();
    assert.match(title ?? "", new RegExp(`^QR code: http://.*/phone\\?code=${code()}$`));
    assert.doesNotMatch(title ?? "", /127\.|localhost/);
    assert.equal(await page.locator("[data-count]").innerText(), "Nobody is in yet");
    await finish();
  });

  test("the teacher's choice of an address is kept, and another window of the browser follows", async (t) => {
    const { page, context, finish } = await open(`${named(lab)}/join`, { visitor: true });
    const choice = page.getByRole("radio", { name: NAME });
    // The name by which the page was opened stands beside the machine's own addresses.
    if ((await choice.count()) === 0) {
      await finish();
      return t.skip("this machine has one address for phones, so there is nothing to choose");
    }
    const second = await context.newPage();
    await second.goto(`${named(lab)}/join`);
    await choice.check();
    const shown = `${named(lab)}/join`;
    await second.locator(".join-address:visible", { hasText: shown }).waitFor();
    await page.reload();
    await page.locator(".join-address:visible", { hasText: shown }).waitFor();
    assert.equal(await choice.isChecked(), true);
    await finish();
  });

  test("after a minute without a phone it says what to do, in order; a phone that joins ends that", async () => {
    const context = await browser.newContext(PROJECTOR);
    const page = await context.newPage();
    await page.clock.install();
    await page.goto(`${named(lab)}/join`);
    await page.locator("[data-trouble]").waitFor();
    assert.equal(await page.locator("[data-late]").isVisible(), false);
    await page.clock.fastForward(61_000);
    await page.clock.runFor(11_000);
    const says = page.locator("[data-late-says]");
    await says.filter({ hasText: "No phone has reached this laptop. If yours waits for ever, this Wi-Fi may keep devices apart." }).waitFor();
    const items = await page.locator("[data-trouble] li > strong").allTextContents();
    assert.deepEqual(items, ["Devices kept apart", "The firewall of this laptop", "A VPN", "https instead of http", "Then use a hotspot", "Or without phones"]);
    const ports = await page.locator("[data-trouble] li .num").allTextContents();
    const own = Object.values(lab.lanes).map((url) => Number(new URL(url).port));
    assert.deepEqual(ports.slice(0, 2).map(Number), [Math.min(...own), Math.max(...own)]);

    const phone = await open(`${named(lab)}/join`, PHONE);
    assert.equal(await phone.page.getByLabel("Code", { exact: true }).inputValue(), code());
    await phone.page.getByLabel("Code", { exact: true }).fill(code().toLowerCase());
    await phone.page.getByRole("button", { name: "Join" }).tap();
    await phone.page.waitForURL(/\/phone$/);
    await page.locator("[data-late]").waitFor({ state: "hidden" });
    await context.close();
    await phone.context.close();
  });

  test("a wrong code is told, and the field has the focus again", async () => {
    const { page, expectComplaint, finish } = await open(`${named(lab)}/join`, PHONE);
    expectComplaint(/status of 403/);
    await page.getByLabel("Code", { exact: true }).fill("2222");
    await page.keyboard.press("Enter");
    await page.locator("[data-join-error]").filter({ hasText: /code/ }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), "code");
    assert.equal(new URL(page.url()).pathname, "/join");
    await finish();
  });

  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    test(`/join is clean for axe and fits 320 px, ${colorScheme}`, async () => {
      const { page, finish } = await open(`${named(lab)}/join`, { ...PHONE, viewport: { width: 320, height: 640 }, colorScheme });
      await page.locator("[data-census]").waitFor();
      await page.getByText("Phones do not come in?").click();
      const { violations } = await new AxeBuilder({ page }).options({ preload: false }).withTags(AXE).analyze();
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`), []);
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 320);
      await finish();
    });
  }

  test("the first page leads to it", async () => {
    const { page, finish } = await open(`${named(lab)}/`, PHONE);
    await page.getByRole("heading", { name: `A class is on: join with the code ${code()}` }).waitFor();
    await page.getByRole("link", { name: "Join", exact: true }).click();
    await page.waitForURL(/\/join$/);
    await finish();
  });
});

describe("a lab on the loopback", { skip }, () => {
  /** @type {import("./lab.mjs").Lab} */
  let lab;
  before(async () => (lab = await startLab([], { log: "class-loopback" })));
  after(() => lab?.stop());

  test("says how to start a class that phones can join, and shows no code to point at", async () => {
    const visitor = await visit(browser, `${lab.url}/join`, { visitor: true });
    await visitor.page.getByRole("heading", { name: "No class is on" }).waitFor();
    await visitor.page.locator(".join-command", { hasText: "pushlab class" }).waitFor();
    await visitor.page.locator('body[data-unlocked="false"]').waitFor();
    assert.equal(await visitor.page.locator("[data-start]").evaluate((button) => /** @type {HTMLElement} */ (button).inert), true);
    assert.match(await visitor.page.locator("[data-locked]").innerText(), /Only whoever leads the lab/);
    await visitor.finish();

    const { page, finish } = await visit(browser, `${lab.url}/join`);
    await page.locator('body[data-unlocked="true"]').waitFor();
    await page.getByRole("button", { name: "Start a class" }).click();
    await page.getByRole("heading", { name: "Join the class" }).waitFor();
    assert.equal(await page.locator(".qr").count(), 0);
    await finish();
    assert.equal((await fetch(`${lab.url}/join/qr.svg`)).status, 404);
  });
});

describe("a class over TLS on one port", { skip }, () => {
  /** @type {import("./lab.mjs").Lab} */
  let lab;
  before(async () => (lab = await startLab(["--hosts", NAME, "--tls-self-signed", "--single-port"], { log: "class-tls", command: "class" })));
  after(() => lab?.stop());

  test("explains the phones' warning with the certificate's fingerprint, and what one port does", async () => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(`${named(lab)}/join`);
    await page.getByText("Phones warn of this page").click();
    await page.getByText(lab.told.tls_fingerprint ?? "none").waitFor();
    await page.getByText("One port only").click();
    await page.getByText(/at most six connections to one address/).waitFor();
    await page.getByText("Phones do not come in?").click();
    await page.getByText(`TCP port ${new URL(lab.url).port}`).waitFor();
    assert.match((await page.locator(".qr:visible title").textContent()) ?? "", /^QR code: https:/);
    await context.close();
  });
});
