//! What waits for a session's client, between the session's thread and that of the request which
//! fetches it.
//!
//! A session has one receiver at a time: the response that streams, or the poll that is held. A
//! newer one takes over, and lines that the older has not taken are the newer's. Between two
//! receivers lines wait. Bounded in bytes; what passing the bound means is the session's policy.
//!
//! One lock, held for a few moves and never across an await: the session's thread pushes, the
//! receiver's takes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::{sync::Notify, time::Instant};

use crate::{lane::meter::ConnectionMeter, wire::Layers};

/// One line on its way.
pub struct Line {
    pub bytes: Bytes,
    pub layers: Layers,
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
                envelope: (bytes.len() as u64).saturating_sub(framing),
                payload: 0,
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

/// How a receiver fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetching {
    Streaming,
    Polling,
}

/// What a receiver is given.
pub enum Taken {
    Line(Line),
    /// Another request is the receiver now.
    TakenOver,
    /// The session is closed and nothing waits.
    Ended,
}

/// What a session's task goes by.
pub struct Status {
    /// Since when there is a receiver, and how it fetches.
    pub receiver: Option<(Fetching, Instant)>,
    /// When the last receiver went.
    pub alone_since: Instant,
    pub last_push: Instant,
    pub is_closed: bool,
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
    lines: VecDeque<Line>,
    waiting_bytes: usize,
    /// Of a page of a backlog and of heartbeats, which the budget does not bound; until all is
    /// taken.
    exempt_bytes: usize,
    receiver: Option<Receiver>,
    alone_since: Instant,
    last_push: Instant,
    next_number: u64,
    /// Of those who wait for nothing to wait.
    drained: Vec<Waker>,
    /// Under which channel its requests are metered, once that is known.
    channel: Option<Arc<str>>,
    /// The closing line was pushed: nothing follows it.
    is_closed: bool,
}

/// See the module.
pub struct Outbox {
    state: Mutex<State>,
    max_bytes: usize,
    /// Tells the session's task that the receiver changed, or that the end has come.
    pub changed: Notify,
}

impl Outbox {
    pub fn new(max_bytes: usize) -> Self {
        let now = Instant::now();
        Self {
            state: Mutex::new(State {
                lines: VecDeque::new(),
                waiting_bytes: 0,
                exempt_bytes: 0,
                receiver: None,
                alone_since: now,
                last_push: now,
                next_number: 0,
                drained: Vec::new(),
                channel: None,
                is_closed: false,
            }),
            max_bytes,
            changed: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

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

    /// Queues lines. False: there is no room for them, and none is queued. `is_exempt`: the budget
    /// does not bound them.
    pub fn push(&self, lines: Vec<Line>, is_exempt: bool) -> bool {
        let mut state = self.state();
        if state.is_closed {
            return true;
        }
        let bytes: usize = lines.iter().map(|line| line.bytes.len()).sum();
        if is_exempt {
            state.exempt_bytes += bytes;
        } else if state.waiting_bytes + bytes > self.max_bytes + state.exempt_bytes {
            return false;
        }
        state.waiting_bytes += bytes;
        state.lines.extend(lines);
        state.last_push = Instant::now();
        state.wake();
        true
    }

    /// Queues the closing line; nothing follows it. A second one is ignored.
    pub fn close(&self, line: Line) {
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        state.is_closed = true;
        state.waiting_bytes += line.bytes.len();
        state.lines.push_back(line);
        state.wake();
        drop(state);
        self.changed.notify_one();
    }

    /// Drops what waits; answers how many publications that were.
    pub fn drop_waiting(&self) -> usize {
        let mut state = self.state();
        let dropped = state.lines.iter().filter(|line| line.is_publication);
        let dropped = dropped.count();
        state.lines.clear();
        state.waiting_bytes = 0;
        state.exempt_bytes = 0;
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

    pub fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Whether a client that came now would get nothing any more.
    pub fn is_over(&self) -> bool {
        let state = self.state();
        state.is_closed && state.lines.is_empty()
    }

    /// Names the channel under which requests are metered.
    pub fn name_channel(&self, channel: &str) {
        let mut state = self.state();
        state.channel = Some(channel.into());
        let meter = state.receiver.as_ref().and_then(|r| r.meter.clone());
        drop(state);
        if let Some(meter) = meter {
            meter.name_channel(channel);
        }
    }

    pub fn channel(&self) -> Option<Arc<str>> {
        self.state().channel.clone()
    }

    fn attach(&self, fetching: Fetching, meter: Option<Arc<ConnectionMeter>>) -> u64 {
        let mut state = self.state();
        let number = state.next_number;
        state.next_number += 1;
        // The one that is taken over must notice.
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
        if let Some(line) = state.lines.pop_front() {
            state.waiting_bytes -= line.bytes.len();
            let is_empty = state.lines.is_empty();
            if is_empty {
                state.exempt_bytes = 0;
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

    fn poll_rest(&self, number: u64, context: &mut Context<'_>) -> Poll<()> {
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

/// Being the receiver of a session, until another one is or this is dropped.
pub struct Receiving {
    outbox: Arc<Outbox>,
    number: u64,
}

impl Receiving {
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

    /// Takes nothing: pending until another request is the receiver or the session is closed.
    pub fn poll_rest(&self, context: &mut Context<'_>) -> Poll<()> {
        self.outbox.poll_rest(self.number, context)
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

    fn line(text: &'static str) -> Vec<Line> {
        vec![Line::framing(text.as_bytes())]
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
        let outbox = Arc::new(Outbox::new(100));
        assert!(outbox.push(line("a"), false));
        assert!(outbox.push(line("b"), false));
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
        let outbox = Arc::new(Outbox::new(100));
        outbox.close(Line::framing("c"));
        outbox.close(Line::framing("c2"));
        assert!(outbox.push(line("a"), false), "ignored, not refused");
        assert!(!outbox.is_over());
        let receiving = Receiving::new(outbox.clone(), Fetching::Streaming, None);
        assert_eq!(take(&receiving), "c");
        assert!(outbox.is_over());
        assert_eq!(take(&receiving), "(ended)");
    }

    #[test]
    fn what_waits_is_bounded_but_for_one_page() {
        let outbox = Arc::new(Outbox::new(4));
        assert!(outbox.push(line("1234"), false));
        assert!(!outbox.push(line("5"), false));
        assert_eq!(outbox.drop_waiting(), 0, "no publications");
        assert!(outbox.push(line("a page of a backlog"), true));
        assert!(outbox.push(line("1234"), false));
        assert!(!outbox.push(line("5"), false));
        let receiving = Receiving::new(outbox.clone(), Fetching::Streaming, None);
        assert_eq!(take(&receiving), "a page of a backlog");
        assert_eq!(take(&receiving), "1234");
        assert!(outbox.push(line("12"), false));
        assert!(!outbox.push(line("345"), false), "the exemption is over");
    }
}
