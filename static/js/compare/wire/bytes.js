// The view Bytes. Not drawn yet.

/** @param {import("./views.js").Shared} _shared @returns {import("./views.js").WireView} */
export function attachBytes(_shared) {
  return {};
}
