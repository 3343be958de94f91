//! Whether a client's next frame may come: all that its header alone can say (RFC 6455 §5.2, §5.4).

use super::{
    CloseCode, Limits, OpCode, Violation,
    header::{Header, Sender, needed},
    protocol_error,
};

/// Reads the headers of a client's frames, one after another. The payload between two headers is
/// the caller's to skip or to keep.
#[derive(Debug)]
pub struct FrameRules {
    limits: Limits,
    /// Whether permessage-deflate was agreed on.
    may_compress: bool,
    /// Whether the message under way is compressed.
    is_compressed: bool,
    /// Bytes so far of the header that is being read.
    head: Vec<u8>,
    /// Bytes so far of the message whose last frame has not begun.
    begun: Option<u64>,
}

impl FrameRules {
    /// Rules before the first frame.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            may_compress: false,
            is_compressed: false,
            head: Vec::new(),
            begun: None,
        }
    }

    /// Takes compressed messages, too.
    pub fn may_compress(mut self, may_compress: bool) -> Self {
        self.may_compress = may_compress;
        self
    }

    /// Takes the next header off the front of `input`; `None` when `input` is used up first. After
    /// a [`Violation`] it must not be called again.
    pub fn next_header(&mut self, input: &mut &[u8]) -> Result<Option<Header>, Violation> {
        let header = loop {
            if let Some(header) = Header::parse_as(&self.head, Sender::Client, self.may_compress)? {
                break header;
            }
            if input.is_empty() {
                return Ok(None);
            }
            let missing = needed(&self.head) - self.head.len();
            let (more, rest) = input.split_at(missing.min(input.len()));
            self.head.extend_from_slice(more);
            *input = rest;
        };
        if !header.opcode.is_control() {
            self.accept_data_frame(&header)?;
        }
        self.head = Vec::new();
        Ok(Some(header))
    }

    fn accept_data_frame(&mut self, header: &Header) -> Result<(), Violation> {
        let before = match (header.opcode, self.begun) {
            (OpCode::Continuation, None) => {
                return Err(protocol_error("a continuation continues nothing"));
            }
            (OpCode::Continuation, Some(before)) => before,
            (_, Some(_)) => {
                return Err(protocol_error("a message begins inside another"));
            }
            (OpCode::Binary, None) if !self.limits.accept_binary => {
                return Err(Violation {
                    code: CloseCode::UNSUPPORTED_DATA,
                    why: "binary messages are not understood here: send text",
                });
            }
            (_, None) => 0,
        };
        if self.begun.is_none() {
            self.is_compressed = header.is_compressed;
        }
        let max_bytes = self.limits.message_max_bytes as u64;
        // What cannot be compressed is longer for it; the message itself is held to its limit where
        // it is inflated.
        let max_bytes = match self.is_compressed {
            true => max_bytes + (max_bytes >> 10) + 64,
            false => max_bytes,
        };
        // Of at most 63 bits and at most the limit, so that there is no overflow.
        let bytes = before + header.payload_bytes;
        if bytes > max_bytes {
            return Err(Violation {
                code: CloseCode::TOO_BIG,
                why: "the message is over the size limit",
            });
        }
        self.begun = (!header.is_final).then_some(bytes);
        Ok(())
    }
}
