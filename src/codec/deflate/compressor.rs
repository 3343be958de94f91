//! One direction of a connection, compressing.

use flate2::{Compress, Compression, FlushCompress};

use super::{BITS_MAX, BITS_MIN, TAIL};

/// zlib's own default; beyond it JSON shrinks by less than 1 %.
const LEVEL: u32 = 6;
/// Room for the end of a message: a flush into less than 6 bytes would be written twice.
const ROOM_BYTES: usize = 64;

/// A compressor with its window.
#[derive(Debug)]
pub struct Compressor(Compress);

impl Compressor {
    /// With an empty window of `2^bits` bytes, 9 to 15; outside of that the nearest.
    pub fn new(bits: u8) -> Self {
        let bits = bits.clamp(BITS_MIN, BITS_MAX);
        let level = Compression::new(LEVEL);
        Self(Compress::new_with_window_bits(level, false, bits))
    }

    /// Appends a message's compressed form. It may refer to all that came before it.
    pub fn message(&mut self, message: &[u8], out: &mut Vec<u8>) {
        if message.is_empty() {
            // Nothing to flush, so that zlib writes nothing: the header of an empty block.
            return out.push(0);
        }
        let mut left = message;
        loop {
            out.reserve(left.len() / 2 + ROOM_BYTES);
            let before = self.0.total_in();
            let flushed = self.0.compress_vec(left, out, FlushCompress::Sync);
            // Fails only for a stream that was ended, which this never is.
            debug_assert!(flushed.is_ok(), "{flushed:?}");
            left = &left[(self.0.total_in() - before) as usize..];
            if left.is_empty() && out.len() < out.capacity() {
                break;
            }
        }
        debug_assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
    }

    /// Empties the window.
    pub fn forget(&mut self) {
        self.0.reset();
    }
}
