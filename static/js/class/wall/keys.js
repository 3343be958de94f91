/*
  keys.js: single keys that lead a class, so that nobody has to aim at a button while they talk. Never while somebody
  writes, chooses in a list or answers a dialog, and not at all where they are switched off (WCAG 2.1.4).
*/

/** What each key does, by the button's data-do or data-tool. */
export const KEYS = new Map([
  ["n", ["next"]], ["ArrowRight", ["next"]], ["PageDown", ["next"]], ["b", ["back"]], ["ArrowLeft", ["back"]], ["PageUp", ["back"]],
  ["l", ["lock"]], ["r", ["run"]], ["v", ["reveal", "answers"]], ["d", ["dark"]], ["f", ["frozen"]], ["t", ["timer"]],
]);

/** @param {HTMLInputElement} isOn  the switch; kept in this browser @param {(names: string[]) => void} press */
export function listen(isOn, press) {
  try { isOn.checked = localStorage.getItem("lab-class-keys") !== "off"; } catch { /* as the page has it */ }
  isOn.addEventListener("change", () => {
    try { localStorage.setItem("lab-class-keys", isOn.checked ? "on" : "off"); } catch { /* this page only */ }
  });
  addEventListener("keydown", (event) => {
    if (!isOn.checked || event.defaultPrevented || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target instanceof Element && event.target.closest("input, select, textarea, dialog, [contenteditable]") !== null) return;
    const names = KEYS.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (names === undefined) return;
    event.preventDefault();
    press(names);
  });
}
