// "Your first event": the code that /examples shows, as it stands there, run by whoever it is for. Each language's event
// reaches an unmodified client on the channel that the code names, and the page's clock.
//
// curl, Node and Python run here. What PHP's and Ruby's libraries send is in tests/pusher/sdk_wire.rs, byte for byte.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import Pusher from "pusher-js";
import { launchChromium } from "../browser/chromium.mjs";
import { ROOT } from "../browser/lab.mjs";
import { visit } from "../browser/visit.mjs";
import { heard, inbox } from "./inbox.mjs";
import { APP, clientOptions, startPusherLab } from "./pusher-lab.mjs";
import { noPython, runPython } from "./python.mjs";

const run = promisify(execFile);

/** How the code of each language is run; what it prints. @type {Record<string, {skip?: string, run: (code: string, folder: string) => Promise<string>}>} */
const RUN = {
  curl: { run: async (code) => (await run("sh", ["-c", code])).stdout },
  Node: {
    run: async (code, folder) => {
      const file = path.join(folder, "first.cjs");
      writeFileSync(file, code);
      return (await run(process.execPath, [file])).stdout;
    },
  },
  Python: {
    skip: noPython(),
    run: async (code, folder) => {
      const file = path.join(folder, "first.py");
      writeFileSync(file, code);
      return runPython(file);
    },
  },
};
/** What each prints where all is well. */
const SAYS = { curl: "{}", Node: "200\n", Python: "{}\n" };

/** @type {Awaited<ReturnType<typeof startPusherLab>>} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
/** Below the lab's packages, so that `require` finds them. */
let folder = "";
before(async () => {
  lab = await startPusherLab("snippets");
  browser = await launchChromium();
  folder = mkdtempSync(path.join(ROOT, "target/test-logs/snippets-"));
});
after(async () => {
  await browser?.close();
  await lab?.stop();
  rmSync(folder, { recursive: true, force: true });
});

for (const [language, { skip, run: carryOut }] of Object.entries(RUN)) {
  test(`the code for ${language}, as the page shows it, publishes the first event`, { skip }, async () => {
    const visitor = await visit(browser, `${lab.url}/examples`);
    const { page } = visitor;
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByRole("tab", { name: language, exact: true }).click();
    // Neither ASCII alone nor free of what a language might escape.
    const data = { message: 'Grüße an "Ann" & $BEN', n: [1, 2.5, true, null] };
    await page.getByLabel("Data").fill(JSON.stringify(data));
    const code = page.locator('[data-show="snippet"]');
    await code.filter({ hasText: APP.secret }).filter({ hasText: "Ann" }).waitFor();
    const text = String(await code.textContent());
    const [name] = /first-[0-9a-f]{8}/.exec(text) ?? [];
    assert.ok(name, text);
    const client = new Pusher(APP.key, clientOptions(lab.url, { application: lab.application }));
    try {
      const channel = client.subscribe(name);
      await heard(channel, "pusher:subscription_succeeded");
      const events = inbox(`events by ${language}`);
      channel.bind("my-event", events.push);
      assert.equal(await carryOut(text, folder), SAYS[language]);
      assert.deepEqual(await events.until(1), [data]);
    } finally {
      client.disconnect();
    }
    await page.getByText(/^Your first event came after \d+ s, under five minutes/).waitFor();
    await visitor.finish();
  });
}

test("every language that the page offers is run here, or its library's bytes are known", async () => {
  const visitor = await visit(browser, `${lab.url}/examples`);
  await visitor.page.getByRole("tab").first().waitFor();
  const offered = await visitor.page.getByRole("tab").allTextContents();
  assert.deepEqual(offered, [...Object.keys(RUN), "PHP", "Ruby", "Rust"]);
  await visitor.finish();
});
