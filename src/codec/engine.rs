//! Engine.IO 4 packets and polling payloads (Engine.IO protocol v4, "Packet encoding").
//!
//! ```text
//! packet   4hello                       type digit, then data
//! binary   bAQIDBA==                    in text only: `b` and base64; in a binary frame as it is
//! payload  4hello␞2␞bAQIDBA==           packets joined by 0x1E, as a polling body
//! ```
//!
//! Not here: sessions and their rules (`protocol::socketio::engine`), what a message means
//! ([`super::socketio`]), JSONP and WebTransport.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Serialize;

/// Between two packets of a payload (ASCII record separator).
pub const SEPARATOR: u8 = 0x1E;
/// Packets taken from one payload. A client that queued as many small events as fit in 1 MB
/// sends more, but then its handlers would hold a thread for too long.
pub const PAYLOAD_MAX_PACKETS: usize = 10_000;

/// What a message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A text packet's content.
    Text(String),
    /// A binary message, as its own WebSocket message or in Base64 in a payload.
    Binary(Bytes),
}

impl Data {
    /// Bytes of it, decoded.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A packet that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// `0`: a server's; from a client a fault.
    Open,
    /// `1`: the session ends.
    Close,
    /// With its data: `probe` in an upgrade.
    Ping(String),
    /// `3`: the answer to a ping.
    Pong,
    /// `4`: of the protocol above.
    Message(Data),
    /// `5`: the probe was answered, this transport is the session's from now on.
    Upgrade,
    /// `6`: nothing; ends a held poll at an upgrade.
    Noop,
}

impl Packet {
    /// Bytes of the message in it, without what Engine.IO adds, and whether they are binary.
    pub fn message_size(&self) -> (usize, bool) {
        match self {
            Self::Message(data) => (data.len(), matches!(data, Data::Binary(_))),
            _ => (0, false),
        }
    }
}

/// Why bytes are no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPacket {
    /// A packet needs at least its type digit.
    #[error("a packet is empty")]
    Empty,
    /// The first character is none of `0` to `6`.
    #[error("unknown packet type")]
    UnknownType,
    /// After `b` comes no Base64.
    #[error("a binary message is not padded base64")]
    Base64,
    /// Text is no UTF-8.
    #[error("the payload is not UTF-8")]
    Utf8,
    /// A payload has more packets than are taken at once.
    #[error("the payload has more than {PAYLOAD_MAX_PACKETS} packets")]
    TooManyPackets,
}

/// Reads one packet from text: a WebSocket text message, or a piece of a payload.
pub fn decode_packet(text: &str) -> Result<Packet, BadPacket> {
    let first = *text.as_bytes().first().ok_or(BadPacket::Empty)?;
    // The types are single bytes; slicing after a longer character would panic.
    let rest = text.get(1..).ok_or(BadPacket::UnknownType)?;
    Ok(match first {
        b'0' => Packet::Open,
        b'1' => Packet::Close,
        b'2' => Packet::Ping(rest.to_owned()),
        b'3' => Packet::Pong,
        b'4' => Packet::Message(Data::Text(rest.to_owned())),
        b'5' => Packet::Upgrade,
        b'6' => Packet::Noop,
        b'b' => {
            let bytes = STANDARD.decode(rest).map_err(|_| BadPacket::Base64)?;
            Packet::Message(Data::Binary(bytes.into()))
        }
        _ => return Err(BadPacket::UnknownType),
    })
}

/// Reads a polling body packet by packet: what comes before the first bad one counts. Ends after
/// an error.
pub fn decode_payload(body: &[u8]) -> impl Iterator<Item = Result<Packet, BadPacket>> {
    let text = std::str::from_utf8(body);
    let mut pieces = text.unwrap_or_default().split(char::from(SEPARATOR));
    let mut failure = text.err().map(|_| BadPacket::Utf8);
    let mut packets = 0;
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        if let Some(failure) = failure.take() {
            ended = true;
            return Some(Err(failure));
        }
        let packet = decode_packet(pieces.next()?);
        packets += 1;
        let packet = match packet {
            Ok(_) if packets > PAYLOAD_MAX_PACKETS => Err(BadPacket::TooManyPackets),
            packet => packet,
        };
        ended = packet.is_err();
        Some(packet)
    })
}

