// The three views of the wire (Race, Sequence, Bytes) and what the page tells them. A view is a function that is given
// what all share and gives back what it wants to hear; page.js attaches each in one line.

import { el, find, setText } from "../../charts/dom.js";
import { noticeOf, NEED_TAP } from "./notice.js";
import { TapKeeper } from "./tap-keeper.js";
import { rememberBytes, wantsBytes } from "./wants-bytes.js";

/**
 * What a view is given.
 * @typedef {object} Shared
 * @property {() => import("../run.js").Run|null} run          the present one; null before Start and after Reset
 * @property {import("../../lab.js").ComparedRow[]} rows        every row there is; those that run: run().lanes
 * @property {import("../../clock.js").Clock} clock
 * @property {() => {lanes: string[], s: number}} sequence      as the address has it: lanes side by side, seconds shown at once
 * @property {(sequence: {lanes: string[], s: number}) => void} rememberSequence
 * @property {() => import("./tap.js").Tap|null} tap            that of the present run, ended or not; null: there is none
 * @property {() => boolean} tapIsLive                          it goes on copying
 * @property {(fromMs: number) => void} drew                    something was drawn in the frame that began at this instant, performance.now()
 * @property {(which: import("./tap.js").Which, n?: number) => void} showBytes  goes to the tab Bytes, to this exchange and unit
 *
 * What a view may want to hear; all of it optional.
 * @typedef {object} WireView
 * @property {(isShown: boolean) => void} [shown]   its tab was chosen, or another one; once at first, too
 * @property {(state: import("../lane-state.js").LaneState, number: number, delayMs: number|null, atMs: number) => void} [arrived]
 *           publication `number` came at `atMs` (performance.now()), `delayMs` after it happened. delayMs is null where it does
 *           not count (it came twice, or is from before Start). It is also null while nobody knows when it happened; as soon as
 *           that is known, the same arrival is told again, with the same atMs
 * @property {() => void} [began]       a run begins: forget the one before. run() and tap() are the new ones
 * @property {() => void} [changed]     phase of the run or state of the tap
 * @property {(which: import("./tap.js").Which, n?: number) => void} [choose]  of Bytes: shows this exchange
 * @property {(lanes: import("../../conditions/api.js").LaneView[]) => void} [conditions]  what the lanes' networks are under, every two seconds
 * @property {(fromMs: number) => void} [drew]  this page drew, whatever is shown, from this instant on
 * @property {(nowMs: number) => void} [draw]  at most ten times a second, once a second with reduced motion, while it is shown
 */

/**
 * @param {Omit<Shared, "tap"|"tapIsLive"|"drew"|"showBytes">} given
 * @param {{start: () => void, showView: (view: string) => void}} wants
 */
export function createWireViews(given, { start, showView }) {
  /** @type {Map<string, WireView>} */
  const views = new Map();
  const keeper = new TapKeeper(changed);
  let now = "";
  /** @type {Shared} */
  const shared = {
    ...given,
    tap: () => keeper.tap,
    tapIsLive: () => keeper.state === "kept",
    drew,
    showBytes(which, n) {
      showView("bytes");
      views.get("bytes")?.choose?.(which, n);
    },
  };

  /** @param {number} fromMs */
  function drew(fromMs) {
    for (const view of views.values()) view.drew?.(fromMs);
  }

  function changed() {
    for (const [name, view] of views) {
      showNotice(name);
      view.changed?.();
    }
  }

  /** @param {string} view */
  function showNotice(view) {
    const host = find(`[data-wire-notice="${view}"]`);
    const { text, button, tone } = noticeOf(view, given.run()?.phase ?? "ready", keeper.state, keeper.why);
    if (host.children.length === 0) {
      const begin = el("button", { class: "button", type: "button" });
      begin.addEventListener("click", start);
      host.append(el("p"), begin);
    }
    const [said, begin] = /** @type {HTMLElement[]} */ ([...host.children]);
    host.className = `wire-notice notice${tone === "" ? "" : ` notice-${tone}`}`;
    const stoodHere = begin === document.activeElement;
    host.hidden = text === "";
    setText(said, text);
    begin.hidden = button === "";
    if (button !== "") setText(begin, button);
    // Who pressed it with the keyboard goes on where the run can be paused.
    else if (stoodHere) [find('[data-run="pause"]'), find('[role="tab"][aria-selected="true"]')].find((next) => next.checkVisibility())?.focus({ preventScroll: true });
  }

  return {
    /** @param {string} name @param {(shared: Shared) => WireView} attach */
    attach(name, attach) {
      views.set(name, attach(shared));
      showNotice(name);
    },
    /** The tab that is shown now. @param {string} view */
    show(view) {
      keeper.watch(NEED_TAP.includes(view));
      if (NEED_TAP.includes(view)) rememberBytes();
      if (view === now) return;
      const before = now;
      now = view;
      views.get(before)?.shown?.(false);
      views.get(view)?.shown?.(true);
    },
    /** A tap for a run that begins, when the tab that is shown draws from one, or who sits here has looked at such a tab before. */
    tapForRun: () => (NEED_TAP.includes(now) || wantsBytes() ? keeper.open() : Promise.resolve(null)),
    began() { for (const view of views.values()) view.began?.(); },
    ended() { keeper.close(); },
    changed,
    drew,
    /** @type {NonNullable<WireView["arrived"]>} */
    arrived(state, number, delayMs, atMs) { for (const view of views.values()) view.arrived?.(state, number, delayMs, atMs); },
    /** @type {NonNullable<WireView["conditions"]>} */
    conditions(lanes) { for (const view of views.values()) view.conditions?.(lanes); },
    /** @param {number} nowMs */
    draw(nowMs) { views.get(now)?.draw?.(nowMs); },
  };
}
