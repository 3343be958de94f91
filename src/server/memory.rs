//! Memory goes back to the system after a crowd has left.
//!
//! glibc keeps what was freed, arena by arena, and gives it back by itself only from the very end
//! of each. Asked (`malloc_trim`), it gives back every whole page. That is done when a good part of
//! the connections is gone and the going has ended, so that no fan-out pays for it. Other
//! allocators (musl's, macOS's, Windows') give back by themselves.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{clock, lab::Lab, lane::seats::Seats};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(2);
/// Fewer connections that left are not worth it.
const DEPARTED_MIN: usize = 200;
/// While so many leave between two looks, the going has not ended.
const STILL_GOING: usize = 50;

/// Sessions, what a Socket.IO client may come back to, and histories outlive the connections they
/// came by, for minutes: it is done again so often, and so many times.
const AGAIN_EVERY: Duration = Duration::from_secs(60);
const AGAIN_TIMES: u32 = 5;

/// Never ends. Delays that no page is shown any more are given up as well.
pub async fn give_back(seats: Arc<Seats>, lab: Arc<Lab>) {
    let mut departures = DepartureDetector::default();
    let mut again = (AGAIN_TIMES, Instant::now());
    loop {
        tokio::time::sleep(EVERY).await;
        lab.latencies.forget(clock::now_us());
        let (most, now) = seats.most_lately();
        let has_left = departures.has_left(most, now);
        if has_left {
            again = (0, Instant::now());
        }
        let (times, since) = again;
        let is_again = times < AGAIN_TIMES && since.elapsed() >= AGAIN_EVERY;
        if is_again {
            again = (times + 1, Instant::now());
        }
        if has_left || is_again {
            // Failing to is no harm.
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
    /// `most_lately`: at once since the last look, for a crowd may come and go between two.
    fn has_left(&mut self, most_lately: usize, now: usize) -> bool {
        let left_lately = self.before.max(most_lately).saturating_sub(now);
        self.before = now;
        self.most = self.most.max(most_lately);
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
