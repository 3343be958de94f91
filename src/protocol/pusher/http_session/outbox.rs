//! The lines that wait for a session's client: the session's thread puts them in, the thread of the
//! request that fetches takes them out.
//!
//! A session has one receiver at a time: the response that streams, or the poll that is held. A
//! newer one takes over, and lines that the older has not taken are the newer's. Between two
//! receivers lines wait, bounded in bytes ([`crate::hub::queue`]). A session over the bound is
//! disconnected by its own thread.
//!
//! Both threads share one lock, which is held briefly and never across an await.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::{sync::Notify, time::Instant};

use crate::{
    catalogue::Form,
    hub::queue::{Budget, Item, Kind, Pushed, Queue},
    lane::meter::ConnectionMeter,
    wire::Layers,
};

/// One line on its way.
pub struct Line {
    /// With its end.
    pub bytes: Bytes,
    /// How they divide.
    pub layers: Layers,
    /// It counts as one.
    pub is_publication: bool,
    /// `published_us` of a live publication.
    pub live_since_us: Option<u64>,
}

impl Line {
    /// A line of the session itself; of its bytes `framing` are the line's own.
    pub fn control(bytes: impl Into<Bytes>, framing: u64) -> Self {
        let bytes = bytes.into();
        Self {
            layers: Layers {
                framing,
                protocol: (bytes.len() as u64).saturating_sub(framing),
                lab: 0,
                payload: 0,
                saved: 0,
            },
            bytes,
            is_publication: false,
            live_since_us: None,
        }
    }

    /// As [`Self::control`], of a line without a frame.
    pub fn framing(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let framing = bytes.len() as u64;
        Self::control(bytes, framing)
    }
}

impl Item for Line {
    fn bytes(&self) -> usize {
        self.bytes.len()
    }
    fn publications(&self) -> usize {
        usize::from(self.is_publication)
    }
}

/// How a receiver fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetching {
    /// One response that grows.
    Streaming,
    /// A response for what waits.
    Polling,
}

/// What a receiver is given.
pub enum Taken {
    /// One line.
    Line(Line),
    /// Another request is the receiver now.
    TakenOver,
    /// The session is closed and nothing waits.
    Ended,
}

/// What a session's task needs to know.
pub struct Status {
    /// Since when there is a receiver, and how it fetches.
    pub receiver: Option<(Fetching, Instant)>,
    /// When the last receiver went.
    pub alone_since: Instant,
    /// When something was put in last.
    pub last_push: Instant,
    /// Nothing more may be put in.
    pub is_closed: bool,
    /// Nothing waits.
    pub is_empty: bool,
}

struct Receiver {
    number: u64,
    fetching: Fetching,
    since: Instant,
    waker: Option<Waker>,
    meter: Option<Arc<ConnectionMeter>>,
}

struct State {
    lines: Queue<Line>,
    receiver: Option<Receiver>,
    alone_since: Instant,
    last_push: Instant,
    next_number: u64,
    /// Of those who wait until the queue is empty.
    drained: Vec<Waker>,
    /// Under which channel and form its requests are metered, once that is known.
    channel: Option<(Arc<str>, Form)>,
    /// The closing line was pushed: nothing follows it.
    is_closed: bool,
}

/// See the module.
pub struct Outbox {
    state: Mutex<State>,
    /// Wakes the session's task when the receiver has changed or the session is over.
    pub changed: Notify,
}

