/*
  reports.js: how this phone is, told to the class every two seconds and at each change of its visibility. "asleep" on the
  wall means that the phone said so: with the last chance that a page gets, a beacon.
*/
import { Refused, farewell, tell } from "./api.js";

const EVERY_MS = 2000;

/**
 * @param {{about: () => object | null, onRefused: (refused: Refused) => void}} options
 *        about: the report without `visible`, or null while there is no class to report to
 * @returns {{now: () => void, stop: () => void}}
 */
export function startReports({ about, onRefused }) {
  let isSending = false;

  /** @param {boolean} visible */
  const whole = (visible) => {
    const report = about();
    return report === null ? null : { visible, ...report };
  };

  async function send() {
    const report = whole(!document.hidden);
    if (report === null || isSending) return;
    isSending = true;
    try {
      await tell("report", report);
    } catch (error) {
      if (error instanceof Refused) onRefused(error);
    } finally {
      isSending = false;
    }
  }

  const now = () => void send();
  const leaving = () => {
    const report = whole(false);
    if (report !== null) farewell(report);
  };
  // Going out of sight may be the last that a phone's page does: by a beacon, which needs no page to be sent from.
  const seen = () => { if (document.hidden) leaving(); else now(); };
  const timer = window.setInterval(() => { if (!document.hidden) now(); }, EVERY_MS);
  document.addEventListener("visibilitychange", seen);
  window.addEventListener("pagehide", leaving);
  window.addEventListener("pageshow", now);
  return {
    now,
    stop() {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", seen);
      window.removeEventListener("pagehide", leaving);
      window.removeEventListener("pageshow", now);
    },
  };
}
