//! Server-sent events: one answer that never ends (WHATWG HTML §9.2; RFC 6202 §3).
//!
//! `GET /sse/{channel}` → `text/event-stream`: an event `subscribed` with `retry:`, then each
//! publication as an unnamed event whose `id:` is its position. `Last-Event-ID` (or `epoch` and
//! `offset` in the query) resumes; an id that is no position of ours counts as one that cannot be
//! honoured. A comment is the heartbeat. Before the server ends a stream it sends `closing` with
//! the reason.
//!
//! What waits for the body is bounded in bytes ([`hub::queue`](crate::hub::queue)). A stream that
//! the kernel takes no more bytes of is given up by TCP (`tcp_unacknowledged`).

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, MessageBody},
    http::{Method, header},
    web,
};
use bytes::Bytes;
use futures_util::{FutureExt, future::LocalBoxFuture};
use tokio::time::{Instant, Sleep, sleep};

use super::{
    Attributed, LAST_CHUNK_BYTES, Query, Transport,
    catch_up::{Reader, catch_up},
    chunk_framing_bytes, is_chunked, will_answer, wrong_method,
};
use crate::{
    channel::{ChannelName, Epoch, Publication, StreamPosition},
    codec::{envelope, sse},
    disconnect::Disconnect,
    error::{Code, Refusal},
    hub::{
        Attachment, Delivery, Format, Subscriber,
        queue::{Budget, Chunk, Kind, Pushed, Queue},
    },
    lab::{LaneWorker, OfConnection, is_head},
    lane::{LaneId, booking::Message, meter::ConnectionMeter},
    node::{Connected, Visit},
    wire::Layers,
};

pub const TRANSPORT: Transport = Transport {
    lane: LaneId("sse"),
    also_on: &[],
    name: "sse",
    protocol: "plain",
    label: "Server-sent events",
    path: "/sse/",
    metered_as: super::named_channel,
    configure,
    upgrade: None,
};

fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/sse/{channel}")
            .route(web::get().to(open))
            .default_service(wrong_method(&[Method::GET])),
    );
}

/// A publication as an event, without the chunk around it.
static EVENT: Format = Format {
    index: 1,
    encode: encode_event,
};

fn encode_event(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let mut json = Vec::with_capacity(publication.retained_bytes() + 64);
    let layers = envelope::encode_publication(publication, &mut json);
    let from = out.len();
    let id = publication.position().to_string();
    sse::encode_event(None, Some(&id), &json, out);
    Layers {
        framing: (out.len() - from) as u64 - layers.total(),
        ..layers
    }
}

/// A stream for who was refused for now: `closing`, and the end. With a length: a proxy may keep
/// the connection.
pub fn closing(code: Code, retry: Duration) -> Vec<u8> {
    let mut body = Vec::new();
    sse::encode_retry(retry.as_millis() as u64, &mut body);
    let data = serde_json::json!({
        "reason": code.as_str(),
        "advice": Disconnect::Shutdown.advice(),
    });
    let data = data.to_string();
    sse::encode_event(Some("closing"), None, data.as_bytes(), &mut body);
    body
}

