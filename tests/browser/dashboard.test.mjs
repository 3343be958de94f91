// The dashboard: the market and the machine's own figures move on every transport, and
// the rate, the payload size and conflation do what they say.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { AS_PRESENTER, startLab } from "./lab.mjs";
import { LANES, visit } from "./visit.mjs";

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "dashboard" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

async function openDashboard() {
  const visitor = await visit(browser, `${lab.url}/dashboard`);
  const { page } = visitor;
  const shown = (name) => page.locator(`[data-show="${name}"]`);
  return {
    ...visitor,
    shown,
    isOpen: () => shown("state").filter({ hasText: /^open$/ }).waitFor(),
    /** Waits until an element says something, and then something else. @param {string} selector */
    changes: async (selector) => {
      const text = (previous) => page.waitForFunction(([sought, known]) => {
        const now = document.querySelector(sought)?.textContent.trim() ?? "";
        return /\d/.test(now) && now !== known ? now : false;
      }, [selector, previous]).then((handle) => handle.jsonValue());
      return text(await text(""));
    },
    /** Waits until a figure lies between two numbers. */
    isBetween: (name, low, high) => page.waitForFunction(([sought, from, to]) => {
      const value = Number.parseFloat((document.querySelector(`[data-show="${sought}"]`)?.textContent ?? "").replaceAll(",", ""));
      return value >= from && value <= to;
    }, [name, low, high]),
  };
}

for (const [lane, label] of Object.entries(LANES)) {
  test(`${lane}: market, age and machine are shown and move`, async () => {
    const dashboard = await openDashboard();
    await dashboard.page.getByRole("radio", { name: label, exact: true }).check({ force: true });
    await dashboard.isOpen();
    await dashboard.changes("[data-quotes]");
    for (const name of ["market-n", "age-now", "age-mean", "received-rate", "host-age"]) {
      await dashboard.changes(`[data-show="${name}"]`);
    }
    for (const name of ["cpu", "process-cpu", "memory", "process-memory", "net-in", "net-out", "load-1", "load-15"]) {
      await dashboard.shown(name).filter({ hasText: /\d/ }).waitFor();
    }
    const { host } = await (await fetch(`${lab.url}/api/lab`)).json();
    assert.equal(await dashboard.page.locator("[data-cores] > li").count(), host.cpus, "one figure for each core");
    assert.ok(await dashboard.page.locator("figure canvas").count() >= 5, "strips are drawn");
    await dashboard.finish();
  });
}

test("the last value is there at once, on every lane, though nothing new comes", async () => {
  // One event every ten seconds: what is on the screen before that is the last of before.
  const settings = { kind: "market", rate_per_s: 0.1, size_bytes: 60, conflate_ms: 0, schedule: "periodic", seed: 1 };
  const first = await openDashboard();
  await first.changes("[data-quotes]");
  const put = await fetch(`${lab.url}/api/sources/cache-dashboard-market`, { method: "PUT", headers: { ...AS_PRESENTER, "content-type": "application/json" }, body: JSON.stringify(settings) });
  assert.equal(put.status, 200);
  for (const [lane, label] of Object.entries(LANES)) {
    const dashboard = await visit(browser, `${lab.url}/dashboard?transport=${lane}`);
    await dashboard.page.locator("[data-quotes] td").first().waitFor();
    assert.equal(await dashboard.page.getByRole("radio", { name: label, exact: true }).isChecked(), true);
    // It was published before this page opened: its age says nothing of the transport.
    const age = await dashboard.page.locator('[data-show="age-now"]').textContent();
    assert.doesNotMatch(age ?? "", /\d+ s/, `${lane} opens with an age of ${age}`);
    await dashboard.finish();
  }
  await first.finish();
});

for (const viewport of [{ width: 1280, height: 800 }, { width: 360, height: 740 }]) {
  test(`at ${viewport.width} px the age is the largest thing on the page, and in view`, async () => {
    const dashboard = await visit(browser, `${lab.url}/dashboard`, { viewport, colorScheme: "dark" });
    await dashboard.page.locator('[data-show="age-now"] .num').waitFor();
    const [largest, bottom] = await dashboard.page.evaluate(() => {
      const size = (element) => Number.parseFloat(getComputedStyle(element).fontSize);
      const texts = [...document.querySelectorAll("main *")].filter((each) => [...each.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim()));
      const most = texts.reduce((one, other) => (size(other) > size(one) ? other : one));
      return [most.parentElement?.getAttribute("data-show"), most.getBoundingClientRect().bottom];
    });
    assert.equal(largest, "age-now");
    assert.ok(bottom < viewport.height);
    await dashboard.finish();
  });
}

