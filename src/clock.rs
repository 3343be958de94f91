//! Two clocks: one for durations, one for the time of day.
//!
//! - [`now_us`] counts on, whatever happens to the machine's clock: expiry, timeouts, rates, pauses
//!   and every delay whose two ends are in this process. It starts near the time of day, and after
//!   a step of the machine's clock or a sleep it is no time of day any more.
//! - [`time_of_day_us`] is read from the system each time: signatures, stamps that leave the
//!   process, what is shown as a time.
//!
//! A delay between two times of day is only right where the clock was not set in between.
//! [`delay_us`] withholds it otherwise. A step shows in the difference of the two clocks: both are
//! slewed alike (`adjtime`), so it stays the same until somebody sets one of them.
//!
//! Domain code takes instants as parameters; only the shell reads clocks.
//!
//! May use: no other room.

use std::{
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// Both clocks may differ by this much from one reading to the next, µs: more is a step.
const STEP_US: u64 = 1_000;
/// A reading that took longer says too little of the difference, µs.
const READING_US: u64 = 200;
/// The difference of both clocks is written down anew when it has changed by this much, µs: it is
/// read for every delivery, and to write it takes it from all other threads.
const SLEWED_US: u64 = 100;
/// After a step, stamps that might have been given before it are withheld for this long, µs. A
/// clock set back gives the same stamps twice, and nothing live is under way for longer.
const STRADDLES_US: u64 = 300_000_000;

/// Both clocks, read at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// µs on a clock that is never set.
    pub running_us: u64,
    /// µs since the Unix epoch.
    pub of_day_us: u64,
    /// How far apart the two may have been read, µs.
    pub within_us: u64,
}

/// Where the two clocks are read.
pub trait Source {
    /// Both clocks, as nearly at once as two calls allow.
    fn read(&self) -> Reading;
}

/// The time of day, and whether it was set in between.
///
/// Every delivery asks it, in every thread: it is read without a lock, and written only when a step
/// was made or the two clocks were slewed apart.
pub struct Clock<S> {
    source: S,
    /// Time of day less the running clock, within [`SLEWED_US`], µs. Whoever sees a value of it sees
    /// the step that led to it.
    apart_us: AtomicI64,
    /// When the last step was noticed, on the clock that is never set, µs. Whoever sees a value of
    /// it sees its `before_us` too.
    noticed_us: AtomicU64,
    /// No stamp given before the last step is later than this, µs since the Unix epoch.
    before_us: AtomicU64,
    steps: AtomicU64,
    /// Held by the thread that notes a step.
    noting: Mutex<()>,
    withheld: AtomicU64,
}

impl<S: Source> Clock<S> {
    /// A clock that begins to look for steps now.
    pub fn new(source: S) -> Self {
        let first = source.read();
        Self {
            source,
            apart_us: AtomicI64::new(apart(first)),
            noticed_us: AtomicU64::new(0),
            before_us: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            noting: Mutex::default(),
            withheld: AtomicU64::new(0),
        }
    }

    /// The time of day, µs since the Unix epoch. It may go back.
    pub fn time_of_day_us(&self) -> u64 {
        self.look().of_day_us
    }

    /// How long ago `stamp_us` was at `now_us`, two times of day, `now_us` just read. Nothing where
    /// the clock was or may have been set in between, or where the stamp is of the future; those
    /// are counted ([`Self::withheld`]). Reads no clock: reading `now_us` looked for a step.
    pub fn delay_us(&self, stamp_us: u64, now_us: u64) -> Option<u64> {
        let simple = match now_us.checked_sub(stamp_us) {
            Some(delay_us) => Some(delay_us),
            None if stamp_us - now_us <= STEP_US => Some(0),
            None => None,
        };
        let sound = simple.filter(|delay_us| {
            self.steps.load(Ordering::Relaxed) == 0 || self.is_since_step(stamp_us, *delay_us)
        });
        if sound.is_none() {
            self.withheld.fetch_add(1, Ordering::Relaxed);
        }
        sound
    }

    /// Whether a stamp that seems to be `delay_us` old was given after the last step for certain.
    fn is_since_step(&self, stamp_us: u64, delay_us: u64) -> bool {
        let now_us = stamp_us.saturating_add(delay_us);
        let apart_us = self.apart_us.load(Ordering::Acquire);
        let running_us = (now_us as i64).wrapping_sub(apart_us).max(0) as u64;
        let since_us = running_us.saturating_sub(self.noticed_us.load(Ordering::Acquire));
        let is_older = delay_us > since_us;
        let may_be_older =
            since_us < STRADDLES_US && stamp_us <= self.before_us.load(Ordering::Relaxed);
        !is_older && !may_be_older
    }

    /// How many delays were withheld.
    pub fn withheld(&self) -> u64 {
        self.withheld.load(Ordering::Relaxed)
    }

