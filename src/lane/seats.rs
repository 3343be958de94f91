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

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Context,
    time::Instant,
};

use futures_util::task::AtomicWaker;

use crate::{clock, network};

/// A connection is idle when nothing has been under way on it for so long.
const IDLE_AFTER_US: u64 = 1_000_000;
/// After nobody idle was found, nobody is looked for again for so long: a look meets all seats.
const LOOK_AGAIN_US: u64 = 50_000;
/// [`Seat::idle_since_us`]: a request is under way.
const BUSY: u64 = 0;
/// [`Seat::idle_since_us`]: the seat was given to somebody else.
const GIVEN_UP: u64 = u64::MAX;

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
    /// Connections at once without a seat whose request is waited for, and as many that stay until
    /// their peer has read why it was refused.
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
    /// All are taken.
    Everywhere,
    /// All that may be held are; there is room for a short request.
    ForHeld,
    /// This address has as many as one may.
    ForAddress,
}

/// See the module.
pub struct Seats {
    room: Room,
    books: Mutex<Books>,
    refusing: AtomicUsize,
    refused: AtomicUsize,
    next_number: AtomicU64,
    next_look_us: AtomicU64,
    next_look_for_address_us: AtomicU64,
    /// Connections whose request is waited for, though there is no seat.
    asking: AtomicUsize,
}

#[derive(Default)]
struct Books {
    all: usize,
    held: usize,
    /// Most of `all` since [`Seats::most_lately`] was asked.
    most: usize,
    /// By their numbers, all of which somebody still has.
    taken: HashMap<u64, Weak<Seat>>,
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
    number: u64,
    /// Since when nothing has been under way, on the clock that only counts up; or [`BUSY`], or
    /// [`GIVEN_UP`].
    idle_since_us: AtomicU64,
    has_asked: AtomicBool,
    /// The peer has not taken yet what was written for it; see [`Self::set_behind`].
    is_behind: AtomicBool,
    /// Who reads from the connection, to be told that its seat is gone.
    reader: AtomicWaker,
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
    /// The books know nothing of it any more.
    is_given_back: bool,
}

/// A connection that stays only until its peer has read why it may not.
pub struct Refusing(Arc<Seats>);

/// A connection without a seat whose request is waited for.
pub struct Asking(Arc<Seats>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.asking.fetch_sub(1, Ordering::Relaxed);
    }
}

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
            next_number: AtomicU64::new(0),
            next_look_us: AtomicU64::new(0),
            next_look_for_address_us: AtomicU64::new(0),
            asking: AtomicUsize::new(0),
        })
    }

    pub fn room(&self) -> Room {
        self.room
    }

    /// Seats that are taken.
    pub fn taken(&self) -> usize {
        self.books().all
    }

    /// The most that were taken at once since this was last asked, and those that are taken now.
    pub fn most_lately(&self) -> (usize, usize) {
        let mut books = self.books();
        let now = books.all;
        (std::mem::replace(&mut books.most, now), now)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut books = self.books();
        if let Some(address) = address {
            books.enter(address, self.room.per_address)?;
        }
        let full = match is_held && books.held >= self.room.held {
            _ if books.all >= self.room.all => Some(Full::Everywhere),
            true => Some(Full::ForHeld),
            false => None,
        };
        if let Some(full) = full {
            if let Some(address) = address {
                books.leave(address);
            }
            return Err(full);
        }
        books.all += 1;
        books.most = books.most.max(books.all);
        books.held += usize::from(is_held);
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
        books.taken.insert(number, Arc::downgrade(&seat));
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
        // Dropping the last handle of a seat locks the books, so it is not done under that lock.
        let taken: Vec<_> = {
            let books = self.books();
            books.taken.values().filter_map(Weak::upgrade).collect()
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
            .take(1 + self.room.all / 16)
            .filter(|(_, since_us, seat)| seat.give_up(*since_us))
            .count();
        if given_up == 0 {
            next_look_us.store(now_us + LOOK_AGAIN_US, Ordering::Relaxed);
        }
        given_up > 0
    }

    /// Notes that one more finds no seat: how many did before, and leave to wait a moment for what
    /// it asks, while few do.
    pub fn refuse(self: &Arc<Self>) -> (Option<Asking>, usize) {
        let before = self.refused.fetch_add(1, Ordering::Relaxed);
        let is_free = one_more(&self.asking, self.room.refusing);
        (is_free.then(|| Asking(self.clone())), before)
    }

    /// Leave to wait until a refused peer has read why; `None`: many do already.
    pub fn linger(self: &Arc<Self>) -> Option<Refusing> {
        one_more(&self.refusing, self.room.refusing).then(|| Refusing(self.clone()))
    }
}

/// Counts one more, unless there are so many.
fn one_more(count: &AtomicUsize, most: usize) -> bool {
    let one_more = |now: usize| (now < most).then_some(now + 1);
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
        .is_ok()
}

impl Seat {
    /// Leave to wait for the peer of a refused connection to close first; `None`: too many wait
    /// already, and their seats are those that were kept back for pages.
    pub fn linger(&self) -> Option<Refusing> {
        self.seats.linger()
    }

