//! Engine.IO over WebSocket (Engine.IO protocol v4, "WebSocket", "Upgrade"): one packet a message.
//!
//! ```text
//! client                         server                     client                    server
//!   │ GET …transport=websocket      │                         │ GET …&sid=S              │
//!   │ ────────────────────────────► │                         │ ───────────────────────► │
//!   │        101, then 0{"sid":…}   │                         │ 101, 2probe ► ◄ 3probe   │
//!   │ ◄──────────────────────────── │                         │ 5 ► what waited ◄        │
//! ```
//! An upgrade may land on another thread than its session's: then the connection moves there.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_http::HttpMessage;
use actix_web::http::header;

use super::{
    cors,
    engine::Reason,
    engine_path::EnginePath,
    link::{Engine, Link, Peer, Request, Worker},
    request::{EngineError, Query, Transport, Wanted},
    shutdown,
    unit::Unit,
};
use crate::{
    codec::{
        engine::{self, Data, Packet},
        websocket::{Limits, Message},
    },
    config::compress::Compress,
    disconnect::Disconnect,
    hub::queue::{Budget, Kind},
    lab::Lab,
    lane::stream::LaneStream,
    metrics::latency::Recorder,
    registry::{LaneWorker, Upgrade},
    transport::websocket::{
        deflating::Compressing,
        handshake::{Accepted, accept, answer_and_end},
        socket::{self, Session, Socket, SocketSettings},
    },
    wire::Layers,
};

/// Serves one request to upgrade until its connection ends.
pub async fn open(
    endpoint: &EnginePath,
    lane: Arc<LaneWorker>,
    (request, framed): Upgrade,
    recorder: Option<Recorder>,
) {
    let engine = endpoint.engine.clone();
    let text = request.uri().query().unwrap_or_default().to_owned();
    let query = Query::parse(&text);
    let asked = Compress::asked(&text);
    let origin = request.headers().get(header::ORIGIN);
    let wanted = query.check(
        request.method().as_str(),
        true,
        origin.map(|origin| origin.as_bytes()),
        endpoint.enabled_on(lane.lane),
        |sid| engine.entry(sid).is_some(),
    );
    let wanted = match cors::grant(&lane.lab, &request).check() {
        Ok(()) => wanted,
        Err(_) => wanted.and(Err(EngineError::Forbidden)),
    };
    match wanted {
        Err(error) => refuse(framed.into_parts().io, error).await,
        Ok(Wanted::Handshake(Transport::WebSocket)) => {
            let settings = settings(&engine, &lane.lab);
            let compressing = Compressing::of(&lane, asked, settings.budget.when_full);
            if let Some(accepted) = accept(&request, framed, compressing).await {
                let rounds = lane.lab.node.rounds();
                let (socket, read) = Socket::of(accepted, settings, recorder, rounds);
                let socket = Rc::new(socket);
                let began = Request {
                    address: (lane.lab).address_behind(request.peer_addr(), request.headers()),
                    peer: Peer::kept_by(&engine, request.headers()),
                    ..endpoint.began(&lane, &request, &text)
                };
                let link = begin(&engine, &lane.lab, &socket, began);
                actix_rt::spawn(serve(link, socket, read));
            }
        }
        Ok(Wanted::Upgrade(sid)) => {
            let Some(entry) = engine.entry(sid) else {
                return refuse(framed.into_parts().io, EngineError::UnknownSession).await;
            };
            let sid: Arc<str> = sid.into();
            if let Some(labels) = &entry.labels {
                framed.io_ref().meter().belongs_to(labels);
            }
            let settings = settings(&engine, &lane.lab);
            let compressing = Compressing::of(&lane, asked, settings.budget.when_full);
            let Some(accepted) = accept(&request, framed, compressing).await else {
                return;
            };
            let Accepted {
                io,
                read,
                deflating,
            } = accepted;
            if entry.worker == engine.worker().index {
                let socket = Socket::new(io, read.len(), settings, recorder).deflating(deflating);
                let socket = socket.in_rounds(lane.lab.node.rounds());
                return probe(&engine.worker(), &sid, socket, read);
            }
            let Ok(moving) = io.detach() else { return };
            let node = lane.lab.node.clone();
            engine.on(entry.worker, move |worker| {
                if let Ok(io) = moving.attach() {
                    let socket =
                        Socket::new(io, read.len(), settings, recorder).deflating(deflating);
                    let socket = socket.in_rounds(node.rounds());
                    probe(worker, &sid, socket, read);
                }
            });
        }
        Ok(_) => refuse(framed.into_parts().io, EngineError::BadRequest).await,
    }
}

