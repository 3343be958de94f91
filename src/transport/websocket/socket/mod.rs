//! A WebSocket that owns its connection: writing at once or queueing within a budget, the
//! heartbeat, and the closing handshake in all its forms (RFC 6455 §5.5, §7).
//!
//! [`Socket`] is the half that others hold: anyone on its thread may send, and what the kernel
//! takes leaves in that very call. [`run`] is the other half, a task that reads, writes what had
//! to be queued, keeps the heartbeat and ends the connection. Protocols on WebSocket implement
//! [`Session`] and know neither frames nor sockets.
//!
//! ```text
//!            close frame came: answered                     flushed: FIN
//!   open ────────────────────────────────────────► finishing ───────────► the peer's FIN: over
//!     │  violation: close frame sent                   ▲
//!     └── we close: close frame sent ──► closing ──────┘ the peer's close frame came
//! ```
//! `closing` and `finishing` last `close_within` at most; then the connection is reset.

mod closing;
mod input;
mod run;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    io,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::time::Instant;

pub use self::run::run;
use crate::{
    clock,
    codec::websocket::{self, CloseCode, Limits, Message},
    disconnect::Disconnect,
    hub::{
        Delivery, Format,
        when_full::{Waiting, WhenFull},
    },
    lane::{self, meter::ConnectionMeter, stream::LaneStream},
    metrics::latency::Recorder,
    wire::Layers,
};

/// Most bytes that one write gathers from the queue.
const GATHER_MAX_BYTES: usize = 64 << 10;

#[derive(Debug, Clone, Copy)]
pub struct SocketSettings {
    /// Silence, of either side, after which a ping is sent.
    pub ping_every: Duration,
    /// Silence after a ping at which the peer is given up.
    pub pong_within: Duration,
    pub close_within: Duration,
    /// Budget of the queue; past it the peer is a slow consumer.
    pub queue_max_bytes: usize,
    /// What then happens to publications that came through the hub.
    pub when_full: WhenFull,
    pub limits: Limits,
    /// The protocol's code for each reason to end a connection.
    pub close_code: fn(Disconnect) -> u16,
}

/// What a protocol does with messages.
pub trait Session {
    /// A text or binary message came. The next is not read before this is done, so a client that
    /// sends faster than it is served waits in its own socket.
    fn on_message(&mut self, socket: &Socket, message: Message) -> impl Future<Output = ()>;

    /// No message will come any more, while the closing handshake may still go on. `is_violation`:
    /// the peer broke the rules of the transport.
    fn on_ending(&mut self, _is_violation: bool) {}
}

/// Bytes that wait, and what they are once written.
struct Queued {
    bytes: Bytes,
    layers: Layers,
    publications: usize,
    /// `published_us` of those that are live.
    live_since_us: Vec<u64>,
    /// How many bytes of it are out already.
    written: usize,
}

impl Waiting for Queued {
    fn bytes(&self) -> usize {
        self.bytes.len()
    }
    fn publications(&self) -> usize {
        self.publications
    }
    fn is_begun(&self) -> bool {
        self.written > 0
    }
}

#[derive(Default)]
struct Outgoing {
    queue: VecDeque<Queued>,
    queued_bytes: usize,
    /// Of the last page of a backlog, which the budget does not bound; until it is out.
    exempt_bytes: usize,
    /// A close frame is in the queue or out: nothing follows it (§5.5.1).
    closed: bool,
    /// The kernel takes no more: the connection is gone.
    broken: bool,
}

/// The half that others hold. See the module.
pub struct Socket {
    io: LaneStream,
    settings: SocketSettings,
    recorder: Option<Recorder>,
    out: RefCell<Outgoing>,
    /// Of the task in [`run`].
    waker: RefCell<Option<Waker>>,
    /// Of tasks that wait for the queue to empty, the one in [`run`] aside.
    drained: RefCell<Vec<Waker>>,
    /// Why we close, if we do.
    disconnected: Cell<Option<Disconnect>>,
    /// When the kernel last took something.
    said: Cell<Instant>,
    /// HTTP bytes that came before the first frame.
    http_bytes: u64,
}

