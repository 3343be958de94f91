/*
  print.js: the button of a page that is made for paper.
*/

import { find } from "../charts/dom.js";

find("[data-print]").addEventListener("click", () => window.print());
