/*
  observed.js: when this page's own script sent, and when it received. The server's tap knows the instants on its side;
  the other end of every arrow is noted here, with performance.now(), at the calls that the transports make:

      fetch            called ─ headers came ─ each piece read ─ body read
      XMLHttpRequest   send() ─ headers came ─ each piece       ─ loadend
      WebSocket        first listener set (it was made in the same turn) ─ open ─ send(), message … ─ close
      EventSource      the same ─ open ─ each event

  Nothing is replaced but methods and setters on prototypes (and fetch, which is no class), and each calls through with
  what it was given and hands back what it got: constructors, constants and instanceof are the browser's own, also for
  a library that took a constructor aside before this was installed (pusher-js and socket.io-client run over it).
  Nothing is noted until watch() is called, and only of addresses that start with one of its origins. What is kept is
  bounded; of contents only the source's event numbers are.
  What the browser does by itself (preflights, pings and pongs, coming back) no script can see.
*/

/** Requests and streams that are kept, and messages of each stream. */
const OBSERVED_MAX = 1500;
const MESSAGES_MAX = 2000;
/** What the page asks and tells the lab for its own measuring is no part of what is measured. */
const INSTRUMENT = /^\/(api(?!\/channels\/)|presenter|static)\//;
/** Of a text that is looked through for event numbers. */
const LOOKED_THROUGH = 64 * 1024;
const NUMBERS_MAX = 64;

/**
 * One message or piece of a stream, as the script got or sent it.
 * @typedef {object} Message
 * @property {"up"|"down"} direction
 * @property {number} atMs       performance.now()
 * @property {number|null} bytes of its contents; null where the script is not told
 * @property {number[]} numbers  the compare source's event numbers in it
 */

/**
 * @typedef {object} Observed
 * @property {number} id
 * @property {"fetch"|"xhr"|"websocket"|"eventsource"} kind
 * @property {string} method
 * @property {string} origin     scheme http(s), also of a WebSocket
 * @property {string} target     path and query, as in the request line
 * @property {number} sentMs
 * @property {number|null} bodyBytes  of the request's body; null where it is not known
 * @property {number|null} firstMs    when its answer's head, or `open`, came
 * @property {number|null} endMs      when all of it had come, or the connection ended
 * @property {boolean} failed
 * @property {Message[]} messages     the newest
 */

/** @type {Observed[]} */
let kept = [];
/** @type {Set<string>|null} origins, while somebody watches */
let watched = null;
let installed = false;
let lastId = 0;

/**
 * Notes what goes to these addresses, from now on, and forgets what was noted before.
 * @param {string[]} urls  base addresses of lanes
 */
export function watch(urls) {
  watched = new Set(urls.map((url) => new URL(url, location.href).origin));
  kept = [];
  if (!installed) install();
  installed = true;
}

/** Notes nothing any more; what there is stays. */
export function unwatch() {
  watched = null;
}

/** Oldest first. */
export function observed() {
  return kept;
}

/** Event numbers of the compare source in a text: `"n":17`, also inside JSON in JSON. @param {string} text */
export function numbersIn(text) {
  /** @type {number[]} */
  const found = [];
  for (const [, digits] of text.slice(0, LOOKED_THROUGH).matchAll(/"n\\*":(\d{1,15})\b/g)) {
    if (found.push(Number(digits)) === NUMBERS_MAX) break;
  }
  return found;
}

/**
 * @param {Observed["kind"]} kind @param {string} method @param {string|URL} url @param {number|null} bodyBytes
 * @returns {Observed|null}  null where nobody watches that address
 */
function begin(kind, method, url, bodyBytes = null) {
  if (watched === null) return null;
  const address = new URL(url, document.baseURI);
  const origin = address.origin.replace(/^ws/, "http");
  if (!watched.has(origin) || INSTRUMENT.test(address.pathname)) return null;
  lastId += 1;
  /** @type {Observed} */
  const one = {
    id: lastId, kind, method: method.toUpperCase(), origin, target: address.pathname + address.search, sentMs: performance.now(),
    bodyBytes, firstMs: null, endMs: null, failed: false, messages: [],
  };
  kept.push(one);
  if (kept.length > OBSERVED_MAX) trim();
  return one;
}

/** The oldest that are over go first: a stream is as old as its run, and still speaks. */
function trim() {
  const over = kept.findIndex(({ endMs }) => endMs !== null);
  kept.splice(Math.max(over, 0), 1);
}

