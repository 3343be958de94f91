/*
  outbox.js: own messages from Send to certainty. pending: on its way. sent: the server answered with a position.
  failed: no answer, so nobody knows whether it arrived; "Try again" repeats it with the same id, and the
  server answers the first position again instead of publishing twice. That is what makes retrying safe.
*/
import { newId } from "./identity.js";
import { reasonOf } from "./reason.js";

/**
 * @param {object} options
 * @param {ReturnType<typeof import("./session.js").openSession>} options.session
 * @param {ReturnType<typeof import("./log.js").createLog>} options.log
 * @param {import("../clock.js").Clock} options.clock
 * @param {() => {client: string, name: string}} options.author
 */
export function createOutbox({ session, log, clock, author }) {
  /** @type {Map<string, import("./log.js").Message>} */
  const unsettled = new Map();

  /** @param {string} id */
  async function attempt(id) {
    const message = unsettled.get(id);
    if (!message) return;
    log.setStatus(id, "pending");
    // Intended now, by the server's clock; left out (NaN) until the first clock exchange is done.
    const intendedUs = Number.isNaN(clock.now()) ? undefined : Math.round(clock.now());
    const data = { ...message, via: session.lane, bound_us: Number.isNaN(clock.boundUs) ? undefined : Math.ceil(clock.boundUs) };
    try {
      await session.publish("message", data, { id, intendedUs });
      log.setStatus(id, "sent");
      unsettled.delete(id);
    } catch (error) {
      log.setStatus(id, "failed", reasonOf(error));
    }
  }

  return {
    /** @param {string} text */
    send(text) {
      const message = { id: newId(), ...author(), text, via: session.lane };
      unsettled.set(message.id, message);
      log.showPending(message);
      void attempt(message.id);
    },
    retry: attempt,
  };
}
