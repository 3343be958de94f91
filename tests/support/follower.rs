//! One client for every transport that positions travel by: follows a channel and forgets nothing.
//!
//! [`Follower::open`] subscribes, [`Follower::next`] gives one publication after the other, and
//! [`Follower::position`] is where a successor resumes. What differs between transports is in
//! here, so that a scenario can be written once. Not here: reconnecting, which is what the tests
//! are about.

use std::{
    collections::VecDeque,
    io, thread,
    time::{Duration, Instant},
};

use pushlab::channel::StreamPosition;
use serde_json::{Value, json};

use super::{
    PATIENCE, TestLab, connection::Connection, http::Http, position_of, socketio::SocketIo,
    sse::EventStream, websocket::WebSocket,
};

/// How long a short poller waits after it was given nothing.
const POLL_AGAIN_AFTER: Duration = Duration::from_millis(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    ShortPoll,
    LongPoll,
    Sse,
    FetchStream,
    WebSocket,
    ActixWs,
    SocketIoPolling,
    SocketIoWebSocket,
}

pub const ALL: [Transport; 8] = [
    Transport::ShortPoll,
    Transport::LongPoll,
    Transport::Sse,
    Transport::FetchStream,
    Transport::WebSocket,
    Transport::ActixWs,
    Transport::SocketIoPolling,
    Transport::SocketIoWebSocket,
];

impl Transport {
    /// Its lane, which has its name.
    pub fn lane(self) -> &'static str {
        match self {
            Self::ShortPoll => "short-poll",
            Self::LongPoll => "long-poll",
            Self::Sse => "sse",
            Self::FetchStream => "fetch-stream",
            Self::WebSocket => "websocket",
            Self::ActixWs => "actix-ws",
            Self::SocketIoPolling => "socketio-polling",
            Self::SocketIoWebSocket => "socketio-websocket",
        }
    }

    /// What the meters call it: the transport, and the protocol on it.
    pub fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::SocketIoPolling => ("polling", "socketio"),
            Self::SocketIoWebSocket => ("websocket", "socketio"),
            plain => (plain.lane(), "plain"),
        }
    }
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// FIN; then what the server still sends is read up to its FIN.
    Fin,
    /// RST, whatever is under way.
    Reset,
}

/// Where and as whom to begin.
#[derive(Debug, Clone, Default)]
pub struct Start {
    pub position: Option<StreamPosition>,
    pub history: Option<usize>,
    pub client: Option<String>,
    /// Most publications in one answer to a poll.
    pub limit: Option<usize>,
    /// An event stream names its position as browsers do: in `Last-Event-ID`, not in the query.
    pub by_last_event_id: bool,
}

impl Start {
    pub fn after(position: &StreamPosition) -> Self {
        Self {
            position: Some(position.clone()),
            ..Self::default()
        }
    }

    /// As the argument of Socket.IO's `subscribe`.
    fn subscribe(&self, channel: &str) -> Value {
        let position = self.position.as_ref();
        let members = [
            ("channel", Some(json!(channel))),
            ("epoch", position.map(|p| json!(p.epoch.as_str()))),
            ("offset", position.map(|p| json!(p.offset))),
            ("history", self.history.map(|n| json!(n))),
            ("client", self.client.as_ref().map(|id| json!(id))),
            ("name", self.client.as_ref().map(|id| json!(id))),
        ];
        let given = members.into_iter();
        let given = given.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(given.collect())
    }

    fn query(&self) -> String {
        let mut query = String::from("demo=none");
        if let Some(position) = &self.position
            && !self.by_last_event_id
        {
            let (epoch, offset) = (position.epoch.as_str(), position.offset);
            query.push_str(&format!("&epoch={epoch}&offset={offset}"));
        }
        let history = self.history.map(|n| format!("&history={n}"));
        let client = self
            .client
            .as_ref()
            .map(|id| format!("&client={id}&name={id}"));
        let limit = self.limit.map(|n| format!("&limit={n}"));
        query.extend([history, client, limit].into_iter().flatten());
        query
    }
}

/// A publication as a client saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub epoch: String,
    pub offset: u64,
    pub event: String,
    pub data: Value,
}

impl Seen {
    fn new(publication: &Value) -> Self {
        let text = |name: &str| {
            let found = publication[name].as_str();
            found
                .unwrap_or_else(|| panic!("no {name} in {publication}"))
                .to_owned()
        };
        Self {
            epoch: text("epoch"),
            offset: publication["offset"].as_u64().expect("an offset"),
            event: text("event"),
            data: publication["data"].clone(),
        }
    }

    fn position(&self) -> StreamPosition {
        let position = format!("{}:{}", self.epoch, self.offset);
        position.parse().expect("publications have positions")
    }
}

enum Line {
    Polls { http: Http, etag: Option<String> },
    Stream(Box<EventStream>),
    Lines(Box<Lines>),
    Socket(WebSocket),
    SocketIo(Box<SocketIo>),
}

