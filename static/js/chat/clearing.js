/*
  clearing.js: the presenter empties the room. The lab forgets what was said and tells everybody who listens by the
  event pushlab:cleared, which nobody else can publish; page.js obeys it.
*/
import { announce } from "../announce.js";
import { confirmed } from "../confirm.js";
import { toast } from "../toast.js";

/** @param {{button: HTMLButtonElement, room: string, channel: string}} options */
export function offerClearing({ button, room, channel }) {
  button.addEventListener("click", () => void clear());

  async function clear() {
    const text = `Everything that was said in ${room} is forgotten, on every page. It cannot be brought back.`;
    if (!await confirmed({ title: "Clear this room?", text, yes: "Clear" })) return;
    try {
      const answer = await fetch(`/presenter/api/history/${channel}`, { method: "DELETE" });
      if (!answer.ok) throw new Error((await answer.json()).error.message);
      announce("The room is cleared.");
    } catch (error) {
      toast(`The room was not cleared: ${error instanceof Error ? error.message : error}`, "bad");
    }
  }
}
