// Lines of JSON with a blank line after each: a stream with a form of its own on the wire, and a client of its own.

/** @type {import("../recipe.mjs").Toy} */
export default {
  recipe: "Add a lane",
  names: ["blank_line", "blank-line"],
  copied: [
    {
      to: "static/js/transports/blank-line.js",
      from: "static/js/transports/fetch-stream.js",
      // It skips empty lines already: they are the heartbeat of the lane that it comes from.
      changed: [["${url}/fetch-stream/${channel}", "${url}/blank-line/${channel}"]],
    },
  ],
  edits: [
    {
      file: "src/catalogue.rs",
      before: "/// Every lane but the main one, in the order",
      insert: `/// A toy: JSON and a blank line.
pub static BLANK_LINE: Lane = Lane {
    id: LaneId("blank-line"),
    transport: "blank-line",
    protocol: "plain",
    label: "JSON and a blank line",
    short: "Blank line",
    spoken: "a stream of JSON and blank lines",
    note: "One answer that never ends, a blank line after each message.",
    path: "/blank-line/",
    example: "GET /blank-line/news",
    fetching: Fetching::Stream,
    sending: Sending::OwnRequest,
    upgrades: false,
    needs_own_port: false,
    resuming: Resuming::ByProtocol,
    lab_part: LabPart::Instants,
    is_compared_first: false,
    look: Look {
        on_light: "#8a0f0f",
        on_dark: "#ffe14d",
        dash: &[1, 7],
    },
    browser_client: module("blank-line.js"),
};
`,
    },
    { file: "src/catalogue.rs", after: "    &FETCH_STREAM,", insert: "    &BLANK_LINE," },
    // Not at the end, where the next real one will be.
    { file: "src/catalogue.rs", after: "    PlainLine,", insert: "    /// The plain envelope and two line ends.\n    PlainBlock," },
    { file: "src/transport/mod.rs", after: "pub mod answer;", insert: "pub mod blank_line;" },
    { file: "src/server/serving.rs", before: "use crate::{\n    config::Config,", insert: "use crate::transport::blank_line;" },
    { file: "src/server/serving.rs", after: "        Arc::new(fetch_stream::FetchStream),", insert: "        Arc::new(blank_line::BlankLine)," },
    { file: "src/run/each_lane/mod.rs", after: "mod actix_ws;", insert: "mod blank_line;" },
    { file: "src/run/each_lane/mod.rs", after: "    &fetch_stream::JsonLines,", insert: "    &blank_line::BlankLines," },
    { file: "src/client/mod.rs", after: "pub mod back_off;", insert: "pub mod blank_line;" },
    {
      file: "README.md",
      after: "| `fetch-stream` | Lines of JSON by fetch | `/fetch-stream/` | an answer that goes on | a request of its own | yes |",
      insert: "| `blank-line` | JSON and a blank line | `/blank-line/` | an answer that goes on | a request of its own | yes |",
    },
    {
      // Its bytes are predicted; what a toy's delays are, nobody wants to know.
      file: "README.md",
      before: "| WebSocket, bare | ",
      insert: "| JSON and a blank line | – | – | – | 100 % | 224 B (224 B) | 0 B | 8 B | 93 B | 63 B | 0 (0) |",
    },
    {
      file: "docs/api.md",
      after: "| `GET /actix-ws/{channel}` | everybody | as `/ws/` but `compress`, on its own port only | a WebSocket |",
      insert: "| `GET /blank-line/{channel}` | everybody | position | lines of JSON, every other one empty |",
    },
    { file: "docs/SUMMARY.md", after: "- [Lines of JSON by fetch](lanes/fetch-stream.md)", insert: "- [JSON and a blank line](lanes/blank-line.md)" },
    {
      file: "tests/lab/docs/wire.rs",
      after: '        "fetch-stream" => wire.stream("/fetch-stream/news", ""),',
      insert: '        "blank-line" => wire.stream("/blank-line/news", ""),',
    },
    {
      file: "docs/limits.md",
      after: "|---|---|---|---|",
      insert: "| What waits for a reader of the toy lane | as for any stream | `subscriber_queue_max_bytes` | as the policy says |",
    },
    { file: "tests/lab/main.rs", after: "mod actix_ws;", insert: "mod blank_line;" },
  ],
  without: ["src/codec/NAME.rs", "src/transport/dictionaries.rs"],
  narrowed: {
    // Those that go over all lanes, in place of all.
    "cargo test --test lab": "cargo test --test lab -- blank_line catalogue docs imports metrics refusals visitors http_as_written envelope_parts",
  },
  shows: /JSON and a blank line|blank-line/,
};
