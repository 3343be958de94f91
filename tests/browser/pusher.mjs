// A raw client of Pusher Channels, protocol 7, for tests that need somebody at the other
// end of a channel. It is a WebSocket in a bare page of the browser: Node 20 has none of
// its own, and no library stands between the test and the frames. Waits have a deadline.

import { PATIENCE_MS } from "./lab.mjs";

/**
 * @param {import("playwright-core").Browser} browser
 * @param {import("./lab.mjs").Lab} lab
 * @returns the connection once it is established
 */
export async function connectPusher(browser, lab) {
  const { demo_app: app } = await (await fetch(`${lab.url}/api/lab`)).json();
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  await page.goto(`${lab.url}/healthz`);
  await page.evaluate((url) => {
    window.frames_ = [];
    window.socket_ = new WebSocket(url);
    window.socket_.addEventListener("message", ({ data }) => window.frames_.push(JSON.parse(data)));
  }, `${lab.lanes.channels.replace("http", "ws")}/app/${app.key}?protocol=7&client=test`);

  /** The first frame of this name that nobody has taken yet. @param {string} event */
  const next = async (event) => {
    const found = await page.waitForFunction((name) => {
      const at = window.frames_.findIndex((frame) => frame.event === name);
      return at < 0 ? null : window.frames_.splice(at, 1)[0];
    }, event, { polling: 20 });
    return /** @type {{event: string, data?: any, channel?: string}} */ (await found.jsonValue()); // waited for
  };
  const send = (frame) => page.evaluate((text) => window.socket_.send(text), JSON.stringify(frame));

  const established = await next("pusher:connection_established");
  const { socket_id: socketId } = JSON.parse(established.data);
  return {
    app,
    socketId,
    next,
    send,

    /** Subscribes, authorized by the demo application's own server where that is needed. */
    subscribe: async (channel, params = {}) => {
      const isGuarded = /^(private|presence)-/.test(channel);
      const form = new URLSearchParams({ socket_id: socketId, channel_name: channel, ...params });
      const auth = isGuarded ? await (await fetch(`${lab.url}/pusher/auth`, { method: "POST", body: form })).json() : {};
      await send({ event: "pusher:subscribe", data: { channel, ...auth } });
      await next("pusher_internal:subscription_succeeded");
    },

    /** What came and nobody asked for. */
    rest: () => page.evaluate(() => window.frames_),

    close: () => context.close(),
  };
}
