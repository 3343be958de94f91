//! Half-open: from some instant on nothing arrives and neither side is told, as if a cable was
//! pulled. What is sent stays in flight, as in TCP's buffers, and arrives if the conditions are
//! removed. Heartbeats notice it; TCP, whose kernels still answer each other here, does not: with a
//! cable that is really pulled, the sender's kernel would give up after `TCP_USER_TIMEOUT`
//! ([`TcpOptions`](crate::lane::stream::TcpOptions)), and an idle one after keep-alive probes.

use std::time::Instant;

use super::{Condition, Direction, Impairment, Kind, Opening, Settings, cut, never};

pub const KIND: Kind = Kind {
    name: "half-open",
    meaning: "Nothing arrives any more and nobody is told: a black hole",
    example: "half-open after=10s",
    keys: cut::KEYS,
    check: |_| Ok(()),
    build: |settings| Box::new(HalfOpen::new(settings)),
};

/// On a lane.
struct HalfOpen(cut::When);

impl HalfOpen {
    fn new(settings: &Settings) -> Self {
        Self(cut::When::new(settings))
    }
}

/// From when on nothing arrives, if ever.
struct Hole(Option<Instant>);

impl Condition for HalfOpen {
    fn on(&self, opening: &Opening) -> Box<dyn Impairment> {
        Box::new(Hole(self.0.strikes(opening)))
    }
}

impl Impairment for Hole {
    fn leaves(&mut self, _direction: Direction, _bytes: usize, at: Instant) -> Instant {
        match self.0 {
            Some(from) if from <= at => never(at),
            _ => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{
        Verdict,
        testing::{impair, opening},
    };
    use super::*;

    #[test]
    fn nothing_arrives_any_more_and_nobody_is_told() {
        let opening = opening();
        let mut hole = impair("half-open after=10s", &opening);
        let at = opening.opened + Duration::from_secs(10);
        let before = at - Duration::from_millis(1);
        let year = Duration::from_secs(365 * 86_400);
        for direction in [Direction::Down, Direction::Up] {
            assert_eq!(hole.leaves(direction, 1, before), before);
            assert!(hole.leaves(direction, 1, at) > at + year);
        }
        assert_eq!(hole.verdict(at + year), Verdict::Continue);
    }
}
