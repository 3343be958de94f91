//! The client's side of a WebSocket (RFC 6455): opening handshake, masked frames out, unmasked
//! frames in, pongs to pings.
//!
//! Not here: extensions (none is offered), sending fragments.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use rand::random;

use super::{ClientContext, Ended, add, connection::Connection, http};
use crate::codec::websocket::{
    CloseCode, OpCode, encode_masked,
    header::{HEADER_MAX_BYTES, Header, Sender},
};

/// Messages longer than this end the connection.
const MESSAGE_MAX_BYTES: usize = 16 << 20;

/// An open WebSocket.
pub struct Frames {
    /// The connection below.
    pub io: Connection,
    /// Fragments of a message so far.
    begun: Vec<u8>,
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
        http::get(&mut io, context.target, target, &opening()).await?;
        let head = http::read_head(&mut io).await?;
        if head.status != 101 {
            let body = http::read_body(&mut io, &head).await?;
            http::expect(101, head.status, target, &body)?;
        }
        Ok(Self {
            io,
            begun: Vec::new(),
        })
    }

    /// Sends a text message as one masked frame (§5.3).
    pub async fn send(&mut self, text: &str) -> Result<(), Ended> {
        self.send_frame(OpCode::Text, text.as_bytes()).await
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
        match first_frame(self.io.waiting())? {
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
            let Some((header, payload)) = first_frame(self.io.waiting())? else {
                self.io.fill().await?;
                continue;
            };
            let frame_bytes = header.header_bytes + payload.len();
            add(&self.io.tally().down.framing, header.header_bytes);
            let at_us = self.io.read_at_us();
            match header.opcode {
                OpCode::Text | OpCode::Binary | OpCode::Continuation => {
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
    let header = Header::parse(bytes, Sender::Server)
        .map_err(|violation| Ended::NotUnderstood(violation.to_string()))?;
    match header {
        Some(header) if header.payload_bytes > MESSAGE_MAX_BYTES as u64 => Err(
            Ended::NotUnderstood(format!("a frame of {} bytes", header.payload_bytes)),
        ),
        header => Ok(header),
    }
}

/// The first frame of `bytes`: its header and its payload; `None` while it is not whole.
fn first_frame(bytes: &[u8]) -> Result<Option<(Header, &[u8])>, Ended> {
    let whole = parse_header(bytes)?.and_then(|header| {
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
    let whole = first_frame(frame)?;
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
            assert!(first_frame(&frame[..cut]).unwrap().is_none(), "{cut}");
        }
        frame.push(b'x');
        let (_, payload) = first_frame(&frame).unwrap().unwrap();
        assert_eq!(payload, b"abc");
        assert!(
            first_frame(&[0x81, 0x80]).is_err(),
            "a server does not mask"
        );
    }
}
