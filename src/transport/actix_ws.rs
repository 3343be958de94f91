//! WebSockets by the crate `actix-ws`, written as its own documentation teaches it: what a reader
//! would begin with, and what the owned socket of [`super::websocket`] is compared to.
//!
//! # On the wire
//!
//! The same messages as on the WebSocket lane, and the frames to the byte. Only the head of the
//! 101 differs: the order and case of its headers, `vary` and `date`. Inside:
//!
//! ```text
//! client        actix-http            the crate                     this file             hub
//!   │── GET, Upgrade ──►│── handler ──────────────────────────────────►│ verify, handle()
//!   │ ◄── 101 ──────────│ ◄── response: its body is the stream ────────│
//!   │══ frame ═════════►│── payload ──►│ checked: incoming.rs          │
//!   │                   │              │ MessageStream ── message ────►│ publish
//!   │                   │              │                               │ ◄── queue ── deliver ──│
//!   │                   │              │ ◄── Session ─── text ─────────│   (ours, bounded in bytes)
//!   │                   │              │ channel of 32                 │
//!   │ ◄══ frame ════════│ ◄────────────│ StreamingBody: encodes, copies│
//! ```
//!
//! What differs is what this lane shows: a publication passes a task, a channel of 32 messages and
//! an encoder for each client before actix-http writes it, where the owned socket hands shared
//! bytes to the kernel in the hub's own loop.
//!
//! # Why so, and what was rejected
//!
//! - **Sending from the hub**, without a queue of one's own. `Session::text` waits while the
//!   channel is full, so one client that does not read would stop the loop that serves all, until
//!   it reads or its connection dies. That is the fault most chats that are built on this crate
//!   have; experiment E17 is about it.
//! - **`try_send` and throwing away what does not fit.** Losses nobody counts (and the crate's
//!   `Session` only has calls that wait: it would take a channel of one's own). So each client has
//!   a queue with a budget in bytes, as on every lane, and a task that waits for the crate in its
//!   place.
//! - **Trusting the crate with the input.** It keeps a frame until its last byte is there and
//!   looks at the length only then, so a client that announces 2^40 bytes could fill the memory:
//!   `incoming` looks first.
//! - **The main port.** An ordinary handler gets requests to upgrade only where nothing takes
//!   connections over, which actix-http decides for a whole port: so the lane needs one of its
//!   own, and is missing with `--single-port`.
//!
//! What the crate does: the 101, frames to messages and back, fragments joined if it is asked to.
//! What is left to the program, and here: the answer to a ping, pings of one's own, noticing that
//! nobody answers, the answer to a close and the limit for one's own, coming back from a position,
//! `Origin` ([`crate::gate`]), and what happens to a slow client.
//!
//! # What goes wrong
//!
//! - **The client stops reading.** What it is sent waits in five places: our queue, bounded to
//!   1 MiB (`subscriber_queue_max_bytes`); the crate's channel, 32 messages of any size; the
//!   frames that `StreamingBody` makes of all that is in the channel; actix-http's buffer for
//!   writing; and the kernel's, which the system bounds. The middle three cannot be asked how full
//!   they are. When our queue is full, `--slow-consumer` decides
//!   ([`hub::when_full`](crate::hub::when_full)): by default it is thrown away, counted, and the
//!   client closed with 1013. 2 s later (`close_timeout`) the connection is cut, so that who wakes
//!   up later finds it reset (1006 in a browser).
//! - **The client is gone without a word**: pinged after 25 s without a byte from it, closed with
//!   4408 after 20 s more, as on the WebSocket lane.
//! - **The client breaks the protocol.** Over 64 KiB (`message_max_bytes`), announced or summed up
//!   over fragments: 1009. Binary: 1003. Unmasked, or any other bad header: 1002. All three at the
//!   header. Text that is not UTF-8: 1007, but only with the last byte of its frame or message,
//!   and not with the first bad one; messages that were read from the socket together with it are lost.
//!
//! # What it costs
//!
//! `pushlab run --lanes websocket,actix-ws --clients 200 --rate 20 --order in-turn --markdown`:
//! **the same bytes**, 221 a publication on both, and a median delay **1.6 times** as long (2.50 ms
//! to 1.54). With one client there is no difference that can be measured: it is the work for each
//! of 200 that adds up. In processor time: `cargo bench --bench fanout -- actix-ws`.
//!
//! # Where it can be seen
//!
//! Compare page, beside WebSocket; experiments E10 and E17; `docs/lanes/actix-ws.md`.

