/*
  typing.js: "Ann is typing". A keystroke is worth a publication at most every two and a half seconds, and what
  others say about themselves is believed for five. Nobody says that they stopped: silence does.
*/

const SAY_EVERY_MS = 2500;
const BELIEVE_MS = 5000;

/**
 * @param {object} options
 * @param {HTMLElement} options.line        where the sentence stands
 * @param {HTMLTextAreaElement} options.field
 * @param {() => void} options.say          publishes that this visitor is typing
 */
export function createTyping({ line, field, say }) {
  let saidAt = -Infinity;
  /** @type {Map<string, {name: string, timer: number}>} */
  const typists = new Map();

  field.addEventListener("input", () => {
    if (field.value.trim() === "" || performance.now() - saidAt < SAY_EVERY_MS) return;
    saidAt = performance.now();
    say();
  });

  function show() {
    const names = [...typists.values()].map(({ name }) => name);
    line.textContent = names.length === 0 ? ""
      : names.length === 1 ? `${names[0]} is typing …`
      : names.length === 2 ? `${names[0]} and ${names[1]} are typing …`
      : "Several people are typing …";
  }

  /** @param {string} client */
  function stopped(client) {
    clearTimeout(typists.get(client)?.timer);
    typists.delete(client);
    show();
  }

  return {
    /** @param {string} client  @param {string} name */
    started(client, name) {
      clearTimeout(typists.get(client)?.timer);
      typists.set(client, { name, timer: window.setTimeout(() => stopped(client), BELIEVE_MS) });
      show();
    },
    stopped,
    /** After a message was sent, the next keystroke is news again. */
    sent() { saidAt = -Infinity; },
  };
}
