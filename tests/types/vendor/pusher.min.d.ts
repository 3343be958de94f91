import type { default as PusherJs } from "pusher-js";

declare global {
  // pusher-js for browsers is no module: it leaves its class here.
  var Pusher: typeof PusherJs;
}
