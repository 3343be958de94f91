//! How many connections there may be: over all, on lanes together, and from one address.
//!
//! The number of open files of a process is limited, and an `accept` that finds none left blocks
//! everybody. So each connection takes a [`Seat`] first, there are fewer seats than files, and a
//! connection that gets none is refused with a reason. Some seats are reserved: a connection that
//! stays (on a transport's lane, or a WebSocket or stream on the main one) is **held**, and held
//! ones never take the last seats, so that pages and `/healthz` still answer.
//!
//! Where all are taken, idle connections are closed for new ones: first those that never sent a
//! request, then those whose requests are answered.
//!
//! ```text
//! accept ──► take: is there a seat? ──yes──► request ──► hold: it stays (WebSocket, stream, poll)
//!                │ no: an idle one goes            └──► answered: idle, and may be asked to go
//!                └──► none is idle: 503 or 429 with the reason, for as many as can be told
//! ```
//!
//! Rejected: the HTTP server's own limit (`max_connections`). Past it, connections wait in the
//! kernel: their clients see neither an answer nor a refusal, and so does `/healthz`.

mod capacity;
mod counts;
mod seat;
#[cfg(test)]
mod tests;

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use futures_util::task::AtomicWaker;

pub use self::{
    capacity::{Capacity, Full},
    seat::Seat,
};
use self::{
    counts::SeatCounts,
    seat::{BUSY, State, now_us},
};
use crate::network;

/// A connection is idle after this time without a request.
const IDLE_AFTER_US: u64 = 1_000_000;
/// After a search that found no idle connection, the next one waits this long, because it goes
/// through all seats.
const LOOK_AGAIN_US: u64 = 50_000;

/// See the module.
pub struct Seats {
    capacity: Capacity,
    counts: Mutex<SeatCounts>,
    refusing: AtomicUsize,
    refused: AtomicUsize,
    next_number: AtomicU64,
    next_look_us: AtomicU64,
    next_look_for_address_us: AtomicU64,
    /// Connections without a seat whose request is awaited, to answer it with the reason.
    asking: AtomicUsize,
}

/// Permission to keep a refused connection until its peer has read the reason.
pub struct LingeringClose(Arc<Seats>);

/// Permission to wait for the request of a connection without a seat.
pub struct PendingRefusal(Arc<Seats>);

impl Drop for PendingRefusal {
    fn drop(&mut self) {
        self.0.asking.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for LingeringClose {
    fn drop(&mut self) {
        self.0.refusing.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Seats {
    /// All seats free.
    pub fn new(capacity: Capacity) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            counts: Mutex::default(),
            refusing: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            next_number: AtomicU64::new(0),
            next_look_us: AtomicU64::new(0),
            next_look_for_address_us: AtomicU64::new(0),
            asking: AtomicUsize::new(0),
        })
    }

    /// How many there are of each kind.
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Seats that are taken.
    pub fn taken(&self) -> usize {
        self.counts().all
    }

    /// The most that were taken at once since this was last asked, and those that are taken now.
    pub fn take_peak(&self) -> (usize, usize) {
        let mut counts = self.counts();
        let now = counts.all;
        (std::mem::replace(&mut counts.most, now), now)
    }

    fn counts(&self) -> MutexGuard<'_, SeatCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a new connection; `address`: counted for this address, if any. Where all are
    /// taken, idle connections are closed.
    pub fn take(
        self: &Arc<Self>,
        is_held: bool,
        address: Option<IpAddr>,
    ) -> Result<Arc<Seat>, Full> {
        self.take_at(now_us(), is_held, address.map(network::of))
    }

    /// With the time as a parameter, for tests.
    fn take_at(
        self: &Arc<Self>,
        now_us: u64,
        is_held: bool,
        address: Option<IpAddr>,
    ) -> Result<Arc<Seat>, Full> {
        match self.take_free(now_us, is_held, address) {
            Err(full) if self.give_up_idle(now_us, full, address) => {
                self.take_free(now_us, is_held, address)
            }
            taken => taken,
        }
    }

    /// A seat if one is free; takes none away.
    fn take_free(
        self: &Arc<Self>,
        now_us: u64,
        is_held: bool,
        address: Option<IpAddr>,
    ) -> Result<Arc<Seat>, Full> {
        let mut counts = self.counts();
        if let Some(address) = address {
            counts.enter(address, self.capacity.per_address)?;
        }
        let full = match is_held && counts.held >= self.capacity.held {
            _ if counts.all >= self.capacity.all => Some(Full::Everywhere),
            true => Some(Full::ForHeld),
            false => None,
        };
        if let Some(full) = full {
            if let Some(address) = address {
                counts.leave(address);
            }
            return Err(full);
        }
        counts.all += 1;
        counts.most = counts.most.max(counts.all);
        counts.held += usize::from(is_held);
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat {
            seats: self.clone(),
            number,
            idle_since_us: AtomicU64::new(now_us),
            has_asked: AtomicBool::new(false),
            is_behind: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            is_cut: AtomicBool::new(false),
            cutting: AtomicWaker::new(),
            state: Mutex::new(State {
                is_held,
                address,
                is_given_back: false,
            }),
            rest_by: Mutex::default(),
            has_rest: AtomicBool::new(false),
        });
        counts.taken.insert(number, Arc::downgrade(&seat));
        Ok(seat)
    }

