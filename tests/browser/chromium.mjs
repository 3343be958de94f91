// Finds and starts the system's Chromium for playwright-core, which brings none. Where its headless shell is installed
// it is taken: the same engine without a browser's own windows, at about half the processor time.
//
// The flags keep a headless browser quiet on a machine without a network: nothing is
// looked up, updated or reported. HTTP/3 is off because the lab speaks HTTP/1.1.

import { accessSync, constants } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";

export const CHROMIUM_MISSING =
  "no Chromium found (CHROMIUM, chromium-headless-shell, chromium or google-chrome on the PATH); Debian: apt-get install chromium";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** @returns {string | undefined} path of an executable Chromium */
export function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  return ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
    .flatMap((name) => folders.map((folder) => path.join(folder, name)))
    .find(isExecutable);
}

/**
 * @param {string[]} [flags]  beside the usual ones
 * @returns {Promise<import("playwright-core").Browser>}
 */
export function launchChromium(flags = []) {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(CHROMIUM_MISSING);
  return chromium.launch({ executablePath, args: [...FLAGS, ...flags] });
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