/// A binary message as it stands in text: `b` and base64.
pub fn encode_binary_as_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(1 + bytes.len().div_ceil(3) * 4);
    text.push('b');
    STANDARD.encode_string(bytes, &mut text);
    text
}

/// What a client is told when its session opens; exactly these five keys.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake<'a> {
    /// The session's id, which every later request names.
    pub sid: &'a str,
    /// Transports it may move to; empty where it is on WebSocket already.
    pub upgrades: &'a [&'a str],
    /// ms
    pub ping_interval: u64,
    /// ms
    pub ping_timeout: u64,
    /// Bytes of one POST body or WebSocket message from the client.
    pub max_payload: u64,
}

/// The open packet: `0{"sid":…}`.
pub fn encode_open(handshake: &Handshake<'_>) -> String {
    let mut packet = b"0".to_vec();
    // Writing our own types to memory cannot fail, and JSON is UTF-8.
    let _ = serde_json::to_writer(&mut packet, handshake);
    String::from_utf8(packet).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Packet {
        Packet::Message(Data::Text(text.to_owned()))
    }

    fn all(body: &[u8]) -> Vec<Result<Packet, BadPacket>> {
        decode_payload(body).collect()
    }

    #[test]
    fn the_references_payloads_are_read() {
        let binary = Packet::Message(Data::Binary(Bytes::from_static(&[1, 2, 3, 4])));
        assert_eq!(
            all(b"4hello\x1e2\x1e4world"),
            [
                Ok(text("hello")),
                Ok(Packet::Ping(String::new())),
                Ok(text("world"))
            ]
        );
        assert_eq!(all(b"4hello\x1ebAQIDBA=="), [Ok(text("hello")), Ok(binary)]);
        assert_eq!(encode_binary_as_text(&[1, 2, 3, 4]), "bAQIDBA==");
    }

    #[test]
    fn every_type_is_read() {
        for (wire, packet) in [
            ("0{}", Packet::Open),
            ("1", Packet::Close),
            ("2probe", Packet::Ping("probe".to_owned())),
            ("3", Packet::Pong),
            ("4", text("")),
            ("4é", text("é")),
            ("5", Packet::Upgrade),
            ("6", Packet::Noop),
            ("b", Packet::Message(Data::Binary(Bytes::new()))),
        ] {
            assert_eq!(decode_packet(wire), Ok(packet), "{wire}");
        }
    }

    #[test]
    fn what_is_no_packet_is_refused_and_ends_the_payload() {
        assert_eq!(all(b""), [Err(BadPacket::Empty)]);
        assert_eq!(all(b"abc"), [Err(BadPacket::UnknownType)]);
        assert_eq!(all("é".as_bytes()), [Err(BadPacket::UnknownType)]);
        assert_eq!(all(b"4a\x1e"), [Ok(text("a")), Err(BadPacket::Empty)]);
        assert_eq!(all(b"\x1e4a"), [Err(BadPacket::Empty)]);
        assert_eq!(
            all(b"4a\x1e7\x1e4b"),
            [Ok(text("a")), Err(BadPacket::UnknownType)]
        );
        assert_eq!(all(b"bAQ"), [Err(BadPacket::Base64)]);
        assert_eq!(all(b"4\xff"), [Err(BadPacket::Utf8)]);
    }

    #[test]
    fn a_million_packets_are_too_many() {
        let body = b"3\x1e".repeat(1_000_000);
        let packets = all(&body);
        assert_eq!(packets.len(), PAYLOAD_MAX_PACKETS + 1);
        assert_eq!(packets.last(), Some(&Err(BadPacket::TooManyPackets)));
    }

    #[test]
    fn the_open_packet_has_five_keys() {
        let open = encode_open(&Handshake {
            sid: "abc",
            upgrades: &["websocket"],
            ping_interval: 300,
            ping_timeout: 200,
            max_payload: 1_000_000,
        });
        assert_eq!(
            open,
            r#"0{"sid":"abc","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#
        );
    }

    proptest! {
        #[test]
        fn no_body_panics(body: Vec<u8>) {
            prop_assert!(all(&body).len() <= PAYLOAD_MAX_PACKETS + 1);
        }

        #[test]
        fn binary_comes_back(bytes: Vec<u8>) {
            let packet = decode_packet(&encode_binary_as_text(&bytes));
            prop_assert_eq!(packet, Ok(Packet::Message(Data::Binary(bytes.into()))));
        }
    }
}
