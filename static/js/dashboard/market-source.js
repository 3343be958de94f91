// The controls of the market's source. There is one market for everybody who has a dashboard open: a page that
// comes finds it running and shows its settings; a page that finds none starts it. The server stops it by itself
// when nobody listens any more, so after a long sleep it may have to be started again.

import { find } from "../charts/dom.js";
import { joinNumberSlider } from "../charts/number-slider.js";
import { toast } from "../toast.js";
import { MARKET_CHANNEL } from "./link.js";
import { startSource } from "./source.js";

const SETTLE_MS = 250;
const SILENCE_MS = 5000;
const SEED = 1;

/** @returns {{heard: () => void}} call `heard` whenever a publication of the market arrives */
export function attachMarketSource() {
  const form = find("#market", HTMLFormElement);
  const input = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  for (const field of form.querySelectorAll("[data-number-slider]")) joinNumberSlider(field);
  let timer = 0;
  let heardMs = performance.now();

  /** A number inside the limits of its field, written back so that what is shown is what holds. @param {string} name */
  function value(name) {
    const field = input(name);
    const wanted = field.value === "" ? Number(field.defaultValue) : Number(field.value);
    const inside = Math.min(Number(field.max), Math.max(Number(field.min), wanted));
    const exact = field.step === "1" ? Math.round(inside) : inside;
    if (Number(field.value) !== exact) set(name, exact);
    return exact;
  }

  /** @param {string} name @param {number} number */
  function set(name, number) {
    input(name).value = String(number);
    input(name).dispatchEvent(new Event("input", { bubbles: true }));
  }

  async function apply() {
    const settings = {
      kind: /** @type {const} */ ("market"),
      rate_per_s: value("rate_per_s"),
      size_bytes: value("size_bytes"),
      conflate_ms: input("conflate").checked ? value("conflate_ms") : 0,
      schedule: /** @type {const} */ ("periodic"),
      seed: SEED,
    };
    await startSource(MARKET_CHANNEL, settings).catch((error) => toast(`The market did not take this setting. ${error.message}`, "bad"));
  }

  async function running() {
    const answer = await fetch("/api/sources", { cache: "no-store" });
    /** @type {{sources: (import("./source.js").SourceSettings & {channel: string, published_total: number})[]}} */
    const { sources } = await answer.json();
    return sources.find((source) => source.channel === MARKET_CHANNEL) ?? null;
  }

  /** Shows what runs, or starts it. */
  async function join() {
    const source = await running().catch(() => null);
    if (source === null) return apply();
    set("rate_per_s", source.rate_per_s);
    set("size_bytes", source.size_bytes);
    input("conflate").checked = source.conflate_ms > 0;
    if (source.conflate_ms > 0) set("conflate_ms", source.conflate_ms);
    input("conflate_ms").disabled = source.conflate_ms === 0;
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    input("conflate_ms").disabled = !input("conflate").checked;
    clearTimeout(timer);
    timer = window.setTimeout(() => void apply(), SETTLE_MS);
  });
  setInterval(() => {
    if (document.hidden || performance.now() - heardMs < SILENCE_MS) return;
    heardMs = performance.now();
    // Only where there is none: a slow poller hears nothing for a while although the market runs.
    running().then((source) => { if (source === null) void apply(); }).catch(() => {});
  }, 1000);
  void join();

  return {
    heard() { heardMs = performance.now(); },
  };
}