/// An answer of lines of JSON that goes on.
pub struct Lines {
    http: Http,
    text: Vec<u8>,
}

impl Lines {
    fn open(connection: Connection, target: &str) -> io::Result<Self> {
        let mut http = Http::over(connection);
        http.send_request("GET", target, &[], b"")?;
        let head = http.read_head()?;
        assert_eq!(head.status, 200, "{target}");
        let text = Vec::new();
        Ok(Self { http, text })
    }

    /// The next line that is no heartbeat; `None` at the end.
    fn next(&mut self) -> io::Result<Option<Value>> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let rest = self.text.split_off(end + 1);
                let line = std::mem::replace(&mut self.text, rest);
                if end == 0 {
                    continue;
                }
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            match self.http.read_chunk()? {
                Some(chunk) => self.text.extend(chunk.bytes),
                None => return Ok(None),
            }
        }
    }
}

/// See the module.
pub struct Follower {
    transport: Transport,
    channel: String,
    start: Start,
    line: Line,
    /// Whether the position it named was honoured.
    pub recovered: bool,
    /// The channel's position as the first answer told it.
    pub told: StreamPosition,
    /// Came and was not yet asked for.
    waiting: VecDeque<Seen>,
}

impl Follower {
    pub fn open(lab: &TestLab, transport: Transport, channel: &str, start: Start) -> Self {
        let connection = Connection::connect(lab.address(transport.lane()));
        Self::open_over(connection, transport, channel, start)
            .unwrap_or_else(|error| panic!("{transport:?} {channel}: {error}"))
    }

    pub fn open_over(
        connection: Connection,
        transport: Transport,
        channel: &str,
        start: Start,
    ) -> io::Result<Self> {
        let target = format!("{channel}?{}", start.query());
        let (line, first) = match transport {
            Transport::ShortPoll | Transport::LongPoll => {
                let mut http = Http::over(connection);
                let target = format!("/{}/{target}&hold_ms=0", transport.lane());
                let answer = http.try_request("GET", &target, &[], b"")?;
                assert_eq!(answer.status, 200, "{}", answer.text());
                let etag = answer.header("etag").map(str::to_owned);
                (Line::Polls { http, etag }, answer.json())
            }
            Transport::Sse => {
                let by_header = start.position.as_ref().filter(|_| start.by_last_event_id);
                let last = by_header.map(StreamPosition::to_string);
                let mut stream = EventStream::open_over(connection, &target, last.as_deref())?;
                let first = ended_early(stream.next()?)?;
                assert_eq!(first.event, "subscribed");
                let first = serde_json::from_str(&first.data)?;
                (Line::Stream(Box::new(stream)), first)
            }
            Transport::FetchStream => {
                let mut lines = Lines::open(connection, &format!("/fetch-stream/{target}"))?;
                let first = ended_early(lines.next()?)?["subscribed"].take();
                (Line::Lines(Box::new(lines)), first)
            }
            Transport::WebSocket | Transport::ActixWs => {
                let path = match transport {
                    Transport::ActixWs => "actix-ws",
                    _ => "ws",
                };
                let mut socket = WebSocket::open_path(connection, &format!("/{path}/{target}"))?;
                let first = ended_early(socket.next()?)?.json()["subscribed"].take();
                (Line::Socket(socket), first)
            }
            Transport::SocketIoPolling | Transport::SocketIoWebSocket => {
                let is_websocket = transport == Transport::SocketIoWebSocket;
                let query = format!("channel={channel}&demo=none");
                let mut client = SocketIo::open(connection, is_websocket, &query)?;
                let first = client.call("subscribe", &start.subscribe(channel))?;
                (Line::SocketIo(Box::new(client)), first)
            }
        };
        let mut follower = Self {
            transport,
            channel: channel.to_owned(),
            start,
            line,
            recovered: first["recovered"]
                .as_bool()
                .unwrap_or_else(|| panic!("recovered or not: {first}")),
            told: position_of(&first),
            waiting: VecDeque::new(),
        };
        follower.start.history = None;
        follower.take_answer(&first);
        if !matches!(follower.line, Line::Polls { .. }) && follower.start.position.is_none() {
            follower.start.position = Some(follower.told.clone());
        }
        Ok(follower)
    }

    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// After what [`Self::next`] gave last.
    pub fn position(&self) -> StreamPosition {
        let position = self.start.position.clone();
        position.expect("an open follower has a position")
    }

    pub fn connection(&mut self) -> &mut Connection {
        match &mut self.line {
            Line::Polls { http, .. } => &mut http.connection,
            Line::Stream(stream) => &mut stream.http.connection,
            Line::Lines(lines) => &mut lines.http.connection,
            Line::Socket(socket) => &mut socket.connection,
            Line::SocketIo(client) => client.connection(),
        }
    }

