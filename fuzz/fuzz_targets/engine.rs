//! Engine.IO 4 packets and polling payloads; the property is `properties::engine`.
#![no_main]

#[path = "../properties.rs"]
#[allow(dead_code, reason = "each target checks its part")]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::engine(input));
