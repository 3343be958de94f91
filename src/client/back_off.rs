//! How long a client that lost its connection waits before it tries again: curves by name, and
//! what the real clients of each protocol do.
//!
//! One form holds them all: wait number *k* is `first · factor^k`, at most `most`, times a number
//! drawn from `spread`. Not here: deciding that a connection is gone ([`super::lifecycle`]).

use std::time::Duration;

use rand::random;
use serde::{Deserialize, Serialize};

/// Which curve the clients of a run follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum BackOff {
    /// 100 ms, doubled up to 2 s, whatever back_off_first says: back soon, for measuring
    #[default]
    Quick,
    /// The same wait each time
    Fixed,
    /// Doubled each time, up to ten times the first
    Exponential,
    /// As exponential, and of each wait a random share of 0 to 1 ("full jitter")
    Jitter,
    /// As the real client of each lane does it, without any code of the application's
    Native,
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    /// Wait before the first attempt.
    pub first: Duration,
    /// Each wait is so many times the one before; 1: all alike.
    pub factor: f64,
    /// No wait is longer.
    pub most: Duration,
    /// Least and most that a wait is multiplied by.
    pub spread: (f64, f64),
}

/// How much longer than the first wait the last one of a growing curve is.
pub const MOST_FACTOR: u32 = 10;

impl Curve {
    /// 100 ms, doubled up to 2 s: for measuring, where nobody is to be spared.
    pub const QUICK: Self = Self {
        first: Duration::from_millis(100),
        factor: 2.0,
        most: Duration::from_secs(2),
        spread: (1.0, 1.0),
    };
    /// socket.io-client 4, `reconnectionDelay` 1,000, `reconnectionDelayMax` 5,000,
    /// `randomizationFactor` 0.5 (documentation, "Client options").
    pub const SOCKETIO: Self = Self {
        first: Duration::from_secs(1),
        factor: 2.0,
        most: Duration::from_secs(5),
        spread: (0.5, 1.5),
    };
    /// pusher-js 8, `connection_manager.ts`: `retryIn(1000)` after a connection that closed
    /// without one of the protocol's codes.
    pub const PUSHER: Self = Self::fixed(Duration::from_secs(1));

    /// The same wait before every attempt.
    pub const fn fixed(wait: Duration) -> Self {
        Self {
            first: wait,
            factor: 1.0,
            most: wait,
            spread: (1.0, 1.0),
        }
    }

    /// The curve that a run names; `None` for [`BackOff::Native`], which each lane has its own of.
    pub fn named(back_off: BackOff, first: Duration) -> Option<Self> {
        let growing = |spread| Self {
            first,
            factor: 2.0,
            most: first * MOST_FACTOR,
            spread,
        };
        match back_off {
            BackOff::Quick => Some(Self::QUICK),
            BackOff::Fixed => Some(Self::fixed(first)),
            BackOff::Exponential => Some(growing((1.0, 1.0))),
            BackOff::Jitter => Some(growing((0.0, 1.0))),
            BackOff::Native => None,
        }
    }

    /// The wait before try number `tries`, the first of which is 0.
    pub fn wait(&self, tries: u32) -> Duration {
        let (least, most) = self.spread;
        let share = least + (most - least) * random::<f64>();
        self.before_spread(tries).mul_f64(share).min(self.most)
    }

    fn before_spread(&self, tries: u32) -> Duration {
        // Past this many doublings every curve is at its most; a duration would overflow.
        let grown = self.factor.powi(tries.min(30) as i32);
        self.first.mul_f64(grown.min(1e6)).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(200);

    fn waits(back_off: BackOff) -> Vec<u128> {
        let curve = Curve::named(back_off, FIRST).unwrap();
        (0..6).map(|tries| curve.wait(tries).as_millis()).collect()
    }

    #[test]
    fn curves_grow_up_to_their_most() {
        assert_eq!(waits(BackOff::Fixed), [200; 6]);
        assert_eq!(
            waits(BackOff::Exponential),
            [200, 400, 800, 1_600, 2_000, 2_000]
        );
        assert_eq!(waits(BackOff::Quick)[..2], [100, 200]);
        assert_eq!(Curve::named(BackOff::Native, FIRST), None);
        assert_eq!(Curve::QUICK.wait(u32::MAX), Curve::QUICK.most);
    }

    #[test]
    fn jitter_stays_within_its_spread_and_the_most() {
        let jitter = Curve::named(BackOff::Jitter, FIRST).unwrap();
        for tries in 0..100 {
            assert!(jitter.wait(tries % 8) <= jitter.before_spread(tries % 8));
            let socketio = Curve::SOCKETIO.wait(0);
            let bounds = Duration::from_millis(500)..=Duration::from_millis(1_500);
            assert!(bounds.contains(&socketio), "{socketio:?}");
            assert!(Curve::SOCKETIO.wait(9) <= Curve::SOCKETIO.most);
        }
    }
}
