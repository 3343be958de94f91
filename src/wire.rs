//! How the bytes of a message divide into layers.
//!
//! The words of every byte figure in the lab. HTTP headers are not listed: they are what remains
//! of the bytes that passed when these three are taken off (see `lane::meter`).

use std::ops::{Add, AddAssign, Sub};

/// Bytes of one or more messages by layer, above the HTTP headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Layers {
    /// What the transport adds to delimit messages: WebSocket frame headers and masks, chunk
    /// sizes, the fields of an event stream.
    pub framing: u64,
    /// What the protocol adds around the application's data: names, positions, instants.
    pub envelope: u64,
    /// The application's own data.
    pub payload: u64,
}

impl Layers {
    /// A message that carries no application data.
    pub fn envelope(bytes: usize) -> Self {
        Self {
            envelope: bytes as u64,
            ..Self::default()
        }
    }

    pub fn total(&self) -> u64 {
        self.framing + self.envelope + self.payload
    }
}

impl Add for Layers {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            framing: self.framing + other.framing,
            envelope: self.envelope + other.envelope,
            payload: self.payload + other.payload,
        }
    }
}

impl Sub for Layers {
    type Output = Self;
    /// Saturating: figures read while they move never wrap.
    fn sub(self, other: Self) -> Self {
        Self {
            framing: self.framing.saturating_sub(other.framing),
            envelope: self.envelope.saturating_sub(other.envelope),
            payload: self.payload.saturating_sub(other.payload),
        }
    }
}

impl AddAssign for Layers {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
