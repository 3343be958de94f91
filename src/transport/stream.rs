//! Answers that go on: how a subscriber's stream begins, waits and ends. [`sse`](super::sse) and
//! [`fetch_stream`](super::fetch_stream) differ in their [`StreamForm`] alone.
//!
//! ```text
//!  hub's loop                              task of the connection
//!    │ deliver(): encoded bytes, shared       │ StreamBody::poll_next
//!    └──► StreamQueue (bounded in bytes) ────►└──► chunk ──► lane ──► kernel
//!           ▲ hello, heartbeat, closing
//! ```
//!
//! Two tasks meet at the queue: the hub puts bytes in and wakes, the connection takes them out when
//! it can be written. A client that does not read makes it stop taking, so what waits
//! grows here, where it has a budget, and not in a buffer that nobody counts.
//!
//! # Rejected
//!
//! - **A `tokio::sync::mpsc` channel and `ReceiverStream` as the body.** Its bound counts messages,
//!   not bytes: 32 messages of 64 KiB are 2 MiB for each phone in a pocket.
//! - **Writing to the socket from the hub**, as the WebSocket lane does. A stream's connection is
//!   HTTP's, which writes heads and chunks and answers the next request on it. What idle streams
//!   cost is saved there (`server::small_http`).
//! - **Compressing what is put into the queue.** Each stream has a compressor of its own, so what waits would no
//!   longer be shared, and nothing of it could be dropped: a window knows what it has seen.
//! - **A task for each stream's heartbeat.** The timer is polled with the body: no second task, and
//!   it is reset by every chunk that leaves, so that a busy stream sends none.

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
    http::header,
};
use bytes::Bytes;
use futures_util::{FutureExt, future::LocalBoxFuture};
use tokio::time::{Instant, Sleep, sleep};

use super::{
    Attributed, SubscribeQuery,
    catch_up::{Reader, catch_up},
    coding::Pieces,
    dictionaries,
    subscribe::{ActiveSubscription, subscribe},
    will_answer,
};
use crate::{
    catalogue::Lane,
    channel::{ChannelName, history::Recovery},
    disconnect::Disconnect,
    error::Refusal,
    hub::{
        Attachment, Delivery, Format, Subscriber,
        queue::{Budget, Chunk, Kind, Pushed, Queue},
    },
    lane::meter::{ConnectionMeter, Message},
    node::{Connected, PresenceGuard},
    registry::{LaneWorker, OfConnection, is_head},
};

/// How a stream is written. Each transport has one `static` of it.
pub(super) struct StreamForm {
    /// Of the answer's head.
    pub content_type: &'static str,
    /// A publication, without the chunk around it.
    pub format: Format,
    /// Sent after a silence, so that no proxy takes the stream for dead.
    pub heartbeat: &'static [u8],
    /// What is sent before the server ends the stream.
    pub closing: fn(Disconnect) -> Vec<u8>,
}

/// The stream's queue, as a subscriber of the hub.
struct StreamQueue {
    form: &'static StreamForm,
    queue: RefCell<Queue<Chunk>>,
    /// `closing` is queued: after it nothing may come.
    ended: Cell<bool>,
    /// The task that writes, if it waits.
    waker: RefCell<Option<Waker>>,
    /// `None` for HEAD, which has no body to be counted.
    meter: Option<Arc<ConnectionMeter>>,
    /// What becomes of chunks as they leave. What waits is not compressed yet: its bytes are shared with
    /// other streams, and dropping some is still possible.
    pieces: RefCell<Pieces>,
}

