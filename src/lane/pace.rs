//! How slow a peer may be with a request's body or with an answer.
//!
//! A deadline alone would cut off a long body on a slow line, and a minimum rate alone one that
//! begins late. So there are both: a fixed time, and more time with every byte.
//!
//! With the defaults (10 s, 500 bytes a second) a body of 64 KiB, the largest there is, has 141 s;
//! one that drips a byte a second is given up after 10. Settings: `body_timeout`, `answer_timeout`,
//! `min_rate`.

use std::time::Duration;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Time that is always given.
    pub patience: Duration,
    /// Minimum bytes per second beyond that; at least 1.
    pub bytes_per_s: u64,
}

impl Pace {
    /// How long the first `bytes` and the one after them may take, from the start.
    pub fn time_for(&self, bytes: usize) -> Duration {
        let more = bytes as f64 / self.bytes_per_s.max(1) as f64;
        self.patience + Duration::from_secs_f64(more)
    }

    /// Bytes that must pass within each span of `patience`.
    pub fn bytes_in_patience(&self) -> u64 {
        (self.patience.as_secs_f64() * self.bytes_per_s as f64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_buys_time() {
        let pace = Pace {
            patience: Duration::from_secs(10),
            bytes_per_s: 1_000,
        };
        assert_eq!(pace.time_for(0), Duration::from_secs(10));
        assert_eq!(pace.time_for(5_000), Duration::from_secs(15));
        assert_eq!(pace.bytes_in_patience(), 10_000);
    }
}
