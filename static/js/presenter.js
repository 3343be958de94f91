/*
  presenter.js: what is for whoever leads the lab. The server decides; this page only says so beforehand. The cookie
  that unlocks has the path /presenter, so what needs it is asked below that: /presenter/api/… is /api/… once more.

  In a template, data-presenter marks a part that is locked, data-presenter-control one button, and data-locked a
  notice that is shown instead of the usual one.
*/

const HOW = "Locked: this is for whoever leads the lab. To unlock it, open the address that the lab printed in its terminal.";

/** Whether this browser is the presenter's. @type {Promise<boolean>} */
export const unlocked = fetch("/presenter/status", { cache: "no-store" })
  .then(async (answer) => answer.ok && (await answer.json()).unlocked)
  .catch(() => false);

void unlocked.then((isUnlocked) => {
  document.body.dataset.unlocked = String(isUnlocked);
  if (isUnlocked) return;
  for (const notice of document.querySelectorAll("[data-locked]")) /** @type {HTMLElement} */ (notice).hidden = false;
  for (const control of document.querySelectorAll("[data-presenter-control]")) lock(/** @type {HTMLElement} */ (control));
  for (const part of document.querySelectorAll("[data-presenter]")) {
    const notice = document.createElement("p");
    notice.className = "notice";
    notice.dataset.lockedHere = "";
    notice.textContent = HOW;
    // What a script puts in later is inert, too.
    const inside = document.createElement("div");
    inside.className = "locked-part";
    inside.inert = true;
    inside.append(...part.childNodes);
    part.append(notice, inside);
  }
});

/** A button that scripts may enable again stays out of reach. @param {HTMLElement} control */
function lock(control) {
  control.inert = true;
  control.classList.add("locked-part");
  control.title = HOW;
}
