//! A lab in conformance mode, and clients that speak raw bytes: HTTP requests and WebSocket
//! frames written by hand, so that the tests share no codec with the server.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use pushlab::{config::Config, lane::LaneId, server::Server};
use tokio::sync::oneshot;

pub const PATIENCE: Duration = Duration::from_secs(5);

/// A server of several threads on a port that the system chose; stops when dropped.
pub struct TestLab {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl TestLab {
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        let (to_us, from_server) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let mut config = Config {
                port: 0,
                single_port: true,
                workers: 3,
                conformance: true,
                // The name that its requests have.
                hosts: "x".parse().unwrap(),
                data_dir: concat!(env!("CARGO_TARGET_TMPDIR"), "/lab").into(),
                shutdown_grace: "500ms".parse().unwrap(),
                presenter_token: "test-presenter-token-0123456789".parse().unwrap(),
                ..Config::default()
            };
            change(&mut config);
            actix_rt::System::new().block_on(async move {
                let server = Server::build(config).unwrap();
                let main = server.addresses().iter().find(|a| a.lane == LaneId::MAIN);
                to_us.send(main.unwrap().port).unwrap();
                let stop = async { drop(stopped.await) };
                server.run_until_stopped(stop).await.unwrap();
            });
        });
        let port = from_server.recv_timeout(PATIENCE).unwrap();
        Self {
            address: ([127, 0, 0, 1], port).into(),
            stop: Some(stop),
            thread: Some(thread),
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

impl Drop for TestLab {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
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

/// An error as the reference's clients know it: the lab adds what to do, to every one.
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
    pub target: String,
    pub sid: String,
}

impl Poller<'_> {
    pub fn hold(&self) -> Pending {
        self.lab.request("GET", &self.target, b"")
    }

    pub fn get(&self) -> (u16, String) {
        self.hold().answer()
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
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}
