//! The client's side of a WebSocket (RFC 6455): opening handshake, masked frames out, unmasked
//! frames in, pongs to pings. Where the target says so, permessage-deflate is offered, and messages are
//! inflated and compressed as the server answers; what a client sends begins with an empty window,
//! whatever was agreed on.
//!
//! Not here: other extensions, sending fragments.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use rand::random;

use super::{ClientContext, Ended, add, connection::Connection, http};
use crate::codec::{
    deflate::{
        compress_alone,
        negotiate::{self, Agreement},
    },
    websocket::{
        CloseCode, Inflation, OpCode, encode_masked,
        header::{HEADER_MAX_BYTES, Header, Sender},
        header_bytes,
    },
};

/// Messages longer than this end the connection.
const MESSAGE_MAX_BYTES: usize = 16 << 20;

/// An open WebSocket.
pub struct Frames {
    /// The connection below.
    pub io: Connection,
    /// Fragments of a message so far.
    begun: Vec<u8>,
    /// What was agreed on; `None`: nothing is compressed.
    deflate: Option<Deflate>,
    /// The message that has begun is compressed.
    is_compressed: bool,
}

/// Compression as it was agreed on.
struct Deflate {
    agreed: Agreement,
    inflation: Inflation,
}

impl Frames {
    /// ```text
    /// client                              server
    ///   │ GET, Upgrade: websocket, key      │
    ///   │ ────────────────────────────────► │
    ///   │       101, Sec-WebSocket-Accept   │
    ///   │ ◄──────────────────────────────── │
    /// ```
    pub async fn open(context: &ClientContext<'_>, target: &str) -> Result<Self, Ended> {
        let mut io = context.connect().await?;
        let mut headers = opening();
        let mut target = Cow::Borrowed(target);
        if let Some(asked) = context.target.compress {
            let offer = negotiate::OFFER;
            headers.push_str(&format!("Sec-WebSocket-Extensions: {offer}\r\n"));
            let joint = if target.contains('?') { '&' } else { '?' };
            target = format!("{target}{joint}compress={asked}").into();
        }
        http::get(&mut io, context.target, &target, &headers).await?;
        let head = http::read_head(&mut io).await?;
        if head.status != 101 {
            let body = http::read_body(&mut io, &head).await?;
            http::expect(101, head.status, &target, &body)?;
        }
        let deflate = match head.extensions {
            None => None,
            Some(answer) => Some(agreed(&answer, context.target.compress.is_some())?),
        };
        Ok(Self {
            io,
            begun: Vec::new(),
            deflate,
            is_compressed: false,
        })
    }

    /// Sends a text message as one masked frame (§5.3).
    pub async fn send(&mut self, text: &str) -> Result<(), Ended> {
        let mut compressed = Vec::new();
        let is_compressed = self.deflate.as_ref().is_some_and(|deflate| {
            compress_alone(
                deflate.agreed.client_bits(),
                text.as_bytes(),
                &mut compressed,
            )
        });
        if !is_compressed {
            return self.send_frame(OpCode::Text, text.as_bytes()).await;
        }
        let mut frame = masked(OpCode::Text, &compressed);
        frame[0] |= RSV1;
        let up = &self.io.tally().up;
        let plain = header_bytes(text.len()) + MASK_BYTES + text.len();
        add(&up.framing, plain - text.len());
        add(&up.saved, plain - frame.len());
        self.io.send(&frame).await?;
        Ok(())
    }

    async fn send_frame(&mut self, opcode: OpCode, payload: &[u8]) -> Result<(), Ended> {
        let frame = masked(opcode, payload);
        add(&self.io.tally().up.framing, frame.len() - payload.len());
        self.io.send(&frame).await?;
        Ok(())
    }

    /// Resolves when [`Self::next`] has something to read. Dropping the future loses nothing,
    /// which is not so of that one.
    pub async fn readable(&mut self) -> Result<(), Ended> {
        match first_frame(self.io.waiting(), self.deflate.is_some())? {
            Some(_) => Ok(()),
            None => Ok(self.io.fill().await?),
        }
    }

    /// The next text message, given to `take` with the instant it was read; pings are answered on
    /// the way.
    pub async fn next<T>(
        &mut self,
        take: impl FnOnce(&str, u64) -> Result<T, Ended>,
    ) -> Result<T, Ended> {
        loop {
            let may_compress = self.deflate.is_some();
            let Some((header, payload)) = first_frame(self.io.waiting(), may_compress)? else {
                self.io.fill().await?;
                continue;
            };
            let frame_bytes = header.header_bytes + payload.len();
            add(&self.io.tally().down.framing, header.header_bytes);
            let at_us = self.io.read_at_us();
            match header.opcode {
                OpCode::Text | OpCode::Binary | OpCode::Continuation => {
                    if header.opcode != OpCode::Continuation {
                        self.is_compressed = header.is_compressed;
                    }
                    if !header.is_final || !self.begun.is_empty() {
                        self.begun.extend_from_slice(payload);
                    }
                    if !header.is_final {
                        self.io.consume(frame_bytes);
                        continue;
                    }
                    let whole: Cow<'_, [u8]> = match self.begun.is_empty() {
                        true => payload.into(),
                        false => std::mem::take(&mut self.begun).into(),
                    };
                    let whole = match (self.is_compressed, &mut self.deflate) {
                        (true, Some(deflate)) => {
                            let message = deflate.inflation.message(&whole, MESSAGE_MAX_BYTES);
                            let message = message
                                .map_err(|violation| Ended::NotUnderstood(violation.to_string()))?;
                            let down = &self.io.tally().down;
                            let longer = header_bytes(message.len()) + message.len();
                            let saved =
                                longer.saturating_sub(header_bytes(whole.len()) + whole.len());
                            add(
                                &down.framing,
                                header_bytes(message.len())
                                    .saturating_sub(header_bytes(whole.len())),
                            );
                            add(&down.saved, saved);
                            Cow::Owned(message)
                        }
                        _ => whole,
                    };
                    let taken = match std::str::from_utf8(&whole) {
                        Ok(text) => take(text, at_us),
                        Err(_) => Err(Ended::NotUnderstood("a message that is no UTF-8".into())),
                    };
                    drop(whole);
                    self.io.consume(frame_bytes);
                    return taken;
                }
                OpCode::Ping => {
                    let payload = payload.to_vec();
                    self.io.consume(frame_bytes);
                    self.send_frame(OpCode::Pong, &payload).await?;
                }
                OpCode::Pong => self.io.consume(frame_bytes),
                OpCode::Close => return Err(Ended::Closed(close_reason(payload))),
            }
        }
    }
}

