/*
  sequence.js: where the exchanges of one phone are drawn.
*/

/** The address of a phone's own sequence diagram. @param {import("../state.js").Seat} participant */
export function sequenceOf(participant) {
  return `/presenter/class/sequence?${new URLSearchParams({ phone: participant.id })}`;
}
