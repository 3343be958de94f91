/*
  place.js: where phones join, as the wall shows it: the address that the server names (never loopback), or, where it
  names none, the one by which this page was opened. A change of theme in another window of this browser is followed,
  since nobody has a hand on the projector.
*/

import { find } from "../../charts/dom.js";
import { startStage } from "./stage.js";

/** @param {boolean} isPresenter */
export function openStage(isPresenter) {
  const stage = find("[data-stage]");
  addEventListener("storage", ({ key, newValue }) => {
    if (key === "lab-theme" && (newValue === "light" || newValue === "dark")) document.documentElement.dataset.theme = newValue;
  });
  return startStage(stage, { address: stage.dataset.address || addressHere(location), isPresenter, qr: stage.dataset.qr ?? "" });
}

/** The address of this page as a phone would write it. @param {{hostname: string, host: string, protocol: string}} here */
export function addressHere({ hostname, host, protocol }) {
  const isLoopback = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  if (isLoopback) return "see /join";
  return `${protocol === "https:" ? "https://" : ""}${host}/join`;
}
