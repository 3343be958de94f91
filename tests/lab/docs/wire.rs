//! Example bytes of each lane, taken from a real lab: what a small client sends and gets, from its
//! first byte to the first publication. What differs from one lab to the next (instants, ids, the
//! date, ports) is shown as a fixed value of the same length, so that every count holds.

use std::fmt::Write;

use pushlab::catalogue::LANES;
use serde_json::json;

use crate::support::{TestLab, connection::Connection, spawn_lab, test_config, websocket::frame};

const CHANNEL: &str = "news";
/// RFC 6455 §1.3, so that the answer can be looked up there.
const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
/// `<10 digits>.<10 digits>`; shorter ones would make another length.
const SOCKET_ID_BYTES: usize = 21;
const EPOCH_BYTES: usize = "k3x9q20".len();
const SUBSCRIBE: &str = r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#;

/// The block of Markdown. Each lane has a lab of its own, so that positions are the same in every test.
pub fn of(lane: &str) -> String {
    let (lab, epoch) = loop {
        let lab = spawn_lab(test_config());
        let position = lab.publish(CHANNEL, "begin", json!(null));
        let epoch = position.epoch.as_str().to_owned();
        // As long as it mostly is; another length would be seen in every count.
        if epoch.len() == EPOCH_BYTES {
            break (lab, epoch);
        }
    };
    let mut wire = Wire::new(&lab, lane, epoch);
    match lane {
        "short-poll" => wire.short_poll(),
        "long-poll" => wire.long_poll(),
        "sse" => wire.stream("/sse/news", "Accept: text/event-stream\r\n"),
        "fetch-stream" => wire.stream("/fetch-stream/news", ""),
        "websocket" => wire.websocket("/ws/news"),
        "actix-ws" => wire.websocket("/actix-ws/news"),
        "channels" => wire.channels(),
        "channels-streaming" => wire.channels_streaming(),
        "channels-polling" => wire.channels_polling(),
        "socketio-polling" => wire.socketio_polling(),
        "socketio-websocket" => wire.socketio_websocket(),
        other => panic!("nobody knows the wire of {other}: add it here"),
    }
    wire.finish()
}

struct Wire<'a> {
    lab: &'a TestLab,
    lane: &'a str,
    out: String,
    /// What is shown instead of what.
    instead: Vec<(String, String)>,
    key: String,
}

impl<'a> Wire<'a> {
    fn new(lab: &'a TestLab, lane: &'a str, epoch: String) -> Self {
        let at = LANES.iter().position(|known| known.id.0 == lane).unwrap();
        let (_, key, _) = lab.apps().demo().unwrap();
        let own = lab.address(lane);
        Self {
            lab,
            lane,
            out: String::new(),
            instead: vec![
                (epoch, "k3x9q20".into()),
                (key.to_owned(), "0123456789abcdefghij".into()),
                (own.to_string(), format!("127.0.0.1:{}", 8081 + at)),
            ],
            key: key.to_owned(),
        }
    }

    fn connect(&self) -> Connection {
        Connection::connect(self.lab.address(self.lane))
    }

    fn publish(&mut self) {
        self.say("somebody publishes {\"price\":101.5} as the event “tick”");
        self.lab.publish(CHANNEL, "tick", json!({"price": 101.5}));
    }

    fn say(&mut self, what: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        let _ = writeln!(self.out, "· {what}");
    }

    fn lines(&mut self, arrow: char, text: &str) {
        for line in text.trim_end_matches(['\r', '\n']).split('\n') {
            let _ = writeln!(self.out, "{arrow} {}", line.trim_end_matches('\r'));
        }
    }

    fn up(&mut self, on: &mut Connection, method: &str, path: &str, headers: &str, body: &str) {
        let address = self.lab.address(self.lane);
        let length = match method {
            "POST" => format!("Content-Length: {}\r\n", body.len()),
            _ => String::new(),
        };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{headers}{length}");
        on.send(format!("{head}\r\n{body}").as_bytes()).unwrap();
        self.lines('→', &head);
        let _ = writeln!(self.out, "→");
        if !body.is_empty() {
            self.lines('→', body);
        }
    }

