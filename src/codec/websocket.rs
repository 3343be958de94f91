//! WebSocket frames (RFC 6455 §5), both ways, without I/O.
//!
//! [`Decoder`] takes the bytes a client sent and yields whole messages and control frames, or the
//! close code that the violation calls for (§7.4.1). Text is checked as it comes in, so invalid
//! UTF-8 is refused at its first bad byte and not at the end of the message (§8.1). A compressed
//! message ([`super::deflate`]) is inflated when it is whole, up to the limit of messages; where that
//! was not agreed on, any RSV bit is a violation (§5.2). [`header`] reads the header of a frame,
//! a client's or a server's; [`rules`] says of a client's whether it may come, before its payload
//! does. [`encode_header`] writes a server's: unmasked, never fragmented; [`encode_masked`] a
//! client's frame.

pub mod deflated;
pub mod header;
pub mod rules;

use std::fmt;

use self::{header::Header, rules::FrameRules};
use super::deflate::{Inflater, Uninflatable, inflate_alone};

/// Longest frame header of a server: 2 bytes and a 64-bit length.
pub const SERVER_HEADER_MAX_BYTES: usize = 10;
/// Longest payload of a control frame (§5.5).
pub const CONTROL_MAX_BYTES: usize = 125;

/// Frame types (§5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum OpCode {
    /// The next part of a message (§5.4).
    Continuation = 0,
    /// UTF-8 text.
    Text = 1,
    /// Bytes.
    Binary = 2,
    /// The end, with a code perhaps (§5.5.1).
    Close = 8,
    /// Asks for a pong (§5.5.2).
    Ping = 9,
    /// The answer, with the ping's own payload (§5.5.3).
    Pong = 10,
}

impl OpCode {
    fn parse(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    /// Whether it is close, ping or pong: never fragmented, at most 125 bytes (§5.5).
    pub fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

/// A close status code (§7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// It has served its purpose.
    pub const NORMAL: Self = Self(1000);
    /// The server stops, or the page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// A rule of the framing was broken.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// A kind of message that is not taken, such as binary.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// Text that is no UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// A message that breaks a rule of the lab.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// A message larger than is taken.
    pub const TOO_BIG: Self = Self(1009);
    /// Something unexpected, at the server.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// "Try again later", from the IANA registry of §11.7.
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// Whether a peer may send it: §7.4.1 and the IANA registry; 1004 to 1006 and 1015 never
    /// appear on the wire, 1000–2999 only as registered, 3000–4999 freely.
    pub fn is_valid_on_the_wire(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something whole that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text message, whole.
    Text(String),
    /// A binary message, whole.
    Binary(Vec<u8>),
    /// A ping; the pong is to have the same payload.
    Ping(Vec<u8>),
    /// A pong, asked for or not.
    Pong(Vec<u8>),
    /// `None` where the close frame has no code (§5.5.1).
    Close(Option<CloseCode>),
}

/// A peer broke the rules; the code says how to close (§7.1.7 "Fail the connection").
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Violation {
    /// What to close with.
    pub code: CloseCode,
    /// Why, in words for the peer.
    pub why: &'static str,
}

fn protocol_error(why: &'static str) -> Violation {
    Violation {
        code: CloseCode::PROTOCOL_ERROR,
        why,
    }
}

impl From<Uninflatable> for Violation {
    fn from(why: Uninflatable) -> Self {
        match why {
            Uninflatable::TooBig => Self {
                code: CloseCode::TOO_BIG,
                why: "the message is over the size limit once it is inflated",
            },
            Uninflatable::Broken => Self {
                code: CloseCode::INVALID_PAYLOAD,
                why: "the compressed message is broken",
            },
        }
    }
}

const BAD_UTF8: Violation = Violation {
    code: CloseCode::INVALID_PAYLOAD,
    why: "text is not valid UTF-8",
};

/// What a decoder refuses beyond the standard.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest message in bytes, over all its fragments; longer ones end with 1009.
    pub message_max_bytes: usize,
    /// Whether binary messages are taken; where not, they end with 1003.
    pub accept_binary: bool,
}

/// How a client's compressed messages are inflated, where it may send some.
#[derive(Debug)]
pub enum Inflation {
    /// Each by itself: it begins with an empty window.
    Alone,
    /// By an inflater of the connection's own, made when the first comes.
    Context(Option<Box<Inflater>>),
}

impl Inflation {
    /// What a whole message was before it was compressed, at most `max_bytes`.
    pub fn message(&mut self, compressed: &[u8], max_bytes: usize) -> Result<Vec<u8>, Violation> {
        let mut message = Vec::new();
        match self {
            Self::Alone => inflate_alone(compressed, max_bytes, &mut message)?,
            Self::Context(inflater) => {
                inflater
                    .get_or_insert_default()
                    .message(compressed, max_bytes, &mut message)?
            }
        }
        Ok(message)
    }
}

/// Reads a client's frames from bytes split anywhere.
#[derive(Debug)]
pub struct Decoder {
    rules: FrameRules,
    /// What is done with compressed messages; `None`: they were not agreed on.
    inflation: Option<Inflation>,
    message_max_bytes: usize,
    /// The message under way is compressed.
    is_compressed: bool,
    /// What compression took off messages since it was last asked for.
    saved_bytes: u64,
    frame: Option<Header>,
    /// Payload bytes of the current frame still to come.
    remaining: usize,
    /// How many payload bytes of the current frame have passed, for the mask's phase.
    unmasked: usize,
    /// Payload of the current control frame, or of the data message over its fragments.
    control: Vec<u8>,
    message: Vec<u8>,
    /// Type of the data message under way.
    kind: Option<OpCode>,
    /// How much of `message` is known to be valid UTF-8.
    valid: usize,
    /// Bytes of frame headers, and of whole control frames, since it was last asked for.
    framing_bytes: u64,
}

impl Decoder {
    /// A decoder before the first frame.
    pub fn new(limits: Limits) -> Self {
        Self {
            rules: FrameRules::new(limits),
            inflation: None,
            message_max_bytes: limits.message_max_bytes,
            is_compressed: false,
            saved_bytes: 0,
            frame: None,
            remaining: 0,
            unmasked: 0,
            control: Vec::new(),
            message: Vec::new(),
            kind: None,
            valid: 0,
            framing_bytes: 0,
        }
    }

