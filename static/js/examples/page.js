/*
  page.js: puts the page together. wire.js comes first, for the libraries take WebSocket as they find it when they are
  loaded; what needs them is loaded after it.
*/
import "./wire.js";
import { attachChooser } from "../console/apps.js";
import { find, say } from "../console/dom.js";
import { attachSecret } from "../console/secret.js";
import { attachSnippets } from "../console/snippets-view.js";

const [{ attachSocketIo }, { attachPusher }, { attachFirst, nameChannel }] = await Promise.all([import("./socketio.js"), import("./pusher.js"), import("./first.js")]);
attachSocketIo();
attachPusher();
nameChannel();
try {
  await attachChooser(find("[data-app]", HTMLSelectElement));
  attachSecret();
  attachSnippets();
  attachFirst();
} catch (error) {
  say("first", `The code cannot be shown: ${error instanceof Error ? error.message : error}. Reload the page once the server is there.`, "bad");
}
