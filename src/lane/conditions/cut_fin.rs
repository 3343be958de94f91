//! Cut by FIN: both ends are told that the other sends no more, as by a proxy that closes in good
//! order. Bytes in flight are lost.

use super::{Kind, Verdict, cut};

pub const KIND: Kind = Kind {
    name: "cut-fin",
    meaning: "Each connection is closed in the middle, in good order (FIN)",
    example: "cut-fin after=10s",
    keys: cut::KEYS,
    check: |_| Ok(()),
    build: |settings| cut::ending(settings, Verdict::Fin),
};
