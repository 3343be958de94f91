//! When a worker with much to write writes: in rounds (`--coalesce adaptive`).
//!
//! A worker that has little to do writes a publication the moment it comes. One that spends more
//! than [`SHARE`] of its time on writing goes on in rounds: what comes for a socket between two
//! rounds waits and leaves in one write with the rest, which costs the kernel hardly more than a
//! single publication does.
//!
//! ```text
//! debt: what writing took, less SHARE of the time that passed
//!
//!    BURST ┤        ╱╲      ╱╲      ╱╲         a round writes (up),
//!          │      ╱    ╲  ╱    ╲  ╱    ╲       and the next begins when its debt is paid (down):
//!          │    ╱        ╵       ╵       ╵     with a third, twice what the round took
//!        0 ┼──╱──────────────────────────────►
//!           at once │ in rounds
//! ```
//!
//! So the pause follows the load by itself: rounds that take 0.5 ms are 1 ms apart, and rounds that
//! take 5 ms are 10 ms apart. A fixed window would be too long for the first and too short for the
//! second; it stays as a choice (`--coalesce 20ms`), for experiments. [`BURST`] lets a worker write
//! one publication to a thousand clients at once, and only one that does so again and again gathers.
//!
//! Two places ask. The [`Shard`](super::Shard) keeps publications back between two rounds, so that
//! they become one batch for each channel, encoded and queued once. A socket that writes by itself
//! asks as well, for what does not come from the hub: acknowledgements, pongs, Socket.IO's own
//! broadcasts. It may write once in each round, whatever the debt: that it waits only pays off for a
//! socket that has more to send. Requests' answers are no push, and never wait.
//!
//! The debt counts all writing of the thread, since it is the thread that is short of time: a download
//! of many megabytes makes it busy as well, and what is published meanwhile may wait for up to
//! [`PAUSE_MAX`] and the timer's millisecond, not longer.
//!
//! One `Rounds` belongs to one worker thread, as its shard does. The shard's loop has the timer.

use std::{
    cell::{Cell, RefCell},
    task::Waker,
    time::Duration,
};

use tokio::time::Instant;

use crate::writing;

/// One part in so many of a worker's time is for writing, before it gathers.
pub const SHARE: u32 = 3;
/// Time of writing that may come at once: about a thousand writes.
pub const BURST: Duration = Duration::from_millis(5);
/// The longest pause between two rounds.
pub const PAUSE_MAX: Duration = Duration::from_millis(20);

/// When a worker is busy, and how long it pauses. Only tests choose another than the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacing {
    /// See [`SHARE`]; at least 1.
    pub share: u32,
    /// See [`BURST`].
    pub burst: Duration,
    /// See [`PAUSE_MAX`].
    pub pause_max: Duration,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            share: SHARE,
            burst: BURST,
            pause_max: PAUSE_MAX,
        }
    }
}

/// See the module.
pub struct Rounds {
    debt: Debt,
    /// The number of the round.
    current: Cell<u64>,
    /// Who waits for the next round.
    waiting: RefCell<Vec<Waker>>,
    /// When the next round begins at the latest, once somebody waits for it.
    due: Cell<Option<Instant>>,
    /// The shard's loop, which has the timer.
    timer: RefCell<Option<Waker>>,
}

impl Rounds {
    pub(super) fn new(pacing: Pacing) -> Self {
        Self {
            debt: Debt {
                pacing,
                owed: Cell::default(),
                spent: Cell::new(writing::spent()),
                at: Cell::new(Instant::now()),
            },
            // 0 is the round of a socket that has written nothing.
            current: Cell::new(1),
            waiting: RefCell::default(),
            due: Cell::default(),
            timer: RefCell::default(),
        }
    }

    /// The number of the round that is on; from 1.
    pub fn current(&self) -> u64 {
        self.current.get()
    }

    /// How long this worker must pause before it writes more; zero while it has little to write.
    pub fn pause(&self) -> Duration {
        self.debt.pause(Instant::now(), writing::spent())
    }

    /// Whether this worker gathers.
    pub fn is_busy(&self) -> bool {
        !self.pause().is_zero()
    }

