//! Compressed frames, made of plain ones: the plain frame is what everything else in the lab makes and
//! keeps, and says what the message is (text or bytes) and how long.

use super::{
    encode_header,
    header::{Header, Sender},
};
use crate::{
    codec::deflate::{Compressor, FROM_BYTES_IN_CONTEXT, compress_alone},
    wire::Layers,
};

/// "Per-message compressed" (§6): set on the first frame of a message.
const RSV1: u8 = 0x40;

/// Who compresses.
#[derive(Debug)]
pub enum By<'a> {
    /// The thread's own compressor, with a window of so many bits: each message by itself.
    Alone(u8),
    /// The connection's, whose window goes from message to message.
    Context(&'a mut Compressor),
}

/// Appends whole frames of a server's, compressed where that makes them shorter. `layers` say how the
/// plain ones divide; what comes back says so of what was appended.
pub fn deflate_frames(
    mut frames: &[u8],
    by: &mut By<'_>,
    layers: Layers,
    out: &mut Vec<u8>,
) -> Layers {
    let mut layers = layers;
    let mut compressed = Vec::new();
    while let Some((header, payload, rest)) = first(frames) {
        let frame = &frames[..frames.len() - rest.len()];
        frames = rest;
        compressed.clear();
        let is_compressed = !header.opcode.is_control()
            && header.is_final
            && match by {
                By::Alone(bits) => compress_alone(*bits, payload, &mut compressed),
                By::Context(_) if payload.len() < FROM_BYTES_IN_CONTEXT => false,
                By::Context(compressor) => {
                    compressor.message(payload, &mut compressed);
                    // Whatever its length: the message is in the window now.
                    true
                }
            };
        if !is_compressed {
            out.extend_from_slice(frame);
            continue;
        }
        let from = out.len();
        encode_header(header.opcode, compressed.len(), out);
        out[from] |= RSV1;
        out.extend_from_slice(&compressed);
        // A shorter length in the header is saved as well.
        let wire = out.len() - from;
        layers.saved += frame.len().saturating_sub(wire) as u64;
        layers.framing += wire.saturating_sub(frame.len()) as u64;
    }
    out.extend_from_slice(frames);
    layers
}

/// The first frame: its header, its payload, and what follows.
fn first(frames: &[u8]) -> Option<(Header, &[u8], &[u8])> {
    let header = Header::parse(frames, Sender::Server).ok()??;
    let end = header.frame_bytes()?;
    let frame = frames.get(..end)?;
    Some((header, &frame[header.header_bytes..], &frames[end..]))
}
