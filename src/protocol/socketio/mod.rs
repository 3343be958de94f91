//! Engine.IO 4 and Socket.IO 5, and a small server library on them.
//!
//! # Threads
//!
//! A session lives on the worker thread that its handshake landed on, in `Rc`s, and is touched by
//! no other: handlers need no locks, and what they send over WebSocket leaves in that very call.
//! - Requests land anywhere. The table of sessions says which thread one lives on; a poll or a
//!   POST is sent there through that thread's inbox and its handler waits for the answer. An
//!   upgrade that lands elsewhere moves its connection there.
//! - A broadcast is encoded once and goes to every thread's inbox; each sends the same bytes to
//!   its own sockets. On the sender's own thread that happens at once, so what one handler sends
//!   keeps its order.
//! - One timer for each thread serves all deadlines, which are absolute.
//!
//! # Reading order
//!
//! [`engine`] the session's rules without I/O · [`request`] what requests say · [`link`] a session
//! with what it holds · [`worker`] threads · [`polling`], [`websocket`] the two transports ·
//! [`unit`] shared bytes · [`client`] Socket.IO on a session · [`io`], [`socket`], [`rooms`],
//! [`broadcast`], [`recovery`] the library · [`conformance`] for the official suites.
//!
//! [`bridge`] is the lab's own namespace, `/lab`, on the node like every other transport;
//! [`classic`] the well-known example in ten lines; [`echo`] for trying clients out.
//!
//! Not here: JSONP, WebTransport, permessage-deflate, compressed polling answers.

pub mod admin;
pub mod bridge;
pub mod broadcast;
pub mod classic;
pub mod client;
pub mod conformance;
pub mod cors;
pub mod echo;
pub mod engine;
pub mod event_unit;
pub mod io;
#[cfg(test)]
mod library_tests;
pub mod link;
pub mod polling;
pub mod recovery;
pub mod request;
pub mod rooms;
pub mod selection;
pub mod socket;
pub mod traffic;
pub mod unit;
pub mod websocket;
pub mod worker;

use std::{rc::Rc, sync::Arc};

use actix_web::{HttpMessage, HttpRequest, web};

use self::{
    engine::{EngineSettings, Reason},
    io::{Io, IoSettings, Namespaces},
    link::{Link, Request},
    recovery::RecoverySettings,
    request::{Enabled, Query},
    worker::Engine,
};
use crate::{
    catalogue::{Lane, LaneId, SOCKETIO_POLLING, SOCKETIO_WEBSOCKET},
    config::Config,
    disconnect::Disconnect,
    hub::{Delivery, Subscriber},
    metrics::prometheus::SocketIo,
    node::Node,
    registry::{
        Door, Endpoint, LaneWorker, NO_CHANNEL, TakeOver, channel_in_path, labels_kept_with,
    },
};

/// A path that Engine.IO sessions are served at, and its server.
pub struct EnginePath {
    /// With its slash; served without it as well.
    path: &'static str,
    pub engine: Arc<Engine>,
}

/// The endpoint of an Engine.IO path, for one transport: the main lane serves both, and the upgrade
/// between them.
pub struct EngineEndpoint {
    own: Option<&'static Lane>,
    /// Without its slash.
    path: [&'static str; 1],
    served: Arc<EnginePath>,
    engines: Arc<Engines>,
}

impl EngineEndpoint {
    /// Socket.IO over long polling alone.
    pub fn polling(engines: &Arc<Engines>) -> Self {
        Self::new(Some(&SOCKETIO_POLLING), &engines.socketio, engines)
    }

    /// Socket.IO over WebSocket from the first request.
    pub fn websocket(engines: &Arc<Engines>) -> Self {
        Self::new(Some(&SOCKETIO_WEBSOCKET), &engines.socketio, engines)
    }

    /// Plain Engine.IO that echoes, on the main lane; for conformance suites.
    pub fn echo(engines: &Arc<Engines>) -> Self {
        Self::new(None, &engines.echo, engines)
    }

    fn new(own: Option<&'static Lane>, served: &Arc<EnginePath>, engines: &Arc<Engines>) -> Self {
        Self {
            own,
            path: [served.path.trim_end_matches('/')],
            served: served.clone(),
            engines: engines.clone(),
        }
    }
}

impl Endpoint for EngineEndpoint {
    fn paths(&self) -> &[&'static str] {
        &self.path
    }

    fn lane(&self) -> Option<&'static Lane> {
        self.own
    }

    fn metered_as(&self, rest: &str, query: &str) -> Option<Arc<str>> {
        metered_as(self.own?.transport, rest, query)
    }

    /// Refused in the words of Engine.IO.
    fn door(&self, rest: &str, _is_upgrade: bool) -> Door<'_> {
        match rest {
            "" | "/" => Door::LooksItself,
            _ => Door::CLIENTS,
        }
    }

    fn answers_every_method(&self) -> bool {
        true
    }

    /// On the main lane both transports register the same; the first is used.
    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.app_data(web::Data::from(self.engines.clone()));
        self.served.clone().configure(config);
    }

    fn take_over(&self, path: &str) -> Option<TakeOver> {
        self.served.clone().take_over(path)
    }
}

/// A request's transport and channel are in its query: a client of the lab names the channel that
/// its session is for in the option `query`, which goes with every request.
fn metered_as(transport: &str, rest: &str, query: &str) -> Option<Arc<str>> {
    let get = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    if !matches!(rest, "" | "/") || get("transport") != Some(transport) {
        return None;
    }
    let channel = get("channel").and_then(|channel| channel_in_path(channel).ok());
    Some(channel.map_or(NO_CHANNEL.into(), |channel| channel.as_str().into()))
}

