/*
  lane.js: this phone as a client of the class's channel. The state names a group (lane, interval, form); this connects
  as such a client, counts what it asks and gets, and stops when the groups are gone.

  Requests are counted by the browser's own list of what it fetched (Resource Timing): the transports' modules stay as
  they are read in class. Delays are measured as on every page (measure.js) and told to the class with the run and the
  setting that they are of (page.js), so that an earlier one's are nobody's. What came in one turn of the event loop came with one answer; an answer that brought nothing is an empty one. So empty answers are
  told on the polling lanes of the lab's own protocol alone, where one answer is one turn.
*/
import { newId } from "../../chat/identity.js";
import { instantsOf } from "../../instant.js";
import { comparedRows, lab, transportLanes } from "../../lab.js";
import { startMeasure } from "../../measure.js";
import { forgetKey } from "../../report-keys.js";
import { rowTransport, transport } from "../../transports/index.js";
import { lateOf } from "./delays.js";
import { spanOf } from "./run-end.js";

const KEEP = 5000; // instants of each kind; a run of 40 s at 10 requests a second has 400

/** @typedef {import("../state.js").Group} Group */
/** @typedef {{requests: number, empty: number, received: number}} Seen */
/** @typedef {import("../state.js").Run | null | undefined} MaybeRun */
/** @typedef {import("./delays.js").Late} Late */
/** @typedef {{bound_ms: number, received: Late | null, painted: Late | null}} Delays */

/** Where a lane's requests go, below its address. @type {Record<string, string>} */
const PATHS = { plain: "/", pusher: "/pusher/", socketio: "/socket.io/" };

/**
 * @typedef {object} Follower
 * @property {(group: Group | null, set?: number) => void} follow   set: grows whenever the phones are set up anew
 * @property {string | null} lane
 * @property {"open"|"connecting"|"reconnecting"|"closed"|"idle"} state
 * @property {string} reason                of a connection that is not open
 * @property {(run: MaybeRun) => number | null} delayMs   of the last publication, from the instant it was intended, of this run if one has begun
 * @property {number} sinceUs               counted since then, on the server's clock
 * @property {(run: import("../state.js").Run) => Seen | null} seen   since the run's measured_from_us; null: not yet
 * @property {(run: MaybeRun) => Delays | null} delays   of what came while it measured, or before any run since the phones were set up; null: nothing did
 * @property {unknown} newest               what came last, as it was published; undefined: nothing yet
 * @property {boolean} tellsEmpty           whether an empty answer can be told on this lane
 * @property {boolean} asks                 whether this lane asks at all
 */

/**
 * @param {{clock: import("../../clock.js").Clock, onChange: () => void}} options
 * @returns {Follower}
 */
