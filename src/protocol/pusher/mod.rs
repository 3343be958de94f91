//! Pusher Channels, protocol 7, so that unmodified clients and SDKs work.
//!
//! `GET /app/{key}?protocol=7` with an upgrade → frames both ways; `/apps/{id}/…` is the signed
//! HTTP API. It stands on the same node as the plain transports, and the demo application's
//! channels are theirs (see [`app`]).
//!
//! ```text
//! client                                      server
//!   │ GET /app/KEY?protocol=7, Upgrade          │  admit: key, version, quota; a refusal is a
//!   │ ────────────────────────────────────────► │  close code, never an HTTP status
//!   │                    connection_established │
//!   │ ◄──────────────────────────────────────── │
//!   │ subscribe {channel, auth}                 │  subscribe: signature, presence, cache
//!   │ ────────────────────────────────────────► │
//!   │                    subscription_succeeded │
//!   │ ◄──────────────────────────────────────── │
//!   │                        event, event, event│  the hub, encoded once per publication
//! ```
//!
//! Reading order: [`app`], [`app_event`], [`auth`] and [`sign`], [`close`], [`frame_sink`],
//! [`connection`] and what it does ([`subscribe`], [`extension`], [`client_event`], [`signin`],
//! [`watchlist`], [`subscription_count`]), [`http_api`], and [`fallback`]: the same connections
//! over HTTP. [`webhook`]s tell the application's own server, [`usage`] counts as the hosted
//! service would, against its [`plan`]s. [`console`] is for people who watch, [`app_server`] the
//! demo application's own server, and [`trigger`] publishes to a lab from the command line.

pub mod app;
pub mod app_event;
pub mod app_server;
pub mod auth;
pub mod client_event;
pub mod close;
pub mod connection;
pub mod console;
pub mod demo_keys;
pub mod excerpt;
pub mod extension;
pub mod fallback;
pub mod frame_sink;
pub mod http_api;
pub mod http_session;
pub mod plan;
pub mod sign;
pub mod signin;
pub mod subscribe;
pub mod subscription_count;
pub mod trigger;
pub mod usage;
pub mod watchlist;
pub mod webhook;

use std::{net::IpAddr, rc::Rc, sync::Arc};

use actix_http::{HttpMessage, Request};
use actix_web::web;
use percent_encoding::percent_decode_str;

use self::{
    app::{App, Apps, Slot},
    close::Closing,
    connection::{Connection, Ending},
    frame_sink::WebSocketOutlet,
};
use crate::{
    access::{asked::Asked, listed::Origins},
    catalogue::{CHANNELS, Lane, LaneId},
    codec::{
        pusher::event,
        websocket::{CloseCode, Limits, Message},
    },
    config::Config,
    hub::queue::Budget,
    node::Node,
    registry::{Door, Endpoint, LaneWorker, NO_CHANNEL, TakeOver, Upgrade},
    transport::websocket::{
        handshake::accept,
        socket::{self, Session, Socket, SocketSettings},
    },
};

/// The endpoint of WebSockets.
pub struct WebSocketEndpoint(pub Arc<Apps>);

impl Endpoint for WebSocketEndpoint {
    fn paths(&self) -> &[&'static str] {
        std::slice::from_ref(&CHANNELS.path)
    }

    fn lane(&self) -> Option<&'static Lane> {
        Some(&CHANNELS)
    }

    /// A connection names its channels later; it is metered under the first.
    fn metered_as(&self, _rest: &str, _query: &str) -> Option<Arc<str>> {
        Some(NO_CHANNEL.into())
    }

    /// Who is refused an upgrade is told by a close code, as the hosted service does: over a status
    /// clients would come back for ever, and could not say why.
    fn door(&self, rest: &str, is_upgrade: bool) -> Door<'_> {
        match is_upgrade {
            true => Door::LooksItself,
            false => door_of_app(&self.0, rest),
        }
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.app_data(web::Data::from(self.0.clone())).service(
            web::resource("/app/{key}")
                .route(web::get().to(crate::transport::websocket::not_upgraded)),
        );
    }

    fn take_over(&self, _path: &str) -> Option<TakeOver> {
        let apps = self.0.clone();
        Some(Box::new(|worker, upgrade| {
            Box::pin(open(apps, worker, upgrade))
        }))
    }
}

