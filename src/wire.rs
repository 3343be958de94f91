//! How the bytes of a message divide into layers.
//!
//! The words of every byte figure in the lab. HTTP headers are not listed: they are what remains
//! of the bytes that passed when these four are taken off (see `lane::meter`).
//!
//! What is around the application's data was one layer once, the *envelope*; it still is where
//! figures have that name, as the sum of two. [`protocol`](Layers::protocol) is what any user of
//! the protocol pays, and [`lab`](Layers::lab) what this instrument adds to measure it. The
//! reasoning for each form of a publication stands with its encoder in `codec`.
//!
//! May use: no other room.

use std::ops::{Add, AddAssign, Sub};

/// Bytes of one or more messages by layer, above the HTTP headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Layers {
    /// What the transport adds to delimit messages: WebSocket frame headers and masks, chunk
    /// sizes, the fields of an event stream.
    pub framing: u64,
    /// What the protocol adds around the application's data: names, positions it resumes by.
    pub protocol: u64,
    /// What this instrument adds around it: instants; in Pusher Channels its extension's positions.
    pub lab: u64,
    /// The application's own data.
    pub payload: u64,
    /// What compression took off: the other layers are what messages were before it, and this much
    /// less passed. 0 where nothing is compressed.
    pub saved: u64,
}

impl Layers {
    /// A message that carries no application data and nothing of the instrument's.
    pub fn of_protocol(bytes: usize) -> Self {
        Self {
            protocol: bytes as u64,
            ..Self::default()
        }
    }

    /// All that is around the application's data but for framing.
    pub fn envelope(&self) -> u64 {
        self.protocol + self.lab
    }

    /// All of them together: the bytes without HTTP's heads, as they pass.
    pub fn total(&self) -> u64 {
        self.before_compression().saturating_sub(self.saved)
    }

    /// As many as it would be if nothing were compressed.
    pub fn before_compression(&self) -> u64 {
        self.framing + self.envelope() + self.payload
    }

    /// The same message, of which compression has made so many bytes. Where it made more of it, what it added is
    /// framing.
    pub fn compressed_to(self, bytes: u64) -> Self {
        let now = self.total();
        Self {
            framing: self.framing + bytes.saturating_sub(now),
            saved: self.saved + now.saturating_sub(bytes),
            ..self
        }
    }

    fn each(self, other: Self, both: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            framing: both(self.framing, other.framing),
            protocol: both(self.protocol, other.protocol),
            lab: both(self.lab, other.lab),
            payload: both(self.payload, other.payload),
            saved: both(self.saved, other.saved),
        }
    }
}

impl Add for Layers {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.each(other, |a, b| a + b)
    }
}

impl Sub for Layers {
    type Output = Self;
    /// Saturating: figures read while they move never wrap.
    fn sub(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }
}

impl AddAssign for Layers {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_message_is_what_it_was_and_what_passes_of_it() {
        let before = Layers {
            framing: 2,
            protocol: 40,
            lab: 10,
            payload: 50,
            saved: 0,
        };
        for bytes in [0, 1, 30, 102] {
            let after = before.compressed_to(bytes);
            assert_eq!((after.total(), after.before_compression()), (bytes, 102));
        }
        let more = before.compressed_to(110);
        assert_eq!((more.total(), more.framing, more.saved), (110, 10, 0));
    }
}
