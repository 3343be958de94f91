/*
  phone-sequence.js: what one phone of the class and the lab say to each other, for the presenter: the sequence of the
  compare page, and its bytes. It is drawn of the lab's tap alone, which copies what comes from that phone's address to the
  class's channel; when something reached the phone nobody here can measure, so that end of an arrow is a ring.
*/

import { find, setText } from "../charts/dom.js";
import { startClock } from "../clock.js";
import { attachBytes } from "../compare/wire/bytes.js";
import { attachSequence } from "../compare/wire/sequence.js";
import { openTap, TapError } from "../compare/wire/tap.js";
import { watchConditions } from "../conditions/watch.js";
import { comparedRows } from "../lab.js";

/** @typedef {import("../compare/wire/tap.js").Tap} Tap */

const DRAWN_EVERY_MS = 100;
const CHANNEL = "class";

const id = new URLSearchParams(location.search).get("phone") ?? "";
const said = find("[data-phone-says]");
const clock = startClock();
/** @type {Tap|null} */
let tap = null;
let why = "";
/** Lanes on which the phone was heard. @type {Set<string>} */
const heard = new Set();

const shared = /** @type {import("../compare/wire/views.js").Shared} */ ({
  // A run of the comparison has these three; a class's phone has no more of them.
  run: () => (tap === null ? null : /** @type {ReturnType<import("../compare/wire/views.js").Shared["run"]>} */ (/** @type {unknown} */ ({ phase: why === "" ? "measuring" : "paused", worstBoundMs: null, lanes: comparedRows.filter(({ lane }) => heard.has(lane)).map((lane) => ({ lane })) }))),
  rows: comparedRows,
  clock,
  sequence: () => ({ lanes: [], s: 10 }),
  rememberSequence() {},
  tap: () => tap,
  tapIsLive: () => tap !== null && why === "",
  drew() {},
  showBytes(which, n) {
    bytes.choose?.(which, n);
    find("#phone-bytes-title").scrollIntoView({ block: "start" });
  },
});
const sequence = attachSequence(shared);
const bytes = attachBytes(shared);
const views = [sequence, bytes];

/** @param {string} lane */
function hear(lane) {
  if (heard.has(lane) || !comparedRows.some((row) => row.lane === lane)) return;
  heard.add(lane);
  for (const view of views) view.began?.();
  for (const view of views) view.shown?.(true);
}

/** What the class says of the phone: name, lane, and the address that its connections come from. */
async function phone() {
  const answer = await fetch("/presenter/api/class/lead", { cache: "no-store" });
  const told = await answer.json();
  if (!answer.ok) throw new Error(`${told.error.message}. ${told.error.hint}`);
  const found = told.grid.find((/** @type {{id: string}} */ each) => each.id === id);
  if (found === undefined) throw new Error("No phone of this class has this address: choose one on the class's page.");
  const address = told.lead.addresses[id];
  if (address === undefined) throw new Error(`${found.name} has not been heard yet, so nobody knows where its messages come from. Open this page again when it is there.`);
  return { ...found, address };
}

async function begin() {
  const { name, lane, address } = await phone();
  setText(find("[data-phone-name]"), name);
  tap = await openTap({ channel: CHANNEL, address });
  tap.onEnd(({ ended }) => {
    why = ended;
    setText(said, `The copy has ended: ${ended} Open this page again to go on.`);
    for (const view of views) view.changed?.();
  });
  tap.onUnits((units) => { for (const unit of units) hear(unit.lane); });
  tap.watch(true);
  setText(said, `Everything that ${address} and the channel “${CHANNEL}” say to each other is copied from now on, without what the messages say. Devices that share an address are drawn together.`);
  if (lane !== null && lane !== undefined) hear(lane);
  watchConditions((lanes) => { for (const view of views) view.conditions?.(lanes); });
  setInterval(() => { for (const view of views) view.draw?.(performance.now()); }, DRAWN_EVERY_MS);
}

addEventListener("pagehide", () => tap?.close());
begin().catch((error) => setText(said, error instanceof TapError || error instanceof Error ? error.message : String(error)));
