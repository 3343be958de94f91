//! What was read and written on connections that somebody looks at, kept as units: heads, bodies,
//! chunks, frames. Everything here is pure: bytes and instants come in, units and descriptions of
//! them come out. The tap of a lane (`lane::tap`) feeds it.
//!
//! May use: `catalogue`, `codec`.

mod about;
pub mod annotate;
#[cfg(test)]
mod example;
pub mod framing;
pub mod har;
pub mod pcap;
pub mod redact;
mod unit;

pub use about::{About, Ended};
pub use unit::{Direction, Hidden, Kind, Secret, Unit};
