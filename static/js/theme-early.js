/*
  theme-early.js: the only classic script, run before the first paint so that a stored choice never flashes.
  Sets data-theme (light or dark, absent: as the system says) and data-view (?projector=1, or ?view=projector where a
  page has no other views).
*/
(() => {
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("lab-theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch { /* storage is refused: the system's choice stands */ }
  const asked = new URLSearchParams(location.search);
  if (asked.get("projector") === "1" || asked.get("view") === "projector") root.dataset.view = "projector";
})();
