// The view Bytes: one exchange of this page's own, every byte of it with who put it there. It is chosen by lane and from
// a list; until somebody chooses it is the newest that carried a publication, and stays, so that it can be read.

import { announce } from "../../announce.js";
import { showMark } from "../../conditions/watch.js";
import { el, find, setText } from "../../charts/dom.js";
import { bytesText, count, durationText, NONE } from "../../charts/format.js";
import { compressedSentence } from "./bytes-compressed.js";
import { attachCover } from "./bytes-cover.js";
import { createItemList, createLaneChoice } from "./bytes-lanes.js";
import { firstOf, itemsOf, keyOf, newestOf } from "./bytes-list.js";
import { drawUnit } from "./bytes-parts.js";
import { copyAsHex, save } from "./bytes-save.js";
import { sentenceOf } from "./bytes-sentence.js";
import { added, layersOf } from "./bytes-sums.js";
import { showTable } from "./bytes-table.js";
import { attachWalk } from "./bytes-walk.js";
import { goneText, missingUs, reachText, TapError } from "./tap.js";

/** @typedef {import("./bytes-list.js").Item} Item @typedef {import("./tap.js").Which} Which */

const LIST_EVERY_MS = 1000;
const EARLY_MS = 6000;
/** Where big messages follow each other fast, one may be gone before it is asked for. */
const NEWEST_ATTEMPTS = 3;

/** Why bytes that are listed cannot be shown. @param {import("./tap.js").Tap} tap @param {string} lane */
function unkeptText(tap, lane) {
  const madeRoom = (tap.lanes[lane]?.dropped_units ?? 0) > 0;
  return madeRoom ? "The lab no longer has these bytes: newer ones took their place. Choose others, or Newest event." : "The lab does not have these bytes. Choose others, or Newest event.";
}

