/*
  snippets-view.js: the tabs of code. Arrow keys go from tab to tab (ARIA Authoring Practices, "Tabs", with
  automatic activation). The code follows the form and the shown secret at once; without the secret a
  placeholder stands in its place.
*/

import { copy as copyText } from "../copy.js";
import { current, onChange } from "./apps.js";
import { element, find, shown } from "./dom.js";
import { eventInForm } from "./event.js";
import { onReveal, revealed } from "./secret.js";
import { SNIPPETS } from "./snippets.js";
import { toast } from "../toast.js";

const PLACEHOLDER = "YOUR_APP_SECRET";
let chosen = SNIPPETS[0];

export function attachSnippets() {
  const tabs = SNIPPETS.map((snippet) => {
    const tab = element("button", "tab", snippet.label);
    tab.id = `tab-${snippet.id}`;
    tab.setAttribute("type", "button");
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "snippet-panel");
    tab.addEventListener("click", () => choose(snippet, tabs));
    return tab;
  });
  const list = find("[data-tabs]");
  list.append(...tabs);
  list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = (SNIPPETS.indexOf(chosen) + step + SNIPPETS.length) % SNIPPETS.length;
    choose(SNIPPETS[at], tabs);
    tabs[at].focus();
  });
  find("[data-copy]").addEventListener("click", () => void copy());
  find("[data-creator]").addEventListener("input", write);
  onChange(write);
  onReveal(write);
  choose(chosen, tabs);
}

/** @param {typeof SNIPPETS[number]} snippet  @param {HTMLElement[]} tabs */
function choose(snippet, tabs) {
  chosen = snippet;
  for (const tab of tabs) {
    const isChosen = tab.id === `tab-${snippet.id}`;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
  }
  find("[data-snippet-panel]").setAttribute("aria-labelledby", `tab-${snippet.id}`);
  shown("snippet-note").textContent = snippet.note;
  write();
}

/** This server, as code elsewhere has to name it: the address this page came from. */
export function target() {
  const app = current();
  const tls = location.protocol === "https:";
  return {
    host: location.hostname,
    port: location.port || (tls ? "443" : "80"),
    tls,
    appId: app?.id ?? "",
    key: app?.key ?? "",
    secret: revealed() || PLACEHOLDER,
  };
}

function write() {
  shown("snippet").textContent = chosen.text(target(), eventInForm());
  shown("snippet-secret").textContent = revealed() === ""
    ? `Put the application's secret where ${PLACEHOLDER} stands.`
    : "The secret is in it: mind whom you show it to.";
}

async function copy() {
  const copied = await copyText(chosen.text(target(), eventInForm()));
  if (copied) toast(`Copied (${chosen.label}).`);
  else toast("This browser does not allow copying here; select the text instead.", "bad");
}
