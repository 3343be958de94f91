/*
  page.js: a student's phone in a class. It joins by the code, follows the state and shows the step; it reports how it is.

  Which screen: "moment" until the lab answers, "none" without a class, "join" without a place in it, "class" with one. The
  place is a cookie that scripts cannot read: the state has `me` where it is good. What this page remembers of it (in
  localStorage) serves only to say why a phone is asked for the code again.
*/
import "./baseline.js";
import { announce } from "../../announce.js";
import { el, find, setText } from "../../charts/dom.js";
import { durationText } from "../../charts/format.js";
import { startClock } from "../../clock.js";
import { transportLanes } from "../../lab.js";
import { LANES } from "../../lanes.js";
import { startFeed } from "../feed.js";
import { Refused } from "./api.js";
import { canInWords, whatItCan } from "./can.js";
import { WAITS, joinInTurn } from "./in-turn.js";
import { attachJoin } from "./join.js";
import { startFollower } from "./lane.js";
import { attachName } from "./name.js";
import { goOnce, pathHere } from "./page-link.js";
import { startReports } from "./reports.js";
import { startSteps } from "./step.js";
import { startTimer } from "./timer.js";

/** @typedef {import("../state.js").ClassState} ClassState */

const clock = startClock();
const can = whatItCan();
const place = remembered();
const screens = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-screen]")]);
const [head, name, link, ownLane, dark, notices] = ["[data-head]", "[data-name]", "[data-link]", "[data-own-lane]", "[data-dark]", "[data-notices]"].map((selector) => find(selector));

/** @type {"connecting" | "open" | "reconnecting"} */
let feedLink = "connecting";
/** The way from the lab to this page, of the newest state that came by the stream. @type {number | null} */
let wayMs = null;
/** `reload` when this page saw it first. @type {{of: string, count: number} | null} */
let reloads = null;
let joining = false;
let screen = "moment";

const timer = startTimer(find("[data-timer]"), clock);
const follower = startFollower({ clock, onChange: showLink });
const steps = startSteps(find("[data-step]"), {
  clock,
  follower,
  fetchingOf: (lane) => transportLanes.find((each) => each.lane === lane)?.fetching,
  announce,
  onRefused: refused,
});
const join = attachJoin(find("[data-join]", HTMLFormElement), { onJoin });
attachName({ onName: (own) => setText(name, own), onRefused: refused });
find("[data-can] ul").replaceChildren(...canInWords(can, location.protocol === "https:").map((line) => el("li", {}, line)));

const feed = startFeed({
  onState,
  onLink: (next) => {
    feedLink = next;
    showLink();
  },
});
const reports = startReports({ about, onRefused: refused });
showLink();

// The code of the QR's address: used at once, and gone from the address bar, where a picture of the screen would show it.
const code = new URLSearchParams(location.search).get("code");
if (location.search !== "") history.replaceState(null, "", location.pathname);
if (code !== null) void onJoin(code);

/** @param {string} given */
async function onJoin(given) {
  joining = true;
  try {
    const { name: own } = await joinInTurn(given, () => {
      show("join");
      join.why(WAITS);
    });
    join.why("");
    announce(`You are in. Your name is ${own}.`);
    joining = false;
    feed.reopen();
    reports.now();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    joining = false;
    if (feed.state?.me === undefined && error.code !== "no_class") show("join");
    join.refused(given, error.sentence);
  }
}

/** @param {ClassState | null} state @param {{live: boolean}} how */
function onState(state, { live }) {
  if (state === null) {
    const was = place.value?.name;
    find("[data-none-why]").hidden = was === undefined;
    find("[data-none-how]").hidden = was !== undefined;
    setText(find("#none-title"), was === undefined ? "No class yet" : "The class is over");
    if (was !== undefined) setText(find("[data-none-why]"), `Thank you, ${was}. Names and guesses are deleted now, unless your teacher saved the class.`);
    place.set(null);
    leaveClass();
    show("none");
    return;
  }
  if (state.me === undefined) {
    if (joining) return; // a moment ago nobody knew this phone
    if (place.value !== null) {
      const isSame = place.value.of === state.class;
      join.why(isSame ? "This phone's place in the class is gone: the presenter sent this phone away, or the browser forgot it. Enter the code again." : "The class that this phone was in is over, and another one is on. Enter its code.");
      place.set(null);
    }
    leaveClass();
    show("join");
    return;
  }
  place.set({ of: state.class, name: state.me.name });
  if (live && clock.tells(state.now_us)) wayMs = Math.max(0, (clock.now() - state.now_us) / 1000);
  if (reloads === null || reloads.of !== state.class || state.reload < reloads.count) reloads = { of: state.class, count: state.reload };
  // At once: all phones in the same moment is what the presenter wants to see (E20). A random wait would spoil it.
  if (state.reload > reloads.count) {
    location.reload();
    return;
  }
  showClass(state, state.me);
}

/** @param {ClassState} state @param {import("../state.js").Me} me */
function showClass(state, me) {
  const before = screen;
  const wasElsewhere = before !== "class";
  show("class");
  head.hidden = false;
  setText(name, me.name);
  const group = state.groups.find((each) => each.group === me.group) ?? null;
  follower.follow(group, state.set);
  reportEnd(state.lesson?.run);
  timer.show(state.timer);
  blacken(state.dark);
  tellChanges(state, me);
  showLink();
  // Frozen: what stands here stays. A page that comes to it shows how things are, once.
  if (!state.frozen || wasElsewhere || steps.isEmpty()) {
    if (state.lesson === null) steps.wait(state);
    else steps.show({ state, lesson: state.lesson, me, group });
  }
  steps.hold(state.frozen);
  if (wasElsewhere && before !== "moment") find("[data-step] h1").focus({ preventScroll: true });
  goOnce(state);
}

