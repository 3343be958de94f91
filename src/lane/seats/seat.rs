//! One connection's seat: from when it is taken until it is given back.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Context,
    time::Instant,
};

use futures_util::task::AtomicWaker;

use super::{LingeringClose, Seats, capacity::Full};
use crate::{clock, network};

/// [`Seat::idle_since_us`]: a request is under way.
pub const BUSY: u64 = 0;
/// [`Seat::idle_since_us`]: the seat was given to somebody else.
const GIVEN_UP: u64 = u64::MAX;

/// The seat of one connection; dropping it gives it back.
pub struct Seat {
    pub(super) seats: Arc<Seats>,
    pub(super) number: u64,
    /// Since when there is no request, µs on the monotonic clock; or [`BUSY`], or [`GIVEN_UP`].
    pub(super) idle_since_us: AtomicU64,
    pub(super) has_asked: AtomicBool,
    /// The peer has not taken yet what was written for it; see [`Self::set_behind`].
    pub(super) is_behind: AtomicBool,
    /// Wakes the task that reads from the connection when the seat is taken away.
    pub(super) reader: AtomicWaker,
    /// See [`Self::cut`].
    pub(super) is_cut: AtomicBool,
    pub(super) cutting: AtomicWaker,
    pub(super) state: Mutex<State>,
    /// By when the rest of an unread request body must have come.
    pub(super) rest_by: Mutex<Option<Instant>>,
    pub(super) has_rest: AtomicBool,
}

/// What decides how a seat is counted. Under one lock, so that it is given back exactly once.
#[derive(Clone, Copy)]
pub(super) struct State {
    pub(super) is_held: bool,
    /// The address that it counts for, if any.
    pub(super) address: Option<IpAddr>,
    /// It is no longer in the counts.
    pub(super) is_given_back: bool,
}

impl Seat {
    /// Permission to wait until the peer of a refused connection closes first; `None` if too many
    /// wait already, because they occupy seats that are reserved for pages.
    pub fn linger(&self) -> Option<LingeringClose> {
        self.seats.linger()
    }

    /// Makes the connection a held one that counts for `address` (behind a proxy that reuses
    /// connections, the client may change from request to request). On an error nothing has
    /// changed.
    pub fn hold(&self, address: Option<IpAddr>) -> Result<(), Full> {
        self.hold_at(now_us(), address.map(network::of))
    }

    /// With the time as a parameter, for tests.
    pub(super) fn hold_at(&self, now_us: u64, address: Option<IpAddr>) -> Result<(), Full> {
        match self.hold_now(address) {
            // A connection that has lost its seat must not take one from another.
            Err(full)
                if !self.is_given_back() && self.seats.give_up_idle(now_us, full, address) =>
            {
                self.hold_now(address)
            }
            done => done,
        }
    }

    fn is_given_back(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_given_back
    }

    /// Becomes a held one if there is room for one more; takes none away.
    fn hold_now(&self, address: Option<IpAddr>) -> Result<(), Full> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_given_back {
            return Err(Full::Everywhere);
        }
        if state.is_held && state.address == address {
            // A poll after the first: the counts do not change.
            return Ok(());
        }
        let mut counts = self.seats.counts();
        let capacity = self.seats.capacity;
        if !state.is_held && counts.held >= capacity.held {
            return Err(Full::ForHeld);
        }
        if state.address != address {
            if let Some(address) = address {
                counts.enter(address, capacity.per_address)?;
            }
            if let Some(before) = state.address {
                counts.leave(before);
            }
        }
        counts.held += usize::from(!state.is_held);
        state.is_held = true;
        state.address = address;
        Ok(())
    }
}

impl Seat {
    /// Sets by when the rest of an unread request body must have come; `None`: there is none.
    pub fn rest_until(&self, rest_by: Option<Instant>) {
        *self.rest_by.lock().unwrap_or_else(PoisonError::into_inner) = rest_by;
        self.has_rest.store(rest_by.is_some(), Ordering::Release);
    }

    /// By when the rest of an unread body must have come; `None`: there is none.
    pub fn rest_by(&self) -> Option<Instant> {
        if !self.has_rest.load(Ordering::Acquire) {
            return None;
        }
        *self.rest_by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Ends the connection, whatever is still to be written to it: for whoever gave its peer up and
    /// does not own its socket.
    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
        self.cutting.wake();
    }

    /// Whether the connection must end at once; if not, [`Self::wake_when_cut`] wakes its task.
    pub fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    /// Forgets whom to wake: the connection was handed over to somebody who does not ask. As long as
    /// one task may be woken, the memory of another that has ended is kept.
    pub fn forget_tasks(&self) {
        drop(self.reader.take());
        drop(self.cutting.take());
    }

    /// Wakes this task when the connection is cut.
    pub fn wake_when_cut(&self, context: &Context<'_>) {
        self.cutting.register(context.waker());
    }
}

impl Seat {
    /// A request has begun: the seat is not given up until [`Self::request_ends`].
    pub fn request_begins(&self) {
        self.has_asked.store(true, Ordering::Relaxed);
        self.set_idle_since(BUSY);
    }

    /// The request is answered, and nothing is under way.
    pub fn request_ends(&self) {
        self.set_idle_since(now_us());
    }

    fn set_idle_since(&self, since_us: u64) {
        let unless_given_up = |before| (before != GIVEN_UP).then_some(since_us);
        let _ =
            self.idle_since_us
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, unless_given_up);
    }

    /// Whether the seat was taken away and the connection must end; if not, the task is woken when
    /// it is.
    pub fn is_given_up(&self, context: &Context<'_>) -> bool {
        if self.idle_since_us.load(Ordering::Acquire) == BUSY {
            return false;
        }
        self.reader.register(context.waker());
        self.idle_since_us.load(Ordering::Acquire) == GIVEN_UP
    }

    /// Says whether the peer has yet to take written bytes: then an answer is under way, although
    /// its request has ended, and the connection is not idle.
    pub fn set_behind(&self, is_behind: bool) {
        self.is_behind.store(is_behind, Ordering::Relaxed);
    }

    /// Whether a connection that was refused as `full` gets a seat if this one is given up.
    pub(super) fn would_help(&self, full: Full, address: Option<IpAddr>) -> bool {
        let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match full {
            Full::ForAddress => state.address == address,
            Full::ForHeld => state.is_held,
            Full::Everywhere => true,
        }
    }

    /// Whether no request, no answer and no rest of a request's body is under way: what comes next
    /// begins a request.
    pub fn is_between_requests(&self) -> bool {
        let since_us = self.idle_since_us.load(Ordering::Acquire);
        since_us != BUSY
            && since_us != GIVEN_UP
            && !self.is_behind.load(Ordering::Relaxed)
            && self.rest_by().is_none()
    }

    /// Takes the seat away, unless a request has begun since `since_us`; returns whether it did.
    pub(super) fn give_up(&self, since_us: u64) -> bool {
        let given_up = self.idle_since_us.compare_exchange(
            since_us,
            GIVEN_UP,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        if given_up.is_ok() {
            self.give_back();
            self.reader.wake();
        }
        given_up.is_ok()
    }

    /// Takes it out of the counts, once.
    fn give_back(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut state.is_given_back, true) {
            return;
        }
        let mut counts = self.seats.counts();
        counts.all -= 1;
        counts.held -= usize::from(state.is_held);
        counts.taken.remove(&self.number);
        if let Some(address) = state.address {
            counts.leave(address);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Never [`BUSY`].
pub fn now_us() -> u64 {
    clock::now_us().max(1)
}
