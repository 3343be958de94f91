/*
  page.js: the chat page, wired together. Reading order: session.js (being in a room over any transport),
  log.js (what is shown), delay.js (how late it came), race.js (how late it came to everybody), outbox.js (own
  messages), then people.js, typing.js, unread.js and clearing.js.
*/
import { announce } from "../announce.js";
import { find } from "../charts/dom.js";
import { startClock } from "../clock.js";
import { transportLanes } from "../lab.js";
import { startMeasure } from "../measure.js";
import { showMark, watchConditions } from "../conditions/watch.js";
import { textOf } from "../strangers.js";
import { CODE, FALLBACK } from "../transports/index.js";
import { offerClearing } from "./clearing.js";
import { clientId, rememberName, rememberedName } from "./identity.js";
import { createLog } from "./log.js";
import { createOutbox } from "./outbox.js";
import { reasonOf } from "./reason.js";
import { createPeople } from "./people.js";
import { startRace } from "./race.js";
import "./seen-height.js";
import { openSession } from "./session.js";
import { createTyping } from "./typing.js";
import { createUnread } from "./unread.js";

const CLOCK_PATIENCE_MS = 1500;

/** @template {Element} [T=HTMLElement]  @param {string} id  @param {new () => T} [kind]  @returns {T} */
const byId = (id, kind) => find(`#${id}`, kind);

const room = byId("chat").dataset.room ?? "";
const field = byId("text", HTMLTextAreaElement);
const lanes = byId("transport", HTMLSelectElement);
const nameField = byId("name", HTMLInputElement);
const channel = `presence-chat-${room}`;
const client = clientId();
let name = rememberedName();
const clock = startClock();
const measure = startMeasure({ clock, client, channel });
const enteredMs = performance.now();
let isOpen = false; // whether there is a connection
/** @type {import("../conditions/api.js").LaneView[]} */
let conditions = [];

const log = createLog(byId("log", HTMLOListElement), { client, onRetry: (id) => void outbox.retry(id) });
const unread = createUnread({ list: byId("log", HTMLOListElement), button: byId("newer", HTMLButtonElement), log });
const session = openSession({ channel, client, name, onPublication: take, onState: showState });
const outbox = createOutbox({ session, log, clock, author: () => ({ client, name }), isOpen: () => isOpen });
const people = createPeople({ list: byId("people"), counts: document.querySelectorAll("[data-here-count]"), channel, client, onLine: sayLine });
const typing = createTyping({ line: byId("typing"), field, say: () => session.whisper("typing", { client, name }) });

/** What pages say to each other. It is theirs, so that any of it may be missing or something else.
 * @typedef {Partial<Record<"id" | "client" | "name" | "text" | "via" | "bound_us", unknown>>} Said */

/** @param {string} lane  @param {import("../transports/index.js").Publication} publication */
function take(lane, publication) {
  const delayUs = measure.observe(lane, publication);
  // The rest is history from before we came. What has no instant has no history either (see channels.js).
  const live = Number.isNaN(publication.published_us) || publication.published_us >= clock.at(enteredMs);
  const { event } = publication;
  const said = /** @type {Said} */ (publication.data ?? {});
  // These two are of the server alone.
  const member = /** @type {import("./people.js").Member} */ (publication.data);
  if (event === "pushlab:cleared") cleared();
  else if (event === "message" && typeof said.text === "string") showMessage(lane, publication, delayUs, live);
  else if (!live) return;
  else if ((event === "typing" || event === "client-typing") && said.client !== client) typing.started(textOf(said.client), nameOf(said));
  else if (event === "pushlab:join") people.joined(member);
  else if (event === "pushlab:leave") { people.left(member); typing.stopped(member.client); }
}

/** Who says nothing of a name is somebody. @param {Said} said */
const nameOf = (said) => textOf(said.name) || "Somebody";

/** The presenter emptied the room: nobody is shown what is forgotten. */
function cleared() {
  const wasShown = byId("log").childElementCount > 0;
  unread.answered();
  log.clear();
  if (wasShown) sayLine("The presenter cleared this room");
}

/** @param {string} lane  @param {import("../transports/index.js").Publication} publication  @param {number} delayUs  @param {boolean} live */
function showMessage(lane, publication, delayUs, live) {
  const data = /** @type {Said} */ (publication.data);
  const via = typeof data.via === "string" ? data.via : undefined;
  const message = { id: textOf(data.id), client: textOf(data.client), name: nameOf(data), text: textOf(data.text), via };
  const wasAtBottom = log.atBottom();
  const entry = log.show(message, publication.published_us, live ? delayOf(lane, delayUs, message.client === client, data.bound_us) : undefined);
  byId("log-empty").hidden = true;
  if (!live) return;
  typing.stopped(message.client);
  if (message.client === client) return;
  unread.arrived(entry, wasAtBottom);
  announce(`${message.name}: ${message.text}`);
}

