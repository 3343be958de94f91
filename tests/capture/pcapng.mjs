// Packets at the end of a capture file that this lab wrote: little-endian, one section, raw IP, nanoseconds.

const ENHANCED_PACKET = 6;
const IP_HEADER_BYTES = 20;
const TCP_HEADER_BYTES = 20;
const PSH_ACK = 0x18;

/**
 * @typedef {object} Segment
 * @property {number} interface
 * @property {bigint} ns  since 1970
 * @property {string} from
 * @property {string} to
 * @property {number} fromPort
 * @property {number} toPort
 * @property {number} sequence
 * @property {number} acknowledged
 * @property {string} payload
 */

/** The file with these behind it; without checksums, which tshark looks at only when told to. @param {Buffer} file @param {Segment[]} segments */
export function withSegments(file, segments) {
  return Buffer.concat([file, ...segments.map(block)]);
}

/** @param {Segment} segment */
function block(segment) {
  const data = packet(segment);
  const padded = Math.ceil(data.length / 4) * 4;
  const out = Buffer.alloc(32 + padded);
  const numbers = [ENHANCED_PACKET, out.length, segment.interface, Number(segment.ns >> 32n), Number(segment.ns & 0xffffffffn), data.length, data.length];
  numbers.forEach((number, index) => out.writeUInt32LE(number, 4 * index));
  data.copy(out, 28);
  out.writeUInt32LE(out.length, 28 + padded);
  return out;
}

/** @param {Segment} segment */
function packet({ from, to, fromPort, toPort, sequence, acknowledged, payload }) {
  const head = Buffer.alloc(IP_HEADER_BYTES + TCP_HEADER_BYTES);
  head.writeUInt8(0x45, 0);
  head.writeUInt16BE(head.length + payload.length, 2);
  head.writeUInt8(64, 8); // time to live
  head.writeUInt8(6, 9); // TCP
  for (const [at, address] of /** @type {const} */ ([[12, from], [16, to]])) Buffer.from(address.split(".").map(Number)).copy(head, at);
  head.writeUInt16BE(fromPort, 20);
  head.writeUInt16BE(toPort, 22);
  head.writeUInt32BE(sequence, 24);
  head.writeUInt32BE(acknowledged, 28);
  head.writeUInt8((TCP_HEADER_BYTES / 4) << 4, 32);
  head.writeUInt8(PSH_ACK, 33);
  head.writeUInt16BE(0xffff, 34);
  return Buffer.concat([head, Buffer.from(payload, "latin1")]);
}
