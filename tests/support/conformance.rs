//! A lab in conformance mode, and clients that speak raw bytes: HTTP requests and WebSocket
//! frames written by hand, so that the tests share no codec with the server.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex, atomic::Ordering, mpsc},
    thread,
    time::Duration,
};

use pushlab::{
    config::{Config, Span},
    protocol::socketio::{
        link::{Engine, Link},
        worker::LocalSession,
    },
};

use super::{PATIENCE, spawn_lab, test_config};

/// Long after every test.
const NO_HEARTBEAT: Span = Span(Duration::from_secs(600));
/// The interval of [`TestLab::with_pings`].
pub const PING_OFTEN: Span = Span(Duration::from_millis(300));

/// A server of several threads on a port that the system chose; stops when dropped.
pub struct TestLab {
    pub address: SocketAddr,
    running: super::TestLab,
}

impl TestLab {
    /// No heartbeat comes while a test runs: sessions end by what the test does.
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    /// Pings often, and gives a busy machine time to answer.
    pub fn with_pings() -> Self {
        Self::with(|config| config.heartbeat = PING_OFTEN)
    }

    /// With the times of the official suites: a ping after 300 ms, 200 ms for its pong, 1 s to join.
    pub fn with_the_suites_times() -> Self {
        Self::with(|config| config.heartbeat = Config::default().heartbeat)
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            single_port: true,
            workers: 3,
            conformance: true,
            heartbeat: NO_HEARTBEAT,
            shutdown_grace: Span(Duration::from_millis(500)),
            ..test_config()
        };
        change(&mut config);
        let running = spawn_lab(config);
        Self {
            address: running.address("main"),
            running,
        }
    }

    /// What a session's own thread says of it; `None` where there is no such session.
    pub fn of_session<T: Send + 'static>(
        &self,
        path: &str,
        sid: &str,
        read: impl FnOnce(&Link) -> T + Send + 'static,
    ) -> Option<T> {
        let engine = self.engine(path);
        let entry = engine.entry(sid)?;
        let (to_us, told) = mpsc::channel();
        let sid = sid.to_owned();
        engine.on(entry.worker, move |worker| {
            if let Some(link) = worker.link(&sid) {
                let _ = to_us.send(read(&link));
            }
        });
        told.recv_timeout(PATIENCE).ok()
    }

    /// Sessions that are open at a path.
    pub fn sessions(&self, path: &str) -> usize {
        self.engine(path).sessions()
    }

    fn engine(&self, path: &str) -> &Arc<Engine> {
        let engines = self.running.engines();
        match path {
            "engine.io" => &engines.echo.engine,
            "socket.io" => engines.io.engine(),
            other => panic!("{other} has no sessions"),
        }
    }

    /// A new connection with a request on it, not yet answered.
    pub fn request(&self, method: &str, target: &str, body: &[u8]) -> Pending {
        self.request_with(method, target, "", body)
    }

    /// As [`Self::request`], with more header lines, each with its CRLF.
    pub fn request_with(&self, method: &str, target: &str, headers: &str, body: &[u8]) -> Pending {
        let mut stream = self.connect();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A server may refuse a large body before it has all of it.
        let _ = stream.write_all(body);
        Pending(stream)
    }

    pub fn get(&self, target: &str) -> (u16, String) {
        self.request("GET", target, b"").answer()
    }

    pub fn post(&self, target: &str, body: &[u8]) -> (u16, String) {
        self.request("POST", target, body).answer()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// A polling session at a path (`engine.io` or `socket.io`).
    pub fn poller(&self, path: &str) -> Poller<'_> {
        let (status, body) = self.get(&format!("/{path}/?EIO=4&transport=polling"));
        assert_eq!(status, 200, "{body}");
        assert!(body.starts_with('0'), "{body}");
        let sid = sid_in(&body);
        Poller {
            lab: self,
            path: path.to_owned(),
            target: format!("/{path}/?EIO=4&transport=polling&sid={sid}"),
            sid,
        }
    }

    /// A session on WebSocket; its open packet has been read.
    pub fn socket(&self, path: &str) -> WebSocket {
        let mut socket = self.upgrade(&format!("/{path}/?EIO=4&transport=websocket"));
        let open = socket.text();
        assert!(
            open.starts_with("0{") && open.contains("\"upgrades\":[]"),
            "{open}"
        );
        socket
    }

    /// An accepted WebSocket.
    pub fn upgrade(&self, target: &str) -> WebSocket {
        let (head, socket) = self.try_upgrade(target);
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        socket
    }

    pub fn try_upgrade(&self, target: &str) -> (String, WebSocket) {
        self.try_upgrade_with(target, "")
    }

    /// As [`Self::try_upgrade`], with more header lines.
    pub fn try_upgrade_with(&self, target: &str, headers: &str) -> (String, WebSocket) {
        let mut stream = self.connect();
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: x\r\n{headers}Upgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        (String::from_utf8(head).unwrap(), WebSocket(stream))
    }
}