    /// The answer's head, and the body that its length says.
    fn down(&mut self, on: &mut Connection) -> String {
        let head = on.take_until(b"\r\n\r\n").unwrap();
        let head = String::from_utf8(head).unwrap();
        let mut length = 0;
        let mut lines = head.trim_end().lines();
        let status = lines.next().unwrap().to_owned();
        let named = lines.map(|line| match line.split_once(": ") {
            Some(("date", _)) => "date: Mon, 30 Nov 2026 12:00:00 GMT",
            Some(("content-length", bytes)) => {
                length = bytes.parse().unwrap();
                line
            }
            _ => line,
        });
        // Their order means nothing and is another one in each process.
        let mut named: Vec<&str> = named.collect();
        named.sort_by_key(|line| line.to_lowercase());
        let shown = format!("{status}\n{}", named.join("\n"));
        self.lines('←', &shown);
        let _ = writeln!(self.out, "←");
        let body = String::from_utf8(on.take(length).unwrap()).unwrap();
        if length > 0 {
            self.lines('←', &body);
        }
        body
    }

    fn chunk(&mut self, on: &mut Connection) -> String {
        let size = String::from_utf8(on.take_until(b"\r\n").unwrap()).unwrap();
        let size = size.trim_end();
        let length = usize::from_str_radix(size, 16).unwrap();
        let text = String::from_utf8(on.take(length).unwrap()).unwrap();
        assert_eq!(on.take(2).unwrap(), b"\r\n");
        let _ = writeln!(self.out, "← {size:<40} a chunk of {length} bytes");
        for line in text.strip_suffix('\n').unwrap_or(&text).split('\n') {
            let _ = writeln!(self.out, "{}", format!("← {line}").trim_end());
        }
        let _ = writeln!(self.out, "←");
        text
    }

    fn frame_down(&mut self, on: &mut Connection) -> String {
        let mut head = on.take(2).unwrap();
        let length = match head[1] {
            126 => {
                head.extend(on.take(2).unwrap());
                usize::from(u16::from_be_bytes([head[2], head[3]]))
            }
            short => usize::from(short),
        };
        let text = String::from_utf8(on.take(length).unwrap()).unwrap();
        self.frame('←', &head, length, &text);
        text
    }

    fn frame_up(&mut self, on: &mut Connection, text: &str) {
        let bytes = frame(true, 1, text.as_bytes());
        on.send(&bytes).unwrap();
        let head = &bytes[..bytes.len() - text.len()];
        self.frame('→', head, text.len(), text);
    }

    fn frame(&mut self, arrow: char, head: &[u8], length: usize, text: &str) {
        let hex: Vec<String> = head.iter().map(|byte| format!("{byte:02x}")).collect();
        let mask = match arrow {
            '→' => ", masked with the last four",
            _ => "",
        };
        let hex = hex.join(" ");
        let _ = writeln!(
            self.out,
            "{arrow} {hex:<40} a text frame of {length} bytes{mask}"
        );
        self.lines(arrow, text);
    }

    fn short_poll(&mut self) {
        let mut on = self.connect();
        self.say("the first question has no position, and finds out where the channel is");
        self.up(&mut on, "GET", "/short-poll/news", "", "");
        let first: serde_json::Value = serde_json::from_str(&self.down(&mut on)).unwrap();
        let epoch = first["epoch"].as_str().unwrap();
        let path = format!("/short-poll/news?epoch={epoch}&offset=1");
        let etag = format!("If-None-Match: \"{epoch}:1\"\r\n");
        self.say("the next ones name it; with its ETag the answer to “nothing new” has no body");
        self.up(&mut on, "GET", &path, &etag, "");
        self.down(&mut on);
        self.publish();
        self.up(&mut on, "GET", &path, &etag, "");
        self.down(&mut on);
    }

    fn long_poll(&mut self) {
        let mut on = self.connect();
        self.say("a first question, answered at once with where the channel is (hold_ms=0)");
        self.up(&mut on, "GET", "/long-poll/news?hold_ms=0", "", "");
        let first: serde_json::Value = serde_json::from_str(&self.down(&mut on)).unwrap();
        let epoch = first["epoch"].as_str().unwrap();
        self.say("this one is held, for 25 s at most: nothing comes back yet");
        let path = format!("/long-poll/news?epoch={epoch}&offset=1&hold_ms=25000");
        self.up(&mut on, "GET", &path, "", "");
        self.publish();
        self.down(&mut on);
    }