function leaveClass() {
  follower.follow(null);
  timer.show(null);
  blacken(false);
  steps.clear();
  head.hidden = true;
  reloads = null;
  wayMs = null;
  told.clear();
  notices.replaceChildren();
}

/** What is in effect, by its key, so that only a change is read out. @type {Map<string, string>} */
const told = new Map();

/** Sentences above the step. @param {ClassState} state @param {import("../state.js").Me} me */
function tellChanges(state, me) {
  const path = pathHere(state.page);
  /** @type {[string, boolean, string][]} */
  const all = [
    ["shown", me.is_shown === true || state.show === me.id, "The wall shows this phone now."],
    ["frozen", state.frozen, "The presenter has stopped the picture: what is here stays, and nothing is sent."],
    ["muted", state.muted, "The presenter has muted the phones: names, guesses and answers are not taken now."],
    ["page", path !== null, `The class goes to ${path ?? ""}.`],
  ];
  for (const [key, isOn, sentence] of all) {
    if ((told.get(key) ?? "") === (isOn ? sentence : "")) continue;
    notices.querySelector(`[data-notice="${key}"]`)?.remove();
    if (isOn) {
      const link = key === "page" && path !== null ? [" ", el("a", { class: "phone-link", href: path }, "Go there")] : [];
      notices.append(el("p", { class: "notice", "data-notice": key }, sentence, ...link));
      announce(sentence);
    } else if (key !== "page") {
      announce(key === "shown" ? "The wall no longer shows this phone." : key === "frozen" ? "It goes on." : "The phones are heard again.");
    }
    told.set(key, isOn ? sentence : "");
  }
}

/** @param {boolean} isDark */
function blacken(isDark) {
  if (dark.hidden === !isDark) return;
  dark.hidden = !isDark;
  find("#main").inert = isDark;
  head.inert = isDark;
  if (isDark) announce("Look to the front.");
}

/** The dot: the lane's while there is one, else the class's own stream. */
function showLink() {
  const isOnLane = follower.lane !== null;
  const state = feedLink !== "open" ? feedLink : isOnLane && follower.state !== "idle" ? follower.state : "open";
  const delay = isOnLane ? follower.delayMs(feed.state?.lesson?.run) : wayMs;
  link.dataset.state = state;
  const word = { open: "connected", connecting: "connecting", reconnecting: "connecting again", closed: "not connected", idle: "connected" }[state];
  setText(link, state === "open" && delay !== null ? `${word} · ${isOnLane ? `last message ${durationText(delay)} late` : `${durationText(delay)} from the lab`}` : state === "closed" && follower.reason !== "" ? `${word}: ${follower.reason}` : word);
  ownLane.hidden = !isOnLane;
  if (follower.lane !== null) {
    ownLane.dataset.lane = follower.lane;
    setText(ownLane, LANES[follower.lane]?.label ?? follower.lane);
  }
}
setInterval(showLink, 500);

/** The run whose end was told. */
let endedRun = 0;

/** What this phone counted until the end of a run is told at once. @param {import("../state.js").Run | null | undefined} run */
function reportEnd(run) {
  if (run?.state !== "over" || run.number === endedRun) return;
  endedRun = run.number;
  reports.now();
}

/** The report of this phone, without `visible`; null where there is nobody to report to. */
function about() {
  const { state } = feed;
  if (state?.me === undefined) return null;
  const run = state.lesson?.run;
  const seen = run?.kind === "live" && (run.state === "measuring" || run.state === "over") ? follower.seen(run) : null;
  const delay = follower.lane === null ? wayMs : follower.delayMs(run);
  return {
    state: follower.state,
    lane: follower.lane,
    delay_ms: delay === null ? null : Math.round(delay * 100) / 100,
    seen,
    delays: follower.delays(run),
    set: state.set,
    run: run?.number ?? 0,
    can,
    is_native: false,
  };
}

/** The server did not take something: perhaps this phone is in no class any more, or the step is over. @param {Refused} error */
function refused(error) {
  if (["not_in_class", "no_class", "step_is_over", "class_muted", "class_frozen"].includes(error.code)) void feed.ask();
}

/** @param {"none" | "join" | "class"} which */
function show(which) {
  if (screen === which) return;
  const isFirst = screen === "moment";
  screen = which;
  for (const each of screens) each.hidden = each.dataset.screen !== which;
  if (!isFirst && which !== "class") find(`[data-screen="${which}"] h1`).focus({ preventScroll: true });
}

/** Which class this browser was in, under which name. */
function remembered() {
  const KEY = "lab-class";
  /** @type {{of: string, name: string} | null} */
  let value = null;
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (typeof kept?.of === "string" && typeof kept.name === "string") value = { of: kept.of, name: kept.name };
  } catch { /* storage is refused: then the reason is not said */ }
  return {
    get value() { return value; },
    /** @param {{of: string, name: string} | null} next */
    set(next) {
      if (JSON.stringify(next) === JSON.stringify(value)) return;
      value = next;
      try {
        if (next === null) localStorage.removeItem(KEY);
        else localStorage.setItem(KEY, JSON.stringify(next));
      } catch { /* see above */ }
    },
  };
}
