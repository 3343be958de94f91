//! One clock for the process.
//!
//! µs since the Unix epoch, read from the monotonic clock and anchored to the wall clock once at
//! start: a step of the wall clock (NTP, a suspended laptop) can never make a delay negative.
//! Domain code takes instants as parameters; only the shell calls [`now_us`].

use std::{
    sync::OnceLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

struct Anchor {
    at: Instant,
    unix_us: u64,
}

static ANCHOR: OnceLock<Anchor> = OnceLock::new();

/// Now, in µs since the Unix epoch; never goes back.
pub fn now_us() -> u64 {
    let anchor = ANCHOR.get_or_init(|| Anchor {
        at: Instant::now(),
        unix_us: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_micros() as u64),
    });
    anchor.unix_us + anchor.at.elapsed().as_micros() as u64
}
