//! Slow consumer: a client that reads slowly. The server soon notices: the TCP window and the
//! socket's buffer are full, and the next write has to wait.
//!
//! `window` stands for both of them, and is small: by the kernel's own buffers, which grow to megabytes,
//! a slow reader would stay unnoticed for minutes. What happens then is the lab's business
//! ([`crate::hub::when_full`]); experiment E17 has one such reader among twenty.

use std::time::Instant;

use super::{
    Condition, Direction, Impairment, Key, Kind, Opening, Range, Settings, bandwidth::Bucket,
};

pub const KIND: Kind = Kind {
    name: "slow-consumer",
    meaning: "The client reads slowly, so that the server's writes have to wait",
    example: "slow-consumer rate=8kbit window=4KiB",
    keys: &[
        Key {
            name: "rate",
            range: Range::Rate {
                least: 100,
                most: 10_000_000_000,
            },
            default: "",
            meaning: "How fast it reads",
        },
        Key {
            name: "window",
            range: Range::Bytes {
                least: 64,
                most: 1 << 20,
            },
            default: "16KiB",
            meaning: "What may wait for it before the server's writes do",
        },
        Key {
            name: "one-in",
            range: Range::Count {
                least: 1,
                most: 100_000,
            },
            default: "1",
            meaning: "One connection in so many is like that",
        },
    ],
    check: |_| Ok(()),
    build: |settings| Box::new(SlowConsumer::new(settings)),
};

/// On a lane. One connection in so many is slow: by number and not by chance, so that each run has
/// the same.
struct SlowConsumer {
    rate: u64,
    window: usize,
    one_in: u64,
}

impl SlowConsumer {
    fn new(settings: &Settings) -> Self {
        Self {
            rate: settings.rate("rate"),
            window: settings.bytes("window") as usize,
            one_in: settings.count("one-in"),
        }
    }
}

/// `None`: this one reads as fast as it can.
struct Reading(Option<(Bucket, usize)>);

impl Condition for SlowConsumer {
    fn on(&self, opening: &Opening) -> Box<dyn Impairment> {
        let is_slow = opening.number.is_multiple_of(self.one_in);
        // No burst: idle time is not saved up.
        Box::new(Reading(
            is_slow.then(|| (Bucket::new(self.rate, 0), self.window)),
        ))
    }
}

/// Small, so that little is read late: a piece arrives whole, when its last byte is due.
const GRAIN_BYTES: usize = 256;

impl Impairment for Reading {
    fn leaves(&mut self, direction: Direction, bytes: usize, at: Instant) -> Instant {
        match (direction, &mut self.0) {
            (Direction::Down, Some((bucket, _))) => bucket.send(bytes, at),
            _ => at,
        }
    }

    fn window(&self, direction: Direction) -> Option<usize> {
        self.0
            .filter(|_| direction == Direction::Down)
            .map(|(_, window)| window)
    }

    fn grain(&self) -> Option<usize> {
        self.0.map(|_| GRAIN_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{impair, opening};
    use super::*;

    #[test]
    fn what_comes_down_is_read_slowly_and_little_of_it_may_wait() {
        let opening = opening();
        let mut reading = impair("slow-consumer rate=8kbit window=4KiB", &opening);
        let at = opening.opened;
        assert_eq!(
            reading.leaves(Direction::Down, 500, at),
            at + Duration::from_millis(500)
        );
        assert_eq!(reading.leaves(Direction::Up, 500, at), at);
        assert_eq!(reading.window(Direction::Down), Some(4_096));
        assert_eq!(reading.window(Direction::Up), None);
    }

    #[test]
    fn one_in_so_many_is_slow() {
        let slow = (0..20).filter(|number| {
            let opening = Opening {
                number: *number,
                ..opening()
            };
            impair("slow-consumer rate=8kbit one-in=10", &opening)
                .window(Direction::Down)
                .is_some()
        });
        assert_eq!(slow.count(), 2);
    }
}