/// Errors of upgrades are plain text.
async fn refuse(io: LaneStream, error: EngineError) {
    let message = format!("{}. {}.", error.message(), error.hint());
    let status = match error {
        EngineError::Forbidden => "403 Forbidden",
        _ => "400 Bad Request",
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-type: text/html\r\n\
         Content-Length: {}\r\n\r\n{message}",
        message.len()
    );
    io.meter().answer(Layers::of_protocol(message.len()).into());
    answer_and_end(&io, answer.as_bytes()).await;
}

fn settings(engine: &Engine, lab: &Lab) -> SocketSettings {
    /// The heartbeat is Engine.IO's own; this server sends no ping frames beside it.
    const NEVER: Duration = Duration::from_secs(365 * 24 * 3_600);
    SocketSettings {
        ping_every: NEVER,
        pong_within: NEVER,
        close_within: lab.config.close_timeout.0,
        budget: Budget::or_disconnect(engine.settings.queue_max_bytes),
        limits: Limits {
            message_max_bytes: engine.settings.max_payload,
            accept_binary: true,
        },
        close_code: Disconnect::close_code,
    }
}

/// Opens a session that is on WebSocket from the start.
fn begin(engine: &Arc<Engine>, lab: &Lab, socket: &Rc<Socket>, began: Request) -> Rc<Link> {
    let link = Link::open(engine, began, Some(socket.clone()));
    if shutdown::register(&lab.node, &link) {
        link.write(socket, &Unit::engine(link.open_packet()), Kind::Control);
    } else {
        link.close(Reason::ServerShuttingDown);
    }
    link
}

fn probe(worker: &Rc<Worker>, sid: &str, socket: Socket, read: Vec<u8>) {
    let socket = Rc::new(socket);
    match worker.link(sid) {
        Some(link) if link.probe_opens(&socket) => {
            actix_rt::spawn(serve(link, socket, read));
        }
        _ => {
            socket.close_without_code();
            actix_rt::spawn(async move { socket::run(&socket, read, Deaf).await });
        }
    }
}

/// The life of one WebSocket.
#[allow(
    clippy::manual_async_fn,
    reason = "an async fn keeps room for its arguments twice"
)]
fn serve(link: Rc<Link>, socket: Rc<Socket>, read: Vec<u8>) -> impl Future<Output = ()> {
    async move {
        let session = OfEngine {
            link: link.clone(),
            socket: socket.clone(),
        };
        let mut running = pin!(socket::run(&socket, read, session));
        poll_fn(|context| {
            let polled = running.as_mut().poll(context);
            link.has_written();
            polled
        })
        .await;
        link.socket_gone(&socket, Reason::TransportClose);
    }
}

/// A WebSocket of a session, probing or the session's own.
struct OfEngine {
    link: Rc<Link>,
    socket: Rc<Socket>,
}

impl Session for OfEngine {
    async fn on_message(&mut self, socket: &Socket, message: Message) {
        let (bytes, packet) = match message {
            Message::Text(text) => (text.len(), engine::decode_packet(&text).ok()),
            Message::Binary(bytes) => {
                let data = Data::Binary(bytes.into());
                (data.len(), Some(Packet::Message(data)))
            }
            _ => return,
        };
        let size = packet.as_ref().map_or((0, false), Packet::message_size);
        self.link.on_socket_packet(&self.socket, packet);
        let (mut layers, publications) = self.link.account_for(size);
        layers.framing = (bytes as u64).saturating_sub(layers.total());
        let meter = socket.meter();
        meter.received(layers);
        (0..publications).for_each(|_| meter.publication_received());
    }

    fn on_ending(&mut self, is_violation: bool) {
        let reason = match self.socket.disconnected() {
            Some(Disconnect::SlowConsumer) => Reason::SlowConsumer,
            _ if is_violation => Reason::TransportError,
            _ => Reason::TransportClose,
        };
        self.link.socket_gone(&self.socket, reason);
    }
}

/// A WebSocket that its session refuses: accepted and closed.
struct Deaf;

impl Session for Deaf {
    async fn on_message(&mut self, socket: &Socket, message: Message) {
        socket.received_in_vain(&message);
    }
}