pub mod echo;
mod incoming;

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
    rc::Rc,
    sync::{Arc, Weak},
};

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, ResponseError,
    http::{Method, header},
    web,
};
use actix_ws::{AggregatedMessage, CloseCode, CloseReason, Closed, ProtocolError};
use bytes::Bytes;
use bytestring::ByteString;
use futures_util::StreamExt;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

use self::incoming::{Seen, checked};
use super::{
    Attributed, SubscribeQuery,
    catch_up::{Reader, catch_up},
    socket_message::SocketPublisher,
    subscribe::{ActiveSubscription, subscribe},
    websocket::{
        handshake::{subprotocol, verify},
        not_upgraded,
    },
    will_answer, wrong_method,
};
use crate::{
    catalogue::{ACTIX_WS, Lane, LaneId, WireFormat},
    channel::ChannelName,
    codec::{envelope, websocket},
    disconnect::Disconnect,
    error::{Code, Refusal},
    hub::{
        Attachment, Delivery, Format, Subscriber,
        queue::{Budget, Item, Kind, Pushed, Queue},
    },
    lane::{
        meter::{ConnectionMeter, Message},
        seats::Seat,
    },
    registry::{Endpoint, LaneWorker, OfConnection, is_head, named_channel},
    wire::Layers,
};

/// The endpoint: see the module.
pub struct ActixWs;

impl Endpoint for ActixWs {
    fn lane(&self) -> Option<&'static Lane> {
        Some(&ACTIX_WS)
    }

    fn metered_as(&self, rest: &str, _query: &str) -> Option<Arc<str>> {
        named_channel(rest)
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.service(
            web::resource("/actix-ws/{channel}")
                .route(web::get().to(open))
                .default_service(wrong_method(&[Method::GET])),
        );
    }
}

/// A publication as a text message, without the frame, which the crate makes for each client.
static TEXT: Format = Format {
    form: WireFormat::PlainText,
    encode: envelope::encode_publication,
};

