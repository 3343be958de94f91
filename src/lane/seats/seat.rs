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

/// One connection's. Dropping it gives it back.
pub struct Seat {
    pub(super) seats: Arc<Seats>,
    pub(super) number: u64,
    /// Since when nothing has been under way, on the clock that only counts up; or [`BUSY`], or
    /// [`GIVEN_UP`].
    pub(super) idle_since_us: AtomicU64,
    pub(super) has_asked: AtomicBool,
    /// The peer has not taken yet what was written for it; see [`Self::set_behind`].
    pub(super) is_behind: AtomicBool,
    /// Who reads from the connection, to be told that its seat is gone.
    pub(super) reader: AtomicWaker,
    pub(super) state: Mutex<State>,
    /// When the rest of a body that nobody reads must have come.
    pub(super) rest_by: Mutex<Option<Instant>>,
    pub(super) has_rest: AtomicBool,
}

#[derive(Clone, Copy)]
pub(super) struct State {
    pub(super) is_held: bool,
    /// Whom it counts for; `None` counts for nobody.
    pub(super) address: Option<IpAddr>,
    /// It is no longer in the counts.
    pub(super) is_given_back: bool,
}

impl Seat {
    /// Leave to wait for the peer of a refused connection to close first; `None`: too many wait
    /// already, and their seats are those that were kept back for pages.
    pub fn linger(&self) -> Option<LingeringClose> {
        self.seats.linger()
    }

    /// The connection stays from now on, and counts for `address`: behind a proxy that keeps its
    /// connections, who asks may change from request to request. On an error nothing has changed.
    pub fn hold(&self, address: Option<IpAddr>) -> Result<(), Full> {
        self.hold_at(now_us(), address.map(network::of))
    }

    pub(super) fn hold_at(&self, now_us: u64, address: Option<IpAddr>) -> Result<(), Full> {
        match self.hold_now(address) {
            // Who has no seat any more makes nobody else lose one.
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
    /// Until when the rest of a request's body may come, which nobody reads; `None`: there is none.
    pub fn rest_until(&self, rest_by: Option<Instant>) {
        *self.rest_by.lock().unwrap_or_else(PoisonError::into_inner) = rest_by;
        self.has_rest.store(rest_by.is_some(), Ordering::Release);
    }

    pub fn rest_by(&self) -> Option<Instant> {
        if !self.has_rest.load(Ordering::Acquire) {
            return None;
        }
        *self.rest_by.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Whether the seat is somebody else's by now, and the connection is to end. Has itself called
    /// when it becomes so.
    pub fn is_given_up(&self, context: &Context<'_>) -> bool {
        if self.idle_since_us.load(Ordering::Acquire) == BUSY {
            return false;
        }
        self.reader.register(context.waker());
        self.idle_since_us.load(Ordering::Acquire) == GIVEN_UP
    }

    /// Says whether the peer still has to take what was written for it: an answer is under way
    /// then, after its request has ended.
    pub fn set_behind(&self, is_behind: bool) {
        self.is_behind.store(is_behind, Ordering::Relaxed);
    }

    /// Whether somebody who found it [`Full`] gets in when this one leaves.
    pub(super) fn would_help(&self, full: Full, address: Option<IpAddr>) -> bool {
        let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match full {
            Full::ForAddress => state.address == address,
            Full::ForHeld => state.is_held,
            Full::Everywhere => true,
        }
    }

    /// `false`: something has begun since.
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
