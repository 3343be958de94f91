//! Engine.IO and Socket.IO from outside, over raw bytes; the unmodified clients of others are in
//! `tests/clients`.

#[path = "../support/mod.rs"]
mod support;

mod admin;
mod bridge;
mod engine;
mod order;
mod protocol;
mod recovery;
