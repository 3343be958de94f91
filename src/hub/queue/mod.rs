//! The queue of one client: bounded in bytes, with a policy for when it is full.
//!
//! Every transport that pushes has one for each client: WebSockets and event streams (of
//! [`Chunk`]s), Channels' sessions over HTTP (of lines), Engine.IO's polling sessions (of packets).
//! No I/O and no clock here: whoever owns the queue writes, and counts what was dropped.
//!
//! ```text
//! deliver ──► push ──► within the budget? ──yes──► waits ──► pop or advance ──► kernel
//!                          │ no
//!                          └──► when_full: disconnect, or give up what has waited longest
//! ```
//!
//! Rejected: a bound in messages, as channels of tokio and `actix-ws` have (32 there). A message
//! may have 20 bytes or 64 KiB, so such a bound is a memory of 640 bytes or of 2 MiB for each
//! client, and nobody knows which. Rejected, too: no bound, and trusting TCP. TCP holds up the
//! writer, and then what waits waits here.
//!
//! # What counts against the budget
//!
//! The same everywhere; the suite `contract` holds the four to it.
//!
//! | [`Kind`] | Examples | Counted | May make the client a slow consumer |
//! |---|---|---|---|
//! | `Message` | publication, acknowledgement, error, pong | yes | yes |
//! | `Control` | heartbeat, greeting, closing | yes | no: the protocol bounds them |
//! | `Page` | what a catch-up hands over, or Socket.IO's state recovery | no | no |
//!
//! - Each item counts with its own bytes and with the place that it takes in the queue: otherwise a
//!   client that sends empty pings and never reads would wait for a million answers of no bytes.
//! - An acknowledgement counts like a publication, also during a catch-up: otherwise a client that
//!   sends and never reads would make its queue grow without bound.
//! - A page does not count: otherwise a client that returns after a long absence, with a budget
//!   smaller than a page, would be disconnected again and again. A catch-up hands over the next
//!   page only when the queue is empty. If several pages wait all the same, [`PAGES_MAX_BYTES`] of
//!   them are free and the rest counts.
//! - So a queue holds at most the budget, the excess of one message, [`PAGES_MAX_BYTES`] (or one
//!   larger publication), and the few control frames.
//!
//! # Past the budget
//!
//! [`WhenFull`] says whether the client is disconnected or publications are dropped. Only live
//! publications of which no byte has been written may be dropped, and never the newest. A page is
//! not dropped, because the reader was told that it is complete; nor is an item without
//! publications: if those alone exceed the budget, every policy disconnects.
//!
//! # Who writes
//!
//! The owner of the queue writes, when it chooses. It takes items one by one ([`Queue::pop`]), or
//! hands the kernel as many bytes as it takes ([`Queue::slices`], [`Queue::advance`]).

mod chunk;
#[cfg(test)]
pub mod contract;

use std::collections::VecDeque;

pub use self::chunk::Chunk;
use super::{Delivery, when_full::WhenFull};

/// Bytes of pages that may wait without being counted; a few pages of
/// [`catch_up`](crate::transport::catch_up), however a protocol wraps them.
pub const PAGES_MAX_BYTES: usize = 256 << 10;
/// Capacity that an empty queue keeps, in items; the least that a `VecDeque` allocates. So a queue
/// that is filled and emptied all the time does not allocate each time, and one that was once full
/// gives its memory back.
const KEPT_CAPACITY: usize = 4;

/// Something that waits.
pub trait Item {
    /// What it counts for, beside its place in the queue. The queue takes the same off again, so it
    /// changes with [`Queue::advance`] only.
    fn bytes(&self) -> usize;
    /// 0 for what is the transport's or the protocol's own.
    fn publications(&self) -> usize;
    /// Part of it is out: the rest must follow.
    fn is_begun(&self) -> bool {
        false
    }
}

/// What an item is to the budget. See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A publication, an acknowledgement, an error, a pong.
    Message,
    /// A heartbeat, a greeting, a farewell.
    Control,
    /// Some of the history, for who catches up.
    Page,
}

impl Kind {
    /// A page for what is replayed, a message for what is live.
    pub fn of(delivery: Delivery<'_>) -> Self {
        match delivery.is_replay() {
            true => Self::Page,
            false => Self::Message,
        }
    }
}

/// How much may wait, and what happens past it.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Bytes that may wait, places included.
    pub max_bytes: usize,
    /// What is done past it.
    pub when_full: WhenFull,
}