    /// Takes compressed messages, too.
    pub fn inflating(mut self, inflation: Option<Inflation>) -> Self {
        self.rules = self.rules.may_compress(inflation.is_some());
        self.inflation = inflation;
        self
    }

    /// How many bytes longer messages since the last call were than what came of them.
    pub fn take_saved_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.saved_bytes)
    }

    /// How many bytes since the last call were framing: headers with their masks, and control
    /// frames.
    pub fn take_framing_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.framing_bytes)
    }

    /// Takes bytes off the front of `input` up to the end of the next whole message and returns
    /// it; `None` when `input` is used up first ("need more bytes" is a state, not an error).
    /// After a [`Violation`] the decoder must not be fed again.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Violation> {
        loop {
            if self.frame.is_none() && !self.read_header(input)? {
                return Ok(None);
            }
            self.read_payload(input)?;
            if self.remaining > 0 {
                return Ok(None);
            }
            if let Some(message) = self.frame_ended()? {
                return Ok(Some(message));
            }
        }
    }

    /// True once the header is complete and accepted.
    fn read_header(&mut self, input: &mut &[u8]) -> Result<bool, Violation> {
        let Some(header) = self.rules.next_header(input)? else {
            return Ok(false);
        };
        if let OpCode::Text | OpCode::Binary = header.opcode {
            self.kind = Some(header.opcode);
            self.is_compressed = header.is_compressed;
        }
        self.framing_bytes += header.header_bytes as u64;
        // Within the limit on messages, or on control frames.
        self.remaining = header.payload_bytes as usize;
        self.unmasked = 0;
        self.frame = Some(header);
        Ok(true)
    }

    fn read_payload(&mut self, input: &mut &[u8]) -> Result<(), Violation> {
        let Some(frame) = self.frame else {
            return Ok(());
        };
        let take = self.remaining.min(input.len());
        let (payload, rest) = input.split_at(take);
        *input = rest;
        let target = if frame.opcode.is_control() {
            &mut self.control
        } else {
            &mut self.message
        };
        let from = target.len();
        target.extend_from_slice(payload);
        let key = frame.mask.unwrap_or_default();
        apply_mask(&mut target[from..], key, self.unmasked);
        self.remaining -= take;
        self.unmasked += take;
        if !frame.opcode.is_control() && self.kind == Some(OpCode::Text) && !self.is_compressed {
            self.check_utf8()?;
        }
        Ok(())
    }

    /// Checks what came in since the last call; an incomplete character at the end may wait.
    fn check_utf8(&mut self) -> Result<(), Violation> {
        match std::str::from_utf8(&self.message[self.valid..]) {
            Ok(_) => self.valid = self.message.len(),
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(BAD_UTF8),
        }
        Ok(())
    }

    fn frame_ended(&mut self) -> Result<Option<Message>, Violation> {
        let Some(frame) = self.frame.take() else {
            return Ok(None);
        };
        if frame.opcode.is_control() {
            let payload = std::mem::take(&mut self.control);
            self.framing_bytes += payload.len() as u64;
            return Ok(Some(match frame.opcode {
                OpCode::Ping => Message::Ping(payload),
                OpCode::Pong => Message::Pong(payload),
                _ => Message::Close(decode_close(&payload)?),
            }));
        }
        if !frame.is_final {
            return Ok(None);
        }
        let mut payload = std::mem::take(&mut self.message);
        if let (true, Some(inflation)) = (self.is_compressed, &mut self.inflation) {
            let message = inflation.message(&payload, self.message_max_bytes)?;
            match message.len().checked_sub(payload.len()) {
                Some(shorter) => {
                    // Of a message in one frame it is known how long its header would have been.
                    let of_header = match frame.opcode {
                        OpCode::Continuation => 0,
                        _ => header_bytes(message.len()) - header_bytes(payload.len()),
                    };
                    self.framing_bytes += of_header as u64;
                    self.saved_bytes += (of_header + shorter) as u64;
                }
                None => self.framing_bytes += (payload.len() - message.len()) as u64,
            }
            payload = message;
        }
        self.valid = 0;
        Ok(Some(match self.kind.take() {
            Some(OpCode::Binary) => Message::Binary(payload),
            _ => Message::Text(String::from_utf8(payload).map_err(|_| BAD_UTF8)?),
        }))
    }
}

