//! When a run publishes: instants that are fixed before it starts, the same for every lane.
//!
//! Periodic and Poisson come from [`crate::demo::schedule`]; bursty and replayed ones are here.

use std::{fs, path::Path};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

use crate::demo::schedule::{Schedule, Spread};

/// How publications are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One every 1/rate
    #[default]
    Periodic,
    /// Independent of each other, exponential gaps
    Poisson,
    /// Quiet for 4 s on average at a quarter of the rate, then busy for 1 s at four times the rate
    Bursty,
    /// The instants of a recorded file
    Replay,
}

const QUIET_MEAN_S: f64 = 4.0;
const BUSY_MEAN_S: f64 = 1.0;

/// Instants before `until_us`, in µs after the start; in order. Not for [`Kind::Replay`].
pub fn instants(kind: Kind, rate_per_s: f64, seed: u64, until_us: u64) -> Vec<u64> {
    let spread = match kind {
        Kind::Periodic => Spread::Periodic,
        Kind::Poisson => Spread::Poisson,
        Kind::Bursty | Kind::Replay => return bursty(rate_per_s, seed, until_us),
    };
    Schedule::new(spread, rate_per_s, seed)
        // The last period's event belongs to the run.
        .take_while(|at_us| *at_us <= until_us)
        .collect()
}

/// A Poisson process whose rate changes between two states (MMPP-2). Busy a fifth of the time at
/// 4λ and else at λ/4: 0.2 · 4λ + 0.8 · λ/4 = λ.
fn bursty(rate_per_s: f64, seed: u64, until_us: u64) -> Vec<u64> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut exponential = move |mean: f64| {
        let uniform: f64 = random.random();
        -(1.0 - uniform).ln() * mean
    };
    let until_s = until_us as f64 / 1e6;
    let mut instants = Vec::new();
    let (mut now_s, mut is_busy) = (0.0, false);
    while now_s < until_s {
        let (mean_s, factor) = match is_busy {
            true => (BUSY_MEAN_S, 4.0),
            false => (QUIET_MEAN_S, 0.25),
        };
        let ends_s = now_s + exponential(mean_s);
        loop {
            // Memoryless: what was left of a gap when the state changed is drawn anew.
            now_s += exponential(1.0 / (rate_per_s * factor));
            if now_s >= ends_s.min(until_s) {
                break;
            }
            instants.push((now_s * 1e6) as u64);
        }
        now_s = ends_s;
        is_busy = !is_busy;
    }
    instants
}

/// Conflates events: of those within one window the newest alone, published at the window's end. Each
/// with the instant at which it happens and the one at which it is published; a window of 0
/// leaves all as they are. The same windows as [`crate::demo::sources`] has.
pub fn conflated(events_us: &[u64], window_us: u64) -> Vec<(u64, u64)> {
    let mut all: Vec<(u64, u64)> = Vec::with_capacity(events_us.len());
    for at_us in events_us {
        let publish_us = match window_us {
            0 => *at_us,
            window_us => at_us.div_ceil(window_us) * window_us,
        };
        match all.last_mut() {
            Some(last) if window_us > 0 && last.1 == publish_us => last.0 = *at_us,
            _ => all.push((*at_us, publish_us)),
        }
    }
    all
}

/// Why a recorded schedule cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadReplay {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Unreadable(#[from] std::io::Error),
    /// A line that is no number of seconds, or earlier than the one before.
    #[error(
        "line {line} is {text:?}; write one number of seconds after the start per line, rising"
    )]
    BadLine {
        /// Its number, from 1.
        line: usize,
        /// What is in it.
        text: String,
    },
    /// The file has no instant.
    #[error("there is no instant in it; write one number of seconds after the start per line")]
    Empty,
}

/// Reads a recorded schedule: one number of seconds after the start per line, rising; empty lines
/// and lines that begin with `#` are skipped.
pub fn replay(path: &Path) -> Result<Vec<u64>, BadReplay> {
    let mut instants: Vec<u64> = Vec::new();
    for (index, text) in fs::read_to_string(path)?.lines().enumerate() {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let at_us = text
            .parse::<f64>()
            .ok()
            .filter(|s| (0.0..=86_400.0).contains(s))
            .map(|s| (s * 1e6) as u64)
            .filter(|at_us| instants.last().is_none_or(|last| last <= at_us));
        instants.push(at_us.ok_or_else(|| BadReplay::BadLine {
            line: index + 1,
            text: text.chars().take(40).collect(),
        })?);
    }
    match instants.is_empty() {
        true => Err(BadReplay::Empty),
        false => Ok(instants),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_periodic_run_has_an_event_per_period() {
        let all = instants(Kind::Periodic, 4.0, 0, 30_000_000);
        assert_eq!(all.len(), 120);
        assert_eq!(all[0], 250_000);
    }

    #[test]
    fn bursts_keep_the_rate_and_the_seed() {
        let hour_us = 20_000_000_000;
        let all = instants(Kind::Bursty, 4.0, 3, hour_us);
        let rate = all.len() as f64 / (hour_us as f64 / 1e6);
        assert!((rate / 4.0 - 1.0).abs() < 0.05, "{rate}");
        assert!(all.is_sorted());
        assert_eq!(all, instants(Kind::Bursty, 4.0, 3, hour_us));
        // More events in the busiest second than Poisson would ever have.
        let busiest = all.windows(17).filter(|w| w[16] - w[0] < 1_000_000).count();
        assert!(busiest > 1_000, "{busiest}");
    }

    #[test]
    fn of_a_window_the_newest_is_published_at_its_end() {
        let events = [10, 20, 95, 100, 101, 350];
        assert_eq!(
            conflated(&events, 100),
            [(100, 100), (101, 200), (350, 400)]
        );
        assert_eq!(conflated(&events, 0).len(), 6);
        assert_eq!(conflated(&[5, 5], 0), [(5, 5), (5, 5)]);
    }

    #[test]
    fn recorded_instants_are_read_or_the_line_is_named() {
        let file = std::env::temp_dir().join(format!("pushlab-replay-{}", std::process::id()));
        fs::write(&file, "# seconds\n0.5\n\n0.75\n2\n").unwrap();
        assert_eq!(replay(&file).unwrap(), [500_000, 750_000, 2_000_000]);
        for (text, wrong) in [
            ("1\n0.5\n", "line 2"),
            ("soon", "line 1"),
            ("#", "no instant"),
        ] {
            fs::write(&file, text).unwrap();
            let error = replay(&file).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
        fs::remove_file(&file).unwrap();
        assert!(matches!(replay(&file), Err(BadReplay::Unreadable(_))));
    }
}
