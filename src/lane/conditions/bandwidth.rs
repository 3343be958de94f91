//! Bandwidth: a token bucket for each direction, of each connection or of the whole lane.
//!
//! A bucket is one number, the instant at which the link will have sent all it was given (a virtual
//! clock, as in GCRA, ITU-T I.371), so no timer has to refill it. A bucket that has been idle may
//! send `burst` at once.
//!
//! ```text
//!  n bytes into an idle link of r bit/s: the last of them leaves after 8·(n − burst)/r
//!  20 KiB at 1 Mbit/s, burst 3 KiB: 139 ms
//! ```
//!
//! Rejected: counting tokens that a timer adds. Tokio's timers count milliseconds, in which a link of
//! 100 Mbit/s sends eight segments: they would leave in volleys.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Condition, Direction, Impairment, Key, Kind, Opening, Range, Settings};

const RATE: Range = Range::Rate {
    least: 1_000,
    most: 10_000_000_000,
};

pub const KIND: Kind = Kind {
    name: "bandwidth",
    meaning: "So many bits per second, and no more",
    example: "bandwidth down=2mbit up=512kbit",
    keys: &[
        Key {
            name: "down",
            range: RATE,
            default: "",
            meaning: "From server to client",
        },
        Key {
            name: "up",
            range: RATE,
            default: "10gbit",
            meaning: "From client to server",
        },
        Key {
            name: "burst",
            range: Range::Bytes {
                least: 1,
                most: 1 << 20,
            },
            default: "3KiB",
            meaning: "What an idle link takes at once",
        },
        Key {
            name: "shared",
            range: Range::Choice(&["no", "yes"]),
            default: "no",
            meaning: "Whether all connections of the lane share it; else each has its own",
        },
    ],
    check: |_| Ok(()),
    build: |settings| Box::new(Bandwidth::new(settings)),
};

/// A full segment; larger writes pass in pieces of it, so that they trickle.
pub const SEGMENT_BYTES: usize = 1_448;

/// One direction's bucket.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    bits_per_s: u64,
    burst: Duration,
    /// When all bytes given so far are sent.
    free_at: Option<Instant>,
}

impl Bucket {
    /// `burst_bytes`: how much may leave at once after a time of silence.
    pub fn new(bits_per_s: u64, burst_bytes: u64) -> Self {
        Self {
            bits_per_s,
            burst: time_for(burst_bytes, bits_per_s),
            free_at: None,
        }
    }

    /// When the last of these bytes leaves, if they arrive at `at`.
    pub fn send(&mut self, bytes: usize, at: Instant) -> Instant {
        let takes = time_for(bytes as u64, self.bits_per_s);
        // Idle time is saved up to a burst.
        let saved_from = at.checked_sub(self.burst).unwrap_or(at);
        let free_at = self.free_at.map_or(saved_from, |free| free.max(saved_from)) + takes;
        self.free_at = Some(free_at);
        free_at.max(at)
    }
}

/// How long these bytes take at this rate.
fn time_for(bytes: u64, bits_per_s: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 * 8.0 / bits_per_s.max(1) as f64)
}

/// One bucket for each direction.
#[derive(Debug, Clone, Copy)]
struct Buckets {
    down: Bucket,
    up: Bucket,
}

impl Buckets {
    fn send(&mut self, direction: Direction, bytes: usize, at: Instant) -> Instant {
        match direction {
            Direction::Down => self.down.send(bytes, at),
            Direction::Up => self.up.send(bytes, at),
        }
    }
}

/// For all connections of a lane. `shared`: as people of one Wi-Fi share it.
struct Bandwidth {
    each: Buckets,
    /// Written by all connections of the lane, a piece at a time.
    shared: Option<Arc<Mutex<Buckets>>>,
}

impl Bandwidth {
    fn new(settings: &Settings) -> Self {
        let bucket = |direction| Bucket::new(settings.rate(direction), settings.bytes("burst"));
        let each = Buckets {
            down: bucket("down"),
            up: bucket("up"),
        };
        let is_shared = settings.choice("shared") == "yes";
        Self {
            each,
            shared: is_shared.then(|| Arc::new(Mutex::new(each))),
        }
    }
}

/// What one connection is limited by: a bucket of its own, or the lane's.
enum Limited {
    Alone(Buckets),
    Together(Arc<Mutex<Buckets>>),
}

impl Condition for Bandwidth {
    fn on(&self, _: &Opening) -> Box<dyn Impairment> {
        Box::new(match &self.shared {
            Some(shared) => Limited::Together(shared.clone()),
            None => Limited::Alone(self.each),
        })
    }
}

impl Impairment for Limited {
    fn leaves(&mut self, direction: Direction, bytes: usize, at: Instant) -> Instant {
        match self {
            Self::Alone(buckets) => buckets.send(direction, bytes, at),
            Self::Together(buckets) => buckets
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .send(direction, bytes, at),
        }
    }

    /// Pieces of a segment's size, so that a large write does not arrive as one lump at its end.
    fn grain(&self) -> Option<usize> {
        Some(SEGMENT_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{impair, impair_two, opening};
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rest_takes_its_time() {
        let opening = opening();
        let at = opening.opened;
        // 8 kbit/s are 1,000 bytes per second.
        let mut limited = impair("bandwidth down=8kbit burst=1000B", &opening);
        assert_eq!(limited.leaves(Direction::Down, 1_000, at), at);
        let second = Duration::from_secs(1);
        assert_eq!(limited.leaves(Direction::Down, 1_000, at), at + second);
        assert_eq!(limited.leaves(Direction::Down, 2_000, at), at + second * 3);
        // Up is a bucket of its own.
        assert_eq!(limited.leaves(Direction::Up, 1_000, at), at);
        // Saved again, but never more than a burst.
        let later = at + second * 100;
        assert_eq!(limited.leaves(Direction::Down, 1_000, later), later);
        assert_eq!(
            limited.leaves(Direction::Down, 500, later),
            later + second / 2
        );
    }

    #[test]
    fn a_shared_bucket_is_one_for_all() {
        let opening = opening();
        let at = opening.opened;
        for (shared, waits) in [("yes", Duration::from_secs(1)), ("no", Duration::ZERO)] {
            let text = format!("bandwidth down=8kbit burst=1000B shared={shared}");
            let (mut one, mut two) = impair_two(&text, &opening);
            assert_eq!(one.leaves(Direction::Down, 1_000, at), at);
            assert_eq!(
                two.leaves(Direction::Down, 1_000, at),
                at + waits,
                "{shared}"
            );
        }
    }
}
