/*
  feed-text.js: entries of the feed in words. Pure: an entry goes in, what to show comes out.
  What people filter by is the entry's kind; what they search in is all of this text.
*/

/** @type {Record<string, string | undefined>} */
const KINDS = {
  connection: "connection",
  subscription: "subscription",
  presence: "member",
  event: "event",
  api: "API call",
  webhook: "webhook",
};

/** @param {number} n  @param {string} word */
const count = (n, word) => `${n.toLocaleString()} ${word}${n === 1 ? "" : "s"}`;
/** @param {{exclude: string|null}} e */
const excluded = (e) => (e.exclude ? `, not to ${e.exclude}` : "");

/**
 * The fields of an entry, by its `what`; null where there is none. Texts of any length are cut by the server.
 * @typedef {object} Fields
 * @property {{socket_id: string, transport: string}} connected
 * @property {{socket_id: string}} disconnected
 * @property {{socket_id: string, code: number|null, message: string}} refused
 * @property {{socket_id: string, user_id: string}} signed_in
 * @property {{socket_id: string, user_id: string|null, count: number}} subscribed   count: subscriptions that there are now
 * @property {{socket_id: string, count: number}} unsubscribed
 * @property {{}} occupied
 * @property {{}} vacated
 * @property {{}} cache_miss
 * @property {{count: number}} subscription_count
 * @property {{user_id: string}} member_added
 * @property {{user_id: string}} member_removed
 * @property {{event: string, socket_id: string, user_id: string|null}} client_event
 * @property {{event: string, subscribers: number, exclude: string|null}} published
 * @property {{event: string, subscribers: number, by: string}} published_plain   by: "http", "socketio", "source" (the lab itself) or a transport
 * @property {{method: string, path: string, status: number}} api_call
 * @property {{url: string, events: number, attempts: number}} webhook_delivered
 * @property {{url: string, events: number, attempts: number, why: string, is_dropped: boolean}} webhook_failed
 */

/** @param {string} by */
function publishedBy(by) {
  if (by === "source") return "published by the lab itself";
  if (by === "socketio") return "published over Socket.IO";
  return `published over ${by === "http" ? "the plain HTTP API" : by}`;
}

/** What happened. @type {{[What in keyof Fields]: (e: Fields[What]) => string}} */
const WORDS = {
  connected: (e) => `${e.socket_id} connected over ${e.transport}`,
  disconnected: (e) => `${e.socket_id} disconnected`,
  refused: (e) => `${e.socket_id} was told of an error${e.code === null ? "" : ` (${e.code})`}: ${e.message}`,
  signed_in: (e) => `${e.socket_id} signed in as ${e.user_id}`,
  subscribed: (e) => `${e.socket_id} subscribed${e.user_id === null ? "" : ` as ${e.user_id}`}; ${count(e.count, "subscription")} now`,
  unsubscribed: (e) => `${e.socket_id} unsubscribed; ${count(e.count, "subscription")} left`,
  occupied: () => "occupied: the first subscription",
  vacated: () => "vacated: the last subscription is gone",
  cache_miss: () => "somebody subscribed, and nothing is cached",
  subscription_count: (e) => `subscribers were told that they are ${e.count}`,
  member_added: (e) => `${e.user_id} is there`,
  member_removed: (e) => `${e.user_id} is gone`,
  client_event: (e) => `${e.event} from ${e.socket_id}${e.user_id === null ? "" : ` (${e.user_id})`}`,
  published: (e) => `${e.event} to ${count(e.subscribers, "subscription")}${excluded(e)}`,
  published_plain: (e) => `${e.event} to ${count(e.subscribers, "subscription")}, ${publishedBy(e.by)}`,
  api_call: (e) => `${e.method} ${e.path} → ${e.status}`,
  webhook_delivered: (e) => `${count(e.events, "event")} delivered to ${e.url}${e.attempts > 1 ? ` at the ${e.attempts}th try` : ""}`,
  webhook_failed: (e) => `${count(e.events, "event")} not delivered to ${e.url}: ${e.why}${e.is_dropped ? "; given up" : "; will be tried again"}`,
};

/** An entry's own words; a newer server may tell of what this page does not know. @param {import("./feed.js").Entry} entry */
function wordsOf(entry) {
  /** @type {Record<string, ((e: never) => string) | undefined>} */
  const words = WORDS;
  return words[entry.what]?.(/** @type {never} */ (entry)) ?? entry.what;
}

/**
 * @param {import("./feed.js").Entry} entry
 * @returns {{kind: string, channel: string, text: string, data: string, note: string, isBad: boolean}}
 */
export function describe(entry) {
  const data = entry.data;
  return {
    kind: KINDS[entry.kind] ?? entry.kind,
    channel: entry.channel ?? "",
    text: wordsOf(entry),
    data: data?.text ?? "",
    note: data?.is_cut === true ? `… the first part of ${data.bytes.toLocaleString()} bytes` : "",
    isBad: entry.what === "refused" || entry.what === "webhook_failed" || (entry.what === "api_call" && (entry.status ?? 0) >= 400),
  };
}

/** Hour to millisecond, as this browser's clock reads. @param {number} timeUs */
export function clockTime(timeUs) {
  const date = new Date(timeUs / 1000);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
