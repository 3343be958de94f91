/*
  seen-height.js: the height that is left when a phone shows its keyboard, as --seen for chat.css. Chromium makes the
  page itself shorter (interactive-widget in base.html) and 100dvh is enough; Safari only moves the page, and tells
  here.
*/

const viewport = window.visualViewport;

/** Only while nothing is zoomed: otherwise the height says what is looked at, not what there is room for. */
function tell() {
  if (viewport === null) return;
  if (Math.abs(viewport.scale - 1) > 0.01) document.body.style.removeProperty("--seen");
  else document.body.style.setProperty("--seen", `${viewport.height}px`);
}

viewport?.addEventListener("resize", tell);
tell();

export {}; // a module: its names are its own
