// Facts of the machine and the server's effective settings, from GET /api/lab: what a figure depends on and the
// page itself does not carry. Asked for once; where the answer fails, the page goes on without it.

/** Settings are as the command line has them, secrets left out. @typedef {{host: import("../lab.js").Host, settings: Record<string, unknown>}} LabFacts */

/** @type {Promise<LabFacts>|null} */
let asked = null;

/** @returns {Promise<LabFacts>} */
export function labFacts() {
  asked ??= fetch("/api/lab", { cache: "no-store" })
    .then((answer) => answer.json())
    .then(({ host, settings }) => ({ host: host ?? {}, settings: settings ?? {} }))
    .catch(() => ({ host: {}, settings: {} }));
  return asked;
}
