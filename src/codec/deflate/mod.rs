//! permessage-deflate (RFC 7692): the messages of a WebSocket, compressed one by one.
//!
//! ```text
//! sending:    message ──► DEFLATE, sync flush ──► … 00 00 ff ff ──► without the last four ──► frame, RSV1
//! receiving:  frames of one message ──► joined ──► … 00 00 ff ff ──► inflate, up to a limit ──► message
//! ```
//!
//! [`negotiate`] reads what a client offers and says what is agreed; [`Compressor`] and [`Inflater`]
//! are one direction of a connection each. Frames are [`super::websocket`]'s, which uses this and is not
//! used by it.
//!
//! A message may refer to bytes of earlier ones of its direction (*context takeover*), or begin with
//! an empty window. One that begins so is right for every connection: that is how one compressed
//! frame serves all subscribers of a channel ([`compress_alone`], [`inflate_alone`]; one compressor
//! and one inflater for each thread). The two must never mix on one connection: what was said in
//! between is in the peer's window and not in ours, and later references point to other bytes,
//! which nobody notices. A plain message is always safe between compressed ones.
//!
//! DEFLATE reaches 1 : 1,000 on zeros, so that 64 KiB can become 64 MiB: an inflater stops at the
//! first byte past the limit of a message, and no more than that is ever kept.
//!
//! Rejected: `libdeflater`, which is twice as fast and has no sync flush; `miniz_oxide`, which has no
//! window but the largest. What is attacker's and what is secret in one window can be told from lengths
//! (CRIME, RFC 7692 §8): tokens are in no message of the lab's.

mod alone;
mod compressor;
mod inflater;
pub mod negotiate;
#[cfg(test)]
mod tests;

pub use self::{
    alone::{compress_alone, inflate_alone},
    compressor::Compressor,
    inflater::{Inflater, Uninflatable},
};

/// The empty stored block that a sync flush ends with: its length and the complement. Left out on
/// the wire (§7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];
/// The smallest window that zlib can compress raw with, as a power of two; the standard has 8, too.
pub const BITS_MIN: u8 = 9;
/// The largest window, and the one that counts where nothing is said.
pub const BITS_MAX: u8 = 15;
/// Shorter messages that would begin with an empty window go as they are: what could be left out of
/// them is hardly more than the compressor's own words.
pub const FROM_BYTES: usize = 64;
/// Shorter messages go as they are even where earlier ones can be referred to.
pub const FROM_BYTES_IN_CONTEXT: usize = 16;