/// "Per-message compressed" (RFC 7692 §6).
const RSV1: u8 = 0x40;
/// The masking key in a client's header.
const MASK_BYTES: usize = 4;

/// What a server's answer means; it may answer only what was offered.
fn agreed(answer: &str, has_offered: bool) -> Result<Deflate, Ended> {
    let agreed = negotiate::accepted(answer).filter(|_| has_offered);
    let agreed = agreed.ok_or_else(|| {
        Ended::NotUnderstood(format!("extensions that were not offered: {answer:?}"))
    })?;
    let inflation = match agreed.server_no_context_takeover {
        true => Inflation::Alone,
        false => Inflation::Context(None),
    };
    Ok(Deflate { agreed, inflation })
}

/// The headers of an opening handshake (§4.1), with a new key.
pub fn opening() -> String {
    let key = BASE64_STANDARD.encode(random::<[u8; 16]>());
    format!(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n"
    )
}

/// A client's frame (§5.3).
pub fn masked(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + HEADER_MAX_BYTES);
    encode_masked(opcode, payload, random(), &mut frame);
    frame
}

/// The header of the server's frame that `bytes` begin with; `None` while it is not whole.
pub fn parse_header(bytes: &[u8]) -> Result<Option<Header>, Ended> {
    parse_header_as(bytes, false)
}

/// As [`parse_header`]; with `may_compress` messages may be compressed.
fn parse_header_as(bytes: &[u8], may_compress: bool) -> Result<Option<Header>, Ended> {
    let header = Header::parse_as(bytes, Sender::Server, may_compress)
        .map_err(|violation| Ended::NotUnderstood(violation.to_string()))?;
    match header {
        Some(header) if header.payload_bytes > MESSAGE_MAX_BYTES as u64 => Err(
            Ended::NotUnderstood(format!("a frame of {} bytes", header.payload_bytes)),
        ),
        header => Ok(header),
    }
}

/// The first frame of `bytes`: its header and its payload; `None` while it is not whole.
fn first_frame(bytes: &[u8], may_compress: bool) -> Result<Option<(Header, &[u8])>, Ended> {
    let whole = parse_header_as(bytes, may_compress)?.and_then(|header| {
        let frame = bytes.get(..header.frame_bytes()?)?;
        Some((header, &frame[header.header_bytes..]))
    });
    Ok(whole)
}

/// The text of a message that is one frame, and whole.
///
/// # Errors
///
/// It is none.
pub fn text(frame: &[u8]) -> Result<&str, Ended> {
    let whole = first_frame(frame, false)?;
    whole
        .filter(|(header, _)| header.is_final && header.opcode == OpCode::Text)
        .and_then(|(_, payload)| std::str::from_utf8(payload).ok())
        .ok_or_else(|| Ended::NotUnderstood("what is no text in one frame".into()))
}

fn close_reason(payload: &[u8]) -> String {
    match payload {
        [high, low, reason @ ..] => {
            let code = CloseCode(u16::from_be_bytes([*high, *low]));
            format!("{code} {}", String::from_utf8_lossy(reason))
        }
        _ => "without a code".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::websocket::{encode_frame, encode_header};

    #[test]
    fn a_frame_longer_than_any_message_is_refused_by_its_header() {
        let mut head = Vec::new();
        encode_header(OpCode::Text, MESSAGE_MAX_BYTES, &mut head);
        assert!(parse_header(&head).unwrap().is_some());
        head.clear();
        encode_header(OpCode::Text, MESSAGE_MAX_BYTES + 1, &mut head);
        assert!(parse_header(&head).is_err());
    }

    #[test]
    fn a_frame_waits_for_its_payload() {
        let mut frame = Vec::new();
        encode_frame(OpCode::Text, b"abc", &mut frame);
        for cut in 0..frame.len() {
            assert!(
                first_frame(&frame[..cut], false).unwrap().is_none(),
                "{cut}"
            );
        }
        frame.push(b'x');
        let (_, payload) = first_frame(&frame, false).unwrap().unwrap();
        assert_eq!(payload, b"abc");
        assert!(
            first_frame(&[0x81, 0x80], false).is_err(),
            "a server does not mask"
        );
    }
}
