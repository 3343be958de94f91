//! Compressed messages and what the two sides agree on (RFC 7692); the property is `properties::deflate`.
#![no_main]

#[path = "../properties.rs"]
#[allow(dead_code, reason = "each target checks its part")]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::deflate(input));