impl Budget {
    /// For protocols that only know to disconnect.
    pub fn or_disconnect(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            when_full: WhenFull::Disconnect,
        }
    }
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// It waits.
    Queued,
    /// It is queued, and so many publications before it were given up: count them.
    Dropped(usize),
    /// The client is a slow consumer: disconnect it. The item waits with the others, so that
    /// clearing the queue counts it, too.
    OverBudget,
}

/// An item and what it is to the budget.
struct Entry<T> {
    item: T,
    kind: Kind,
}

impl<T: Item> Entry<T> {
    /// What it counts for. The place is counted, too, or items of no bytes would be free.
    fn bytes(&self) -> usize {
        self.item.bytes() + Queue::<T>::PLACE_BYTES
    }

    /// In which sum it is.
    fn share(&self) -> Share {
        match self.kind {
            Kind::Page => Share::Pages,
            Kind::Message | Kind::Control if self.item.publications() > 0 => Share::Publications,
            Kind::Message | Kind::Control => Share::Others,
        }
    }
}

/// Which of the sums an entry is in.
#[derive(Clone, Copy)]
enum Share {
    Pages,
    Publications,
    Others,
}

/// Bytes that wait.
#[derive(Default)]
struct Sums {
    pages: usize,
    publications: usize,
    /// Acknowledgements, control frames.
    others: usize,
}

impl Sums {
    fn of(&mut self, share: Share) -> &mut usize {
        match share {
            Share::Pages => &mut self.pages,
            Share::Publications => &mut self.publications,
            Share::Others => &mut self.others,
        }
    }

    /// What is held against the budget.
    fn counted(&self) -> usize {
        self.publications + self.others
    }
}

/// See the module.
pub struct Queue<T> {
    budget: Budget,
    entries: VecDeque<Entry<T>>,
    sums: Sums,
}

impl<T: Item> Queue<T> {
    /// What the place of an item takes, whatever is in it.
    pub const PLACE_BYTES: usize = size_of::<Entry<T>>();

