// How often the wall looks for a size that fits. Each look lays the whole view out up to nine times, so one for each state
// of a hundred phones once kept a command waiting for a minute. What is counted are looks and states, and no time.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./chromium.mjs";
import { startClassLab } from "./class.mjs";
import { visit } from "./visit.mjs";

const PHONES = 100;
const PROJECTOR = { visitor: true, viewport: { width: 1920, height: 1080 } };

const LESSON = `+++
id = "fits-test"
title = "All of you"
group = "cost"
order = 90
minutes = 5
claims = ["A1"]
steps = ["guess", "set", "run", "reveal", "ask"]
+++
Guess before you look.

\`\`\`guess
as = "number"
question = "How many answers of 100 bring nothing?"
min = 0
max = 100
unit = "of 100"
\`\`\`

\`\`\`set
phones = [{ lane = "short-poll", poll_interval_ms = 1000 }, { lane = "websocket" }]
source = { rate_per_s = 4, size_bytes = 60 }
\`\`\`

Look at your own phone.

\`\`\`run
live = { seconds = 29, warm_up = 1 }
page = "/compare"
seen = "How many of 100 answers were empty?"
\`\`\`

Most half seconds are empty.

\`\`\`reveal
sentence = "About half of the answers are empty."
expected = 50
change = "Ask half as often."
\`\`\`

\`\`\`ask
question = "Which interval halves the questions?"
options = ["a quarter of a second", "one second", "none"]
right = 2
because = ["That doubles them.", "Twice the time between two questions.", "One second does."]
\`\`\`
`;

/** @type {Awaited<ReturnType<typeof startClassLab>>} */
let lab;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  lab = await startClassLab("class-fits", { "fits-test": LESSON });
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  await lab?.stop();
});

/** In the page, before any of its scripts: counts states that come by the stream, and looks for a size, each of which begins with the largest. */
function count() {
  const counted = { states: 0, looks: 0, sizes: 0 };
  Object.assign(window, { counted });
  const { setProperty } = CSSStyleDeclaration.prototype;
  CSSStyleDeclaration.prototype.setProperty = function set(name, value, ...rest) {
    if (name === "--fit") {
      counted.sizes += 1;
      if (value === "1.6") counted.looks += 1;
    }
    return setProperty.call(this, name, value, ...rest);
  };
  const { addEventListener } = EventSource.prototype;
  EventSource.prototype.addEventListener = function listen(/** @type {string} */ name, /** @type {any} */ heard, ...rest) {
    return addEventListener.call(this, name, name !== "state" ? heard : (/** @type {Event} */ event) => {
      counted.states += 1;
      heard(event);
    }, ...rest);
  };
}

test(`${PHONES} phones: the wall looks for a size where another view is shown, and not with each of their states`, async () => {
  const showing = await visit(browser, `${lab.url}/wall`, PROJECTOR, (context) => context.addInitScript(count));
  showing.expectComplaint(/404/); // no class yet
  const wall = showing.page;
  const counted = () => wall.evaluate(() => ({ .../** @type {any} */ (window).counted }));
  let before = await counted();
  /**
   * Since the last time it was asked.
   * @param {string} what @param {number} views  others that were shown, or parts that came into one: a look for each, and one
   *   where a line of it was broken @param {number} states  so many came at least
   */
  const since = async (what, views, states) => {
    const now = await counted();
    const [came, looks, sizes] = [now.states - before.states, now.looks - before.looks, now.sizes - before.sizes];
    before = now;
    assert.ok(came >= states, `${what}: ${came} states`);
    assert.ok(looks <= 2 * views, `${what}: ${looks} looks for a size, ${sizes} of them, in ${came} states`);
  };
  await lab.lead("POST", "", {});
  await wall.locator(".wall-code").waitFor();
  await since("the lobby", 1, 1);
  await lab.lead("POST", "/stand-ins", { count: PHONES });
  await wall.getByText(`${PHONES} are in`).waitFor();
  await since("all join", 2, 3); // their rows, and the foot that tells of them
  await lab.lead("POST", "/lesson", { lesson: "fits-test" });
  await wall.locator("[data-counter]").filter({ hasText: `${PHONES} of ${PHONES} have guessed` }).waitFor();
  await since("all guess", 1, 3);
  await lab.lead("POST", "/go", { to: 2 });
  await wall.locator("[data-part=lanes] li").nth(1).waitFor();
  await since("before the run", 1, 1);
  await lab.lead("POST", "/run");
  await wall.locator(".race-lane").nth(1).waitFor();
  await wall.locator("[data-part=received] li").filter({ hasText: /received/ }).nth(1).waitFor();
  await since("the run begins", 4, 3); // its words, its clock, the race, what was received
  await wall.waitForFunction((states) => /** @type {any} */ (window).counted.states >= states, before.states + 40);
  await since("the run goes on", 1, 40);
  await lab.lead("POST", "/run/stop");
  await wall.locator("[data-part=state]").filter({ hasText: "the run is over" }).waitFor();
  await since("the run is over", 1, 1);
  await lab.lead("DELETE", "?save=false");
  await showing.finish();
});
