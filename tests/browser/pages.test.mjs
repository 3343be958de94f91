// What holds for every page: WCAG 2.2 AA as far as axe can tell, in light and in dark;
// no sideways scrolling on a phone; nothing in the console, nothing from another host.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { AS_PRESENTER, startLab } from "./lab.mjs";
import { FURTHER, PAGES, visit } from "./visit.mjs";

const WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** Without this axe writes fetched style sheets into the page, which the page's own policy refuses, aloud. */
const AXE_OPTIONS = { preload: false };
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, deviceScaleFactor: 2 };

/** Brings a page into use: empty, it would hide most of what can be wrong with it. */
const INTO_USE = {
  home: (page) => page.locator("[data-figures] dd").first().waitFor(),
  chat: async (page) => {
    await page.locator("#state").filter({ hasText: /^open$/ }).waitFor();
    await page.getByRole("textbox", { name: "Message" }).fill("A word that is much too long for a phone: ".repeat(3) + "o".repeat(80));
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("list", { name: "Messages" }).getByText("much too long").first().waitFor();
  },
  dashboard: async (page) => {
    await page.locator("[data-quotes] td").first().waitFor();
    await page.locator('[data-show="load-15"]').filter({ hasText: /\d/ }).waitFor();
    await page.getByRole("button", { name: /Data as table/ }).first().click();
  },
  compare: async (page) => {
    await page.getByRole("button", { name: "Settings", exact: true }).click();
    await page.getByLabel("Event rate, per second").fill("20");
    await page.getByLabel("Warm-up, s").fill("1");
    // Not by the pointer: on a busy machine the list may move under it.
    for (const lane of await page.getByRole("checkbox").all()) if (!(await lane.isChecked())) await lane.evaluate((box) => /** @type {HTMLInputElement} */ (box).click());
    await page.getByRole("button", { name: "Done", exact: true }).click();
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await page.locator(".cell-delivered .stage-number").filter({ hasText: /^[1-9]\d+$/ }).first().waitFor();
  },
  join: (page) => page.getByRole("heading", { name: "Join the class" }).waitFor(),
  docs: (page) => page.getByRole("navigation", { name: "Chapters" }).waitFor(),
  "a chapter": (page) => page.getByRole("navigation", { name: "Chapters" }).waitFor(),
  "a chapter of tables": (page) => page.getByRole("table").first().waitFor(),
  "the wall": (page) => page.locator("main").first().waitFor(),
  conditions: async (page) => {
    await page.getByText("Or build your own").click();
    await page.getByRole("checkbox", { name: "latency", exact: true }).check();
    await page.getByRole("checkbox", { name: "tunnel", exact: true }).check();
    await page.getByRole("button", { name: "Put into effect" }).click();
    await page.getByText("Choose a lane first.").waitFor();
  },
  recovery: async (page) => {
    await page.getByLabel("Numbers per second").fill("10");
    await page.getByLabel("Away for, s").fill("1");
    await page.getByText("All three are connected").waitFor();
    await page.getByRole("button", { name: "Cut all three" }).click();
    await page.getByText("All three are back").waitFor();
  },
  console: async (page) => {
    await page.locator('[data-show="state"]').filter({ hasText: /^open$/ }).waitFor();
    await page.getByLabel("Channel", { exact: true }).fill("a-channel-with-a-long-name".repeat(5));
    await page.getByLabel("Data", { exact: true }).fill("o".repeat(300));
    await page.getByRole("button", { name: "Send the event" }).click();
    await page.locator('[data-what="published"]').first().waitFor();
    await page.getByRole("button", { name: "Work it out for this event" }).click();
    await page.locator("[data-steps] li").nth(5).waitFor();
    await page.locator("[data-usage] dd").first().waitFor();
    await page.locator("[data-channels] > *").first().waitFor();
  },
  examples: async (page) => {
    for (const name of ["socketio", "pusher"]) {
      const card = page.locator(`[data-example="${name}"]`);
      await card.getByRole("button").click();
      await card.locator("[data-part=says]").filter({ hasText: "Ann and Ben heard" }).waitFor();
    }
  },
  experiments: (page) => page.locator(".tile").first().waitFor(),
  claims: (page) => page.locator("#B28").waitFor(),
  lessons: (page) => page.locator(".tile").first().waitFor(),
  "a lesson": async (page) => {
    await page.getByRole("button", { name: "Guess", exact: true }).click();
    await page.getByRole("spinbutton").fill("100");
    await page.getByRole("button", { name: "That is my guess" }).click();
    await page.getByRole("button", { name: "Show what comes out" }).click();
  },
  "an experiment": async (page) => {
    await page.getByText("What theory expects, and what is run").click();
    await page.getByRole("spinbutton").fill("3");
  },
  "an experiment of this browser": async (page) => {
    await page.getByRole("button", { name: "Begin" }).click();
    await page.locator('[data-tab="visible"]').waitFor();
  },
  "a phone": async (page) => {
    await page.getByLabel("The code on the wall").fill("K4");
    await page.getByRole("button", { name: "Join" }).click();
    await page.getByRole("alert").filter({ hasText: "4 letters and digits" }).waitFor();
  },
  runs: async (page) => {
    await page.getByText("More settings").click();
    await page.locator("#plan-schedule").waitFor();
  },
};

