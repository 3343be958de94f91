// A tap as the lab would give it, made up: for what no run brings on demand (a lab that has none left, one that ends, a
// payload of 16 KiB, hidden and compressed bytes). What lanes really say is tested with the lab's own.

const encode = new TextEncoder();
const hexOf = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const sizeOf = (text) => encode.encode(text).length;

/** A part of text, placed later. */
export const part = (layer, what, text, more = {}) => ({ layer, what, by: "protocol", section: null, note: null, hidden: null, inner: null, ...more, text, len: sizeOf(text) });
/** Parts one after the other. */
export const placed = (parts) => {
  let at = 0;
  return parts.map((each) => {
    const here = { at, ...each };
    at += each.len;
    return here;
  });
};
const header = (name, value, by) => part("http_headers", `header ${name}`, `${name}: ${value}\r\n`, { by, section: "RFC 9110 §5", note: `What ${name} says.` });

/** A unit of text. */
export function unit(given, parts, more = {}) {
  const all = placed(parts);
  const hex = hexOf(encode.encode(all.map(({ text, len }) => text ?? "x".repeat(len)).join("")));
  return { connection: 1, exchange: 1, at: 0, hidden: [], status: null, method: null, is_empty_answer: null, publications: [], numbers: [], size: hex.length / 2, kept: hex.length / 2, ...given, hex, parts: all, ...more };
}

const envelope = (n, size) => placed([
  part("protocol", "offset", `{"offset":${n},`), part("lab", "instants", `"intended_us":1764450000000000,"published_us":1764450000000123,`, { by: "lab" }),
  part("protocol", "name data", `"data":`), part("payload", "data", `{"n":${n},"pad":"${"x".repeat(size - 18)}"}`, { by: "application" }), part("protocol", "end", "}"),
]);

export const CHANNEL = "compare-abcdefghij01234567";

/**
 * Of short polls (with a cookie), and frames of a WebSocket: one masked, one compressed, one of 16 KiB. The lab compresses no
 * frame; a server in front of it, or another one whose bytes are shown, may.
 */
export function units(nowUs) {
  let n = 0;
  const at = (ms) => ({ n: ++n, first_us: nowUs + ms * 1000, last_us: nowUs + ms * 1000 + 200 });
  const poll = (exchange, ms, body, numbers) => {
    const lane = { lane: "short-poll", connection: 1, exchange };
    const head = [
      part("http_headers", "method", "GET ", { by: "page", section: "RFC 9110 §9.3.1", note: "It asks for what stands there and changes nothing." }),
      part("http_headers", "path", `/short-poll/${CHANNEL}?offset=${exchange} `, { by: "page" }), part("http_headers", "version", "HTTP/1.1\r\n", { by: "browser", section: "RFC 9112 §3" }),
      header("Host", "127.0.0.1:8081", "browser"), header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "browser"),
      part("http_headers", "name Cookie", "Cookie: ", { by: "browser" }), { ...part("http_headers", "a cookie", "x".repeat(40), { by: "browser", hidden: "cookie" }), text: null, len: 40 },
      part("http_headers", "line end", "\r\n"), part("http_headers", "end of the head", "\r\n", { section: "RFC 9112 §2.1" }),
    ];
    return [
      unit({ ...lane, ...at(ms), direction: "up", kind: "request_head", method: "GET", title: `GET /short-poll/${CHANNEL}?offset=${exchange}` }, head, { hidden: [{ at: 180, len: 40, what: "cookie" }] }),
      unit({ ...lane, ...at(ms + 2), direction: "down", kind: "answer_head", status: 200, title: "200 OK" },
        [part("http_headers", "status line", "HTTP/1.1 200 OK\r\n", { by: "server", section: "RFC 9112 §4" }), header("content-type", "application/json", "server"), part("http_headers", "end", "\r\n", { by: "server" })]),
      unit({ ...lane, ...at(ms + 2), direction: "down", kind: "body", title: "body", numbers, is_empty_answer: body === null }, body ?? [part("protocol", "an empty list", `{"publications":[]}`)]),
    ];
  };
  const websocket = { lane: "websocket", connection: 2, exchange: 1 };
  const frame = (ms, direction, parts, more) => unit({ ...websocket, ...at(ms), direction, kind: "frame", title: `text frame` }, parts, more);
  const small = envelope(3, 60);
  const sizes = (parts) => parts.reduce((sum, { len }) => sum + len, 0);
  const bits = (text, what, more = {}) => ({ ...part("framing", what, text, { section: "RFC 6455 §5.2", note: "Of a frame's first two bytes.", ...more }) });
  const all = [
    ...poll(1, -3000, envelope(1, 60), [1]), ...poll(2, -2500, null, []), ...poll(3, -2000, envelope(2, 60), [2]),
    unit({ ...websocket, ...at(-4000), direction: "up", kind: "request_head", method: "GET", title: `GET /ws/${CHANNEL}` }, [part("http_headers", "request line", `GET /ws/${CHANNEL} HTTP/1.1\r\n`, { by: "page" }), header("Upgrade", "websocket", "browser"), part("http_headers", "end", "\r\n")]),
    unit({ ...websocket, ...at(-3999), direction: "down", kind: "answer_head", status: 101, title: "101 Switching Protocols" }, [part("http_headers", "status line", "HTTP/1.1 101 Switching Protocols\r\n", { by: "server" }), part("http_headers", "end", "\r\n")]),
    frame(-900, "up", [bits("\u0001", "not FIN, opcode 1 (text)"), bits("\u0002", "length"), bits("abcd", "masking key"), part("protocol", "masked payload", "zz", { inner: { how: "unmasked", parts: placed([part("protocol", "a ping", "{}")]) } })]),
    frame(-800, "down", [bits("A", "FIN, compressed, opcode 1 (text)"), bits("\u001c", "length 28"), { ...part("payload", "compressed payload", "c".repeat(28), { inner: { how: "inflated", parts: small } }), text: null }], { numbers: [3] }),
    frame(-700, "down", [bits("\u0001", "opcode 1 (text)"), bits("~", "length in the next 2 B"), bits("@\u0000", "length 16,384"), ...envelope(4, 16384)], { numbers: [4] }),
    frame(-600, "down", [bits("\u0001", "opcode 1 (text)"), bits("~", "length in the next 2 B"), bits("\u0000\u0080", "length 128"), part("framing", "Engine.IO packet type 4: message", "4"), part("protocol", "Socket.IO packet type 2: event", "2"),
      part("protocol", "data as a string", JSON.stringify(small.map(({ text }) => text).join("")), { inner: { how: "string unescaped", parts: small } }), part("payload", "hostile", `<img src=x onerror="document.title='owned'">\u202e`)], { numbers: [5], size: undefined }),
  ];
  return all.map((each) => ({ ...each, size: each.size ?? sizes(each.parts) }));
}

