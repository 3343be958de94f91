/*
  wire.js: what the WebSockets of this page say and hear, as the browser hands it over. Both libraries look for
  WebSocket in the page: what stands there after this module is loaded tells before it passes on. Load it first.
*/

/** @typedef {{number: number, way: "opened" | "sent" | "came" | "closed", text: string}} Seen  number: which connection of its kind, from 1 */

/** By how the address begins. @type {Record<string, (seen: Seen) => void>} */
const listeners = {};
/** @type {Record<string, number>} */
const opened = {};

/** @param {string} path  beginning of the address  @param {(seen: Seen) => void} listener */
export function watchWire(path, listener) {
  listeners[path] = listener;
}

window.WebSocket = class extends WebSocket {
  /** @type {((way: Seen["way"], text: string) => void)} */
  #tell = () => {};

  /** @param {string | URL} url  @param {string | string[]} [protocols] */
  constructor(url, protocols) {
    super(url, protocols);
    const { pathname } = new URL(this.url);
    const path = Object.keys(listeners).find((begin) => pathname.startsWith(begin));
    if (path === undefined) return;
    const number = (opened[path] = (opened[path] ?? 0) + 1);
    this.#tell = (way, text) => listeners[path]({ number, way, text });
    this.addEventListener("open", () => this.#tell("opened", `GET ${pathname} → 101 Switching Protocols`));
    this.addEventListener("message", ({ data }) => this.#tell("came", String(data)));
    this.addEventListener("close", ({ code }) => this.#tell("closed", `closed, ${code}`));
  }

  /** @param {string | ArrayBufferLike | Blob | ArrayBufferView} data */
  send(data) {
    super.send(/** @type {string} */ (data));
    this.#tell("sent", String(data));
  }
};
