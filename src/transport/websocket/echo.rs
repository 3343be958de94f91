//! `/echo`: every message comes back as it was. For conformance suites (Autobahn), behind the
//! `echo` setting.

use std::{rc::Rc, sync::Arc};

use super::{
    handshake::accept,
    settings,
    socket::{self, Session, Socket},
};
use crate::{
    codec::websocket::{self, Message, OpCode},
    disconnect::Disconnect,
    hub::{Delivery, Subscriber},
    lab::LaneWorker,
    transport::Upgrade,
    wire::Layers,
};

pub const PATH: &str = "/echo";
/// The suite sends messages of up to 16 MiB.
const MESSAGE_MAX_BYTES: usize = 16 << 20;

/// Serves one echoing connection until it ends.
pub async fn open(worker: Arc<LaneWorker>, (request, framed): Upgrade) {
    let Some((io, read)) = accept(&request, framed).await else {
        return;
    };
    let mut settings = settings(&worker.lab.config, true);
    settings.limits.message_max_bytes = MESSAGE_MAX_BYTES;
    settings.budget.max_bytes = 2 * MESSAGE_MAX_BYTES;
    let socket = Rc::new(Socket::new(io, read.len(), settings, None));
    let Ok(_connected) = worker.lab.node.register(Rc::new(Closer(socket.clone()))) else {
        return;
    };
    socket::run(&socket, &read, Echo).await;
}

struct Echo;

impl Session for Echo {
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
            envelope: 0,
            payload: payload.len() as u64,
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