impl StreamQueue {
    /// A queue for one client; it allocates nothing before something waits.
    pub fn new(
        form: &'static StreamForm,
        meter: Option<Arc<ConnectionMeter>>,
        pieces: Pieces,
        budget: Budget,
    ) -> Self {
        Self {
            form,
            pieces: RefCell::new(pieces),
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

    /// Queues a chunk and wakes the task that writes. Past the budget, what happens is the policy's
    /// ([`crate::hub::when_full`]).
    fn push(&self, chunk: Chunk, kind: Kind) {
        let pushed = self.queue.borrow_mut().push(chunk, kind);
        match pushed {
            Pushed::Queued => {}
            Pushed::Dropped(publications) => self.dropped(publications),
            // Who does not read would have to read all that waits before it came to the reason, so
            // that goes, counted.
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
        let (bytes, layers) = self.pieces.borrow_mut().piece(chunk.bytes, chunk.layers);
        if let Some(meter) = &self.meter {
            meter.follow(Message {
                layers,
                publications: chunk.publications,
                stamps: chunk.live_since_us,
                is_empty_answer: false,
            });
        }
        Some(bytes)
    }

    /// The coding's end, if there is one; `None`: nothing is left but the last chunk, which is written
    /// by HTTP. It is announced here, so that no byte is in no layer.
    fn end(&self) -> Option<Bytes> {
        let mut pieces = self.pieces.borrow_mut();
        let (bytes, layers) = match pieces.end() {
            Some((bytes, layers)) => (Some(bytes), layers),
            None => (None, pieces.last()),
        };
        if let Some(meter) = &self.meter {
            meter.follow(layers.into());
        }
        bytes
    }

    /// Counts publications that will never leave.
    fn dropped(&self, publications: usize) {
        if let Some(meter) = &self.meter {
            meter.dropped(publications);
        }
    }
}

impl Drop for StreamQueue {
    /// Counts what it never got.
    fn drop(&mut self) {
        let dropped = self.queue.get_mut().clear();
        self.dropped(dropped);
    }
}

impl Subscriber for StreamQueue {
    /// Called in the hub's loop. The bytes are shared: what is queued is a pointer to them.
    fn deliver(&self, delivery: Delivery<'_>) {
        if self.ended.get() {
            return;
        }
        let encoded = delivery.encoded(&self.form.format);
        // `live_since_us`: a page of history has none, since its age is no delay of this stream's.
        let chunk = Chunk {
            bytes: encoded.share(0),
            layers: encoded.layers,
            publications: delivery.publications().len(),
            live_since_us: delivery.live_since_us().collect(),
            written: 0,
        };
        self.push(chunk, Kind::of(delivery));
    }

    /// Queues the farewell once; after it the body ends.
    fn disconnect(&self, reason: Disconnect) {
        if self.ended.replace(true) {
            return;
        }
        let closing = (self.form.closing)(reason);
        self.push_control(closing);
    }
}

impl Reader for StreamQueue {
    fn is_drained(&self) -> bool {
        self.queue.borrow().is_empty()
    }
}

/// Answers with a stream of a channel, from the position in the query. `hello` makes its first
/// bytes, which say where it begins.
pub(super) async fn begin(
    request: &HttpRequest,
    worker: &LaneWorker,
    (own, form): (&'static Lane, &'static StreamForm),
    (channel, query): (ChannelName, SubscribeQuery),
    hello: impl FnOnce(&ChannelName, &Recovery) -> Vec<u8>,
) -> Result<HttpResponse, Refusal> {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, form.content_type))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    let coded = dictionaries::coded(request, own, worker.lab.compress(query.compress));
    if is_head(request) {
        coded.head_of_stream(&mut response);
        // HEAD: the head of a stream without a subscription. The body is one that never begins, so
        // that the head says "chunked" as it does for GET (RFC 9110 §9.3.2).
        let nothing = futures_util::stream::pending::<Result<Bytes, Infallible>>();
        return Ok(response.streaming(nothing));
    }
    let lab = &worker.lab;
    let budget = Budget {
        max_bytes: lab.config.subscriber_queue_max_bytes,
        when_full: lab.config.slow_consumer,
    };
    let meter = request.meter();
    let pieces = coded.stream(request, &mut response, &lab.compressors);
    let queue = Rc::new(StreamQueue::new(form, meter, pieces, budget));
    let address = lab.client_address(request);
    let ActiveSubscription {
        connected,
        presence_guard,
        attachment,
        recovery,
    } = subscribe(&lab.node, own, &channel, &query, address, queue.clone()).await?;
    queue.push_control(hello(&channel, &recovery));
    let mut catching_up: CatchingUp = Box::pin(catch_up(
        lab.node.clone(),
        channel,
        queue.clone(),
        attachment,
        recovery,
    ));
    // Polled once here, so that a client that missed nothing is subscribed when the answer begins.
    let subscription = match (&mut catching_up).now_or_never() {
        Some(attachment) => Subscription::Live(attachment),
        None => Subscription::CatchingUp(catching_up),
    };
    will_answer(request, Message::default());
    let heartbeat = lab.config.heartbeat.0;
    let mut response = response
        // nginx and others that honour it then hand on each chunk at once. Experiment E11 shows
        // both kinds.
        .insert_header(("x-accel-buffering", "no"))
        .body(StreamBody {
            queue,
            heartbeat,
            next_beat: Box::pin(sleep(heartbeat)),
            subscription,
            _presence_guard: presence_guard,
            _connected: connected,
        });
    response.extensions_mut().insert(Attributed);
    Ok(response)
}

type CatchingUp = LocalBoxFuture<'static, Option<Attachment>>;

/// The state of the subscription; dropping it detaches.
enum Subscription {
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

/// The body of the answer; it is dropped when the client is gone.
struct StreamBody {
    queue: Rc<StreamQueue>,
    heartbeat: Duration,
    next_beat: Pin<Box<Sleep>>,
    subscription: Subscription,
    _presence_guard: Option<PresenceGuard>,
    _connected: Connected,
}

impl MessageBody for StreamBody {
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
        // A heartbeat is for silence: what waits says more than a comment would.
        if this.queue.queue.borrow().is_empty()
            && !this.queue.ended.get()
            && this.next_beat.as_mut().poll(context).is_ready()
        {
            this.queue.push_control(this.queue.form.heartbeat.to_vec());
        }
        if let Some(bytes) = this.queue.pop() {
            this.next_beat
                .as_mut()
                .reset(Instant::now() + this.heartbeat);
            // It is asked again at once while the connection takes more, so chunks that wait leave
            // one after the other without another wake-up.
            return Poll::Ready(Some(Ok(bytes)));
        }
        if this.queue.ended.get() {
            return Poll::Ready(this.queue.end().map(Ok));
        }
        *this.queue.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::WireFormat,
        codec::envelope,
        hub::{
            Batch,
            queue::contract::{self, Suspect},
        },
        lane::{LaneId, meter::Meters},
    };

    static FORM: StreamForm = StreamForm {
        content_type: "text/plain",
        format: Format {
            form: WireFormat::PlainEvent,
            encode: envelope::encode_publication,
        },
        heartbeat: b"",
        closing: |_| Vec::new(),
    };

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
            let queue = StreamQueue::new(&FORM, Some(meter), Pieces::default(), budget);
            Unread(Rc::new(queue))
        });
    }
}
