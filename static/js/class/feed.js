/*
  feed.js: the state of the class, kept up to date for a phone, the wall or the presenter's page.

      page                                             server
        │── GET /api/class/events ───────────────────────►│
        │◄── event: state   the whole state ──────────────│   at once, and after each change
        │◄── event: tick    {"revision":N} ───────────────│   every 3 s
        │◄── event: end     {} ───────────────────────────│   no class is on, or no more: the stream of the next
        │                                                 │   look stays open, and ends when one begins
        ·    nothing for 8 s                              ·
        │── GET /api/class ──────────────────────────────►│   and a new stream: the old one may be dead without a word
        │◄── 200 the state, or 404 no_class ──────────────│

  A page that slept has timers that stood still and a stream that nobody closed: on waking (visibilitychange, pageshow,
  online) it asks at once. States are whole, so there is nothing to catch up with: the newest counts, an older one that
  comes late is left out. A class's revisions grow; another class begins anew.
*/

const SILENT_MS = 8000;
const LOOK_MS = 1000;
const ASK_TIMEOUT_MS = 5000;
const AGAIN_FIRST_MS = 500;
const AGAIN_MAX_MS = 5000;
/** `readyState` of an EventSource that was refused; of one that broke off it is another. */
const CLOSED = 2;

/** @typedef {import("./state.js").ClassState} ClassState */

/**
 * @typedef {object} Feed
 * @property {ClassState | null} state           the newest, null where there is no class or nothing came yet
 * @property {() => Promise<void>} ask           asks for the state now
 * @property {(state: ClassState) => void} take  a whole state that came as the answer to something that was done
 * @property {() => void} reopen                 a new stream: this browser has become somebody else by a cookie
 * @property {() => void} close
 */

/**
 * @param {object} options
 * @param {string} [options.base]   "/api/class", or for the presenter "/presenter/api/class"
 * @param {string} [options.whole]  where the state is asked for, if not there: for the presenter "/presenter/api/class/lead"
 * @param {(state: ClassState | null, how: {live: boolean}) => void} options.onState
 *        called for each new state, and with null when there is no class. live: it came by the stream, at the moment it
 *        was made, so that its now_us tells how long the way is
 * @param {(link: "connecting" | "open" | "reconnecting") => void} [options.onLink]  only when it changes
 * @param {(error: {status: number, code: string, message: string, hint: string}) => void} [options.onRefused]
 *        the server answered, and neither with a state nor with no_class
 * @returns {Feed}
 */
