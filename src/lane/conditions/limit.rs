//! Connection limit: a connection beyond it is reset at once, as by a router whose table is full.
//!
//! It is open for an instant before: the kernel accepts it, and only then can it be reset. A client
//! sees a connection that breaks (`ECONNRESET`), not one that is refused (`ECONNREFUSED`).

use std::time::Instant;

use super::{Condition, Impairment, Key, Kind, Opening, Range, Settings};

pub const KIND: Kind = Kind {
    name: "limit",
    meaning: "So many connections at a time; the next one is reset",
    example: "limit connections=100",
    keys: &[Key {
        name: "connections",
        range: Range::Count {
            least: 0,
            most: 100_000,
        },
        default: "",
        meaning: "How many the lane may have open; those that are open already stay",
    }],
    check: |_| Ok(()),
    build: |settings| Box::new(Limit::new(settings)),
};

/// On a lane.
struct Limit {
    connections: usize,
}

impl Limit {
    fn new(settings: &Settings) -> Self {
        Self {
            connections: settings.count("connections") as usize,
        }
    }
}

/// A connection that was let in: nothing more happens to it.
struct Admitted;

impl Impairment for Admitted {}

impl Condition for Limit {
    fn on(&self, _: &Opening) -> Box<dyn Impairment> {
        Box::new(Admitted)
    }

    fn admits(&self, open: usize, _from: Instant, _now: Instant) -> bool {
        open < self.connections
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{admits, opening};

    #[test]
    fn who_is_one_too_many_is_not_admitted() {
        let from = opening().from;
        assert!(admits("limit connections=2", 1, from, from));
        assert!(!admits("limit connections=2", 2, from, from));
        assert!(!admits("limit connections=0", 0, from, from));
    }
}
