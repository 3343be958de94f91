/*
  lanes.js: how each transport is drawn, everywhere. Colour never stands alone: a transport is its colour
  (the meaning --lane-… in colors.css), its dash pattern and its name. What a lane IS (its address, its
  counters) comes from the server, see lab.js; here is only what the eye needs.
*/

/**
 * @typedef {object} LaneLook
 * @property {string} label   name in a sentence or a heading
 * @property {string} short   name where there is little room
 * @property {string} colour  name of the CSS custom property; resolve it with colour() from theme.js for a canvas
 * @property {number[]} dash  line pattern in px, as canvas setLineDash and uPlot take it; [] is a solid line
 */

/** @type {Record<string, LaneLook>} */
export const LANES = {
  "short-poll": { label: "Short polling", short: "Short poll", colour: "--lane-short-poll", dash: [3, 4] },
  "long-poll": { label: "Long polling", short: "Long poll", colour: "--lane-long-poll", dash: [10, 5] },
  sse: { label: "Server-sent events", short: "SSE", colour: "--lane-sse", dash: [9, 3, 2, 3] },
  websocket: { label: "WebSocket", short: "WebSocket", colour: "--lane-websocket", dash: [] },
  channels: { label: "Channels over WebSocket", short: "Channels ws", colour: "--lane-channels", dash: [14, 3] },
  "channels-streaming": { label: "Channels over xhr_streaming", short: "Channels streaming", colour: "--lane-channels-streaming", dash: [12, 3, 2, 3, 2, 3] },
  "channels-polling": { label: "Channels over xhr_polling", short: "Channels polling", colour: "--lane-channels-polling", dash: [7, 3, 7, 3, 2, 3] },
  "socketio-polling": { label: "Socket.IO, polling only", short: "Socket.IO polling", colour: "--lane-socketio-polling", dash: [2, 2] },
  "socketio-websocket": { label: "Socket.IO, WebSocket only", short: "Socket.IO ws", colour: "--lane-socketio-websocket", dash: [6, 2] },
};

/** Lanes whose name is not that of their transport, by protocol and transport. @type {Record<string, string>} */
const BY_PROTOCOL = {
  "pusher websocket": "channels",
  "pusher xhr_streaming": "channels-streaming",
  "pusher xhr_polling": "channels-polling",
  "socketio polling": "socketio-polling",
  "socketio websocket": "socketio-websocket",
};

/** Presence names no lanes but transports and protocols, for one transport carries several. @param {{transport: string, protocol: string}} via */
export function lookOfVia({ transport, protocol }) {
  const lane = BY_PROTOCOL[`${protocol} ${transport}`] ?? transport;
  return { lane, name: LANES[lane]?.short ?? `${transport}, ${protocol}` };
}
