/*
  refresh.js: asks the server for something again and again while somebody looks at the page, and at once when
  another application is chosen or the page comes back into view. One question at a time.
*/

/**
 * @param {() => Promise<void>} ask
 * @param {number} everyMs
 * @returns {() => void}  asks now
 */
export function refresh(ask, everyMs) {
  let isAsking = false;
  let again = false;
  const now = async () => {
    if (isAsking) return void (again = true);
    isAsking = true;
    try {
      do {
        again = false;
        await ask();
      } while (again);
    } finally {
      isAsking = false;
    }
  };
  const ifSeen = () => { if (document.visibilityState === "visible") void now(); };
  window.setInterval(ifSeen, everyMs);
  document.addEventListener("visibilitychange", ifSeen);
  return () => void now();
}
