/*
  apps.js: which application the console watches. Visitors see the demo; whoever leads the lab has all of them
  are listed. Modules that need the application ask `current()` or are told by `onChange`.
*/

/**
 * @typedef {object} App
 * @property {string} id
 * @property {string} key
 * @property {boolean} is_demo
 * @property {boolean} enabled
 * @property {boolean} client_events
 * @property {number} connections
 */

/** @type {App[]} */
let apps = [];
/** @type {App | undefined} */
let chosen;
/** Whether the server would show secrets to this page. */
export let isPresenter = false;
/** @type {Set<(app: App) => void>} */
const listeners = new Set();

/** @returns {App | undefined} */
export const current = () => chosen;

/** @param {(app: App) => void} listener  called at once when an application is chosen already */
export function onChange(listener) {
  listeners.add(listener);
  if (chosen) listener(chosen);
}

/** Loads the list and fills the chooser. @param {HTMLSelectElement} select */
export async function attachChooser(select) {
  const answer = await fetch("/presenter/api/apps");
  if (!answer.ok) throw new Error(`the list of applications was refused (${answer.status})`);
  ({ apps, is_presenter: isPresenter } = await answer.json());
  select.replaceChildren(...apps.map((app) => {
    const option = document.createElement("option");
    option.value = app.id;
    option.textContent = app.is_demo ? `${app.id} (demo)` : app.id;
    return option;
  }));
  select.disabled = apps.length < 2;
  const choose = () => {
    chosen = apps.find((app) => app.id === select.value);
    if (chosen) for (const listener of listeners) listener(chosen);
  };
  select.addEventListener("change", choose);
  choose();
}