async fn open(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let mut asked = Query::parse(request.query_string())?;
    // An empty one is none: proxies and some clients send the name alone.
    let last = request.headers().get("last-event-id");
    if let Some(last) = last.filter(|last| !last.is_empty()) {
        asked.start.position = Some(last_event_id(last));
    }
    if is_head(&request) {
        // The head of a stream, and no subscription.
        return Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "text/event-stream"))
            .streaming(futures_util::stream::pending::<Result<Bytes, Infallible>>()));
    }
    let lab = &worker.lab;
    lab.node.may_use(&channel, lab.client_address(&request))?;
    let budget = Budget {
        max_bytes: lab.config.subscriber_queue_max_bytes,
        when_full: lab.config.slow_consumer,
    };
    let meter = request.meter().cloned();
    let queue = Rc::new(StreamQueue::new(meter, is_chunked(&request), budget));
    let connected = lab.node.register(queue.clone())?;
    let visit = match &asked.who {
        Some(who) => Some(lab.node.enter(&channel, who, TRANSPORT.via())?),
        None => None,
    };
    let attachment = lab.node.attach(&channel, queue.clone());
    let recovery = lab.node.recover(&channel, &asked.start).await?;

    let mut hello = Vec::new();
    sse::encode_retry(lab.config.sse_retry.0.as_millis() as u64, &mut hello);
    let mut subscribed = Vec::new();
    envelope::encode_subscribed(&channel, &recovery, &mut subscribed);
    // A stream that breaks before its first publication resumes from here, too.
    let begins = StreamPosition {
        offset: recovery.position.offset - recovery.publications.len() as u64,
        ..recovery.position.clone()
    };
    let id = begins.to_string();
    sse::encode_event(Some("subscribed"), Some(&id), &subscribed, &mut hello);
    queue.push_control(hello);
    let mut catching_up: CatchingUp = Box::pin(catch_up(
        lab.node.clone(),
        channel,
        queue.clone(),
        attachment,
        recovery,
    ));
    // Polled once right here: who missed nothing is subscribed when the answer begins.
    let subscription = match (&mut catching_up).now_or_never() {
        Some(attachment) => Subscription::Live(attachment),
        None => Subscription::CatchingUp(catching_up),
    };

    let heartbeat = lab.config.heartbeat.0;
    will_answer(&request, Message::default());
    let mut response = HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .body(EventStream {
            queue,
            heartbeat,
            next_beat: Box::pin(sleep(heartbeat)),
            subscription,
            _visit: visit,
            _connected: connected,
        });
    response.extensions_mut().insert(Attributed);
    Ok(response)
}

/// The position that a reader returns, or one that no history has.
fn last_event_id(value: &header::HeaderValue) -> StreamPosition {
    let named = value.to_str().ok().and_then(|text| text.parse().ok());
    named.unwrap_or_else(|| StreamPosition {
        epoch: Epoch::parse("unknown").expect("seven letters make an epoch"),
        offset: 0,
    })
}

/// What waits to be written, as the hub sees it.
struct StreamQueue {
    queue: RefCell<Queue<Chunk>>,
    ended: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    meter: Option<Arc<ConnectionMeter>>,
    /// Whether the chunked coding is around each chunk.
    is_chunked: bool,
}

impl StreamQueue {
    fn new(meter: Option<Arc<ConnectionMeter>>, is_chunked: bool, budget: Budget) -> Self {
        Self {
            is_chunked,
            queue: RefCell::new(Queue::new(budget)),
            ended: Cell::new(false),
            waker: RefCell::default(),
            meter,
        }
    }

    /// Queues bytes of the stream itself.
    fn push_control(&self, bytes: Vec<u8>) {
        self.push(Chunk::framing(bytes), Kind::Control);
    }

    fn push(&self, chunk: Chunk, kind: Kind) {
        let pushed = self.queue.borrow_mut().push(chunk, kind);
        match pushed {
            Pushed::Queued => {}
            Pushed::Dropped(publications) => self.dropped(publications),
            Pushed::OverBudget => {
                let dropped = self.queue.borrow_mut().clear();
                self.dropped(dropped);
                self.disconnect(Disconnect::SlowConsumer);
            }
        }
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Takes the next chunk and says what it is: its own bytes and the chunked coding around it.
    fn pop(&self) -> Option<Bytes> {
        let chunk = self.queue.borrow_mut().pop()?;
        if let Some(meter) = &self.meter {
            let mut layers = chunk.layers;
            if self.is_chunked {
                layers.framing += chunk_framing_bytes(chunk.bytes.len());
            }
            meter.follow(Message {
                layers,
                publications: chunk.publications,
                stamps: chunk.live_since_us,
                is_empty_answer: false,
            });
        }
        Some(chunk.bytes)
    }

    fn dropped(&self, publications: usize) {
        if let Some(meter) = &self.meter {
            meter.dropped(publications);
        }
    }
}

impl Subscriber for StreamQueue {
    fn deliver(&self, delivery: Delivery<'_>) {
        if self.ended.get() {
            return;
        }
        let encoded = delivery.encoded(&EVENT);
        let chunk = Chunk {
            bytes: encoded.share(0),
            layers: encoded.layers,
            publications: delivery.publications().len(),
            live_since_us: delivery.live_since_us().collect(),
            written: 0,
        };
        self.push(chunk, Kind::of(delivery));
    }

