//! A connection under conditions: two delay lines, and a pump between them and the socket.
//!
//! ```text
//!  session ── try_write ──► [ down: bytes in flight ] ── pump, once due ──► socket ──► client
//!  session ◄── try_read ─── [ up:   bytes in flight ] ◄── pump, at once ─── socket ◄── client
//!              what is due                       each piece gets its instant as it enters
//! ```
//!
//! The session writes into one line and reads from the other. The pump is a task of its own, so
//! that bytes arrive and cuts happen whether or not the session polls. It outlives the session
//! until the session's bytes have arrived.
//!
//! Rejected: sleeping before each read and write in the session's own task. Ten pieces that came
//! together would come ten delays apart, where a long line delays them all alike; and a cut would be
//! noticed only when the session next did something.
//!
//! Here: the session's side, and the conditions in effect. `pump`: the socket's side.

mod pump;

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::net::TcpStream;

use super::{Direction, Impairment, InEffect, Inspected, LaneConditions, alarm, line::Line};
use crate::lane::{meter::ConnectionMeter, tcp_info};

/// How long bytes of an ended session may stay in flight.
const LEFT_MAX: Duration = Duration::from_secs(600);

/// The longest time that an alarm is set for; then it is set again.
const ALARM_MAX: Duration = Duration::from_secs(60);

/// See the module.
pub struct Link {
    state: RefCell<State>,
}

/// How the session's reading ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Fin,
    Error(io::ErrorKind),
}

/// How the connection is to be closed, once what was written is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// The session will write no more.
    HalfClose,
    /// The session is gone.
    Close,
    /// The session is gone, and unsent bytes are dropped.
    Abort,
}

/// Counts a connection under conditions as open.
struct Counted(Arc<LaneConditions>);

