//! WebSockets: one connection, messages both ways (RFC 6455).
//!
//! After one exchange of HTTP the connection is no longer HTTP: each side may send at any time, and
//! a message has 2 to 10 bytes around it down, and 6 to 14 up, since clients mask, where a request
//! has two heads. What HTTP gave for nothing must now be made: an answer that finds its question (an
//! `id`), coming back after a break (a position), knowing that the other side is still there (ping
//! and pong).
//!
//! # On the wire
//!
//! ```text
//! client                                                   server
//!   │── GET /ws/news, Upgrade: websocket, a key ──────────►│
//!   │ ◄── 101 Switching Protocols, the key's answer ────── │  the last HTTP on this connection
//!   │ ◄══ {"subscribed":{…,"offset":7,"recovered":true}} ═ │  always the first frame
//!   │ ◄══ {…,"offset":8,"event":"tick",…,"data":{"n":1}} ═ │  a publication: one text frame
//!   │══ {"publish":{"event":"say",…,"id":"a1"}} ══════════►│  masked (§5.3), so 4 bytes more than down
//!   │ ◄══ {"ack":{"id":"a1","offset":9,…}} ═══════════════ │
//!   │ ◄══ ping ══════════════════════════════════════════ │  after 25 s without a byte up, or without one down
//!   │══ pong ═════════════════════════════════════════════►│  by the browser itself; none within 20 s: 4408
//!   │ ◄══ close 1001 ═════════════════════════════════════ │  either side; the other answers, and then FIN
//! ```
//!
//! `GET /ws/{channel}?epoch=&offset=` with an upgrade; a plain GET gets 426. [`handshake`] has the
//! upgrade byte for byte, [`socket`] the closing in all its forms. `?envelope=bare` asks for
//! publications as their data alone, after `{"subscribed":…}`: the floor that the other forms are
//! compared with. Nothing tells them from `{"ack":…}` but what is in them.
//!
//! # Who may come in
//!
//! CORS does not hold for WebSockets: any page may call `new WebSocket` to any host. What stops it
//! is the server's look at `Origin`, which a page cannot forge (RFC 6455 §10.2). [`crate::gate`]
//! takes it before the upgrade: a foreign page gets 403, a foreign name in `Host` 421. Pages of
//! loopback names and of the lab's own are let in, and `--origins` adds others. A program sends no
//! `Origin` and is let in, since it has nobody's cookies. The key keeps nobody out: it shows that
//! the other side speaks WebSocket ([`handshake`]). A page that is refused sees `error` and close
//! 1006, neither status nor body. What is refused after the 101, such as one channel too many, it
//! sees: `{"error":…}` and close 1013.
//!
//! # What goes wrong
//!
//! - **The client is gone without a word.** 25 s (`heartbeat`) after its last byte, or after the last to it, it is pinged,
//!   and if no byte comes within 20 s (`pong_timeout`) closed with 4408: after 45 s at most. If
//!   something was on its way TCP may be first, after 30 s, without a code. TCP alone would not
//!   do: with nothing to send it is silent unless it is told to probe, behind a proxy it speaks of
//!   the proxy only, and proxies forget a connection without traffic. A page's script can neither
//!   send a ping nor see one; it notices by messages of its own, as the lab's page does when no
//!   `ack` comes within 10 s. Its `close` event then has 1006.
//! - **The client stops reading.** First the kernel's buffers fill (megabytes, unless
//!   `tcp_send_buffer` says less), then the socket's queue, up to 1 MiB
//!   (`subscriber_queue_max_bytes`); past it `--slow-consumer` decides
//!   ([`hub::when_full`](crate::hub::when_full)), and nobody else waits. `disconnect`, the
//!   default, throws away what is not begun, counted, and closes with 1013. A client that wakes up
//!   within 2 s (`close_timeout`) reads that; a later one finds its connection reset, which a
//!   browser calls 1006. Both come back with their position.
//! - **The connection breaks before the `ack`.** `send()` says only that the browser has the
//!   message, so nobody knows whether it was published. The page comes back, by its own code, and
//!   sends it again with the same `id`: within 5 min (`idempotence_window`) the server answers
//!   with the first position and publishes nothing. What others wrote meanwhile comes by
//!   `?epoch=&offset=`; `subscribed` says `"recovered":true` if that is all of it. Its own line may
//!   be among them: the page shows an offset once.
//! - **The client breaks the protocol.** Over 64 KiB (`message_max_bytes`), announced or summed up
//!   over fragments: 1009. Binary: 1003. Text that is not UTF-8: 1007. Unmasked, or any other bad
//!   frame: 1002.
//!
//! # Rejected
//!
//! - **The crate `actix-ws`**, which is how most programs on actix do it. It puts a task, a channel
//!   of 32 messages and an encoder between the hub and each connection. It is a lane of its own,
//!   [`super::actix_ws`], so that what that costs is measured and not claimed.
//! - **Text in frames of one's own making over HTTP streaming**, both ways. A browser does not send
//!   a request's body before it is whole in HTTP/1.1, so up there is no stream.
//! - **Compression by default** (RFC 7692). It is there (`--compress`, `?compress=on`; [`deflating`]),
//!   and off: a byte that is compressed can no longer be told to be the envelope's or the data's, what
//!   a publication costs depends on the ones before it, and a context for each connection is some
//!   hundred KiB.
//!
//! A session owns its socket: actix-http hands the connection over with its upgrade service, and
//! then a publication goes from the shard's loop to the kernel without waking a task.
//!
//! # What it costs
//!
//! `pushlab run --lanes websocket,websocket-bare --clients 1 --markdown`: **220 bytes** for a
//! publication of 60: 156 of envelope, the same as on every plain lane, make a message of 216, and
//! the frame's header is 4. Bare it is **62**, with a header of 2. A frame's header takes 2 bytes up to 125 of message,
//! 4 up to 65,535, and 10 beyond (§5.2); up, the mask is 4 more. Clients mask so that a script
//! cannot choose the bytes on the wire and make a proxy that knows no WebSocket keep them as
//! somebody's page (§10.3). Two round trips until a client is in its channel, as for one poll
//! (`pushlab experiment E10`); a heartbeat is 8 bytes, ping and pong together (E16).
//!
//! # Where it can be seen
//!
//! Lessons 6 (how many trips), 4 (what 20 bytes weigh) and 13 (silence is not absence); experiments
//! E1, E6, E10, E16 and E18; `docs/lanes/websocket.md`. [`echo`] is for conformance suites.

