// The view Sequence. Not drawn yet.

/** @param {import("./views.js").Shared} _shared @returns {import("./views.js").WireView} */
export function attachSequence(_shared) {
  return {};
}
