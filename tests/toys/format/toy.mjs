// Tab-separated values.

/** @type {import("../recipe.mjs").Toy} */
export default {
  recipe: "Add a report format",
  names: ["tsv"],
  edits: [
    { file: "src/run/report/mod.rs", after: "pub mod table;", insert: "pub mod tsv;" },
    { file: "src/run/report/forms.rs", before: "use super::{Report, ", insert: "use super::tsv;" },
    {
      file: "src/run/report/forms.rs",
      before: "    /// Write a self-contained page with charts",
      insert: '    /// Write the figures with tabs between them\n    #[arg(long, value_name = "FILE")]\n    pub tsv: Option<PathBuf>,',
    },
    { file: "src/run/report/forms.rs", before: "    /// For people at a terminal.\n", insert: "    /// With tabs between.\n    pub tsv: fn(&R) -> String," },
    { file: "src/run/report/forms.rs", after: "    table: table::render,", insert: "    tsv: tsv::render," },
    { file: "src/run/report/forms.rs", instead: ["in files.into_iter().flatten()", "in files.into_iter().chain([&self.tsv]).flatten()"] },
    { file: "src/run/report/forms.rs", after: "            (&self.csv, as_.csv),", insert: "            (&self.tsv, as_.tsv)," },
    { file: "src/experiments/forms.rs", before: "use crate::run::report::{", insert: "use crate::run::report::tsv::plain;" },
    {
      file: "src/experiments/forms.rs",
      before: "/// The answer in one sentence, question, verdict and a table.",
      insert: `/// With a heading.
pub fn tsv(done: &CarriedOut) -> String {
    let mut out = "step\\tfigure\\tpredicted\\tmeasured\\n".to_owned();
    for (label, group) in done.groups() {
        for comparison in group {
            let measured = comparison.measured.map(|value| value.to_string());
            let _ = writeln!(
                out,
                "{}\\t{}\\t{}\\t{}",
                plain(label),
                plain(&comparison.what),
                comparison.predicted,
                measured.unwrap_or_default()
            );
        }
    }
    out
}
`,
    },
    { file: "src/program.rs", after: "    table: CarriedOut::to_string,", insert: "    tsv: experiments::forms::tsv," },
    { file: "tests/lab/imports/inner.rs", after: '        ("table", &["opening", "words", "workload"]),', insert: '        ("tsv", &[]),' },
    { file: "tests/lab/imports/inner.rs", instead: ['("forms", &["csv", ', '("forms", &["tsv", "csv", '] },
    { file: "docs/runs.md", instead: ["`--csv`, ", "`--csv`, `--tsv`, "] },
  ],
  narrowed: { "cargo run -- run --lanes sse --duration 1s --NAME /tmp/out": "cargo run -- run --lanes sse --duration 1s --NAME $PUSHLAB_DATA_DIR/out.tsv" },
  further: ["cargo test --test lab -- imports", "cat $PUSHLAB_DATA_DIR/out.tsv", "cargo run -- experiment E10 --tsv $PUSHLAB_DATA_DIR/of-it.tsv", "cat $PUSHLAB_DATA_DIR/of-it.tsv"],
  shows: /^sse\tn\t\d+$[^]*^step\tfigure\tpredicted\tmeasured\n.*\t/m,
};
