// The view Race. Not drawn yet.

/** @param {import("./views.js").Shared} _shared @returns {import("./views.js").WireView} */
export function attachRace(_shared) {
  return {};
}
