//! A raw Socket.IO client of the lab's namespace on one connection, over polling or WebSocket;
//! its packets are written by hand, so that it shares no codec with the server.
//!
//! On polling there is one HTTP connection for GETs and POSTs: whoever sends while a GET is held
//! waits for its answer first. Not here: the upgrade, binary, other namespaces.

use std::{collections::VecDeque, io};

use serde_json::{Value, json};

use super::{
    connection::Connection,
    http::Http,
    websocket::{BINARY, TEXT, WebSocket},
};

const SEPARATOR: char = '\u{1e}';

enum Line {
    Polling {
        http: Http,
        target: String,
        /// A GET was sent and not answered yet.
        is_held: bool,
    },
    Socket(WebSocket),
}

/// See the module.
pub struct SocketIo {
    line: Line,
    next_ack: u64,
    /// Socket.IO packets that came and were not yet asked for.
    packets: VecDeque<String>,
}

impl SocketIo {
    /// Opens a session and joins `/lab`. `query` follows the transport's own.
    pub fn open(connection: Connection, is_websocket: bool, query: &str) -> io::Result<Self> {
        let line = if is_websocket {
            let path = format!("/socket.io/?EIO=4&transport=websocket&{query}");
            Line::Socket(WebSocket::open_path(connection, &path)?)
        } else {
            let mut target = format!("/socket.io/?EIO=4&transport=polling&{query}");
            let mut http = Http::over(connection);
            let answer = http.try_request("GET", &target, &[], b"")?;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let open: Value = serde_json::from_str(&answer.text()[1..])?;
            target.push_str(&format!("&sid={}", open["sid"].as_str().expect("a sid")));
            Line::Polling {
                http,
                target,
                is_held: false,
            }
        };
        let mut client = Self {
            line,
            next_ack: 0,
            packets: VecDeque::new(),
        };
        client.send("0/lab,")?;
        let connected = client.next()?;
        assert!(connected.starts_with("0/lab,{\"sid\":"), "{connected}");
        Ok(client)
    }

    pub fn connection(&mut self) -> &mut Connection {
        match &mut self.line {
            Line::Polling { http, .. } => &mut http.connection,
            Line::Socket(socket) => &mut socket.connection,
        }
    }

    pub fn into_connection(self) -> Connection {
        match self.line {
            Line::Polling { http, .. } => http.connection,
            Line::Socket(socket) => socket.connection,
        }
    }

    /// Sends a Socket.IO packet.
    pub fn send(&mut self, packet: &str) -> io::Result<()> {
        self.send_engine(&format!("4{packet}"))
    }

    /// Sends an attachment, where the connection is a WebSocket.
    pub fn send_binary(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.line {
            Line::Socket(socket) => socket.send(BINARY, bytes),
            Line::Polling { .. } => Err(io::Error::other("on polling it is base64")),
        }
    }

    /// Says goodbye for good, where no more than the connection's end would be noticed late.
    pub fn close(&mut self) -> io::Result<()> {
        match self.line {
            Line::Polling { .. } => self.send_engine("1"),
            Line::Socket(_) => Ok(()),
        }
    }

    fn send_engine(&mut self, packet: &str) -> io::Result<()> {
        if matches!(self.line, Line::Polling { is_held: true, .. }) {
            self.read()?;
        }
        match &mut self.line {
            Line::Socket(socket) => socket.send(TEXT, packet.as_bytes()),
            Line::Polling { http, target, .. } => {
                let answer = http.try_request("POST", target, &[], packet.as_bytes())?;
                match answer.status {
                    200 => Ok(()),
                    _ => Err(io::Error::other(answer.text())),
                }
            }
        }
    }

    /// Emits an event of one argument.
    pub fn emit(&mut self, event: &str, argument: &Value) -> io::Result<()> {
        self.send(&format!("2/lab,{}", json!([event, argument])))
    }

    /// Emits an event and returns its acknowledgement. What else comes meanwhile is kept.
    pub fn call(&mut self, event: &str, argument: &Value) -> io::Result<Value> {
        let id = self.next_ack;
        self.next_ack += 1;
        self.send(&format!("2/lab,{id}{}", json!([event, argument])))?;
        let mut others = VecDeque::new();
        let head = format!("3/lab,{id}");
        loop {
            let packet = self.next()?;
            if let Some(args) = packet.strip_prefix(&head) {
                others.append(&mut self.packets);
                self.packets = others;
                let args: Vec<Value> = serde_json::from_str(args)?;
                return Ok(args.into_iter().next().unwrap_or_default());
            }
            others.push_back(packet);
        }
    }

    /// The next event's name and argument.
    pub fn event(&mut self) -> io::Result<(String, Value)> {
        let packet = self.next()?;
        let event = packet.strip_prefix("2/lab,");
        let event = event.unwrap_or_else(|| panic!("{packet} is no event"));
        Ok(serde_json::from_str(event)?)
    }

    /// A poller asks and does not wait for the answer.
    pub fn hold(&mut self) -> io::Result<()> {
        if let Line::Polling {
            http,
            target,
            is_held: is_held @ false,
        } = &mut self.line
        {
            http.send_request("GET", target, &[], b"")?;
            *is_held = true;
        }
        Ok(())
    }

    /// The next Socket.IO packet, pings answered.
    pub fn next(&mut self) -> io::Result<String> {
        loop {
            if let Some(packet) = self.packets.pop_front() {
                return Ok(packet);
            }
            self.hold()?;
            self.read()?;
        }
    }

    /// Reads one frame or the answer of the held GET.
    fn read(&mut self) -> io::Result<()> {
        let packets = match &mut self.line {
            Line::Socket(socket) => {
                let Some(frame) = socket.next()? else {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                };
                if frame.opcode != TEXT {
                    let code = frame.close_code().unwrap_or(1005);
                    return Err(io::Error::other(format!("closed with {code}")));
                }
                String::from_utf8(frame.payload).expect("a text frame is UTF-8")
            }
            Line::Polling { http, is_held, .. } => {
                *is_held = false;
                let answer = http.read_answer()?;
                if answer.status != 200 {
                    return Err(io::Error::other(answer.text()));
                }
                answer.text()
            }
        };
        let mut is_pinged = false;
        for packet in packets.split(SEPARATOR) {
            match packet.as_bytes().first() {
                Some(b'4') => self.packets.push_back(packet[1..].to_owned()),
                Some(b'2') => is_pinged = true,
                Some(b'1') => return Err(io::Error::other("the session is closed")),
                _ => {}
            }
        }
        if is_pinged {
            self.send_engine("3")?;
        }
        Ok(())
    }
}