export function startFeed({ base = "/api/class", whole = base, onState, onLink = () => {}, onRefused = () => {} }) {
  /** @type {ClassState | null} */
  let state = null;
  let isKnown = false; // something was told, if only that there is no class
  let link = "";
  let heardMs = performance.now();
  let failures = 0;
  let timer = 0;
  let closed = false;
  let resting = false; // kept in memory by the browser, and not seen
  let asking = false;
  let hasEnded = false; // the stream said that there is no class
  /** @type {EventSource | null} */
  let stream = null;

  /** @param {"connecting" | "open" | "reconnecting"} next */
  function tell(next) {
    if (closed || next === link) return;
    link = next;
    onLink(next);
  }

  function open() {
    if (closed || resting) return; // an answer came that was asked for before
    clearTimeout(timer);
    stream?.close();
    heardMs = performance.now();
    const made = new EventSource(`${base}/events`);
    stream = made;
    const ofThis = (/** @type {() => void} */ then) => { if (stream === made && !closed) then(); };
    made.addEventListener("open", () => ofThis(heard));
    made.addEventListener("state", ({ data }) => ofThis(() => {
      heard();
      take(JSON.parse(data), true);
    }));
    made.addEventListener("tick", ({ data }) => ofThis(() => {
      heard();
      const { revision } = JSON.parse(data);
      if (state !== null && revision > state.revision) void ask(); // a state was lost on the way
    }));
    made.addEventListener("end", () => ofThis(() => {
      heard();
      hasEnded = true;
      take(null, true);
    }));
    // The browser itself would wait for the server's `retry:` and gives up for good after a refusal: so the way back is here.
    made.addEventListener("error", () => ofThis(() => broken(made.readyState === CLOSED)));
  }

  function heard() {
    heardMs = performance.now();
    failures = 0;
    tell("open");
  }

  /** @param {boolean} isRefused  the server answered, with an error: walls, for one, are bounded */
  function broken(isRefused) {
    stream?.close();
    stream = null;
    if (!hasEnded) tell("reconnecting");
    const waitMs = Math.min(AGAIN_MAX_MS, AGAIN_FIRST_MS * 2 ** failures++) * (0.5 + Math.random() / 2);
    clearTimeout(timer);
    // An EventSource does not say why it was refused. The question does; where the stream has said so itself, none is asked.
    const isTold = hasEnded;
    hasEnded = false;
    timer = window.setTimeout(() => {
      if (isTold) open();
      // … and where it is answered, the same request says why once more.
      else void ask().then(() => (isRefused && state !== null ? askWhy() : undefined)).then(open);
    }, waitMs);
  }

  async function ask() {
    if (asking || closed) return;
    asking = true;
    try {
      const answer = await fetch(whole, { cache: "no-store", signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
      const said = await answer.json();
      if (closed) return;
      const { code = "", message = `the server answered ${answer.status}`, hint = "" } = said.error ?? {};
      if (answer.ok) take(said, false);
      else if (code === "no_class") take(null, false);
      else onRefused({ status: answer.status, code, message, hint });
    } catch {
      tell("reconnecting"); // the next look asks again
    } finally {
      asking = false;
    }
  }

  /** What the server says of a stream that it refused; one that it opens now is left at once. */
  async function askWhy() {
    const left = new AbortController();
    const late = setTimeout(() => left.abort(), ASK_TIMEOUT_MS);
    try {
      const answer = await fetch(`${base}/events`, { cache: "no-store", signal: left.signal });
      if (answer.ok || closed) return;
      const { code = "", message = `the server answered ${answer.status}`, hint = "" } = (await answer.json()).error ?? {};
      if (!closed) onRefused({ status: answer.status, code, message, hint });
    } catch {
      // It does not answer: that was told.
    } finally {
      clearTimeout(late);
      left.abort();
    }
  }

  /** @param {ClassState | null} next @param {boolean} live */
  function take(next, live) {
    if (next === null) {
      if (isKnown && state === null) return;
    } else if (state !== null && next.class === state.class && next.revision < state.revision) {
      return;
    }
    isKnown = true;
    state = next;
    onState(next, { live });
  }

  const watch = window.setInterval(() => {
    if (stream === null || performance.now() - heardMs < SILENT_MS) return;
    tell("reconnecting");
    void ask();
    open();
  }, LOOK_MS);

  /** Looked at again: what stands here may be old, and the stream may be dead. */
  function wake() {
    if (document.hidden || closed) return;
    // A stream that is heard tells of a class that begins.
    if (!(isKnown && state === null && stream !== null && performance.now() - heardMs < SILENT_MS / 2)) void ask();
    if (stream === null || performance.now() - heardMs > SILENT_MS / 2) open();
  }
  // A page that is kept in memory may not hold a stream: some browsers would not keep it.
  const rest = (/** @type {PageTransitionEvent} */ event) => {
    if (!event.persisted) return;
    resting = true;
    stream?.close();
    stream = null;
    clearTimeout(timer);
  };
  const restored = (/** @type {PageTransitionEvent} */ event) => {
    if (!event.persisted) return;
    resting = false;
    wake();
  };
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("pageshow", restored);
  window.addEventListener("online", wake);
  window.addEventListener("pagehide", rest);

  tell("connecting");
  open();

  return {
    get state() { return state; },
    ask,
    take(next) { take(next, false); },
    reopen() {
      state = null;
      isKnown = false;
      failures = 0;
      open();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      clearInterval(watch);
      stream?.close();
      stream = null;
      document.removeEventListener("visibilitychange", wake);
      window.removeEventListener("pageshow", restored);
      window.removeEventListener("online", wake);
      window.removeEventListener("pagehide", rest);
    },
  };
}
