//! A raw WebSocket client: frames are written masked, whole or broken as a test wants them, and
//! read one by one.

use std::{io, net::SocketAddr};

use serde_json::{Value, json};

use super::{connection::Connection, http::Http};

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// Any mask will do; a fixed one keeps runs alike.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A frame as the server sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub fin: bool,
    pub opcode: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The close code, where it is a close frame with one.
    pub fn close_code(&self) -> Option<u16> {
        match self.payload.as_slice() {
            [high, low, ..] if self.opcode == CLOSE => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.opcode, TEXT, "{self:?}");
        serde_json::from_slice(&self.payload).expect("a text frame is JSON")
    }
}

/// An open WebSocket.
pub struct WebSocket {
    pub connection: Connection,
    /// Bytes of the request and of the answer of the handshake.
    pub handshake_bytes: (u64, u64),
}

impl WebSocket {
    /// Opens `/ws/{target}`; the target may carry a query.
    pub fn open(address: SocketAddr, target: &str) -> Self {
        Self::open_over(Connection::connect(address), target)
            .unwrap_or_else(|error| panic!("/ws/{target}: {error}"))
    }

    pub fn open_over(connection: Connection, target: &str) -> io::Result<Self> {
        Self::open_path(connection, &format!("/ws/{target}"))
    }

    /// For any path, such as `/echo`.
    pub fn open_path(connection: Connection, path: &str) -> io::Result<Self> {
        let mut http = Http::over(connection);
        let headers = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        http.send_request("GET", path, &headers, b"")?;
        let answer = http.read_head()?;
        assert_eq!(answer.status, 101, "{path}");
        assert_eq!(
            answer.header("sec-websocket-accept"),
            Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            "the example of RFC 6455 §1.3"
        );
        Ok(Self {
            handshake_bytes: (http.connection.sent_bytes(), answer.head_bytes),
            connection: http.connection,
        })
    }

    /// Sends a whole frame.
    pub fn send(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        self.connection.send(&frame(true, opcode, payload))
    }

    /// Sends `{"publish":…}`.
    pub fn publish(&mut self, event: &str, data: &Value, id: &str) -> io::Result<()> {
        let publish = json!({ "publish": { "event": event, "data": data, "id": id } });
        self.send(TEXT, publish.to_string().as_bytes())
    }

    /// Sends a close frame with a code.
    pub fn send_close(&mut self, code: u16) -> io::Result<()> {
        self.send(CLOSE, &code.to_be_bytes())
    }

    /// The next frame, of any kind; `None` at the server's FIN. An error when it broke off or
    /// nothing came in time.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        if self.connection.waiting().is_empty() && self.connection.fill()? == 0 {
            return Ok(None);
        }
        let head = self.connection.take(2)?;
        assert_eq!(head[0] & 0x70, 0, "no extension was negotiated");
        assert_eq!(head[1] & 0x80, 0, "a server does not mask");
        let length = match head[1] {
            126 => be(&self.connection.take(2)?),
            127 => be(&self.connection.take(8)?),
            short => usize::from(short),
        };
        Ok(Some(Frame {
            fin: head[0] & 0x80 != 0,
            opcode: head[0] & 0x0F,
            payload: self.connection.take(length)?,
        }))
    }

    /// The next frame that is no ping, pings answered; `None` at the server's FIN.
    pub fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            match self.next_frame()? {
                Some(frame) if frame.opcode == PING => self.send(PONG, &frame.payload)?,
                other => return Ok(other),
            }
        }
    }

    /// The next text frame as JSON.
    pub fn expect_json(&mut self) -> Value {
        let frame = self.next().expect("the socket goes on");
        frame.expect("the socket goes on").json()
    }

    /// `{"subscribed":…}`, which comes first.
    pub fn expect_subscribed(&mut self) -> Value {
        let subscribed = self.expect_json()["subscribed"].take();
        assert!(subscribed.is_object(), "{subscribed}");
        subscribed
    }
}

fn be(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |length, byte| length << 8 | usize::from(*byte))
}

/// A client's frame, masked, with the shortest form of its length (RFC 6455 §5.2).
pub fn frame(fin: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![u8::from(fin) << 7 | opcode];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    frame.extend(masked.map(|(byte, mask)| byte ^ mask));
    frame
}