export function startFollower({ clock, onChange }) {
  /** @type {Group | null} */
  let group = null;
  let turn = 0; // grows with each group: what an older one still brings is not counted
  /** @type {import("../../transports/index.js").Client | null} */
  let client = null;
  /** @type {PerformanceObserver | null} */
  let observer = null;
  /** @type {Follower["state"]} */
  let state = "idle";
  let reason = "";
  /** What came last. @type {{ms: number, delayMs: number} | null} */
  let last = null;
  /** @type {unknown} */
  let newest;
  let set = 0;
  let setMs = performance.now(); // since when
  let doneUs = -Infinity; // when the newest run was over: what came before is none of the next one's
  let sinceMs = performance.now();
  /** Made with the first group: a phone that follows nothing reports no delay. @type {import("../../measure.js").Measure | null} */
  let measure = null;
  /** Instants by performance.now(). @type {{requests: number[], answers: number[], publications: number[]}} */
  const at = { requests: [], answers: [], publications: [] };
  /** What came, and how late it was. @type {{received: {ms: number, delayMs: number}[], painted: {ms: number, delayMs: number}[]}} */
  const late = { received: [], painted: [] };
  let answerIsNoted = false;
  let span = { fromUs: NaN, toUs: Infinity }; // of the run that was counted last

  /** @param {number[]} list @param {number} ms */
  function note(list, ms) {
    list.push(ms);
    if (list.length > KEEP) list.splice(0, list.length - KEEP);
  }

  function leave() {
    turn += 1;
    client?.close();
    client = null;
    if (observer !== null) {
      noteRequests(/** @type {PerformanceResourceTiming[]} */ (observer.takeRecords()));
      observer.disconnect();
      observer = null;
    }
    state = "idle";
    reason = "";
  }

  let prefix = "";
  function noteRequests(/** @type {PerformanceResourceTiming[]} */ entries) {
    for (const { name, startTime } of entries) if (startTime >= sinceMs && name.startsWith(prefix)) note(at.requests, startTime);
  }

  /** @param {Group} asked */
  async function enter(asked) {
    turn += 1;
    const own = turn;
    const lane = transportLanes.find((each) => each.lane === asked.lane);
    for (const list of [...Object.values(at), ...Object.values(late)]) list.length = 0;
    sinceMs = performance.now();
    last = null;
    newest = undefined;
    state = "connecting";
    onChange();
    if (lane === undefined) {
      [state, reason] = ["closed", `this lab has no lane ${asked.lane}`];
      onChange();
      return;
    }
    prefix = `${lane.url}${lane.protocol === "plain" ? `/${lane.transport}/` : PATHS[lane.protocol ?? "plain"]}`;
    observer = new PerformanceObserver((list) => noteRequests(/** @type {PerformanceResourceTiming[]} */ (list.getEntries())));
    observer.observe({ type: "resource" });
    try {
      const { connect } = asked.bare ? await rowTransport(bareRowOf(asked.lane)) : await transport(asked.lane);
      if (own !== turn) return;
      measure ??= startMeasure({ clock, client: `phone-${newId()}`, channel: asked.channel, onPainted: (lane, delayUs) => { if (lane === group?.lane) noteDelay("painted", performance.now(), delayUs); } });
      measure.begin(asked.lane);
      const made = connect({
        url: lane.url,
        channel: asked.channel,
        ...(asked.poll_interval_ms ? { pollIntervalMs: asked.poll_interval_ms } : {}),
        ...(asked.recovery === false ? { recovery: false } : {}),
        onState: (next, detail) => {
          if (own !== turn) return;
          [state, reason] = [next, detail.reason ?? ""];
          if (next === "reconnecting") forgetKey(asked.lane);
          onChange();
        },
      });
      client = made;
      made.onPublication((publication) => { if (own === turn) received(asked.lane, publication); });
    } catch (error) {
      if (own !== turn) return;
      [state, reason] = ["closed", /** @type {Error} */ (error).message];
      onChange();
    }
  }

  /** @param {string} lane @param {import("../../transports/index.js").Publication} publication  its instants are NaN where the lane does not tell */
  function received(lane, publication) {
    const nowMs = performance.now();
    note(at.publications, nowMs);
    newest = publication.data;
    if (!answerIsNoted) {
      note(at.answers, nowMs);
      answerIsNoted = true;
      queueMicrotask(() => { answerIsNoted = false; });
    }
    const delayUs = measure?.observe(lane, instantsOf(publication), nowMs) ?? NaN;
    noteDelay("received", nowMs, delayUs);
  }

  /** @param {"received" | "painted"} stage @param {number} nowMs @param {number} delayUs */
  function noteDelay(stage, nowMs, delayUs) {
    if (!Number.isFinite(delayUs) || measure?.wasLookedAt(delayUs) === false) return;
    const one = { ms: nowMs, delayMs: Math.max(0, delayUs / 1000) };
    late[stage].push(one);
    if (late[stage].length > KEEP) late[stage].splice(0, late[stage].length - KEEP);
    if (stage === "received") last = one;
  }

  /** @param {MaybeRun} run */
  function noteDone(run) {
    if (run?.number && (run.state === "over" || run.state === "failed")) doneUs = Math.max(doneUs, run.ends_us ?? -Infinity);
  }

  /** What is measured from now on is of another network, or another group. */
  function beginAnew() {
    setMs = performance.now();
    last = null;
    for (const list of Object.values(late)) list.length = 0;
  }

  return {
    follow(next, nextSet = 0) {
      if (nextSet !== set) {
        set = nextSet;
        beginAnew();
      }
      if (JSON.stringify(next) === JSON.stringify(group)) return;
      leave();
      group = next;
      if (next === null) onChange();
      else void enter(next);
    },
    get lane() { return group?.lane ?? null; },
    get state() { return state; },
    get reason() { return reason; },
    delayMs(run) {
      noteDone(run);
      if (group === null || last === null) return null;
      const fromUs = run?.number ? run.began_us ?? NaN : doneUs;
      // By when it was published: what a phone that was away gets late is of the run before.
      return clock.at(last.ms) - last.delayMs * 1000 >= fromUs || fromUs === -Infinity ? last.delayMs : null;
    },
    get newest() { return newest; },
    get sinceUs() { return clock.at(sinceMs); },
    get asks() { return transportLanes.find(({ lane }) => lane === group?.lane)?.fetching !== "stream"; },
    get tellsEmpty() {
      const lane = transportLanes.find((each) => each.lane === group?.lane);
      return lane?.protocol === "plain" && lane.fetching !== "stream";
    },
    seen(run) {
      const { measured_from_us: fromUs = null } = run;
      const nowUs = clock.now();
      if (group === null || fromUs === null || !(nowUs >= fromUs)) return null;
      span = spanOf(span, run);
      const inside = (/** @type {number[]} */ list) => list.filter((ms) => clock.at(ms) >= span.fromUs && clock.at(ms) <= span.toUs).length;
      const requests = inside(at.requests);
      return { requests, empty: this.tellsEmpty ? Math.max(0, requests - inside(at.answers)) : 0, received: inside(at.publications) };
    },
    delays(run) {
      if (group === null || !Number.isFinite(clock.boundUs)) return null;
      if (run?.number && !(clock.now() >= (run.measured_from_us ?? NaN))) return null;
      if (run?.number) span = spanOf(span, run);
      const { fromUs, toUs } = run?.number ? span : { fromUs: Math.max(clock.at(setMs), doneUs), toUs: Infinity };
      const of = (/** @type {{ms: number, delayMs: number}[]} */ list) => lateOf(list.filter(({ ms }) => clock.at(ms) >= fromUs && clock.at(ms) <= toUs).map(({ delayMs }) => delayMs));
      const [received, painted] = [of(late.received), of(late.painted)];
      return received === null && painted === null ? null : { bound_ms: clock.boundUs / 1000, received, painted };
    },
  };
}

/** The row that is the floor of a lane's transport; the official libraries' lanes have none, and are as they come. @param {string} lane */
function bareRowOf(lane) {
  return lab.variants.find((variant) => variant.lane === lane && variant.form === "bare")?.row ?? comparedRows.find((row) => row.lane === lane)?.lane ?? lane;
}