    /// Allocates nothing before the first push.
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            entries: VecDeque::new(),
            sums: Sums::default(),
        }
    }

    /// Puts an item behind the others; what the answer says is the caller's to do.
    pub fn push(&mut self, item: T, kind: Kind) -> Pushed {
        let mut entry = Entry { item, kind };
        let pages = self.sums.pages;
        if kind == Kind::Page && pages > 0 && pages + entry.bytes() > PAGES_MAX_BYTES {
            entry.kind = Kind::Message;
        }
        let kind = entry.kind;
        self.append(entry);
        match kind {
            Kind::Message => self.keep_budget(),
            Kind::Control | Kind::Page => Pushed::Queued,
        }
    }

    /// Without asking the budget.
    fn append(&mut self, entry: Entry<T>) {
        *self.sums.of(entry.share()) += entry.bytes();
        self.entries.push_back(entry);
    }

    /// Whether a message of so many bytes could be pushed without consequences.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.sums.counted() + bytes + Self::PLACE_BYTES <= self.budget.max_bytes
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a page of a catch-up waits.
    pub fn has_page(&self) -> bool {
        self.sums.pages > 0
    }

    /// The one that leaves next. Its [`Item::bytes`] must stay as they are.
    pub fn front_mut(&mut self) -> Option<&mut T> {
        self.entries.front_mut().map(|entry| &mut entry.item)
    }

    /// Takes the one that leaves next.
    pub fn pop(&mut self) -> Option<T> {
        let entry = self.entries.pop_front()?;
        *self.sums.of(entry.share()) -= entry.bytes();
        if self.entries.is_empty() {
            self.release();
        }
        Some(entry.item)
    }

    /// Empties the queue, for whoever goes on with what waits.
    pub fn take_all(&mut self) -> impl Iterator<Item = (T, Kind)> + use<T> {
        self.sums = Sums::default();
        let entries = std::mem::take(&mut self.entries);
        entries.into_iter().map(|entry| (entry.item, entry.kind))
    }

    /// Drops all that waits. Answers how many publications that were.
    pub fn clear(&mut self) -> usize {
        self.take_all().map(|(item, _)| item.publications()).sum()
    }

    /// As [`Self::clear`], but what is partly out stays: it must end for anything to follow.
    pub fn clear_unbegun(&mut self) -> usize {
        let mut all = self.take_all().peekable();
        let begun = all.next_if(|(item, _)| item.is_begun());
        let dropped = all.map(|(item, _)| item.publications()).sum();
        if let Some((item, kind)) = begun {
            self.append(Entry { item, kind });
        }
        dropped
    }

    /// Gives memory back that a full queue took.
    fn release(&mut self) {
        if self.entries.capacity() > KEPT_CAPACITY {
            self.entries = VecDeque::new();
        }
    }

    /// What is to be done now that something was added.
    fn keep_budget(&mut self) -> Pushed {
        let Budget {
            max_bytes,
            when_full,
        } = self.budget;
        if self.sums.counted() <= max_bytes {
            return Pushed::Queued;
        }
        if when_full == WhenFull::Disconnect || self.sums.others > max_bytes {
            return Pushed::OverBudget;
        }
        Pushed::Dropped(self.give_up(when_full))
    }

    /// Makes room as the policy says; answers how many publications were given up.
    fn give_up(&mut self, policy: WhenFull) -> usize {
        let is_live = |entry: &Entry<T>| entry.kind != Kind::Page && entry.item.publications() > 0;
        let Some(mut newest) = self.entries.iter().rposition(is_live) else {
            return 0;
        };
        let (mut at, mut dropped) = (0, 0);
        while at < newest
            && (policy == WhenFull::Conflate || self.sums.counted() > self.budget.max_bytes)
        {
            let entry = &self.entries[at];
            if !is_live(entry) || entry.item.is_begun() {
                at += 1;
            } else if let Some(entry) = self.entries.remove(at) {
                *self.sums.of(entry.share()) -= entry.bytes();
                dropped += entry.item.publications();
                newest -= 1;
            }
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes, publications, begun.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Thing(usize, usize, bool);

    impl Item for Thing {
        fn bytes(&self) -> usize {
            self.0
        }
        fn publications(&self) -> usize {
            self.1
        }
        fn is_begun(&self) -> bool {
            self.2
        }
    }

    const TICK: Thing = Thing(10, 1, false);
    const PAIR: Thing = Thing(10, 2, false);
    const BEGUN: Thing = Thing(10, 1, true);
    const ACK: Thing = Thing(10, 0, false);
    /// What each of these counts for.
    const EACH: usize = 10 + Queue::<Thing>::PLACE_BYTES;

    fn queue(max_bytes: usize, when_full: WhenFull) -> Queue<Thing> {
        Queue::new(Budget {
            max_bytes,
            when_full,
        })
    }

    /// Pushes messages; the outcome of the last.
    fn push(queue: &mut Queue<Thing>, things: &[Thing]) -> Pushed {
        let pushed = things.iter().map(|thing| queue.push(*thing, Kind::Message));
        pushed.last().expect("there is a thing to push")
    }

    fn rest(queue: &mut Queue<Thing>) -> Vec<Thing> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn what_does_not_fit_disconnects_and_is_counted_with_the_rest() {
        let mut queue = queue(3 * EACH, WhenFull::Disconnect);
        assert_eq!(push(&mut queue, &[TICK, ACK, PAIR]), Pushed::Queued);
        assert!(!queue.has_room_for(1));
        assert_eq!(push(&mut queue, &[TICK]), Pushed::OverBudget);
        assert_eq!(queue.clear(), 4);
        assert!(queue.is_empty() && queue.has_room_for(30));
    }

    #[test]
    fn the_oldest_go_but_not_what_is_begun_nor_what_is_no_publication() {
        let mut queue = queue(4 * EACH, WhenFull::DropOldest);
        assert_eq!(push(&mut queue, &[BEGUN, ACK, PAIR, TICK]), Pushed::Queued);
        assert_eq!(push(&mut queue, &[TICK]), Pushed::Dropped(2));
        assert_eq!(push(&mut queue, &[TICK]), Pushed::Dropped(1));
        assert_eq!(rest(&mut queue), [BEGUN, ACK, TICK, TICK]);
    }

    #[test]
    fn conflating_keeps_the_newest_publication_only() {
        let mut queue = queue(4 * EACH, WhenFull::Conflate);
        assert_eq!(push(&mut queue, &[BEGUN, ACK, PAIR, TICK]), Pushed::Queued);
        assert_eq!(push(&mut queue, &[TICK]), Pushed::Dropped(3));
        assert_eq!(rest(&mut queue), [BEGUN, ACK, TICK]);
        assert_eq!(push(&mut queue, &[PAIR, TICK, ACK, ACK]), Pushed::Queued);
        assert_eq!(push(&mut queue, &[ACK]), Pushed::Dropped(2));
        assert_eq!(rest(&mut queue), [TICK, ACK, ACK, ACK]);
    }

    #[test]
    fn the_newest_stays_however_large_it_is() {
        for policy in [WhenFull::DropOldest, WhenFull::Conflate] {
            let mut queue = queue(4 * EACH, policy);
            let large = Thing(10 * EACH, 1, false);
            assert_eq!(push(&mut queue, &[TICK, large]), Pushed::Dropped(1));
            assert_eq!(rest(&mut queue), [large]);
        }
    }

    #[test]
    fn acknowledgements_alone_past_the_budget_disconnect_under_every_policy() {
        for policy in [
            WhenFull::Disconnect,
            WhenFull::DropOldest,
            WhenFull::Conflate,
        ] {
            let mut queue = queue(3 * EACH, policy);
            assert_eq!(push(&mut queue, &[ACK, ACK, ACK]), Pushed::Queued);
            assert_eq!(push(&mut queue, &[ACK]), Pushed::OverBudget, "{policy}");
        }
    }

    #[test]
    fn a_page_takes_no_room_and_is_not_given_up() {
        let mut queue = queue(2 * EACH, WhenFull::DropOldest);
        let page = Thing(1_000, 9, false);
        assert_eq!(queue.push(page, Kind::Page), Pushed::Queued);
        assert!(queue.has_page() && queue.has_room_for(10 + EACH));
        assert_eq!(push(&mut queue, &[TICK, ACK]), Pushed::Queued);
        assert_eq!(push(&mut queue, &[TICK]), Pushed::Dropped(1));
        assert_eq!(rest(&mut queue), [page, ACK, TICK]);
        assert!(!queue.has_page());
    }

    #[test]
    fn of_many_pages_some_are_counted() {
        let mut queue = queue(1_000, WhenFull::Disconnect);
        let page = Thing(PAGES_MAX_BYTES / 2 - Queue::<Thing>::PLACE_BYTES, 1, false);
        for expected in [Pushed::Queued, Pushed::Queued, Pushed::OverBudget] {
            assert_eq!(queue.push(page, Kind::Page), expected);
        }
        assert_eq!(queue.clear(), 3);
        let huge = Thing(3 * PAGES_MAX_BYTES, 1, false);
        assert_eq!(queue.push(huge, Kind::Page), Pushed::Queued);
    }

    #[test]
    fn a_control_frame_is_counted_and_always_taken() {
        let mut queue = queue(EACH, WhenFull::Disconnect);
        assert_eq!(queue.push(ACK, Kind::Control), Pushed::Queued);
        assert_eq!(queue.push(ACK, Kind::Control), Pushed::Queued);
        assert_eq!(queue.push(ACK, Kind::Message), Pushed::OverBudget);
    }

    #[test]
    fn what_has_no_bytes_takes_its_place() {
        let mut queue = queue(1_000, WhenFull::Disconnect);
        let empty = Thing(0, 0, false);
        let pushed = (0..1_000).map(|_| queue.push(empty, Kind::Message));
        assert!(
            pushed
                .into_iter()
                .any(|pushed| pushed == Pushed::OverBudget)
        );
    }

    #[test]
    fn what_is_partly_out_survives_clearing() {
        let mut queue = queue(5 * EACH, WhenFull::Disconnect);
        assert_eq!(push(&mut queue, &[BEGUN, TICK, PAIR]), Pushed::Queued);
        assert_eq!(queue.clear_unbegun(), 3);
        let left = 10 + 3 * EACH;
        assert!(queue.has_room_for(left) && !queue.has_room_for(left + 1));
        assert_eq!(queue.clear_unbegun(), 0);
        assert_eq!(rest(&mut queue), [BEGUN]);
    }

    #[test]
    fn an_emptied_queue_keeps_little() {
        let mut queue = queue(10_000, WhenFull::Disconnect);
        assert_eq!(queue.entries.capacity(), 0);
        assert_eq!(push(&mut queue, &[TICK; 100]), Pushed::Queued);
        rest(&mut queue);
        assert!(queue.entries.capacity() <= KEPT_CAPACITY);
    }
}