/// The handshake, by an ordinary handler. What it answers is a response whose body is the stream of
/// frames down; the request's payload is the stream up.
async fn open(
    request: HttpRequest,
    channel: web::Path<String>,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let asked = SubscribeQuery::parse_for(&ACTIX_WS, request.query_string())?;
    if is_head(&request) || request.chunked().unwrap_or(true) {
        // Routed as a GET, but no handshake (RFC 6455 §4.1); or one with a body, whose answer
        // actix-http would write in chunks.
        return Ok(not_upgraded().await);
    }
    if let Err(refusal) = verify(request.head()) {
        let mut response = refusal.error_response();
        for (name, value) in [
            (header::SEC_WEBSOCKET_VERSION, "13"),
            (header::UPGRADE, "websocket"),
        ] {
            let value = header::HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        return Ok(response);
    }
    let config = &worker.lab.config;
    let max_bytes = config.message_max_bytes;
    let limits = websocket::Limits {
        message_max_bytes: max_bytes,
        accept_binary: false,
    };
    // A frame's bytes are counted when they are looked at, its message's when it is read: in
    // between a connection may end.
    let (seen, meter) = (Rc::<Seen>::default(), request.meter());
    let not_begun = |why: actix_web::Error| {
        let message = format!("the handshake is not understood: {why}");
        Refusal::new(Code::BadHandshake, message)
    };
    let payload = checked(&request, payload, limits, seen.clone(), meter.clone());
    let payload = payload.await.map_err(not_begun)?;
    let chosen = subprotocol(request.headers());
    let (mut response, session, messages) =
        actix_ws::handle_with_protocols(&request, payload, chosen.as_slice()).map_err(not_begun)?;
    let client = Rc::new(Client {
        queue: RefCell::new(Queue::new(Budget {
            max_bytes: config.subscriber_queue_max_bytes,
            when_full: config.slow_consumer,
        })),
        woken: Notify::new(),
        closing: Cell::new(None),
        is_closing: Cell::new(false),
        answered: Notify::new(),
        closes: Notify::new(),
        gone: Notify::new(),
        seen,
        meter,
    });
    // The crate's own limits, as its documentation sets them. They hold, but only once a frame is
    // whole.
    let messages = messages
        .max_frame_size(max_bytes)
        .aggregate_continuations()
        .max_continuation_size(max_bytes);
    let connection = Connection {
        address: worker.lab.client_address(&request),
        worker: worker.into_inner(),
        client,
        channel,
        session,
        // Weak: a session that is still ending must not keep the seat of a connection that is gone.
        seat: request.seat().as_ref().map(Arc::downgrade),
    };
    // The response is the 101. The session writes before it is sent, and its frames wait in the
    // crate.
    actix_web::rt::spawn(connection.run(asked, messages));
    will_answer(&request, Message::default());
    response.extensions_mut().insert(Attributed);
    Ok(response)
}

/// A message on its way to the client.
enum Outgoing {
    Text {
        text: Bytes,
        layers: Layers,
        publications: usize,
        live_since_us: Option<u64>,
    },
    Ping,
    /// A copy: a slice of what was read would keep all that was read with it.
    Pong(Box<[u8]>),
}

impl Item for Outgoing {
    /// A ping counts with its place in the queue alone: it has no payload.
    fn bytes(&self) -> usize {
        match self {
            Self::Text { text, .. } => text.len(),
            Self::Ping => 0,
            Self::Pong(payload) => payload.len(),
        }
    }

    fn publications(&self) -> usize {
        match self {
            Self::Text { publications, .. } => *publications,
            _ => 0,
        }
    }
}

/// What waits for one client, as the hub sees it.
struct Client {
    queue: RefCell<Queue<Outgoing>>,
    woken: Notify,
    /// Why the server ends it, once it does.
    closing: Cell<Option<CloseReason>>,
    /// Beside it, since a close frame may have no reason (§5.5.1).
    is_closing: Cell<bool>,
    /// Told once the client has said goodbye, or will say nothing more that can be understood.
    answered: Notify,
    /// Told once the server ends it.
    closes: Notify,
    /// Told once nothing can be written any more.
    gone: Notify,
    seen: Rc<Seen>,
    meter: Option<Arc<ConnectionMeter>>,
}

impl Client {
    /// Queues it, and wakes the task that writes. Called in the hub's loop, so it must not wait.
    fn push(&self, item: Outgoing, kind: Kind) {
        let pushed = self.queue.borrow_mut().push(item, kind);
        match pushed {
            Pushed::Queued => {}
            Pushed::Dropped(publications) => self.dropped(publications),
            Pushed::OverBudget => {
                let dropped = self.queue.borrow_mut().clear();
                self.dropped(dropped);
                self.disconnect(Disconnect::SlowConsumer);
            }
        }
        self.woken.notify_one();
    }

    /// Counts what the client will never get; it stands beside its lane in every result.
    fn dropped(&self, publications: usize) {
        if let Some(meter) = &self.meter {
            meter.dropped(publications);
        }
    }

    /// Queues `{"key":…}`.
    fn send_object(&self, key: &str, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) {
        let mut text = format!("{{\"{key}\":").into_bytes();
        write(&mut text);
        text.push(b'}');
        let item = Outgoing::Text {
            layers: Layers::of_protocol(text.len()),
            text: text.into(),
            publications: 0,
            live_since_us: None,
        };
        self.push(item, kind);
    }

    /// Ends the connection with this code, once what waits is out.
    fn close(&self, code: u16, why: &str) {
        self.close_with(Some(close_reason(code, why)));
    }

    /// The first reason counts: what comes after it is a consequence.
    fn close_with(&self, reason: Option<CloseReason>) {
        if !self.is_closing.replace(true) {
            self.closing.set(reason);
            self.woken.notify_one();
            self.closes.notify_one();
        }
    }

    /// Something is written next: its frame's header, and what is in it.
    fn book(&self, payload_bytes: usize, layers: Layers, publications: usize, live: Option<u64>) {
        if let Some(meter) = &self.meter {
            meter.follow(Message {
                layers: Layers {
                    framing: layers.framing + header_bytes(payload_bytes),
                    ..layers
                },
                publications,
                stamps: live.into_iter().collect(),
                is_empty_answer: false,
            });
        }
    }

    /// A message was read, of which so many bytes are payload. Its frames are counted already.
    fn received(&self, message_bytes: usize, payload_bytes: usize) {
        self.seen.read(message_bytes);
        if let Some(meter) = &self.meter {
            meter.received(Layers {
                payload: payload_bytes as u64,
                ..Layers::of_protocol(message_bytes - payload_bytes)
            });
        }
    }
}

impl Drop for Client {
    /// Counts what it never got, and what it sent that never became a message.
    fn drop(&mut self) {
        let dropped = self.queue.get_mut().clear();
        self.dropped(dropped);
        if let Some(meter) = &self.meter {
            meter.received(Layers {
                framing: self.seen.take_unread(),
                ..Layers::default()
            });
        }
    }
}

/// Length of a frame's header without a mask (RFC 6455 §5.2).
fn header_bytes(payload_bytes: usize) -> u64 {
    let mut header = Vec::with_capacity(websocket::SERVER_HEADER_MAX_BYTES);
    websocket::encode_header(websocket::OpCode::Text, payload_bytes, &mut header);
    header.len() as u64
}

/// Payload of a close frame: a code of two bytes and its words (RFC 6455 §5.5.1).
fn close_bytes(reason: &Option<CloseReason>) -> usize {
    reason.as_ref().map_or(0, |reason| {
        2 + reason.description.as_ref().map_or(0, String::len)
    })
}

impl Subscriber for Client {
    fn deliver(&self, delivery: Delivery<'_>) {
        if self.is_closing.get() {
            return;
        }
        let kind = Kind::of(delivery);
        let is_live = !delivery.is_replay();
        // One item for each publication, where the owned socket queues a whole delivery: the crate
        // takes messages, and would put one frame around what is joined.
        for (publication, (text, layers)) in delivery.publications().zip(delivery.each(&TEXT)) {
            let item = Outgoing::Text {
                text: text.clone(),
                layers: *layers,
                publications: 1,
                live_since_us: is_live.then_some(publication.published_us),
            };
            self.push(item, kind);
        }
    }

    fn disconnect(&self, reason: Disconnect) {
        self.close(reason.close_code(), &reason.to_string());
    }
}

impl Reader for Client {
    /// Nothing waits here. What the crate holds is not asked about: at most 32 messages, and no way
    /// to know.
    fn is_drained(&self) -> bool {
        self.queue.borrow().is_empty()
    }
}

/// One client's connection.
struct Connection {
    worker: Arc<LaneWorker>,
    client: Rc<Client>,
    channel: ChannelName,
    /// Who publishes, for the rate.
    address: Option<IpAddr>,
    session: actix_ws::Session,
    /// The connection's own, which says that it is still there.
    seat: Option<Weak<Seat>>,
}

impl Connection {
    /// The life of one subscriber. Whoever is to be closed and does not take what it is sent is
    /// given up after a while, and with it the connection: actix-http alone would wait for as long
    /// as its client reads a little now and then.
    async fn run(self, asked: SubscribeQuery, messages: actix_ws::AggregatedMessageStream) {
        let close_within = self.worker.lab.config.close_timeout.0;
        let (client, seat) = (self.client.clone(), self.seat.clone());
        let overdue = async move {
            client.closes.notified().await;
            sleep(close_within).await;
        };
        tokio::select! {
            // What the crate has taken is still on its way.
            () = self.serve(asked, messages) => sleep(close_within).await,
            () = overdue => {}
        }
        if let Some(seat) = seat.and_then(|seat| seat.upgrade()) {
            seat.cut();
        }
    }

    /// Subscribes, says so, and carries what comes; or says why not, and closes.
    async fn serve(self, asked: SubscribeQuery, messages: actix_ws::AggregatedMessageStream) {
        let (node, client) = (self.worker.lab.node.clone(), self.client.clone());
        let entered = subscribe(
            &node,
            &ACTIX_WS,
            &self.channel,
            &asked,
            self.address,
            client.clone(),
        );
        let channel = self.channel.clone();
        match entered.await {
            Ok(ActiveSubscription {
                connected: _connected,
                presence_guard: _presence_guard,
                attachment,
                recovery,
            }) => {
                client.send_object("subscribed", Kind::Control, |out| {
                    envelope::encode_subscribed(&channel, &recovery, out);
                });
                let catching_up = catch_up(node, channel, client, attachment, recovery);
                self.carry(messages, catching_up).await;
            }
            Err(refusal) => {
                // The handshake is over: what refused the subscription is said in a message.
                client.send_object("error", Kind::Control, |out| refusal.encode(None, out));
                let again_later = websocket::CloseCode::TRY_AGAIN_LATER;
                client.close(again_later.0, refusal.code.as_str());
                self.carry(messages, std::future::ready(None)).await;
            }
        }
    }

    /// Writes, catches up and reads, side by side: a client that does not read is still heard, and
    /// asked for a sign of life.
    async fn carry(
        &self,
        messages: actix_ws::AggregatedMessageStream,
        catching_up: impl Future<Output = Option<Attachment>>,
    ) {
        let live = async {
            // Held until the end: dropping it detaches from the channel.
            let _attachment = catching_up.await;
            std::future::pending::<()>().await;
        };
        let written = async {
            if self.write().await.is_err() {
                // The connection is gone. What came before its end is still heard.
                self.client.gone.notify_one();
                std::future::pending().await
            }
        };
        tokio::select! {
            // In this order: what is written drains a page, after which the next one is handed over;
            // and who missed nothing is subscribed before its first message is read.
            biased;
            () = written => {}
            () = live => {}
            () = self.read(messages) => {}
        }
    }

    /// Hands what waits to the crate, which takes 32 messages before it has to be waited for. Ends
    /// when both close frames have passed, with an error when the connection is gone.
    async fn write(&self) -> Result<(), Closed> {
        let (client, mut session) = (&self.client, self.session.clone());
        loop {
            // The queue is borrowed for the one call, and not while the crate is waited for.
            let next = client.queue.borrow_mut().pop();
            match next {
                Some(Outgoing::Text {
                    text,
                    layers,
                    publications,
                    live_since_us,
                }) => {
                    client.book(text.len(), layers, publications, live_since_us);
                    let text = ByteString::try_from(text).map_err(|_| Closed)?;
                    session.text(text).await?;
                }
                Some(Outgoing::Ping) => {
                    client.book(0, Layers::default(), 0, None);
                    session.ping(b"").await?;
                }
                Some(Outgoing::Pong(payload)) => {
                    client.book(payload.len(), control(payload.len()), 0, None);
                    session.pong(&payload).await?;
                }
                None if client.is_closing.get() => break,
                None => client.woken.notified().await,
            }
        }
        let reason = client.closing.take();
        let bytes = close_bytes(&reason);
        client.book(bytes, control(bytes), 0, None);
        session.close(reason).await?;
        client.answered.notified().await;
        Ok(())
    }

    /// Acts on what the client sends, and asks for a sign of life where nothing comes. Ends when the
    /// client is gone; after its close frame, or a fault, `write` says goodbye and ends it.
    async fn read(&self, mut messages: actix_ws::AggregatedMessageStream) {
        let client = &self.client;
        let config = &self.worker.lab.config;
        let mut last_read = Instant::now();
        let mut asked_at: Option<Instant> = None;
        loop {
            let deadline = match asked_at {
                None => last_read + config.heartbeat.0,
                Some(asked_at) => asked_at + config.pong_timeout.0,
            };
            // One branch reads, the other is the heartbeat; `messages.next()` loses nothing when
            // the other wins, since what it has read it keeps.
            let came = tokio::select! {
                came = messages.next() => came,
                () = sleep_until(deadline), if !client.is_closing.get() => {
                    match asked_at {
                        None => client.push(Outgoing::Ping, Kind::Control),
                        Some(_) => client.disconnect(Disconnect::PongTimeout),
                    }
                    asked_at = Some(Instant::now());
                    continue;
                }
            };
            (last_read, asked_at) = (Instant::now(), None);
            match came {
                Some(Ok(AggregatedMessage::Text(text))) if !client.is_closing.get() => {
                    self.publish(&text).await;
                }
                // It is being closed: read, so that its bytes are in a layer, and not acted on.
                Some(Ok(AggregatedMessage::Text(text))) => client.received(text.len(), 0),
                Some(Ok(AggregatedMessage::Ping(payload))) if !client.is_closing.get() => {
                    let pong = Outgoing::Pong(payload.as_ref().into());
                    client.push(pong, Kind::Message);
                }
                // A binary message's header is refused.
                Some(Ok(
                    AggregatedMessage::Ping(_)
                    | AggregatedMessage::Pong(_)
                    | AggregatedMessage::Binary(_),
                )) => {}
                Some(Ok(AggregatedMessage::Close(reason))) => {
                    return self.ends_with(reason).await;
                }
                Some(Err(fault)) => {
                    let (code, why) = fault_in(&fault);
                    return self.ends_with(Some(close_reason(code.0, why))).await;
                }
                None => {
                    let Some(violation) = client.seen.violation.get() else {
                        return;
                    };
                    let reason = close_reason(violation.code.0, violation.why);
                    return self.ends_with(Some(reason)).await;
                }
            }
        }
    }

    /// The client says nothing more: `write` answers with this, unless it closes already, and ends
    /// the connection.
    async fn ends_with(&self, reason: Option<CloseReason>) {
        self.client.answered.notify_one();
        self.client.close_with(reason);
        self.client.gone.notified().await;
    }

    /// Publishes a message. The next is read when this is done, so who sends too fast waits in TCP.
    async fn publish(&self, text: &str) {
        let client = &self.client;
        let received = |payload: usize| client.received(text.len(), payload);
        let publisher = SocketPublisher {
            node: &self.worker.lab.node,
            channel: &self.channel,
            address: self.address,
            transport: ACTIX_WS.transport,
        };
        let reply = publisher.on_text(text, received).await;
        if let Some(meter) = client.meter.as_ref().filter(|_| reply.is_published()) {
            meter.publication_received();
        }
        client.send_object(reply.key(), Kind::Message, |out| {
            reply.encode(&self.channel, out);
        });
    }
}

/// Why a connection ends in whose messages the crate found a fault (RFC 6455 §7.4.1). Frames as such
/// are looked at before: what is left is text that is none, and a close frame with a code or words
/// that may not be.
fn fault_in(fault: &ProtocolError) -> (websocket::CloseCode, &'static str) {
    match fault {
        ProtocolError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => (
            websocket::CloseCode::INVALID_PAYLOAD,
            "text is not valid UTF-8",
        ),
        _ => (
            websocket::CloseCode::PROTOCOL_ERROR,
            "the close frame is not valid",
        ),
    }
}

/// A code and its words, as the crate takes them. At most 123 bytes of words fit into a frame
/// (§5.5); ours are texts of the lab, shorter than that.
fn close_reason(code: u16, why: &str) -> CloseReason {
    CloseReason {
        code: CloseCode::from(code),
        description: Some(why.to_owned()),
    }
}

/// What a control frame carries is the protocol's own.
fn control(payload_bytes: usize) -> Layers {
    Layers {
        framing: payload_bytes as u64,
        ..Layers::default()
    }
}
