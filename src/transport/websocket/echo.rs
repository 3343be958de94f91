//! `/echo`: every message comes back as it was. For conformance suites (Autobahn), behind the
//! `echo` setting, and the shortest protocol there can be on [`socket`]: read it before the lane's
//! own.
//!
//! ```text
//! client                          server
//!   │══ text "hi", masked ═══════►│
//!   │ ◄══ text "hi" ═════════════ │
//! ```
//!
//! Rejected: letting the lane's session echo when it is told to. A suite must reach the frames and
//! not the envelope, and sends binary and 16 MiB, which the lane refuses.

use std::{rc::Rc, sync::Arc};

use actix_web::web;
use futures_util::future::LocalBoxFuture;

use super::{
    deflating::Compressing,
    handshake::accept,
    settings,
    socket::{self, Session, Socket},
};
use crate::{
    catalogue::LaneId,
    codec::websocket::{self, Message, OpCode},
    config::compress::Compress,
    disconnect::Disconnect,
    hub::{Delivery, Subscriber},
    registry::{Door, Endpoint, LaneWorker, TakeOver, Upgrade},
    wire::Layers,
};

const PATH: &str = "/echo";
/// The suite sends messages of up to 16 MiB.
const MESSAGE_MAX_BYTES: usize = 16 << 20;

/// The endpoint, on every lane.
pub struct EchoingWebSocket;

impl Endpoint for EchoingWebSocket {
    fn paths(&self) -> &[&'static str] {
        &[PATH]
    }

    fn is_on(&self, _lane: LaneId) -> bool {
        true
    }

    fn door(&self, _rest: &str, _is_upgrade: bool) -> Door<'_> {
        Door::Lab
    }

    /// Only upgrades are answered.
    fn configure(&self, _lane: LaneId, _config: &mut web::ServiceConfig) {}

    fn take_over(&self, path: &str) -> Option<TakeOver> {
        let open = |worker, upgrade| -> LocalBoxFuture<'static, ()> {
            // A task of its own, because the connection outlives its request.
            actix_rt::spawn(open(worker, upgrade));
            Box::pin(std::future::ready(()))
        };
        (path == PATH).then(|| Box::new(open) as TakeOver)
    }
}

/// Serves one echoing connection until it ends.
async fn open(worker: Arc<LaneWorker>, (request, framed): Upgrade) {
    let mut settings = settings(&worker.lab.config, true);
    let asked = Compress::asked(request.uri().query().unwrap_or_default());
    let compressing = Compressing::of(&worker, asked, settings.budget.when_full);
    let Some(accepted) = accept(&request, framed, compressing).await else {
        return;
    };
    settings.limits.message_max_bytes = MESSAGE_MAX_BYTES;
    settings.budget.max_bytes = 2 * MESSAGE_MAX_BYTES;
    let (socket, read) = Socket::of(accepted, settings, None, None);
    let socket = Rc::new(socket);
    let Ok(_connected) = worker.lab.node.register(Rc::new(Closer(socket.clone()))) else {
        return;
    };
    socket::run(&socket, read, Echo).await;
}

struct Echo;

impl Session for Echo {
    /// Reads one message and writes one frame; the next is read when this is out or queued.
    async fn on_message(&mut self, socket: &Socket, message: Message) {
        let (opcode, payload) = match message {
            Message::Text(text) => (OpCode::Text, text.into_bytes()),
            Message::Binary(bytes) => (OpCode::Binary, bytes),
            _ => return,
        };
        socket.received(payload.len(), payload.len());
        let mut frame = Vec::with_capacity(payload.len() + websocket::SERVER_HEADER_MAX_BYTES);
        websocket::encode_frame(opcode, &payload, &mut frame);
        let layers = Layers {
            framing: (frame.len() - payload.len()) as u64,
            protocol: 0,
            lab: 0,
            payload: payload.len() as u64,
            saved: 0,
        };
        socket.send(frame.into(), layers);
    }
}

/// Ends an echoing connection when the node stops.
struct Closer(Rc<Socket>);

impl Subscriber for Closer {
    fn deliver(&self, _delivery: Delivery<'_>) {}

    fn disconnect(&self, reason: Disconnect) {
        self.0.disconnect(reason);
    }
}
