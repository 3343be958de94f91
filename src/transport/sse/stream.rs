//! The body of an event stream: its queue and its heartbeat.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use tokio::time::{Instant, Sleep, sleep};

use crate::{
    catalogue::WireFormat,
    channel::Publication,
    codec::{envelope, sse},
    disconnect::Disconnect,
    hub::{
        Attachment, Delivery, Format, Subscriber,
        queue::{Budget, Chunk, Kind, Pushed, Queue},
    },
    lane::meter::{ConnectionMeter, Message},
    node::{Connected, PresenceGuard},
    transport::{LAST_CHUNK_BYTES, catch_up::Reader, chunk_framing_bytes},
    wire::Layers,
};

/// A publication as an event, without the chunk around it.
static EVENT: Format = Format {
    form: WireFormat::PlainEvent,
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

/// The stream's queue, as a subscriber of the hub.
pub(super) struct StreamQueue {
    queue: RefCell<Queue<Chunk>>,
    ended: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    meter: Option<Arc<ConnectionMeter>>,
    /// Whether the answer has the chunked coding.
    is_chunked: bool,
}

impl StreamQueue {
    pub fn new(meter: Option<Arc<ConnectionMeter>>, is_chunked: bool, budget: Budget) -> Self {
        Self {
            is_chunked,
            queue: RefCell::new(Queue::new(budget)),
            ended: Cell::new(false),
            waker: RefCell::default(),
            meter,
        }
    }

    /// Queues bytes of the stream itself.
    pub fn push_control(&self, bytes: Vec<u8>) {
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

    /// Takes the next chunk and announces it to the meter, with the chunked coding around it.
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

pub(super) type CatchingUp = LocalBoxFuture<'static, Option<Attachment>>;

/// The state of the subscription; dropping it detaches.
pub(super) enum Subscription {
    CatchingUp(CatchingUp),
    Live(#[expect(dead_code, reason = "held for its drop")] Option<Attachment>),
}

impl Subscription {
    /// Hands over the next page of a catch-up once the last one is taken.
    fn go_on(&mut self, context: &mut Context<'_>) {
        if let Self::CatchingUp(catching_up) = self
            && let Poll::Ready(attachment) = catching_up.as_mut().poll(context)
        {
            *self = Self::Live(attachment);
        }
    }
}

/// The body of the answer; actix drops it when the client is gone.
pub(super) struct EventStream {
    queue: Rc<StreamQueue>,
    heartbeat: Duration,
    next_beat: Pin<Box<Sleep>>,
    subscription: Subscription,
    _presence_guard: Option<PresenceGuard>,
    _connected: Connected,
}

impl EventStream {
    /// `heartbeat`: silence after which a comment is sent. The body keeps `presence_guard` and
    /// `connected` until it is dropped.
    pub fn new(
        queue: Rc<StreamQueue>,
        heartbeat: Duration,
        subscription: Subscription,
        presence_guard: Option<PresenceGuard>,
        connected: Connected,
    ) -> Self {
        Self {
            queue,
            heartbeat,
            next_beat: Box::pin(sleep(heartbeat)),
            subscription,
            _presence_guard: presence_guard,
            _connected: connected,
        }
    }
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
    use crate::{
        channel::{ChannelName, Epoch},
        hub::{
            Batch,
            queue::contract::{self, Suspect},
        },
        lane::{LaneId, meter::Meters},
    };
    use serde_json::value::RawValue;

    struct Unread(Rc<StreamQueue>);

    impl Suspect for Unread {
        fn deliver(&mut self, batch: &Batch) {
            self.0.deliver(batch.whole());
        }
        fn acknowledge(&mut self, bytes: usize) {
            self.deliver(&contract::live(bytes));
        }
        fn read_all(&mut self) {
            while self.0.pop().is_some() {}
        }
        fn is_slow_consumer(&mut self) -> bool {
            self.0.ended.get()
        }
        fn dropped(&mut self) -> usize {
            let meter = self.0.meter.as_ref();
            meter.map_or(0, |meter| meter.totals().drops as usize)
        }
    }

    #[test]
    fn the_budget_is_that_of_all_transports() {
        contract::run(|| {
            let meter = Arc::<Meters>::default().open(LaneId("sse"));
            let budget = Budget::or_disconnect(contract::MAX_BYTES);
            Unread(Rc::new(StreamQueue::new(Some(meter), true, budget)))
        });
    }

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
