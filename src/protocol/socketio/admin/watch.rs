//! What happens to sockets, told to those in `/admin` as it happens.
//!
//! The library calls these from wherever it happens, in the middle of a broadcast as well, so
//! nothing here joins, leaves or takes the lock of recovery.

use std::{
    rc::Rc,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use serde_json::json;

use super::{
    super::{engine::Reason, io::Io, socket::Socket, unit::Unit},
    NAMESPACE, describe, stamped,
    stats::Totals,
};
use crate::codec::socketio::Args;

/// Who watches, and what they were told last.
#[derive(Default)]
pub struct Watch {
    audience: AtomicUsize,
    /// A loop sends the figures: claimed by a swap.
    pub(super) is_ticking: AtomicBool,
    pub(super) told: Mutex<Totals>,
}

impl Watch {
    pub fn is_watched(&self) -> bool {
        self.audience.load(Ordering::Relaxed) > 0
    }

    /// One more in `/admin`.
    pub(super) fn came(self: &std::sync::Arc<Self>, io: &Io) {
        self.audience.fetch_add(1, Ordering::Relaxed);
        super::stats::start(self, io);
    }

    pub(super) fn went(&self) {
        self.audience.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn connected(&self, socket: &Rc<Socket>) {
        let described = describe::socket(socket);
        tell(
            socket,
            "socket_connected",
            stamped(Args::new().json(&described)),
        );
    }

    pub fn upgraded(&self, socket: &Socket) {
        let changed = json!({
            "id": &*socket.id,
            "nsp": &*socket.namespace,
            "transport": describe::transport(socket),
        });
        tell(socket, "socket_updated", changed.into());
    }

    pub fn disconnected(&self, socket: &Socket, reason: Reason) {
        let args = Args::new().json(&*socket.namespace).json(&*socket.id);
        tell(
            socket,
            "socket_disconnected",
            stamped(args.json(reason.as_str())),
        );
    }

    pub fn joined(&self, socket: &Socket, room: &str) {
        self.room("room_joined", socket, room);
    }

    pub fn left(&self, socket: &Socket, room: &str) {
        self.room("room_left", socket, room);
    }

    fn room(&self, event: &str, socket: &Socket, room: &str) {
        let args = Args::new().json(&*socket.namespace).json(room);
        let args = stamped(args.json(&*socket.id));
        // Not itself of its own room: an administrator enters it before the connect is answered.
        let mut told = socket.io().of(NAMESPACE).transient();
        if room == &*socket.id {
            told = told.except(room);
        }
        told.emit(event, args);
    }

    /// An event came. Binary values show as their placeholders.
    pub fn received(&self, socket: &Socket, name: &str, args: &Args) {
        let list = args.as_list(name);
        self.passed("event_received", socket, &list);
    }

    /// An event goes out.
    pub fn sent(&self, socket: &Socket, unit: &Unit) {
        if let Some(list) = unit.event_list(&socket.namespace) {
            self.passed("event_sent", socket, list);
        }
    }

    fn passed(&self, event: &str, socket: &Socket, list: &serde_json::value::RawValue) {
        // They would be told of being told.
        if &*socket.namespace != NAMESPACE {
            let args = Args::new().json(&*socket.namespace).json(&*socket.id);
            tell(socket, event, stamped(args.raw(list)));
        }
    }
}

fn tell(socket: &Socket, event: &str, args: Args) {
    socket.io().of(NAMESPACE).transient().emit(event, args);
}