/** Two clocks, two bounds; an own message needs one clock only, and so no bound.
 * @param {string} lane  @param {number} delayUs  @param {boolean} own  @param {unknown} senderBoundUs
 * @returns {import("./delay.js").Delay | undefined} nothing where it cannot be told */
function delayOf(lane, delayUs, own, senderBoundUs) {
  const theirsUs = typeof senderBoundUs === "number" && senderBoundUs >= 0 ? senderBoundUs : 0;
  const boundUs = own ? 0 : clock.boundUs + theirsUs;
  return Number.isNaN(delayUs + boundUs) ? undefined : { lane, delayUs, boundUs };
}

/** @param {string} lane  @param {import("../transports/index.js").State} state  @param {import("../transports/index.js").StateDetail} detail */
function showState(lane, state, detail) {
  isOpen = state === "open";
  byId("state").dataset.state = state;
  byId("state").textContent = state;
  const trouble = byId("trouble");
  trouble.hidden = state === "open" || state === "connecting";
  if (state === "reconnecting") trouble.textContent = `The connection is gone (${reasonOf(detail.reason)}). ${when(detail.retryInMs)} What others write meanwhile is fetched then.`;
  if (state === "closed") trouble.textContent = `This transport has given up: ${reasonOf(detail.reason)}. Choose a transport to begin again.`;
  showConnectedBy(detail);
  if (state !== "open") return;
  people.refresh();
  void outbox.resend();
  byId("log-empty").hidden = byId("log").childElementCount > 0;
  if (detail.lost) log.notice("The server no longer has everything from while we were away. Some messages between here and what follows may be missing.");
}

watchConditions((lanes) => {
  conditions = lanes;
  showConditions();
});

/** Only the libraries choose among transports, so only with them there is something to tell.
 * @param {import("../transports/index.js").StateDetail} detail */
function showConnectedBy({ transport, connectMs }) {
  const line = byId("connected-by");
  line.hidden = transport === undefined;
  if (transport !== undefined) line.textContent = `Connected by ${transport}, which took ${connectMs?.toFixed(0)} ms.`;
}

/** @param {number | undefined} retryInMs */
function when(retryInMs) {
  return retryInMs === undefined ? "It is being opened again." : `Next attempt in ${(retryInMs / 1000).toFixed(1)} s.`;
}

/** @param {string} text  somebody came or went */
function sayLine(text) {
  log.line(text);
  announce(`${text}.`);
}

/** Whether the present lane's network is not as it comes. */
function showConditions() {
  const lane = byId("chat-card").dataset.lane;
  showMark(find("[data-conditions-mark]", HTMLElement, byId("chat-card")), conditions.find((view) => view.lane === lane)?.conditions);
}

/** What the page says of a lane, before anything is sent over it. @param {string} lane */
function showLane(lane) {
  byId("transport-note").textContent = transportLanes.find((known) => known.lane === lane)?.note ?? "";
  byId("show-code").dataset.code = CODE[lane];
  byId("room-transport", HTMLInputElement).value = lane;
  byId("chat-card").dataset.lane = lane;
  byId("fallback-option").hidden = lane !== "channels";
  byId("connected-by").hidden = true;
  showConditions();
}

/** @param {string} lane */
function choose(lane) {
  showLane(lane);
  const address = new URL(location.href);
  address.searchParams.set("room", room);
  address.searchParams.set("transport", lane);
  history.replaceState(null, "", address);
  byId("second-window", HTMLAnchorElement).href = address.href;
  measure.begin(lane);
  session.use(lane, lane === "channels" && byId("fallback", HTMLInputElement).checked ? { transports: FALLBACK } : {}).catch(cannotUse);
}

/** The code of a lane did not come. @param {unknown} error */
function cannotUse(error) {
  showState(session.lane, "closed", { reason: reasonOf(error) });
}

function send() {
  const text = field.value.trim();
  if (text === "") return;
  field.value = "";
  byId("log-empty").hidden = true;
  outbox.send(text);
  typing.sent();
  unread.answered();
}

byId("composer").addEventListener("submit", (/** @type {Event} */ event) => { event.preventDefault(); send(); });
field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
nameField.value = name;
byId("name-form").addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  name = nameField.value.trim() || name;
  nameField.value = name;
  rememberName(name);
  session.rename(name).catch(cannotUse);
});
lanes.addEventListener("change", () => choose(lanes.value));
byId("fallback").addEventListener("change", () => choose("channels"));

const asked = new URLSearchParams(location.search).get("transport");
const first = transportLanes.find(({ lane }) => lane === asked)?.lane ?? "websocket";
lanes.value = first;
showLane(first); // its buttons do what they say at once; only the connection waits
offerClearing({ button: byId("clear", HTMLButtonElement), room, channel });
startRace({ list: byId("race"), empty: byId("race-empty"), channel });
// The clock first, so that history can be told from news; but a slow clock must not keep anybody out.
void Promise.race([clock.ready, new Promise((resolve) => window.setTimeout(resolve, CLOCK_PATIENCE_MS))]).then(() => choose(lanes.value));
