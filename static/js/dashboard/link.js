// The two subscriptions of the dashboard (host, market) over one transport, and the switch between transports.
// After a switch the new clients go on from where the old ones stood, so that nothing is missed and nothing
// comes twice; the server's history bridges the gap.

import { eachForItself } from "../strangers.js";
import { transport as loadTransport } from "../transports/index.js";

// Cache channels, in the words of Pusher Channels: whoever subscribes gets the last publication at once. That is
// what a dashboard wants, and the plain transports and Socket.IO ask for the same with `history: 1`.
export const HOST_CHANNEL = "cache-dashboard-host";
export const MARKET_CHANNEL = "cache-dashboard-market";
const CHANNELS = [HOST_CHANNEL, MARKET_CHANNEL];

/** Worst first: the page shows the state of the worse of the two. @type {import("../transports/index.js").State[]} */
const ORDER = ["closed", "reconnecting", "connecting", "open"];

/**
 * @param {object} hooks
 * @param {(channel: string, publication: import("../transports/index.js").Publication) => void} hooks.onPublication
 * @param {(state: import("../transports/index.js").State, detail: import("../transports/index.js").StateDetail) => void} hooks.onState
 */
export function createLink({ onPublication, onState }) {
  /** @type {Map<string, import("../transports/index.js").Client>} */
  let clients = new Map();
  let switches = 0;

  return {
    /**
     * @param {import("../lab.js").Lane} lane
     * @param {{pollIntervalMs: number, holdMs: number}} options
     */
    async use(lane, options) {
      switches += 1;
      const mine = switches;
      const { connect } = await loadTransport(lane.lane);
      if (mine !== switches) return; // another choice was made while the module loaded
      const before = clients;
      /** @type {Map<string, import("../transports/index.js").State>} */
      const states = new Map(CHANNELS.map((channel) => [channel, "connecting"]));
      clients = new Map();
      for (const client of before.values()) client.close();
      for (const channel of CHANNELS) {
        const client = connect({
          url: lane.url,
          channel,
          demo: "dashboard",
          history: 1,
          position: before.get(channel)?.position ?? null,
          ...options,
          onState: (state, detail) => {
            if (mine !== switches) return;
            states.set(channel, state);
            onState(ORDER.find((each) => [...states.values()].includes(each)) ?? state, detail);
          },
        });
        client.onPublication(eachForItself((publication) => { if (mine === switches) onPublication(channel, publication); }));
        clients.set(channel, client);
      }
    },
    close() {
      switches += 1;
      for (const client of clients.values()) client.close();
    },
  };
}
