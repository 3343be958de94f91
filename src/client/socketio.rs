//! Socket.IO protocol 5 over Engine.IO 4, by WebSocket or by long polling: what the official
//! client sends to the lab's namespace, `/lab`, without the upgrade between the two.
//!
//! ```text
//! client                                   server
//!   │ handshake                              │  Engine.IO
//!   │ ────────────────────────────────────►  │
//!   │                          0{"sid":…}    │
//!   │ ◄────────────────────────────────────  │
//!   │ 40/lab,                                │  Socket.IO
//!   │ ────────────────────────────────────►  │
//!   │                       40/lab,{"sid":…} │
//!   │ ◄────────────────────────────────────  │
//!   │ 42/lab,0["subscribe",{…}]              │  the lab
//!   │ ────────────────────────────────────►  │
//!   │           43/lab,0[{…}], publications  │
//!   │ ◄────────────────────────────────────  │
//! ```
//!
//! A server that is no lab is followed by a [`Broadcast`]: the client connects to a namespace and
//! hears one event, with one argument, which is the publication's data. It has no positions there.
//!
//! Not here: binary, acknowledgements of the client's own.

use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use serde::Deserialize;

use super::{
    ClientContext, Ended, Follow, Target, add,
    back_off::Curve,
    connection::Connection,
    frames::{self, Frames},
    http,
    message::{Published, Subscribed, read},
};
use crate::codec::engine::SEPARATOR;

const PONG: &str = "3";
/// How the lab's publications begin.
const PUBLICATION: &str = "2/lab,[\"publication\",";

/// What is said inside of a session.
#[derive(Debug, Clone)]
pub enum Talk {
    /// The lab's namespace.
    Lab,
    /// With another server, in its own events.
    Broadcast(Broadcast),
}

/// What another server's own code must do: send to everybody as `hear` what it gets as `emit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// `/` for the main one.
    pub namespace: String,
    /// Event that a client emits to publish.
    pub emit: String,
    /// Event by which publications are heard.
    pub hear: String,
}

impl Broadcast {
    /// The main namespace is not named (Socket.IO protocol v5, "Packet encoding").
    fn prefix(&self) -> String {
        match self.namespace.as_str() {
            "/" => String::new(),
            namespace => format!("{namespace},"),
        }
    }

    /// The packet that asks to be let into the namespace.
    pub fn connect_packet(&self) -> String {
        format!("40{}", self.prefix())
    }

    /// The packet that publishes `data`, which is JSON.
    pub fn emit_packet(&self, data: &str) -> String {
        format!("42{}[\"{}\",{data}]", self.prefix(), self.emit)
    }
}

impl Talk {
    fn connect_packet(&self) -> String {
        match self {
            Self::Lab => "40/lab,".to_owned(),
            Self::Broadcast(broadcast) => broadcast.connect_packet(),
        }
    }

    /// The handshake's address. The channel in it is for the lab's meters.
    fn path(&self, context: &ClientContext<'_>, transport: &str) -> String {
        let path = handshake_path(transport);
        match self {
            Self::Lab => format!("{path}&channel={}", context.channel),
            Self::Broadcast(_) => path,
        }
    }
}

/// Over a WebSocket from the start.
pub struct SocketioWebSocket(pub Talk);

/// By polling, and nothing else.
pub struct SocketioPolling(pub Talk);

impl Follow for SocketioWebSocket {
    fn follow<'a>(&'a mut self, context: &'a mut ClientContext<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move { socket(&self.0, context).await.unwrap_or_else(|ended| ended) })
    }

    fn read(
        &mut self,
        bytes: &[u8],
        at_us: u64,
        context: &mut ClientContext<'_>,
    ) -> Result<(), Ended> {
        hear(&self.0, frames::text(bytes)?, at_us, context).map(drop)
    }

    fn native_back_off(&self) -> Option<Curve> {
        Some(Curve::SOCKETIO)
    }
}

