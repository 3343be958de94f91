//! The header of one frame (RFC 6455 §5.2), whoever sent it: servers read clients' frames with
//! it, and native clients read servers'.
//!
//! ```text
//! FIN RSV RSV RSV opcode(4) │ MASK length(7) │ 16 or 64 bits more of length │ masking key
//! ```

use super::{CONTROL_MAX_BYTES, OpCode, Violation, protocol_error};

/// Longest header: 2 bytes, a 64-bit length and a masking key.
pub const HEADER_MAX_BYTES: usize = 14;

const FIN: u8 = 0x80;
/// RSV1: the message is compressed (RFC 7692 §6), where that was agreed on.
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7F;
/// Values of the 7-bit length that say that 16 or 64 bits follow.
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;

/// Who sent a frame. A client must mask it, a server must not (§5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Whose frames are masked.
    Client,
    /// Whose frames are not.
    Server,
}

/// A frame header as it stood on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// It is the message's last frame.
    pub is_final: bool,
    /// It is the first frame of a message that is compressed.
    pub is_compressed: bool,
    /// What kind of frame.
    pub opcode: OpCode,
    /// Bytes of the header itself: 2 to [`HEADER_MAX_BYTES`].
    pub header_bytes: usize,
    /// Bytes of payload that follow.
    pub payload_bytes: u64,
    /// The masking key; `None` in a server's frame.
    pub mask: Option<[u8; 4]>,
}

impl Header {
    /// Reads the header at the front of `bytes`; `None` while it is not whole.
    ///
    /// Nothing is compressed unless that was agreed on, so any reserved bit is a violation, and it
    /// shows in the first two bytes. Limits of a payload beyond the standard's are the caller's.
    pub fn parse(bytes: &[u8], sender: Sender) -> Result<Option<Self>, Violation> {
        Self::parse_as(bytes, sender, false)
    }

    /// As [`Self::parse`]; with `may_compress` permessage-deflate may have been agreed on, whose bit
    /// is allowed on the first frame of a message and nowhere else (RFC 7692 §6).
    pub fn parse_as(
        bytes: &[u8],
        sender: Sender,
        may_compress: bool,
    ) -> Result<Option<Self>, Violation> {
        let [first, second, ..] = *bytes else {
            return Ok(None);
        };
        let opcode = OpCode::parse(first & OPCODE);
        let begins = matches!(opcode, Some(OpCode::Text | OpCode::Binary));
        let allowed = match may_compress && begins {
            true => COMPRESSED,
            false => 0,
        };
        if first & RESERVED & !allowed != 0 {
            return Err(protocol_error("a reserved bit is set"));
        }
        let opcode = opcode.ok_or_else(|| protocol_error("unknown frame type"))?;
        let is_final = first & FIN != 0;
        match (sender, second & MASK != 0) {
            (Sender::Client, false) => {
                return Err(protocol_error("a client's frame is not masked"));
            }
            (Sender::Server, true) => return Err(protocol_error("a server's frame is masked")),
            _ => {}
        }
        if opcode.is_control() {
            if !is_final {
                return Err(protocol_error("a control frame is fragmented"));
            }
            if usize::from(second & LENGTH) > CONTROL_MAX_BYTES {
                return Err(protocol_error("a control frame has over 125 bytes"));
            }
        }
        let header_bytes = needed(bytes);
        let Some(rest) = bytes.get(2..header_bytes) else {
            return Ok(None);
        };
        let big_endian = |bytes: &[u8]| {
            let join = |value, byte: &u8| value << 8 | u64::from(*byte);
            bytes.iter().fold(0, join)
        };
        let (length, key) = rest.split_at(length_bytes(second));
        let payload_bytes = match length {
            [] => u64::from(second & LENGTH),
            length => big_endian(length),
        };
        if payload_bytes >> 63 != 0 {
            return Err(protocol_error("a frame's length has its highest bit set"));
        }
        Ok(Some(Self {
            is_final,
            is_compressed: first & COMPRESSED != 0,
            opcode,
            header_bytes,
            payload_bytes,
            mask: key.try_into().ok(),
        }))
    }

    /// Bytes of the whole frame; `None` where they are more than can be addressed.
    pub fn frame_bytes(&self) -> Option<usize> {
        let payload = usize::try_from(self.payload_bytes).ok()?;
        self.header_bytes.checked_add(payload)
    }
}

/// How many bytes the header needs that starts with `head`, as far as can be told.
pub fn needed(head: &[u8]) -> usize {
    let Some(second) = head.get(1) else { return 2 };
    let mask = if second & MASK != 0 { 4 } else { 0 };
    2 + length_bytes(*second) + mask
}

