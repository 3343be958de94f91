//! How many connections there may be: over all, on lanes together, and from one address.
//!
//! A process has so many open files and no more, and an `accept` that finds none left makes
//! everybody wait. So a [`Seat`] is taken for each connection before anything else is done with
//! it, there are fewer seats than files, and who gets none is told so. Some are kept back: a
//! connection that stays (on a transport's lane, or a WebSocket or stream on the main one) is
//! **held**, and held ones never take the last seats, so that pages and `/healthz` still answer.
//!
//! Where all are taken, connections on which nothing is under way give way to newcomers: first
//! those that never asked for anything, then those that were answered and are silent.

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

/// A connection is idle when nothing has been under way on it for so long.
const IDLE_AFTER_US: u64 = 1_000_000;
/// After nobody idle was found, nobody is looked for again for so long: a look meets all seats.
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
    /// Connections whose request is waited for, though there is no seat.
    asking: AtomicUsize,
}

/// A connection that stays only until its peer has read why it may not.
pub struct LingeringClose(Arc<Seats>);

/// A connection without a seat whose request is waited for.
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

    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Seats that are taken.
    pub fn taken(&self) -> usize {
        self.counts().all
    }

    /// The most that were taken at once since this was last asked, and those that are taken now.
    pub fn most_lately(&self) -> (usize, usize) {
        let mut counts = self.counts();
        let now = counts.all;
        (std::mem::replace(&mut counts.most, now), now)
    }

    fn counts(&self) -> MutexGuard<'_, SeatCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a new connection; `address`: whom it counts for, if for anybody. Where all are
    /// taken, idle ones give way.
    pub fn take(
        self: &Arc<Self>,
        is_held: bool,
        address: Option<IpAddr>,
    ) -> Result<Arc<Seat>, Full> {
        self.take_at(now_us(), is_held, address.map(network::of))
    }

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

    /// Gives idle seats up, those that never asked first, a sixteenth of all at most: newcomers in
    /// a row do not each look through all. Whether there were any.
    fn give_up_idle(&self, now_us: u64, full: Full, address: Option<IpAddr>) -> bool {
        // One address that is full does not keep others from being looked for.
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

    /// Notes that one more finds no seat: how many did before, and leave to wait a moment for what
    /// it asks, while few do.
    pub fn refuse(self: &Arc<Self>) -> (Option<PendingRefusal>, usize) {
        let before = self.refused.fetch_add(1, Ordering::Relaxed);
        let is_free = one_more(&self.asking, self.capacity.refusing);
        (is_free.then(|| PendingRefusal(self.clone())), before)
    }

    /// Leave to wait until a refused peer has read why; `None`: many do already.
    pub fn linger(self: &Arc<Self>) -> Option<LingeringClose> {
        one_more(&self.refusing, self.capacity.refusing).then(|| LingeringClose(self.clone()))
    }
}

/// Counts one more, unless there are so many.
fn one_more(count: &AtomicUsize, most: usize) -> bool {
    let one_more = |now: usize| (now < most).then_some(now + 1);
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
        .is_ok()
}
