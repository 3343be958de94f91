// way-in.js: which of this laptop's addresses phones are shown. The teacher chooses on /join; every page of this
// browser that shows an address (the wall, too) follows, also in its other windows.

const KEY = "pushlab-join-address";

/** The address that was chosen, without a path; `null`: none yet, or this browser keeps nothing. */
export function chosen() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** @param {string} url */
export function choose(url) {
  try {
    localStorage.setItem(KEY, url);
  } catch {
    // Chosen for this page's life.
  }
}

/** Calls back when another window of this browser chooses. @param {() => void} changed */
export function onChosen(changed) {
  window.addEventListener("storage", ({ key }) => {
    if (key === KEY) changed();
  });
}

/**
 * What `GET /api/reach` tells.
 * @typedef {object} ForPhones
 * @property {string} url @property {string} ip @property {string} interface @property {string} says @property {boolean} is_likely
 * @typedef {object} Reach
 * @property {{code: string, here: number} | null} class
 * @property {ForPhones[]} addresses  the likeliest first; never a loopback
 * @property {[number, number]} ports
 * @property {boolean} reached  whether any other machine has opened a page of the class
 */

/** After so long without a phone it is said that none has come, ms. */
export const LATE_MS = 60_000;

/** What may be in the way where no phone has joined. @param {boolean} isReached  a phone has opened a page here */
export function lateWords(isReached) {
  return isReached
    ? { title: "A phone has opened a page here, and none has joined", says: "Is the code the one on the wall?" }
    : { title: "No phone has reached this laptop", says: "If yours waits for ever, this Wi-Fi may keep devices apart." };
}

/** @returns {Promise<Reach>} */
export async function askReach() {
  const answer = await fetch("/api/reach", { cache: "no-store" });
  if (!answer.ok) throw new Error(`the lab answered ${answer.status}`);
  return await answer.json();
}

/** The address to show: the chosen one while it is there, else the first that phones are likely to reach. @param {ForPhones[]} addresses */
export function shownOf(addresses) {
  const kept = chosen();
  return addresses.find(({ url }) => url === kept) ?? addresses.find((address) => address.is_likely) ?? null;
}