/**
 * @param {import("playwright-core").BrowserContext} context
 * @param {{refuses?: boolean}} [options]
 */
export async function withTap(context, { refuses = false } = {}) {
  const state = { ended: false, deleted: 0, asked: 0, all: /** @type {any[]} */ ([]) };
  const json = (status, body) => ({ status, contentType: "application/json", body: JSON.stringify(body) });
  const gone = json(404, { error: { code: "unknown_tap", message: "no tap has this key: it ended, or gave way to a newer one of the same address", hint: "Open one with POST /api/taps and send its key in the header Pushlab-Tap; on the compare page, start again." } });
  await context.route(/\/api\/taps(\/|$|\?)/, async (route) => {
    const request = route.request();
    const url = new URL(request.url());
    const rest = url.pathname.replace(/^\/api\/taps/, "");
    if (request.method() === "POST") {
      state.asked += 1;
      if (refuses) return route.fulfill(json(503, { error: { code: "too_many_taps", message: "24 views of the wire are open already", hint: "Close the Bytes and Sequence tabs that nobody looks at, or wait a minute: one that is not read ends by itself." } }));
      return route.fulfill(json(201, { key: "k", channel: CHANNEL, hides_messages: false, lane_bytes_max: 131072, idle_s: 60 }));
    }
    if (request.method() === "DELETE") {
      state.deleted += 1;
      return route.fulfill({ status: 204 });
    }
    if (state.ended || (await request.headerValue("pushlab-tap")) !== "k") return route.fulfill(gone);
    if (state.all.length === 0) state.all = units(Date.now() * 1000);
    if (rest === "/own") {
      const after = Number(url.searchParams.get("after"));
      const summaries = state.all.filter(({ n }) => n > after).map(({ hex: _hex, parts: _parts, ...summary }) => summary);
      return route.fulfill(json(200, { channel: CHANNEL, now_us: Date.now() * 1000, next: summaries.at(-1)?.n ?? after, lanes: { "short-poll": { kept_bytes: 1000, dropped_units: 12 } }, units: summaries }));
    }
    const [, lane, connection, exchange] = rest.match(/^\/own\/exchanges\/([^/]+)\/(\d+)\/(\d+)$/) ?? [];
    if (lane !== undefined) {
      const all = state.all.filter((each) => each.lane === lane && each.connection === Number(connection) && each.exchange === Number(exchange));
      if (all.length === 0) {
        return route.fulfill(json(404, { error: { code: "unknown_exchange", message: `exchange ${exchange} on connection ${connection} of lane ${lane} is not kept`, hint: "Only the newest bytes of each lane are kept: choose an exchange that GET /api/taps/own lists." } }));
      }
      // Heads always; of the rest those up to a number, and of these the last ones.
      const isHead = ({ kind }) => kind.endsWith("_head");
      const rest = all.filter((each) => !isHead(each) && each.n <= Number(url.searchParams.get("upto") ?? Infinity));
      const given = rest.slice(-Number(url.searchParams.get("last") ?? 50));
      const found = all.filter((each) => isHead(each) || given.includes(each));
      return route.fulfill(json(200, { lane, connection: Number(connection), exchange: Number(exchange), units: found, left_out: rest.length - given.length, layers: { up: {}, down: {} } }));
    }
    return route.fulfill({ status: 200, body: `file ${url.search}` });
  });
  return state;
}
