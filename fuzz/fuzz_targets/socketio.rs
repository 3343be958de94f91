//! Socket.IO 5 packets and their attachments; the property is `properties::socketio`.
#![no_main]

#[path = "../properties.rs"]
#[allow(dead_code, reason = "each target checks its part")]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::socketio(input));
