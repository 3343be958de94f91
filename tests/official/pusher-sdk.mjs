// The remote suite of the Node SDK: mocha over tests/remote of the package `pusher`.

import { tool, unpacked } from "./install.mjs";
import { runToEnd } from "./run-to-end.mjs";
import { APPS, startPusher } from "./stage.mjs";

export const prepare = () => void unpacked("pusher");

/** @returns {Promise<import("./run-to-end.mjs").Outcome>} */
export async function run() {
  const stop = await startPusher();
  try {
    const { id, key, secret } = APPS.mt1;
    const env = { PUSHER_URL: `http://${key}:${secret}@api-mt1.pusher.com/apps/${id}`, NO_COLOR: "1" };
    const { log } = await runToEnd(tool("mocha"), ["tests/remote/**/*.js"], { cwd: unpacked("pusher"), env });
    const count = (word) => Number(new RegExp(`^\\s*(\\d+) ${word}`, "m").exec(log)?.[1] ?? 0);
    return { passed: count("passing"), failed: count("failing") };
  } finally {
    await stop();
  }
}
