// The application's server, played by this page: publishes 1, 2, 3 … to two channels at once, by the same plain
// requests as everywhere in the lab, over the main lane. It is not cut when the clients are.

/**
 * @param {string[]} channels  every number goes to each
 * @param {(n: number) => void} onPublished  as soon as it is on its way
 */
export function startPublisher(channels, onPublished) {
  let n = 0;
  let timer = 0;

  function publish() {
    n += 1;
    onPublished(n);
    for (const channel of channels) {
      // A number that does not get out is missing for all three clients alike, and is shown as lost.
      fetch(`/api/channels/${channel}/publications`, {
        method: "POST",
        headers: { "Content-Type": "text/plain" },
        body: JSON.stringify({ event: "number", data: { n } }),
      }).catch(() => {});
    }
  }

  return {
    /** @param {number} ratePerS */
    setRate(ratePerS) {
      clearInterval(timer);
      timer = window.setInterval(publish, 1000 / ratePerS);
    },
    get published() { return n; },
  };
}
