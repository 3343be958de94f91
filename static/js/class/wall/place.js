/*
  place.js: where phones come in, as the wall shows it: the address that the teacher chose on /join, else the likeliest of
  this laptop (never loopback), and its QR code for the lobby. Looked at again every ten seconds, since a hotspot may be
  switched on during a class. A change of theme in another window of this browser is followed, too: nobody has a hand on
  the projector.
*/

import { find } from "../../charts/dom.js";
import { askReach, onChosen, shownOf } from "../way-in.js";
import { startStage } from "./stage.js";

const LOOK_EVERY_MS = 10_000;

/** @param {boolean} isPresenter */
export function openStage(isPresenter) {
  addEventListener("storage", ({ key, newValue }) => {
    if (key === "lab-theme" && (newValue === "light" || newValue === "dark")) document.documentElement.dataset.theme = newValue;
  });
  const stage = startStage(find("[data-stage]"), { address: "", isPresenter, qr: "", late: "" });
  /** @type {string|null} */
  let code = null;
  const look = async () => {
    const reach = await askReach().catch(() => null);
    if (reach === null) return; // what was shown is still the best that is known
    const shown = shownOf(reach.addresses);
    // The code is in the picture: another code is another picture.
    const qr = shown === null || code === null ? "" : `/join/qr.svg?${new URLSearchParams({ ip: shown.ip, code })}`;
    stage.move({ address: shown === null ? "" : `${shown.url}/join`, qr });
  };
  void look();
  onChosen(() => void look());
  setInterval(() => void look(), LOOK_EVERY_MS);
  return {
    move: stage.move,
    /** @param {import("../state.js").ClassState|null} state */
    show(state) {
      const isOther = (state?.code ?? null) !== code;
      code = state?.code ?? null;
      if (isOther) void look();
      stage.show(state);
    },
  };
}
