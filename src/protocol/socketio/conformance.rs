//! What the two official suites expect of a server, behind the `conformance` setting: an echo on
//! plain Engine.IO, and the handlers of the Socket.IO suite. Times are short there, as
//! the suites want them ([`is_quick`]).

use std::{rc::Rc, time::Duration};

use super::{
    engine::Reason,
    io::Namespaces,
    link::{Link, SessionHandler},
    unit::{Part, Unit},
};
use crate::{
    codec::{engine::Data, socketio::Args},
    config::Config,
};

/// What the official suites expect.
pub const PING_INTERVAL: Duration = Duration::from_millis(300);
/// What the official suites expect.
pub const PING_TIMEOUT: Duration = Duration::from_millis(200);

/// The connect timeout is at its longest that the suites' sample configuration allows: their
/// heartbeat cases last 900 ms and join nothing.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether the times above hold: unless `heartbeat` is set to something else than its default, so
/// that tests of other things need not keep up with them.
pub fn is_quick(config: &Config) -> bool {
    config.conformance && config.heartbeat == Config::default().heartbeat
}

/// Sends every message straight back.
pub struct Echo;

impl SessionHandler for Echo {
    fn on_message(&self, link: &Rc<Link>, data: Data) {
        let payload_bytes = data.len();
        let part = match data {
            Data::Text(text) => Part::Text(format!("4{text}").into()),
            Data::Binary(bytes) => Part::Binary(bytes),
        };
        link.send(&Unit::new(vec![part], payload_bytes));
    }

    fn on_close(&self, _link: &Rc<Link>, _reason: Reason) {}
}

/// The handlers of the Socket.IO suite.
pub fn register(namespaces: &mut Namespaces) {
    namespaces.of("/").on_connect(|socket| {
        socket.emit("auth", Args::new().raw(&socket.auth));
        socket.on("message", |event| {
            event.socket.emit("message-back", event.args);
        });
        socket.on("message-with-ack", |event| {
            if let Some(ack) = event.ack {
                ack.send(event.args);
            }
        });
        // For checks of recovery and of broadcasts, beside the suites.
        socket.on("broadcast", |event| {
            event.socket.io().of("/").emit("broadcast", event.args);
        });
        socket.on("server-disconnect", |event| event.socket.disconnect(false));
    });
    namespaces.of("/custom").on_connect(|socket| {
        socket.emit("auth", Args::new().raw(&socket.auth));
    });
}
