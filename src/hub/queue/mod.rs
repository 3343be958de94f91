//! The queue of one client: bounded in bytes, with a policy for when it is full.
//!
//! Every transport that pushes has one for each client: WebSockets and event streams (of
//! [`Chunk`]s), Channels' sessions over HTTP (of lines), Engine.IO's polling sessions (of packets).
//! No I/O and no clock here: whoever owns the queue writes, and counts what was dropped.
//!
//! # What counts against the budget
//!
//! The same everywhere; [`contract`] holds the four to it.
//!
//! | [`Kind`] | Examples | Counted | May make the client a slow consumer |
//! |---|---|---|---|
//! | `Message` | publication, acknowledgement, error, pong | yes | yes |
//! | `Control` | heartbeat, greeting, closing | yes | no: the protocol bounds them |
//! | `Page` | what a catch-up hands over, or Socket.IO's state recovery | no | no |
//!
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
    /// What it counts for. The queue takes the same off again, so it changes with
    /// [`Queue::advance`] only.
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
    Message,
    Control,
    Page,
}

impl Kind {
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
    pub max_bytes: usize,
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
    Queued,
    /// It is queued, and so many publications before it were given up: count them.
    Dropped(usize),
    /// The client is a slow consumer: disconnect it. The item waits with the others, so that
    /// clearing the queue counts it, too.
    OverBudget,
}

struct Entry<T> {
    item: T,
    kind: Kind,
}

/// See the module.
pub struct Queue<T> {
    budget: Budget,
    entries: VecDeque<Entry<T>>,
    /// Of messages and control frames.
    counted_bytes: usize,
    /// Of pages.
    page_bytes: usize,
}

