/*
  seen-height.js: the height that is left when a phone shows its keyboard, as --seen for chat.css. Chromium makes the
  page itself shorter (interactive-widget in base.html) and 100dvh is enough; Safari only moves the page, and tells
  here.
*/

const { visualViewport } = window;

/** Only while nothing is zoomed: otherwise the height says what is looked at, not what there is room for. */
function tell() {
  if (!visualViewport) return;
  if (Math.abs(visualViewport.scale - 1) > 0.01) document.body.style.removeProperty("--seen");
  else document.body.style.setProperty("--seen", `${visualViewport.height}px`);
}

visualViewport?.addEventListener("resize", tell);
tell();