test("the age is counted from the first quote that was published while the page was connected", async () => {
  // A quote every two seconds: the one that a new page finds is up to that old.
  const settings = { kind: "market", rate_per_s: 0.5, size_bytes: 60, conflate_ms: 0, schedule: "periodic", seed: 1 };
  const put = await fetch(`${lab.url}/api/sources/cache-dashboard-market`, { method: "PUT", headers: { ...AS_PRESENTER, "content-type": "application/json" }, body: JSON.stringify(settings) });
  assert.equal(put.status, 200);
  const first = await openDashboard();
  // A source counts from 1 when it is set anew: the second one is not among those of before.
  await first.shown("market-n").filter({ hasText: /^no\. [2-9]$/ }).waitFor();
  // The number of the first quote on the screen, and of the one with which its age appears: of the same paint.
  const seen = await visit(browser, `${lab.url}/dashboard`, {}, (context) => context.addInitScript(() => {
    const numbers = /** @type {(string|null|undefined)[]} */ ([]);
    Object.assign(window, { numbers });
    const number = () => document.querySelector('[data-show="market-n"]')?.textContent;
    new MutationObserver(() => {
      if (numbers.length === 0 && number()) numbers.push(number());
      if (numbers.length === 1 && document.querySelector('[data-show="age-now"] .num')) numbers.push(number());
    }).observe(document, { childList: true, subtree: true, characterData: true });
  }));
  const told = await seen.page.waitForFunction(() => (Reflect.get(window, "numbers").length === 2 ? Reflect.get(window, "numbers") : false));
  const [kept, fresh] = await told.jsonValue();
  assert.notEqual(kept, fresh, "the quote that was there already has no age");
  await seen.finish();
  await first.finish();
});

test("the rate is what arrives", async () => {
  const dashboard = await openDashboard();
  await dashboard.page.getByRole("radio", { name: LANES.websocket, exact: true }).check({ force: true });
  await dashboard.isOpen();
  await dashboard.page.getByLabel("Publications per second", { exact: true }).fill("50");
  await dashboard.page.keyboard.press("Tab");
  await dashboard.isBetween("received-rate", 45, 55);
  await dashboard.isBetween("painted-rate", 1, 12);
  await dashboard.finish();
});

test("conflation leaves the newest only", async () => {
  const dashboard = await openDashboard();
  await dashboard.page.getByRole("radio", { name: LANES.sse, exact: true }).check({ force: true });
  await dashboard.isOpen();
  await dashboard.page.getByLabel("Publications per second", { exact: true }).fill("50");
  await dashboard.page.keyboard.press("Tab");
  await dashboard.isBetween("received-rate", 45, 55);
  await dashboard.page.getByRole("switch", { name: /Conflation/ }).check({ force: true });
  await dashboard.isBetween("received-rate", 3, 5);
  await dashboard.finish();
});

test("the payload size is what travels", async () => {
  const dashboard = await openDashboard();
  await dashboard.isOpen();
  const size = 5000;
  const market = async () => {
    const { sources } = await (await fetch(`${lab.url}/api/sources`)).json();
    return sources.find(({ channel }) => channel === "cache-dashboard-market");
  };
  const saved = dashboard.page.waitForResponse((answer) => answer.request().method() === "PUT" && answer.ok());
  await dashboard.page.getByLabel("Payload size, at least, bytes").fill(String(size));
  await dashboard.page.keyboard.press("Tab");
  await saved;
  assert.equal((await market()).size_bytes, size);
  await dashboard.changes('[data-show="market-n"]');
  const { publications } = await (await fetch(`${lab.url}/api/channels/cache-dashboard-market/history?limit=1`)).json();
  assert.ok(JSON.stringify(publications[0].data).length >= size);
  await dashboard.finish();
});

test("the price strip follows the chosen symbol", async () => {
  const dashboard = await openDashboard();
  await dashboard.changes("[data-quotes]");
  const symbol = dashboard.page.getByLabel("Symbol");
  const symbols = await symbol.locator("option").allTextContents();
  assert.ok(symbols.length >= 2);
  await symbol.selectOption({ index: 1 });
  await dashboard.changes('[data-strip="price"] .chart-says');
  await dashboard.page.getByRole("button", { name: /Data as table.*price/ }).click();
  const shown = await dashboard.page.locator('[data-strip="price"] tbody td').first().textContent();
  const { publications } = await (await fetch(`${lab.url}/api/channels/cache-dashboard-market/history?limit=1000`)).json();
  const prices = publications.flatMap(({ data }) => data.quotes).filter((quote) => quote.symbol === symbols[1]);
  assert.ok(prices.some(({ price }) => price.toFixed(2) === shown), `${shown} is a price of ${symbols[1]}`);
  await dashboard.finish();
});
