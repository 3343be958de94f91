/*
  copy.js: text to the clipboard, on every page. `navigator.clipboard` exists on secure origins only (W3C "Clipboard API
  and events", SecureContext): a classroom that opens the lab by an address of the LAN has plain HTTP and none of it.
  There a selected text area and the old command do it.
*/

/** Copies text; resolves to whether it worked. @param {string} text  @returns {Promise<boolean>} */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOldWay(text);
  }
}

/** @param {string} text */
function copyOldWay(text) {
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  // What lies outside of an open dialog can be neither focused nor selected.
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