impl<T: Item> Queue<T> {
    /// Allocates nothing before the first push.
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            entries: VecDeque::new(),
            counted_bytes: 0,
            page_bytes: 0,
        }
    }

    pub fn push(&mut self, item: T, kind: Kind) -> Pushed {
        let bytes = item.bytes();
        let is_one_too_many = self.page_bytes > 0 && self.page_bytes + bytes > PAGES_MAX_BYTES;
        let kind = match kind {
            Kind::Page if is_one_too_many => Kind::Message,
            kind => kind,
        };
        *self.sum_of(kind) += bytes;
        self.entries.push_back(Entry { item, kind });
        match kind {
            Kind::Message => self.keep_budget(),
            Kind::Control | Kind::Page => Pushed::Queued,
        }
    }

    /// Whether a message of so many bytes could be pushed without consequences.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.counted_bytes + bytes <= self.budget.max_bytes
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a page of a catch-up waits.
    pub fn has_page(&self) -> bool {
        self.page_bytes > 0
    }

    /// The one that leaves next. Its [`Item::bytes`] must stay as they are.
    pub fn front_mut(&mut self) -> Option<&mut T> {
        self.entries.front_mut().map(|entry| &mut entry.item)
    }

    pub fn pop(&mut self) -> Option<T> {
        let entry = self.entries.pop_front()?;
        *self.sum_of(entry.kind) -= entry.item.bytes();
        if self.entries.is_empty() {
            self.release();
        }
        Some(entry.item)
    }

    /// Empties the queue, for whoever goes on with what waits.
    pub fn take_all(&mut self) -> impl Iterator<Item = (T, Kind)> + use<T> {
        (self.counted_bytes, self.page_bytes) = (0, 0);
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
            *self.sum_of(kind) += item.bytes();
            self.entries.push_back(Entry { item, kind });
        }
        dropped
    }

    fn sum_of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Message | Kind::Control => &mut self.counted_bytes,
            Kind::Page => &mut self.page_bytes,
        }
    }

    fn release(&mut self) {
        if self.entries.capacity() > KEPT_CAPACITY {
            self.entries = VecDeque::new();
        }
    }

    fn keep_budget(&mut self) -> Pushed {
        let Budget {
            max_bytes,
            when_full,
        } = self.budget;
        if self.counted_bytes <= max_bytes {
            return Pushed::Queued;
        }
        if when_full == WhenFull::Disconnect || self.bytes_without_publications() > max_bytes {
            return Pushed::OverBudget;
        }
        Pushed::Dropped(self.give_up(when_full))
    }

    fn bytes_without_publications(&self) -> usize {
        let entries = self.entries.iter();
        let own = entries.filter(|entry| entry.item.publications() == 0);
        own.map(|entry| entry.item.bytes()).sum()
    }

    /// Makes room as the policy says; answers how many publications were given up.
    fn give_up(&mut self, policy: WhenFull) -> usize {
        let is_live = |entry: &Entry<T>| entry.kind != Kind::Page && entry.item.publications() > 0;
        let Some(mut newest) = self.entries.iter().rposition(is_live) else {
            return 0;
        };
        let (mut at, mut dropped) = (0, 0);
        while at < newest
            && (policy == WhenFull::Conflate || self.counted_bytes > self.budget.max_bytes)
        {
            let entry = &self.entries[at];
            if !is_live(entry) || entry.item.is_begun() {
                at += 1;
            } else if let Some(entry) = self.entries.remove(at) {
                self.counted_bytes -= entry.item.bytes();
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
        let mut queue = queue(30, WhenFull::Disconnect);
        assert_eq!(push(&mut queue, &[TICK, ACK, PAIR]), Pushed::Queued);
        assert!(!queue.has_room_for(1));
        assert_eq!(push(&mut queue, &[TICK]), Pushed::OverBudget);
        assert_eq!(queue.clear(), 4);
        assert!(queue.is_empty() && queue.has_room_for(30));
    }

    #[test]
    fn the_oldest_go_but_not_what_is_begun_nor_what_is_no_publication() {
        let mut queue = queue(40, WhenFull::DropOldest);
        assert_eq!(push(&mut queue, &[BEGUN, ACK, PAIR, TICK]), Pushed::Queued);
        assert_eq!(push(&mut queue, &[TICK]), Pushed::Dropped(2));
        assert_eq!(push(&mut queue, &[TICK]), Pushed::Dropped(1));
        assert_eq!(rest(&mut queue), [BEGUN, ACK, TICK, TICK]);
    }

    #[test]
    fn conflating_keeps_the_newest_publication_only() {
        let mut queue = queue(40, WhenFull::Conflate);
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
            let mut queue = queue(40, policy);
            let large = Thing(100, 1, false);
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
            let mut queue = queue(30, policy);
            assert_eq!(push(&mut queue, &[ACK, ACK, ACK]), Pushed::Queued);
            assert_eq!(push(&mut queue, &[ACK]), Pushed::OverBudget, "{policy}");
        }
    }

    #[test]
    fn a_page_takes_no_room_and_is_not_given_up() {
        let mut queue = queue(20, WhenFull::DropOldest);
        let page = Thing(1_000, 9, false);
        assert_eq!(queue.push(page, Kind::Page), Pushed::Queued);
        assert!(queue.has_page() && queue.has_room_for(20));
        assert_eq!(push(&mut queue, &[TICK, ACK]), Pushed::Queued);
        assert_eq!(push(&mut queue, &[TICK]), Pushed::Dropped(1));
        assert_eq!(rest(&mut queue), [page, ACK, TICK]);
        assert!(!queue.has_page());
    }

    #[test]
    fn of_many_pages_some_are_counted() {
        let mut queue = queue(1_000, WhenFull::Disconnect);
        let page = Thing(PAGES_MAX_BYTES / 2, 1, false);
        for expected in [Pushed::Queued, Pushed::Queued, Pushed::OverBudget] {
            assert_eq!(queue.push(page, Kind::Page), expected);
        }
        assert_eq!(queue.clear(), 3);
        let huge = Thing(3 * PAGES_MAX_BYTES, 1, false);
        assert_eq!(queue.push(huge, Kind::Page), Pushed::Queued);
    }

    #[test]
    fn a_control_frame_is_counted_and_always_taken() {
        let mut queue = queue(10, WhenFull::Disconnect);
        assert_eq!(queue.push(ACK, Kind::Control), Pushed::Queued);
        assert_eq!(queue.push(ACK, Kind::Control), Pushed::Queued);
        assert_eq!(queue.push(ACK, Kind::Message), Pushed::OverBudget);
    }

    #[test]
    fn what_is_partly_out_survives_clearing() {
        let mut queue = queue(100, WhenFull::Disconnect);
        assert_eq!(push(&mut queue, &[BEGUN, TICK, PAIR]), Pushed::Queued);
        assert_eq!(queue.clear_unbegun(), 3);
        assert!(queue.has_room_for(90) && !queue.has_room_for(91));
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
