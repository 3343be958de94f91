//! What the lab shows: sources of publications. They know channels and no transport.
//!
//! The chat needs nothing of its own here: it is publications and presence.
//!
//! - [`schedule`]: when (open loop, seeded)
//! - [`content`]: what (sized payloads, the seeded market)
//! - [`sources`]: publishers that pages start and stop
//! - [`host`]: real figures of this machine

pub mod content;
pub mod host;
pub mod schedule;
pub mod sources;
