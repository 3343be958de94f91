// Bytes per delivered publication as one stacked bar, by layer. All bars of a page share one scale, so that
// their lengths can be compared; tint and hatching (lab.css, charts.css) tell the layers apart without hue.
// Around the payload is first what any user of the protocol pays, then what the lab adds to measure by; what that is on
// a lane, and why not the same where it is not, is the catalogue's (lab_part).
// The last part is what the packets add around the counted bytes, Ethernet headers included: from the kernel's segment
// counts where it gives TCP_INFO, else from a stated model; which of the two is written beside it, never guessed here.

import { el, setText } from "./dom.js";
import { bytesText, NONE } from "./format.js";

/**
 * The parts, from what is sent up to what comes down to what carries both.
 * @type {Array<{key: string, layer: string, label: string, direction?: string, sum: (b: Record<string, number>) => number}>}
 */
export const BYTE_PARTS = [
  { key: "http_up", layer: "http_headers", direction: "up", label: "HTTP headers up", sum: (b) => b.up_http_headers },
  { key: "http_down", layer: "http_headers", direction: "down", label: "HTTP headers down", sum: (b) => b.down_http_headers },
  { key: "framing", layer: "framing", label: "Framing", sum: (b) => b.up_framing + b.down_framing },
  { key: "protocol", layer: "protocol", label: "Protocol", sum: (b) => b.up_protocol + b.down_protocol },
  { key: "lab", layer: "lab", label: "Lab", sum: (b) => b.up_lab + b.down_lab },
  { key: "payload", layer: "payload", label: "Payload", sum: (b) => b.up_payload + b.down_payload },
  { key: "tcp_ip", layer: "tcp_ip", label: "Ethernet, IP, TCP", sum: (b) => b.up_tcp_ip + b.down_tcp_ip },
];

/** @param {{layer: string, direction?: string}} part @param {string} name of the class */
function sample({ layer, direction }, name) {
  return el("span", { class: name, "data-layer": layer, "data-direction": direction ?? "", "aria-hidden": "true" });
}

/** Fills an element with the key to the layers. @param {HTMLElement} host */
export function showLegend(host) {
  host.replaceChildren(...BYTE_PARTS.map((part) => el("span", { class: "legend-item" }, sample(part, "layer-key"), part.label)));
}

/**
 * What the two middle layers are in a protocol of its own. The payload is the same everywhere.
 * @type {Record<string, Record<string, string>>}
 */
const WORDS = {
  pusher: { framing: "Frames, lines", protocol: "Pusher event" },
  socketio: { framing: "Engine packets", protocol: "Socket.IO packet" },
};

/**
 * @param {HTMLElement} host
 * @param {string} name  whose bytes: part of the bar's description
 * @param {string|null} [protocol]
 */
export function createByteBar(host, name, protocol = "plain") {
  const word = (/** @type {typeof BYTE_PARTS[number]} */ part) => WORDS[protocol ?? ""]?.[part.key] ?? part.label;
  const total = el("span", { class: "num" }, NONE);
  const bar = el("div", { class: "bytebar", role: "img", "aria-label": `${name}: nothing delivered yet` });
  const spans = BYTE_PARTS.map((part) => sample(part, ""));
  const values = BYTE_PARTS.map(() => el("dd", {}, NONE));
  const source = el("span", { class: "unit" });
  bar.append(...spans);
  host.append(
    el("p", { class: "bytebar-head" }, "Wire bytes per delivery ", total),
    bar,
    el("dl", { class: "layer-values" }, ...BYTE_PARTS.map((part, i) => el("div", {},
      el("dt", {}, sample(part, "layer-key"), word(part), ...(part.key === "tcp_ip" ? [" ", source] : [])), values[i]))),
  );

  return {
    /**
     * @param {Record<string, number>|null} each  as perPublication() gives it; null: nothing delivered yet
     * @param {number} scale  bytes that fill the bar
     * @param {string|null} tcpSource  "TCP_INFO" or "model", the server's word
     */
    update(each, scale, tcpSource) {
      setText(total, each ? bytesText(each.wire) : NONE);
      setText(source, tcpSource === null ? "" : tcpSource === "model" ? "by model" : tcpSource);
      const parts = BYTE_PARTS.map((part) => (each ? part.sum(each) : 0));
      spans.forEach((span, i) => { span.style.inlineSize = `${scale > 0 ? (100 * parts[i]) / scale : 0}%`; });
      values.forEach((value, i) => setText(value, each ? bytesText(parts[i]) : NONE));
      bar.setAttribute("aria-label", each
        ? `${name}: ${bytesText(each.wire)} per delivered publication; ${BYTE_PARTS.map((part, i) => `${word(part)} ${bytesText(parts[i])}`).join(", ")}`
        : `${name}: nothing delivered yet`);
    },
  };
}