/// The `sid` in an open or connect packet.
pub fn sid_in(packet: &str) -> String {
    let json = &packet[packet.find('{').unwrap()..];
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    value["sid"].as_str().unwrap().to_owned()
}

/// A request whose answer has not been read.
pub struct Pending(pub TcpStream);

impl Pending {
    /// The whole answer as it came.
    pub fn raw(mut self) -> String {
        let mut answer = Vec::new();
        let _ = self.0.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    /// Status and body.
    pub fn answer(mut self) -> (u16, String) {
        let mut answer = Vec::new();
        self.0.read_to_end(&mut answer).expect("an answer in time");
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        (status.unwrap_or(0), without_hint(body))
    }

    /// The client goes away by FIN.
    pub fn abandon(self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// An error as Socket.IO's clients know it: the lab adds what to do, to every one.
fn without_hint(body: &str) -> String {
    if !body.starts_with(r#"{"code":"#) {
        return body.to_owned();
    }
    let (error, hint) = body
        .split_once(r#","hint":"#)
        .expect("every error says what to do");
    assert!(hint.len() > 20, "{body}");
    format!("{error}}}")
}

pub struct Poller<'a> {
    lab: &'a TestLab,
    path: String,
    pub target: String,
    pub sid: String,
}

impl Poller<'_> {
    /// A poll that the session holds, for there is nothing to answer it with.
    pub fn hold(&self) -> Pending {
        let poll = self.lab.request("GET", &self.target, b"");
        until("the session holds the poll", || {
            let is_held = self
                .lab
                .of_session(&self.path, &self.sid, Link::is_poll_waiting);
            is_held == Some(true)
        });
        poll
    }

    pub fn get(&self) -> (u16, String) {
        self.lab.request("GET", &self.target, b"").answer()
    }

    /// Whether the session has a POST whose body is on its way.
    pub fn is_posting(&self) -> bool {
        self.lab
            .of_session(&self.path, &self.sid, |link| {
                link.entry().posting.load(Ordering::Acquire)
            })
            .unwrap_or(false)
    }

    /// Waits until the session is over, without touching it.
    pub fn until_over(&self) {
        until("the session is over", || {
            self.lab.of_session(&self.path, &self.sid, |_| ()).is_none()
        });
    }

    /// The body of a poll that must succeed.
    pub fn poll(&self) -> String {
        let (status, body) = self.get();
        assert_eq!(status, 200, "{body}");
        body
    }

    pub fn post(&self, body: impl AsRef<[u8]>) -> (u16, String) {
        self.lab.post(&self.target, body.as_ref())
    }

    pub fn send(&self, body: &str) {
        assert_eq!(self.post(body), (200, "ok".to_owned()), "{body}");
    }

    pub fn assert_gone(&self) {
        let gone = (
            400,
            r#"{"code":1,"message":"Session ID unknown"}"#.to_owned(),
        );
        assert_eq!(self.get(), gone);
    }

    /// As after its own close packet, when one poll that left at the same time is answered.
    pub fn assert_gone_but_for_the_farewell(&self) {
        assert_eq!(self.poll(), "6");
        self.assert_gone();
    }

    pub fn assert_alive(&self) {
        assert_eq!(self.post("3").0, 200);
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Close(Option<u16>),
    /// FIN or RST without a close frame.
    End,
}

pub struct WebSocket(pub TcpStream);

impl WebSocket {
    fn send_frame(&mut self, opcode: u8, payload: &[u8]) {
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            middle @ 126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(middle as u16).to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        // A mask of zeros leaves the payload as it is.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        let _ = self.0.write_all(&frame);
    }

    pub fn send(&mut self, text: &str) {
        self.send_frame(1, text.as_bytes());
    }

    pub fn send_raw_text(&mut self, bytes: &[u8]) {
        self.send_frame(1, bytes);
    }

    pub fn send_binary(&mut self, bytes: &[u8]) {
        self.send_frame(2, bytes);
    }

    pub fn next(&mut self) -> Frame {
        match self.try_next() {
            Ok(frame) => frame,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("nothing came"),
            Err(_) => Frame::End,
        }
    }

    fn try_next(&mut self) -> io::Result<Frame> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.0.read_exact(&mut length)?;
                u64::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.0.read_exact(&mut length)?;
                u64::from_be_bytes(length)
            }
            short => u64::from(short),
        };
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload)?;
        Ok(match head[0] {
            0x81 => Frame::Text(String::from_utf8(payload).unwrap()),
            0x82 => Frame::Binary(payload),
            0x88 => Frame::Close(payload.get(..2).map(|c| u16::from_be_bytes([c[0], c[1]]))),
            other => panic!("a frame of type {other:#x}"),
        })
    }

    pub fn text(&mut self) -> String {
        match self.next() {
            Frame::Text(text) => text,
            other => panic!("{other:?} instead of text"),
        }
    }

    /// The server closes with an empty close frame, pings before it left out.
    pub fn assert_closed(&mut self) {
        loop {
            match self.next() {
                Frame::Text(ping) if ping == "2" => {}
                frame => return assert_eq!(frame, Frame::Close(None)),
            }
        }
    }
}

