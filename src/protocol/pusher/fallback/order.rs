//! Sends in the order in which their client made them (reference, 14.6).
//!
//! Each send is a request of its own, and on parallel connections they overtake one another: a
//! subscribe and the unsubscribe after it may come the other way round. pusher-js numbers all its
//! requests (`n`), so one that comes too early waits a little for those before it. The numbers
//! are shared by all connections of a page, so a missing number may belong to another connection.
//! So the wait is short, and after a few waits in vain nothing waits any more.

use std::collections::BTreeMap;

/// After so many waits in vain the numbers are not this session's alone.
const VAIN_MAX: u8 = 4;
/// How many may wait; one more, and the missing number is given up.
const WAITING_MAX: usize = 16;

/// See the module. No clock: its user waits.
pub struct Order<T> {
    /// The number that is due.
    next: u64,
    /// Came too early; `None` for a request that is no send.
    waiting: BTreeMap<u64, Option<T>>,
    vain: u8,
}

impl<T> Order<T> {
    /// `first`: the number of the request that opened the session.
    pub fn new(first: Option<u64>) -> Self {
        Self {
            next: first.map_or(0, |first| first.saturating_add(1)),
            waiting: BTreeMap::new(),
            // Who does not number its first request does not number the others.
            vain: if first.is_some() { 0 } else { VAIN_MAX },
        }
    }

    /// A request came; answers the sends whose turn it is now.
    pub fn take(&mut self, number: Option<u64>, send: Option<T>) -> Vec<T> {
        let number = number.filter(|_| self.vain < VAIN_MAX);
        let Some(number) = number.filter(|number| *number >= self.next) else {
            return send.into_iter().collect();
        };
        let before = self.waiting.insert(number, send).flatten();
        let mut due: Vec<T> = before.into_iter().collect();
        while let Some(entry) = self.waiting.first_entry()
            && *entry.key() == self.next
        {
            self.next = self.next.saturating_add(1);
            due.extend(entry.remove());
        }
        if self.waiting.is_empty() {
            self.vain = 0;
        } else if self.waiting.len() > WAITING_MAX {
            due.extend(self.give_up());
        }
        due
    }

    /// Whether a send waits for its turn.
    pub fn is_waiting(&self) -> bool {
        self.waiting.values().any(Option::is_some)
    }

    /// The time to wait is over: answers what waited.
    pub fn give_up(&mut self) -> Vec<T> {
        self.vain += 1;
        if let Some((last, _)) = self.waiting.last_key_value() {
            self.next = last.saturating_add(1);
        }
        std::mem::take(&mut self.waiting)
            .into_values()
            .flatten()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overtakes_waits_for_its_turn() {
        let mut order = Order::new(Some(1));
        assert_eq!(order.take(Some(3), Some("b")), Vec::<&str>::new());
        assert!(order.is_waiting());
        assert_eq!(order.take(Some(2), Some("a")), ["a", "b"]);
        assert!(!order.is_waiting());
        assert_eq!(order.take(Some(4), Some("c")), ["c"]);
    }

    #[test]
    fn polls_use_numbers_too() {
        let mut order = Order::new(Some(1));
        assert!(order.take(Some(3), None).is_empty());
        assert!(!order.is_waiting(), "nobody waits for a poll");
        assert!(order.take(Some(4), Some("b")).is_empty());
        assert_eq!(order.take(Some(2), Some("a")), ["a", "b"]);
    }

    #[test]
    fn a_gap_is_given_up_and_what_comes_late_is_taken_at_once() {
        let mut order = Order::new(Some(1));
        assert!(order.take(Some(9), Some("c")).is_empty());
        assert!(order.take(Some(7), Some("b")).is_empty());
        assert_eq!(order.give_up(), ["b", "c"]);
        assert_eq!(order.take(Some(5), Some("a")), ["a"]);
        assert_eq!(order.take(Some(10), Some("d")), ["d"]);
    }

    #[test]
    fn after_some_waits_in_vain_nobody_waits() {
        let mut order = Order::new(Some(0));
        for n in 1..=4 {
            assert!(order.take(Some(n * 10), Some(n)).is_empty());
            assert_eq!(order.give_up(), [n]);
        }
        assert_eq!(order.take(Some(1_000), Some(9)), [9]);
        let mut unnumbered = Order::new(None);
        assert_eq!(unnumbered.take(None, Some(1)), [1]);
        assert_eq!(unnumbered.take(Some(u64::MAX), Some(2)), [2]);
    }

    #[test]
    fn little_waits_and_nothing_is_lost() {
        let mut order = Order::new(Some(0));
        let mut taken = Vec::new();
        for n in (2..2 + WAITING_MAX as u64 + 1).rev() {
            taken.extend(order.take(Some(n), Some(n)));
        }
        assert_eq!(taken.len(), WAITING_MAX + 1);
        assert!(taken.is_sorted());
        let mut order = Order::new(Some(0));
        assert!(order.take(Some(5), Some(1)).is_empty());
        assert_eq!(order.take(Some(5), Some(2)), [1], "the same number twice");
    }
}
