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
    fn read(&self) -> Reading;
}

/// The last time that the time of day was set.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// When it was noticed, on the clock that is never set, µs.
    noticed_us: u64,
    /// No stamp given before it is later than this, µs since the Unix epoch.
    before_us: u64,
}

/// The time of day, and whether it was set in between.
pub struct Clock<S> {
    source: S,
    /// Time of day less the running clock, when last read, µs.
    apart_us: AtomicI64,
    step: Mutex<Option<Step>>,
    steps: AtomicU64,
    withheld: AtomicU64,
}

impl<S: Source> Clock<S> {
    pub fn new(source: S) -> Self {
        let first = source.read();
        Self {
            source,
            apart_us: AtomicI64::new(apart(first)),
            step: Mutex::default(),
            steps: AtomicU64::new(0),
            withheld: AtomicU64::new(0),
        }
    }

    /// The time of day, µs since the Unix epoch. It may go back.
    pub fn time_of_day_us(&self) -> u64 {
        self.look().of_day_us
    }

    /// How long ago `stamp_us` was at `now_us`, two times of day, `now_us` just read. Nothing where
    /// the clock was or may have been set in between, or where the stamp is of the future; those
    /// are counted ([`Self::withheld`]).
    pub fn delay_us(&self, stamp_us: u64, now_us: u64) -> Option<u64> {
        let simple = match now_us.checked_sub(stamp_us) {
            Some(delay_us) => Some(delay_us),
            None if stamp_us - now_us <= STEP_US => Some(0),
            None => None,
        };
        // Reading `now_us` looked for a step; where there never was one, this is all.
        if simple.is_some() && self.steps.load(Ordering::Relaxed) == 0 {
            return simple;
        }
        let running_us = self.look().running_us;
        let sound = simple.filter(|delay_us| match *self.last_step() {
            None => true,
            Some(step) => {
                let since_us = running_us.saturating_sub(step.noticed_us);
                let is_older = *delay_us > since_us;
                let may_be_older = since_us < STRADDLES_US && stamp_us <= step.before_us;
                !is_older && !may_be_older
            }
        });
        if sound.is_none() {
            self.withheld.fetch_add(1, Ordering::Relaxed);
        }
        sound
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
        let mut reading = self.source.read();
        for _ in 0..3 {
            if reading.within_us <= READING_US {
                break;
            }
            reading = self.source.read();
        }
        let now_us = apart(reading);
        let before_us = self.apart_us.load(Ordering::Relaxed);
        let changed_us = now_us.abs_diff(before_us);
        if changed_us > STEP_US + reading.within_us {
            self.note(reading);
        } else if changed_us != 0 && reading.within_us <= READING_US {
            // Clocks that are slewed apart must not add up to a step.
            self.apart_us.store(now_us, Ordering::Relaxed);
        }
        reading
    }

    fn note(&self, reading: Reading) {
        let mut last = self.last_step();
        let apart_us = apart(reading);
        let old_us = self.apart_us.load(Ordering::Relaxed);
        if apart_us.abs_diff(old_us) <= STEP_US + reading.within_us {
            return; // another thread noted it
        }
        let unset_us = reading.running_us.saturating_add_signed(old_us);
        let earlier_us = last
            .filter(|step| reading.running_us.saturating_sub(step.noticed_us) < STRADDLES_US)
            .map_or(0, |step| step.before_us);
        *last = Some(Step {
            noticed_us: reading.running_us,
            before_us: (unset_us + STEP_US + reading.within_us).max(earlier_us),
        });
        self.apart_us.store(apart_us, Ordering::Relaxed);
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    fn last_step(&self) -> std::sync::MutexGuard<'_, Option<Step>> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
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
    }

    impl Source for &Made {
        fn read(&self) -> Reading {
            let running_us = self.running_us.get();
            Reading {
                running_us,
                of_day_us: (NOON_US + running_us).saturating_add_signed(self.set_by_us.get()),
                within_us: 2,
            }
        }
    }

    impl Made {
        fn new() -> Self {
            Self {
                running_us: Cell::new(5 * SECOND),
                set_by_us: Cell::new(0),
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
