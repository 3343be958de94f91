// A lab with lessons of a test's own, and the presenter's calls to its class.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { AS_PRESENTER, startLab } from "./lab.mjs";

/**
 * @param {string} name  of the test, for its files
 * @param {Record<string, string>} lessons  Markdown by the lesson's id
 */
export async function startClassLab(name, lessons) {
  const folder = mkdtempSync(path.join(os.tmpdir(), `pushlab-${name}-`));
  for (const [id, text] of Object.entries(lessons)) writeFileSync(path.join(folder, `${id}.md`), text);
  const lab = await startLab(["--lessons", folder], { log: name });
  return {
    ...lab,
    folder,
    /** As the presenter. @param {string} method @param {string} what  below /api/class @param {unknown} [body] @param {number[]} [expected] */
    lead: async (method, what, body, expected = [200, 201, 202, 204]) => {
      const answer = await fetch(`${lab.url}/api/class${what}`, {
        method,
        headers: { ...AS_PRESENTER, "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const said = await answer.text();
      assert.ok(expected.includes(answer.status), `${method} ${what}: ${answer.status} ${said}`);
      return said === "" ? {} : JSON.parse(said);
    },
    stop: async () => {
      await lab.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
