// A tap of a lab, and a small client of every lane on its channel.

import Pusher from "pusher-js";
import { io } from "socket.io-client";
import WebSocket from "ws";

/** How long anything here may take. */
export const PATIENCE_MS = 20_000;
/** What is published, in this order: short, not ASCII, and longer than a packet and than seven bits of length can say. */
export const TEXTS = ["one", "grüße — \"∑\"\\", `long ${"x".repeat(3000)}`];

/** Name of the event that they are published as. */
export const EVENT = "tapped-event";

/**
 * Bytes with a meaning, as src/capture/annotate/part.rs describes them.
 * @typedef {{at: number, len: number, layer: string, what: string, text?: string | null, hidden?: string | null, inner?: {how: string, parts: Part[]} | null}} Part
 * @typedef {object} Unit
 * @property {number} n
 * @property {string} lane
 * @property {number} connection
 * @property {number} exchange
 * @property {"up" | "down"} direction
 * @property {"request_head" | "answer_head" | "body" | "chunk" | "frame"} kind
 * @property {number} at
 * @property {number} size
 * @property {number} kept
 * @property {{at: number, len: number, what: string}[]} hidden
 * @property {string} hex
 * @property {Part[]} parts
 */

/** @param {import("../browser/lab.mjs").Lab} lab */
export async function openTap(lab) {
  const opened = await fetch(`${lab.url}/api/taps`, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  if (opened.status !== 201) throw new Error(`no tap: ${opened.status} ${await opened.text()}`);
  const { key, channel } = /** @type {{key: string, channel: string}} */ (await opened.json());
  const ask = async (path, method = "GET") => {
    const answer = await fetch(`${lab.url}/api/taps/own${path}`, { method, headers: { "Pushlab-Tap": key } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  /** Every unit in short, of all that are kept. @returns {Promise<Unit[]>} */
  const summaries = async () => {
    const all = [];
    for (let after = 0, more = true; more; ) {
      const { units, next } = await (await ask(`?after=${after}`)).json();
      all.push(...units);
      more = units.length > 0 && next > after;
      after = next;
    }
    return all;
  };
  return {
    channel,
    summaries,
    /** Every unit, with its bytes and what they are. @returns {Promise<Unit[]>} */
    units: async () => {
      const exchanges = new Set((await summaries()).map(({ lane, connection, exchange }) => `${lane}/${connection}/${exchange}`));
      const all = [];
      for (const which of exchanges) {
        const { units, left_out: leftOut } = await (await ask(`/exchanges/${which}?last=200`)).json();
        if (leftOut > 0) throw new Error(`${leftOut} units of ${which} are left out`);
        const [lane, connection, exchange] = which.split("/");
        all.push(...units.map((unit) => ({ lane, connection: Number(connection), exchange: Number(exchange), ...unit })));
      }
      return all;
    },
    /** @param {"capture.pcapng" | "capture.har"} name */
    download: async (name) => Buffer.from(await (await ask(`/${name}`)).arrayBuffer()),
    close: async () => void (await ask("", "DELETE")),
  };
}

/** Follows a channel on every lane but the main one; resolves when each has joined. @param {import("../browser/lab.mjs").Lab} lab @param {string} channel */
export async function followAll(lab, channel) {
  const { demo_app: app } = await (await fetch(`${lab.url}/api/lab`)).json();
  const lanes = Object.keys(lab.lanes).filter((lane) => lane !== "main");
  const followers = await Promise.all(lanes.map(async (lane) => {
    const client = CLIENTS[lane];
    if (client === undefined) throw new Error(`there is no client for lane ${lane}`);
    const inbox = new Inbox(lane);
    return { inbox, ...(await client({ url: lab.lanes[lane], channel, key: app.key, heard: (data) => inbox.put(data) })) };
  }));
  return {
    lanes,
    /** Publishes a text; resolves when every lane has brought it. @param {string} text */
    publish: async (text) => {
      const body = JSON.stringify({ event: EVENT, data: text });
      const answer = await fetch(`${lab.url}/api/channels/${channel}/publications`, { method: "POST", body });
      if (!answer.ok) throw new Error(`not published: ${answer.status}`);
      await Promise.all(followers.map(async ({ inbox, look }) => {
        await look?.();
        await inbox.has(text);
      }));
    },
    /** Resolves when every client has closed what it had open. */
    close: async () => void (await Promise.all(followers.map(({ close }) => close()))),
  };
}

/** What a follower has heard. */
class Inbox {
  #lane;
  #heard = new Set();
  /** @type {Map<string, () => void>} */
  #waiting = new Map();

  /** @param {string} lane */
  constructor(lane) {
    this.#lane = lane;
  }

  /** @param {string} text */
  put(text) {
    this.#heard.add(text);
    this.#waiting.get(text)?.();
  }

  /** Resolves when this text has come. @param {string} text @returns {Promise<void>} */
  has(text) {
    if (this.#heard.has(text)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.set(text, resolve);
      AbortSignal.timeout(PATIENCE_MS).addEventListener("abort", () => reject(new Error(`${this.#lane} did not bring ${text.slice(0, 10)}`)));
    });
  }
}

/**
 * @typedef {object} Wanted
 * @property {string} url  of the lane
 * @property {string} channel
 * @property {string} key  of the demo application
 * @property {(data: string) => void} heard
 *
 * @typedef {object} Follower
 * @property {() => Promise<void>} [look]  where nothing comes by itself
 * @property {() => Promise<void>} close
 */

/** @type {Record<string, (wanted: Wanted) => Promise<Follower>>} */
const CLIENTS = {
  "short-poll": async ({ url, channel, heard }) => {
    let from = "";
    const look = async () => {
      const { epoch, offset, publications } = await (await fetch(`${url}/short-poll/${channel}${from}`)).json();
      from = `?epoch=${epoch}&offset=${offset}`;
      for (const { data } of publications) heard(data);
    };
    await look();
    return { look, close: async () => {} };
  },

  "long-poll": async ({ url, channel, heard }) => {
    const stop = new AbortController();
    let from = "?hold_ms=0";
    const ask = async () => {
      const { epoch, offset, publications } = await (await fetch(`${url}/long-poll/${channel}${from}`, { signal: stop.signal })).json();
      from = `?epoch=${epoch}&offset=${offset}`;
      for (const { data } of publications) heard(data);
    };
    await ask();
    const asking = (async () => {
      while (!stop.signal.aborted) await ask();
    })().catch(() => {});
    return {
      close: async () => {
        stop.abort();
        await asking;
      },
    };
  },

  sse: (wanted) => stream(`${wanted.url}/sse/${wanted.channel}`, wanted, "event: subscribed", (line) => line.startsWith("data: ") ? line.slice(6) : ""),
  "fetch-stream": (wanted) => stream(`${wanted.url}/fetch-stream/${wanted.channel}`, wanted, '{"subscribed"', (line) => line),

  websocket: (wanted) => plainSocket(`/ws/${wanted.channel}`, wanted),
  "actix-ws": (wanted) => plainSocket(`/actix-ws/${wanted.channel}`, wanted),

  channels: (wanted) => pusherJs("ws", wanted),
  "channels-streaming": (wanted) => pusherJs("xhr_streaming", wanted),
  "channels-polling": (wanted) => pusherJs("xhr_polling", wanted),

  "socketio-polling": (wanted) => socketio("polling", wanted),
  "socketio-websocket": (wanted) => socketio("websocket", wanted),
};

/** An answer that goes on, read line by line. @param {string} address @param {Wanted} wanted @param {string} hello @param {(line: string) => string} json @returns {Promise<Follower>} */
async function stream(address, { heard }, hello, json) {
  const stop = new AbortController();
  const response = await fetch(address, { signal: stop.signal });
  /** @type {Promise<void>} */
  let reading = Promise.resolve();
  await new Promise((resolve, reject) => {
    reading = (async () => {
      let rest = "";
      const decoder = new TextDecoder();
      const body = /** @type {AsyncIterable<Uint8Array>} */ (/** @type {unknown} */ (response.body)); // Node's is one
      for await (const bytes of body) {
        const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          if (line.startsWith(hello)) resolve(undefined);
          const said = json(line);
          if (said.includes('"event"')) heard(JSON.parse(said).data);
        }
      }
    })().catch(reject);
  });
  return {
    close: async () => {
      stop.abort();
      await reading;
    },
  };
}

/** @param {string} path @param {Wanted} wanted @returns {Promise<Follower>} */
async function plainSocket(path, { url, heard }) {
  const socket = new WebSocket(`${url.replace("http", "ws")}${path}`);
  await new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error(`${path} failed`));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data));
      if ("subscribed" in message) resolve(undefined);
      if ("event" in message) heard(message.data);
    };
  });
  // Something that goes up, too: masked, short and long.
  for (const data of ["up", "u".repeat(200)]) socket.send(JSON.stringify({ publish: { event: "up", data, id: data } }));
  return {
    close: () => new Promise((resolve) => {
      socket.onclose = () => resolve();
      socket.close(1000, "done");
    }),
  };
}

