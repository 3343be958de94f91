/*
  page.js: the projector's page. It follows the class and shows it; it changes nothing. The presenter's page
  (presenter.js in this folder) has the same stage.
*/

import { find, setText } from "../../charts/dom.js";
import { follow } from "./feed.js";
import { watchLate } from "./late.js";
import { openStage } from "./place.js";

const stage = openStage(false);
const trouble = find("[data-trouble]");
const late = watchLate((text) => stage.move({ late: text === "" ? "" : `${text} What to do is on /join of this laptop.` }));
follow({ base: "/api/class" }, (state) => {
  late.show(state);
  stage.show(state);
}, (text) => {
  trouble.hidden = text === "";
  setText(trouble, text);
});
