/*
  time.js: the server's time of day on this page, and what is left until an instant of it. Pure: instants are
  parameters.
*/

export class ServerTime {
  #aheadMs = 0;

  /** @param {number} serverUs  µs, as the state says it @param {number} hereMs  Date.now() */
  learn(serverUs, hereMs) {
    if (serverUs > 0) this.#aheadMs = serverUs / 1000 - hereMs;
  }

  /** The server's time of day, µs. @param {number} hereMs  Date.now() */
  at(hereMs) {
    return (hereMs + this.#aheadMs) * 1000;
  }

  /** Seconds until an instant, never less than none. @param {number} untilUs @param {number} hereMs */
  left(untilUs, hereMs) {
    return Math.max(0, (untilUs / 1000 - (hereMs + this.#aheadMs)) / 1000);
  }
}