/// Applies the masking key, which masks and unmasks alike (§5.3); `phase` is how many payload bytes came before.
fn apply_mask(payload: &mut [u8], mask: [u8; 4], phase: usize) {
    let mut key = mask;
    key.rotate_left(phase % 4);
    let word = u32::from_ne_bytes(key);
    let mut chunks = payload.chunks_exact_mut(4);
    for chunk in &mut chunks {
        let masked = u32::from_ne_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]) ^ word;
        chunk.copy_from_slice(&masked.to_ne_bytes());
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// Reads the body of a close frame (§5.5.1): nothing, or a code and a UTF-8 reason.
fn decode_close(payload: &[u8]) -> Result<Option<CloseCode>, Violation> {
    match payload {
        [] => Ok(None),
        [_] => Err(protocol_error("a close frame has half a code")),
        [high, low, reason @ ..] => {
            let code = CloseCode(u16::from_be_bytes([*high, *low]));
            if !code.is_valid_on_the_wire() {
                return Err(protocol_error("a close code is not allowed on the wire"));
            }
            std::str::from_utf8(reason).map_err(|_| BAD_UTF8)?;
            Ok(Some(code))
        }
    }
}

/// Bytes of the header of an unmasked frame with so long a payload.
pub fn header_bytes(length: usize) -> usize {
    match length {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    }
}

