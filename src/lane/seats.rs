//! How many connections there may be: over all, on lanes together, and from one address.
//!
//! A process has so many open files and no more, and an `accept` that finds none left makes
//! everybody wait. So a [`Seat`] is taken for each connection before anything else is done with
//! it, there are fewer seats than files, and who gets none is told so. Some are kept back: a
//! connection that stays (on a transport's lane, or a WebSocket or stream on the main one) is
//! **held**, and held ones never take the last seats, so that pages and `/healthz` still answer.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

/// How many seats there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Connections at once.
    pub all: usize,
    /// Of them, held ones.
    pub held: usize,
    /// From one address (an IPv6 network of 64 bits is one).
    pub per_address: usize,
    /// Connections that the HTTP server may have at once in one worker, those without a seat yet
    /// included.
    pub accepted_per_worker: usize,
    /// Connections at once that are being told that there is no seat.
    pub refusing: usize,
}

/// Files that one worker needs beside its connections: its event loop and wakers.
const FILES_PER_WORKER: u64 = 6;
/// Listeners, logs, the runtime's own.
const FILES_OF_PROCESS: u64 = 40;

impl Room {
    /// What fits into `files` open ones with `workers` threads. Beside the process's own, an eighth
    /// stays free for what is no connection of a lane: saved runs, runs as child processes,
    /// webhooks, connections between `accept` and their seat.
    pub fn within(files: u64, workers: usize, connections: usize, per_address: usize) -> Self {
        let own = FILES_OF_PROCESS + FILES_PER_WORKER * workers as u64;
        let spare = (files / 8).clamp(16, 1_024);
        let refusing = (spare / 4) as usize;
        let fits = usize::try_from(files.saturating_sub(own + spare)).unwrap_or(usize::MAX);
        // The HTTP server accepts up to its own bound before a seat is asked for, and WebSockets
        // have left its books: so half is for what is held, half for what it counts itself.
        let all = (fits.saturating_sub(4 * workers) / 2)
            .min(connections)
            .max(4);
        let held = all - (all / 5).clamp(1, 256);
        let accepted_per_worker = (fits.saturating_sub(held) / workers.max(1)).max(4);
        Self {
            all,
            held,
            accepted_per_worker,
            per_address,
            refusing,
        }
    }
}

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All are taken, or all that may be held.
    Everywhere,
    /// This address has as many as one may.
    ForAddress,
}

/// See the module.
pub struct Seats {
    room: Room,
    books: Mutex<Books>,
    refusing: AtomicUsize,
    refused: AtomicUsize,
}

#[derive(Default)]
struct Books {
    all: usize,
    held: usize,
    /// Bounded by `all`: an address leaves with its last connection.
    by_address: HashMap<IpAddr, usize>,
}

impl Books {
    fn leave(&mut self, address: IpAddr) {
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }

    fn enter(&mut self, address: IpAddr, most: usize) -> Result<(), Full> {
        let count = self.by_address.get(&address).copied().unwrap_or(0);
        if count >= most {
            return Err(Full::ForAddress);
        }
        self.by_address.insert(address, count + 1);
        Ok(())
    }
}

/// One connection's. Dropping it gives it back.
pub struct Seat {
    seats: Arc<Seats>,
    state: Mutex<State>,
    /// When the rest of a body that nobody reads must have come.
    rest_by: Mutex<Option<Instant>>,
    has_rest: AtomicBool,
}

#[derive(Clone, Copy)]
struct State {
    is_held: bool,
    /// Whom it counts for; `None` counts for nobody.
    address: Option<IpAddr>,
}

/// A connection that is being told that there is no seat.
pub struct Refusing(Arc<Seats>);