impl Follow for SocketioPolling {
    fn follow<'a>(&'a mut self, context: &'a mut ClientContext<'_>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move { poll(&self.0, context).await.unwrap_or_else(|ended| ended) })
    }

    fn read(
        &mut self,
        bytes: &[u8],
        at_us: u64,
        context: &mut ClientContext<'_>,
    ) -> Result<(), Ended> {
        let mut all = packets(bytes);
        all.try_for_each(|packet| hear(&self.0, packet?, at_us, context).map(drop))
    }

    fn native_back_off(&self) -> Option<Curve> {
        Some(Curve::SOCKETIO)
    }
}

async fn socket(talk: &Talk, context: &mut ClientContext<'_>) -> Result<Ended, Ended> {
    let mut frames = Frames::open(context, &talk.path(context, "websocket")).await?;
    let mut silence = Duration::ZERO;
    loop {
        let heard = frames
            .next(|packet, at_us| hear(talk, packet, at_us, context))
            .await?;
        match heard {
            Heard::Opened(open) => {
                silence = open.silence();
                frames.io.give_up_at(Instant::now() + silence);
                frames.send(&talk.connect_packet()).await?;
            }
            Heard::Ping => {
                frames.io.give_up_at(Instant::now() + silence);
                frames.send(PONG).await?;
            }
            Heard::Answer(answer) => frames.send(&answer).await?,
            Heard::Publication | Heard::Nothing => {}
        }
    }
}

/// Connections to the nodes that requests go to in turn; one, unless the balancer is not sticky.
struct Balanced<'a> {
    nodes: Vec<(Connection, &'a Target)>,
    requests: usize,
}

impl<'a> Balanced<'a> {
    async fn open(context: &ClientContext<'a>) -> Result<Self, Ended> {
        let mut nodes = Vec::new();
        for target in std::iter::once(context.target).chain(context.other) {
            nodes.push((context.connect_to(target).await?, target));
        }
        Ok(Self { nodes, requests: 0 })
    }

    /// Whose turn it is.
    fn next(&mut self) -> &mut (Connection, &'a Target) {
        let turn = self.requests % self.nodes.len();
        self.requests += 1;
        &mut self.nodes[turn]
    }
}

async fn poll(talk: &Talk, context: &mut ClientContext<'_>) -> Result<Ended, Ended> {
    let mut nodes = Balanced::open(context).await?;
    let handshake = talk.path(context, "polling");
    let mut path = handshake.clone();
    let mut silence = Duration::ZERO;
    loop {
        let (io, target) = nodes.next();
        let body = http::ask(io, target, &path).await?;
        let at_us = io.read_at_us();
        let mut answers = Vec::new();
        let mut publications = 0;
        let mut is_alive = false;
        for packet in packets(&body) {
            match hear(talk, packet?, at_us, context)? {
                Heard::Opened(open) => {
                    path = format!("{handshake}&sid={}", open.sid);
                    silence = open.silence();
                    is_alive = true;
                    answers.push(talk.connect_packet());
                }
                Heard::Ping => {
                    is_alive = true;
                    answers.push(PONG.to_owned());
                }
                Heard::Answer(answer) => answers.push(answer),
                Heard::Publication => publications += 1,
                Heard::Nothing => {}
            }
        }
        if publications == 0 {
            add(&io.tally().empty_answers, 1);
        }
        if is_alive {
            let at = Instant::now() + silence;
            nodes.nodes.iter_mut().for_each(|(io, _)| io.give_up_at(at));
        }
        if !answers.is_empty() {
            let separator = char::from(SEPARATOR).to_string();
            let (io, target) = nodes.next();
            send(io, target, &path, &answers.join(&separator)).await?;
        }
        context.step().await;
    }
}

/// The packets of a polling body.
fn packets(body: &[u8]) -> impl Iterator<Item = Result<&str, Ended>> {
    body.split(|byte| *byte == SEPARATOR).map(|packet| {
        std::str::from_utf8(packet)
            .map_err(|_| Ended::NotUnderstood("a packet that is no UTF-8".into()))
    })
}

async fn send(
    io: &mut Connection,
    target: &Target,
    path: &str,
    packets: &str,
) -> Result<(), Ended> {
    http::post(io, target, path, packets.as_bytes()).await?;
    let head = http::read_head(io).await?;
    let body = http::read_body(io, &head).await?;
    http::expect(200, head.status, path, &body)
}

