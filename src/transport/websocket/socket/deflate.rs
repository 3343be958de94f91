//! What one socket compresses with: its thread's compressor, or one of its own.

use std::cell::RefCell;

use bytes::Bytes;

use crate::{
    codec::{
        deflate::{BITS_MAX, Compressor, FROM_BYTES},
        websocket::{
            Inflation,
            deflated::{By, deflate_frames},
        },
    },
    hub::{Delivery, Format},
    transport::websocket::deflating::{Deflating, FrameFormat},
    wire::Layers,
};

/// How a socket compresses. A socket is one or the other for good.
pub(super) struct Deflate {
    of: Deflating,
    by: Compressed,
}

enum Compressed {
    /// By the thread's compressor, with a window of so many bits.
    Alone(u8),
    /// By its own, whose permit is in `of`.
    InContext(RefCell<Box<Compressor>>),
}

impl Deflate {
    pub fn new(of: Deflating) -> Self {
        let bits = of.agreement.server_bits();
        let by = match of.permit {
            None => Compressed::Alone(bits),
            Some(_) => Compressed::InContext(RefCell::new(Box::new(Compressor::new(bits)))),
        };
        Self { of, by }
    }

    /// How what the client sends is inflated.
    pub fn inflation(&self) -> Inflation {
        self.of.inflation()
    }

    /// Whether what was compressed with the largest window is right here, whatever its length.
    pub fn shares_all(&self) -> bool {
        matches!(self.by, Compressed::Alone(BITS_MAX))
    }

    /// The bytes that this socket shares with others; `None`: it has a compressor of its own. With a
    /// smaller window than the shared compressor's a message that fits into it is compressed (no
    /// reference is longer than the message), and a longer one is not.
    pub fn shared_form(
        &self,
        delivery: Delivery<'_>,
        format: &'static FrameFormat,
    ) -> Option<&'static Format> {
        match self.by {
            Compressed::InContext(_) => None,
            Compressed::Alone(BITS_MAX) => Some(&format.deflated),
            Compressed::Alone(bits) => {
                let mut plain = delivery.each(&format.plain);
                let fits = plain.all(|(frame, _)| frame.len() <= 1 << bits);
                Some(if fits {
                    &format.deflated
                } else {
                    &format.plain
                })
            }
        }
    }

    /// Publications for this socket alone.
    pub fn publications(&self, delivery: Delivery<'_>, plain: &'static Format) -> (Bytes, Layers) {
        let mut out = Vec::new();
        let mut layers = Layers::default();
        for (frame, of) in delivery.each(plain) {
            layers += self.append(frame, *of, &mut out);
        }
        (out.into(), layers)
    }

    /// Frames of this socket alone.
    pub fn frames(&self, frames: Bytes, layers: Layers) -> (Bytes, Layers) {
        if matches!(self.by, Compressed::Alone(_)) && frames.len() < FROM_BYTES {
            return (frames, layers);
        }
        let mut out = Vec::with_capacity(frames.len());
        let layers = self.append(&frames, layers, &mut out);
        (out.into(), layers)
    }

    fn append(&self, frames: &[u8], layers: Layers, out: &mut Vec<u8>) -> Layers {
        match &self.by {
            Compressed::Alone(bits) => deflate_frames(frames, &mut By::Alone(*bits), layers, out),
            Compressed::InContext(compressor) => {
                let mut compressor = compressor.borrow_mut();
                let mut by = By::Context(&mut compressor);
                deflate_frames(frames, &mut by, layers, out)
            }
        }
    }
}
