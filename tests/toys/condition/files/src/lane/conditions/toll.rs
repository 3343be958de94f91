//! A toy: every piece of bytes waits for the same time before it goes on, either way.

use std::time::{Duration, Instant};

use super::{Condition, Direction, Impairment, Key, Kind, Opening, Range, Settings};

pub const KIND: Kind = Kind {
    name: "toll",
    meaning: "Everything waits for a while at a toll gate",
    example: "toll each=20ms",
    keys: &[Key {
        name: "each",
        range: Range::Span {
            least_ms: 1,
            most_ms: 1_000,
        },
        default: "",
        meaning: "How long",
    }],
    check: |_| Ok(()),
    build: |settings| Box::new(Toll::new(settings)),
};

/// On a lane, and on each of its connections.
#[derive(Clone, Copy)]
struct Toll {
    each: Duration,
}

impl Toll {
    fn new(settings: &Settings) -> Self {
        Self {
            each: settings.span("each"),
        }
    }
}

impl Condition for Toll {
    fn on(&self, _: &Opening) -> Box<dyn Impairment> {
        Box::new(*self)
    }
}

impl Impairment for Toll {
    fn leaves(&mut self, _: Direction, _bytes: usize, at: Instant) -> Instant {
        at + self.each
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{impair, opening};
    use super::*;

    #[test]
    fn each_piece_waits_either_way() {
        let opening = opening();
        let mut toll = impair("toll each=20ms", &opening);
        for direction in [Direction::Down, Direction::Up] {
            let leaves = toll.leaves(direction, 1, opening.opened);
            assert_eq!(leaves - opening.opened, Duration::from_millis(20));
        }
    }
}
