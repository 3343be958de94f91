//! What the lab shows: sources of publications. They know channels and no transport.
//!
//! The chat needs nothing of its own here: it is publications and presence.
//!
//! - [`schedule`] says when (open loop, seeded)
//! - [`content`] says what (sized payloads, the seeded market), [`payloads`] what of somebody's own
//! - [`samples`] are messages of kinds that there are: chat, dashboard, tokens
//! - [`sources`] are publishers that pages start and stop
//! - [`host`] reads real figures of this machine
//!
//! May use: `clock`, `network`, `channel`, `codec`, `node`.

pub mod content;
pub mod host;
pub mod payloads;
pub mod samples;
pub mod schedule;
pub mod sources;
