// socketio.js: the example of Socket.IO's introduction. Ann emits; the server (src/protocol/socketio/classic.rs) emits to all.
import { io } from "../../vendor/socket.io.esm.min.js";
import { laneNamed } from "../lab.js";
import { demo } from "./demo.js";

export function attachSocketIo() {
  const shown = demo("socketio", "/socket.io");
  const [ann] = shown.names.map((who) => {
    const socket = io(laneNamed("socketio-websocket")?.url ?? "", { transports: ["websocket"], forceNew: true });
    socket.on("connect", () => shown.open(who, true));
    socket.on("disconnect", () => shown.open(who, false));
    socket.on("new-message", (/** @type {unknown} */ message) => shown.heard(who, message));
    return socket;
  });
  let pressed = 0;
  shown.button.addEventListener("click", () => {
    shown.begin();
    ann.emit("send-message", `hello ${(pressed += 1)}`);
  });
}
