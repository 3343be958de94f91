//! Gives memory back to the system after many connections have left.
//!
//! glibc keeps what was freed, arena by arena, and gives it back by itself only from the very end
//! of each. `malloc_trim` makes it give back every free page. It is called when many connections
//! have left and no more are leaving, so that it does not slow down a fan-out. Other allocators
//! (musl's, macOS's, Windows') give back by themselves.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{clock, lab::Lab, lane::seats::Seats};

/// How often the number of connections is checked.
const EVERY: Duration = Duration::from_secs(2);
/// It is not worth it for fewer departed connections.
const DEPARTED_MIN: usize = 200;
/// While at least this many leave between two checks, connections are still leaving.
const STILL_GOING: usize = 50;

/// Sessions, Socket.IO's recovery state and histories outlive their connections by minutes, so it
/// is repeated at this interval, this many times.
const AGAIN_EVERY: Duration = Duration::from_secs(60);
const AGAIN_TIMES: u32 = 5;

/// Never ends. Also drops delays that have left every window of the metrics.
pub async fn give_back(seats: Arc<Seats>, lab: Arc<Lab>) {
    let mut departures = DepartureDetector::default();
    let mut again = (AGAIN_TIMES, Instant::now());
    loop {
        tokio::time::sleep(EVERY).await;
        lab.latencies.forget(clock::now_us());
        let (peak, now) = seats.take_peak();
        let has_left = departures.has_left(peak, now);
        if has_left {
            again = (0, Instant::now());
        }
        let (times, since) = again;
        let is_again = times < AGAIN_TIMES && since.elapsed() >= AGAIN_EVERY;
        if is_again {
            again = (times + 1, Instant::now());
        }
        if has_left || is_again {
            // A failure does no harm.
            let begun = Instant::now();
            let _ = tokio::task::spawn_blocking(trim).await;
            tracing::debug!(
                took_ms = begun.elapsed().as_millis() as u64,
                "memory is given back"
            );
        }
    }
}

#[derive(Default)]
struct DepartureDetector {
    most: usize,
    before: usize,
}

impl DepartureDetector {
    /// `peak`: most connections at once since the last check, because many may come and go between
    /// two checks.
    fn has_left(&mut self, peak: usize, now: usize) -> bool {
        let left_lately = self.before.max(peak).saturating_sub(now);
        self.before = now;
        self.most = self.most.max(peak);
        let has_left = self.most - now >= DEPARTED_MIN && left_lately < STILL_GOING;
        if has_left {
            self.most = now;
        }
        has_left
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    // SAFETY: takes the allocator's own locks and touches free memory only.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_has_left_once_and_when_it_is_over() {
        let mut departures = DepartureDetector::default();
        let looks = [
            (0, false),
            (1_000, false),
            (950, false),
            (400, false),
            (390, true),
            (390, false),
            (300, false),
            (180, false),
            (170, true),
            (0, false),
        ];
        let mut before = 0;
        for (now, has_left) in looks {
            assert_eq!(departures.has_left(now.max(before), now), has_left, "{now}");
            before = now;
        }
        assert!(
            !departures.has_left(2_000, 0),
            "it came and went between two looks"
        );
        assert!(departures.has_left(0, 0));
    }
}