    fn stream(&mut self, path: &str, headers: &str) {
        let mut on = self.connect();
        self.say("one question");
        self.up(&mut on, "GET", path, headers, "");
        self.say("and an answer that never ends");
        self.down(&mut on);
        self.chunk(&mut on);
        self.publish();
        self.chunk(&mut on);
    }

    fn websocket(&mut self, path: &str) {
        let mut on = self.connect();
        self.say("a request to change the protocol (RFC 6455 §4)");
        self.up(&mut on, "GET", path, UPGRADE, "");
        self.down(&mut on);
        self.frame_down(&mut on);
        self.publish();
        self.frame_down(&mut on);
        self.say("publishing goes up the same connection, and is acknowledged");
        self.frame_up(&mut on, r#"{"publish":{"event":"tick","data":7,"id":"a"}}"#);
        self.frame_down(&mut on);
        self.frame_down(&mut on);
    }

    /// Shows a greeting's id by one of the same length; `false` where another is to be tried.
    fn socket_id(&mut self, greeting: &str) -> bool {
        let after = greeting.split("socket_id").nth(1).unwrap_or_default();
        let is_id = |c: char| c.is_ascii_digit() || c == '.';
        let id = after.chars().skip_while(|c| !is_id(*c));
        let id: String = id.take_while(|c| is_id(*c)).collect();
        let fits = id.len() == SOCKET_ID_BYTES;
        if fits {
            self.instead.push((id, "1234567890.9876543210".into()));
        }
        fits
    }

    /// Again, under another name, until the session's id has its usual length.
    fn until_usual(
        &mut self,
        attempt: impl Fn(&mut Self, &str) -> (String, Connection),
    ) -> (String, Connection) {
        for letter in 'a'..='z' {
            self.out.clear();
            let name = format!("abcdefg{letter}");
            let (greeting, on) = attempt(self, &name);
            if self.socket_id(&greeting) {
                self.instead.push((name.clone(), "abcdefgh".into()));
                return (name, on);
            }
        }
        panic!("26 ids of an unusual length");
    }

    fn channels(&mut self) {
        let path = format!("/app/{}?protocol=7&client=docs&version=1.0", self.key);
        let (_, mut on) = self.until_usual(|wire, _| {
            let mut on = wire.connect();
            wire.say("a WebSocket that names the application's key and the protocol's version");
            wire.up(&mut on, "GET", &path, UPGRADE, "");
            wire.down(&mut on);
            (wire.frame_down(&mut on), on)
        });
        self.say("one connection, and a subscription for each channel");
        self.frame_up(&mut on, SUBSCRIBE);
        self.frame_down(&mut on);
        self.publish();
        self.frame_down(&mut on);
    }

    fn send_lines(&mut self, path: &str, frame: &str) {
        self.say("what the client says goes by a request of its own");
        let mut beside = self.connect();
        let body = json!([frame]).to_string();
        self.up(&mut beside, "POST", path, "", &body);
        self.down(&mut beside);
    }

    fn session(&self, name: &str) -> String {
        format!("/pusher/app/{}/000/{name}", self.key)
    }

    fn channels_streaming(&mut self) {
        let (name, mut on) = self.until_usual(|wire, name| {
            let mut on = wire.connect();
            wire.say(
                "a request whose answer is the way down; the session's name is the client's choice",
            );
            let session = wire.session(name);
            let asked = format!("{session}/xhr_streaming?protocol=7&client=docs&version=1.0");
            wire.up(&mut on, "POST", &asked, "", "");
            wire.down(&mut on);
            assert_eq!(wire.chunk(&mut on), "o\n");
            (wire.chunk(&mut on), on)
        });
        self.send_lines(&format!("{}/xhr_send", self.session(&name)), SUBSCRIBE);
        self.say("and its answer comes on the stream");
        self.chunk(&mut on);
        self.publish();
        self.chunk(&mut on);
    }

    fn channels_polling(&mut self) {
        let (name, mut on) = self.until_usual(|wire, name| {
            let mut on = wire.connect();
            let path = format!("{}/xhr", wire.session(name));
            wire.say("a first poll opens the session: “o”");
            let asked = format!("{path}?protocol=7&client=docs&version=1.0");
            wire.up(&mut on, "POST", &asked, "", "");
            assert_eq!(wire.down(&mut on), "o\n");
            wire.say("the next brings who one is");
            wire.up(&mut on, "POST", &path, "", "");
            (wire.down(&mut on), on)
        });
        let session = self.session(&name);
        let path = format!("{session}/xhr");
        self.send_lines(&format!("{session}/xhr_send"), SUBSCRIBE);
        self.up(&mut on, "POST", &path, "", "");
        self.down(&mut on);
        self.say("this poll is held");
        self.up(&mut on, "POST", &path, "", "");
        self.publish();
        self.down(&mut on);
    }

    /// The session's and the socket's id are shown by others of the same length.
    fn sid(&mut self, packet: &str, shown: &str) -> String {
        let sid = packet.split("\"sid\":\"").nth(1).unwrap();
        let sid = sid.split('"').next().unwrap().to_owned();
        assert_eq!(sid.len(), shown.len());
        self.instead.push((sid.clone(), shown.to_owned()));
        sid
    }

    fn socketio_polling(&mut self) {
        const PATH: &str = "/socket.io/?EIO=4&transport=polling";
        let mut on = self.connect();
        self.say("Engine.IO opens a session: packet 0");
        self.up(&mut on, "GET", PATH, "", "");
        let opened = self.down(&mut on);
        let sid = self.sid(&opened, "engineengineengineengineengine00");
        let path = format!("{PATH}&sid={sid}");
        self.say("Socket.IO connects to the namespace /lab: packet 4 of Engine.IO with 0 of Socket.IO in it");
        self.up(&mut on, "POST", &path, "", "40/lab,");
        self.down(&mut on);
        self.up(&mut on, "GET", &path, "", "");
        let connected = self.down(&mut on);
        self.sid(&connected, "socketsocketsocketsocketsocket00");
        self.say("the lab's event “subscribe”, with number 0 to be acknowledged by");
        self.up(
            &mut on,
            "POST",
            &path,
            "",
            r#"42/lab,0["subscribe",{"channel":"news"}]"#,
        );
        self.down(&mut on);
        self.up(&mut on, "GET", &path, "", "");
        self.down(&mut on);
        self.say("this poll is held");
        self.up(&mut on, "GET", &path, "", "");
        self.publish();
        self.down(&mut on);
    }

    fn socketio_websocket(&mut self) {
        let mut on = self.connect();
        self.say("straight to a WebSocket: Engine.IO's packets are its frames");
        self.up(
            &mut on,
            "GET",
            "/socket.io/?EIO=4&transport=websocket",
            UPGRADE,
            "",
        );
        self.down(&mut on);
        let opened = self.frame_down(&mut on);
        self.sid(&opened, "engineengineengineengineengine00");
        self.say("Socket.IO connects to the namespace /lab");
        self.frame_up(&mut on, "40/lab,");
        let connected = self.frame_down(&mut on);
        self.sid(&connected, "socketsocketsocketsocketsocket00");
        self.say("the lab's event “subscribe”, with number 0 to be acknowledged by");
        self.frame_up(&mut on, r#"42/lab,0["subscribe",{"channel":"news"}]"#);
        self.frame_down(&mut on);
        self.publish();
        self.frame_down(&mut on);
    }

    fn finish(self) -> String {
        let mut text = with_fixed_instants(&self.out);
        for (what, instead) in &self.instead {
            assert!(
                what.len() == instead.len() || what.starts_with("127."),
                "{what}"
            );
            text = text.replace(what, instead);
        }
        format!("```text\n{text}```")
    }
}

/// Numbers of 16 digits are µs since 1970.
fn with_fixed_instants(text: &str) -> String {
    let mut fixed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[at..].bytes().take_while(u8::is_ascii_digit).count();
        fixed.push_str(&rest[..at]);
        fixed.push_str(match digits {
            16 => "1796000000000000",
            _ => &rest[at..at + digits],
        });
        rest = &rest[at + digits..];
    }
    fixed + rest
}
