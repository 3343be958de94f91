// The three ways to connect to Socket.IO that matter: polling alone, WebSocket alone, and the
// upgrade between them; and how socket.io-client is waited for.
//
// `/echo` is the lab's namespace for this (src/protocol/socketio/echo.rs, flag --echo).

import { io } from "socket.io-client";
import { inbox } from "./inbox.mjs";

/** name → the client's `transports`, the lane, and where it ends up. */
export const WAYS = {
  "polling only": { transports: ["polling"], lane: "socketio-polling", endsOn: "polling" },
  "WebSocket only": { transports: ["websocket"], lane: "socketio-websocket", endsOn: "websocket" },
  "polling, then upgraded": { transports: ["polling", "websocket"], lane: "main", endsOn: "websocket" },
};

/** Quick to come back, so that tests of cuts do not wait. */
const RECONNECT = { reconnectionDelay: 50, reconnectionDelayMax: 200, randomizationFactor: 0 };

/**
 * A client of one namespace, on a connection of its own.
 * @param {string} url
 * @param {{transports: string[], namespace?: string, auth?: object, query?: object}} options
 */
export function openSocket(url, { namespace = "/echo", ...options }) {
  return io(`${url}${namespace}`, { ...RECONNECT, forceNew: true, ...options });
}

/** The next time an event is heard, as the list of its arguments. @returns {Promise<any[]>} */
export function next(emitter, event) {
  const box = inbox(event);
  emitter.once(event, (...args) => box.push(args));
  return box.first();
}

/** Connected, and on the transport where this way ends. */
export async function connected(socket, endsOn) {
  if (!socket.connected) await next(socket, "connect");
  if (socket.io.engine.transport.name !== endsOn) await next(socket.io.engine, "upgrade");
  return socket;
}

/** Every `event` from now on. */
export function all(emitter, event) {
  const box = inbox(event);
  emitter.on(event, (...args) => box.push(args));
  return box;
}
