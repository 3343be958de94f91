/*
  session.js: being in a room, whatever the transport. Changing the lane closes one client and opens the next
  with the same client id, the same name and the position reached, so that nothing is missed or repeated.
*/
import { transport } from "../transports/index.js";
import { laneNamed } from "../lab.js";
import { eachForItself } from "../strangers.js";

const HISTORY = 50; // publications asked for on entry
const POLL_INTERVAL_MS = 1000;

/**
 * @param {object} options
 * @param {string} options.channel
 * @param {string} options.client
 * @param {string} options.name
 * @param {(lane: string, publication: import("../transports/index.js").Publication) => void} options.onPublication
 * @param {(lane: string, state: import("../transports/index.js").State, detail: import("../transports/index.js").StateDetail) => void} options.onState
 */
export function openSession({ channel, client, name, onPublication, onState }) {
  /** @type {import("../transports/index.js").Client | null} */
  let connection = null;
  /** @type {import("../transports/index.js").Position | null} */
  let position = null;
  let lane = "";
  /** @type {import("../transports/index.js").LibraryOptions} what this lane's client was told beside the rest */
  let extras = {};
  let wanted = 0; // the latest choice of the visitor
  let generation = 0; // a client that was replaced has no say any more

  /** @param {string} next  lane to use from now on  @param {import("../transports/index.js").LibraryOptions} [more]  options of its client */
  async function use(next, more = {}) {
    const mine = ++wanted;
    const { connect } = await transport(next);
    if (mine !== wanted) return; // the visitor was faster than the network
    // Only now: what the old client received while the new one's code was loaded was still shown.
    position = connection?.position ?? position;
    generation = mine;
    connection?.close();
    lane = next;
    extras = more;
    connection = connect({
      ...more,
      url: laneNamed(next)?.url ?? "",
      channel, client, name, position,
      demo: "chat",
      history: HISTORY,
      pollIntervalMs: POLL_INTERVAL_MS,
      onState: (state, detail) => { if (mine === generation) onState(next, state, detail); },
    });
    connection.onPublication(eachForItself((publication) => { if (mine === generation) onPublication(next, publication); }));
  }

  return {
    use,
    get lane() { return lane; },
    /** @param {string} newName  others see it after the reconnection this makes */
    rename(newName) {
      name = newName;
      return use(lane, extras);
    },
    /** @param {string} event  @param {unknown} data  @param {{id?: string, intendedUs?: number}} [extra] */
    async publish(event, data, extra) {
      if (connection === null) throw new Error("not connected yet");
      return connection.publish(event, data, extra);
    },
    /** Tells the others something that may be lost: by the protocol's own way, if it has one.
     * @param {string} event  @param {unknown} data */
    whisper(event, data) {
      if (connection?.whisper) connection.whisper(event, data);
      else connection?.publish(event, data).catch(() => {});
    },
  };
}
