//! The role `bare`: the least a server can do, and the measure of all others. It accepts sockets,
//! answers the opening handshake with ready words, and then, for each publication that comes from
//! the first socket, makes one `write(2)` of the same ready-made frame to every socket.
//!
//! The frame is a publication as pushlab itself sent it, with the offset filled in once per tick, so
//! it has the same length and the load generator can check order in the same way. There is no queue:
//! what a socket does not take at once is gone for that subscriber (the generator counts the gap).
//! Deliberately not here: JSON, channels, acknowledgements, heartbeats, a check of the handshake.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use serde_json::json;

use crate::envelope::{CHANNEL, Template};
use crate::epoll::Epoll;
use crate::frame::{self, Head};
use crate::subscriber::read_head;
use crate::sys;

const LISTENER: u64 = 0;
const PUBLISHER: u64 = 1;

/// Runs the role until its publisher leaves. Prints the same first line as `pushlab serve --json`.
pub fn run(publication: &str) -> io::Result<()> {
    let template = Template::from_publication(publication)
        .ok_or_else(|| io::Error::other("the sample publication has no offset"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let url = format!("http://{}", listener.local_addr()?);
    println!(
        "{}",
        json!({"listening": [{"lane": "websocket", "url": url}]})
    );
    let mut epoll = Epoll::new()?;
    epoll.add(listener.as_raw_fd(), LISTENER)?;
    let mut fan_out = FanOut {
        template,
        sockets: Vec::new(),
        offset: 0,
    };
    let mut publisher = Incoming {
        bytes: vec![0; 64 * 1024],
        held: 0,
    };
    let mut ready = Vec::new();
    loop {
        epoll.wait(None, &mut ready)?;
        for &token in &ready {
            if token == LISTENER {
                fan_out.accept(&listener, &epoll)?;
                continue;
            }
            match publisher.read_frames(&fan_out.sockets[0].stream)? {
                Some(frames) => (0..frames).for_each(|_| fan_out.tick()),
                None => return Ok(()),
            }
        }
    }
}

/// What the publisher has sent. Only its frames are counted, their content is not looked at.
struct Incoming {
    bytes: Vec<u8>,
    held: usize,
}

impl Incoming {
    /// One read; returns how many frames are complete with it, or `None` when the publisher left.
    fn read_frames(&mut self, mut stream: &TcpStream) -> io::Result<Option<usize>> {
        match stream.read(&mut self.bytes[self.held..]) {
            Ok(0) => return Ok(None),
            Ok(n) => self.held += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Some(0)),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error),
        }
        let (mut at, mut frames) = (0, 0);
        while let Some(head) = Head::parse(&self.bytes[at..self.held])
            && at + head.frame_bytes() <= self.held
        {
            at += head.frame_bytes();
            frames += 1;
        }
        self.bytes.copy_within(at..self.held, 0);
        self.held -= at;
        Ok(Some(frames))
    }
}

struct Socket {
    stream: TcpStream,
    /// The end of a frame of which the kernel took the start; without it the stream would be
    /// unreadable. Not a queue: while there is any, new frames are dropped.
    owed: Vec<u8>,
}

struct FanOut {
    template: Template,
    sockets: Vec<Socket>,
    offset: u64,
}

impl FanOut {
    /// Accepts one socket; the first is the publisher and the only one that is ever read again.
    fn accept(&mut self, listener: &TcpListener, epoll: &Epoll) -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        read_head(&mut stream)?;
        stream.write_all(&self.handshake_answer())?;
        stream.set_nonblocking(true)?;
        if self.sockets.is_empty() {
            epoll.add(stream.as_raw_fd(), PUBLISHER)?;
        }
        self.sockets.push(Socket {
            stream,
            owed: Vec::new(),
        });
        Ok(())
    }

    fn handshake_answer(&self) -> Vec<u8> {
        let mut answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            .to_vec();
        let position = json!({"channel": CHANNEL, "epoch": "bare", "offset": self.offset});
        let subscribed = json!({ "subscribed": position }).to_string();
        frame::append_unmasked(frame::TEXT, subscribed.as_bytes(), &mut answer);
        answer
    }

    /// The measured loop.
    fn tick(&mut self) {
        self.offset += 1;
        let mut frame = Vec::with_capacity(256);
        frame::append_unmasked(frame::TEXT, &self.template.fill(self.offset), &mut frame);
        for socket in &mut self.sockets {
            if socket.owed.is_empty() {
                socket.write(&frame);
            } else {
                socket.pay();
            }
        }
    }
}

impl Socket {
    #[inline]
    fn write(&mut self, frame: &[u8]) {
        match sys::write(self.stream.as_raw_fd(), frame) {
            Ok(n) if n < frame.len() => self.owed.extend_from_slice(&frame[n..]),
            // A full socket and a closed one alike: the frame is dropped, the generator sees it.
            Ok(_) | Err(_) => {}
        }
    }

    fn pay(&mut self) {
        if let Ok(n) = sys::write(self.stream.as_raw_fd(), &self.owed) {
            self.owed.drain(..n);
        }
    }
}
