// A network cable that a test can pull: a TCP relay before every lane of a lab.
//
// Chromium's own offline switch is no cut: an open event stream and a held request go
// on under it, and a WebSocket is only paused (seen with Chromium 156). Here `cut()`
// resets every connection and refuses new ones until `restore()`, which is what every
// transport has to survive. The pages name the lanes' ports, so the relay's ports are
// written into the documents (and their headers) as they pass.

import { once } from "node:events";
import net from "node:net";
import { portOf } from "./lab.mjs";

/**
 * @param {import("./lab.mjs").Lab} lab
 */
export async function startNetwork(lab) {
  /** @type {Set<net.Socket>} */
  const sockets = new Set();
  let whole = true;
  let isMute = false;
  let takesUpgrades = true;

  const relay = (targetPort) => net.createServer((near) => {
    if (!whole) return void near.resetAndDestroy();
    const far = net.connect(targetPort, "127.0.0.1");
    for (const [socket, other] of [[near, far], [far, near]]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    near.pipe(far);
    far.on("data", (chunk) => { if (!isMute) near.write(chunk); });
    far.on("end", () => near.end());
    near.on("data", (chunk) => {
      if (!takesUpgrades && /^upgrade: websocket/im.test(chunk.toString("latin1"))) near.resetAndDestroy();
    });
  });

  const relays = [];
  /** @type {Record<string, string>} port of the lab → port of the relay */
  const ports = {};
  for (const url of new Set(Object.values(lab.lanes))) {
    const port = new URL(url).port;
    const server = relay(Number(port));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    relays.push(server);
    ports[port] = String(portOf(server));
  }
  const rewrite = (text) => text.replaceAll(/(?<=:)\d{2,5}\b/g, (port) => ports[port] ?? port);

  return {
    url: rewrite(lab.url),

    /** Where the relay of a lane is. @param {string} url  the lane's own */
    relayed: rewrite,

    /** Makes every page of a context use the relays. @param {import("playwright-core").BrowserContext} context */
    carry: async (context) => {
      // A document that the test hands over has no address for Chromium, and what comes from
      // nowhere may not call this machine (Local Network Access) without leave.
      await context.grantPermissions(["local-network-access"]);
      await context.route("**/*", async (route) => {
        if (route.request().resourceType() !== "document") return route.fallback();
        const answer = await route.fetch();
        const headers = Object.fromEntries(Object.entries(answer.headers()).map(([name, value]) => [name, rewrite(value)]));
        delete headers["content-length"];
        await route.fulfill({ response: answer, headers, body: rewrite(await answer.text()) });
      });
    },

    /** Every connection is reset, as when a device leaves the network; new ones are refused. */
    cut: () => {
      whole = false;
      for (const socket of sockets) socket.resetAndDestroy();
    },

    /** From now on nothing comes from the lab, while what goes to it arrives; until `restore()`. */
    mute: () => void (isMute = true),

    restore: () => void ([whole, isMute] = [true, false]),

    /** From now on no WebSocket is opened, as behind a proxy that does not know them. */
    blockWebSockets: () => void (takesUpgrades = false),

    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(relays.map((server) => new Promise((done) => server.close(done))));
    },
  };
}