impl Socket {
    /// `read_ahead`: how many bytes of frames were read with the handshake. `recorder`: where
    /// delays to the kernel go.
    pub fn new(
        io: LaneStream,
        read_ahead: usize,
        settings: SocketSettings,
        recorder: Option<Recorder>,
    ) -> Self {
        Self {
            http_bytes: unattributed(io.meter()) - read_ahead as u64,
            io,
            settings,
            recorder,
            out: RefCell::default(),
            waker: RefCell::default(),
            drained: RefCell::default(),
            disconnected: Cell::new(None),
            said: Cell::new(Instant::now()),
        }
    }

    pub fn meter(&self) -> &Arc<ConnectionMeter> {
        self.io.meter()
    }

    /// Sends publications in a format whose units are whole frames.
    pub fn deliver(&self, delivery: Delivery<'_>, format: &'static Format) {
        let encoded = delivery.encoded(format);
        let publications = delivery.publications().len();
        let mut out = self.out.borrow_mut();
        if out.closed || out.broken {
            return;
        }
        let at = self.meter().accepted_bytes();
        let Some(written) = self.write_now(&mut out, encoded.as_slice()) else {
            return;
        };
        if written > 0 {
            self.begun(at, encoded.layers, publications, delivery.live_since_us());
        }
        if written == encoded.as_slice().len() {
            return;
        }
        let queued = Queued {
            bytes: encoded.share(written),
            layers: encoded.layers,
            publications,
            live_since_us: delivery.live_since_us().collect(),
            written,
        };
        self.queue(&mut out, queued);
        if delivery.is_replay() {
            out.exempt_bytes = out.queued_bytes;
        } else if out.queued_bytes > self.settings.queue_max_bytes + out.exempt_bytes {
            if self.settings.when_full == WhenFull::Disconnect {
                drop(out);
                self.disconnect(Disconnect::SlowConsumer);
            } else {
                self.shed(&mut out);
            }
        }
    }

    /// Gives up what the policy gives up, and counts it. The frames that stay are whole.
    fn shed(&self, out: &mut Outgoing) {
        let max_bytes = self.settings.queue_max_bytes + out.exempt_bytes;
        let (bytes, publications) = self.settings.when_full.shed(&mut out.queue, max_bytes);
        out.queued_bytes -= bytes;
        self.meter().dropped(publications);
    }

    /// Sends one whole frame.
    pub fn send(&self, frame: Bytes, layers: Layers) {
        self.send_publications(frame, layers, 0, &[]);
    }

    /// As [`Self::send`], of whole frames with so many publications in them, the live ones of
    /// which were published at `stamps`.
    pub fn send_publications(
        &self,
        frame: Bytes,
        layers: Layers,
        publications: usize,
        stamps: &[u64],
    ) {
        let mut out = self.out.borrow_mut();
        if out.closed || out.broken {
            return;
        }
        let at = self.meter().accepted_bytes();
        let Some(written) = self.write_now(&mut out, &frame) else {
            return;
        };
        if written > 0 {
            self.begun(at, layers, publications, stamps.iter().copied());
        }
        if written == frame.len() {
            return;
        }
        let queued = Queued {
            bytes: frame.slice(written..),
            layers,
            publications,
            live_since_us: stamps.to_vec(),
            written,
        };
        self.queue(&mut out, queued);
        if out.queued_bytes > self.settings.queue_max_bytes {
            drop(out);
            self.disconnect(Disconnect::SlowConsumer);
        }
    }

    /// Whether nothing waits to be written.
    pub fn is_writable(&self) -> bool {
        self.is_flushed()
    }

