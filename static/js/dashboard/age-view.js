// The age of the market on the screen: the numbers, and a strip in the colour and dash of the lane that brought
// what was shown. After a switch the strip goes on in the new lane's colour, so the two can be told apart.

import { find, setText, setValue } from "../charts/dom.js";
import { axisDuration, count, digits, duration, durationText, NONE } from "../charts/format.js";
import { createLineFigure, fromZero } from "../charts/line-figure.js";
import { Ring } from "../charts/ring.js";
import { LANES } from "../lanes.js";
import { Age } from "./age.js";
import { Rate } from "./rate.js";

const WINDOW_US = 30e6;
const SECONDS = 120;
const ROWS = 2600; // two points a paint: before it and after it
const LANE_NAMES = Object.keys(LANES);
const shown = (/** @type {string} */ name) => find(`[data-show="${name}"]`);
const ms = (/** @type {number|null} */ us) => (us === null ? null : us / 1000);

/** @param {import("../clock.js").Clock} clock */
export function createAgeView(clock) {
  const age = new Age(WINDOW_US);
  const received = new Rate();
  const painted = new Rate();
  const ring = new Ring(ROWS, LANE_NAMES.length);
  let unseen = 0;
  let lane = "";
  const figure = createLineFigure(find('[data-strip="age"]'), {
    title: "age, last 2 min", ring, seconds: SECONDS,
    lines: LANE_NAMES.map((name) => ({ label: LANES[name].short, token: LANES[name].colour, dash: LANES[name].dash, width: 1.5 })),
    range: fromZero(20), label: axisDuration, format: durationText, axisRem: 3.6,
  });

  /** One point of the saw, on the present lane's line. @param {number} nowMs */
  function point(nowMs) {
    const now = ms(age.now(clock.at(nowMs)));
    if (now !== null) ring.push(nowMs / 1000, LANE_NAMES.map((name) => (name === lane ? now : NaN)));
  }

  return {
    /** @param {string} name */
    useLane(name) { lane = name; },
    /** A publication arrived. @param {number} nowMs */
    received(nowMs) { received.add(nowMs); },
    /**
     * Called at every paint.
     * @param {number} nowMs
     * @param {{intended_us: number}|null} publication  what is on the screen from this paint on; null: the same as before
     * @param {number} arrived  how many publications arrived since the last paint
     */
    paint(nowMs, publication, arrived) {
      point(nowMs); // the tip of the saw, before it drops
      if (publication !== null) {
        age.painted(publication.intended_us, clock.at(nowMs));
        painted.add(nowMs);
        unseen += Math.max(0, arrived - 1);
        point(nowMs);
      }
      const now = ms(age.now(clock.at(nowMs)));
      if (now !== null) setValue(shown("age-now"), duration(now));
    },
    /** Figures that are read rather than watched: twice a second. @param {number} nowMs */
    say(nowMs) {
      const summary = age.summary(clock.at(nowMs));
      setValue(shown("age-mean"), duration(ms(summary?.mean ?? null)));
      setValue(shown("age-peak"), duration(ms(summary?.peak ?? null)));
      const [bound, unit] = duration(Number.isFinite(clock.boundUs) ? clock.boundUs / 1000 : null);
      setValue(shown("clock-bound"), [bound === NONE ? bound : `± ${bound}`, unit]);
      setValue(shown("received-rate"), [digits(received.perSecond(nowMs)), "per second"]);
      setValue(shown("painted-rate"), [digits(painted.perSecond(nowMs)), "per second"]);
      setText(shown("unseen"), count(unseen));
      figure.say();
    },
    /** @param {number} nowS */
    draw(nowS) { figure.update(nowS); },
  };
}
