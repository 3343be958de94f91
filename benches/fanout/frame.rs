//! WebSocket frames (RFC 6455 §5.2), as much as a load generator needs: heads are parsed for their
//! lengths, client frames are masked, server frames are not. No fragmentation, no UTF-8 check.

pub const TEXT: u8 = 0x1;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xA;

/// A fixed masking key: unpredictability (RFC 6455 §5.3) protects proxies, and there is none here.
const MASKING_KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The head of one frame: what kind it is and where its payload lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub is_final: bool,
    pub opcode: u8,
    /// Bytes before the payload, the masking key included.
    pub head_bytes: usize,
    pub payload_bytes: usize,
}

impl Head {
    /// The head at the start of `bytes`, or `None` when more bytes are needed to know it.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (length_end, payload_bytes) = match second & 0x7f {
            126 => (
                4,
                u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?) as usize,
            ),
            127 => (
                10,
                u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize,
            ),
            short => (2, short as usize),
        };
        let key_bytes = if second & 0x80 == 0 { 0 } else { 4 };
        Some(Head {
            is_final: first & 0x80 != 0,
            opcode: first & 0x0f,
            head_bytes: length_end + key_bytes,
            payload_bytes,
        })
    }

    #[inline]
    pub fn frame_bytes(&self) -> usize {
        self.head_bytes + self.payload_bytes
    }
}

/// Appends a client's frame: final, masked.
pub fn append_masked(opcode: u8, payload: &[u8], to: &mut Vec<u8>) {
    append_head(opcode, 0x80, payload.len(), to);
    to.extend_from_slice(&MASKING_KEY);
    to.extend(
        payload
            .iter()
            .zip(MASKING_KEY.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
}

/// Appends a server's frame: final, not masked.
pub fn append_unmasked(opcode: u8, payload: &[u8], to: &mut Vec<u8>) {
    append_head(opcode, 0, payload.len(), to);
    to.extend_from_slice(payload);
}

fn append_head(opcode: u8, mask_bit: u8, payload_bytes: usize, to: &mut Vec<u8>) {
    to.push(0x80 | opcode);
    match payload_bytes {
        0..=125 => to.push(mask_bit | payload_bytes as u8),
        126..=0xffff => {
            to.push(mask_bit | 126);
            to.extend_from_slice(&(payload_bytes as u16).to_be_bytes());
        }
        _ => {
            to.push(mask_bit | 127);
            to.extend_from_slice(&(payload_bytes as u64).to_be_bytes());
        }
    }
}

/// Holds this file to the examples of RFC 6455 §5.7; run by the smoke run, since a bench without
/// the test harness has no `#[test]`.
pub fn check_against_the_standard() {
    let mut bytes = Vec::new();
    append_unmasked(TEXT, b"Hello", &mut bytes);
    assert_eq!(bytes, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    bytes.clear();
    append_masked(TEXT, b"Hello", &mut bytes);
    assert_eq!(
        bytes,
        [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
        ]
    );
    let head = Head {
        is_final: true,
        opcode: TEXT,
        head_bytes: 6,
        payload_bytes: 5,
    };
    assert_eq!(Head::parse(&bytes), Some(head));
    let binary_256 = Head {
        is_final: true,
        opcode: 2,
        head_bytes: 4,
        payload_bytes: 256,
    };
    assert_eq!(Head::parse(&[0x82, 0x7e, 0x01, 0x00]), Some(binary_256));
    let binary_64k = Head {
        is_final: true,
        opcode: 2,
        head_bytes: 10,
        payload_bytes: 65_536,
    };
    assert_eq!(
        Head::parse(&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]),
        Some(binary_64k)
    );
    assert_eq!(Head::parse(&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0]), None);
    assert_eq!(Head::parse(&[0x81]), None);
}