    /// Ready when nothing waits to be written; wakes whoever asks.
    pub fn poll_drained(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_flushed() {
            return Poll::Ready(());
        }
        let mut drained = self.drained.borrow_mut();
        if !drained.iter().any(|known| known.will_wake(context.waker())) {
            drained.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// Why this side closed, if it did for a reason of the table.
    pub fn disconnected(&self) -> Option<Disconnect> {
        self.disconnected.get()
    }

    /// Begins the closing handshake.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.close_with(Some(code), reason);
    }

    /// Begins the closing handshake with an empty close frame (§5.5.1), which peers report as
    /// 1005.
    pub fn close_without_code(&self) {
        self.close_with(None, "");
    }

    fn close_with(&self, code: Option<CloseCode>, reason: &str) {
        let mut out = self.out.borrow_mut();
        if out.closed || out.broken {
            return;
        }
        let mut frame = Vec::new();
        websocket::encode_close(code, reason, &mut frame);
        self.send_control(&mut out, frame);
        out.closed = true;
        drop(out);
        self.wake();
    }

    /// Closes for a reason of the table. A slow consumer's queue is dropped and counted first:
    /// it is the memory that the budget is about.
    pub fn disconnect(&self, reason: Disconnect) {
        if self.disconnected.get().is_some() {
            return;
        }
        self.disconnected.set(Some(reason));
        if reason == Disconnect::SlowConsumer {
            self.drop_queue();
        }
        let code = (self.settings.close_code)(reason);
        self.close(CloseCode(code), reason.advice());
    }

    /// A client's message is to be counted: its bytes, and how many of them are payload. Its
    /// framing has been.
    pub fn received(&self, message_bytes: usize, payload_bytes: usize) {
        self.meter().received(Layers {
            framing: 0,
            envelope: (message_bytes - payload_bytes) as u64,
            payload: payload_bytes as u64,
        });
    }

    /// How much of `bytes` the kernel takes right now; 0 while others wait. `None`: it is gone.
    fn write_now(&self, out: &mut Outgoing, bytes: &[u8]) -> Option<usize> {
        if !out.queue.is_empty() {
            return Some(0);
        }
        match self.io.try_write(bytes) {
            Ok(written) => {
                self.said.set(Instant::now());
                Some(written)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Some(0),
            Err(_) => {
                out.broken = true;
                self.wake();
                None
            }
        }
    }

    fn send_frame(&self, out: &mut Outgoing, frame: Bytes, layers: Layers) {
        let at = self.meter().accepted_bytes();
        let Some(written) = self.write_now(out, &frame) else {
            return;
        };
        if written > 0 {
            self.begun(at, layers, 0, std::iter::empty());
        }
        if written == frame.len() {
            return;
        }
        let queued = Queued {
            bytes: frame.slice(written..),
            layers,
            publications: 0,
            live_since_us: Vec::new(),
            written,
        };
        self.queue(out, queued);
    }

    fn send_control(&self, out: &mut Outgoing, frame: Vec<u8>) {
        let layers = Layers {
            framing: frame.len() as u64,
            ..Layers::default()
        };
        self.send_frame(out, frame.into(), layers);
    }

    fn queue(&self, out: &mut Outgoing, queued: Queued) {
        out.queued_bytes += queued.bytes.len();
        out.queue.push_back(queued);
        self.wake();
    }

    /// Bytes that were handed down begin at `at` of the stream, some of them at least. What they
    /// are counts as the kernel takes them; mostly it has them already.
    fn begun(
        &self,
        at: u64,
        layers: Layers,
        publications: usize,
        live_since_us: impl Iterator<Item = u64>,
    ) {
        let meter = self.meter();
        if !meter.kernel_has(at + layers.total()) {
            let message = lane::booking::Message {
                layers,
                publications,
                stamps: live_since_us.collect(),
                is_empty_answer: false,
            };
            return meter.lies_at(at, message);
        }
        meter.sent(layers, publications);
        if publications > 0
            && let Some(recorder) = &self.recorder
        {
            let now_us = clock::time_of_day_us();
            let delays_us = live_since_us.filter_map(|since| clock::delay_us(since, now_us));
            recorder.record_all(delays_us, 0, clock::now_us());
        }
    }

    /// Writes what waits, as far as the kernel takes it, many frames in one call.
    fn flush(&self) -> io::Result<()> {
        let mut out = self.out.borrow_mut();
        while !out.queue.is_empty() {
            let at = self.meter().accepted_bytes();
            let taken = match out.queue.front() {
                Some(only) if out.queue.len() == 1 => self.io.try_write(&only.bytes),
                _ => self.io.try_write(&gather(&out.queue)),
            };
            match taken {
                Ok(taken) => {
                    self.said.set(Instant::now());
                    self.take_off(&mut out, at, taken);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        out.queue = VecDeque::new();
        out.exempt_bytes = 0;
        drop(out);
        self.drained.take().into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// `taken` bytes of the queue were handed down, the first of them at `at` of the stream.
    fn take_off(&self, out: &mut Outgoing, mut at: u64, mut taken: usize) {
        out.queued_bytes -= taken;
        while taken > 0
            && let Some(front) = out.queue.front_mut()
        {
            if front.written == 0 {
                let stamps = std::mem::take(&mut front.live_since_us).into_iter();
                self.begun(at, front.layers, front.publications, stamps);
            }
            let of_it = taken.min(front.bytes.len());
            front.bytes.advance(of_it);
            front.written += of_it;
            at += of_it as u64;
            taken -= of_it;
            if front.bytes.is_empty() {
                out.queue.pop_front();
            }
        }
    }

    /// Drops what waits, but for a frame that is partly out: it must end for another to follow.
    fn drop_queue(&self) {
        let mut out = self.out.borrow_mut();
        let begun = out.queue.pop_front().and_then(|front| {
            if front.written > 0 {
                Some(front)
            } else {
                self.meter().dropped(front.publications);
                None
            }
        });
        for dropped in out.queue.drain(..) {
            self.meter().dropped(dropped.publications);
        }
        out.queued_bytes = begun.as_ref().map_or(0, |front| front.bytes.len());
        out.queue = begun.into_iter().collect();
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    fn remember(&self, context: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        match &mut *waker {
            Some(known) if known.will_wake(context.waker()) => {}
            other => *other = Some(context.waker().clone()),
        }
    }

    fn poll_flush(&self, context: &mut Context<'_>) -> io::Result<()> {
        while !self.out.borrow().queue.is_empty() {
            match self.io.poll_write_ready(context) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => return Ok(()),
            }
            self.flush()?;
        }
        match self.io.poll_flushed(context) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }

    /// Whether nothing of what was sent waits here any more.
    pub fn is_flushed(&self) -> bool {
        self.out.borrow().queue.is_empty()
    }

    /// Whether it does not wait below either, encrypted.
    fn has_left(&self) -> bool {
        self.is_flushed() && self.io.is_flushed()
    }
}

/// Bytes that came and belong to no layer (yet).
fn unattributed(meter: &ConnectionMeter) -> u64 {
    let totals = meter.totals();
    totals.bytes_up.saturating_sub(totals.layers_up().total())
}

impl Drop for Socket {
    /// Counts what was cut off: parts of frames that never became whole, so that the layers still
    /// add up to what came. Of what was written the meter knows.
    fn drop(&mut self) {
        let meter = self.io.meter();
        meter.received(Layers {
            framing: unattributed(meter).saturating_sub(self.http_bytes),
            ..Layers::default()
        });
        let queue = &self.out.get_mut().queue;
        meter.dropped(queue.iter().map(|queued| queued.publications).sum());
    }
}

/// Copies the front of the queue together: for small frames one copy and one `write` cost less
/// than a vector of many.
fn gather(queue: &VecDeque<Queued>) -> Vec<u8> {
    let mut together = Vec::with_capacity(GATHER_MAX_BYTES.min(16 << 10));
    for queued in queue {
        if !together.is_empty() && together.len() + queued.bytes.len() > GATHER_MAX_BYTES {
            break;
        }
        together.extend_from_slice(&queued.bytes);
    }
    together
}
