//! Cut by RST: both ends are told that the connection is gone, as by a crash or a middlebox that
//! forgot it. Bytes in flight are lost.

use super::{Kind, Verdict, cut};

pub const KIND: Kind = Kind {
    name: "cut-rst",
    meaning: "Each connection is reset in the middle (RST)",
    example: "cut-rst after=10s",
    keys: cut::KEYS,
    check: |_| Ok(()),
    build: |settings| cut::ending(settings, Verdict::Rst),
};