impl Outbox {
    /// An empty one with this budget.
    pub fn new(max_bytes: usize) -> Self {
        let now = Instant::now();
        Self {
            state: Mutex::new(State {
                lines: Queue::new(Budget::or_disconnect(max_bytes)),
                receiver: None,
                alone_since: now,
                last_push: now,
                next_number: 0,
                drained: Vec::new(),
                channel: None,
                is_closed: false,
            }),
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the session's task.
    pub fn status(&self) -> Status {
        let state = self.state();
        Status {
            receiver: state.receiver.as_ref().map(|r| (r.fetching, r.since)),
            alone_since: state.alone_since,
            last_push: state.last_push,
            is_closed: state.is_closed,
            is_empty: state.lines.is_empty(),
        }
    }

    /// Queues lines, all of one kind; after the closing line none.
    pub fn push(&self, lines: impl IntoIterator<Item = Line>, kind: Kind) -> Pushed {
        let mut state = self.state();
        if state.is_closed {
            return Pushed::Queued;
        }
        let mut outcome = Pushed::Queued;
        for line in lines {
            if state.lines.push(line, kind) == Pushed::OverBudget {
                outcome = Pushed::OverBudget;
            }
        }
        state.last_push = Instant::now();
        state.wake();
        outcome
    }

    /// Queues a line if there is room for it.
    pub fn push_if_room(&self, line: Line) {
        let has_room = self.state().lines.has_room_for(line.bytes.len());
        if has_room {
            let _is_queued = self.push([line], Kind::Message);
        }
    }

    /// Queues the closing line; nothing follows it. A second one is ignored.
    pub fn close(&self, line: Line) {
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        state.is_closed = true;
        let _is_queued = state.lines.push(line, Kind::Control);
        state.wake();
        drop(state);
        self.changed.notify_one();
    }

    /// Drops what waits; answers how many publications that were.
    pub fn drop_waiting(&self) -> usize {
        let mut state = self.state();
        let dropped = state.lines.clear();
        state.wake_drained();
        dropped
    }

    /// Ready when no line waits; wakes whoever asks.
    pub fn poll_drained(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.lines.is_empty() {
            return Poll::Ready(());
        }
        if !state.drained.iter().any(|w| w.will_wake(context.waker())) {
            state.drained.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// Whether nothing more may be put in.
    pub fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Whether it is closed and empty: a client that came now would get nothing.
    pub fn is_over(&self) -> bool {
        let state = self.state();
        state.is_closed && state.lines.is_empty()
    }

    /// Names the channel and the form under which requests are metered.
    pub fn name_channel(&self, channel: &str, form: Form) {
        let mut state = self.state();
        state.channel = Some((channel.into(), form));
        let meter = state.receiver.as_ref().and_then(|r| r.meter.clone());
        drop(state);
        if let Some(meter) = meter {
            meter.name_channel(channel, form);
        }
    }

    /// The first channel that was subscribed to, and in which form; for the meter's labels.
    pub fn channel(&self) -> Option<(Arc<str>, Form)> {
        self.state().channel.clone()
    }

    fn attach(&self, fetching: Fetching, meter: Option<Arc<ConnectionMeter>>) -> u64 {
        let mut state = self.state();
        let number = state.next_number;
        state.next_number += 1;
        // The receiver before it must notice that it has been replaced.
        state.wake();
        state.receiver = Some(Receiver {
            number,
            fetching,
            since: Instant::now(),
            waker: None,
            meter,
        });
        drop(state);
        self.changed.notify_one();
        number
    }

    fn detach(&self, number: u64) {
        let mut state = self.state();
        if state.receiver.as_ref().is_some_and(|r| r.number == number) {
            state.receiver = None;
            state.alone_since = Instant::now();
            drop(state);
            self.changed.notify_one();
        }
    }

    fn poll_take(&self, number: u64, context: &mut Context<'_>) -> Poll<Taken> {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(receiver) = state.receiver.as_mut().filter(|r| r.number == number) else {
            return Poll::Ready(Taken::TakenOver);
        };
        if let Some(line) = state.lines.pop() {
            let is_empty = state.lines.is_empty();
            if is_empty {
                state.wake_drained();
            }
            let is_over = is_empty && state.is_closed;
            drop(guard);
            if is_over {
                self.changed.notify_one();
            }
            return Poll::Ready(Taken::Line(line));
        }
        if state.is_closed {
            return Poll::Ready(Taken::Ended);
        }
        remember(&mut receiver.waker, context);
        Poll::Pending
    }

    fn poll_taken_over(&self, number: u64, context: &mut Context<'_>) -> Poll<()> {
        let mut guard = self.state();
        let state = &mut *guard;
        match state.receiver.as_mut().filter(|r| r.number == number) {
            Some(receiver) if !state.is_closed => {
                remember(&mut receiver.waker, context);
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

fn remember(waker: &mut Option<Waker>, context: &Context<'_>) {
    match waker {
        Some(known) if known.will_wake(context.waker()) => {}
        other => *other = Some(context.waker().clone()),
    }
}

impl State {
    fn wake_drained(&mut self) {
        self.drained.drain(..).for_each(Waker::wake);
    }

    fn wake(&mut self) {
        if let Some(waker) = self.receiver.as_mut().and_then(|r| r.waker.take()) {
            waker.wake();
        }
    }
}

/// The right to receive a session's lines, until another request takes it or this is dropped.
pub struct Receiving {
    outbox: Arc<Outbox>,
    number: u64,
}

impl Receiving {
    /// Takes lines as the transport fetches them, and announces them to the meter.
    pub fn new(
        outbox: Arc<Outbox>,
        fetching: Fetching,
        meter: Option<Arc<ConnectionMeter>>,
    ) -> Self {
        let number = outbox.attach(fetching, meter);
        Self { outbox, number }
    }

    /// The next line, or why there is none.
    pub fn poll_take(&self, context: &mut Context<'_>) -> Poll<Taken> {
        self.outbox.poll_take(self.number, context)
    }

    /// Takes no line; ready when another request is the receiver or the session is closed.
    pub fn poll_taken_over(&self, context: &mut Context<'_>) -> Poll<()> {
        self.outbox.poll_taken_over(self.number, context)
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.outbox.detach(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker;

    fn line(text: &'static str) -> [Line; 1] {
        [Line::framing(text.as_bytes())]
    }

    fn push(outbox: &Outbox, text: &'static str) {
        assert_eq!(outbox.push(line(text), Kind::Message), Pushed::Queued);
    }

    fn take(receiving: &Receiving) -> String {
        let waker = noop_waker();
        match receiving.poll_take(&mut Context::from_waker(&waker)) {
            Poll::Pending => "(waits)".to_owned(),
            Poll::Ready(Taken::TakenOver) => "(taken over)".to_owned(),
            Poll::Ready(Taken::Ended) => "(ended)".to_owned(),
            Poll::Ready(Taken::Line(line)) => String::from_utf8_lossy(&line.bytes).into_owned(),
        }
    }

    #[test]
    fn lines_wait_for_a_receiver_and_go_to_the_newest() {
        let outbox = Arc::new(Outbox::new(1_000));
        push(&outbox, "a");
        push(&outbox, "b");
        let first = Receiving::new(outbox.clone(), Fetching::Streaming, None);
        assert_eq!(take(&first), "a");
        let second = Receiving::new(outbox.clone(), Fetching::Polling, None);
        assert_eq!(take(&first), "(taken over)");
        drop(first);
        assert!(
            outbox.status().receiver.is_some(),
            "the late drop changes nothing"
        );
        assert_eq!(take(&second), "b");
        assert_eq!(take(&second), "(waits)");
        drop(second);
        assert!(outbox.status().receiver.is_none());
    }

    #[test]
    fn the_closing_line_is_the_last() {
        let outbox = Arc::new(Outbox::new(1_000));
        outbox.close(Line::framing("c"));
        outbox.close(Line::framing("c2"));
        push(&outbox, "ignored");
        assert!(!outbox.is_over());
        let receiving = Receiving::new(outbox.clone(), Fetching::Streaming, None);
        assert_eq!(take(&receiving), "c");
        assert!(outbox.is_over());
        assert_eq!(take(&receiving), "(ended)");
    }

    #[test]
    fn what_there_is_no_room_for_is_queued_or_left_out() {
        let outbox = Outbox::new(4 + Queue::<Line>::PLACE_BYTES);
        push(&outbox, "1234");
        outbox.push_if_room(Line::framing("5"));
        assert_eq!(
            outbox.push(line("6"), Kind::Control),
            Pushed::Queued,
            "a heartbeat has no budget"
        );
        assert_eq!(outbox.push(line("7"), Kind::Message), Pushed::OverBudget);
        assert_eq!(outbox.drop_waiting(), 0, "no publications");
        push(&outbox, "1234");
    }
}
