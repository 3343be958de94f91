// A toll gate: whatever passes waits for a fixed time, so its delay has a closed form.

/** @type {import("../recipe.mjs").Toy} */
export default {
  recipe: "Add a network condition",
  names: ["toll"],
  edits: [
    { file: "src/lane/conditions/mod.rs", after: "pub mod text;", insert: "mod toll;" },
    { file: "src/lane/conditions/mod.rs", after: "    &limit::KIND,", insert: "    &toll::KIND," },
    { file: "tests/lab/imports/inner.rs", after: '        ("stall", &["text", "value"]),', insert: '        ("toll", &["text", "value"]),' },
    {
      file: "tests/lab/conditions.rs",
      before: "#[test]\nfn latency_delays_both_ways_and_a_new_connections_handshake()",
      insert: `#[test]
fn a_toll_is_paid_by_request_and_answer() {
    let lab = lab();
    put(&lab, "sse", "toll each=40ms");
    let mut http = lab.http("sse");
    timed(&mut http);
    assert!(timed(&mut http) >= ms(80));
}
`,
    },
    {
      file: "src/run/conditions.rs",
      after: "        match kind {",
      insert: `            "toll" => {
                self.down += settings.span("each");
                self.up += settings.span("each");
            }`,
    },
  ],
  narrowed: { 'cargo run -- run --lanes sse --conditions "sse: NAME …" --duration 3s': 'cargo run -- run --lanes sse --conditions "sse: NAME each=20ms" --duration 3s' },
  shows: /toll each=20ms/,
};
