//! The `/admin` namespace: what the Socket.IO Admin UI (`@socket.io/admin-ui` 0.5) speaks, so
//! that the existing page shows this server's sockets, rooms and events.
//!
//! ```text
//! UI                                         server
//!  │ connect {"username","password"} or {"sessionId"}
//!  │ ───────────────────────────────────────► │ [`access`]
//!  │ session, config, all_sockets             │
//!  │ ◄─────────────────────────────────────── │
//!  │ server_stats every 2 s                   │ [`stats`]
//!  │ socket_connected, socket_updated, socket_disconnected, room_joined, room_left,
//!  │ event_received, event_sent               │ [`watch`]
//!  │ ◄─────────────────────────────────────── │
//!  │ emit, join, leave, _disconnect           │ no acknowledgements, as in the original
//!  │ ───────────────────────────────────────► │
//! ```
//! There only where the setting `socketio_admin_password` is given; while nobody watches it costs
//! one atomic read. What it sends is not kept for recovery. Not here: the page itself, the
//! read-only and production modes, other servers of a cluster.

mod access;
mod describe;
mod stats;
mod watch;

use std::{rc::Rc, sync::Arc};

use serde_json::json;

use self::{access::Access, stats::StatsLoop, watch::Watch};
use super::{
    broadcast::Broadcast,
    io::Namespaces,
    socket::{Event, Socket},
};
use crate::{clock, codec::socketio::Args, config::secret::Secret};

/// The namespace's name.
pub const NAMESPACE: &str = "/admin";
const FEATURES: [&str; 9] = [
    "EMIT",
    "JOIN",
    "LEAVE",
    "DISCONNECT",
    "MJOIN",
    "MLEAVE",
    "MDISCONNECT",
    "AGGREGATED_EVENTS",
    "ALL_EVENTS",
];

/// Adds the namespace, unless the password is empty.
pub fn install(namespaces: &mut Namespaces, password: &Secret) {
    if password.is_empty() {
        return;
    }
    let access = Arc::new(Access::new(password.clone()));
    let (watch, stats) = (Arc::new(Watch::default()), Arc::<StatsLoop>::default());
    namespaces.observed_by(watch.clone());
    let guard = access.clone();
    namespaces
        .of(NAMESPACE)
        .middleware(move |candidate| guard.decide(candidate, clock::now_us()))
        .on_connect(move |socket| connected(socket, &access, &watch, &stats));
}

fn connected(socket: &Rc<Socket>, access: &Access, watch: &Arc<Watch>, stats: &Arc<StatsLoop>) {
    watch.came();
    stats::start(stats, watch, socket.io());
    let watched = watch.clone();
    socket.on_disconnect(move |_, _| watched.went());
    if let Some(session) = access.open_session(socket, clock::now_us()) {
        only(socket).emit("session", json!(&*session));
    }
    only(socket).emit("config", json!({"supportedFeatures": FEATURES}));
    let to = socket.clone();
    actix_rt::spawn(async move {
        let sockets = describe::all(to.io()).await;
        only(&to).emit("all_sockets", json!(sockets));
    });
    socket.on("emit", emit);
    socket.on("join", |event| change(&event, Broadcast::sockets_join));
    socket.on("leave", |event| change(&event, Broadcast::sockets_leave));
    socket.on("_disconnect", disconnect);
}

/// One administrator, with nothing kept for recovery.
fn only(socket: &Socket) -> Broadcast {
    socket.io().of(NAMESPACE).to(&socket.id).transient()
}

/// The sockets that a command means: of a namespace (argument 0), and in a room or with an id
/// (argument `filter`) if it names one. `None` if the arguments name none.
fn meant(event: &Event, filter: usize) -> Option<Broadcast> {
    let namespace: String = event.args.read(0)?;
    let io = event.socket.io();
    io.namespace(&namespace)?;
    let all = io.of(&namespace);
    let filter: Option<Option<String>> = event.args.read(filter);
    Some(match filter.flatten().filter(|room| !room.is_empty()) {
        Some(room) => all.to(&room),
        None => all,
    })
}

/// `emit(nsp, filter, event, ...args)`
fn emit(event: Event) {
    if let (Some(sockets), Some(name)) = (meant(&event, 1), event.args.read::<String>(2)) {
        sockets.emit(&name, event.args.skip(3));
    }
}

/// `join(nsp, room, filter)` and `leave(nsp, room, filter)`
fn change(event: &Event, change: fn(&Broadcast, &str)) {
    if let (Some(sockets), Some(room)) = (meant(event, 2), event.args.read::<String>(1)) {
        change(&sockets, &room);
    }
}

/// `_disconnect(nsp, close, filter)`
fn disconnect(event: Event) {
    if let Some(sockets) = meant(&event, 2) {
        sockets.disconnect_sockets(event.args.read(1).unwrap_or(false));
    }
}

/// Milliseconds as JavaScript's `Date` writes them in JSON.
fn timestamp(now_us: u64) -> String {
    let since = std::time::Duration::from_millis(now_us / 1_000);
    humantime::format_rfc3339_millis(std::time::UNIX_EPOCH + since).to_string()
}

/// Arguments and, as the last, the time.
fn stamped(args: Args) -> Args {
    args.json(&timestamp(clock::time_of_day_us()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_javascript_does() {
        assert_eq!(timestamp(1_763_000_000_123_456), "2025-11-13T02:13:20.123Z");
    }
}
