/*
  feed.js: the state of the class, whole, as the server sends it. An event stream brings it; where nothing was heard
  for eight seconds (a laptop that slept, a server that was started again) it is asked for. Without a class it is asked
  for every three seconds, so that a wall that was opened too early comes alive by itself.
*/

const SILENT_MS = 8000;
const LOOK_EVERY_MS = 1000;
const ASK_EVERY_MS = 3000;

/**
 * @param {{events: string, whole: string}} addresses
 * @param {(state: import("./state.js").State | null) => void} onState  null: no class is on
 * @param {(trouble: string) => void} onTrouble  "" when it is over
 * @returns {(state: import("./state.js").State) => void}  for a state that came as an answer
 */
export function follow({ events, whole }, onState, onTrouble) {
  /** @type {EventSource | undefined} */
  let stream;
  let heardMs = performance.now();
  let askedMs = -Infinity;
  let newest = { class: "", revision: -1 };

  /** @param {import("./state.js").State} state  an answer that was overtaken by the stream is dropped */
  const take = (state) => {
    heardMs = performance.now();
    onTrouble("");
    if (state.class === newest.class && state.revision < newest.revision) return;
    newest = { class: state.class, revision: state.revision };
    onState(state);
  };

  const open = () => {
    stream = new EventSource(events);
    stream.addEventListener("state", ({ data }) => take(JSON.parse(data)));
    stream.addEventListener("tick", ({ data }) => {
      heardMs = performance.now();
      onTrouble("");
      if (JSON.parse(data).revision > newest.revision) void ask();
    });
  };

  /** @param {import("./state.js").State} state  that came by another way than the stream, which is opened where it is not */
  const taken = (state) => {
    take(state);
    if (stream === undefined || stream.readyState === EventSource.CLOSED) open();
  };

  const ask = async () => {
    askedMs = performance.now();
    try {
      const answer = await fetch(whole, { cache: "no-store", signal: AbortSignal.timeout(5000) });
      const body = await answer.json();
      if (answer.ok) {
        taken(body);
        return;
      }
      heardMs = performance.now();
      const isNone = body?.error?.code === "no_class";
      if (isNone || answer.status === 403) stream?.close();
      if (isNone) {
        newest = { class: "", revision: -1 };
        onState(null);
      }
      onTrouble(isNone ? "" : said(body?.error, answer.status));
    } catch {
      onTrouble("The lab does not answer. What is shown may be old; this page asks again by itself.");
    }
  };

  void ask();
  setInterval(() => {
    const now = performance.now();
    const isClosed = stream === undefined || stream.readyState === EventSource.CLOSED;
    if ((isClosed || now - heardMs > SILENT_MS) && now - askedMs > ASK_EVERY_MS) void ask();
  }, LOOK_EVERY_MS);
  return taken;
}

/** A refusal as a sentence. @param {{message?: string, hint?: string}|undefined} error @param {number} status */
export function said(error, status) {
  if (error?.message === undefined) return `The lab answered ${status}.`;
  const message = `${error.message[0].toUpperCase()}${error.message.slice(1)}`;
  return [message.replace(/[.]?$/, "."), error.hint ?? ""].join(" ").trim();
}