    /// The next publication. An error when the connection ended, broke, or brought nothing in
    /// time.
    pub fn next(&mut self) -> io::Result<Seen> {
        let deadline = Instant::now() + PATIENCE;
        while self.waiting.is_empty() {
            if Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.wait_for_more()?;
        }
        let seen = self.waiting.pop_front().expect("something waits");
        self.start.position = Some(seen.position());
        Ok(seen)
    }

    /// The next `count` publications, which must come.
    pub fn take(&mut self, count: usize) -> Vec<Seen> {
        let transport = self.transport;
        let next = |n| {
            self.next()
                .unwrap_or_else(|e| panic!("{transport:?}, number {n}: {e}"))
        };
        (0..count).map(next).collect()
    }

    /// A poller asks again and does not wait for the answer; a stream has nothing to ask.
    pub fn ask(&mut self) -> io::Result<()> {
        let target = self.poll_target();
        match &mut self.line {
            Line::Polls { http, etag } => {
                let headers = condition(etag.as_deref());
                http.send_request("GET", &target, &headers, b"")
            }
            Line::SocketIo(client) => client.hold(),
            Line::Stream(_) | Line::Lines(_) | Line::Socket(_) => Ok(()),
        }
    }

    pub fn end(mut self, ending: Ending) {
        match ending {
            Ending::Fin => {
                if let Line::SocketIo(client) = &mut self.line {
                    let _ = client.close();
                }
                self.connection().finish();
                let _ = self.connection().read_to_fin();
            }
            Ending::Reset => {
                if let Line::SocketIo(client) = &mut self.line {
                    let _ = client.hold();
                }
                self.into_connection().reset();
            }
        }
    }

    pub fn into_connection(self) -> Connection {
        match self.line {
            Line::Polls { http, .. } => http.connection,
            Line::Stream(stream) => stream.http.connection,
            Line::Lines(lines) => lines.http.connection,
            Line::Socket(socket) => socket.connection,
            Line::SocketIo(client) => client.into_connection(),
        }
    }

    fn poll_target(&self) -> String {
        let query = self.start.query();
        format!(
            "/{}/{}?{query}&hold_ms=5000",
            self.transport.lane(),
            self.channel
        )
    }

    fn wait_for_more(&mut self) -> io::Result<()> {
        if let Line::Polls { .. } = self.line {
            self.ask()?;
        }
        match &mut self.line {
            Line::Polls { http, etag } => {
                let answer = http.read_answer()?;
                if answer.status == 304 {
                    thread::park_timeout(POLL_AGAIN_AFTER);
                    return Ok(());
                }
                assert_eq!(answer.status, 200, "{}", answer.text());
                *etag = answer.header("etag").map(str::to_owned);
                let answer = answer.json();
                self.take_answer(&answer);
            }
            Line::Stream(stream) => {
                let event = ended_early(stream.next()?)?;
                match event.event.as_str() {
                    "message" => {
                        let seen = Seen::new(&serde_json::from_str(&event.data)?);
                        assert_eq!(event.last_event_id, seen.position().to_string());
                        self.waiting.push_back(seen);
                    }
                    "closing" => return Err(io::Error::other(event.data)),
                    other => panic!("an event {other}"),
                }
            }
            Line::Lines(lines) => {
                let line = ended_early(lines.next()?)?;
                if line["closing"].is_object() {
                    return Err(io::Error::other(line.to_string()));
                }
                self.waiting.push_back(Seen::new(&line));
            }
            Line::Socket(socket) => {
                let frame = ended_early(socket.next()?)?;
                if let Some(code) = frame.close_code() {
                    return Err(io::Error::other(format!("closed with {code}")));
                }
                self.waiting.push_back(Seen::new(&frame.json()));
            }
            Line::SocketIo(client) => {
                let (event, publication) = client.event()?;
                assert_eq!(event, "publication");
                self.waiting.push_back(Seen::new(&publication));
            }
        }
        Ok(())
    }

    /// Takes what an answer lists; the first words of a stream list nothing.
    fn take_answer(&mut self, answer: &Value) {
        let Some(publications) = answer["publications"].as_array() else {
            return;
        };
        self.waiting.extend(publications.iter().map(Seen::new));
        let position = position_of(answer);
        if publications.is_empty() {
            self.start.position = Some(position);
        } else if self.start.position.is_none() {
            self.start.position = Some(StreamPosition {
                offset: position.offset - publications.len() as u64,
                ..position
            });
        }
    }
}

/// As clients do that have an answer already (RFC 9110 §13.1.2).
fn condition(etag: Option<&str>) -> Vec<(&str, &str)> {
    etag.map(|etag| ("if-none-match", etag))
        .into_iter()
        .collect()
}

fn ended_early<T>(came: Option<T>) -> io::Result<T> {
    came.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
