// What the phone's views share in building their elements.
import { el } from "../../charts/dom.js";
import { LANES } from "../../lanes.js";

const SVG = "http://www.w3.org/2000/svg";

/** Prose that this program made of its own Markdown. @param {string} html @param {string} [className] */
export function prose(html, className = "phone-prose") {
  const made = el("div", { class: className });
  made.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  return made;
}

/** @param {string} name @param {Record<string, string | number>} attributes @param {string} [text] */
export function svg(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

/** What a phone is set up as: "Short polling, asking every 250 ms". @param {import("../state.js").Group} group */
export const ownWay = ({ lane, poll_interval_ms: ms }) => `${LANES[lane]?.label ?? lane}${ms ? `, asking every ${ms.toLocaleString("en")} ms` : ""}`;

/** The heading of a step: it takes the focus when the step before had it. @param {string} text */
export const heading = (text) => el("h1", { tabindex: "-1", class: "phone-question" }, text);
