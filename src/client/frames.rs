//! The client's side of a WebSocket (RFC 6455): opening handshake, masked frames out, unmasked
//! frames in, pongs to pings.
//!
//! Not here: extensions (none is offered), sending fragments.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use rand::random;

use super::{Ended, Visit, add, connection::Connection, http};
use crate::codec::websocket::{CloseCode, OpCode, encode_header};

/// Messages longer than this end the connection.
const MESSAGE_MAX_BYTES: usize = 16 << 20;

/// An open WebSocket.
pub struct Frames {
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
    pub async fn open(visit: &Visit<'_>, target: &str) -> Result<Self, Ended> {
        let mut io = visit.connect().await?;
        http::get(&mut io, visit.target, target, &opening()).await?;
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
        match parse_header(self.io.waiting())? {
            Some(head) if self.io.waiting().len() >= head.header + head.payload => Ok(()),
            _ => Ok(self.io.fill().await?),
        }
    }

    /// The next text message, given to `take` with the instant it was read; pings are answered on
    /// the way.
    pub async fn next<T>(
        &mut self,
        take: impl FnOnce(&str, u64) -> Result<T, Ended>,
    ) -> Result<T, Ended> {
        loop {
            let Header {
                header,
                payload: length,
                opcode,
                is_final,
            } = loop {
                match parse_header(self.io.waiting())? {
                    Some(head) if self.io.waiting().len() >= head.header + head.payload => {
                        break head;
                    }
                    _ => self.io.fill().await?,
                }
            };
            add(&self.io.tally().down.framing, header);
            let at_us = self.io.read_at_us();
            let payload = &self.io.waiting()[header..header + length];
            match opcode {
                OpCode::Text | OpCode::Binary | OpCode::Continuation => {
                    if !is_final || !self.begun.is_empty() {
                        self.begun.extend_from_slice(payload);
                    }
                    if !is_final {
                        self.io.consume(header + length);
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
                    self.io.consume(header + length);
                    return taken;
                }
                OpCode::Ping => {
                    let payload = payload.to_vec();
                    self.io.consume(header + length);
                    self.send_frame(OpCode::Pong, &payload).await?;
                }
                OpCode::Pong => self.io.consume(header + length),
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
    let mut frame = Vec::with_capacity(payload.len() + 14);
    encode_header(opcode, payload.len(), &mut frame);
    frame[1] |= 0x80;
    let mask: [u8; 4] = random();
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    frame
}

/// The start of a server's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its own length.
    pub header: usize,
    pub payload: usize,
    pub opcode: OpCode,
    /// It is the message's last frame.
    pub is_final: bool,
}

/// `None` while the header is not whole.
pub fn parse_header(bytes: &[u8]) -> Result<Option<Header>, Ended> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    let opcode = match first & 0x0F {
        0 => OpCode::Continuation,
        1 => OpCode::Text,
        2 => OpCode::Binary,
        8 => OpCode::Close,
        9 => OpCode::Ping,
        10 => OpCode::Pong,
        other => {
            return Err(Ended::NotUnderstood(format!(
                "a WebSocket frame of type {other}"
            )));
        }
    };
    if second & 0x80 != 0 || first & 0x70 != 0 {
        return Err(Ended::NotUnderstood(
            "a frame that a server must not send: masked, or with a reserved bit".into(),
        ));
    }
    let (header, length) = match (second & 0x7F, rest) {
        (126, [a, b, ..]) => (4, u64::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => {
            (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))
        }
        (126 | 127, _) => return Ok(None),
        (short, _) => (2, u64::from(short)),
    };
    if length > MESSAGE_MAX_BYTES as u64 {
        return Err(Ended::NotUnderstood(format!("a frame of {length} bytes")));
    }
    Ok(Some(Header {
        header,
        payload: length as usize,
        opcode,
        is_final: first & 0x80 != 0,
    }))
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
    use crate::codec::websocket::encode_frame;

    #[test]
    fn a_servers_headers_are_read_at_every_length() {
        for length in [0, 1, 125, 126, 0xFFFF, 0x1_0000] {
            let mut frame = Vec::new();
            encode_frame(OpCode::Text, &vec![b'x'; length], &mut frame);
            let head = parse_header(&frame).unwrap().unwrap();
            assert_eq!(
                (head.header + head.payload, head.payload, head.opcode),
                (frame.len(), length, OpCode::Text)
            );
            assert!(head.is_final);
            for cut in 0..head.header {
                assert!(parse_header(&frame[..cut]).unwrap().is_none(), "{cut}");
            }
        }
    }

    #[test]
    fn what_a_server_must_not_send_is_refused() {
        for frame in [[0x81, 0x80], [0xC1, 0], [0x83, 0]] {
            assert!(parse_header(&frame).is_err(), "{frame:x?}");
        }
        let endless = [0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0];
        assert!(parse_header(&endless).is_err());
    }
}
