/*
  pusher.js: the example of Pusher's introduction. Two clients subscribe to my-channel; the back end triggers. The lab
  plays that back end for whoever leads (POST /api/apps/{id}/trigger, the checks of the signed call without the signature).
*/
import "../../vendor/pusher.min.js"; // defines the global Pusher
import { current } from "../console/apps.js";
import { lab, laneNamed } from "../lab.js";
import { demo } from "./demo.js";

const CHANNEL = "my-channel";
const EVENT = "my-event";

/** One connection of pusher-js to the lane of Channels. @param {string} key */
function connectPusher(key) {
  const { protocol, hostname, port: written } = new URL(laneNamed("channels")?.url ?? location.origin);
  const port = Number(written || (protocol === "https:" ? 443 : 80));
  return new self.Pusher(key, { cluster: "lab", wsHost: hostname, wsPort: port, wssPort: port, forceTLS: protocol === "https:", enabledTransports: ["ws", "wss"] });
}

export function attachPusher() {
  const shown = demo("pusher", "/app/");
  for (const who of shown.names) {
    const pusher = connectPusher(lab.demo_app?.key ?? "");
    const channel = pusher.subscribe(CHANNEL);
    channel.bind("pusher:subscription_succeeded", () => shown.open(who, true));
    pusher.connection.bind("state_change", (/** @type {{current: string}} */ to) => { if (to.current !== "connected") shown.open(who, false); });
    channel.bind(EVENT, (/** @type {unknown} */ data) => shown.heard(who, data));
  }
  let pressed = 0;
  shown.button.addEventListener("click", () => void trigger());

  async function trigger() {
    shown.begin();
    const id = lab.demo_app?.id ?? current()?.id ?? "";
    const body = JSON.stringify({ name: EVENT, channels: [CHANNEL], data: JSON.stringify({ message: `hello ${(pressed += 1)}` }) });
    try {
      const answering = fetch(`/presenter/api/apps/${encodeURIComponent(id)}/trigger`, { method: "POST", body });
      shown.call(`POST /apps/${id}/events ${body}`);
      const answer = await answering;
      if (!answer.ok) shown.say(`The call was refused with ${answer.status}.`, "bad");
    } catch (error) {
      shown.say(`The server could not be reached: ${error instanceof Error ? error.message : error}`, "bad");
    }
  }
}
