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
/** Texts are looked through for event numbers so much later: not on the way of what is measured. */
const LOOK_AFTER_MS = 250;
/** Of a text that is looked through. */
const LOOKED_THROUGH = 64 * 1024;
const NUMBERS_MAX = 64;

/**
 * One message or piece of a stream, as the script got or sent it.
 * @typedef {object} Message
 * @property {"up"|"down"} direction
 * @property {number} atMs       performance.now()
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
 * @property {number|null} firstMs    when its answer's head, or `open`, came
 * @property {number|null} endMs      when all of it had come, or the connection ended
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

/** Notes nothing any more, of what is open neither; what there is stays. */
export function unwatch() {
  lookThrough();
  watched = null;
}

/** Oldest first. */
export function observed() {
  lookThrough();
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

/** Messages whose texts were not looked through yet. @type {{message: Message, text: string}[]} */
let unread = [];
let looksLater = false;
function lookThrough() {
  for (const { message, text } of unread) message.numbers = numbersIn(text);
  unread = [];
  looksLater = false;
}

/**
 * @param {Observed["kind"]} kind @param {string} method @param {string|URL} url
 * @returns {Observed|null}  null where nobody watches that address
 */
function begin(kind, method, url) {
  if (watched === null) return null;
  const address = new URL(url, document.baseURI);
  const origin = address.origin.replace(/^ws/, "http");
  if (!watched.has(origin) || INSTRUMENT.test(address.pathname)) return null;
  lastId += 1;
  /** @type {Observed} */
  const one = {
    id: lastId, kind, method: method.toUpperCase(), origin, target: address.pathname + address.search, sentMs: performance.now(),
    firstMs: null, endMs: null, messages: [],
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

/** @param {Observed} one @param {Message["direction"]} direction @param {unknown} text  of what is none, no numbers are known */
function say(one, direction, text) {
  if (watched === null) return;
  /** @type {Message} */
  const message = { direction, atMs: performance.now(), numbers: [] };
  one.messages.push(message);
  if (one.messages.length > MESSAGES_MAX) one.messages.shift();
  if (typeof text !== "string") return;
  unread.push({ message, text });
  if (!looksLater) setTimeout(lookThrough, LOOK_AFTER_MS);
  looksLater = true;
}

/** Its answer begins. @param {Observed} one */
function answered(one) {
  if (watched !== null) one.firstMs ??= performance.now();
}

/** @param {Observed} one */
function end(one) {
  if (watched !== null) one.endMs ??= performance.now();
}

function install() {
  installFetch();
  installXhr();
  installWebSocket();
  installEventSource();
}

/**
 * A method that calls through, with a look before and after. T: what has it; G: what it is given; M: what it hands back.
 * @template T
 * @template G
 * @template M
 * @template S
 * @param {object} holder  prototype that has it, itself or by inheritance
 * @param {string} name
 * @param {(target: T, given: G, made: M, seen: S|undefined) => void} after  seen: what `before` gave
 * @param {(target: T, given: G) => S} [before]  an instant is noted here: the call may be long in coming back
 */
function wrap(holder, name, after, before) {
  const own = /** @type {(...given: unknown[]) => unknown} */ (Reflect.get(holder, name));
  const through = {
    /** @this {unknown} @param {...unknown} given */
    [name](...given) {
      const target = /** @type {T} */ (this);
      const seen = quietly(() => before?.(target, /** @type {G} */ (given)));
      const made = Reflect.apply(own, this, given);
      quietly(() => after(target, /** @type {G} */ (given), /** @type {M} */ (made), seen));
      return made;
    },
  }[name];
  Object.defineProperty(through, "length", { value: own.length, configurable: true });
  Object.defineProperty(holder, name, { value: through, writable: true, configurable: true, enumerable: true });
}

/** What goes wrong in looking must not become a fault of what is looked at. @template S @param {() => S} look @returns {S|undefined} */
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
      answered(one);
      ofAnswer.set(response, one);
      if (response.status === 204) end(one);
    }, () => end(one));
  }, (_, /** @type {Parameters<typeof fetch>} */ [input, init]) => {
    const request = input instanceof Request ? input : null;
    return begin("fetch", init?.method ?? request?.method ?? "GET", input instanceof Request ? input.url : input);
  });
  for (const name of ["json", "text", "arrayBuffer", "blob", "bytes", "formData"]) {
    if (!(name in Response.prototype)) continue;
    wrap(Response.prototype, name, (/** @type {Response} */ response, _, /** @type {Promise<unknown>} */ read) => {
      const one = ofAnswer.get(response);
      if (one !== undefined) read.then(() => end(one), () => end(one));
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
  wrap(ReadableStream.prototype, "pipeThrough", (/** @type {ReadableStream} */ stream, _, /** @type {ReadableStream} */ through) => passOn(stream, through));
  wrap(ReadableStream.prototype, "getReader", (/** @type {ReadableStream} */ stream, _, /** @type {object} */ reader) => passOn(stream, reader));
  wrap(ReadableStreamDefaultReader.prototype, "read", (/** @type {object} */ reader, _, /** @type {Promise<{done: boolean, value: unknown}>} */ read) => {
    const one = ofAnswer.get(reader);
    if (one === undefined) return;
    read.then(({ done, value }) => {
      if (done) end(one);
      else say(one, "down", value);
    }, () => end(one));
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
  wrap(XMLHttpRequest.prototype, "open", (/** @type {XMLHttpRequest} */ xhr, /** @type {[string, string|URL]} */ [method, url]) => opened.set(xhr, { method, url }));
  wrap(XMLHttpRequest.prototype, "send", () => {}, (/** @type {XMLHttpRequest} */ xhr) => {
    const asked = opened.get(xhr);
    if (asked === undefined) return;
    const one = begin("xhr", asked.method, asked.url);
    if (one === null) return;
    let read = 0;
    const look = () => {
      if (xhr.readyState >= XMLHttpRequest.HEADERS_RECEIVED) answered(one);
      if (xhr.readyState < XMLHttpRequest.LOADING || (xhr.responseType !== "" && xhr.responseType !== "text")) return;
      const { length } = xhr.responseText;
      if (length > read) say(one, "down", xhr.responseText.slice(read));
      read = length;
    };
    xhr.addEventListener("readystatechange", look);
    xhr.addEventListener("progress", look);
    xhr.addEventListener("loadend", () => end(one));
  });
}

// WebSocket and EventSource. Either is of no use without a listener, and gets its first in the turn in which it is made.

/**
 * Calls `seen` once for every object of a class, before the first listener is set on it.
 * @template {EventTarget} T
 * @param {T} prototype @param {string[]} handlers  on… properties
 * @param {(target: T) => void} seen @param {(target: T, type: string) => void} [listens]
 */
function beforeFirstListener(prototype, handlers, seen, listens) {
  /** @type {WeakSet<T>} */
  const known = new WeakSet();
  const look = (/** @type {T} */ target, /** @type {string} */ type) => {
    if (!known.has(target)) {
      known.add(target);
      seen(target);
    }
    listens?.(target, type);
  };
  wrap(prototype, "addEventListener", () => {}, (/** @type {T} */ target, /** @type {unknown[]} */ [type]) => look(target, String(type)));
  for (const name of handlers) {
    const own = Object.getOwnPropertyDescriptor(prototype, name);
    if (own?.set === undefined) continue;
    const { set } = own;
    Object.defineProperty(prototype, name, {
      ...own,
      /** @this {T} @param {unknown} handler */
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
    listen.call(socket, "open", () => answered(one));
    listen.call(socket, "message", (event) => say(one, "down", /** @type {MessageEvent} */ (event).data));
    listen.call(socket, "close", () => end(one));
  });
  wrap(WebSocket.prototype, "send", () => {}, (/** @type {WebSocket} */ socket, /** @type {unknown[]} */ [data]) => {
    const one = sockets.get(socket);
    if (one !== undefined && socket.readyState === 1) say(one, "up", data);
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
      answered(kept.one);
    });
    listen.call(source, "error", () => end(kept.one));
  }, (source, type) => {
    const known = sources.get(source);
    if (known === undefined || known.types.has(type)) return;
    known.types.add(type);
    listen.call(source, type, (event) => say(known.one, "down", String(/** @type {MessageEvent} */ (event).data)));
  });
  wrap(EventSource.prototype, "close", (/** @type {EventSource} */ source) => {
    const known = sources.get(source);
    if (known !== undefined) end(known.one);
  });
}

/** @param {Observed} one */
function again(one) {
  const next = begin(one.kind, one.method, one.origin + one.target);
  if (next === null) return one;
  next.sentMs = NaN;
  return next;
}
