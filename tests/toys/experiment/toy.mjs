// What ten bytes more of data add: two short steps, message bytes beside their prediction.

/** @type {import("../recipe.mjs").Toy} */
export default {
  recipe: "Add an experiment",
  names: ["e90_what_a_byte_adds"],
  edits: [
    { file: "src/experiments/mod.rs", after: "mod e24_quotas;", insert: "mod e90_what_a_byte_adds;" },
    { file: "src/experiments/mod.rs", after: "    &e24_quotas::EXPERIMENT,", insert: "    &e90_what_a_byte_adds::EXPERIMENT," },
    {
      file: "src/experiments/answering/tests.rs",
      before: "];\n\nfn on(case: &Case,",
      insert: `    Case {
        id: "E90",
        fill: |plan, report| all_rows(report, "message_bytes", |_| 160.0 + plan.size as f64),
        said: "Ten bytes more of data made a publication 10 bytes longer.",
    },`,
    },
  ],
  without: ["src/experiments/html/subjects.rs"],
  // A debug build's figures are none, but its bytes are bytes.
  narrowed: { "cargo run --release -- experiment E5": "cargo run -- experiment E90" },
  further: ["cargo test --test run -- the_catalogue_is_listed"],
  shows: /^E90 What a byte adds$[^]*^Verdict: As predicted/m,
};