    /// Takes seats from idle connections, first from those that never sent a request; up to a
    /// sixteenth of all at once, so that not every new connection searches. Returns whether there
    /// were any.
    fn give_up_idle(&self, now_us: u64, full: Full, address: Option<IpAddr>) -> bool {
        // A full address must not delay the search for the others.
        let next_look_us = match full {
            Full::ForAddress => &self.next_look_for_address_us,
            Full::Everywhere | Full::ForHeld => &self.next_look_us,
        };
        if now_us < next_look_us.load(Ordering::Relaxed) {
            return false;
        }
        // Dropping the last handle of a seat locks the counts, so it is not done under that lock.
        let taken: Vec<_> = {
            let counts = self.counts();
            counts.taken.values().filter_map(Weak::upgrade).collect()
        };
        let mut idle: Vec<_> = taken
            .iter()
            .filter(|seat| seat.would_help(full, address))
            .filter_map(|seat| {
                let since_us = seat.idle_since_us.load(Ordering::Relaxed);
                let is_idle = since_us != BUSY
                    && since_us.saturating_add(IDLE_AFTER_US) <= now_us
                    && !seat.is_behind.load(Ordering::Relaxed);
                is_idle.then(|| (seat.has_asked.load(Ordering::Relaxed), since_us, seat))
            })
            .collect();
        idle.sort_unstable_by_key(|(has_asked, since_us, _)| (*has_asked, *since_us));
        let given_up = idle
            .iter()
            .take(1 + self.capacity.all / 16)
            .filter(|(_, since_us, seat)| seat.give_up(*since_us))
            .count();
        if given_up == 0 {
            next_look_us.store(now_us + LOOK_AGAIN_US, Ordering::Relaxed);
        }
        given_up > 0
    }

    /// Counts a connection without a seat. Returns the permission to wait for its request, if few
    /// wait, and how many were refused before.
    pub fn refuse(self: &Arc<Self>) -> (Option<PendingRefusal>, usize) {
        let before = self.refused.fetch_add(1, Ordering::Relaxed);
        let is_free = one_more(&self.asking, self.capacity.refusing);
        (is_free.then(|| PendingRefusal(self.clone())), before)
    }

    /// Permission to wait until a refused peer has read why; `None` if many wait already.
    pub fn linger(self: &Arc<Self>) -> Option<LingeringClose> {
        one_more(&self.refusing, self.capacity.refusing).then(|| LingeringClose(self.clone()))
    }
}

/// Increments, unless `most` is reached.
fn one_more(count: &AtomicUsize, most: usize) -> bool {
    let one_more = |now: usize| (now < most).then_some(now + 1);
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
        .is_ok()
}
