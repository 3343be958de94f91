//! One WebSocket subscriber of the load generator: opening handshake, then one large read at a time,
//! frames taken apart by their lengths. It checks order as it counts: a publication either has the
//! offset that must come next, or is entered as lost or repeated.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use crate::envelope::{self, Kind};
use crate::frame::{self, Head};
use crate::protocol::Protocol;
use crate::sys;
use crate::tally::Tally;

/// Sockets per source address; Linux has about 28,000 ephemeral ports for each.
const SOCKETS_PER_SOURCE: usize = 20_000;
/// Patience for one answer while connecting.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Connects socket number `index` of a run, from 127.0.0.1 and, when its ports could run out, from
/// 127.0.0.2 and so on.
pub fn connect(server: SocketAddrV4, index: usize) -> io::Result<TcpStream> {
    let source = std::net::Ipv4Addr::new(127, 0, 0, 1 + (index / SOCKETS_PER_SOURCE) as u8);
    let stream = sys::connect_from(source, server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    Ok(stream)
}

pub struct Subscriber {
    stream: TcpStream,
    /// The start of a frame whose end has not arrived.
    incomplete: Vec<u8>,
    /// Bytes the kernel did not take yet; only a publisher or a pong has any.
    outgoing: Vec<u8>,
    /// The offset the next publication must have.
    pub next_offset: u64,
    /// False once the server has closed.
    pub is_open: bool,
}

impl Subscriber {
    /// ```text
    /// GET /ws/b, Upgrade: websocket  →
    ///                                ←  101, {"subscribed":{…,"offset":n}}
    /// ```
    /// From here on n + 1 must come next; other protocols have other words. Blocking;
    /// [`Self::go_nonblocking`] ends that.
    pub fn subscribe(server: SocketAddrV4, index: usize, protocol: Protocol) -> io::Result<Self> {
        let mut stream = connect(server, index)?;
        stream.write_all(opening_handshake(server, protocol).as_bytes())?;
        let incomplete = read_upgrade(&mut stream)?;
        let mut subscriber = Subscriber {
            stream,
            incomplete,
            outgoing: Vec::new(),
            next_offset: 0,
            is_open: true,
        };
        if let Some(next_offset) = protocol.subscribe(&mut subscriber)? {
            subscriber.next_offset = next_offset;
        }
        Ok(subscriber)
    }

    pub fn go_nonblocking(&self) -> io::Result<()> {
        self.stream.set_nonblocking(true)
    }

    /// Blocks for the next text frame and returns its payload.
    pub fn read_text(&mut self) -> io::Result<Vec<u8>> {
        let mut chunk = [0; 4096];
        loop {
            if let Some(head) = Head::parse(&self.incomplete)
                && head.frame_bytes() <= self.incomplete.len()
            {
                let frame: Vec<u8> = self.incomplete.drain(..head.frame_bytes()).collect();
                match head.opcode {
                    frame::TEXT => return Ok(frame[head.head_bytes..].to_vec()),
                    frame::CLOSE => return Err(unexpected("a close frame", &frame)),
                    _ => continue,
                }
            }
            match self.stream.read(&mut chunk)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => self.incomplete.extend_from_slice(&chunk[..n]),
            }
        }
    }

    /// Adds one text message to what is to be written.
    pub fn queue_text(&mut self, payload: &[u8]) {
        frame::append_masked(frame::TEXT, payload, &mut self.outgoing);
    }

    /// Writes what the kernel takes now; the rest waits for the next call. Returns whether nothing
    /// is left.
    pub fn flush(&mut self) -> bool {
        while !self.outgoing.is_empty() {
            match self.stream.write(&self.outgoing) {
                Ok(n) => drop(self.outgoing.drain(..n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(_) => {
                    self.is_open = false;
                    return false;
                }
            }
        }
        true
    }

    /// One read, and everything complete in it entered into `tally`. `buffer` is shared by all
    /// subscribers and holds nothing between calls.
    pub fn receive(&mut self, buffer: &mut [u8], tally: &mut Tally) {
        let held = self.incomplete.len();
        buffer[..held].copy_from_slice(&self.incomplete);
        let end = match self.stream.read(&mut buffer[held..]) {
            Ok(0) => return self.is_open = false,
            Ok(n) => held + n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => return self.is_open = false,
        };
        tally.arrived((end - held) as u64);
        let mut at = 0;
        while let Some(head) = Head::parse(&buffer[at..end]) {
            let frame_end = at + head.frame_bytes();
            if frame_end > end {
                break;
            }
            self.take(head, &buffer[at + head.head_bytes..frame_end], tally);
            at = frame_end;
        }
        self.incomplete.clear();
        self.incomplete.extend_from_slice(&buffer[at..end]);
    }

    fn take(&mut self, head: Head, payload: &[u8], tally: &mut Tally) {
        match head.opcode {
            frame::TEXT if head.is_final => {
                tally.text(payload, &mut self.next_offset);
                if envelope::kind_of(payload) == Kind::Ping {
                    self.queue_text(b"3");
                    self.flush();
                }
            }
            frame::PING => {
                frame::append_masked(frame::PONG, payload, &mut self.outgoing);
                self.flush();
            }
            frame::CLOSE => {
                tally.closed(payload);
                self.is_open = false;
            }
            frame::PONG => {}
            _ => tally.unknown(payload),
        }
    }
}

impl AsRawFd for Subscriber {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

fn opening_handshake(server: SocketAddrV4, protocol: Protocol) -> String {
    // The key is the example of RFC 6455 §1.3; the answer to it is not checked, tests do that.
    format!(
        "GET {} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        protocol.target()
    )
}

/// Reads a 101 answer and returns what came behind it.
fn read_upgrade(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (head, rest) = read_head(stream)?;
    if head.starts_with(b"HTTP/1.1 101") {
        Ok(rest)
    } else {
        Err(unexpected("not a 101", &head))
    }
}

/// Reads an HTTP head; returns it with its blank line, and what came behind it.
pub fn read_head(stream: &mut impl Read) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match stream.read(&mut chunk)? {
            0 => return Err(unexpected("end of stream in a head", &head)),
            n => head.extend_from_slice(&chunk[..n]),
        }
        if let Some(at) = envelope::position_of(&head, b"\r\n\r\n") {
            let rest = head.split_off(at + 4);
            return Ok((head, rest));
        }
    }
}

/// An error that shows what the peer sent.
pub fn unexpected(what: &str, bytes: &[u8]) -> io::Error {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    io::Error::new(ErrorKind::InvalidData, format!("{what}: {start:?}"))
}
