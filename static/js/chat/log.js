/*
  log.js: the list of messages. Messages from the room stand in the order of the room; own messages the room
  has not shown yet stand below them, with their state: pending, waiting, sent (the server has it), or failed.
  All text from people goes through textContent.
*/
import { LANES } from "../lanes.js";
import { delayMark } from "./delay.js";

const KEPT_ENTRIES = 500;
const STATUS_WORDS = {
  pending: "sending …",
  waiting: "not sent yet: there is no connection just now. It goes out when there is one again.",
  sent: "sent",
  failed: "not sent",
};

/**
 * @typedef {object} Message
 * @property {string} id      idempotence id, also how an own message is recognised when it comes back
 * @property {string} client
 * @property {string} name
 * @property {string} text
 * @property {string} [via]   lane it was sent over
 *
 * @typedef {"pending"|"waiting"|"sent"|"failed"} Status
 */

/** How late a message came here. @typedef {import("./delay.js").Delay} Delay */

/**
 * @param {HTMLOListElement} list
 * @param {{client: string, onRetry: (id: string) => void}} options
 */
export function createLog(list, { client, onRetry }) {
  /** Own messages not yet shown by the room. @type {Map<string, HTMLLIElement>} */
  const unconfirmed = new Map();
  let following = true; // the reader is at the end; only the reader's own scrolling changes it, not a new size

  let height = list.clientHeight;

  list.addEventListener("scroll", () => {
    if (list.clientHeight !== height) return; // a new size moved it (a phone's keyboard, say), not the reader
    following = list.scrollHeight - list.scrollTop - height < 40;
  }, { passive: true });
  new ResizeObserver(() => {
    height = list.clientHeight;
    if (following) toBottom();
  }).observe(list);

  /** Puts an entry after everything the room has shown, above what it has not. @param {HTMLLIElement} entry */
  function append(entry) {
    keepingBottom(() => {
      const [firstUnconfirmed] = unconfirmed.values();
      list.insertBefore(entry, firstUnconfirmed ?? null);
      while (list.childElementCount > KEPT_ENTRIES) list.firstElementChild?.remove();
    });
    return entry;
  }

  /** @param {() => void} change  a reader at the bottom stays there; one who scrolled up is left in peace */
  function keepingBottom(change) {
    const follow = following;
    change();
    if (follow) toBottom();
  }

  function toBottom() { list.scrollTop = list.scrollHeight; }

  return {
    atBottom: () => following,
    toBottom,
    append,

    /** A message as the room has it. @param {Message} message  @param {number} publishedUs
     * @param {Delay} [delay]  none of what was said before this page came */
    show(message, publishedUs, delay) {
      const own = unconfirmed.get(message.id);
      if (own) {
        unconfirmed.delete(message.id);
        own.remove();
      }
      const entry = messageEntry(message, publishedUs / 1000, message.client === client);
      if (delay) entry.append(delayMark(delay));
      return append(entry);
    },

    /** An own message on its way. @param {Message} message */
    showPending(message) {
      const entry = messageEntry(message, Date.now(), true);
      entry.append(paragraph("message-status", ""));
      list.append(entry);
      unconfirmed.set(message.id, entry);
      toBottom();
    },

    /** @param {string} id  @param {Status} status  @param {string} [reason] */
    setStatus(id, status, reason = "") {
      const entry = unconfirmed.get(id);
      if (!entry) return; // the room has shown it meanwhile: it has arrived, whatever we were told
      entry.dataset.status = status;
      const line = /** @type {HTMLElement} */ (entry.querySelector(".message-status"));
      line.textContent = reason ? `${STATUS_WORDS[status]}: ${reason}` : STATUS_WORDS[status];
      if (status === "failed") line.append(" ", retryButton(id));
      if (status === "failed" || status === "waiting") toBottom();
    },

    /** The room was emptied. What has not been confirmed stays: it may still be on its way. */
    clear() {
      for (const [id, entry] of unconfirmed) if (entry.dataset.status === "sent") unconfirmed.delete(id);
      list.replaceChildren(...unconfirmed.values());
      toBottom();
    },

    /** Somebody came or went. @param {string} text */
    line(text) { return append(textEntry("log-line", text)); },

    /** Something the reader must know. @param {string} text */
    notice(text) { return append(textEntry("notice notice-warn", text)); },
  };

  /** @param {string} id */
  function retryButton(id) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-small button-danger";
    button.textContent = "Try again";
    button.addEventListener("click", () => onRetry(id));
    return button;
  }
}

/** @param {Message} message  @param {number} timeMs  @param {boolean} own */
function messageEntry(message, timeMs, own) {
  const entry = document.createElement("li");
  entry.className = "message";
  entry.classList.toggle("own", own);
  const time = document.createElement("time");
  const when = new Date(timeMs);
  time.dateTime = when.toISOString();
  time.textContent = when.toLocaleTimeString("en-GB");
  const head = paragraph("message-name", own ? `${message.name} (you)` : message.name);
  const look = LANES[message.via ?? ""];
  if (look && message.via) head.append(" ", laneKey(message.via, look.label));
  const words = document.createElement("div");
  words.className = "message-words";
  words.append(head, paragraph("message-text", message.text));
  entry.append(time, words);
  return entry;
}

/** What it was sent over: a line sample, and its name for who asks. @param {string} lane  @param {string} name */
function laneKey(lane, name) {
  const key = document.createElement("span");
  key.className = "message-via";
  key.title = `sent over ${name}`;
  const sample = document.createElement("span");
  sample.className = "lane-key";
  sample.dataset.lane = lane;
  sample.setAttribute("aria-hidden", "true");
  const words = document.createElement("span");
  words.className = "visually-hidden";
  words.textContent = ` sent over ${name}`;
  key.append(sample, words);
  return key;
}

/** @param {string} className  @param {string} text */
function textEntry(className, text) {
  const entry = document.createElement("li");
  entry.className = className;
  entry.textContent = text;
  return entry;
}

/** @param {string} className  @param {string} text */
function paragraph(className, text) {
  const made = document.createElement("p");
  made.className = className;
  made.textContent = text;
  return made;
}
