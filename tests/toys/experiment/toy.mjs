// What ten bytes more of data add: two short steps, message bytes beside their prediction.

/** @type {import("../recipe.mjs").Toy} */
export default {
  recipe: "Add an experiment",
  names: ["e90_what_a_byte_adds"],
  edits: [
    { file: "src/experiments/mod.rs", after: "mod e24_quotas;", insert: "mod e90_what_a_byte_adds;" },
    { file: "src/experiments/mod.rs", after: "    &e24_quotas::EXPERIMENT,", insert: "    &e90_what_a_byte_adds::EXPERIMENT," },
    { file: "tests/run/runner.rs", instead: ['"E20", "E24",', '"E20", "E24", "E90",'] },
  ],
  // A debug build's figures are none, but its bytes are bytes.
  narrowed: { "cargo run --release -- experiment E5": "cargo run -- experiment E90" },
  further: ["cargo test --test run -- the_catalogue_is_listed"],
  shows: /^E90 What a byte adds$[^]*Verdict: as predicted/m,
};
