// What can be taken along of an exchange: its bytes as hexadecimal by the clipboard, pcap and HAR as files.

import { copy } from "../../copy.js";
import { toast } from "../../toast.js";
import { hexOfUnits } from "./bytes-text.js";

/** @param {import("./tap.js").Unit[]} units @param {string} name */
export async function copyAsHex(units, name) {
  if (await copy(hexOfUnits(units, name))) toast(`Copied: ${units.length === 1 ? "one message" : `${units.length} messages`} as hexadecimal.`);
  else toast("The browser did not allow copying.", "bad");
}

/** @param {import("./tap.js").Tap} tap @param {"pcapng"|"har"} kind @param {import("./tap.js").Which} which */
export async function save(tap, kind, which) {
  /** @type {Blob} */
  let file;
  try {
    file = await tap.download(kind, which);
  } catch (error) {
    return toast(`There is no file: ${error instanceof Error ? error.message : error}`, "bad");
  }
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = `pushlab-${which.lane}-${which.connection}-${which.exchange}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