/// A session on WebSocket whose pings are answered by a thread of its own, so that a test may
/// take its time.
pub struct Alive {
    stream: Arc<Mutex<TcpStream>>,
    frames: mpsc::Receiver<Frame>,
}

impl Alive {
    pub fn new(socket: WebSocket) -> Self {
        let (to_us, frames) = mpsc::channel();
        let mut reading = WebSocket(socket.0.try_clone().unwrap());
        let stream = Arc::new(Mutex::new(socket.0));
        let writing = stream.clone();
        thread::spawn(move || {
            loop {
                match reading.next() {
                    Frame::Text(ping) if ping == "2" => {
                        let stream = writing.lock().unwrap().try_clone();
                        WebSocket(stream.unwrap()).send("3");
                    }
                    frame => {
                        let is_last = frame == Frame::End;
                        if to_us.send(frame).is_err() || is_last {
                            return;
                        }
                    }
                }
            }
        });
        Self { stream, frames }
    }

    pub fn send(&self, text: &str) {
        let stream = self.stream.lock().unwrap();
        WebSocket(stream.try_clone().unwrap()).send(text);
    }

    pub fn send_binary(&self, bytes: &[u8]) {
        let stream = self.stream.lock().unwrap();
        WebSocket(stream.try_clone().unwrap()).send_binary(bytes);
    }

    pub fn text(&self) -> String {
        match self.frames.recv_timeout(PATIENCE).expect("a frame in time") {
            Frame::Text(text) => text,
            other => panic!("{other:?} instead of text"),
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let _ = self.stream.lock().unwrap().shutdown(Shutdown::Both);
    }
}

/// Waits until something holds.
pub fn until(what: &str, holds: impl FnMut() -> bool) {
    super::eventually(PATIENCE, what, holds);
}
