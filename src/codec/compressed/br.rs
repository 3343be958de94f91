//! brotli (RFC 7932).

use std::io::{self, Write};

use ::brotli::{
    BrotliDecompressStream, BrotliResult, BrotliState, CompressorWriter, HeapAlloc, HuffmanCode,
    enc::BrotliEncoderParams,
};

use super::{Bounded, STEP_BYTES, no_coding};

/// Of 11. Measured with chat messages of 213 bytes: quality 4 makes 37 bytes of them and holds 0.7 MiB; 5 makes 31,
/// and holds 32 MiB where the window is this small (1.6 where it is 256 KiB).
const QUALITY: i32 = 4;
/// A window of 32 KiB, as gzip's.
const WINDOW_BITS: i32 = 15;

pub struct Compressor(CompressorWriter<Vec<u8>>);

impl Compressor {
    pub fn new() -> Self {
        let params = BrotliEncoderParams {
            quality: QUALITY,
            lgwin: WINDOW_BITS,
            ..BrotliEncoderParams::default()
        };
        Self(CompressorWriter::with_params(Vec::new(), 1 << 10, &params))
    }

    pub fn event(&mut self, event: &[u8], out: &mut Vec<u8>) {
        // Writing to memory does not fail.
        let _ = self.0.write_all(event).and_then(|()| self.0.flush());
        out.append(self.0.get_mut());
    }

    pub fn end(self, out: &mut Vec<u8>) {
        out.append(&mut self.0.into_inner());
    }

    pub fn whole(mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let _ = self.0.write_all(bytes);
        self.end(out);
    }
}

pub struct Decompressor {
    state: BrotliState<HeapAlloc<u8>, HeapAlloc<u32>, HeapAlloc<HuffmanCode>>,
    is_over: bool,
}

impl Decompressor {
    pub fn new() -> Self {
        Self {
            // Strict: windows up to 16 MiB, which is what the coding `br` may have; the rest is an
            // extension of the format.
            state: BrotliState::new_strict(
                HeapAlloc::new(0),
                HeapAlloc::new(0),
                HeapAlloc::new(HuffmanCode::default()),
            ),
            is_over: false,
        }
    }

    pub fn feed(&mut self, piece: &[u8], out: &mut Bounded<'_>) -> io::Result<()> {
        let mut step = [0; STEP_BYTES];
        let (mut left, mut read, mut total) = (piece.len(), 0, 0);
        while !self.is_over {
            let (mut room, mut made) = (STEP_BYTES, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut read,
                piece,
                &mut room,
                &mut made,
                &mut step,
                &mut total,
                &mut self.state,
            );
            out.write_all(&step[..made])?;
            match result {
                BrotliResult::ResultSuccess => self.is_over = true,
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::ResultFailure => return Err(no_coding("it is damaged")),
            }
        }
        match left {
            0 => Ok(()),
            _ => Err(no_coding("something follows its end")),
        }
    }

    pub fn is_over(&self) -> bool {
        self.is_over
    }
}
