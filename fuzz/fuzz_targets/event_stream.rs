//! event streams, cut anywhere; the property is `properties::event_stream`.
#![no_main]

#[path = "../properties.rs"]
#[allow(dead_code, reason = "each target checks its part")]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::event_stream(input));
