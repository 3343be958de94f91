/*
  run-view.js: while it runs. The phone is one of the clients: what it asked, how many answers brought nothing, what it
  received and how late. Counted on the server's clock, from the moment from which the class counts.
*/
import { el, setText, setValue } from "../../charts/dom.js";
import { duration } from "../../charts/format.js";
import { heading, ownWay, prose } from "./dom.js";
import { newestLine } from "./newest.js";
import { arrivalEnd, whyWords } from "../waiting.js";
import { counted } from "../words.js";
import { waitLines } from "./wait-view.js";

const DRAW_MS = 250;
const LATE_US = 500_000;

/** What a phone is, by how its lane fetches. */
const KINDS = { short_polls: ["poller", "pollers"], held_polls: ["phone that asks and waits", "phones that ask and wait"], stream: ["listener", "listeners"] };

/** @param {import("./step.js").Context} context @param {import("./step.js").Shown} first @returns {import("./step.js").View} */
export function makeRun({ clock, follower, fetchingOf }, first) {
  const title = heading("One moment");
  const what = el("p", { class: "phone-what" });
  const bar = el("progress", { max: "1", value: "0", "aria-label": "How far the run is" });
  const figure = (/** @type {string} */ name) => {
    const [term, value] = [el("dt", {}, name), el("dd", {})];
    return { name: term, value, part: el("div", {}, term, value) };
  };
  const [requests, empty, received, delay] = [figure("asked"), figure("answers with nothing new"), figure("received"), figure("last one was late by")];
  const figures = el("dl", { class: "phone-figures" }, requests.part, empty.part, received.part, delay.part);
  const newest = newestLine(follower);
  const note = el("p", { class: "hint", hidden: "" });
  const link = el("p", { hidden: "" });
  const waits = waitLines(clock);
  let shown = first;

  function draw() {
    const { run } = shown.lesson;
    if (!run) return;
    const nowUs = clock.now();
    const [from, to] = [run.measured_from_us ?? run.began_us, run.ends_us];
    const isCounting = run.kind === "live" && (run.state === "measuring" || run.state === "over") && follower.lane !== null;
    // One that goes on for what it waits for has no end that is known.
    bar.hidden = !(run.state === "measuring" || run.state === "warming") || Boolean(run.waits) || !from || !to || !Number.isFinite(nowUs);
    if (from && to && !bar.hidden) bar.value = Math.min(1, Math.max(0, (nowUs - from) / (to - from)));
    figures.hidden = !isCounting;
    newest.show(run.kind === "live" && ["warming", "measuring"].includes(run.state));
    waits.show(run.waits);
    const startsBy = run.state === "warming" && !run.measured_from_us ? run.starts_by_us ?? null : null;
    note.hidden = startsBy === null || !Number.isFinite(nowUs);
    if (startsBy !== null) setText(note, `Phones connect; ${arrivalEnd((startsBy - nowUs) / 1e6)}.`);
    const seen = isCounting ? follower.seen(run) : null;
    if (!isCounting || !from || seen === null) return;
    requests.part.hidden = !follower.asks;
    empty.part.hidden = !follower.tellsEmpty;
    setValue(requests.value, [String(seen.requests), ""]);
    setValue(empty.value, [String(seen.empty), ""]);
    setValue(received.value, [String(seen.received), ""]);
    setText(received.name, run.published === undefined ? "received" : `received, of ${counted(run.published, "message")}`);
    setValue(delay.value, duration(follower.delayMs(run)));
    const late = follower.sinceUs - from;
    note.hidden = !(late > LATE_US);
    setText(note, `Counted since this phone came, ${Math.round(late / 1e6)} s after the start.`);
  }

  /** @param {import("./step.js").Shown} now */
  function update(now) {
    shown = now;
    const { run } = now.lesson;
    setText(title, titleOf(now));
    setText(what, run?.state === "failed" ? whyWords(run.why ?? "") : whatOf(now));
    const page = run?.kind === "page" && run.page?.startsWith("/") && !run.page.startsWith("//") ? run.page : null;
    link.hidden = page === null;
    if (page !== null) link.replaceChildren(el("a", { class: "button", href: page }, "Open the page that measures"));
    draw();
  }

  /** @param {import("./step.js").Shown} now */
  function titleOf({ state, lesson: { run }, group }) {
    if (!run) return "One moment";
    if (run.state === "waiting") return "Ready: it begins in a moment";
    if (run.state === "failed") return "This run gave no figures";
    if (run.state === "over") return "It is over. What came out?";
    if (run.kind === "experiment") return "The laptop measures: hold still";
    if (run.kind === "page") return "Watch the wall";
    if (group === null) return "It is running";
    const [one, many] = KINDS[fetchingOf(group.lane) ?? "stream"];
    const all = state.groups.length > 1 ? "" : `one of ${counted(state.here, one, many)}`;
    return `${run.state === "warming" ? "Warming up" : "Running"}: you are ${all || `a ${one}`}`;
  }

  /** @param {import("./step.js").Shown} now */
  function whatOf({ lesson: { run }, group }) {
    const own = group === null ? "" : `${ownWay(group)}.`;
    const hold = run?.kind === "experiment" ? "This needs the laptop for itself." : "";
    return [run?.what ?? "", own, hold].filter((text) => text !== "").map((text) => (/[.!?:]$/.test(text) ? text : `${text}.`)).join(" ");
  }

  const timer = window.setInterval(draw, DRAW_MS);
  return {
    element: el("div", { class: "phone-run" }, title, what, bar, waits.element, figures, newest.element, note, link, ...(first.lesson.html ? [prose(first.lesson.html)] : [])),
    update,
    stop: () => clearInterval(timer),
  };
}
