// What /examples shows for Rust is, but for what the reader's lab puts in, the file that was compiled and run
// (tests/clients/first-event.rs): cargo and a crate of other people's are too much for each run of the tests.
// When this fails, compile what is shown now, run it against a lab, and put it there:
//
//   cargo new first && cd first && cargo add pusher@0.4 serde_json && cargo add tokio -F macros,rt-multi-thread
//
// then what the page shows into src/main.rs, and `cargo run`, which prints "sent".

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SNIPPETS } from "../../static/js/console/snippets.js";

test("the Rust that the page shows is what was compiled and run", () => {
  const compiled = readFileSync(new URL("../clients/first-event.rs", import.meta.url), "utf8");
  const rust = SNIPPETS.find(({ id }) => id === "rust");
  const lab = { host: "127.0.0.1", port: "7070", tls: false, appId: "1", key: "KEY", secret: "SECRET" };
  assert.equal(rust?.text(lab, { channel: "first-00000000", event: "my-event", data: '{"message":"hello"}', socketId: "" }), compiled);
  assert.match(rust?.note ?? "", /cargo add pusher@0\.4 serde_json, and tokio with the features macros and rt-multi-thread/);
});
