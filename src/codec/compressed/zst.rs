//! zstd (RFC 8878), with windows as HTTP allows them (RFC 9659).

use std::io::{self, Write};

use ::zstd::stream::raw::{
    CParameter, DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer,
};

use super::{Bounded, STEP_BYTES, dictionary::Dictionary, no_coding};

/// zstd's own default.
const LEVEL: i32 = 3;
/// A window of 32 KiB, as gzip's; tables of the same length. By default it would be 2 MiB.
const WINDOW_LOG: u32 = 15;
/// RFC 9659: an answer wants no window of over 8 MiB, or decoders may refuse it.
const WINDOW_LOG_MAX: u32 = 23;

pub struct Compressor {
    encoder: Encoder<'static>,
    /// Of a coding with a dictionary, until it is written.
    head: Vec<u8>,
}

impl Compressor {
    pub fn new() -> Self {
        let encoder = Encoder::new(LEVEL);
        Self::with(encoder, Vec::new())
    }

    pub fn with_dictionary(dictionary: &Dictionary) -> Self {
        let encoder = Encoder::with_dictionary(LEVEL, dictionary.text());
        Self::with(encoder, dictionary.head())
    }

    fn with(encoder: io::Result<Encoder<'static>>, head: Vec<u8>) -> Self {
        let mut encoder =
            encoder.expect("zstd has this level, and where there is no memory nothing goes on");
        for parameter in [
            CParameter::WindowLog(WINDOW_LOG),
            CParameter::HashLog(WINDOW_LOG),
            CParameter::ChainLog(WINDOW_LOG),
        ] {
            encoder
                .set_parameter(parameter)
                .expect("15 is within the bounds of each");
        }
        Self { encoder, head }
    }

    pub fn event(&mut self, event: &[u8], out: &mut Vec<u8>) {
        self.take(event, out);
        repeat(out, |out| self.encoder.flush(out));
    }

    pub fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.head);
        repeat(out, |out| self.encoder.finish(out, true));
    }

    /// A frame of its own, after which the next one can be made. Its length is told beforehand, so that the frame
    /// says it and asks for no larger window.
    pub fn whole(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        // What it is not told it does without.
        let _ = self.encoder.set_pledged_src_size(Some(bytes.len() as u64));
        self.take(bytes, out);
        self.end(out);
        let _ = self.encoder.reinit();
    }

    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.append(&mut self.head);
        let mut input = InBuffer::around(bytes);
        repeat(out, |out| {
            self.encoder.run(&mut input, out)?;
            Ok(bytes.len() - input.pos())
        });
    }
}

/// Until nothing is left, with room for it. In memory, and with what was set above, zstd does not fail.
fn repeat(
    out: &mut Vec<u8>,
    mut step: impl FnMut(&mut OutBuffer<'_, Vec<u8>>) -> io::Result<usize>,
) {
    loop {
        out.reserve(256);
        let at = out.len();
        match step(&mut OutBuffer::around_pos(out, at)) {
            Ok(0) | Err(_) => return,
            Ok(left) => out.reserve(left),
        }
    }
}

pub struct Decompressor {
    decoder: Decoder<'static>,
    /// Of a coding with a dictionary, what has not come yet.
    head: Vec<u8>,
    is_over: bool,
}

impl Decompressor {
    pub fn new() -> Self {
        Self::with(Decoder::new(), Vec::new())
    }

    pub fn with_dictionary(dictionary: &Dictionary) -> Self {
        let decoder = Decoder::with_dictionary(dictionary.text());
        Self::with(decoder, dictionary.head())
    }

    fn with(decoder: io::Result<Decoder<'static>>, head: Vec<u8>) -> Self {
        let mut decoder = decoder.expect("where there is no memory nothing goes on");
        decoder
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))
            .expect("23 is within the bounds");
        Self {
            decoder,
            head,
            is_over: false,
        }
    }

    pub fn feed(&mut self, piece: &[u8], out: &mut Bounded<'_>) -> io::Result<()> {
        let (begins, piece) = piece.split_at(self.head.len().min(piece.len()));
        if self.head.drain(..begins.len()).ne(begins.iter().copied()) {
            return Err(no_coding("it is for another dictionary"));
        }
        let mut step = [0; STEP_BYTES];
        let mut input = InBuffer::around(piece);
        while !self.is_over {
            let mut output = OutBuffer::around(&mut step[..]);
            let left = self.decoder.run(&mut input, &mut output)?;
            let made = output.pos();
            self.is_over = left == 0;
            out.write_all(&step[..made])?;
            // A full step may have more behind it.
            if input.pos() == piece.len() && made < STEP_BYTES {
                break;
            }
        }
        match input.pos() == piece.len() {
            true => Ok(()),
            false => Err(no_coding("something follows its end")),
        }
    }

    pub fn is_over(&self) -> bool {
        self.is_over
    }
}
