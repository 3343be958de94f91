// The presenter behind a proxy that changes Host, as nginx does unless it is told otherwise: pages say what is wrong
// and what to do, and with either documented setting they are unlocked.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as ask } from "node:http";
import { after, before, test } from "node:test";
import { CHROMIUM_MISSING, findChromium, launchChromium } from "./chromium.mjs";
import { PATIENCE_MS, portOf, startLab, TOKEN } from "./lab.mjs";

const skip = findChromium() ? false : CHROMIUM_MISSING;
let browser;

before(async () => {
  if (!skip) browser = await launchChromium();
});
after(() => browser?.close());

/** Passes everything on with the lab's own address as Host. @param {(headers: import("node:http").OutgoingHttpHeaders, asked?: string) => void} also */
async function startProxy(lab, also) {
  const { hostname, port, host } = new URL(lab.url);
  const proxy = createServer((near, answer) => {
    const headers = { ...near.headers, host };
    also(headers, near.headers.host);
    const far = ask({ hostname, port, method: near.method, path: near.url, headers }, (come) => {
      answer.writeHead(come.statusCode ?? 502, come.headers);
      come.pipe(answer);
    });
    far.on("error", () => answer.destroy());
    near.pipe(far);
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  const stop = () => { proxy.close(); proxy.closeAllConnections(); };
  return { url: `http://localhost:${portOf(proxy)}`, stop };
}

const forward = (headers, asked) => { headers["x-forwarded-host"] = asked; };
const CASES = [
  { name: "nothing is set", flags: [], also: () => {}, unlocked: false },
  { name: "the header comes from nobody who is trusted", flags: [], also: forward, unlocked: false },
  { name: "its X-Forwarded-Host is trusted", flags: ["--trusted-proxies", "127.0.0.1"], also: forward, unlocked: true },
  { name: "the page's name is in --hosts", flags: ["--hosts", "localhost"], also: () => {}, unlocked: true },
];
for (const { name, flags, also, unlocked } of CASES) {
  test(`behind a proxy that changes Host, where ${name}`, { skip }, async () => {
    const lab = await startLab(flags, { log: "proxied" });
    const proxy = await startProxy(lab, also);
    const context = await browser.newContext();
    context.setDefaultTimeout(PATIENCE_MS);
    try {
      const page = await context.newPage();
      await page.goto(`${proxy.url}/presenter/unlock/${TOKEN}`);
      assert.equal(page.url(), `${proxy.url}/`);
      await page.goto(`${proxy.url}/conditions`);
      await page.locator(`body[data-unlocked="${unlocked}"]`).waitFor();
      const statuses = await page.evaluate(async () => {
        const of = async (method, path) => (await fetch(`/presenter/api/${path}`, { method })).status;
        return [await of("DELETE", "conditions/all"), await of("GET", "apps/demo/secret")];
      });
      assert.equal(statuses[0], unlocked ? 200 : 403);
      // What changes nothing has no Origin: the browser's word for the page's origin is enough.
      assert.equal(statuses[1], 200);
      const notices = await page.locator("[data-locked-here]").allTextContents();
      assert.equal(notices.length > 0, !unlocked);
      for (const text of notices) assert.match(text, /a proxy in between changes Host.*--hosts.*proxy_set_header Host.*--trusted-proxies/);
    } finally {
      await context.close();
      proxy.stop();
      await lab.stop();
    }
  });
}
