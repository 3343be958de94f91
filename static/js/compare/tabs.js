// Tabs after the ARIA Authoring Practices ("Tabs", with automatic activation): one tab stop, arrows, Home and End move
// and choose. In the page: [role="tablist"] with [role="tab"] buttons, each with data-view and aria-controls.

/**
 * @param {HTMLElement} list
 * @param {(view: string) => void} chosen  called when the visitor changes the tab
 */
export function attachTabs(list, chosen) {
  const tabs = /** @type {HTMLElement[]} */ ([...list.querySelectorAll('[role="tab"]')]);
  const viewOf = (/** @type {HTMLElement} */ tab) => tab.dataset.view ?? "";

  /** @param {HTMLElement} tab */
  function show(tab) {
    for (const each of tabs) {
      const isShown = each === tab;
      each.setAttribute("aria-selected", String(isShown));
      each.tabIndex = isShown ? 0 : -1;
      const panel = document.getElementById(each.getAttribute("aria-controls") ?? "");
      if (panel !== null) panel.hidden = !isShown;
    }
  }
  /** @param {HTMLElement} tab */
  function choose(tab) {
    if (tab.getAttribute("aria-selected") === "true") return;
    show(tab);
    chosen(viewOf(tab));
  }

  for (const tab of tabs) tab.addEventListener("click", () => choose(tab));
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(/** @type {HTMLElement} */ (event.target));
    if (at < 0) return;
    /** @type {Record<string, number>} */
    const moves = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
    const to = tabs.at((moves[event.key] ?? NaN) % tabs.length);
    if (!(event.key in moves) || to === undefined) return;
    event.preventDefault();
    to.focus();
    choose(to);
  });

  return {
    /** In the order of the page. */
    views: tabs.map(viewOf),
    /** @param {string} view */
    show(view) {
      const tab = tabs.find((each) => viewOf(each) === view);
      if (tab !== undefined) show(tab);
    },
  };
}