/// Appends the header of a final, unmasked frame of `length` payload bytes: 2, 4 or 10 bytes.
pub fn encode_header(opcode: OpCode, length: usize, out: &mut Vec<u8>) {
    out.push(0x80 | opcode as u8);
    match length {
        0..=125 => out.push(length as u8),
        126..=0xFFFF => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Appends a whole frame.
pub fn encode_frame(opcode: OpCode, payload: &[u8], out: &mut Vec<u8>) {
    encode_header(opcode, payload.len(), out);
    out.extend_from_slice(payload);
}

/// Appends a whole frame of a client's, masked with `key`, which must be random (§5.3, §10.3).
pub fn encode_masked(opcode: OpCode, payload: &[u8], key: [u8; 4], out: &mut Vec<u8>) {
    let from = out.len();
    encode_header(opcode, payload.len(), out);
    out[from + 1] |= 0x80;
    out.extend_from_slice(&key);
    let from = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[from..], key, 0);
}

/// Appends a text frame whose payload `write` makes, without a second buffer: the header's room
/// is left free and closed up once the length is known. Returns the header's bytes.
pub fn encode_text_with<R>(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> R) -> (u64, R) {
    let from = out.len();
    out.extend_from_slice(&[0; SERVER_HEADER_MAX_BYTES]);
    let result = write(out);
    let length = out.len() - from - SERVER_HEADER_MAX_BYTES;
    let mut header = Vec::with_capacity(SERVER_HEADER_MAX_BYTES);
    encode_header(OpCode::Text, length, &mut header);
    let start = from + header.len();
    out.copy_within(from + SERVER_HEADER_MAX_BYTES.., start);
    out.truncate(start + length);
    out[from..start].copy_from_slice(&header);
    (header.len() as u64, result)
}

/// Appends a close frame; the reason is cut so that it fits a control frame.
pub fn encode_close(code: Option<CloseCode>, reason: &str, out: &mut Vec<u8>) {
    let Some(code) = code else {
        return encode_header(OpCode::Close, 0, out);
    };
    let mut end = reason.len().min(CONTROL_MAX_BYTES - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    encode_header(OpCode::Close, 2 + end, out);
    out.extend_from_slice(&code.0.to_be_bytes());
    out.extend_from_slice(&reason.as_bytes()[..end]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        message_max_bytes: 1 << 20,
        accept_binary: true,
    };
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// A client's frame: `first` is the first byte as it stands on the wire.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_masked(OpCode::Text, payload, KEY, &mut out);
        out[0] = first;
        out
    }

    fn decode_all(bytes: &[u8], limits: Limits) -> Result<Vec<Message>, Violation> {
        let mut decoder = Decoder::new(limits);
        let mut input = bytes;
        let mut messages = Vec::new();
        while let Some(message) = decoder.next(&mut input)? {
            messages.push(message);
        }
        Ok(messages)
    }

    /// RFC 6455 §5.7, the examples that a client may send.
    #[test]
    fn the_standards_own_examples() {
        let hello = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        assert_eq!(
            decode_all(&hello, LIMITS).unwrap(),
            [Message::Text("Hello".into())]
        );
        assert_eq!(masked(0x81, b"Hello"), hello);
        let mut server = Vec::new();
        encode_frame(OpCode::Text, b"Hello", &mut server);
        assert_eq!(server, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        let mut ping = Vec::new();
        encode_frame(OpCode::Ping, b"Hello", &mut ping);
        assert_eq!(ping, [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        let mut medium = Vec::new();
        encode_header(OpCode::Binary, 256, &mut medium);
        assert_eq!(medium, [0x82, 0x7E, 0x01, 0x00]);
        let mut large = Vec::new();
        encode_header(OpCode::Binary, 65_536, &mut large);
        assert_eq!(large, [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn fragments_join_and_control_frames_pass_between_them() {
        let stream = [
            masked(0x01, b"Hel"),
            masked(0x89, b"p"),
            masked(0x80, b"lo"),
            masked(0x88, &[0x03, 0xE8, b'!']),
        ]
        .concat();
        let expected = [
            Message::Ping(b"p".to_vec()),
            Message::Text("Hello".into()),
            Message::Close(Some(CloseCode::NORMAL)),
        ];
        assert_eq!(decode_all(&stream, LIMITS).unwrap(), expected);
        for split in 0..stream.len() {
            let mut decoder = Decoder::new(LIMITS);
            let mut messages = Vec::new();
            for mut part in [&stream[..split], &stream[split..]] {
                while let Some(message) = decoder.next(&mut part).unwrap() {
                    messages.push(message);
                }
            }
            assert_eq!(messages, expected, "split at {split}");
        }
    }

    #[test]
    fn violations_have_the_code_the_standard_calls_for() {
        let unmasked = [0x81, 0x01, b'a'];
        let mut huge_length = vec![0x82, 0xFF];
        huge_length.extend_from_slice(&[0xFF; 12]);
        let text_only = Limits {
            accept_binary: false,
            ..LIMITS
        };
        let small = Limits {
            message_max_bytes: 4,
            ..LIMITS
        };
        let over_in_fragments = [masked(0x01, b"abc"), masked(0x80, b"de")].concat();
        let cases: [(&str, Vec<u8>, Limits, u16); 16] = [
            ("not masked", unmasked.to_vec(), LIMITS, 1002),
            ("reserved bit", masked(0xC1, b"a"), LIMITS, 1002),
            ("unknown type", masked(0x83, b"a"), LIMITS, 1002),
            ("unknown control type", masked(0x8B, b"a"), LIMITS, 1002),
            ("fragmented ping", masked(0x09, b"a"), LIMITS, 1002),
            ("long ping", masked(0x89, &[0; 126]), LIMITS, 1002),
            ("lone continuation", masked(0x80, b"a"), LIMITS, 1002),
            (
                "text inside text",
                [masked(0x01, b"a"), masked(0x81, b"b")].concat(),
                LIMITS,
                1002,
            ),
            ("length over 63 bits", huge_length, LIMITS, 1002),
            ("half a close code", masked(0x88, &[3]), LIMITS, 1002),
            ("close code 1005", masked(0x88, &[0x03, 0xED]), LIMITS, 1002),
            (
                "bad UTF-8 in reason",
                masked(0x88, &[0x03, 0xE8, 0xFF]),
                LIMITS,
                1007,
            ),
            ("bad UTF-8", masked(0x81, &[0xFF]), LIMITS, 1007),
            ("binary", masked(0x82, b"a"), text_only, 1003),
            ("too big", masked(0x81, b"abcde"), small, 1009),
            ("too big in fragments", over_in_fragments, small, 1009),
        ];
        for (name, bytes, limits, code) in cases {
            let violation = decode_all(&bytes, limits).unwrap_err();
            assert_eq!(violation.code.0, code, "{name}: {violation}");
        }
    }

    #[test]
    fn bad_text_is_refused_at_its_first_bad_byte() {
        let euro = "€".as_bytes();
        let split_character = [masked(0x01, &euro[..1]), masked(0x80, &euro[1..])].concat();
        assert_eq!(
            decode_all(&split_character, LIMITS).unwrap(),
            [Message::Text("€".into())]
        );
        // The message is not finished, and never will be.
        let unfinished = masked(0x01, &[0xCE, 0xBA, 0xF4, 0x90, 0x80, 0x80]);
        assert_eq!(decode_all(&unfinished, LIMITS).unwrap_err(), BAD_UTF8);
        let cut_off = masked(0x81, &euro[..2]);
        assert_eq!(decode_all(&cut_off, LIMITS).unwrap_err(), BAD_UTF8);
    }

    #[test]
    fn framing_is_counted_apart_from_messages() {
        let stream = [
            masked(0x01, b"Hel"),
            masked(0x89, b"p"),
            masked(0x80, b"lo"),
        ]
        .concat();
        let mut decoder = Decoder::new(LIMITS);
        let mut input = stream.as_slice();
        while decoder.next(&mut input).unwrap().is_some() {}
        assert_eq!(decoder.take_framing_bytes(), stream.len() as u64 - 5);
        assert_eq!(decoder.take_framing_bytes(), 0);
    }

    #[test]
    fn a_large_frame_is_refused_before_its_payload_is_stored() {
        let mut header = vec![0x81, 0xFF];
        header.extend_from_slice(&(1u64 << 40).to_be_bytes());
        header.extend_from_slice(&KEY);
        assert_eq!(
            decode_all(&header, LIMITS).unwrap_err().code,
            CloseCode::TOO_BIG
        );
    }

    #[test]
    fn text_written_in_place_equals_text_written_whole() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut whole = b"before".to_vec();
            encode_frame(OpCode::Text, &payload, &mut whole);
            let mut in_place = b"before".to_vec();
            let (header, ()) =
                encode_text_with(&mut in_place, |out| out.extend_from_slice(&payload));
            assert_eq!(in_place, whole);
            assert_eq!(header as usize, whole.len() - 6 - length);
        }
    }

    #[test]
    fn long_reasons_are_cut_at_a_character() {
        let mut out = Vec::new();
        encode_close(Some(CloseCode::GOING_AWAY), &"é".repeat(100), &mut out);
        assert_eq!(out[1], 2 + 122);
        assert!(std::str::from_utf8(&out[4..]).is_ok());
    }
}