/** @param {Observed} one @param {Message["direction"]} direction @param {number|null} bytes @param {string} text  "" where it is not known */
function say(one, direction, bytes, text) {
  one.messages.push({ direction, atMs: performance.now(), bytes, numbers: numbersIn(text) });
  if (one.messages.length > MESSAGES_MAX) one.messages.shift();
}

/** @param {Observed} one @param {boolean} [failed] */
function end(one, failed = false) {
  one.endMs ??= performance.now();
  one.failed ||= failed;
}

/** Bytes of a body or a message, where that can be told without reading it. @param {unknown} body @returns {number|null} */
function sizeOf(body) {
  if (body === null || body === undefined) return 0;
  if (typeof body === "string") return new TextEncoder().encode(body).length;
  if (body instanceof Blob) return body.size;
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return body.byteLength;
  return null;
}

function install() {
  installFetch();
  installXhr();
  installWebSocket();
  installEventSource();
}

/**
 * A method that calls through, with a look before and after.
 * @param {object} holder  prototype that has it, itself or by inheritance
 * @param {string} name
 * @param {(target: any, given: any[], made: any, seen: any) => void} after  seen: what `before` gave
 * @param {(target: any, given: any[]) => unknown} [before]  an instant is noted here: the call may be long in coming back
 */
function wrap(holder, name, after, before) {
  const own = /** @type {(...given: unknown[]) => unknown} */ (Reflect.get(holder, name));
  const through = {
    /** @this {unknown} @param {...unknown} given */
    [name](...given) {
      const seen = quietly(() => before?.(this, given));
      const made = Reflect.apply(own, this, given);
      quietly(() => after(this, given, made, seen));
      return made;
    },
  }[name];
  Object.defineProperty(through, "length", { value: own.length, configurable: true });
  Object.defineProperty(holder, name, { value: through, writable: true, configurable: true, enumerable: true });
}

/** What goes wrong in looking must not become a fault of what is looked at. @param {() => unknown} look @returns {unknown} */
function quietly(look) {
  try {
    return look();
  } catch (error) {
    console.debug("observed.js:", error);
    return undefined;
  }
}

// fetch

/** @type {WeakMap<object, Observed>} answers, their bodies, what those are piped into, and the readers of them */
const ofAnswer = new WeakMap();

function installFetch() {
  wrap(globalThis, "fetch", (_, __, /** @type {Promise<Response>} */ answer, /** @type {Observed|null|undefined} */ one) => {
    if (!one) return;
    answer.then((response) => {
      one.firstMs = performance.now();
      ofAnswer.set(response, one);
      if (response.status === 204) end(one);
    }, () => end(one, true));
  }, (_, [input, init]) => {
    const request = input instanceof Request ? input : null;
    return begin("fetch", init?.method ?? request?.method ?? "GET", request?.url ?? input, request === null ? sizeOf(init?.body) : null);
  });
  for (const name of ["json", "text", "arrayBuffer", "blob", "bytes", "formData"]) {
    if (!(name in Response.prototype)) continue;
    wrap(Response.prototype, name, (response, _, /** @type {Promise<unknown>} */ read) => {
      const one = ofAnswer.get(response);
      if (one !== undefined) read.then(() => end(one), () => end(one, true));
    });
  }
  // A body that is read as it comes: the body belongs to its answer, what it is piped through to it, and the reader.
  const body = Object.getOwnPropertyDescriptor(Response.prototype, "body");
  if (body?.get !== undefined) {
    const { get } = body;
    Object.defineProperty(Response.prototype, "body", {
      ...body,
      get() {
        const stream = Reflect.apply(get, this, []);
        passOn(this, stream);
        return stream;
      },
    });
  }
  wrap(ReadableStream.prototype, "pipeThrough", (stream, _, through) => passOn(stream, through));
  wrap(ReadableStream.prototype, "getReader", (stream, _, reader) => passOn(stream, reader));
  wrap(ReadableStreamDefaultReader.prototype, "read", (reader, _, /** @type {Promise<{done: boolean, value: unknown}>} */ read) => {
    const one = ofAnswer.get(reader);
    if (one === undefined) return;
    read.then(({ done, value }) => {
      if (done) end(one);
      else say(one, "down", sizeOf(value), typeof value === "string" ? value : "");
    }, () => end(one, true));
  });
}

/** @param {object} from @param {object|null} to */
function passOn(from, to) {
  const one = ofAnswer.get(from);
  if (one !== undefined && to !== null) ofAnswer.set(to, one);
}

// XMLHttpRequest

