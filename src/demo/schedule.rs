//! When a source publishes: an open-loop schedule, fixed by rate, kind and seed.
//!
//! Instants are computed ahead and never depend on how long publishing took: a stalled server
//! must not silence the load (wrk2's rule). The same seed gives the same instants.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

/// How events are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spread {
    /// One every 1/rate.
    #[default]
    Periodic,
    /// Independent of each other: exponential gaps with mean 1/rate.
    Poisson,
}

/// Endless instants in µs after the start.
pub struct Schedule {
    spread: Spread,
    rate_per_s: f64,
    random: StdRng,
    events: u64,
    at_us: f64,
}

impl Schedule {
    /// `rate_per_s` must be positive and finite.
    pub fn new(spread: Spread, rate_per_s: f64, seed: u64) -> Self {
        Self {
            spread,
            rate_per_s,
            random: StdRng::seed_from_u64(seed),
            events: 0,
            at_us: 0.0,
        }
    }
}

impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.events += 1;
        match self.spread {
            // From the count and not from the last instant: rounding never adds up.
            Spread::Periodic => self.at_us = self.events as f64 * 1e6 / self.rate_per_s,
            Spread::Poisson => {
                let uniform: f64 = self.random.random();
                self.at_us += -(1.0 - uniform).ln() * 1e6 / self.rate_per_s;
            }
        }
        Some(self.at_us as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periodic_events_do_not_drift() {
        let third = Schedule::new(Spread::Periodic, 3.0, 0).nth(2_999_999);
        assert_eq!(third, Some(1_000_000_000_000));
    }

    #[test]
    fn poisson_events_have_the_asked_rate_and_exponential_gaps() {
        let instants: Vec<_> = Schedule::new(Spread::Poisson, 4.0, 7)
            .take(20_000)
            .collect();
        let mean_gap_us = instants[19_999] as f64 / 20_000.0;
        assert!(
            (mean_gap_us / 250_000.0 - 1.0).abs() < 0.03,
            "{mean_gap_us}"
        );
        // e^(-1) of the gaps are longer than the mean.
        let long = instants.windows(2).filter(|w| w[1] - w[0] > 250_000);
        let share = long.count() as f64 / 19_999.0;
        assert!((share - 0.3679).abs() < 0.02, "{share}");
    }

    /// The compare page's examples with chance in them, as static/js/compare/settings.js has them: rate
    /// and seed. Nobody is to wait long for the first event after the warm-up of 3 s.
    #[test]
    fn the_examples_have_their_first_events_soon() {
        let settings = include_str!("../../static/js/compare/settings.js");
        for (name, rate_per_s, seed) in [("rare", 0.2, 10), ("big", 2.0, 1)] {
            let line = settings
                .lines()
                .find(|line| line.trim_start().starts_with(&format!("{name}: {{")))
                .unwrap();
            assert!(
                line.contains(&format!("rate_per_s: {rate_per_s},")),
                "{line}"
            );
            assert!(line.contains(&format!("seed: {seed},")), "{line}");
            let measured: Vec<u64> = Schedule::new(Spread::Poisson, rate_per_s, seed)
                .skip_while(|us| *us < 3_200_000)
                .take(3)
                .collect();
            assert!(measured[0] <= 5_000_000, "{name} {measured:?}");
            assert!(measured[2] <= 18_000_000, "{name} {measured:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_instants() {
        let instants = |seed| {
            Schedule::new(Spread::Poisson, 9.0, seed)
                .take(50)
                .collect::<Vec<_>>()
        };
        assert_eq!(instants(1), instants(1));
        assert_ne!(instants(1), instants(2));
    }
}