/** @param {import("./views.js").Shared} shared @returns {import("./views.js").WireView} */
export function attachBytes(shared) {
  const panel = find("[data-bytes]");
  const part = (/** @type {string} */ name) => find(`[data-bytes-${name}]`, undefined, panel);
  const [sentence, wire, trouble, body, waiting, more] = ["sentence", "wire", "trouble", "body", "waiting", "more"].map(part);
  const table = find("table", HTMLTableElement, panel);
  const laneChoice = createLaneChoice(part("lanes"), (name) => { chooseLane(name); });
  const itemList = createItemList(part("items"), part("items-say"), (key) => {
    const item = items.find((each) => each.key === key);
    if (item !== undefined) void choose(item);
  });
  const walk = attachWalk(wire, part("detail"));
  const cover = attachCover(panel, () => draw());

  let isShown = false;
  let listedAtMs = 0;
  /** When the lane was chosen or the run began. */
  let startedMs = -Infinity;
  let lane = "";
  /** Of the lane, newest first. @type {Item[]} */
  let items = [];
  /** @type {Item|null} */
  let chosen = null;
  /** What is shown of it. @type {{item: Item, units: import("./tap.js").Unit[], leftOut: number}|null} */
  let shown = null;
  let showsAll = false;
  let asked = 0;
  let spoken = "";
  /** What another view wanted to be shown is no longer there. */
  let isGone = false;
  /** Kinds of heads whose headers are shown one by one; whoever opened them wants them open. @type {Set<string>} */
  const unfolded = new Set();
  /** What the lanes' networks are under. @type {import("../../conditions/api.js").LaneView[]} */
  let conditions = [];
  const conditionsMark = find("[data-bytes-conditions]", HTMLAnchorElement, panel);

  part("newest").addEventListener("click", () => void chooseNewest(true));
  more.addEventListener("click", () => {
    showsAll = true;
    draw();
    /** @type {HTMLElement|null} */ (wire.querySelector('.wire-part[tabindex="0"]'))?.focus({ preventScroll: true });
  });
  part("hex").addEventListener("click", () => { if (shown !== null) void copyAsHex(shown.units, labelOf(lane)); });
  for (const [name, kind, of] of /** @type {const} */ ([["pcap", "pcapng", "exchange"], ["pcap-lane", "pcapng", "lane"], ["pcap-all", "pcapng", "all"], ["har", "har", "exchange"]])) {
    part(name).addEventListener("click", () => {
      const tap = shared.tap();
      if (shown === null || tap === null) return;
      const { which } = shown.item;
      void save(tap, kind, of === "exchange" ? which : of === "lane" ? { lane: which.lane } : {});
    });
  }

  /** Lanes of the present run; rows in another form are on their lane's connections. */
  function lanes() {
    const running = new Set(shared.run()?.lanes.map(({ lane: row }) => row.of) ?? []);
    return shared.rows.filter((row) => running.has(row.lane));
  }
  /** @param {string} name */
  const labelOf = (name) => shared.rows.find((row) => row.lane === name)?.label ?? name;
  /** @param {string} name */
  const isStream = (name) => shared.rows.find((row) => row.lane === name)?.fetching === "stream";
  /** On the visitor's own clock; none while that is being compared with the lab's. @param {number} us */
  function timeOf(us) {
    const agoMs = (shared.clock.now() - us) / 1000;
    if (!Number.isFinite(agoMs)) return NONE;
    const at = new Date(Date.now() - agoMs);
    return `${at.toLocaleTimeString("en-GB")}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  }

  function forget() {
    asked += 1;
    startedMs = performance.now();
    [items, chosen, shown, showsAll] = [[], null, null, false];
    body.hidden = true;
    setText(sentence, "");
    [trouble.hidden, isGone] = [true, false];
  }

  /** @param {string} name */
  function chooseLane(name) {
    lane = name;
    forget();
    list(true);
  }

  /** @param {boolean} [now] */
  function list(now = false) {
    const tap = shared.tap();
    const running = lanes();
    panel.hidden = tap === null || running.length === 0;
    if (tap === null || running.length === 0) return;
    if (!running.some((row) => row.lane === lane)) lane = running[0].lane;
    laneChoice.show(running, lane);
    items = itemsOf(tap.units(), lane, isStream(lane));
    const { dropped_units: dropped = 0 } = tap.lanes[lane] ?? {};
    const gone = goneText(missingUs(tap.gaps().filter((gap) => gap.lane === lane)), tap.laneBytesMax);
    setText(part("dropped"), gone !== "" ? `Of the time listed here, ${gone}.`
      : dropped === 0 ? "" : `The lab keeps ${bytesText(tap.laneBytesMax)} of each lane; ${count(dropped)} older messages of this one are gone (heads, bodies, chunks and frames are counted one by one).`);
    showMark(conditionsMark, conditions.find((each) => each.lane === lane)?.conditions);
    const newest = firstOf(items);
    const grown = items.find(({ key }) => key === chosen?.key);
    // What was taken first in a hurry gives way to what is easier to read, while nobody can have begun to read.
    const isEarly = performance.now() - startedMs < EARLY_MS && chosen?.carried.length !== 1 && newest?.carried.length === 1;
    if (newest !== null && (chosen === null || (isEarly && !isPicked) || (chosen.carried.length === 0 && !isPicked && newest.carried.length > 0))) void chooseNewest(false);
    else if (grown !== undefined && grown.units > (chosen?.units ?? 0)) void choose(grown, isPicked);
    waiting.hidden = shown !== null;
    itemList.show(items, () => chosen?.key ?? "", timeOf, tap.reachUs(), now);
  }

  /** The newest as the lab has it now: of big messages, those of half a second ago may be gone. @param {boolean} picked */
  async function chooseNewest(picked) {
    const tap = shared.tap();
    if (tap === null || isSeeking) return;
    isSeeking = true;
    for (let left = NEWEST_ATTEMPTS; left > 0; left -= 1) {
      await tap.refresh();
      // Somebody may have chosen meanwhile.
      if (shared.tap() !== tap || (!picked && isPicked && chosen !== null)) break;
      const newest = (picked ? newestOf : firstOf)(itemsOf(tap.units(), lane, isStream(lane)));
      if (newest === null || await choose(newest, picked)) break;
    }
    isSeeking = false;
    if (chosen !== null) list(picked);
  }

  let isSeeking = false;
  /** Somebody chose it, so it stays. */
  let isPicked = false;
  /** @param {Item} item @param {boolean} [picked] @returns {Promise<boolean>} whether it is shown, or no longer wanted */
  async function choose(item, picked = true) {
    const tap = shared.tap();
    if (tap === null) return true;
    const isAnother = item.key !== chosen?.key;
    chosen = item;
    isPicked = picked;
    const mine = ++asked;
    try {
      const { units, left_out } = await tap.exchange(item.which, item.n === null ? {} : { upto: item.n, last: 1 });
      if (mine !== asked) return true;
      if (isAnother) {
        showsAll = false;
        cover.forget();
      }
      const wanted = item.n === null ? units.filter((unit) => item.noun === "exchange" || !["frame", "chunk"].includes(unit.kind)) : units.filter(({ n }) => n === item.n);
      if (wanted.length === 0) throw new Error(unkeptText(tap, item.which.lane));
      shown = { item, units: wanted, leftOut: item.noun === "exchange" ? left_out : 0 };
      // What was asked for and is gone stays said until somebody chooses.
      if (picked || !isGone) trouble.hidden = true;
      if (picked) isGone = false;
      draw();
      return true;
    } catch (error) {
      if (mine !== asked) return true;
      if (!picked && shared.tapIsLive()) {
        // The next list offers another.
        chosen = null;
        return false;
      }
      setText(trouble, error instanceof TapError && error.code === "unknown_tap" ? "The lab keeps the bytes of this run no more, so these cannot be shown." : error instanceof TapError && error.code === "unknown_exchange" ? unkeptText(tap, item.which.lane) : error instanceof Error ? error.message : String(error));
      trouble.hidden = false;
      return false;
    }
  }

  function draw() {
    if (shown === null) return;
    const { item, units, leftOut } = shown;
    const covered = cover.isOn();
    const layers = added(units.map((unit) => layersOf(unit.parts)));
    const total = units.reduce((sum, { size }) => sum + size, 0);
    const counted = Object.values(layers).reduce((sum, bytes) => sum + bytes, 0);
    cover.asksFor(counted - (layers.payload ?? 0));
    const said = sentenceOf({ lane: labelOf(item.which.lane), noun: item.noun, total, layers, isEmpty: item.isEmpty, unkept: total - counted });
    setText(sentence, covered ? "All but your data is covered." : said);
    if (!covered && said !== spoken) announce(said);
    spoken = said;
    panel.classList.toggle("is-covered", covered);

    const stood = [...wire.querySelectorAll(".wire-part")].findIndex((each) => each === document.activeElement);
    const drawn = units.map((unit) => drawUnit(unit, { all: showsAll, covered, unfold: unfolded.has(unit.kind) ? null : () => unfold(unit.kind) }));
    wire.replaceChildren(...drawn.map(({ element }, i) => el("section", { class: "wire-unit", "data-direction": units[i].direction, "data-kind": units[i].kind },
      el("h3", { class: "wire-head" }, headOf(units[i], units[0])), element,
      ...(units[i].size > units[i].kept ? [el("p", { class: "wire-unkept", "data-covered-hides": "true" }, `${bytesText(units[i].size - units[i].kept)} more were not kept`)] : []))));
    if (leftOut > 0) wire.append(el("p", { class: "wire-unkept" }, `${count(leftOut)} more ${leftOut === 1 ? "message" : "messages"}, between the heads and the rest, ${leftOut === 1 ? "is" : "are"} not shown.`));
    more.hidden = !drawn.some(({ isCut }) => isCut);
    setText(more, `Show all ${bytesText(total)}`);
    walk.show(new Map(drawn.flatMap(({ parts }) => [...parts])));
    // An exchange that has grown is drawn anew; who stands on a part goes on standing there.
    if (stood >= 0) /** @type {HTMLElement|undefined} */ ([...wire.querySelectorAll(".wire-part")][stood])?.focus({ preventScroll: true });
    showTable(table, units, showsAll);
    void showCompressed(units);
    body.hidden = false;
    waiting.hidden = true;
  }

  /** @param {import("./tap.js").Unit[]} units */
  async function showCompressed(units) {
    const said = await compressedSentence(units);
    if (shown?.units !== units) return;
    setText(part("compressed"), said);
    part("compressed").hidden = said === "";
  }

  /** @param {string} kind  of a head */
  function unfold(kind) {
    unfolded.add(kind);
    draw();
    const lines = wire.querySelectorAll(`[data-kind="${kind}"] .wire-line`);
    /** @type {HTMLElement|null|undefined} */ (lines[1]?.querySelector(".wire-part"))?.focus({ preventScroll: true });
  }

  /** "↑ browser to server · request head · 0 ms" @param {import("./tap.js").Unit} unit @param {import("./tap.js").Unit} first */
  function headOf(unit, first) {
    const since = (unit.last_us - first.first_us) / 1000;
    const words = { request_head: "request head", answer_head: "answer head", body: "body", chunk: "chunk", frame: "frame" };
    return `${unit.direction === "up" ? "↑ browser to server" : "↓ server to browser"} · ${words[unit.kind]}${unit === first ? "" : ` · ${durationText(since)} later at the server`}`;
  }

  return {
    shown(now) {
      isShown = now;
      if (now) list(true);
    },
    began() {
      forget();
      isPicked = false;
      cover.forget();
    },
    changed() { if (isShown || shared.tap() === null) list(); },
    draw(nowMs) {
      if (nowMs - listedAtMs < LIST_EVERY_MS) return;
      listedAtMs = nowMs;
      list();
    },
    conditions(lanes) { conditions = lanes; },
    choose(which, n) {
      const tap = shared.tap();
      if (tap === null) return;
      lane = which.lane;
      forget();
      const found = itemsOf(tap.units(), lane, isStream(lane)).find((item) => keyOf(item.which) === keyOf(which) && (n === undefined || item.n === n || (item.n === null && !isMessage(tap, n))));
      if (found !== undefined) void choose(found);
      list(true);
      itemList.focus();
      if (found !== undefined) return;
      isGone = true;
      setText(trouble, `The bytes that were asked for are no longer in this page's list, which goes back over the last ${reachText(tap.reachUs())}. These are the newest of their lane.`);
      trouble.hidden = false;
    },
  };

  /** Whether a unit stands alone in the list. @param {import("./tap.js").Tap} tap @param {number} n */
  function isMessage(tap, n) {
    const unit = tap.units().find((each) => each.n === n);
    return unit !== undefined && (unit.kind === "frame" || (unit.kind === "chunk" && isStream(unit.lane)));
  }
}
