/*
  presenter.js: what is for whoever leads the lab. The server decides; this page only says so beforehand. The cookie
  that unlocks has the path /presenter, so what needs it is asked below that: /presenter/api/… is /api/… once more.

  In a template, data-presenter marks a part that is locked, data-presenter-control one button, and data-locked a
  notice that is shown instead of the usual one.
*/

const HOW = "Locked: this is for whoever leads the lab. To unlock it, open the address that the lab printed in its terminal (behind a proxy: its part from /presenter on, under the name in your address bar).";

// By POST, as what it unlocks is asked: what comes in between, such as a proxy that changes the page's name, shows
// now and not at the first click.
const asked = fetch("/presenter/status", { method: "POST", cache: "no-store" })
  .then(async (answer) => {
    const { unlocked: isUnlocked = false, error } = await answer.json();
    return { isUnlocked: answer.ok && isUnlocked, how: error?.code === "foreign_page" ? `Locked: ${error.message}. ${error.hint}` : HOW };
  })
  .catch(() => ({ isUnlocked: false, how: HOW }));

/** Whether this browser is the presenter's. @type {Promise<boolean>} */
export const unlocked = asked.then(({ isUnlocked }) => isUnlocked);

void asked.then(({ isUnlocked, how }) => {
  document.body.dataset.unlocked = String(isUnlocked);
  if (isUnlocked) return;
  for (const notice of document.querySelectorAll("[data-locked]")) /** @type {HTMLElement} */ (notice).hidden = false;
  for (const control of document.querySelectorAll("[data-presenter-control]")) lock(/** @type {HTMLElement} */ (control), how);
  for (const part of document.querySelectorAll("[data-presenter]")) {
    const notice = document.createElement("p");
    notice.className = "notice";
    notice.dataset.lockedHere = "";
    notice.textContent = how;
    // What a script puts in later is inert, too.
    const inside = document.createElement("div");
    inside.className = "locked-part";
    inside.inert = true;
    inside.append(...part.childNodes);
    part.append(notice, inside);
  }
});

/** A button that scripts may enable again stays out of reach. @param {HTMLElement} control @param {string} how */
function lock(control, how) {
  control.inert = true;
  control.classList.add("locked-part");
  control.title = how;
}
