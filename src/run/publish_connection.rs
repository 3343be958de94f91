//! How publications get to a server: the lab's own API, the signed HTTP API of Pusher Channels, or
//! a Socket.IO event that the server broadcasts. Blocking, since a thread of its own publishes.
//!
//! A connection is written without waiting; another thread reads what comes back, counts
//! confirmations, keeps the first refusal, and answers what must be answered. Not here: when to
//! publish ([`super::publisher`]).

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;

use super::{
    bytes::EVENT,
    destination::{Peer, PusherApp},
};
use crate::{
    client::{
        Target,
        frames::{self, masked},
        http,
        socketio::{self, Broadcast},
    },
    clock,
    codec::websocket::OpCode,
    demo::payloads::Content,
};

/// How long a write or an answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most of what a server may say in one answer or message.
const SAID_MAX_BYTES: usize = 1 << 20;

/// Where to publish, and by which protocol.
#[derive(Debug, Clone)]
pub struct PublishTarget {
    pub main: Target,
    /// `None`: a lab.
    pub peer: Option<Peer>,
}

impl PublishTarget {
    /// Whether the server says of each publication that it took it. A Socket.IO event has no
    /// answer unless the server's own code gives one.
    pub fn confirms(&self) -> bool {
        !matches!(self.peer, Some(Peer::Socketio(_)))
    }

    /// Whether a connection stays open while nothing is published, as a WebSocket does.
    pub fn keeps_open(&self) -> bool {
        matches!(self.peer, Some(Peer::Socketio(_)))
    }

    /// What is written to publish a number.
    pub fn encode(&self, channel: &str, number: u64, content: &Content) -> Vec<u8> {
        let data = content.numbered(number);
        let data = data.get();
        match &self.peer {
            None => {
                let body = format!("{{\"event\":\"{EVENT}\",\"data\":{data}}}");
                let target = format!("/api/channels/{channel}/publications");
                http::request("POST", &self.main, &target, "", body.as_bytes())
            }
            Some(Peer::Pusher(app)) => {
                let text = serde_json::Value::from(data);
                let body = format!(
                    "{{\"name\":\"{EVENT}\",\"channels\":[\"{channel}\"],\"data\":{text}}}"
                );
                let target = signed(app, body.as_bytes(), clock::time_of_day_us() / 1_000_000);
                let json = "Content-Type: application/json\r\n";
                http::request("POST", &self.main, &target, json, body.as_bytes())
            }
            Some(Peer::Socketio(broadcast)) => {
                masked(OpCode::Text, broadcast.emit_packet(data).as_bytes())
            }
        }
    }
}