    /// How often the time of day was set since the start: the number of its epoch.
    pub fn steps(&self) -> u64 {
        self.look();
        self.steps.load(Ordering::Relaxed)
    }

    /// Reads both clocks and notes a step.
    fn look(&self) -> Reading {
        let reading = self.read();
        let now_us = apart(reading);
        let before_us = self.apart_us.load(Ordering::Acquire);
        let changed_us = now_us.abs_diff(before_us);
        if changed_us > STEP_US + reading.within_us {
            return self.note();
        }
        if changed_us >= SLEWED_US && reading.within_us <= READING_US {
            // Clocks that are slewed apart must not add up to a step. Where another thread was
            // quicker, it may have noted a step that this reading is older than.
            let _ = self.apart_us.compare_exchange(
                before_us,
                now_us,
                Ordering::Release,
                Ordering::Relaxed,
            );
        }
        reading
    }

    fn read(&self) -> Reading {
        let mut reading = self.source.read();
        for _ in 0..3 {
            if reading.within_us <= READING_US {
                break;
            }
            reading = self.source.read();
        }
        reading
    }

    /// Notes a step, if there was one. The reading that showed it may be older than one that another
    /// thread has noted in the meantime: what counts is read under the lock.
    fn note(&self) -> Reading {
        let _noting = self.noting.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = self.read();
        let apart_us = apart(reading);
        let old_us = self.apart_us.load(Ordering::Acquire);
        if apart_us.abs_diff(old_us) <= STEP_US + reading.within_us {
            return reading;
        }
        let unset_us = reading.running_us.saturating_add_signed(old_us);
        let noticed_us = self.noticed_us.load(Ordering::Relaxed);
        let is_recent = self.steps.load(Ordering::Relaxed) > 0
            && reading.running_us.saturating_sub(noticed_us) < STRADDLES_US;
        let earlier_us = match is_recent {
            true => self.before_us.load(Ordering::Relaxed),
            false => 0,
        };
        let before_us = (unset_us + STEP_US + reading.within_us).max(earlier_us);
        self.before_us.store(before_us, Ordering::Relaxed);
        self.noticed_us.store(reading.running_us, Ordering::Release);
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.apart_us.store(apart_us, Ordering::Release);
        reading
    }
}

fn apart(reading: Reading) -> i64 {
    (reading.of_day_us as i64).wrapping_sub(reading.running_us as i64)
}

/// This machine's clocks.
struct Machine {
    started: Instant,
    started_us: u64,
}

impl Machine {
    fn running_us(&self) -> u64 {
        self.started_us + self.started.elapsed().as_micros() as u64
    }
}

impl Source for Machine {
    fn read(&self) -> Reading {
        let before_us = self.running_us();
        let of_day_us = system_us();
        let after_us = self.running_us();
        Reading {
            running_us: after_us,
            of_day_us,
            within_us: after_us - before_us,
        }
    }
}

fn system_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}

static CLOCK: LazyLock<Clock<Machine>> = LazyLock::new(|| {
    Clock::new(Machine {
        started: Instant::now(),
        started_us: system_us(),
    })
});

/// For durations: µs that only count up, in this process. No time of day; see the module.
pub fn now_us() -> u64 {
    CLOCK.source.running_us()
}

/// The time of day, µs since the Unix epoch, as the machine has it now. It may go back.
pub fn time_of_day_us() -> u64 {
    CLOCK.time_of_day_us()
}

/// The time of day of an instant that [`now_us`] names, by the machine's clock as it is now.
pub fn time_of_day_at(running_us: u64) -> u64 {
    let reading = CLOCK.look();
    reading
        .of_day_us
        .saturating_add_signed((running_us as i64).wrapping_sub(reading.running_us as i64))
}

/// See [`Clock::delay_us`].
pub fn delay_us(stamp_us: u64, now_us: u64) -> Option<u64> {
    CLOCK.delay_us(stamp_us, now_us)
}

/// See [`Clock::withheld`].
pub fn withheld() -> u64 {
    CLOCK.withheld()
}

