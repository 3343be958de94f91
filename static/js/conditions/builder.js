// builder.js: one row of fields for every condition of the catalogue, and the text that they make together. What a
// field leaves empty is the condition's default and is not written.

import { el } from "../charts/dom.js";
import { STEPS, print, read, scaleOf } from "./values.js";

/**
 * @param {HTMLElement} host
 * @param {import("./api.js").Kind[]} catalogue
 * @param {(text: string) => void} changed  told what the fields say
 */
export function createBuilder(host, catalogue, changed) {
  const rows = catalogue.map(row);
  host.replaceChildren(...rows.map(({ node }) => node));
  host.addEventListener("input", () => changed(rows.map(({ text }) => text()).filter((text) => text !== "").join(" + ")));
  return {
    /** No condition is chosen any more. */
    reset() {
      for (const { used } of rows) used(false);
    },
  };
}

/** @param {import("./api.js").Kind} kind */
function row(kind) {
  const check = el("input", { type: "checkbox" });
  const fields = kind.keys.map((key) => field(kind, key));
  const keys = el("div", { class: "conditions-keys", hidden: "" }, ...fields.map(({ node }) => node));
  const used = (/** @type {boolean} */ is) => {
    check.checked = is;
    keys.hidden = !is;
  };
  check.addEventListener("input", () => used(check.checked));
  const node = el("div", { class: "conditions-kind" },
    el("label", { class: "conditions-kind-name" }, check, kind.name),
    el("p", { class: "hint" }, kind.meaning),
    keys);
  const text = () => {
    if (!check.checked) return "";
    const values = fields.map(({ name, value }) => [name, value()]).filter(([, value]) => value !== "");
    return [kind.name, ...values.map(([name, value]) => `${name}=${value}`)].join(" ");
  };
  return { node, text, used };
}

/** A key's field. @param {import("./api.js").Kind} kind  @param {import("./api.js").Key} key */
function field(kind, key) {
  const id = `${kind.name}-${key.name}`;
  const label = el("label", { for: id, title: key.meaning }, key.name, " ", el("span", { class: "unit" }, unitOf(key)));
  const hint = el("p", { class: "hint", id: `${id}-hint` }, key.meaning);
  if (key.unit === "choice") {
    const select = el("select", { id, "aria-describedby": hint.id });
    select.append(...key.choices.map((choice) => el("option", { value: choice }, choice)));
    select.value = key.default ?? key.choices[0];
    const value = () => (select.value === key.default ? "" : select.value);
    return { name: key.name, value, node: el("div", { class: "field" }, label, select, hint) };
  }
  // What must be given begins as the example has it.
  const given = kind.example.split(" ").find((word) => word.startsWith(`${key.name}=`))?.split("=")[1] ?? "";
  const input = el("input", { id, type: "text", spellcheck: "false", placeholder: key.default ?? "", "aria-describedby": hint.id });
  input.value = given;
  const range = el("input", { type: "range", min: "0", max: String(STEPS), step: "1", "aria-label": `${kind.name} ${key.name}, slider` });
  const scale = scaleOf(key);
  const follow = () => {
    const value = input.value === "" ? (key.default ?? "0") : input.value;
    range.value = String(scale.placeOf(read(value, key.unit)));
    range.setAttribute("aria-valuetext", value);
  };
  input.addEventListener("input", follow);
  range.addEventListener("input", () => {
    input.value = print(scale.valueAt(Number(range.value)), key.unit);
    range.setAttribute("aria-valuetext", input.value);
  });
  follow();
  return { name: key.name, value: () => input.value.trim(), node: el("div", { class: "field field-range" }, label, range, input, hint) };
}

/** @param {import("./api.js").Key} key */
function unitOf({ unit, least, most }) {
  return unit === "choice" ? "" : `${least} to ${most}`;
}
