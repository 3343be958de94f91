/*
  one.js: the page of one saved run: what it is called, a note, and its end. All of it is the presenter's.
*/
import { seek } from "../charts/dom.js";
import { offerDeleting, refused } from "./deleting.js";
import { understood } from "./job.js";

offerDeleting("/runs");

const form = seek("[data-about]", HTMLFormElement);
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  void save(form);
});

/** @param {HTMLFormElement} form */
async function save(form) {
  const said = new FormData(form);
  try {
    await understood(await fetch(`/presenter/api/runs/saved/${form.dataset.about}`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: said.get("name"), note: said.get("note") }),
    }));
    location.reload();
  } catch (error) {
    refused(error);
  }
}