pub mod deflating;
pub mod echo;
pub mod handshake;
pub mod socket;

use std::{future::Future, net::IpAddr, pin::Pin, rc::Rc, sync::Arc};

use actix_web::{http::Method, web};
use futures_util::FutureExt;

use self::{
    deflating::{Compressing, FrameFormat, deflated},
    handshake::{accept, refuse},
    socket::{Session, Socket, SocketSettings},
};
use super::{
    SubscribeQuery,
    catch_up::{Reader, catch_up},
    socket_message::SocketPublisher,
    subscribe::{ActiveSubscription, subscribe},
    wrong_method,
};
use crate::{
    catalogue::{Form, Lane, LaneId, WEBSOCKET, WireFormat},
    channel::{ChannelName, Publication},
    codec::{
        envelope,
        websocket::{self, CloseCode, Message},
    },
    config::Config,
    disconnect::Disconnect,
    error::{Code, Refusal},
    hub::{Attachment, Delivery, Format, Subscriber, queue::Budget},
    node::{Connected, Node, PresenceGuard},
    registry::{Endpoint, LaneWorker, TakeOver, Upgrade, channel_in_path, named_channel},
    wire::Layers,
};

/// The endpoint: see the module.
pub struct WebSocket;

impl Endpoint for WebSocket {
    fn lane(&self) -> Option<&'static Lane> {
        Some(&WEBSOCKET)
    }

    fn metered_as(&self, rest: &str, _query: &str) -> Option<Arc<str>> {
        named_channel(rest)
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.service(
            web::resource("/ws/{channel}")
                .route(web::get().to(not_upgraded))
                .default_service(wrong_method(&[Method::GET])),
        );
    }

    // actix-http calls this instead of a handler when the request asks to upgrade: it hands over the
    // stream itself, with what was read of it.
    fn take_over(&self, _path: &str) -> Option<TakeOver> {
        Some(Box::new(|worker, upgrade| Box::pin(open(worker, upgrade))))
    }
}

/// The answer to a plain GET where a handshake was expected (RFC 9110 §15.5.22).
pub async fn not_upgraded() -> actix_web::HttpResponse {
    let refusal = Refusal::new(Code::UpgradeRequired, "the request does not ask to upgrade");
    let mut response = actix_web::ResponseError::error_response(&refusal);
    response.headers_mut().insert(
        actix_web::http::header::UPGRADE,
        actix_web::http::header::HeaderValue::from_static("websocket"),
    );
    response
}