    /// As if writing had taken so long that the longest pause is due.
    #[cfg(test)]
    pub fn owe_the_longest_pause(&self) {
        self.pause();
        self.debt.owed.set(self.debt.pacing.owed_max());
    }

    /// Wakes the task when the next round begins.
    pub fn wait(&self, waker: &Waker) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.push(waker.clone());
        if waiting.len() == 1
            && let Some(timer) = &*self.timer.borrow()
        {
            timer.wake_by_ref();
        }
    }

    /// Whether somebody waits for the next round.
    pub(super) fn is_awaited(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    /// When the next round is to begin, for somebody who waits for it: after the pause. It may come
    /// earlier, but is never put off: whatever is written meanwhile (answers to requests, which wait
    /// for no round, are writing, too), nobody waits for longer than the longest pause.
    pub(super) fn due(&self) -> Instant {
        let after_pause = Instant::now() + self.pause();
        let due = match self.due.get() {
            Some(due) => due.min(after_pause),
            None => after_pause,
        };
        self.due.set(Some(due));
        due
    }

    /// Sets whom [`Self::wait`] wakes, so that it sets the timer.
    pub(super) fn keep_timer(&self, waker: &Waker) {
        let mut timer = self.timer.borrow_mut();
        match &mut *timer {
            Some(known) => known.clone_from(waker),
            None => *timer = Some(waker.clone()),
        }
    }

    /// Begins a round: each socket may write again. Answers who has waited for it; the caller wakes
    /// them when what it has gathered is written or queued. Whoever comes to wait meanwhile waits for
    /// the round after this one.
    #[must_use]
    pub(super) fn begin(&self) -> Vec<Waker> {
        self.current.set(self.current.get() + 1);
        self.due.set(None);
        self.waiting.take()
    }
}

/// What writing took, less its share of the time that passed.
struct Debt {
    pacing: Pacing,
    owed: Cell<Duration>,
    /// Of [`writing::spent`], what is in it already.
    spent: Cell<Duration>,
    at: Cell<Instant>,
}

impl Pacing {
    fn owed_max(&self) -> Duration {
        self.burst + self.pause_max / self.share
    }
}

impl Debt {
    /// Until it is down to the burst. Bounded by the longest pause, so that what one round took, however
    /// long, is forgotten after a while.
    fn pause(&self, now: Instant, spent: Duration) -> Duration {
        let more = spent.saturating_sub(self.spent.replace(spent));
        let passed = now.saturating_duration_since(self.at.replace(now));
        let owed = (self.owed.get() + more)
            .saturating_sub(passed / self.pacing.share)
            .min(self.pacing.owed_max());
        self.owed.set(owed);
        owed.saturating_sub(self.pacing.burst) * self.pacing.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn debt(now: Instant) -> Debt {
        Debt {
            owed: Cell::default(),
            spent: Cell::default(),
            at: Cell::new(now),
            pacing: Pacing::default(),
        }
    }

    #[test]
    fn whoever_writes_less_than_the_share_never_pauses() {
        let mut now = Instant::now();
        let debt = debt(now);
        for round in 1..100 {
            // 4.5 ms of every 20: a thousand clients and fifty publications a second.
            now += 20 * MS;
            assert_eq!(debt.pause(now, round * 9 * MS / 2), Duration::ZERO);
        }
    }

    #[test]
    fn whoever_writes_all_the_time_pauses_twice_as_long_as_a_round_took() {
        let mut now = Instant::now();
        let debt = debt(now);
        let mut spent = Duration::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..40 {
            (now, spent) = (now + MS, spent + MS);
            let pause = debt.pause(now, spent);
            pauses.push(pause);
            now += pause;
        }
        assert_eq!(pauses[0], Duration::ZERO, "a burst leaves at once");
        assert!(pauses[39].abs_diff(2 * MS) < MS / 100, "{pauses:?}");
    }

    #[test]
    fn one_long_round_is_forgotten_after_the_longest_pause() {
        let now = Instant::now();
        let debt = debt(now);
        let long = 1_000 * MS;
        assert!(debt.pause(now + long, 10 * long).abs_diff(PAUSE_MAX) < MS / 100);
        let later = now + long + PAUSE_MAX + MS;
        assert_eq!(debt.pause(later, 10 * long), Duration::ZERO);
    }
}
