//! The doors by which publications reach the server, one for each way in which a user publishes. The
//! scenario b goes through all of them: a server that gathers what one read has brought does well by a
//! WebSocket whose frames are read many at a time, and that says nothing of requests that come one by
//! one.
//!
//! All are open loop: what is due is handed over, whatever the server has answered. Where each request
//! has to wait for the one before it on its connection, there are as many connections as a back end
//! would keep ([`KEPT`]), and if none is free the request is late, which the run shows (`lag`).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::{AsRawFd, RawFd};

use pushlab::clock;
use pushlab::config::apps::Secret;
use pushlab::protocol::pusher::sign::{Call, Signing};
use serde_json::json;

use crate::envelope::{self, CHANNEL, position_of};
use crate::protocol::{APP_ID, APP_KEY, APP_SECRET, Protocol};
use crate::requests::content_length;
use crate::subscriber::{connect, unexpected};

/// Keep-alive connections of a back end that sends one request at a time on each.
const KEPT: usize = 32;
/// Events in a batch: the most that Channels takes.
const BATCH: u64 = 10;
const READ_BYTES: usize = 16 * 1024;

/// How a publication gets to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// A text message on the first subscriber's own plain WebSocket.
    WebSocket,
    /// `POST /api/channels/b/publications`, one at a time on each of [`KEPT`] connections.
    Http,
    /// The same on one connection, without waiting for answers.
    Pipelined,
    /// Signed `POST /apps/1/events`, one at a time on each connection; subscribers over Channels.
    ChannelsApi,
    /// Signed `POST /apps/1/batch_events`, ten events each.
    ChannelsBatch,
    /// An event on the first subscriber's own Socket.IO connection; subscribers over Socket.IO.
    SocketIo,
}

pub const ALL: [Door; 6] = [
    Door::WebSocket,
    Door::Http,
    Door::Pipelined,
    Door::ChannelsApi,
    Door::ChannelsBatch,
    Door::SocketIo,
];

impl Door {
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Http => "http",
            Self::Pipelined => "http, pipelined",
            Self::ChannelsApi => "channels api",
            Self::ChannelsBatch => "channels batch",
            Self::SocketIo => "socket.io emit",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|door| door.name() == name)
    }

    /// What the subscribers speak of a service that is published to in this way.
    pub fn subscribers_speak(self) -> Protocol {
        match self {
            Self::WebSocket | Self::Http | Self::Pipelined => Protocol::Plain,
            Self::ChannelsApi | Self::ChannelsBatch => Protocol::Channels,
            Self::SocketIo => Protocol::SocketIo,
        }
    }

    /// What the first subscriber speaks; it publishes, where no request does.
    pub fn first_speaks(self) -> Protocol {
        match self {
            Self::SocketIo => Protocol::SocketIo,
            _ => Protocol::Plain,
        }
    }

    /// Publications in one message or request.
    pub fn at_once(self) -> u64 {
        match self {
            Self::ChannelsBatch => BATCH,
            _ => 1,
        }
    }

    /// The text message that publishes, of a door that is a WebSocket.
    pub fn message(self, pad_bytes: usize) -> Option<String> {
        match self {
            Self::WebSocket => Some(envelope::publish_message(pad_bytes)),
            Self::SocketIo => {
                let text = "x".repeat(pad_bytes);
                let argument = json!({"channel": CHANNEL, "event": "tick", "data": text});
                Some(format!("42/lab,[\"publish\",{argument}]"))
            }
            _ => None,
        }
    }

    /// The request that publishes, of the others.
    fn request(self, address: SocketAddrV4, pad_bytes: usize) -> Vec<u8> {
        let data = "x".repeat(pad_bytes);
        let event = json!({"name": "tick", "channel": CHANNEL, "data": data});
        let (path, body) = match self {
            Self::ChannelsApi => (
                format!("/apps/{APP_ID}/events"),
                json!({"name": "tick", "channels": [CHANNEL], "data": data}).to_string(),
            ),
            Self::ChannelsBatch => (
                format!("/apps/{APP_ID}/batch_events"),
                json!({"batch": vec![event; BATCH as usize]}).to_string(),
            ),
            _ => {
                let body = envelope::publication_body(pad_bytes);
                return post(
                    address,
                    &format!("/api/channels/{CHANNEL}/publications"),
                    &body,
                );
            }
        };
        let call = Call {
            method: "POST",
            path: &path,
            query: "",
            body: body.as_bytes(),
        };
        let now_s = clock::now_us() / 1_000_000;
        let signing = Signing::of(APP_KEY, &Secret::new(APP_SECRET), &call, now_s);
        post(address, &signing.target(&path), &body)
    }

    fn connections(self) -> usize {
        match self {
            Self::WebSocket | Self::SocketIo => 0,
            Self::Pipelined => 1,
            Self::Http | Self::ChannelsApi | Self::ChannelsBatch => KEPT,
        }
    }
}

fn post(address: SocketAddrV4, target: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {target} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The connections of a door that takes requests; of the others there are none.
pub struct Requests {
    request: Vec<u8>,
    connections: Vec<Connection>,
    is_pipelined: bool,
    next: usize,
}

impl Requests {
    pub fn open(door: Door, address: SocketAddrV4, pad_bytes: usize) -> io::Result<Self> {
        let open = |index| {
            let stream = connect(address, index)?;
            stream.set_nonblocking(true)?;
            Ok(Connection {
                stream,
                outgoing: Vec::new(),
                answers: Vec::new(),
                under_way: 0,
            })
        };
        let connections: io::Result<Vec<_>> = (0..door.connections()).map(open).collect();
        Ok(Self {
            // Signed once: a signature holds for 600 s, and the server remembers none.
            request: door.request(address, pad_bytes),
            connections: connections?,
            is_pipelined: door == Door::Pipelined,
            next: 0,
        })
    }

    pub fn fds(&self) -> impl Iterator<Item = RawFd> {
        self.connections.iter().map(|each| each.stream.as_raw_fd())
    }

    /// Sends one request; `false` if every connection still waits for an answer.
    pub fn send(&mut self) -> io::Result<bool> {
        let count = self.connections.len();
        for _ in 0..count {
            self.next = (self.next + 1) % count;
            let connection = &mut self.connections[self.next];
            if self.is_pipelined || connection.under_way == 0 {
                connection.send(&self.request)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads what has come on one of them, and writes what is left to write.
    pub fn receive(&mut self, index: usize, buffer: &mut [u8]) -> io::Result<()> {
        self.connections[index].receive(buffer)
    }
}

struct Connection {
    stream: TcpStream,
    outgoing: Vec<u8>,
    /// The start of an answer that is not all there.
    answers: Vec<u8>,
    under_way: usize,
}

impl Connection {
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.under_way += 1;
        self.outgoing.extend_from_slice(request);
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            match self.stream.write(&self.outgoing) {
                Ok(n) => drop(self.outgoing.drain(..n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let upto = buffer.len().min(READ_BYTES);
        match self.stream.read(&mut buffer[..upto]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => self.answers.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        let mut at = 0;
        while let Some(body) = position_of(&self.answers[at..], b"\r\n\r\n").map(|it| at + it + 4) {
            let end = body + content_length(&self.answers[at..body])?;
            if end > self.answers.len() {
                break;
            }
            if !self.answers[at..].starts_with(b"HTTP/1.1 20") {
                return Err(unexpected("not an answer of 200", &self.answers[at..end]));
            }
            self.under_way -= 1;
            at = end;
        }
        self.answers.drain(..at);
        self.flush()
    }
}