/// A publication as one text frame.
static FRAME: FrameFormat = FrameFormat {
    plain: Format {
        form: WireFormat::PlainFrame,
        encode: encode_frame,
    },
    deflated: Format {
        form: WireFormat::PlainFrameDeflated,
        encode: |publication, out| deflated(encode_frame, publication, out),
    },
};

/// The frame around a publication, made once for all who get it: what goes down is not masked
/// (§5.1), so it is the same bytes for everybody.
fn encode_frame(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let (framing, layers) =
        websocket::encode_text_with(out, |out| envelope::encode_publication(publication, out));
    Layers { framing, ..layers }
}

/// A publication's data as one text frame.
static BARE_FRAME: FrameFormat = FrameFormat {
    plain: Format {
        form: WireFormat::BareFrame,
        encode: encode_bare_frame,
    },
    deflated: Format {
        form: WireFormat::BareFrameDeflated,
        encode: |publication, out| deflated(encode_bare_frame, publication, out),
    },
};

/// The frame around a publication's data.
fn encode_bare_frame(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let (framing, layers) =
        websocket::encode_text_with(out, |out| envelope::encode_bare(publication, out));
    Layers { framing, ..layers }
}

/// The lab's settings as a socket takes them. `accept_binary`: the envelope is JSON, so that a
/// binary message is refused with 1003 (§7.4.1) everywhere but at [`echo`].
pub(super) fn settings(config: &Config, accept_binary: bool) -> SocketSettings {
    SocketSettings {
        ping_every: config.heartbeat.0,
        pong_within: config.pong_timeout.0,
        close_within: config.close_timeout.0,
        budget: Budget {
            max_bytes: config.subscriber_queue_max_bytes,
            when_full: config.slow_consumer,
        },
        limits: websocket::Limits {
            message_max_bytes: config.message_max_bytes,
            accept_binary,
        },
        close_code: Disconnect::close_code,
    }
}

/// Takes the connection over. What can be refused by HTTP is refused before the 101; afterwards
/// there is no status any more, only messages and close codes.
async fn open(worker: Arc<LaneWorker>, (request, framed): Upgrade) {
    let asked =
        channel_in_path(request.path().trim_start_matches(WEBSOCKET.path)).and_then(|channel| {
            let query = request.uri().query().unwrap_or_default();
            Ok((channel, SubscribeQuery::parse_for(&WEBSOCKET, query)?))
        });
    let (channel, asked) = match asked {
        Ok(asked) => asked,
        Err(refusal) => return refuse(framed.into_parts().io, refusal).await,
    };
    let settings = settings(&worker.lab.config, false);
    let compressing = Compressing::of(&worker, asked.compress, settings.budget.when_full);
    let Some(accepted) = accept(&request, framed, compressing).await else {
        return;
    };
    let written = worker.written(&WEBSOCKET).map(|w| w.recorder.clone());
    let rounds = worker.lab.node.rounds();
    let (socket, read) = Socket::of(accepted, settings, written, rounds);
    let socket = Rc::new(socket);
    let address = (worker.lab).address_behind(request.peer_addr(), &request.head().headers);
    // A task of its own, so that actix-http's large future for this connection ends here.
    actix_rt::spawn(serve(worker, socket, read, channel, asked, address));
}

/// The life of one subscriber. No `async fn`, which would keep room for its arguments twice.
fn serve(
    worker: Arc<LaneWorker>,
    socket: Rc<Socket>,
    read: Vec<u8>,
    channel: ChannelName,
    asked: SubscribeQuery,
    address: Option<IpAddr>,
) -> impl Future<Output = ()> {
    // Boxed, since it is soon over and takes more room than all that follows.
    let begun = Box::pin(begin(
        worker.lab.node.clone(),
        socket.clone(),
        channel.clone(),
        asked,
        address,
    ));
    async move {
        let (mut held, mut catching_up) = match begun.await {
            Ok((held, catching_up)) => (Some(held), catching_up),
            Err(refusal) => {
                // The handshake is over, so the refusal is sent as a message.
                send_object(&socket, "error", |out| refusal.encode(None, out));
                // 1013: browsers show a page the code and nothing else of a failed connection.
                socket.close(CloseCode::TRY_AGAIN_LATER, refusal.code.as_str());
                (None, None)
            }
        };
        let session = Publishing(SocketPublisher {
            node: &worker.lab.node,
            channel: &channel,
            address,
            transport: WEBSOCKET.transport,
        });
        let mut running = std::pin::pin!(socket::run(&socket, read, session));
        if let (Some(pages), Some(held)) = (&mut catching_up, &mut held) {
            // Polled after `running`, whose writes drain the pages.
            tokio::select! {
                biased;
                () = &mut running => return,
                caught_up = pages => held.attachment = caught_up,
            }
        }
        drop(catching_up);
        running.await;
        // Only now: until the closing handshake is over, publications may still come.
        drop(held);
    }
}

