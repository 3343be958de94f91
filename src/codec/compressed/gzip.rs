//! gzip (RFC 1952): deflate with a window of 32 KiB, between a head of 10 bytes and an end of 8.

use std::io::{self, Write};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::{Bounded, STEP_BYTES, no_coding};

/// zlib's own default, the middle between time and size.
const LEVEL: u32 = 6;
/// A window of 32 KiB; less would be less memory, and fewer repetitions found.
const WINDOW_BITS: u8 = 15;

/// What follows what is written: all of it leaves, or the member ends.
pub const THEN_FLUSH: FlushCompress = FlushCompress::Sync;
pub const THEN_END: FlushCompress = FlushCompress::Finish;

pub struct Compressor(Compress);

impl Compressor {
    pub fn new() -> Self {
        Self(Compress::new_gzip(Compression::new(LEVEL), WINDOW_BITS))
    }

    /// A member of its own, after which the next one can be made: to set up the tables anew takes longer than to
    /// compress a short answer.
    pub fn whole(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.write(bytes, THEN_END, out);
        self.0.reset();
    }

    pub fn write(&mut self, mut bytes: &[u8], then: FlushCompress, out: &mut Vec<u8>) {
        loop {
            out.reserve(bytes.len() / 2 + 64);
            let before = self.0.total_in();
            // It fails where nothing can be done, which is said by its status as well.
            let status = self.0.compress_vec(bytes, out, then);
            let taken = self.0.total_in() - before;
            bytes = &bytes[taken as usize..];
            // Room that is left is the sign that nothing waits for more of it (zlib's manual, `deflate`).
            let is_done = match then {
                THEN_END => matches!(status, Ok(Status::StreamEnd)),
                _ => bytes.is_empty() && out.len() < out.capacity(),
            };
            if is_done || status.is_err() {
                return;
            }
        }
    }
}

pub struct Decompressor {
    decoder: Decompress,
    is_over: bool,
}

impl Decompressor {
    pub fn new() -> Self {
        Self {
            decoder: Decompress::new_gzip(WINDOW_BITS),
            is_over: false,
        }
    }

    pub fn feed(&mut self, mut piece: &[u8], out: &mut Bounded<'_>) -> io::Result<()> {
        let mut step = [0; STEP_BYTES];
        loop {
            if self.is_over {
                return match piece.is_empty() {
                    true => Ok(()),
                    false => Err(no_coding("something follows its end")),
                };
            }
            let (read, made) = (self.decoder.total_in(), self.decoder.total_out());
            let status = self
                .decoder
                .decompress(piece, &mut step, FlushDecompress::None)
                .map_err(no_coding)?;
            let read = (self.decoder.total_in() - read) as usize;
            let made = (self.decoder.total_out() - made) as usize;
            out.write_all(&step[..made])?;
            piece = &piece[read..];
            self.is_over = status == Status::StreamEnd;
            // A full step may have more behind it.
            if !self.is_over && piece.is_empty() && made < STEP_BYTES {
                return Ok(());
            }
            if !self.is_over && read == 0 && made == 0 {
                return Err(no_coding("it does not go on"));
            }
        }
    }

    pub fn is_over(&self) -> bool {
        self.is_over
    }
}
