/*
  sequence.js: where the exchanges of one phone are drawn.
*/

/** The address of a phone's own sequence diagram. @param {import("./state.js").Phone} participant */
export function sequenceOf(participant) {
  const asked = new URLSearchParams({ view: "sequence", participant: participant.id });
  if (participant.lane !== null) asked.set("lanes", participant.lane);
  return `/compare?${asked}`;
}