/// The address of a signed `POST /apps/{id}/events` (reference, 16.2). The server's side of it,
/// which checks, shares no code with this.
fn signed(app: &PusherApp, body: &[u8], now_s: u64) -> String {
    let md5 = hex(&Md5::digest(body));
    let path = format!("/apps/{}/events", app.id);
    let query = format!(
        "auth_key={}&auth_timestamp={now_s}&auth_version=1.0&body_md5={md5}",
        app.key
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(app.secret.reveal().as_bytes())
        .expect("HMAC takes keys of every length");
    mac.update(format!("POST\n{path}\n{query}").as_bytes());
    let signature = hex(&mac.finalize().into_bytes());
    format!("{path}?{query}&auth_signature={signature}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One connection to publish by.
pub struct PublishConnection {
    /// Written by the publishing thread and, for answers, by the reading one.
    socket: Arc<Mutex<TcpStream>>,
    /// Publications written.
    asked: Arc<AtomicU64>,
}

/// What the reading threads find out.
#[derive(Clone, Default)]
pub struct Confirmations {
    pub acknowledged: Arc<AtomicU64>,
    /// The first one.
    pub refusal: Arc<Mutex<Option<String>>>,
}

impl Confirmations {
    fn refused(&self, text: String) {
        let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        refusal.get_or_insert(text);
    }
}

impl PublishConnection {
    /// Connects, says what is to be said first, and starts reading.
    pub fn open(target: &PublishTarget, answers: &Confirmations) -> io::Result<Self> {
        let address = match &target.main.tls {
            None => target.main.address,
            Some(tls) => tls.bridge(target.main.address)?,
        };
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(socket.try_clone()?);
        let connection = Self {
            socket: Arc::new(Mutex::new(socket)),
            asked: Arc::default(),
        };
        let answers = answers.clone();
        match &target.peer {
            Some(Peer::Socketio(broadcast)) => {
                connection.greet(&target.main, broadcast, &mut reader)?;
                let socket = connection.socket.clone();
                thread::spawn(move || {
                    if let Some(why) = read_packets(&mut reader, &socket) {
                        answers.refused(why);
                    }
                });
            }
            _ => {
                let asked = connection.asked.clone();
                thread::spawn(move || read_answers(&mut reader, &asked, &answers));
            }
        }
        Ok(connection)
    }

    /// Writes one publication.
    pub fn publish(&self, bytes: &[u8]) -> io::Result<()> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.write(bytes)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.socket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(bytes)
    }

    /// Nothing more is published; answers may still come.
    pub fn end(&self) {
        // The reading thread ends with it; a connection that is gone already is as good.
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = socket.shutdown(Shutdown::Write);
    }

    /// Engine.IO's handshake and the namespace's, over a WebSocket.
    fn greet(
        &self,
        to: &Target,
        broadcast: &Broadcast,
        reader: &mut BufReader<TcpStream>,
    ) -> io::Result<()> {
        reader.get_ref().set_read_timeout(Some(PATIENCE))?;
        let path = socketio::handshake_path("websocket");
        self.write(&http::request("GET", to, &path, &frames::opening(), b""))?;
        let (status, _) = read_head(reader)?.unwrap_or_default();
        if status != 101 {
            return Err(io::Error::other(format!(
                "it answered {status} to a WebSocket for Socket.IO"
            )));
        }
        loop {
            let (opcode, payload) = read_frame(reader)?;
            let text = String::from_utf8_lossy(&payload);
            match (opcode, text.as_bytes()) {
                (OpCode::Text, [b'0', ..]) => {
                    let connect = broadcast.connect_packet();
                    self.write(&masked(OpCode::Text, connect.as_bytes()))?;
                }
                (OpCode::Text, [b'4', b'0', ..]) => break,
                (OpCode::Text, [b'4', b'4', ..]) | (OpCode::Close, _) => {
                    return Err(io::Error::other(format!(
                        "it refuses the namespace {}: {text}",
                        broadcast.namespace
                    )));
                }
                _ => {}
            }
        }
        reader.get_ref().set_read_timeout(None)
    }
}

/// Reads a Socket.IO server's packets until the connection ends; says why, where the server did.
fn read_packets(reader: &mut BufReader<TcpStream>, socket: &Mutex<TcpStream>) -> Option<String> {
    let answer = |opcode, payload: &[u8]| {
        let mut socket = socket.lock().unwrap_or_else(PoisonError::into_inner);
        socket.write_all(&masked(opcode, payload))
    };
    while let Ok((opcode, payload)) = read_frame(reader) {
        let answered = match (opcode, &*payload) {
            (OpCode::Text, b"2") => answer(OpCode::Text, b"3"),
            (OpCode::Ping, payload) => answer(OpCode::Pong, payload),
            (OpCode::Text, b"1") | (OpCode::Close, _) => {
                return Some("it closed the publisher's connection".to_owned());
            }
            (OpCode::Text, [b'4', b'1' | b'4', ..]) => {
                return Some(String::from_utf8_lossy(&payload).into_owned());
            }
            // What is broadcast comes here, too.
            _ => Ok(()),
        };
        if answered.is_err() {
            break;
        }
    }
    None
}

fn read_frame(reader: &mut impl Read) -> io::Result<(OpCode, Vec<u8>)> {
    let mut head = Vec::with_capacity(10);
    loop {
        let mut byte = [0];
        reader.read_exact(&mut byte)?;
        head.push(byte[0]);
        let parsed =
            frames::parse_header(&head).map_err(|error| io::Error::other(error.to_string()))?;
        if let Some(header) = parsed {
            if header.payload_bytes > SAID_MAX_BYTES as u64 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut payload = vec![0; header.payload_bytes as usize];
            reader.read_exact(&mut payload)?;
            return Ok((header.opcode, payload));
        }
    }
}

/// Reads HTTP answers until the connection ends. One that nothing was asked for refuses nothing: the
/// server closes what was idle, and may say so (408, RFC 9110 §15.5.9).
fn read_answers(reader: &mut impl BufRead, asked: &AtomicU64, answers: &Confirmations) {
    let mut answered = 0;
    while let Ok(Some((status, body))) = read_answer(reader) {
        if answered >= asked.load(Ordering::Relaxed) {
            break;
        }
        answered += 1;
        if (200..300).contains(&status) {
            answers.acknowledged.fetch_add(1, Ordering::Relaxed);
        } else {
            answers.refused(format!("{status} {}", String::from_utf8_lossy(&body)));
        }
    }
}

/// How long an answer's body is.
#[derive(Debug, Clone, Copy, Default)]
enum Body {
    #[default]
    None,
    Bytes(u64),
    Chunked,
}

/// Status and body of the next answer; `None` at the end.
pub fn read_answer(reader: &mut impl BufRead) -> io::Result<Option<(u16, Vec<u8>)>> {
    let Some((status, body)) = read_head(reader)? else {
        return Ok(None);
    };
    let mut text = Vec::new();
    match body {
        Body::None => {}
        Body::Bytes(length) => {
            reader.take(length).read_to_end(&mut text)?;
        }
        Body::Chunked => loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim_end(), 16)
                .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            if text.len() as u64 + size > SAID_MAX_BYTES as u64 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            reader.by_ref().take(size).read_to_end(&mut text)?;
            reader.read_line(&mut line)?;
            if size == 0 {
                break;
            }
        },
    }
    Ok(Some((status, text)))
}

