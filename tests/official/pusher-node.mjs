// pusher-js' integration specs under Node: `make node_integration`, with its own Jasmine settings.

import { bundledSpecs, tool } from "./install.mjs";
import { startApplicationServer, startPusher } from "./stage.mjs";
import { runToEnd } from "./run-to-end.mjs";

export const prepare = () => void bundledSpecs("node");

/** @returns {Promise<import("./run-to-end.mjs").Outcome>} */
export async function run() {
  const cwd = bundledSpecs("node");
  const stops = [await startPusher(), await startApplicationServer()];
  try {
    // The certificate is made on the spot and trusted by nobody.
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: "0", NODE_NO_WARNINGS: "1", NO_COLOR: "1" };
    const { log } = await runToEnd(tool("jasmine"), ["--config=spec/config/jasmine/integration.json"], { cwd, env });
    const counts = /^Executed (\d+) of \d+ specs(.*)$/m.exec(log);
    const failed = Number(/(\d+) FAILED/.exec(counts?.[2] ?? "")?.[1] ?? 0);
    return { passed: Number(counts?.[1] ?? 0) - failed, failed };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}