    /// The connection stays from now on, and counts for `address`: behind a proxy that keeps its
    /// connections, who asks may change from request to request. On an error nothing has changed.
    pub fn hold(&self, address: Option<IpAddr>) -> Result<(), Full> {
        self.hold_at(now_us(), address.map(network::of))
    }

    fn hold_at(&self, now_us: u64, address: Option<IpAddr>) -> Result<(), Full> {
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
            // A poll after the first: the books stay as they are.
            return Ok(());
        }
        let mut books = self.seats.books();
        let room = self.seats.room;
        if !state.is_held && books.held >= room.held {
            return Err(Full::ForHeld);
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
    fn would_help(&self, full: Full, address: Option<IpAddr>) -> bool {
        let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match full {
            Full::ForAddress => state.address == address,
            Full::ForHeld => state.is_held,
            Full::Everywhere => true,
        }
    }

    /// `false`: something has begun since.
    fn give_up(&self, since_us: u64) -> bool {
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
        let mut books = self.seats.books();
        books.all -= 1;
        books.held -= usize::from(state.is_held);
        books.taken.remove(&self.number);
        if let Some(address) = state.address {
            books.leave(address);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Never [`BUSY`].
fn now_us() -> u64 {
    clock::now_us().max(1)
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
        assert_eq!(seats.take(true, None).err(), Some(Full::ForHeld));
        let short = seats.take(false, None).ok().unwrap();
        assert_eq!(short.hold(None), Err(Full::ForHeld));
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
    fn idle_ones_give_way_and_busy_ones_do_not() {
        let seats = seats(3, 2, 9);
        let asked = seats.take_at(1, true, None).ok().unwrap();
        let silent = seats.take_at(2, false, None).ok().unwrap();
        let busy = seats.take_at(3, true, None).ok().unwrap();
        busy.request_begins();
        asked.has_asked.store(true, Ordering::Relaxed);
        assert_eq!(seats.take_at(4, false, None).err(), Some(Full::Everywhere));
        let later_us = 4 + IDLE_AFTER_US;
        let newcomer = seats.take_at(later_us, false, None).ok().unwrap();
        let context = Context::from_waker(std::task::Waker::noop());
        let gone = [&asked, &silent, &busy].map(|seat| seat.is_given_up(&context));
        // The one that asked before is silent for longer, and stays all the same.
        assert_eq!(gone, [false, true, false]);
        silent.request_begins();
        assert_eq!(silent.hold(None), Err(Full::Everywhere), "it came too late");
        drop(silent);
        assert_eq!(seats.taken(), 3);
        let held = seats.take_at(later_us, true, None).ok().unwrap();
        assert!(asked.is_given_up(&context));
        drop((held, asked, busy, newcomer));
        let books = seats.books();
        assert_eq!((books.all, books.held, books.taken.len()), (0, 0, 0));
    }

    #[test]
    fn telling_is_bounded_too() {
        let seats = seats(1, 1, 1);
        let (asking, before) = seats.refuse();
        assert!(asking.is_some() && before == 0);
        assert!(seats.refuse().0.is_none());
        drop(asking);
        assert!(seats.refuse().0.is_some());
        let lingers = seats.linger();
        assert!(lingers.is_some() && seats.linger().is_none());
        drop(lingers);
        assert!(seats.linger().is_some());
    }

    #[test]
    fn who_is_not_held_gives_way_to_who_is_where_all_are_taken() {
        let seats = seats(2, 1, 9);
        let silent = [1, 2].map(|at| seats.take_at(at, false, None).ok().unwrap());
        let later_us = 3 + IDLE_AFTER_US;
        let stream = seats.take_at(later_us, true, None).ok().unwrap();
        let context = Context::from_waker(std::task::Waker::noop());
        assert!(silent[0].is_given_up(&context) && !silent[1].is_given_up(&context));
        silent[1].request_begins();
        // One who is held gives way to one that is to be.
        silent[1].hold_at(later_us + IDLE_AFTER_US, None).unwrap();
        assert!(stream.is_given_up(&context));
    }

    #[test]
    fn who_still_takes_an_answer_does_not_give_way() {
        let seats = seats(1, 1, 9);
        let reading = seats.take_at(1, false, None).ok().unwrap();
        reading.set_behind(true);
        let later_us = 2 + IDLE_AFTER_US;
        let full = seats.take_at(later_us, false, None).err();
        assert_eq!(full, Some(Full::Everywhere));
        reading.set_behind(false);
        assert!(seats.take_at(later_us + LOOK_AGAIN_US, false, None).is_ok());
    }

    #[test]
    fn there_are_fewer_seats_than_files() {
        for files in [256, 1_024, 4_096, 1 << 20] {
            let room = Room::within(files, 2, 50_000, 2_000);
            let at_most = room.held + 2 * room.accepted_per_worker + 2 * room.refusing;
            assert!(at_most + 60 < files as usize, "{files}: {room:?}");
            assert!(room.all < 2 * room.accepted_per_worker, "some are refused");
            assert!(room.held < room.all && room.held > room.all / 2, "{room:?}");
        }
        assert_eq!(Room::within(1 << 20, 2, 50_000, 2_000).all, 50_000);
    }
}
