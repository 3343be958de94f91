//! Stall: now and then nothing arrives for a while, and then all of it, in order.
//!
//! This is what an application sees of packet loss: TCP sends the lost segment again after its
//! retransmission timeout (RFC 6298: 200 ms and more in practice, doubled each time), and what
//! came after it waits in the receiver's kernel. Packet loss itself cannot be simulated inside a
//! process, and this is not it: no segment is lost, no congestion window shrinks. It is an
//! RTO-shaped stall.

use std::time::{Duration, Instant};

use rand::{RngExt, rngs::SmallRng};

use super::{Condition, Direction, Impairment, Key, Kind, Opening, Range, Settings};

/// Doublings of one stall. Linux doubles about this often within an hour; more would be pointless.
const DOUBLINGS_MAX: u32 = 6;

pub const KIND: Kind = Kind {
    name: "stall",
    meaning: "Now and then nothing arrives for a while, and then all of it: an RTO-shaped stall, \
        as after a lost packet. Packet loss itself cannot be simulated in a process",
    example: "stall every=10s for=200ms",
    keys: &[
        Key {
            name: "every",
            range: Range::Span {
                least_ms: 10,
                most_ms: 3_600_000,
            },
            default: "",
            meaning: "Mean time from one to the next, in each direction; exponential",
        },
        Key {
            name: "for",
            range: Range::Span {
                least_ms: 1,
                most_ms: 60_000,
            },
            default: "200ms",
            meaning: "How long: the retransmission timeout",
        },
        Key {
            name: "again",
            range: Range::Share,
            default: "0.2",
            meaning: "How likely it is that what was sent again is lost, too, and the wait doubles",
        },
    ],
    check: |_| Ok(()),
    build: |settings| Box::new(Stall::new(settings)),
};

/// On a lane.
#[derive(Debug, Clone, Copy)]
struct Stall {
    every: Duration,
    lasts: Duration,
    again: f64,
}

impl Stall {
    fn new(settings: &Settings) -> Self {
        Self {
            every: settings.span("every"),
            lasts: settings.span("for"),
            again: settings.share("again"),
        }
    }

    /// The next stall after `from`.
    fn next(&self, from: Instant, random: &mut SmallRng) -> (Instant, Instant) {
        let gap = -(1.0 - random.random::<f64>()).ln();
        let begins = from + self.every.mul_f64(gap);
        let mut lasts = self.lasts;
        for _ in 0..DOUBLINGS_MAX {
            if random.random::<f64>() >= self.again {
                break;
            }
            // The first wait, and after it one twice as long.
            lasts = lasts * 2 + self.lasts;
        }
        (begins, begins + lasts)
    }
}

/// Up to this many stalls, on average, are computed one by one.
const STRIDES_MAX: u32 = 100;

/// On one connection: the present or next stall of each direction.
struct Stalling {
    stall: Stall,
    down: (Instant, Instant),
    up: (Instant, Instant),
    random: SmallRng,
}

impl Condition for Stall {
    fn on(&self, opening: &Opening) -> Box<dyn Impairment> {
        let mut random = opening.random();
        let begins = opening.opened;
        Box::new(Stalling {
            stall: *self,
            down: self.next(begins, &mut random),
            up: self.next(begins, &mut random),
            random,
        })
    }
}

impl Impairment for Stalling {
    fn leaves(&mut self, direction: Direction, _bytes: usize, at: Instant) -> Instant {
        let current = match direction {
            Direction::Down => &mut self.down,
            Direction::Up => &mut self.up,
        };
        // Stalls are independent, so over a long time those in between can be skipped; otherwise an
        // instant that never comes would be computed step by step.
        let stride = (self.stall.every + self.stall.lasts) * STRIDES_MAX;
        if at.saturating_duration_since(current.1) > stride {
            *current = self.stall.next(at - stride, &mut self.random);
        }
        while current.1 <= at {
            *current = self.stall.next(current.1, &mut self.random);
        }
        if at < current.0 { at } else { current.1 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{impair, opening};
    use super::*;

    #[test]
    fn stalls_hold_what_comes_and_their_share_of_time_is_as_asked() {
        let opening = opening();
        let mut stalling = impair("stall every=1s for=250ms again=0", &opening);
        let ms = Duration::from_millis;
        let (mut held, mut longest) = (0_u32, Duration::ZERO);
        let steps = 200_000;
        for step in 0..steps {
            let at = opening.opened + ms(step);
            let leaves = stalling.leaves(Direction::Down, 1, at);
            assert!(leaves >= at);
            held += u32::from(leaves > at);
            longest = longest.max(leaves - at);
        }
        // 250 ms in every 1,250 ms on average.
        let share = f64::from(held) / steps as f64;
        assert!((share - 0.2).abs() < 0.03, "{share}");
        assert!(longest <= ms(250) && longest > ms(240), "{longest:?}");
    }

    #[test]
    fn what_never_leaves_and_what_begins_long_ago_takes_no_time() {
        let mut opening = opening();
        let far = Duration::from_secs(100 * 365 * 86_400);
        let never = opening.opened + far;
        let mut stalling = impair("stall every=10ms for=1ms", &opening);
        // Done one by one, these would be some 3·10¹¹ stalls.
        assert!(stalling.leaves(Direction::Down, 1, never) >= never);
        if let Some(long_ago) = opening.opened.checked_sub(Duration::from_secs(10 * 86_400)) {
            let now = opening.opened;
            opening.opened = long_ago;
            let mut stalling = impair("stall every=10ms for=1ms", &opening);
            assert!(stalling.leaves(Direction::Up, 1, now) >= now);
        }
    }

    #[test]
    fn what_is_lost_again_waits_longer_and_not_for_ever() {
        let opening = opening();
        let mut stalling = impair("stall every=1s for=200ms again=1", &opening);
        let mut at = opening.opened;
        let mut longest = Duration::ZERO;
        for _ in 0..10_000 {
            at += Duration::from_millis(50);
            longest = longest.max(stalling.leaves(Direction::Up, 1, at) - at);
        }
        // 200 ms, 400, … 12.8 s together.
        assert!(longest > Duration::from_secs(24) && longest < Duration::from_secs(26));
    }
}