impl Drop for Refusing {
    fn drop(&mut self) {
        self.0.refusing.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Seats {
    pub fn new(room: Room) -> Arc<Self> {
        Arc::new(Self {
            room,
            books: Mutex::default(),
            refusing: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        })
    }

    pub fn room(&self) -> Room {
        self.room
    }

    /// Seats that are taken.
    pub fn taken(&self) -> usize {
        self.books().all
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a new connection; `address`: whom it counts for, if for anybody.
    pub fn take(self: &Arc<Self>, is_held: bool, address: Option<IpAddr>) -> Result<Seat, Full> {
        let address = address.map(network);
        let mut books = self.books();
        if books.all >= self.room.all || (is_held && books.held >= self.room.held) {
            return Err(Full::Everywhere);
        }
        if let Some(address) = address {
            books.enter(address, self.room.per_address)?;
        }
        books.all += 1;
        books.held += usize::from(is_held);
        drop(books);
        Ok(Seat {
            seats: self.clone(),
            state: Mutex::new(State { is_held, address }),
            rest_by: Mutex::default(),
            has_rest: AtomicBool::new(false),
        })
    }

    /// Room to tell one more that there is none; and how many were told before.
    pub fn refuse(self: &Arc<Self>) -> (Option<Refusing>, usize) {
        let before = self.refused.fetch_add(1, Ordering::Relaxed);
        let most = self.room.refusing;
        let one_more = |now: usize| (now < most).then_some(now + 1);
        let refusing = &self.refusing;
        let got = refusing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        (got.is_ok().then(|| Refusing(self.clone())), before)
    }
}

impl Seat {
    /// The connection stays from now on, and counts for `address`: behind a proxy that keeps its
    /// connections, who asks may change from request to request. On an error nothing has changed.
    pub fn hold(&self, address: Option<IpAddr>) -> Result<(), Full> {
        let address = address.map(network);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut books = self.seats.books();
        let room = self.seats.room;
        if !state.is_held && books.held >= room.held {
            return Err(Full::Everywhere);
        }
        if state.address != address {
            if let Some(address) = address {
                books.enter(address, room.per_address)?;
            }
            if let Some(before) = state.address {
                books.leave(before);
            }
        }
        books.held += usize::from(!state.is_held);
        *state = State {
            is_held: true,
            address,
        };
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

impl Drop for Seat {
    fn drop(&mut self) {
        let state = *self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut books = self.seats.books();
        books.all -= 1;
        books.held -= usize::from(state.is_held);
        if let Some(address) = state.address {
            books.leave(address);
        }
    }
}

/// What counts as one address: with IPv6 a network of 64 bits, for one device has all of it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(all: usize, held: usize, per_address: usize) -> Arc<Seats> {
        Seats::new(Room {
            all,
            held,
            per_address,
            accepted_per_worker: 4,
            refusing: 1,
        })
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn the_last_seats_are_not_held() {
        let seats = seats(4, 2, 9);
        let first = seats.take(true, None).ok().unwrap();
        let page = seats.take(false, None).ok().unwrap();
        page.hold(None).unwrap();
        assert_eq!(seats.take(true, None).err(), Some(Full::Everywhere));
        let short = seats.take(false, None).ok().unwrap();
        assert_eq!(short.hold(None), Err(Full::Everywhere));
        let _last = seats.take(false, None).ok().unwrap();
        assert_eq!(seats.take(false, None).err(), Some(Full::Everywhere));
        drop(first);
        short.hold(None).unwrap();
        drop((page, short));
        assert_eq!(seats.taken(), 1);
        assert_eq!(seats.books().held, 0);
    }

    #[test]
    fn an_address_has_its_share_and_may_change() {
        let seats = seats(99, 90, 2);
        let a = seats.take(true, address("1.1.1.1")).ok().unwrap();
        let _b = seats.take(true, address("::ffff:1.1.1.1")).ok().unwrap();
        let full = seats.take(true, address("1.1.1.1")).err();
        assert_eq!(full, Some(Full::ForAddress));
        let by_proxy = seats.take(true, None).ok().unwrap();
        assert_eq!(by_proxy.hold(address("1.1.1.1")), Err(Full::ForAddress));
        a.hold(address("2.2.2.2")).unwrap();
        by_proxy.hold(address("1.1.1.1")).unwrap();
        drop((a, by_proxy));
        assert_eq!(seats.books().by_address.len(), 1);
        let _one = seats.take(true, address("2001:db8::1")).ok().unwrap();
        let _two = seats.take(true, address("2001:db8::2")).ok().unwrap();
        assert!(seats.take(true, address("2001:db8::3")).is_err());
        assert!(seats.take(true, address("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn telling_is_bounded_too() {
        let seats = seats(1, 1, 1);
        let (told, before) = seats.refuse();
        assert!(told.is_some() && before == 0);
        assert!(seats.refuse().0.is_none());
        drop(told);
        assert!(seats.refuse().0.is_some());
    }

    #[test]
    fn there_are_fewer_seats_than_files() {
        for files in [256, 1_024, 4_096, 1 << 20] {
            let room = Room::within(files, 2, 50_000, 2_000);
            let at_most = room.held + 2 * room.accepted_per_worker + room.refusing;
            assert!(at_most + 60 < files as usize, "{files}: {room:?}");
            assert!(room.all < 2 * room.accepted_per_worker, "some are refused");
            assert!(room.held < room.all && room.held > room.all / 2, "{room:?}");
        }
        assert_eq!(Room::within(1 << 20, 2, 50_000, 2_000).all, 50_000);
    }
}