function installXhr() {
  /** @type {WeakMap<XMLHttpRequest, {method: string, url: string|URL}>} */
  const opened = new WeakMap();
  wrap(XMLHttpRequest.prototype, "open", (xhr, [method, url]) => opened.set(xhr, { method, url }));
  wrap(XMLHttpRequest.prototype, "send", () => {}, (/** @type {XMLHttpRequest} */ xhr, [body]) => {
    const asked = opened.get(xhr);
    if (asked === undefined) return;
    const one = begin("xhr", asked.method, asked.url, sizeOf(body));
    if (one === null) return;
    let read = 0;
    const look = () => {
      if (xhr.readyState >= XMLHttpRequest.HEADERS_RECEIVED) one.firstMs ??= performance.now();
      if (xhr.readyState < XMLHttpRequest.LOADING || (xhr.responseType !== "" && xhr.responseType !== "text")) return;
      const { length } = xhr.responseText;
      if (length > read) say(one, "down", null, xhr.responseText.slice(read));
      read = length;
    };
    xhr.addEventListener("readystatechange", look);
    xhr.addEventListener("progress", look);
    xhr.addEventListener("loadend", () => end(one, xhr.status === 0));
  });
}

// WebSocket and EventSource. Either is of no use without a listener, and gets its first in the turn in which it is made.

/**
 * Calls `seen` once for every object of a class, before the first listener is set on it.
 * @param {any} prototype @param {string[]} handlers  on… properties
 * @param {(target: any) => void} seen @param {(target: any, type: string) => void} [listens]
 */
function beforeFirstListener(prototype, handlers, seen, listens) {
  /** @type {WeakSet<object>} */
  const known = new WeakSet();
  const look = (/** @type {object} */ target, /** @type {string} */ type) => {
    if (!known.has(target)) {
      known.add(target);
      seen(target);
    }
    listens?.(target, type);
  };
  wrap(prototype, "addEventListener", () => {}, (target, [type]) => look(target, String(type)));
  for (const name of handlers) {
    const own = Object.getOwnPropertyDescriptor(prototype, name);
    if (own?.set === undefined) continue;
    const { set } = own;
    Object.defineProperty(prototype, name, {
      ...own,
      /** @this {object} @param {unknown} handler */
      set(handler) {
        quietly(() => look(this, name.slice(2)));
        Reflect.apply(set, this, [handler]);
      },
    });
  }
}

/** Past what is set on the class of its target. */
const listen = EventTarget.prototype.addEventListener;

function installWebSocket() {
  /** @type {WeakMap<WebSocket, Observed>} */
  const sockets = new WeakMap();
  beforeFirstListener(WebSocket.prototype, ["onopen", "onmessage", "onclose", "onerror"], (/** @type {WebSocket} */ socket) => {
    const one = begin("websocket", "GET", socket.url);
    if (one === null) return;
    sockets.set(socket, one);
    listen.call(socket, "open", () => { one.firstMs = performance.now(); });
    listen.call(socket, "message", (event) => {
      const { data } = /** @type {MessageEvent} */ (event);
      say(one, "down", sizeOf(data), typeof data === "string" ? data : "");
    });
    listen.call(socket, "close", () => end(one, one.firstMs === null));
  });
  wrap(WebSocket.prototype, "send", () => {}, (/** @type {WebSocket} */ socket, [data]) => {
    const one = sockets.get(socket);
    if (one !== undefined && socket.readyState === 1) say(one, "up", sizeOf(data), typeof data === "string" ? data : "");
  });
}

function installEventSource() {
  /** @type {WeakMap<EventSource, {one: Observed, types: Set<string>}>} */
  const sources = new WeakMap();
  beforeFirstListener(EventSource.prototype, ["onopen", "onmessage", "onerror"], (/** @type {EventSource} */ source) => {
    const first = begin("eventsource", "GET", source.url);
    if (first === null) return;
    const kept = { one: first, types: new Set(["open", "error"]) };
    sources.set(source, kept);
    listen.call(source, "open", () => {
      // It came back by itself: when it asked again nobody was told, so the new stream begins with its answer.
      if (kept.one.endMs !== null) kept.one = again(kept.one);
      kept.one.firstMs ??= performance.now();
    });
    listen.call(source, "error", () => end(kept.one));
    wrap(source, "close", () => end(kept.one));
  }, (source, type) => {
    const known = sources.get(source);
    if (known === undefined || known.types.has(type)) return;
    known.types.add(type);
    listen.call(source, type, (event) => {
      const { data } = /** @type {MessageEvent} */ (event);
      say(known.one, "down", null, String(data));
    });
  });
}

/** @param {Observed} one */
function again(one) {
  const next = begin(one.kind, one.method, one.origin + one.target);
  if (next === null) return one;
  next.sentMs = NaN;
  return next;
}