/// Where a session of the lab is polled.
pub fn session_path(channel: &str, sid: &str) -> String {
    format!("{}&channel={channel}&sid={sid}", handshake_path("polling"))
}

/// Where every server shakes hands.
pub fn handshake_path(transport: &str) -> String {
    format!("/socket.io/?EIO=4&transport={transport}")
}

/// What a packet asks of the client.
enum Heard {
    Opened(Open),
    Ping,
    Answer(String),
    Publication,
    Nothing,
}

/// What the server says of a new session.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Open {
    sid: String,
    ping_interval: u64,
    ping_timeout: u64,
}

impl Open {
    /// How long after the last ping the server is taken for gone (protocol v4, "Heartbeat").
    fn silence(&self) -> Duration {
        Duration::from_millis(self.ping_interval.saturating_add(self.ping_timeout)).min(SILENCE_MAX)
    }
}

/// Longer promises than this are not waited for.
const SILENCE_MAX: Duration = Duration::from_secs(3_600);

fn hear(
    talk: &Talk,
    packet: &str,
    at_us: u64,
    context: &mut ClientContext<'_>,
) -> Result<Heard, Ended> {
    let (kind, rest) = packet.split_at_checked(1).unwrap_or(("", ""));
    match kind {
        "0" => Ok(Heard::Opened(read(rest.as_bytes())?)),
        "1" => Err(Ended::Closed("the server closed the session".into())),
        "2" => Ok(Heard::Ping),
        "4" => match talk {
            Talk::Lab => hear_message(rest, at_us, context),
            Talk::Broadcast(broadcast) => hear_broadcast(broadcast, rest, at_us, context),
        },
        _ => Ok(Heard::Nothing),
    }
}

fn hear_message(
    message: &str,
    at_us: u64,
    context: &mut ClientContext<'_>,
) -> Result<Heard, Ended> {
    if let Some(event) = message.strip_prefix(PUBLICATION) {
        let publication = event.strip_suffix(']').unwrap_or(event);
        Published::read(publication)?.deliver(context.cursor, context.inbox, at_us);
        return Ok(Heard::Publication);
    }
    if message.starts_with("0/lab,") {
        return Ok(Heard::Answer(subscribe(context)));
    }
    if let Some(acknowledged) = message.strip_prefix("3/lab,0") {
        let (subscribed,): (Subscribed,) = read(acknowledged.as_bytes())?;
        subscribed.accept(context.cursor)?;
        context.inbox.subscribed(at_us);
        return Ok(Heard::Nothing);
    }
    match message.get(..1) {
        // DISCONNECT, CONNECT_ERROR.
        Some("1" | "4") => Err(Ended::Closed(message.to_owned())),
        _ => Ok(Heard::Nothing),
    }
}

/// As [`hear_message`], of a server that is no lab.
fn hear_broadcast(
    broadcast: &Broadcast,
    message: &str,
    at_us: u64,
    context: &mut ClientContext<'_>,
) -> Result<Heard, Ended> {
    let (kind, rest) = message.split_at_checked(1).unwrap_or(("", ""));
    let Some(rest) = rest.strip_prefix(&*broadcast.prefix()) else {
        // Another namespace's, or the connection of one that was never asked for.
        return Ok(Heard::Nothing);
    };
    match kind {
        "0" => {
            context.inbox.subscribed(at_us);
            Ok(Heard::Nothing)
        }
        "2" => {
            let argument = rest
                .strip_prefix("[\"")
                .and_then(|rest| rest.strip_prefix(&*broadcast.hear))
                .and_then(|rest| rest.strip_prefix("\","))
                .and_then(|rest| rest.strip_suffix(']'));
            match argument {
                Some(data) => {
                    context.inbox.publication(data, at_us);
                    Ok(Heard::Publication)
                }
                None => Ok(Heard::Nothing),
            }
        }
        "1" | "4" => Err(Ended::Closed(message.to_owned())),
        _ => Ok(Heard::Nothing),
    }
}

fn subscribe(context: &ClientContext<'_>) -> String {
    let position = context.cursor.json_fields();
    let channel = context.channel;
    format!("42/lab,0[\"subscribe\",{{\"channel\":\"{channel}\"{position}}}]")
}