/** @type {import("./lab.mjs").Lab} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startLab([], { log: "pages" });
  // Without a class its pages have nothing to be used.
  await fetch(`${lab.url}/api/class`, { method: "POST", headers: { ...AS_PRESENTER, "content-type": "application/json" }, body: "{}" });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

for (const [name, address] of Object.entries({ ...PAGES, ...FURTHER })) {
  describe(name, () => {
    for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
      test(`is clean for axe in ${colorScheme}`, async () => {
        const visitor = await visit(browser, lab.url + address, { colorScheme, reducedMotion: "reduce" });
        await INTO_USE[name](visitor.page);
        const axe = new AxeBuilder({ page: visitor.page }).options(AXE_OPTIONS).withTags(WCAG_22_AA);
        const { violations } = await axe.analyze();
        assert.deepEqual(violations.flatMap(describeViolation), []);
        await visitor.finish();
      });
    }

    test("fits a phone of 360 px without sideways scrolling", async () => {
      const visitor = await visit(browser, lab.url + address, PHONE);
      await INTO_USE[name](visitor.page);
      assert.deepEqual(await visitor.page.evaluate(sidewaysScrolling), []);
      await visitor.finish();
    });

    test("works by keyboard: the first tab stop leads past the menu", async () => {
      const visitor = await visit(browser, lab.url + address);
      await visitor.page.keyboard.press("Tab");
      await visitor.page.keyboard.press("Enter");
      assert.equal(await visitor.page.evaluate(() => location.hash), "#main");
      await visitor.finish();
    });
  });
}

test("the code viewer is clean for axe, and Escape closes it", async () => {
  const visitor = await visit(browser, lab.url, { reducedMotion: "reduce" });
  // Of every transport: one whose lines are long scrolls sideways.
  for (const button of await visitor.page.getByRole("button", { name: "Show the code" }).all()) {
    await button.click();
    await visitor.page.getByRole("dialog").getByText("as this page runs it").waitFor();
    const axe = new AxeBuilder({ page: visitor.page }).options(AXE_OPTIONS).withTags(WCAG_22_AA);
    const { violations } = await axe.analyze();
    assert.deepEqual(violations.flatMap(describeViolation), []);
    await visitor.page.keyboard.press("Escape");
    await visitor.page.getByRole("dialog").waitFor({ state: "hidden" });
  }
  await visitor.finish();
});

test("the chosen theme survives a reload", async () => {
  const visitor = await visit(browser, lab.url, { colorScheme: "light" });
  const toggle = visitor.page.locator("[data-theme-toggle]");
  await toggle.click();
  assert.equal(await toggle.getAttribute("aria-pressed"), "true");
  await visitor.page.reload();
  assert.equal(await visitor.page.locator("html").getAttribute("data-theme"), "dark");
  assert.equal(await toggle.getAttribute("aria-pressed"), "true");
  await visitor.finish();
});

test("an unknown address is answered with 404", async () => {
  const answer = await fetch(`${lab.url}/no-such-page`);
  assert.equal(answer.status, 404);
  await answer.body?.cancel();
});

/** "color-contrast: #send — Elements must meet … (expected 4.5:1, found 3.9:1)", one line per element */
function describeViolation({ id, help, nodes }) {
  return nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")} — ${help}. ${failureSummary}`);
}

/** Runs in the page. @returns {string[]} empty, or the width and the elements that stick out */
function sidewaysScrolling() {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const isScrolledInside = (element) => {
    for (let parent = element.parentElement; parent !== null; parent = parent.parentElement) {
      if (getComputedStyle(parent).overflowX !== "visible" && parent !== document.body) return true;
    }
    return false;
  };
  const outside = [...document.body.querySelectorAll("*")]
    .filter((element) => element.getBoundingClientRect().right > clientWidth + 0.5 && !isScrolledInside(element))
    .map((element) => `<${element.localName} id="${element.id}" class="${element.className}"> reaches ${element.getBoundingClientRect().right} px`);
  return [`the page is ${scrollWidth} px wide on a screen of ${clientWidth} px`, ...outside];
}