/// Pages of which origins may use the application whose key the path begins with. A key that nobody
/// has gets its close code, whoever asks.
fn door_of_app<'a>(apps: &'a Apps, rest: &str) -> Door<'a> {
    static ANY: Origins = Origins::Any;
    // Handlers get it decoded to the last character.
    let key = percent_decode_str(rest.split('/').next().unwrap_or_default());
    let app = apps.by_key(&key.decode_utf8_lossy());
    Door::Clients(app.map_or(&ANY, |app| &app.settings.origins))
}

/// Starts what runs beside the connections; called once, inside a runtime. `lab_url`: where this
/// lab's main lane is.
pub fn start(apps: &Apps, node: &Arc<Node>, lab_url: &str) {
    tokio::spawn(usage::keep(apps.usage.clone()));
    for app in apps.all() {
        app.webhooks.start(app, lab_url);
        if app.settings.watchlists {
            tokio::spawn(watchlist::tell(app.clone(), node.clone()));
        }
    }
}

/// Oldest and newest protocol version that is spoken.
const VERSIONS: std::ops::RangeInclusive<u64> = 4..=7;

/// Who may connect: the application, and one of its connections.
fn admit(apps: &Apps, worker: &LaneWorker, request: &Request) -> Result<Slot, Closing> {
    let key = request
        .path()
        .strip_prefix(CHANNELS.path)
        .unwrap_or_default();
    if key.is_empty() || key.contains('/') {
        return Err(close::PATH_NOT_FOUND);
    }
    let app = apps.by_key(key).ok_or(close::UNKNOWN_APP)?;
    let extensions = request.extensions();
    let asked = extensions.get::<Asked>();
    // Said by a close code, as the hosted service does: over a status clients would come back for
    // ever, and could not say why.
    let doors = &worker.lab.doors;
    doors
        .grant(request.headers(), asked, &app.settings.origins)
        .check()
        .map_err(|_| close::FOREIGN_PAGE)?;
    admit_to(worker, app, request.uri().query().unwrap_or_default())
}

/// As [`admit`], of a known application.
fn admit_to(worker: &LaneWorker, app: &Arc<App>, query: &str) -> Result<Slot, Closing> {
    check_version(app, query)?;
    if !app.settings.enabled {
        return Err(close::APP_DISABLED);
    }
    if app.settings.tls_only && !worker.lab.config.is_tls() {
        return Err(close::TLS_ONLY);
    }
    app.connect().ok_or(close::OVER_QUOTA)
}

/// A missing version is 7 unless the application is strict: many clients leave it out.
fn check_version(app: &App, query: &str) -> Result<(), Closing> {
    let given = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("protocol="))
        .filter(|version| !version.is_empty());
    match given.map(str::parse::<u64>) {
        None if app.settings.strict_protocol => Err(close::NO_VERSION),
        None => Ok(()),
        Some(Err(_)) => Err(close::BAD_VERSION),
        Some(Ok(version)) if VERSIONS.contains(&version) => Ok(()),
        Some(Ok(_)) => Err(close::UNSUPPORTED_VERSION),
    }
}

fn settings(config: &Config, app: Option<&App>) -> SocketSettings {
    let app = app.map(|app| &app.settings);
    SocketSettings {
        // The protocol leaves it to clients to ask after `activity_timeout`, two minutes. Proxies
        // end what is silent for one, and who is cut off misses what comes meanwhile: so the
        // lab's own heartbeat holds here as well. Control frames are answered by every WebSocket,
        // even under clients that do not know `pusher:ping`.
        ping_every: app.map_or(config.heartbeat.0, |app| {
            app.activity_timeout.0.min(config.heartbeat.0)
        }),
        pong_within: app.map_or(config.pong_timeout.0, |app| app.pong_timeout.0),
        close_within: config.close_timeout.0,
        budget: Budget::or_disconnect(config.subscriber_queue_max_bytes),
        limits: Limits {
            message_max_bytes: config.message_max_bytes,
            accept_binary: false,
        },
        close_code: close::code_of,
    }
}

