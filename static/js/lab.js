/*
  lab.js: what the server told this page about the lab, in <body data-lab>: version, lanes, fairness, host.
  Reading it from the page saves a request, and the addresses in it carry the host name the visitor used.
*/

import { LANES } from "./lanes.js";

/**
 * @typedef {object} Lane
 * @property {string} lane               "main", "short-poll", "sse", "channels-streaming", …
 * @property {string|null} transport     how bytes travel; null on the main lane
 * @property {string|null} protocol      what they mean: "plain", "pusher", "socketio"
 * @property {string} label
 * @property {string} url                base address; every path of the contract is appended to it
 * @property {number} port
 */

/**
 * Facts of the machine that the server runs on; what it cannot find out is not there.
 * @typedef {object} Host
 * @property {string} [os]
 * @property {string} [kernel]
 * @property {number} [cpus]
 * @property {number} [memory_bytes]
 * @property {string} [congestion_control]  of TCP
 */

/** @type {{version: string, lanes: Lane[], fairness: string[], host: Host, demo_app?: {id: string, key: string}}} */
export const lab = JSON.parse(document.body.dataset.lab ?? '{"version":"","lanes":[],"fairness":[],"host":{}}');

/** The lanes that pages have a client and a look for, in the order of the server. @type {Lane[]} */
export const transportLanes = lab.lanes.filter((lane) => lane.lane in LANES);

/** @param {string} name  @returns {Lane | undefined} */
export function laneNamed(name) {
  return lab.lanes.find((lane) => lane.lane === name);
}
