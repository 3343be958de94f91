// Pictures of every page for people to look at: desktop and phone, light and dark.
//
//   npm run screenshots                       starts target/release/pushlab
//   npm run screenshots -- --url http://…     of a lab that is running
//   npm run screenshots -- --readme           only docs/compare.png, the README's picture, taken anew
//
// They go to target/screenshots and judge nothing; the tests do that.

import { mkdirSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { launchChromium } from "./chromium.mjs";
import { ROOT, startLab } from "./lab.mjs";
import { PAGES, visit } from "./visit.mjs";

const FOLDER = path.join(ROOT, "target/screenshots");
const WIDTHS = { desktop: 1280, phone: 360 };
/** Live pages are shown with some life in them: strips need a few seconds of points. */
const LIVELY_MS = 6_000;

const { values: options } = parseArgs({ options: { url: { type: "string" }, readme: { type: "boolean" } } });
mkdirSync(FOLDER, { recursive: true });
const lab = options.url === undefined ? await startLab([], { log: "screenshots" }) : undefined;
const url = options.url ?? String(lab?.url);
const browser = await launchChromium();
try {
  if (options.readme) await takeReadmes();
  else await takeAll();
} finally {
  await browser.close();
  await lab?.stop();
}

/** Every page in every form. */
async function takeAll() {
  await fillLobby(url);
  for (const [name, address] of Object.entries(PAGES)) {
    for (const [device, width] of Object.entries(WIDTHS)) {
      for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
        const viewport = { width, height: width < 600 ? 740 : 800 };
        const visitor = await visit(browser, url + address, { viewport, colorScheme });
        await prepare(visitor.page, name);
        const file = path.join(FOLDER, `${name}-${device}-${colorScheme}.png`);
        await visitor.page.screenshot({ path: file, fullPage: true });
        console.log(path.relative(ROOT, file));
        await visitor.context.close();
      }
    }
  }
}

/** The README's picture: a guess, and what came of it after twenty seconds. */
async function takeReadmes() {
  const address = "/compare?guess=10&rate_per_s=4&size_bytes=60&poll_interval_ms=500&schedule=poisson";
  // Rows that change places are moved there, and would be caught on their way.
  const visitor = await visit(browser, url + address, { reducedMotion: "reduce", colorScheme: "light" });
  await visitor.page.getByRole("button", { name: /start/i }).first().click();
  await visitor.page.getByText(/^0:2\d$/).waitFor();
  const file = path.join(ROOT, "docs/compare.png");
  await visitor.page.screenshot({ path: file });
  console.log(path.relative(ROOT, file));
  await visitor.finish();
}

/** Some conversation, so that the chat page is not empty. */
async function fillLobby(url) {
  const lines = [["Ann", "Is anybody on long polling?"], ["Ben", "I am. It feels the same as yours."], ["Ann", "Then look at the bytes."]];
  for (const [name, text] of lines) {
    const answer = await fetch(`${url}/api/channels/presence-chat-lobby/publications?demo=chat&client=${name}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ event: "message", data: { name, text } }),
    });
    await answer.body?.cancel();
  }
}

/** Brings a page into the state worth looking at. */
async function prepare(page, name) {
  if (name === "recovery") {
    await page.getByText("All three are connected").waitFor();
    await page.waitForTimeout(2_000);
    await page.getByRole("button", { name: "Cut all three" }).click();
  }
  if (name === "compare") await page.getByRole("button", { name: /start/i }).first().click();
  await page.waitForTimeout(LIVELY_MS);
}
