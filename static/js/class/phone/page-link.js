/*
  page-link.js: "everybody to this page". A phone goes there once for each time that the presenter says so; coming back it
  stays. The page there offers the way back: static/js/class/way-back.js.
*/

const WENT = "lab-class-went"; // in this tab: "CLASS NUMBER" of the last page it went to
export const FROM_CLASS = "lab-from-class"; // in this tab: the page there leads back

/** A path of this lab, or null: nothing else is opened, whatever the state says. @param {string | null} page */
export function pathHere(page) {
  if (page === null || !page.startsWith("/") || page.startsWith("//") || page.includes("\\")) return null;
  const address = new URL(page, location.origin);
  return address.origin === location.origin ? `${address.pathname}${address.search}${address.hash}` : null;
}

/** @param {import("../state.js").ClassState} state */
export function goOnce(state) {
  const path = pathHere(state.page);
  const number = `${state.class} ${state.page_number}`;
  if (path === null || new URL(path, location.origin).pathname === location.pathname || read(WENT) === number) return;
  // Where storage is refused, it would go there again on each return: then the link is all.
  if (!write(WENT, number) || !write(FROM_CLASS, state.class)) return;
  location.assign(path);
}

/** @param {string} key */
function read(key) {
  try { return sessionStorage.getItem(key); } catch { return null; }
}

/** @param {string} key @param {string} value */
function write(key, value) {
  try { sessionStorage.setItem(key, value); return true; } catch { return false; }
}