/// What a subscriber holds while it is there; dropped in this order.
struct Held {
    /// `None` while it catches up, and once it was disconnected meanwhile.
    attachment: Option<Attachment>,
    _presence_guard: Option<PresenceGuard>,
    _connected: Connected,
}

/// What hands over the pages of a backlog, and goes live with the last.
type CatchingUp = Pin<Box<dyn Future<Output = Option<Attachment>>>>;

/// Subscribes and says so. What the client has sent right behind its handshake is read afterwards,
/// whether or not this succeeds.
async fn begin(
    node: Arc<Node>,
    socket: Rc<Socket>,
    channel: ChannelName,
    asked: SubscribeQuery,
    address: Option<IpAddr>,
) -> Result<(Held, Option<CatchingUp>), Refusal> {
    let subscriber = Rc::new(PlainSubscriber {
        socket: socket.clone(),
        format: match asked.form {
            Form::Bare => &BARE_FRAME,
            Form::AsItIs | Form::WithPositions => &FRAME,
        },
    });
    let ActiveSubscription {
        connected,
        presence_guard,
        attachment,
        recovery,
    } = subscribe(
        &node,
        &WEBSOCKET,
        &channel,
        &asked,
        address,
        subscriber.clone(),
    )
    .await?;
    // Before the first publication, so that a client always knows where it stands.
    send_object(&socket, "subscribed", |out| {
        envelope::encode_subscribed(&channel, &recovery, out);
    });
    let mut catching_up: CatchingUp =
        Box::pin(catch_up(node, channel, subscriber, attachment, recovery));
    // Polled once here, so that a client that missed nothing is subscribed before its first message
    // is read.
    let at_once = catching_up.as_mut().now_or_never();
    let catching_up = at_once.is_none().then_some(catching_up);
    let held = Held {
        attachment: at_once.flatten(),
        _presence_guard: presence_guard,
        _connected: connected,
    };
    Ok((held, catching_up))
}

/// A socket, as a subscriber of the hub.
struct PlainSubscriber {
    socket: Rc<Socket>,
    format: &'static FrameFormat,
}

impl Subscriber for PlainSubscriber {
    /// Called in the hub's loop: the kernel has the bytes when this returns, or the socket's queue
    /// has.
    fn deliver(&self, delivery: Delivery<'_>) {
        self.socket.deliver(delivery, self.format);
    }

    fn disconnect(&self, reason: Disconnect) {
        self.socket.disconnect(reason);
    }
}

/// The same task reads, writes and catches up, so nobody has to be woken when the queue is empty.
impl Reader for PlainSubscriber {
    fn is_drained(&self) -> bool {
        self.socket.is_flushed()
    }
}

/// What a client may send: publications.
struct Publishing<'a>(SocketPublisher<'a>);

impl Session for Publishing<'_> {
    /// Publishes, and answers with where it went. The acknowledgement counts in the queue like a
    /// publication, so a client that sends and never reads is found out.
    fn on_message(&mut self, socket: &Socket, message: Message) -> impl Future<Output = ()> {
        Box::pin(async move {
            // Binary never comes this far: the decoder refuses it.
            let Message::Text(text) = message else { return };
            let received = |payload| socket.received(text.len(), payload);
            let reply = self.0.on_text(&text, received).await;
            if reply.is_published() {
                socket.meter().publication_received();
            }
            send_object(socket, reply.key(), |out| reply.encode(self.0.channel, out));
        })
    }
}

/// Sends `{"key":…}` as a text message.
fn send_object(socket: &Socket, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
    // Written into the frame itself: the header's length depends on what follows, so room for the
    // longest is left and what is not needed is closed up.
    let mut out = Vec::with_capacity(160);
    let (framing, ()) = websocket::encode_text_with(&mut out, |out| {
        out.extend_from_slice(b"{\"");
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        write(out);
        out.push(b'}');
    });
    let layers = Layers {
        framing,
        protocol: out.len() as u64 - framing,
        lab: 0,
        payload: 0,
        saved: 0,
    };
    socket.send(out.into(), layers);
}
