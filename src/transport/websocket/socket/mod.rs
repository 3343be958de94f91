//! A WebSocket that owns its connection: writing at once or queueing within a budget, the
//! heartbeat, and the closing handshake in all its forms (RFC 6455 §5.5, §7).
//!
//! [`Socket`] is the half that others hold: anyone on its thread may send, and what the kernel
//! takes is written in that call, unless the worker is busy ([`crate::hub::rounds`]). [`run`](fn@run)
//! is the other half, a task that reads, writes what was queued, keeps the heartbeat and ends the connection. Protocols on WebSocket implement
//! [`Session`] and handle neither frames nor sockets.
//!
//! ```text
//!            close frame came: answered                     flushed: FIN
//!   open ────────────────────────────────────────► finishing ───────────► the peer's FIN: over
//!     │  violation: close frame sent                   ▲
//!     └── we close: close frame sent ──► closing ──────┘ the peer's close frame came
//! ```
//! `closing` and `finishing` last `close_within` at most; then the connection is reset.
//!
//! # Why so
//!
//! - **No frame goes out after a close frame** (§5.5.1), whoever holds the other half: `is_closed`
//!   is asked in the one place that writes.
//! - **FIN, then wait.** A kernel that closes a connection with unread bytes in it sends RST, and
//!   the peer then loses what it had not read, the close frame's reason among it.
//! - **A ping for a client that only sends.** Proxies look at each direction by itself and forget
//!   one that is silent.
//!
//! Rejected: a reader and a writer task for each connection, joined by a channel. Twice the tasks,
//! and a message in the channel belongs to nobody's budget. Rejected, too: a mutex around the
//! socket. All who send are on its thread, so that a `RefCell` does.
//!
//! An idle WebSocket costs the server some 3 KiB of memory, buffers and all (`cargo bench --bench
//! fanout -- idle`): a task of 1 KiB, mostly its decoder and its timer; this and the meter, half a KiB
//! each; a quarter for the event loop.

mod closing;
mod deflate;
mod input;
mod next;
mod output;
mod run;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use self::{deflate::Deflate, output::Outgoing};
pub use self::{output::Contents, run::run};
use super::{
    deflating::{Deflating, FrameFormat},
    handshake::Accepted,
};
use crate::{
    codec::websocket::{self, CloseCode, Limits, Message},
    disconnect::Disconnect,
    hub::{
        Delivery, Format,
        queue::{Budget, Kind, Pushed},
        rounds::Rounds,
    },
    lane::{meter::ConnectionMeter, stream::LaneStream},
    metrics::latency::Recorder,
    wire::Layers,
};

/// What a socket is held to; the same for every socket of an endpoint.
#[derive(Debug, Clone, Copy)]
pub struct SocketSettings {
    /// Time without bytes in one direction after which a ping is sent.
    pub ping_every: Duration,
    /// Time without an answer to a ping after which the connection is closed.
    pub pong_within: Duration,
    /// How long the closing handshake may take before the connection is reset.
    pub close_within: Duration,
    /// Budget of the queue.
    pub budget: Budget,
    /// What the decoder takes: size, text or binary.
    pub limits: Limits,
    /// The protocol's code for each reason to end a connection.
    pub close_code: fn(Disconnect) -> u16,
}

/// What a protocol does with messages.
pub trait Session {
    /// A text or binary message came. The next is not read before this returns, so a client that
    /// sends too fast is slowed down by TCP. A large future is to be in a box: every socket has room
    /// for it as long as it lives.
    fn on_message(&mut self, socket: &Socket, message: Message) -> impl Future<Output = ()>;

    /// No message will come any more; the closing handshake may still go on. `is_violation`: the
    /// peer broke the rules of the transport.
    fn on_ending(&mut self, _is_violation: bool) {}
}

