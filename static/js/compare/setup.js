// Everything a visitor has set, and where it is kept: the drawer, the guess, the tab, the projector; all of it in the
// address, written at most a few times a second. Opening an address sets the page up and starts nothing, unless it says
// run=1 and this browser is the presenter's.

import { el, find, setText } from "../charts/dom.js";
import { showMark, watchConditions } from "../conditions/watch.js";
import { comparedRows } from "../lab.js";
import { unlocked } from "../presenter.js";
import { readAddress, writeAddress } from "./address.js";
import { attachControls } from "./controls.js";
import { attachGuess, besideGuess, checkedGuess, questionOf } from "./guess.js";
import { exampleOf } from "./settings.js";
import { settingsLine } from "./settings-line.js";
import { attachTabs } from "./tabs.js";

/** Tabs that are as good as the stage to watch a run from; Start leads from the others to the stage. */
const WATCHED_FROM = ["stage", "race", "sequence", "bytes"];
/** Browsers allow about a hundred changes of the address in half a minute. */
const ADDRESS_EVERY_MS = 400;

/**
 * @param {object} wants
 * @param {(settings: import("./settings.js").Settings) => void} wants.start
 * @param {() => void} wants.pauseOrResume
 * @param {() => void} wants.reset
 * @param {(settings: import("./settings.js").Settings) => void} wants.changed
 * @param {() => void} wants.showView  another tab is shown, whose figures are due
 */
export function attachSetup(wants) {
  const tabs = attachTabs(find("[data-tabs]"), (view) => {
    state.view = view;
    remember();
    wants.showView();
  });
  const asked = readAddress(location.search, {
    lanes: comparedRows.map(({ lane }) => lane),
    first: comparedRows.filter((lane) => lane.is_compared_first).map(({ lane }) => lane),
    views: tabs.views,
  });
  const state = { view: asked.view, projector: asked.projector, conditions: asked.conditions, sequence: asked.sequence, guess: "" };
  const projector = find("[data-projector]", HTMLInputElement);
  const guess = attachGuess(() => {
    state.guess = checkedGuess(question(), guess.value());
    guess.ask(question(), controls.settings().lanes, state.guess);
    remember();
  });
  const controls = attachControls(asked.settings, {
    ...wants,
    start,
    changed(settings) {
      state.guess = checkedGuess(question(), state.guess);
      show();
      remember();
      wants.changed(settings);
    },
  });
  /** Of the lanes that run, as they are now. @type {string} */
  let conditionsNow = "";
  let timer = 0;

  const example = () => exampleOf(controls.settings());
  function question() {
    return questionOf(controls.settings(), example());
  }

  /** The settings in a line, and the question that goes with them. */
  function show() {
    const settings = controls.settings();
    const fetching = comparedRows.filter(({ lane }) => settings.lanes.includes(lane)).map((lane) => lane.fetching);
    setText(find("[data-settings-line]"), settingsLine(settings, controls.exampleLabel(example()), fetching.join()));
    guess.ask(question(), settings.lanes, state.guess);
  }

  /** Puts the state into the address, soon. */
  function remember() {
    if (timer !== 0) return;
    timer = window.setTimeout(() => {
      timer = 0;
      const query = writeAddress({ settings: controls.settings(), ...state }, tabs.views[0]);
      if (query !== location.search) history.replaceState(history.state, "", query + location.hash);
    }, ADDRESS_EVERY_MS);
  }

  function start() {
    state.conditions = conditionsNow;
    state.guess = checkedGuess(question(), state.guess);
    remember();
    if (!WATCHED_FROM.includes(state.view)) showView(tabs.views[0]);
    wants.start(controls.settings());
  }

  /** @param {string} view */
  function showView(view) {
    state.view = view;
    tabs.show(view);
    remember();
    wants.showView();
  }

  function showProjector() {
    if (state.projector) document.documentElement.dataset.view = "projector";
    else delete document.documentElement.dataset.view;
    projector.checked = state.projector;
  }
  projector.addEventListener("change", () => {
    state.projector = projector.checked;
    showProjector();
    remember();
  });

  /** What of the address could not be, and what is not as it says. @param {string[]} sentences */
  function complain(sentences) {
    const notes = find("[data-address-notes]");
    notes.append(...sentences.map((sentence) => el("li", {}, sentence)));
    notes.hidden = notes.children.length === 0;
  }

  state.guess = checkedGuess(question(), asked.guess);
  complain(asked.complaints);
  if (asked.guess !== "" && state.guess === "") complain([`The address asks for guess=${asked.guess.slice(0, 40)}, which is no guess at this question. There is none.`]);
  tabs.show(state.view);
  showProjector();
  show();

  return {
    settings: controls.settings,
    question,
    guess: () => state.guess,
    view: () => state.view,
    /** That the lanes which run are under now; "" for none. */
    conditions: () => conditionsNow,
    start,
    showView,
    /** Which lanes the sequence has side by side, and how many seconds it shows at once. */
    sequence: () => state.sequence,
    /** @param {{lanes: string[], s: number}} sequence */
    rememberSequence(sequence) {
      state.sequence = sequence;
      remember();
    },
    /** Whether the address says to start, and this browser may. */
    wantsToRun: async () => asked.run && await unlocked,
    /** @param {import("./run.js").Phase} phase */
    showPhase(phase) { controls.show(phase); },
    /** @param {{lane: string, each: Record<string, number>|null}[]} lanes  bytes of each publication, of the lanes that run */
    showBesideGuess(lanes) {
      const said = find("[data-beside-guess]");
      setText(said, besideGuess(question(), state.guess, lanes));
      said.hidden = lanes.length === 0 || said.textContent === "";
    },
    /** What the lanes' networks are under, told here and to `tell`. @param {(lanes: import("../conditions/api.js").LaneView[]) => void} tell */
    onConditions(tell) {
      const mark = find("[data-conditions]", HTMLAnchorElement);
      let isFirst = true;
      watchConditions((lanes) => {
        const chosen = controls.settings().lanes;
        const carriers = comparedRows.filter(({ lane }) => chosen.includes(lane)).map(({ of }) => of);
        const under = lanes.flatMap(({ lane, conditions }) => (conditions !== null && carriers.includes(lane) ? [conditions] : []));
        conditionsNow = [...new Set(under.map(({ text }) => text))].join("; ");
        // One mark before Start; during a run each row has its own.
        showMark(mark, under.length === 0 ? null : { ...under[0], text: conditionsNow });
        if (isFirst && asked.conditions !== "" && asked.conditions !== conditionsNow) {
          complain([`This comparison was made under “${asked.conditions.slice(0, 80)}”. Here the lanes are under ${conditionsNow === "" ? "no conditions" : `“${conditionsNow}”`} now; whoever leads the lab can change that on the page Conditions.`]);
        }
        isFirst = false;
        tell(lanes);
      });
    },
  };
}