/// Bytes of length beyond the second byte.
fn length_bytes(second: u8) -> usize {
    match second & LENGTH {
        LENGTH_16 => 2,
        LENGTH_64 => 8,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::websocket::{encode_header, encode_masked};

    /// Shortest and longest payload of each form of length, and the header of a server's frame.
    const BOUNDARIES: [(u64, usize); 7] = [
        (0, 2),
        (125, 2),
        (126, 4),
        (0xFFFF, 4),
        (0x1_0000, 10),
        (0xFFFF_FFFF, 10),
        (u64::MAX >> 1, 10),
    ];

    fn server(payload_bytes: u64) -> Vec<u8> {
        let mut head = Vec::new();
        encode_header(OpCode::Text, payload_bytes as usize, &mut head);
        head
    }

    fn refusal(bytes: &[u8], sender: Sender) -> &'static str {
        Header::parse(bytes, sender).unwrap_err().why
    }

    #[test]
    fn a_servers_headers_are_read_at_every_boundary_and_wait_until_they_are_whole() {
        for (payload_bytes, header_bytes) in BOUNDARIES {
            let head = server(payload_bytes);
            let expected = Header {
                is_final: true,
                is_compressed: false,
                opcode: OpCode::Text,
                header_bytes,
                payload_bytes,
                mask: None,
            };
            assert_eq!(head.len(), header_bytes);
            let with_payload = [&head[..], b"x"].concat();
            for whole in [&head, &with_payload] {
                let read = Header::parse(whole, Sender::Server).unwrap();
                assert_eq!(read, Some(expected));
            }
            for cut in 0..header_bytes {
                let part = &head[..cut];
                assert_eq!(Header::parse(part, Sender::Server).unwrap(), None, "{cut}");
            }
        }
    }

    #[test]
    fn a_clients_headers_carry_their_key() {
        const KEY: [u8; 4] = [1, 2, 3, 4];
        for payload in [0, 125, 126, 0xFFFF, 0x1_0000] {
            let mut frame = Vec::new();
            encode_masked(OpCode::Binary, &vec![0; payload], KEY, &mut frame);
            let header = Header::parse(&frame, Sender::Client).unwrap().unwrap();
            assert_eq!(header.mask, Some(KEY));
            assert_eq!(header.frame_bytes(), Some(frame.len()));
            assert_eq!(header.payload_bytes, payload as u64);
            for cut in 0..header.header_bytes {
                let part = Header::parse(&frame[..cut], Sender::Client).unwrap();
                assert_eq!(part, None, "{cut} of {payload}");
            }
        }
    }

    #[test]
    fn the_first_two_bytes_are_enough_to_refuse_by() {
        for reserved in [0x40, 0x20, 0x10] {
            assert!(refusal(&[0x81 | reserved, 0], Sender::Server).contains("reserved"));
            assert!(refusal(&[0x81 | reserved, 0x80], Sender::Client).contains("reserved"));
        }
        for unknown in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
            assert!(refusal(&[0x80 | unknown, 0], Sender::Server).contains("type"));
        }
        assert!(refusal(&[0x81, 0x80], Sender::Server).contains("masked"));
        assert!(refusal(&[0x81, 0], Sender::Client).contains("not masked"));
        for control in [8, 9, 10] {
            assert!(refusal(&[control, 0], Sender::Server).contains("fragmented"));
            assert!(refusal(&[0x80 | control, 126], Sender::Server).contains("125"));
            assert!(Header::parse(&[0x80 | control, 125], Sender::Server).is_ok());
        }
        let mut endless = server(u64::MAX >> 1);
        endless[2] |= 0x80;
        assert!(refusal(&endless, Sender::Server).contains("highest bit"));
    }

    #[test]
    fn only_the_first_frame_of_a_message_may_say_that_it_is_compressed() {
        let parse = |first| Header::parse_as(&[first, 0], Sender::Server, true);
        for first in [0xC1, 0x41, 0xC2, 0x42] {
            assert!(parse(first).unwrap().unwrap().is_compressed, "{first:#x}");
            assert!(!parse(first ^ 0x40).unwrap().unwrap().is_compressed);
        }
        for refused in [0xC0, 0x40, 0xC8, 0xC9, 0xCA, 0xE1, 0xD1, 0xA1, 0x91] {
            assert!(parse(refused).is_err(), "{refused:#x}");
        }
    }

    #[test]
    fn fragments_are_told_from_ends() {
        let is_final = |first| {
            let header = Header::parse(&[first, 0], Sender::Server).unwrap();
            header.map(|header| header.is_final)
        };
        assert_eq!((is_final(0x01), is_final(0x80)), (Some(false), Some(true)));
    }
}
