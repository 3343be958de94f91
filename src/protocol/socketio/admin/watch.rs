//! What happens to sockets, sent to those in `/admin` as it happens.
//!
//! Calls come in the middle of broadcasts as well: see [`SocketObserver`].

use std::{
    rc::Rc,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::json;

use super::{
    super::{
        engine::Reason,
        socket::{Socket, SocketObserver},
        unit::Unit,
    },
    NAMESPACE, describe, stamped,
};
use crate::codec::socketio::Args;

/// How many are in `/admin` now.
#[derive(Default)]
pub struct Watch {
    audience: AtomicUsize,
}

impl Watch {
    pub fn is_watched(&self) -> bool {
        self.audience.load(Ordering::Relaxed) > 0
    }

    /// One more in `/admin`.
    pub(super) fn came(&self) {
        self.audience.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn went(&self) {
        self.audience.fetch_sub(1, Ordering::Relaxed);
    }

    fn room(&self, event: &str, socket: &Socket, room: &str) {
        let args = Args::new().json(&*socket.namespace).json(room);
        let args = stamped(args.json(&*socket.id));
        // Not itself of its own room: an administrator enters it before the connect is answered.
        let mut admins = socket.io().of(NAMESPACE).transient();
        if room == &*socket.id {
            admins = admins.except(room);
        }
        admins.emit(event, args);
    }

    fn passed(&self, event: &str, socket: &Socket, list: &serde_json::value::RawValue) {
        // They would be notified of each notice, without end.
        if &*socket.namespace != NAMESPACE {
            let args = Args::new().json(&*socket.namespace).json(&*socket.id);
            notify(socket, event, stamped(args.raw(list)));
        }
    }
}

impl SocketObserver for Watch {
    fn is_active(&self) -> bool {
        self.is_watched()
    }

    fn connected(&self, socket: &Rc<Socket>) {
        let described = describe::socket(socket);
        notify(
            socket,
            "socket_connected",
            stamped(Args::new().json(&described)),
        );
    }

    fn upgraded(&self, socket: &Socket) {
        let changed = json!({
            "id": &*socket.id,
            "nsp": &*socket.namespace,
            "transport": describe::transport(socket),
        });
        notify(socket, "socket_updated", changed.into());
    }

    fn disconnected(&self, socket: &Socket, reason: Reason) {
        let args = Args::new().json(&*socket.namespace).json(&*socket.id);
        notify(
            socket,
            "socket_disconnected",
            stamped(args.json(reason.as_str())),
        );
    }

    fn joined(&self, socket: &Socket, room: &str) {
        self.room("room_joined", socket, room);
    }

    fn left(&self, socket: &Socket, room: &str) {
        self.room("room_left", socket, room);
    }

    /// An event came. Binary values show as their placeholders.
    fn received(&self, socket: &Socket, name: &str, args: &Args) {
        let list = args.as_list(name);
        self.passed("event_received", socket, &list);
    }

    /// An event goes out.
    fn sent(&self, socket: &Socket, unit: &Unit) {
        if let Some(list) = unit.event_list(&socket.namespace) {
            self.passed("event_sent", socket, list);
        }
    }
}

fn notify(socket: &Socket, event: &str, args: Args) {
    socket.io().of(NAMESPACE).transient().emit(event, args);
}