impl Counted {
    fn new(lane: &Arc<LaneConditions>) -> Self {
        lane.open.fetch_add(1, Ordering::Relaxed);
        Self(lane.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Both halves look at this: session and pump are tasks of one thread, and neither holds it across
/// a wait.
struct State {
    /// `None`: cut, closed, or taken back.
    socket: Option<TcpStream>,
    counted: Option<Counted>,
    meter: Arc<ConnectionMeter>,
    lane: Arc<LaneConditions>,
    /// Of the lane's conditions, that `impairments` were made from.
    version: u32,
    /// How many came before it: with the seed it decides every draw, so a run can be repeated.
    number: u64,
    opened: Instant,
    /// Accepted under conditions, and so delayed by its handshake as well.
    is_new: bool,
    /// No conditions have been applied yet.
    is_first: bool,
    /// In the order in which they were named.
    impairments: Vec<Box<dyn Impairment>>,
    /// From the session to the client, and back.
    down: Line,
    up: Line,
    /// The end that the session sees after the bytes that are due, and when.
    up_end: Option<(Instant, End)>,
    /// The error of the session's writes.
    broken: Option<io::ErrorKind>,
    closing: Option<(Instant, Closing)>,
    /// After a cut by FIN: until when input is read and dropped.
    lingers: Option<Instant>,
    is_session_gone: bool,
    /// Who waits: the session for bytes, the session for room, the pump for the next instant.
    reader: Option<Waker>,
    writer: Option<Waker>,
    pump: Option<Waker>,
    /// When the alarm will ring.
    armed: Option<Instant>,
}

/// A link that moves to another thread.
pub struct DetachedLink {
    state: State,
    socket: Option<std::net::TcpStream>,
}

impl Link {
    /// Puts a connection under its lane's conditions, on this thread. `is_new`: it was accepted
    /// under them; then they may refuse it.
    pub fn open(
        socket: TcpStream,
        lane: &Arc<LaneConditions>,
        meter: &Arc<ConnectionMeter>,
        is_new: bool,
    ) -> Rc<Self> {
        let now = Instant::now();
        // Read the version first: then a change in between is noticed and followed.
        let version = lane.version();
        let in_effect = lane.in_effect();
        let set = in_effect.as_ref().map_or(now, |it| it.set.min(it.from));
        // It was open before these conditions took effect.
        let before = set.checked_sub(Duration::from_micros(1)).unwrap_or(set);
        let mut state = State {
            socket: Some(socket),
            opened: if is_new { now } else { before },
            is_new,
            number: lane.numbers.fetch_add(1, Ordering::Relaxed),
            ..State::hollow(lane, meter)
        };
        let is_refused = is_new
            && in_effect
                .as_ref()
                .is_some_and(|it| !it.admits(lane.open(), now));
        state.counted = Some(Counted::new(lane));
        state.is_session_gone = false;
        state.obey(in_effect.as_deref(), version, now);
        if is_refused {
            state.cut_by_rst(now);
        }
        Self::spawn(state)
    }

    /// Starts the pump. It holds the link, so that bytes arrive after the session has gone.
    fn spawn(state: State) -> Rc<Self> {
        let link = Rc::new(Self {
            state: RefCell::new(state),
        });
        let pumped = link.clone();
        tokio::task::spawn_local(poll_fn(move |context| {
            pumped.state.borrow_mut().pump(context)
        }));
        link
    }

    /// As the socket's.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.state.borrow_mut().try_read(buffer)
    }

    /// As the socket's.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.state.borrow_mut().try_write(bytes)
    }

    /// As the socket's.
    pub fn poll_read_ready(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.borrow_mut();
        let now = Instant::now();
        if state.is_readable(now) {
            return Poll::Ready(Ok(()));
        }
        remember(&mut state.reader, context);
        state.arm(now);
        Poll::Pending
    }

    /// As the socket's.
    pub fn poll_write_ready(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.borrow_mut();
        if state.is_writable() {
            return Poll::Ready(Ok(()));
        }
        remember(&mut state.writer, context);
        Poll::Pending
    }

    /// The first byte that can be read, which stays there; `None` at the end.
    pub fn poll_first(&self, context: &Context<'_>) -> Poll<Option<u8>> {
        let mut state = self.state.borrow_mut();
        let now = Instant::now();
        if let Some(first) = state.up.front(now).first() {
            return Poll::Ready(Some(*first));
        }
        if state.is_readable(now) {
            return Poll::Ready(None);
        }
        remember(&mut state.reader, context);
        state.arm(now);
        Poll::Pending
    }

    /// The session writes no more.
    pub fn shutdown_write(&self) {
        self.state.borrow_mut().close(Closing::HalfClose);
    }

    /// The session is gone; `aborts`: unsent bytes are dropped.
    pub fn leave(&self, aborts: bool) {
        let mut state = self.state.borrow_mut();
        state.is_session_gone = true;
        state.close(match aborts {
            true => Closing::Abort,
            false => Closing::Close,
        });
    }

    /// The socket itself, if there are no conditions any more and nothing is in flight.
    pub fn take_back(&self) -> Option<TcpStream> {
        let mut state = self.state.borrow_mut();
        let is_bare = state.impairments.is_empty()
            && state.version == state.lane.version()
            && state.down.is_empty()
            && state.up.is_empty()
            && state.up_end.is_none()
            && state.broken.is_none()
            && state.closing.is_none();
        if !is_bare {
            return None;
        }
        let socket = state.socket.take();
        state.is_session_gone = true;
        wake(&mut state.pump);
        // Tasks that wait for the link must now wait for the socket, which has only the pump's
        // waker.
        wake(&mut state.reader);
        wake(&mut state.writer);
        socket
    }

    /// Detaches it from this thread.
    pub fn detach(&self) -> io::Result<DetachedLink> {
        let mut here = self.state.borrow_mut();
        let hollow = State::hollow(&here.lane, &here.meter);
        let mut state = std::mem::replace(&mut *here, hollow);
        wake(&mut state.pump);
        let socket = state.socket.take().map(TcpStream::into_std).transpose()?;
        (state.reader, state.writer, state.armed) = (None, None, None);
        Ok(DetachedLink { state, socket })
    }

    /// Hands the kernel's counts of the socket to the meter.
    pub fn read_kernel_counts(&self) {
        self.state.borrow().read_kernel_counts();
    }
}

impl DetachedLink {
    /// Attaches it to this thread.
    pub fn attach(self) -> io::Result<Rc<Link>> {
        let socket = self.socket.map(TcpStream::from_std).transpose()?;
        Ok(Link::spawn(State {
            socket,
            ..self.state
        }))
    }
}

/// Keeps a task's waker; a clone is made only if the task has moved.
fn remember(known: &mut Option<Waker>, context: &Context<'_>) {
    match known {
        Some(waker) if waker.will_wake(context.waker()) => {}
        other => *other = Some(context.waker().clone()),
    }
}

/// Wakes once: who is woken asks again, and is remembered again.
fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl State {
    /// A state without a socket, for which the pump ends.
    fn hollow(lane: &Arc<LaneConditions>, meter: &Arc<ConnectionMeter>) -> Self {
        Self {
            socket: None,
            counted: None,
            meter: meter.clone(),
            lane: lane.clone(),
            version: 0,
            number: 0,
            opened: Instant::now(),
            is_new: false,
            is_first: true,
            impairments: Vec::new(),
            down: Line::default(),
            up: Line::default(),
            up_end: None,
            broken: None,
            closing: None,
            lingers: None,
            is_session_gone: true,
            reader: None,
            writer: None,
            pump: None,
            armed: None,
        }
    }

    /// Applies the present conditions, also to bytes in flight.
    fn obey(&mut self, in_effect: Option<&InEffect>, version: u32, now: Instant) {
        let watched = self.impairments.iter_mut().find_map(|it| it.watched());
        // What the old conditions held back comes under the new ones, last, behind what is in flight.
        let held = match self.inspector() {
            Some(inspector) => inspector.release_all(),
            None => Inspected::default(),
        };
        let is_first = std::mem::replace(&mut self.is_first, false);
        self.version = version;
        self.impairments = in_effect.map_or_else(Vec::new, |in_effect| {
            let sees_all = is_first && self.is_new;
            in_effect.impair(self.opened, self.is_new, sees_all, self.number)
        });
        if let (Some(inspector), Some(watched)) = (self.inspector(), watched) {
            inspector.go_on(watched);
        }
        let impairments = &mut self.impairments;
        // As if they had entered under the new ones: who takes a tunnel away wants to see what it kept
        // now, and not at the instant that it had been given.
        self.down
            .reschedule(|bytes, at| leaves(impairments, Direction::Down, bytes, at));
        self.up
            .reschedule(|bytes, at| leaves(impairments, Direction::Up, bytes, at));
        if let Some((due, _)) = &mut self.up_end {
            *due = leaves(impairments, Direction::Up, 0, now);
        }
        if let Some((due, _)) = &mut self.closing {
            let all_due = self.down.all_due().unwrap_or(now);
            *due = leaves(impairments, Direction::Down, 0, now)
                .max(all_due)
                .min(now + LEFT_MAX);
        }
        self.armed = None;
        self.pass(held, now);
    }

    /// The one condition that reads what passes, if there is one.
    fn inspector(&mut self) -> Option<&mut Box<dyn Impairment>> {
        self.impairments.iter_mut().find(|it| it.inspects())
    }

    /// Applies what has changed on the lane since it was last looked at.
    fn follow_lane(&mut self, now: Instant) {
        let version = self.lane.version();
        if version != self.version {
            let in_effect = self.lane.in_effect();
            self.obey(in_effect.as_deref(), version, now);
        }
    }

    /// The smallest window wins: a slow reader behind a fast line is slow.
    fn window(&self, direction: Direction) -> usize {
        let windows = self
            .impairments
            .iter()
            .filter_map(|it| it.window(direction));
        windows.min().unwrap_or(usize::MAX)
    }

    /// Passes bytes to the inspecting condition, if any, and then into the line.
    fn enter(&mut self, direction: Direction, bytes: Bytes, now: Instant) {
        match self.inspector() {
            Some(inspector) => {
                let passing = inspector.inspect(direction, bytes, now);
                self.pass(passing, now);
            }
            None => self.give(direction, bytes, now),
        }
    }

    /// Puts into the lines what the inspecting condition let pass.
    fn pass(&mut self, passing: Inspected, now: Instant) {
        for bytes in passing.down {
            self.give(Direction::Down, bytes, now);
        }
        for bytes in passing.up {
            self.give(Direction::Up, bytes, now);
        }
        if passing.ends {
            self.up_end = Some((now, End::Fin));
            self.close(Closing::HalfClose);
            wake(&mut self.reader);
        }
    }

    /// Cuts bytes into pieces and gives each its instant. Each piece is asked about once, in order:
    /// conditions have a memory, and draws must be the same in every run.
    fn give(&mut self, direction: Direction, mut bytes: Bytes, now: Instant) {
        let grains = self.impairments.iter().filter_map(|it| it.grain());
        let grain = grains.min().unwrap_or(usize::MAX);
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(grain));
            let due = leaves(&mut self.impairments, direction, piece.len(), now);
            let line = match direction {
                Direction::Down => &mut self.down,
                Direction::Up => &mut self.up,
            };
            line.push(piece, now, due);
        }
    }

    /// Whether the session's next read would bring bytes, or the end.
    fn is_readable(&self, now: Instant) -> bool {
        let is_due = |due: Instant| due <= now;
        match self.up.due() {
            Some(due) => is_due(due),
            None => self.up_end.is_some_and(|(due, _)| is_due(due)),
        }
    }

    /// Whether the session's next write would take a byte, or fail.
    fn is_writable(&self) -> bool {
        self.broken.is_some() || self.down.free_bytes(self.window(Direction::Down)) > 0
    }

    /// As a socket's: what is due, then the end, else `WouldBlock`. A read that makes room wakes
    /// the pump.
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let now = Instant::now();
        let was_full = self.up.free_bytes(self.window(Direction::Up)) == 0;
        let read = self.up.read(buffer, now);
        if read > 0 {
            if was_full {
                wake(&mut self.pump);
            }
            return Ok(read);
        }
        match self.up_end {
            Some((due, end)) if due <= now && self.up.is_empty() => match end {
                End::Fin => Ok(0),
                End::Error(kind) => Err(kind.into()),
            },
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// As a socket's: takes what there is room for. What is due at once is written in this very
    /// call, so that a condition of no delay adds none.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(kind) = self.broken {
            return Err(kind.into());
        }
        let now = Instant::now();
        let free = self.down.free_bytes(self.window(Direction::Down));
        if free == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = &bytes[..bytes.len().min(free)];
        self.enter(Direction::Down, Bytes::copy_from_slice(taken), now);
        match self.write_due(now) {
            // The socket is not ready, or gone: the pump handles it.
            Err(_) => wake(&mut self.pump),
            Ok(()) => self.arm(now),
        }
        Ok(taken.len())
    }

    /// Writes what is due, as far as the kernel takes it.
    fn write_due(&mut self, now: Instant) -> io::Result<()> {
        while let Some(socket) = &self.socket {
            let front = self.down.front(now);
            if front.is_empty() {
                break;
            }
            let written = socket.try_write(front)?;
            self.down.advance(written);
            self.meter.kernel_took(written);
        }
        Ok(())
    }

    /// Begins the end of the session's side: what is held back leaves, what is in flight arrives,
    /// then the socket is closed.
    fn close(&mut self, how: Closing) {
        let now = Instant::now();
        if let Some(inspector) = self.inspector() {
            let held = inspector.release_all();
            self.pass(held, now);
        }
        if how == Closing::Abort {
            self.down.clear();
        }
        // The end travels like a byte: behind all the others, and as slowly.
        self.broken.get_or_insert(io::ErrorKind::BrokenPipe);
        let due = leaves(&mut self.impairments, Direction::Down, 0, now);
        let all_due = self.down.all_due().map_or(due, |all| all.max(due));
        self.closing = Some((all_due.min(now + LEFT_MAX), how));
        wake(&mut self.pump);
    }

    /// Sets the alarm for the next event.
    fn arm(&mut self, now: Instant) {
        let Some(pump) = &self.pump else { return };
        // What has come up matters only to a session that waits; one that is busy looks by itself.
        let session_waits = [
            self.up.due().filter(|_| self.reader.is_some()),
            self.up_end
                .filter(|_| self.reader.is_some())
                .map(|(due, _)| due),
        ];
        let own = [
            self.down.due(),
            self.closing.map(|(due, _)| due),
            self.lingers,
        ];
        let next = self.impairments.iter().filter_map(|it| it.next(now));
        let next = session_waits
            .into_iter()
            .chain(own.into_iter().filter(|_| self.socket.is_some()))
            .flatten()
            .chain(next)
            .filter(|due| *due > now)
            .min();
        // An alarm keeps its task's memory until it rings, so it is not set for a distant day.
        if let Some(next) = next.map(|next| next.min(now + ALARM_MAX))
            && self.armed.is_none_or(|armed| next < armed)
        {
            self.armed = Some(next);
            alarm::wake_at(next, pump);
        }
    }

    fn read_kernel_counts(&self) {
        if let Some(socket) = &self.socket
            && let Some(info) = tcp_info::read(socket)
        {
            self.meter.record_kernel_counts(&info);
        }
    }
}

/// Through all conditions, one after the other: what one delays, the next sees later.
fn leaves(
    impairments: &mut [Box<dyn Impairment>],
    direction: Direction,
    bytes: usize,
    at: Instant,
) -> Instant {
    impairments
        .iter_mut()
        .fold(at, |at, impairment| impairment.leaves(direction, bytes, at))
}
