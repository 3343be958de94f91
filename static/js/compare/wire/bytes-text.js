// Bytes as something to read: hexadecimal, and text in which control characters are seen. Pure.

/** @param {string} hex @returns {Uint8Array<ArrayBuffer>} */
export function bytesOfHex(hex) {
  return Uint8Array.from({ length: hex.length >> 1 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

/** What has no picture of its own and would be unseen, or would turn the line around. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Control characters by their pictures (Unicode "Control Pictures"): CR LF as ␍␊, others that cannot be seen by number. Lines end
 * where they end on the wire.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(UNSEEN, (one) => {
    const code = one.charCodeAt(0);
    if (one === "\n") return "␊\n";
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "␡" : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

const CONTROLS = "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(" ");
/** "CR" for its picture. @param {string} picture */
export function nameOfControl(picture) {
  return CONTROLS[picture.charCodeAt(0) - 0x2400] ?? "DEL";
}

/** "81 3c 4f" @param {Uint8Array} bytes @param {number} [most]  so many, then … */
export function hexText(bytes, most = bytes.length) {
  const shown = [...bytes.subarray(0, most)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return bytes.length > most ? `${shown} …` : shown;
}

/** Sixteen to a line with their places and as ASCII, as hexdump -C and Wireshark write and read them. @param {Uint8Array} bytes */
export function hexDump(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const ascii = [...row].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hexText(row).padEnd(47)}  |${ascii}|`);
  }
  return lines.join("\n");
}

/** @param {import("./tap.js").Unit[]} units @param {string} name  of the lane */
export function hexOfUnits(units, name) {
  return units.map((unit) => {
    const kept = bytesOfHex(unit.hex);
    const notes = [
      ...(unit.size > kept.length ? [`${unit.size - kept.length} more B were not kept`] : []),
      ...unit.hidden.map(({ at, len, what }) => `${len} B from ${at} on are hidden (${wordsOfSecret(what)}) and stand as x`),
    ];
    return [`# ${name}: ${unit.direction === "up" ? "client to server" : "server to client"}, ${unit.title.replace(/,? [\d,]+ B$/, "")}, ${unit.size} B`, ...notes.map((note) => `# ${note}`), hexDump(kept)].join("\n");
  }).join("\n\n");
}

/** @param {string} secret */
export function wordsOfSecret(secret) {
  if (secret === "message") return "somebody's message";
  if (secret === "cut") return "part of a longer message, which cannot be searched for secrets";
  return secret.replaceAll("_", " ");
}
