// A lab with one application of Pusher Channels, and what its users bring: the client's
// options, the server's SDK, and an application server that authorizes with that SDK.
//
// The application has everything on, and shares the channels of the plain transports.

import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import Pusher from "pusher";
import { portOf, ROOT, startLab } from "../browser/lab.mjs";

export const APP = { id: "42", key: "clients-key", secret: "clients-secret" };
/** Of encrypted channels: 32 bytes that the lab never sees. */
export const MASTER_KEY = Buffer.alloc(32, "pushlab").toString("base64");

/** Ways of pusher-js to reach us, by their names in `enabledTransports`, and the lane of each. */
export const LANES = { ws: "channels", xhr_streaming: "channels-streaming", xhr_polling: "channels-polling" };
export const TRANSPORTS = Object.keys(LANES);

/**
 * @param {string} name  of the test, for its files
 * @param {{settings?: string, flags?: string[]}} [more]  further lines of the application's table
 */
export async function startPusherLab(name, { settings = "", flags = [] } = {}) {
  const file = path.join(ROOT, `target/test-logs/${name}-${process.pid}.toml`);
  mkdirSync(path.dirname(file), { recursive: true });
  const { id, key, secret } = APP;
  const table = { id, key, secret, plain_channels: true, client_events: true, subscription_count: true, watchlists: true };
  const lines = Object.entries(table).map(([setting, value]) => `${setting} = ${JSON.stringify(value)}`);
  writeFileSync(file, ["[[apps]]", ...lines, settings, ""].join("\n"));
  const lab = await startLab(["--config", file, ...flags], { log: name });
  const application = await startApplicationServer(sdk(lab.url));
  return {
    ...lab,
    application: application.url,
    sdk: sdk(lab.url),
    stop: async () => {
      await application.stop();
      await lab.stop();
    },
  };
}

/** The SDK, pointed at us as its documentation says. */
export function sdk(url) {
  const { hostname, port } = new URL(url);
  const options = { appId: APP.id, key: APP.key, secret: APP.secret };
  return new Pusher({ ...options, host: hostname, port, useTLS: false, encryptionMasterKeyBase64: MASTER_KEY });
}

/**
 * pusher-js' options to reach `url`; the fallbacks' host is not derived from `wsHost`.
 * @param {string} url
 * @param {{application: string, transports?: import("pusher-js").Options["enabledTransports"], user?: Record<string, string>}} options
 * @returns {import("pusher-js").Options}
 */
export function clientOptions(url, { application, transports = ["ws"], user = {} }) {
  const { hostname: host, port: text } = new URL(url);
  const port = Number(text);
  return {
    cluster: "",
    wsHost: host,
    wsPort: port,
    wssPort: port,
    httpHost: host,
    httpPort: port,
    httpsPort: port,
    forceTLS: false,
    enabledTransports: transports,
    channelAuthorization: { endpoint: `${application}/pusher/auth`, transport: "ajax", params: user },
    userAuthentication: { endpoint: `${application}/pusher/user-auth`, transport: "ajax", params: user },
  };
}

/**
 * What a customer's backend does: the SDK signs. Extra parameters `id`, `name` and `watchlist`
 * (ids with commas) say who asks; a channel whose name ends in `-refused` is answered 403, one in `-forged` with a signature of
 * something else.
 */
async function startApplicationServer(pusher) {
  const server = createServer(async (request, response) => {
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "content-type,x-requested-with,x-socket-id");
    if (request.method === "OPTIONS") return response.end();
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const form = new URLSearchParams(body);
    const answer = authorize(pusher, request.url ?? "", form);
    if (answer === undefined) return response.writeHead(403).end("Forbidden");
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    stop: () => new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    }),
  };
}

function authorize(pusher, url, form) {
  const [socket, channel] = [form.get("socket_id"), form.get("channel_name")];
  // An id of digits is a number, as Laravel sends it.
  const text = form.get("id") ?? socket;
  const id = /^\d+$/.test(text) ? Number(text) : text;
  const user_info = { name: form.get("name") ?? "nobody" };
  if (url.endsWith("/user-auth")) {
    const watchlist = form.get("watchlist")?.split(",");
    return pusher.authenticateUser(socket, { id: String(id), user_info, ...(watchlist && { watchlist }) });
  }
  if (channel.endsWith("-refused")) return undefined;
  const signed = channel.endsWith("-forged") ? `${channel}-other` : channel;
  return channel.startsWith("presence-")
    ? pusher.authorizeChannel(socket, signed, { user_id: id, user_info })
    : pusher.authorizeChannel(socket, signed);
}

/** A name that no other test uses. */
export const fresh = (prefix) => `${prefix}${process.pid}-${Math.random().toString(36).slice(2, 10)}`;
