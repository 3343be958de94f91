/*
  lanes.js: how each lane is drawn, everywhere. Colour never stands alone: a lane is its colour, its dash
  pattern and its name. The facts are the server's (src/catalogue.rs): names and dashes come with the page, see
  lab.js; colours by the sheet /static/css/lanes.css, as --lane-NAME.
*/
import { comparedRows, transportLanes } from "./lab.js";

/**
 * @typedef {object} LaneLook
 * @property {string} label   name in a sentence or a heading
 * @property {string} short   name where there is little room
 * @property {string} colour  name of the CSS custom property; resolve it with colour() from theme.js for a canvas
 * @property {number[]} dash  line pattern in px, as canvas setLineDash and uPlot take it; [] is a solid line
 */

/** By the lane's name, and by those of its variants, in the order of the server. @type {Record<string, LaneLook>} */
export const LANES = Object.fromEntries(
  comparedRows.map(({ lane, label, short, dash }) => [lane, { label, short, dash, colour: `--lane-${lane}` }]),
);

/** Presence names no lanes but transports and protocols, for one transport carries several. @param {{transport: string, protocol: string}} via */
export function lookOfVia({ transport, protocol }) {
  const known = transportLanes.find((lane) => lane.transport === transport && lane.protocol === protocol);
  return { lane: known?.lane ?? transport, name: known?.label ?? `${transport}, ${protocol}` };
}
