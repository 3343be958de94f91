/*
  page.js: puts the console together. Each part is a module of its own:
    apps.js, secret.js            which application; its secret, on request
    feed.js → feed-view.js        what happens, in the words of feed-text.js
    creator.js, event.js          sends an event
    snippets.js → snippets-view.js, signature.js      the same from code, and how it is signed
    usage.js, channels.js, webhooks.js                what is so far
*/

import { attachChooser, isPresenter, onChange } from "./apps.js";
import { attachChannels } from "./channels.js";
import { attachCreator } from "./creator.js";
import { shown } from "./dom.js";
import { attachFeedView } from "./feed-view.js";
import { watchFeed } from "./feed.js";
import { attachSecret } from "./secret.js";
import { attachSignature } from "./signature.js";
import { attachSnippets, target } from "./snippets-view.js";
import { attachUsage } from "./usage.js";
import { attachWebhooks } from "./webhooks.js";

/** Pressed before the list of applications is here: carried out once it is, and no form leaves the page. @type {HTMLButtonElement | null} */
let pressedEarly = null;
const tooEarly = new AbortController();
document.querySelector("main")?.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("button") : null;
  if (button === null) return;
  event.preventDefault();
  pressedEarly = button;
}, { capture: true, signal: tooEarly.signal });

try {
  await attachChooser(/** @type {HTMLSelectElement} */ (document.querySelector("[data-app]")));
  attachSecret();
  attachCreator();
  attachSnippets();
  attachSignature();
  attachUsage();
  if (isPresenter) {
    attachChannels();
    attachWebhooks();
    attachFeed();
  } else {
    // presenter.js says how to unlock them.
    showState("locked");
  }
  onChange(showFacts);
  tooEarly.abort();
  /** @type {HTMLButtonElement | null} */ (pressedEarly)?.click();
} catch (error) {
  notice(`The console cannot start: ${error instanceof Error ? error.message : error}. Reload the page once the server is there.`);
}

function attachFeed() {
  const view = attachFeedView();
  let stop = () => {};
  onChange((app) => {
    stop();
    view.reset();
    stop = watchFeed(app.id, { entry: view.entry, gap: view.gap, state: showState });
  });
}

/** @param {string} state */
function showState(state) {
  const sign = shown("state");
  sign.dataset.state = state;
  sign.textContent = state;
}

/** @param {import("./apps.js").App} app */
function showFacts(app) {
  const at = target();
  shown("app-id").textContent = app.id;
  shown("app-key").textContent = app.key;
  shown("app-host").textContent = at.host;
  shown("app-port").textContent = at.port;
  shown("app-tls").textContent = at.tls ? "yes" : "no";
  notice(app.enabled ? "" : "This application is disabled: connections are refused with 4003 and calls with 403.");
}

/** @param {string} text  "" for none */
function notice(text) {
  const line = shown("app-notice");
  line.hidden = text === "";
  line.textContent = text;
}
