// python-socketio from PyPI, unmodified, over both transports and the upgrade.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startLab } from "../browser/lab.mjs";
import { startNetwork } from "../browser/network.mjs";
import { noPython, startPython } from "./python.mjs";
import { connected, openSocket, WAYS } from "./socketio-ways.mjs";

const skip = noPython();

/** @type {import("../browser/lab.mjs").Lab} */
let lab;
before(async () => {
  if (!skip) lab = await startLab(["--echo"], { log: "socketio-python" });
});
after(() => lab?.stop());

for (const [way, { transports, lane, endsOn }] of Object.entries(WAYS)) {
  test(`python-socketio, ${way}`, { skip }, async () => {
    const network = await startNetwork(lab);
    const speaker = openSocket(lab.url, { transports: ["websocket"] });
    const python = startPython("socketio_scenario.py", { url: network.relayed(lab.lanes[lane]), transports });
    try {
      await connected(speaker, "websocket");
      const results = async (step) => {
        const lines = await Promise.race([
          python.lines.until((all) => all.some(([name]) => name === step)),
          // A script that failed says why.
          python.ended().then(() => python.lines.items),
        ]);
        return lines.find(([name]) => name === step)?.[1];
      };
      // Its room: it hears what somebody else says there, once it is in.
      await results("joined");
      speaker.emit("say", "kitchen", "hello", Buffer.from([4, 5]));
      await results("cut me");
      network.cut();
      await results("lost");
      network.restore();
      await python.ended();

      const expected = {
        refused: [{ message: "refused as asked", data: { why: "not today" } }],
        transport: endsOn,
        auth: [{ token: "grüße" }],
        "auth of the second namespace": [{ token: "grüße" }],
        echoes: [...Array(50).keys()],
        call: ["ä", 2],
        answer: ["why?", 1],
        binary: [{ bytes: "00ff" }, { inside: [{ bytes: "" }, { bytes: "010101" }] }],
        "binary call": { pixels: { bytes: "0203" } },
        "said in the second namespace": ["here only"],
        joined: true,
        "said in the room": ["kitchen", "hello", { bytes: "0405" }],
        "cut me": null,
        lost: null,
        back: "again",
        "kicked from one": "still here",
        kicked: null,
        end: null,
      };
      assert.deepEqual(Object.fromEntries(python.lines.items), expected);
    } finally {
      python.kill();
      speaker.disconnect();
      await network.stop();
    }
  });
}
