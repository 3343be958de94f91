/*
  outbox.js: own messages from Send to certainty, the same on every transport.

  pending   on its way
  waiting   there is no connection; it goes out when there is one again, after what was written before it
  sent      the server answered with a position
  failed    it was tried and there was no answer, so nobody knows whether it arrived: "Try again" repeats it, and so
            does the next connection; or the server refused it, and only "Try again" does

  A message keeps its id however often it is tried, and over whichever transport: the server answers the first position
  again instead of publishing twice. That is what makes resending safe.
*/
import { newId } from "./identity.js";
import { isOfConnection, reasonOf } from "./reason.js";

/**
 * @param {object} options
 * @param {ReturnType<typeof import("./session.js").openSession>} options.session
 * @param {ReturnType<typeof import("./log.js").createLog>} options.log
 * @param {import("../clock.js").Clock} options.clock
 * @param {() => {client: string, name: string}} options.author
 * @param {() => boolean} options.isOpen  whether there is a connection
 */
export function createOutbox({ session, log, clock, author, isOpen }) {
  /** In the order in which they were written. @type {Map<string, import("./log.js").Message>} */
  const unsettled = new Map();
  /** Of these, what the next connection is to carry. @type {Set<string>} */
  const forLater = new Set();
  /** @type {Set<string>} */
  const underWay = new Set();

  /** @param {string} id */
  async function attempt(id) {
    const message = unsettled.get(id);
    if (!message || underWay.has(id)) return;
    if (!isOpen()) {
      forLater.add(id);
      log.setStatus(id, "waiting");
      return;
    }
    forLater.delete(id);
    underWay.add(id);
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
      if (isOfConnection(error)) forLater.add(id);
    } finally {
      underWay.delete(id);
    }
    if (forLater.has(id) && !isOpen()) log.setStatus(id, "waiting");
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

    /** There is a connection (again): one after the other, so that they arrive in their order. */
    async resend() {
      for (const id of [...unsettled.keys()].filter((id) => forLater.has(id))) await attempt(id);
    },
  };
}