/// The half that others hold. See the module.
pub struct Socket {
    io: LaneStream,
    settings: SocketSettings,
    recorder: Option<Recorder>,
    out: RefCell<Outgoing>,
    /// Wakes the task in [`run`](fn@run).
    waker: RefCell<Option<Waker>>,
    /// Wakes other tasks that wait for an empty queue.
    drained: RefCell<Vec<Waker>>,
    /// Why this side closes, if it does.
    disconnected: Cell<Option<Disconnect>>,
    /// When the kernel last took something.
    last_write: Cell<Instant>,
    /// HTTP bytes that came before the first frame.
    http_bytes: u64,
    /// How messages are compressed; `None`: they are not.
    deflate: Option<Deflate>,
    /// When a busy worker writes; `None`: always.
    rounds: Option<Rc<Rounds>>,
    /// The round that this socket last wrote in; 0 before the first.
    wrote_in: Cell<u64>,
    /// The round whose end the queue waits for; 0: it waits for the kernel only.
    held_in: Cell<u64>,
    /// The round whose end wakes the task.
    awaits: Cell<u64>,
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
        if let Some(seat) = io.seat() {
            seat.forget_tasks();
        }
        Self {
            http_bytes: unattributed(io.meter()) - read_ahead as u64,
            io,
            settings,
            recorder,
            out: RefCell::new(Outgoing::new(settings.budget)),
            waker: RefCell::default(),
            drained: RefCell::default(),
            disconnected: Cell::new(None),
            last_write: Cell::new(Instant::now()),
            deflate: None,
            rounds: None,
            wrote_in: Cell::new(0),
            held_in: Cell::new(0),
            awaits: Cell::new(0),
        }
    }

    /// That of a connection whose handshake is over, and what its client has sent already.
    pub fn of(
        accepted: Accepted,
        settings: SocketSettings,
        recorder: Option<Recorder>,
        rounds: Option<Rc<Rounds>>,
    ) -> (Self, Vec<u8>) {
        let Accepted {
            io,
            read,
            deflating,
        } = accepted;
        let socket = Self::new(io, read.len(), settings, recorder).deflating(deflating);
        (socket.in_rounds(rounds), read)
    }

    /// Lets it write as its worker's load wants it.
    pub fn in_rounds(mut self, rounds: Option<Rc<Rounds>>) -> Self {
        self.rounds = rounds;
        self
    }

    /// Compresses as it was agreed on.
    pub fn deflating(mut self, deflating: Option<Deflating>) -> Self {
        self.deflate = deflating.map(Deflate::new);
        self
    }

    /// The connection's meter.
    pub fn meter(&self) -> &Arc<ConnectionMeter> {
        self.io.meter()
    }

    /// Sends publications in a format whose units are whole frames.
    pub fn deliver(&self, delivery: Delivery<'_>, format: &'static FrameFormat) {
        match &self.deflate {
            None => self.deliver_shared(delivery, &format.plain),
            Some(deflate) => match deflate.shared_form(delivery, format) {
                Some(shared) => self.deliver_shared(delivery, shared),
                None => {
                    let (frames, layers) = deflate.publications(delivery, &format.plain);
                    let contents = Contents {
                        layers,
                        publications: delivery.publications().len(),
                        live_since_us: delivery.live_since_us(),
                    };
                    self.send_as_they_are(frames, contents, Kind::of(delivery));
                }
            },
        }
    }

    /// Sends what all subscribers of the format share.
    fn deliver_shared(&self, delivery: Delivery<'_>, format: &'static Format) {
        let encoded = delivery.encoded(format);
        let contents = Contents {
            layers: encoded.layers,
            publications: delivery.publications().len(),
            live_since_us: delivery.live_since_us(),
        };
        let share = |written| encoded.share(written);
        self.write(encoded.as_slice(), share, contents, Kind::of(delivery));
    }

    /// Sends one whole frame.
    pub fn send(&self, frame: Bytes, layers: Layers) {
        self.send_publications(frame, Contents::none(layers), Kind::Message);
    }

    /// Sends whole frames, which may hold publications, compressed where that was agreed on.
    pub fn send_publications(
        &self,
        frames: Bytes,
        mut contents: Contents<impl Iterator<Item = u64>>,
        kind: Kind,
    ) {
        let mut frames = frames;
        if let Some(deflate) = &self.deflate {
            (frames, contents.layers) = deflate.frames(frames, contents.layers);
        }
        self.send_as_they_are(frames, contents, kind);
    }

    /// Whether frames that were compressed once, each by itself and with the largest window, are right
    /// for this connection.
    pub fn shares_deflated(&self) -> bool {
        self.deflate.as_ref().is_some_and(Deflate::shares_all)
    }

    /// Sends whole frames without another look at them.
    pub fn send_as_they_are(
        &self,
        frames: Bytes,
        contents: Contents<impl Iterator<Item = u64>>,
        kind: Kind,
    ) {
        self.write(&frames, |written| frames.slice(written..), contents, kind);
    }

    /// Control frames are framing to the last byte: they carry nothing of the application's.
    fn send_control(&self, frame: Vec<u8>) {
        let layers = Layers {
            framing: frame.len() as u64,
            ..Layers::default()
        };
        self.send_as_they_are(frame.into(), Contents::none(layers), Kind::Control);
    }

    /// Writes what the kernel takes now, and queues the rest.
    fn write(
        &self,
        bytes: &[u8],
        share: impl FnOnce(usize) -> Bytes,
        contents: Contents<impl Iterator<Item = u64>>,
        kind: Kind,
    ) {
        let pushed = self.write_or_queue(bytes, share, contents, kind);
        match pushed {
            Pushed::Queued => {}
            Pushed::Dropped(publications) => self.meter().dropped(publications),
            Pushed::OverBudget => self.disconnect(Disconnect::SlowConsumer),
        }
    }

    /// Whether a page of a catch-up waits to be written.
    pub fn has_page(&self) -> bool {
        self.out.borrow().queue.has_page()
    }

    /// Ready when nothing waits to be written; wakes the task.
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

    /// Why this side closed, if for one of the reasons in [`Disconnect`].
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

    /// Queues the close frame and shuts the door behind it.
    fn close_with(&self, code: Option<CloseCode>, reason: &str) {
        let mut frame = Vec::new();
        websocket::encode_close(code, reason, &mut frame);
        self.send_control(frame);
        self.out.borrow_mut().is_closed = true;
        self.wake();
    }

    /// Closes for one of the reasons in [`Disconnect`]. A slow consumer's queue is dropped and
    /// counted first, because it takes up the memory that the budget bounds.
    pub fn disconnect(&self, reason: Disconnect) {
        if self.disconnected.get().is_some() {
            return;
        }
        self.disconnected.set(Some(reason));
        if reason == Disconnect::SlowConsumer {
            let dropped = self.out.borrow_mut().queue.clear_unbegun();
            self.meter().dropped(dropped);
        }
        let code = (self.settings.close_code)(reason);
        self.close(CloseCode(code), reason.advice());
    }

    /// Whether the peer's messages may be compressed.
    fn may_be_compressed(&self) -> bool {
        self.deflate.is_some()
    }

    /// Counts a message that is of no use: what it was before it was compressed is counted already
    /// as saved.
    pub fn received_in_vain(&self, message: &Message) {
        let message_bytes = match message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return,
        };
        self.received(message_bytes, 0);
    }

    /// Counts a client's message: its bytes, and how many of them are payload. Its framing is
    /// counted already.
    pub fn received(&self, message_bytes: usize, payload_bytes: usize) {
        self.meter().received(Layers {
            framing: 0,
            protocol: (message_bytes - payload_bytes) as u64,
            lab: 0,
            payload: payload_bytes as u64,
            saved: 0,
        });
    }

    /// Calls the task in [`run`](fn@run), if it waits: something was queued that only it can write.
    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Keeps the task's waker; a clone is made only if the task has moved.
    fn keep_waker(&self, context: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        match &mut *waker {
            Some(known) if known.will_wake(context.waker()) => {}
            other => {
                *other = Some(context.waker().clone());
                self.awaits.set(0);
            }
        }
    }

    /// Whether the queue is empty.
    pub fn is_flushed(&self) -> bool {
        self.out.borrow().queue.is_empty()
    }

    /// Whether no encrypted bytes wait below either.
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
    /// Counts parts of frames that were cut off, so that the layers still add up to the bytes read.
    /// Written bytes are counted by the meter.
    fn drop(&mut self) {
        let meter = self.io.meter();
        meter.received(Layers {
            framing: unattributed(meter).saturating_sub(self.http_bytes),
            ..Layers::default()
        });
        meter.dropped(self.out.get_mut().queue.clear());
    }
}