/// The status of an answer, and how its body ends; `None` at the end of the connection.
fn read_head(reader: &mut impl BufRead) -> io::Result<Option<(u16, Body)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let status = line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .ok_or(io::ErrorKind::InvalidData)?;
    let mut body = Body::None;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Ok(Some((status, body)));
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let length: u64 = value.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            if length > SAID_MAX_BYTES as u64 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            body = Body::Bytes(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding")
            && value.eq_ignore_ascii_case("chunked")
        {
            body = Body::Chunked;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::apps::Secret;

    #[test]
    fn answers_are_read_one_after_the_other() {
        let mut bytes: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}\
            HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n\
            HTTP/1.1 429 Too Many\r\nContent-Length: 4\r\n\r\nslow";
        let mut next = || read_answer(&mut bytes).unwrap();
        assert_eq!(next(), Some((200, b"{}".to_vec())));
        assert_eq!(next(), Some((200, b"abcd".to_vec())));
        assert_eq!(next(), Some((429, b"slow".to_vec())));
        assert_eq!(next(), None);
        for bad in [
            "nonsense\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n",
        ] {
            assert!(read_answer(&mut bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_documentations_call_gets_the_documentations_signature() {
        let app = PusherApp {
            id: "3".into(),
            key: "278d425bdf160c739803".into(),
            secret: Secret::new("7ad3773142a6692b25b8"),
        };
        let body = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
        let target = signed(&app, body, 1_353_088_179);
        assert!(target.contains("body_md5=ec365a775a4cd0599faeb73354201b6f"));
        assert!(target.ends_with(
            "auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
        ));
    }

    #[test]
    fn frames_are_read_whatever_their_length() {
        for length in [0usize, 125, 126, 70_000] {
            let mut frame = Vec::new();
            crate::codec::websocket::encode_frame(OpCode::Text, &vec![b'x'; length], &mut frame);
            let (opcode, payload) = read_frame(&mut frame.as_slice()).unwrap();
            assert_eq!((opcode, payload.len()), (OpCode::Text, length));
        }
    }
}