/** @param {"ws" | "xhr_streaming" | "xhr_polling"} transport @param {Wanted} wanted @returns {Promise<Follower>} */
async function pusherJs(transport, { url, channel, key, heard }) {
  const { hostname: host, port } = new URL(url);
  const client = new Pusher(key, {
    cluster: "lab", forceTLS: false, enabledTransports: [transport], disableStats: true,
    wsHost: host, wsPort: Number(port), httpHost: host, httpPort: Number(port),
  });
  const subscribed = client.subscribe(channel);
  subscribed.bind(EVENT, heard);
  await new Promise((resolve) => subscribed.bind("pusher:subscription_succeeded", resolve));
  return { close: async () => client.disconnect() };
}

/** @param {"polling" | "websocket"} transport @param {Wanted} wanted @returns {Promise<Follower>} */
async function socketio(transport, { url, channel, heard }) {
  // As the pages' client does: the channel in the address is what the lab's meters, and taps, go by.
  const client = io(`${url}/lab`, { transports: [transport], query: { channel }, reconnection: false, forceNew: true });
  await new Promise((resolve, reject) => client.on("connect", () => resolve(undefined)).on("connect_error", reject));
  client.on("publication", ({ data }) => heard(data));
  await client.timeout(PATIENCE_MS).emitWithAck("subscribe", { channel });
  return { close: async () => void client.disconnect() };
}
