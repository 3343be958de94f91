//! How long a class was where: a ledger of places, each with the time that was spent there.
//!
//! A place is a step of a lesson, or a row of a plan. Time is the time of day, so an hour goes on while
//! the server is stopped: the class does, too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// See the module. What is written down grows only with the time that passes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Where the class is.
    place: usize,
    /// Since when nothing was written down; 0: never begun.
    since_us: u64,
    used_us: BTreeMap<usize, u64>,
}

impl Times {
    /// Begins.
    pub fn at(place: usize, now_us: u64) -> Self {
        Self {
            place,
            since_us: now_us,
            used_us: BTreeMap::new(),
        }
    }

    /// Writes down what has passed, for the place where the class was; it goes on at this one.
    pub fn keep(&mut self, place: usize, now_us: u64) {
        // Not in a file of an earlier version.
        let passed_us = match self.since_us {
            0 => 0,
            // A clock may be set back.
            since_us => now_us.saturating_sub(since_us),
        };
        let used_us = self.used_us.entry(self.place).or_default();
        *used_us = used_us.saturating_add(passed_us);
        self.place = place;
        self.since_us = now_us;
    }

    /// Since when what passes at the place where the class is was not written down yet.
    pub fn since_us(&self) -> u64 {
        self.since_us
    }

    /// What is written down for a place.
    pub fn used_us(&self, place: usize) -> u64 {
        self.used_us.get(&place).copied().unwrap_or_default()
    }
}

/// Whole seconds, the half one up.
pub fn seconds(us: u64) -> u32 {
    let seconds = us.saturating_add(500_000) / 1_000_000;
    seconds.try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    #[test]
    fn each_place_has_what_was_spent_there_however_often_it_is_written_down() {
        let mut times = Times::at(1, 10 * S);
        times.keep(1, 13 * S);
        times.keep(2, 15 * S);
        times.keep(1, 16 * S);
        times.keep(1, 20 * S);
        assert_eq!((times.used_us(1), times.used_us(2)), (9 * S, S));
        assert_eq!((times.used_us(0), times.since_us()), (0, 20 * S));
        // Set back.
        times.keep(2, 5 * S);
        assert_eq!((times.used_us(1), times.since_us()), (9 * S, 5 * S));
    }

    #[test]
    fn a_file_without_times_begins_now() {
        let mut times: Times = Times::default();
        times.keep(3, 1_764_465_120 * S);
        times.keep(3, 1_764_465_121 * S);
        assert_eq!(times.used_us(3), S);
        assert_eq!((seconds(499_999), seconds(1_500_000)), (0, 2));
    }
}
