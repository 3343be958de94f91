// join.js: how phones come in. Counts who is in, keeps the teacher's choice of an address, joins with this device, and
// says after a minute without a phone what may be in the way.

import { announce } from "../announce.js";
import { find, seek, setText } from "../charts/dom.js";
import { startFeed } from "./feed.js";
import { Refused } from "./phone/api.js";
import { whatItCan } from "./phone/can.js";
import { WAITS, joinInTurn } from "./phone/in-turn.js";
import { LATE_MS, askReach, choose, chosen, lateWords, onChosen } from "./way-in.js";
import { refusalText } from "./words.js";

const LOOK_MS = 10_000;

const page = find("[data-join]");
const code = page.dataset["classCode"] ?? null;
const ways = [...page.querySelectorAll("[data-way]")].filter((way) => way instanceof HTMLElement);
const opened = performance.now();
/** Phones that ever joined, as far as this page has heard. */
let joined = 0;
/** Whether it was said that nobody comes. */
let isLate = false;

// ── The address ──────────────────────────────────────────────────────────────────────────────────────────────────

const choices = [...document.querySelectorAll('input[name="way"]')].filter((choice) => choice instanceof HTMLInputElement);

function showWay() {
  const kept = chosen();
  const choice = choices.find(({ value }) => value === kept) ?? choices.find(({ checked }) => checked);
  if (choice === undefined) return;
  choice.checked = true;
  for (const way of ways) way.hidden = way.dataset["way"] !== choice.value;
}

for (const choice of choices) {
  choice.addEventListener("change", () => {
    choose(choice.value);
    showWay();
  });
}
onChosen(showWay);
showWay();

// ── Who is in ────────────────────────────────────────────────────────────────────────────────────────────────────

/** @param {import("./state.js").ClassState} state */
function show(state) {
  if (state.code !== code) return location.reload();
  const text = state.here === 0 ? "Nobody is in yet" : `${state.here} in`;
  const count = find("[data-count]");
  if (count.textContent !== text && state.here > 0) announce(`${state.here} in.`);
  setText(count, text);
  find("[data-closed]").hidden = state.closed !== true;
  joined = state.joined;
  if (joined > 0 && isLate) notLate();
}

/** The class that this page is about; when it is over, this page is about none. */
const follow = () => startFeed({ onState: (state) => (state === null ? location.reload() : show(state)) });

// ── Nobody comes ─────────────────────────────────────────────────────────────────────────────────────────────────

const shown = ways.map((way) => way.dataset["way"]);

async function look() {
  const reach = await askReach().catch(() => null);
  if (reach === null) return;
  const isOther = reach.addresses.map(({ url }) => url).join() !== shown.join();
  const isBusy = document.activeElement instanceof HTMLInputElement && document.activeElement.type === "text";
  // Another network, or a class was started or ended.
  if (!isBusy && (isOther || (reach.class?.code ?? null) !== code)) return location.reload();
  if (code !== null && joined === 0 && performance.now() - opened >= LATE_MS) late(reach.reached);
}

/** @param {boolean} isReached */
function late(isReached) {
  const trouble = seek("[data-trouble]", HTMLDetailsElement);
  if (trouble === null) return;
  const { title, says } = lateWords(isReached);
  setText(find("[data-trouble-title]"), title);
  setText(find("[data-trouble-says]"), `${says} ${isReached ? "If others wait for ever, look" : "Look"} in this order:`);
  // What to do is below the square: the head of the page says that it is there.
  setText(find("[data-late-says]"), `${title}. ${says}`);
  if (isLate) return;
  isLate = true;
  find("[data-late]").hidden = false;
  trouble.dataset["isLate"] = "";
  trouble.open = true;
}

function notLate() {
  isLate = false;
  find("[data-late]").hidden = true;
  const trouble = find("[data-trouble]", HTMLDetailsElement);
  delete trouble.dataset["isLate"];
  trouble.open = false;
  setText(find("[data-trouble-title]"), "Phones do not come in?");
  setText(find("[data-trouble-says]"), "If a phone waits for ever, this Wi-Fi may keep devices apart. Look in this order:");
}

// ── Joining and starting ─────────────────────────────────────────────────────────────────────────────────────────

/** @param {string} path @param {object} body  @returns {Promise<string | null>} what is wrong, for people */
async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }).catch(() => null);
  if (answer === null) return "The lab does not answer. Is it still running, and is this device in its network?";
  if (answer.ok) return null;
  const { error } = await answer.json().catch(() => ({ error: null }));
  return refusalText(error, answer.status);
}

const form = seek("[data-join-form]", HTMLFormElement);
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  void join();
});

async function join() {
  const field = find("#code", HTMLInputElement);
  const says = find("[data-join-error]");
  setText(says, "");
  // Letters as they are on the wall, whatever the keyboard makes of them.
  const typed = field.value.toUpperCase().replace(/[\s-]/g, "");
  if (typed === "") {
    setText(says, "Type the code that is on the wall.");
    return field.focus();
  }
  try {
    await joinInTurn(typed, () => setText(says, WAITS));
    location.assign("/phone");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    setText(says, error.sentence);
    field.focus();
  }
}

const start = seek("[data-start]", HTMLButtonElement);
start?.addEventListener("click", () => void begin(start));

/** @param {HTMLButtonElement} button */
async function begin(button) {
  button.disabled = true;
  const wrong = await post("/presenter/api/class", {});
  if (wrong === null) return location.reload();
  button.disabled = false;
  setText(find("[data-start-error]"), wrong);
}

// ── What this device can ─────────────────────────────────────────────────────────────────────────────────────────

const census = seek("[data-census]");
if (census !== null) {
  const { websocket, eventsource, streams, http2 } = whatItCan();
  const can = [["WebSocket", websocket], ["EventSource", eventsource], ["streaming fetch", streams], ["HTTP/2 to this lab", http2]];
  setText(census, `This device has: ${can.map(([name, has]) => `${name} ${has ? "yes" : "no"}`).join(" · ")}`);
  census.hidden = false;
}

if (code !== null) follow();
setInterval(look, LOOK_MS);
