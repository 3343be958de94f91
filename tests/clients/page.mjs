// An empty page with somebody's browser build on it, from an origin of its own.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { portOf, ROOT } from "../browser/lab.mjs";

/**
 * @param {string} script  of an npm package, for example "pusher-js/dist/web/pusher.min.js"
 * @param {() => void} inThePage  what the page offers the test
 */
export async function servePage(script, inThePage) {
  // By its path: not every package exports what it ships for browsers.
  const file = path.join(ROOT, "node_modules", script);
  const html = `<!doctype html><meta charset="utf-8"><title>${script}</title><link rel="icon" href="data:,">
<script src="/client.js"></script><script>(${inThePage})()</script>`;
  const server = createServer(({ url }, response) => {
    const isScript = url === "/client.js";
    response.setHeader("content-type", `${isScript ? "text/javascript" : "text/html"}; charset=utf-8`);
    response.end(isScript ? readFileSync(file) : html);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${portOf(server)}/`,
    stop: () => new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    }),
  };
}
