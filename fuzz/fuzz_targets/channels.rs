//! frames that Channels clients send; the property is `properties::channels`.
#![no_main]

#[path = "../properties.rs"]
#[allow(dead_code, reason = "each target checks its part")]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::channels(input));