/// See [`Clock::steps`].
pub fn steps() -> u64 {
    CLOCK.steps()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const NOON_US: u64 = 1_700_000_000_000_000;
    const SECOND: u64 = 1_000_000;
    const HOUR: i64 = 3_600_000_000;

    struct Made {
        running_us: Cell<u64>,
        set_by_us: Cell<i64>,
        reads: Cell<u32>,
        /// What the next reading is, of a thread that was held up after it.
        late: Cell<Option<Reading>>,
    }

    impl Source for &Made {
        fn read(&self) -> Reading {
            self.reads.set(self.reads.get() + 1);
            let running_us = self.running_us.get();
            self.late.take().unwrap_or(Reading {
                running_us,
                of_day_us: (NOON_US + running_us).saturating_add_signed(self.set_by_us.get()),
                within_us: 2,
            })
        }
    }

    impl Made {
        fn new() -> Self {
            Self {
                running_us: Cell::new(5 * SECOND),
                set_by_us: Cell::new(0),
                reads: Cell::new(0),
                late: Cell::new(None),
            }
        }

        fn pass(&self, us: u64) {
            self.running_us.set(self.running_us.get() + us);
        }
    }

    fn since(clock: &Clock<&Made>, stamp_us: u64) -> Option<u64> {
        clock.delay_us(stamp_us, clock.time_of_day_us())
    }

    #[test]
    fn the_time_of_day_follows_the_machine_and_a_delay_across_a_step_is_withheld() {
        for set_by_us in [
            2 * HOUR,
            -2 * HOUR,
            300_000,
            -300_000,
            -1_300_000,
            8 * HOUR,
            -5_000,
        ] {
            let made = Made::new();
            let clock = Clock::new(&made);
            let before = clock.time_of_day_us();
            made.pass(SECOND);
            assert_eq!(since(&clock, before), Some(SECOND));

            made.set_by_us.set(set_by_us);
            made.pass(SECOND);
            let after = clock.time_of_day_us();
            assert_eq!(
                after,
                (before + 2 * SECOND).saturating_add_signed(set_by_us)
            );
            assert_eq!(clock.steps(), 1, "{set_by_us}");
            for _ in 0..4 {
                assert_eq!(since(&clock, before), None, "{set_by_us}");
                made.pass(SECOND);
            }
            assert_eq!(clock.withheld(), 4);
        }
    }

    #[test]
    fn what_is_stamped_after_a_step_counts() {
        let made = Made::new();
        let clock = Clock::new(&made);
        made.set_by_us.set(2 * HOUR);
        let stamp = clock.time_of_day_us();
        made.pass(40_000);
        assert_eq!(since(&clock, stamp), Some(40_000), "set on: no stamp twice");

        made.set_by_us.set(-2 * HOUR);
        let stamp = clock.time_of_day_us();
        made.pass(40_000);
        assert_eq!(
            since(&clock, stamp),
            None,
            "set back: it might be an old one"
        );
        made.pass(STRADDLES_US);
        let stamp = clock.time_of_day_us();
        made.pass(40_000);
        assert_eq!(since(&clock, stamp), Some(40_000));
        assert_eq!(clock.steps(), 2);
    }

    #[test]
    fn a_thread_that_was_held_up_counts_no_step_again() {
        for set_by_us in [2 * HOUR, -2 * HOUR] {
            let made = Made::new();
            let clock = Clock::new(&made);
            let held_up = (&&made).read();
            made.set_by_us.set(set_by_us);
            made.pass(SECOND);
            assert_eq!(clock.steps(), 1);
            made.late.set(Some(held_up));
            let now = clock.time_of_day_us();
            assert_eq!(now, (&&made).read().of_day_us, "read again");
            assert_eq!(clock.steps(), 1, "{set_by_us}");
        }
    }

    #[test]
    fn a_delay_reads_no_clock_and_small_differences_are_not_written() {
        let made = Made::new();
        let clock = Clock::new(&made);
        made.set_by_us.set(2 * HOUR);
        let stamp = clock.time_of_day_us();
        made.pass(40_000);
        let now = clock.time_of_day_us();
        let reads = made.reads.get();
        assert_eq!(clock.delay_us(stamp, now), Some(40_000));
        assert_eq!(made.reads.get(), reads);

        let written = || clock.apart_us.load(Ordering::Relaxed);
        let before = written();
        made.set_by_us.set(2 * HOUR + SLEWED_US as i64 - 1);
        clock.time_of_day_us();
        assert_eq!(written(), before);
        made.set_by_us.set(2 * HOUR + SLEWED_US as i64);
        clock.time_of_day_us();
        assert_eq!(written(), before + SLEWED_US as i64);
    }

    #[test]
    fn a_clock_that_is_slewed_was_not_set_and_the_future_gives_no_delay() {
        let made = Made::new();
        let clock = Clock::new(&made);
        let stamp = clock.time_of_day_us();
        for slewed in 1..=100 {
            made.set_by_us.set(slewed * 500);
            made.pass(SECOND);
            clock.time_of_day_us();
        }
        assert_eq!(clock.steps(), 0);
        assert_eq!(since(&clock, stamp), Some(100 * SECOND + 50_000));
        let now = clock.time_of_day_us();
        assert_eq!(clock.delay_us(now + STEP_US, now), Some(0));
        assert_eq!(clock.delay_us(now + STEP_US + 1, now), None);
    }

    #[test]
    fn an_instant_of_this_process_has_a_time_of_day() {
        let of_day_us = time_of_day_at(now_us());
        assert!(of_day_us.abs_diff(system_us()) < 60 * SECOND);
        assert_eq!(delay_us(u64::MAX, time_of_day_us()), None);
    }
}