    fn disconnect(&self, reason: Disconnect) {
        if self.ended.replace(true) {
            return;
        }
        let data = format!(
            "{{\"reason\":\"{reason}\",\"advice\":\"{}\"}}",
            reason.advice()
        );
        let mut closing = Vec::new();
        sse::encode_event(Some("closing"), None, data.as_bytes(), &mut closing);
        self.push_control(closing);
    }
}

impl Reader for StreamQueue {
    fn is_drained(&self) -> bool {
        self.queue.borrow().is_empty()
    }
}

type CatchingUp = LocalBoxFuture<'static, Option<Attachment>>;

/// How far a reader has come. Held for its drop, which detaches.
enum Subscription {
    CatchingUp(CatchingUp),
    Live(#[expect(dead_code, reason = "held for its drop")] Option<Attachment>),
}

impl Subscription {
    /// Hands over the next page once the last one is taken.
    fn go_on(&mut self, context: &mut Context<'_>) {
        if let Self::CatchingUp(catching_up) = self
            && let Poll::Ready(attachment) = catching_up.as_mut().poll(context)
        {
            *self = Self::Live(attachment);
        }
    }
}

/// The body of the answer. Dropping it is how a departure is noticed.
struct EventStream {
    queue: Rc<StreamQueue>,
    heartbeat: Duration,
    next_beat: Pin<Box<Sleep>>,
    subscription: Subscription,
    _visit: Option<Visit>,
    _connected: Connected,
}

impl MessageBody for EventStream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = self.get_mut();
        this.subscription.go_on(context);
        if this.queue.queue.borrow().is_empty()
            && !this.queue.ended.get()
            && this.next_beat.as_mut().poll(context).is_ready()
        {
            let mut beat = Vec::new();
            sse::encode_comment("heartbeat", &mut beat);
            this.queue.push_control(beat);
        }
        if let Some(bytes) = this.queue.pop() {
            this.next_beat
                .as_mut()
                .reset(Instant::now() + this.heartbeat);
            return Poll::Ready(Some(Ok(bytes)));
        }
        if this.queue.ended.get() {
            if let Some(meter) = this.queue.meter.as_ref().filter(|_| this.queue.is_chunked) {
                let last = Layers {
                    framing: LAST_CHUNK_BYTES,
                    ..Layers::default()
                };
                meter.follow(last.into());
            }
            return Poll::Ready(None);
        }
        *this.queue.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ChannelName;
    use serde_json::value::RawValue;

    #[test]
    fn an_event_carries_the_envelope_and_its_position() {
        let publication = Publication {
            channel: ChannelName::parse("news").unwrap(),
            epoch: Epoch::parse("e1").unwrap(),
            offset: 7,
            event: "tick".into(),
            data: RawValue::from_string("{\n\"n\":1}".to_owned()).unwrap(),
            intended_us: 1,
            published_us: 2,
            origin: None,
        };
        let mut out = Vec::new();
        let layers = encode_event(&publication, &mut out);
        assert_eq!(layers.total(), out.len() as u64);
        assert_eq!(layers.payload, 8);
        let event = sse::Decoder::default().feed(&out).remove(0);
        assert_eq!(event.last_event_id, "e1:7");
        let mut json = Vec::new();
        envelope::encode_publication(&publication, &mut json);
        assert_eq!(event.data.as_bytes(), json);
    }
}
