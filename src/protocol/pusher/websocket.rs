//! Channels over WebSocket: one text message for each frame.

use std::{future::Future, net::IpAddr, rc::Rc, sync::Arc};

use actix_web::web;

use super::{
    admission::{admit, door_of_app},
    app::{App, Apps, Slot},
    close::{self, Closing},
    commands,
    connection::{Connection, ConnectionGuard},
    frame_sink::{self, WebSocketSink},
};
use crate::{
    catalogue::{CHANNELS, Lane, LaneId},
    codec::{
        pusher::event,
        websocket::{CloseCode, Limits, Message},
    },
    config::{Config, compress::Compress},
    hub::queue::Budget,
    registry::{Door, Endpoint, LaneWorker, NO_CHANNEL, TakeOver, Upgrade},
    transport::websocket::{
        deflating::Compressing,
        handshake::accept,
        socket::{self, Session, Socket, SocketSettings},
    },
};

/// The endpoint of WebSockets.
pub struct WebSocketEndpoint(pub Arc<Apps>);

impl Endpoint for WebSocketEndpoint {
    fn lane(&self) -> Option<&'static Lane> {
        Some(&CHANNELS)
    }

    /// A connection names its channels later; it is metered under the first.
    fn metered_as(&self, _rest: &str, _query: &str) -> Option<Arc<str>> {
        Some(NO_CHANNEL.into())
    }

    /// A refused upgrade gets a close code, as from the hosted service: after an HTTP status
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
    // Accepted even if refused: only a close code says why to a client in a browser.
    let app = admitted.as_ref().ok().map(|slot| &*slot.0);
    let settings = settings(&worker.lab.config, app);
    let asked = Compress::asked(request.uri().query().unwrap_or_default());
    let compressing = Compressing::of(&worker, asked, settings.budget.when_full);
    let Some(accepted) = accept(&request, framed, compressing).await else {
        return;
    };
    let written = worker.written(&CHANNELS).map(|w| w.recorder.clone());
    let rounds = worker.lab.node.rounds();
    let (socket, read) = Socket::of(accepted, settings, written, rounds);
    let socket = Rc::new(socket);
    // A task of its own: actix-http's future for this connection is large and ends here.
    match admitted {
        Ok(slot) => drop(actix_rt::spawn(serve(worker, socket, read, slot, address))),
        Err(closing) => drop(actix_rt::spawn(refuse(socket, read, closing))),
    }
}

/// Sends the reason, closes, and waits for the peer to do the same.
async fn refuse(socket: Rc<Socket>, read: Vec<u8>, closing: Closing) {
    frame_sink::send(&socket, |out| {
        event::error(Some(closing.code), closing.why, out)
    });
    socket.close(CloseCode(closing.code), closing.why);
    socket::run(&socket, read, DiscardMessages).await;
}

/// What a refused client still sends is of no use.
struct DiscardMessages;

impl Session for DiscardMessages {
    async fn on_message(&mut self, socket: &Socket, message: Message) {
        socket.received_in_vain(&message);
    }
}

/// The life of one connection.
#[allow(
    clippy::manual_async_fn,
    reason = "an async fn keeps room for its arguments twice"
)]
fn serve(
    worker: Arc<LaneWorker>,
    socket: Rc<Socket>,
    read: Vec<u8>,
    slot: Slot,
    address: Option<IpAddr>,
) -> impl Future<Output = ()> {
    async move {
        let node = worker.lab.node.clone();
        let sink = Box::new(WebSocketSink(socket.clone()));
        let connection = Rc::new(Connection::new(
            slot.0.clone(),
            node.clone(),
            sink,
            CHANNELS.transport,
            address,
        ));
        let Ok(registered) = node.register(connection.clone()) else {
            return Box::pin(refuse(socket, read, close::RECONNECT)).await;
        };
        let guard = ConnectionGuard(connection.clone());
        connection.established();
        socket::run(&socket, read, Frames(connection.clone())).await;
        connection.end();
        drop((guard, registered, slot));
    }
}

/// Messages of a WebSocket are frames.
struct Frames(Rc<Connection>);

impl Session for Frames {
    fn on_message(&mut self, socket: &Socket, message: Message) -> impl Future<Output = ()> {
        Box::pin(async move {
            let Message::Text(text) = message else { return };
            let payload = commands::act_on(&self.0, &text).await;
            socket.received(text.len(), payload);
        })
    }
}
