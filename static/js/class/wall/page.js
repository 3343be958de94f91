/*
  page.js: the projector's page. It follows the class and shows it; it changes nothing. The presenter's page
  (presenter.js in this folder) has the same stage.
*/

import { find, setText } from "../../charts/dom.js";
import { follow } from "./feed.js";
import { openStage } from "./place.js";

const stage = openStage(false);
const trouble = find("[data-trouble]");
follow({ base: "/api/class" }, (state) => stage.show(state), (text) => {
  trouble.hidden = text === "";
  setText(trouble, text);
});