async fn open(apps: Arc<Apps>, worker: Arc<LaneWorker>, (request, framed): Upgrade) {
    let headers = &request.head().headers;
    let address = worker.lab.address_behind(request.peer_addr(), headers);
    let admitted = admit(&apps, &worker, &request);
    // Refused or not: only a close code tells a browser's client why.
    let Some((io, read)) = accept(&request, framed).await else {
        return;
    };
    let app = admitted.as_ref().ok().map(|slot| &*slot.0);
    let settings = settings(&worker.lab.config, app);
    let written = worker.written(&CHANNELS).map(|w| w.recorder.clone());
    let socket = Rc::new(Socket::new(io, read.len(), settings, written));
    // A task of its own: actix-http's future for this connection is large and ends here.
    match admitted {
        Ok(slot) => drop(actix_rt::spawn(serve(worker, socket, read, slot, address))),
        Err(closing) => drop(actix_rt::spawn(refuse(socket, read, closing))),
    }
}

/// Says why, closes, and waits for the peer to do the same.
async fn refuse(socket: Rc<Socket>, read: Vec<u8>, closing: Closing) {
    frame_sink::send(&socket, |out| {
        event::error(Some(closing.code), closing.why, out)
    });
    socket.close(CloseCode(closing.code), closing.why);
    socket::run(&socket, &read, Deaf).await;
}

struct Deaf;

impl Session for Deaf {
    async fn on_message(&mut self, _: &Socket, _: Message) {}
}

/// The life of one connection.
async fn serve(
    worker: Arc<LaneWorker>,
    socket: Rc<Socket>,
    read: Vec<u8>,
    slot: Slot,
    address: Option<IpAddr>,
) {
    let node = worker.lab.node.clone();
    let outlet = Box::new(WebSocketOutlet(socket.clone()));
    let connection = Rc::new(Connection::new(
        slot.0.clone(),
        node.clone(),
        outlet,
        CHANNELS.transport,
        address,
    ));
    let Ok(registered) = node.register(connection.clone()) else {
        return refuse(socket, read, close::RECONNECT).await;
    };
    let ending = Ending(connection.clone());
    connection.established();
    socket::run(&socket, &read, Frames(connection.clone())).await;
    connection.end();
    drop((ending, registered, slot));
}

/// Messages of a WebSocket are frames.
struct Frames(Rc<Connection>);

impl Session for Frames {
    async fn on_message(&mut self, socket: &Socket, message: Message) {
        let Message::Text(text) = message else { return };
        let payload = self.0.on_frame(&text).await;
        socket.received(text.len(), payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::apps::AppSettings, protocol::pusher::app::Apps};

    #[test]
    fn protocol_versions_are_read_as_4_2_says() {
        let mut strict = AppSettings::new("2", "strict", "s");
        strict.strict_protocol = true;
        let apps = Apps::new(&[AppSettings::new("1", "k", "s"), strict], None);
        let check = |key, query| {
            check_version(apps.by_key(key).unwrap(), query).map_err(|closing| closing.code)
        };
        for good in [
            "",
            "client=js",
            "protocol=7",
            "protocol=4&version=8.6.0",
            "protocol=",
        ] {
            assert_eq!(check("k", good), Ok(()), "{good}");
        }
        assert_eq!(check("k", "protocol=3"), Err(4007));
        assert_eq!(check("k", "protocol=8"), Err(4007));
        assert_eq!(check("k", "protocol=seven"), Err(4006));
        assert_eq!(check("k", "protocol=-1"), Err(4006));
        assert_eq!(check("strict", ""), Err(4008));
    }
}