/// The endpoints' servers, one set for each lab.
pub struct Engines {
    pub io: Io,
    pub socketio: Arc<EnginePath>,
    pub echo: Arc<EnginePath>,
}

impl Engines {
    pub fn new(config: &Config, node: &Arc<Node>) -> Self {
        let settings = engine_settings(config);
        let recovery = (!config.socketio_recovery.0.is_zero()).then_some(RecoverySettings {
            max_disconnection: config.socketio_recovery.0,
            events_max: config.history_max_count,
            events_max_bytes: config.history_max_bytes,
        });
        let mut of_io = IoSettings::default();
        let mut namespaces = Namespaces::default();
        bridge::register(&mut namespaces, node, config.body_max_bytes);
        if config.conformance {
            conformance::register(&mut namespaces);
        } else {
            classic::register(&mut namespaces);
        }
        if config.echo {
            echo::register(&mut namespaces);
        }
        if conformance::is_quick(config) {
            of_io.connect_timeout = conformance::CONNECT_TIMEOUT;
        }
        of_io.recovery = recovery;
        admin::install(&mut namespaces, &config.socketio_admin_password);
        let io = client::serve(of_io, settings, namespaces);
        let at = |path, engine| Arc::new(EnginePath { path, engine });
        let echo = Engine::new(settings, |_| Rc::new(conformance::Echo));
        Self {
            socketio: at("/socket.io/", io.engine().clone()),
            echo: at("/engine.io/", echo),
            io,
        }
    }
}

impl Engines {
    pub fn figures(&self) -> SocketIo {
        let engine = self.io.engine();
        let ended = engine.ended();
        let by_reason = |reason: Reason| (reason.as_str(), ended.of(reason));
        SocketIo {
            open: engine.sessions(),
            opened: engine.opened(),
            ended: Reason::ALL.map(by_reason).into(),
        }
    }
}

fn engine_settings(config: &Config) -> EngineSettings {
    let (ping_interval, ping_timeout) = if conformance::is_quick(config) {
        (conformance::PING_INTERVAL, conformance::PING_TIMEOUT)
    } else {
        (config.heartbeat.0, config.pong_timeout.0)
    };
    EngineSettings {
        ping_interval,
        ping_timeout,
        upgrade_timeout: std::time::Duration::from_secs(10),
        max_payload: config.socketio_max_payload,
        queue_max_bytes: config.subscriber_queue_max_bytes,
    }
}

impl EnginePath {
    /// Which transports a lane serves here: the main lane both, a transport's own lane that one.
    pub fn enabled_on(&self, lane: LaneId) -> Enabled {
        Enabled {
            polling: lane != SOCKETIO_WEBSOCKET.id,
            websocket: lane != SOCKETIO_POLLING.id,
        }
    }

    /// Whether a path is this one.
    fn serves(&self, path: &str) -> bool {
        path.strip_suffix('/').unwrap_or(path) == self.path.trim_end_matches('/')
    }

    fn configure(self: Arc<Self>, config: &mut web::ServiceConfig) {
        let (with_slash, without) = (self.path, self.path.trim_end_matches('/'));
        let handle =
            move |request: HttpRequest, payload: web::Payload, lane: web::Data<LaneWorker>| {
                polling::handle(self.clone(), request, payload, lane)
            };
        config
            .route(with_slash, web::route().to(handle.clone()))
            .route(without, web::route().to(handle));
    }

    fn take_over(self: Arc<Self>, path: &str) -> Option<TakeOver> {
        if !self.serves(path) {
            return None;
        }
        Some(Box::new(|lane: Arc<LaneWorker>, upgrade| {
            let recorder = lane.written(&SOCKETIO_WEBSOCKET);
            let recorder = recorder.map(|written| written.recorder.clone());
            Box::pin(async move { websocket::open(&self, lane, upgrade, recorder).await })
        }))
    }

    /// What a session on this lane begins with.
    fn began(&self, lane: &LaneWorker, request: &impl HttpMessage, query: &str) -> Request {
        Request {
            address: None,
            peer: None,
            query: query.to_owned(),
            binary_as_text: Query::parse(query).binary_as_text,
            may_upgrade: self.enabled_on(lane.lane).websocket,
            labels: labels_kept_with(request).map(Arc::new),
            meters: lane.lab.meters.clone(),
        }
    }
}

/// Makes a session known to the node, which ends it when it stops. False: it stops already.
fn register(node: &Arc<Node>, link: &Rc<Link>) -> bool {
    let ender = Rc::new(Ender(Rc::downgrade(link)));
    match node.register(ender) {
        Ok(connected) => {
            link.hold_up_stop(connected);
            true
        }
        Err(_) => {
            link.fail(Reason::ServerShuttingDown);
            false
        }
    }
}

/// A session, as the hub sees it when the node stops.
struct Ender(std::rc::Weak<Link>);

impl Subscriber for Ender {
    fn deliver(&self, _delivery: Delivery<'_>) {}

    fn disconnect(&self, _reason: Disconnect) {
        if let Some(link) = self.0.upgrade() {
            // The hub must not be called back from here: do it at the worker's next turn.
            let sid = link.sid.clone();
            link.worker.later(move |worker| {
                if let Some(link) = worker.link(&sid) {
                    link.fail(Reason::ServerShuttingDown);
                }
            });
        }
    }
}
