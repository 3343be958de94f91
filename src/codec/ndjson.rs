//! Newline-delimited JSON: one JSON text on each line. JSON that is written without white space has no
//! line end in it (RFC 8259 §2 and §7).
//!
//! An empty line says nothing; the lab sends one as a heartbeat.

use std::mem;

/// Largest line that a [`Decoder`] takes.
pub const LINE_MAX_BYTES: usize = 16 << 20;

/// Lines of a stream that comes in pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    begun: Vec<u8>,
}

/// Why a stream is no lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line is over {LINE_MAX_BYTES} bytes")]
pub struct LineTooLong;

impl Decoder {
    /// Takes the next piece and gives back the lines that end in it, without their ends.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, LineTooLong> {
        let mut lines = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.take(&bytes[..end])?;
            lines.push(mem::take(&mut self.begun));
            bytes = &bytes[end + 1..];
        }
        self.take(bytes)?;
        Ok(lines)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        if self.begun.len() + bytes.len() > LINE_MAX_BYTES {
            return Err(LineTooLong);
        }
        self.begun.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_wherever_the_stream_is_cut() {
        let stream = b"{\"a\":1}\n\n[2]\n3";
        for cut in 0..=stream.len() {
            let mut decoder = Decoder::default();
            let mut lines = decoder.feed(&stream[..cut]).unwrap();
            lines.extend(decoder.feed(&stream[cut..]).unwrap());
            assert_eq!(lines, [&b"{\"a\":1}"[..], b"", b"[2]"], "cut at {cut}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_refused_in_time() {
        let mut decoder = Decoder::default();
        let piece = vec![b'x'; LINE_MAX_BYTES];
        assert_eq!(decoder.feed(&piece), Ok(Vec::new()));
        assert_eq!(decoder.feed(b"x"), Err(LineTooLong));
    }
}
