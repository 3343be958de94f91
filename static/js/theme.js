/*
  theme.js: light or dark. The system decides until the visitor does; the choice is kept in this browser.
  A canvas cannot use CSS variables, so colour() resolves one, and "lab:theme" on document says when to ask again.
*/

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

/** @returns {"light"|"dark"} what is shown now */
export function shownTheme() {
  return /** @type {"light"|"dark"} */ (root.dataset.theme ?? (dark.matches ? "dark" : "light"));
}

/**
 * The present value of a colour meaning, as a canvas takes it.
 * @param {string} meaning  for example "--lane-sse"
 * @returns {string}  for example "rgb(0, 120, 91)"
 */
export function colour(meaning) {
  probe.style.color = `var(${meaning})`;
  return getComputedStyle(probe).color;
}

function changed() {
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.setAttribute("aria-pressed", String(shownTheme() === "dark"));
  }
  document.dispatchEvent(new CustomEvent("lab:theme", { detail: shownTheme() }));
}

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  button.addEventListener("click", () => {
    root.dataset.theme = shownTheme() === "dark" ? "light" : "dark";
    try { localStorage.setItem("lab-theme", root.dataset.theme); } catch { /* kept for this page only */ }
    changed();
  });
}
dark.addEventListener("change", changed);
changed();
