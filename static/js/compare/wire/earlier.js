// The channels of this browser's last comparisons. A tap follows a connection from its first byte on; a connection that
// the browser still has from an earlier comparison would be used again and never be followed, so the lab is told these
// names and closes what is idle.

const KEY = "pushlab-compared";
/** As many as the lab takes. */
const KEPT = 20;

/** @returns {string[]} */
export function earlierChannels() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((name) => typeof name === "string").slice(-KEPT) : [];
  } catch {
    return [];
  }
}

/** @param {string} channel  of a comparison that begins */
export function rememberChannel(channel) {
  try {
    localStorage.setItem(KEY, JSON.stringify([...earlierChannels(), channel].slice(-KEPT)));
  } catch {
    // Where nothing can be kept, an old connection may stay unseen; the view says so.
  }
}
