// What can be taken along: an exchange as hexadecimal by the clipboard; it, its lane or all lanes as files.

import { count } from "../../charts/format.js";
import { copy } from "../../copy.js";
import { toast } from "../../toast.js";
import { hexOfUnits } from "./bytes-text.js";

/** @param {import("./tap.js").Unit[]} units @param {string} name */
export async function copyAsHex(units, name) {
  if (await copy(hexOfUnits(units, name))) toast(`Copied ${count(units.reduce((sum, { hex }) => sum + hex.length / 2, 0))} bytes as hexadecimal.`);
  else toast("The browser did not allow copying.", "bad");
}

/** @param {import("./tap.js").Tap} tap @param {"pcapng"|"har"} kind @param {Partial<import("./tap.js").Which>} which  nothing: of all lanes */
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
  link.download = `${["pushlab", which.lane ?? "all-lanes", which.connection, which.exchange].filter((each) => each !== undefined).join("-")}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
