//! Which conditions are in effect on which lane: written by the API, read by every connection.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Condition, Conditions, Impairment, Opening};
use crate::{
    clock,
    lane::{LaneId, meter::Meters},
};

/// Conditions in effect on a lane.
pub struct InEffect {
    /// As they were set.
    pub conditions: Conditions,
    /// Of all random draws.
    pub seed: u64,
    /// When they were set.
    pub set: Instant,
    /// The same on [`clock::now_us`].
    set_us: u64,
    /// Scheduled effects (cuts, tunnels) count from here.
    pub from: Instant,
    /// The same on [`clock::now_us`].
    from_us: u64,
    built: Vec<Box<dyn Condition>>,
}

impl InEffect {
    /// Conditions from now on. `from_us`: when scheduled effects begin to count, so that several
    /// lanes have their tunnels at once.
    fn new(conditions: Conditions, seed: u64, from_us: Option<u64>) -> Self {
        let (set, set_us) = (Instant::now(), clock::time_of_day_us());
        let set_running_us = clock::now_us();
        let from_us = from_us.unwrap_or(set_us);
        let from = match from_us.checked_sub(set_us) {
            Some(later) => set + Duration::from_micros(later),
            None => set
                .checked_sub(Duration::from_micros(set_us - from_us))
                .unwrap_or(set),
        };
        let terms = conditions.terms.iter();
        let built = terms
            .map(|term| (term.kind().build)(&term.settings))
            .collect();
        Self {
            conditions,
            seed,
            set,
            set_us: set_running_us,
            from,
            from_us: (set_running_us + from_us).saturating_sub(set_us),
            built,
        }
    }

    /// When they were set, and when scheduled effects start counting, as times of day by the
    /// machine's present clock (which may have been adjusted since).
    pub fn times_of_day_us(&self) -> (u64, u64) {
        (
            clock::time_of_day_at(self.set_us),
            clock::time_of_day_at(self.from_us),
        )
    }

    /// What they do to one connection, in the order in which they were named.
    pub(super) fn impair(
        &self,
        opened: Instant,
        is_new: bool,
        sees_all: bool,
        number: u64,
    ) -> Vec<Box<dyn Impairment>> {
        let of = |(place, condition): (usize, &dyn Condition)| {
            // Odd factors keep connections and conditions apart; the generator mixes the rest.
            let seed = self
                .seed
                .wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
                .wrapping_add((place as u64 + 1).wrapping_mul(0xd1b5_4a32_d192_ed03));
            condition.on(&Opening {
                opened,
                from: self.from,
                is_new,
                sees_all,
                number,
                seed,
            })
        };
        let built = self.built.iter().map(AsRef::as_ref);
        built.enumerate().map(of).collect()
    }

    /// Whether all of them let one more in.
    pub(super) fn admits(&self, open: usize, now: Instant) -> bool {
        self.built
            .iter()
            .all(|condition| condition.admits(open, self.from, now))
    }
}

/// The conditions of one lane. Written by the API, read by every connection of the lane.
#[derive(Default)]
pub struct LaneConditions {
    /// Grows with every change; the only thing that a connection reads while nothing changes.
    version: AtomicU32,
    in_effect: Mutex<Option<Arc<InEffect>>>,
    /// Connections under conditions.
    pub(super) open: AtomicUsize,
    /// How many connections have come under conditions since there were none; the seed of each
    /// depends on it.
    pub(super) numbers: AtomicU64,
}

impl LaneConditions {
    /// Grows with each change; what every connection compares with.
    pub fn version(&self) -> u32 {
        self.version.load(Ordering::Acquire)
    }

    /// The conditions; `None`: the lane is as it is.
    pub fn in_effect(&self) -> Option<Arc<InEffect>> {
        self.lock().clone()
    }

    /// Connections that are under conditions now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Replaces what holds and raises the version, which is what connections look at.
    fn put(&self, conditions: Option<InEffect>) {
        let mut in_effect = self.lock();
        if in_effect.is_none() {
            self.numbers.store(0, Ordering::Relaxed);
        }
        *in_effect = conditions.map(Arc::new);
        self.version.fetch_add(1, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<InEffect>>> {
        self.in_effect
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The conditions of every lane that can have some.
pub struct ConditionsByLane {
    lanes: BTreeMap<LaneId, Arc<LaneConditions>>,
    /// For connections of other lanes: never any conditions.
    none: Arc<LaneConditions>,
    meters: Arc<Meters>,
}

impl ConditionsByLane {
    /// No conditions on any of these lanes. `meters`: whose connections are woken by a change.
    pub fn new(lanes: impl Iterator<Item = LaneId>, meters: Arc<Meters>) -> Self {
        Self {
            lanes: lanes.map(|lane| (lane, Arc::default())).collect(),
            none: Arc::default(),
            meters,
        }
    }

    /// The conditions of a lane, for its connections to read.
    pub fn of(&self, lane: LaneId) -> Arc<LaneConditions> {
        self.lanes.get(&lane).unwrap_or(&self.none).clone()
    }

    /// Lanes that can have conditions, and what holds for them.
    pub fn lanes(&self) -> impl Iterator<Item = (LaneId, &LaneConditions)> {
        self.lanes
            .iter()
            .map(|(lane, conditions)| (*lane, &**conditions))
    }

    /// Whether it is a lane that can have conditions.
    pub fn has(&self, lane: LaneId) -> bool {
        self.lanes.contains_key(&lane)
    }

    /// Puts conditions into effect on a lane, for open connections as well. `from_us`, time of day:
    /// when scheduled effects start counting; if `None`, now.
    pub fn put(&self, lane: LaneId, conditions: Conditions, seed: u64, from_us: Option<u64>) {
        self.change(lane, Some(InEffect::new(conditions, seed, from_us)));
    }

    /// Removes a lane's conditions.
    pub fn clear(&self, lane: LaneId) {
        self.change(lane, None);
    }

    /// Sets or removes, and wakes the lane's connections, idle ones too.
    fn change(&self, lane: LaneId, conditions: Option<InEffect>) {
        if let Some(known) = self.lanes.get(&lane) {
            known.put(conditions);
            self.meters.wake_lane(lane);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_on_the_clock_as_it_is() {
        const MINUTE_US: u64 = 60_000_000;
        let now_us = clock::time_of_day_us();
        for from_us in [now_us - MINUTE_US, now_us + MINUTE_US] {
            let conditions = "latency down=1ms".parse().unwrap();
            let it = InEffect::new(conditions, 1, Some(from_us));
            let (set_us, valid_from_us) = it.times_of_day_us();
            assert!(set_us.abs_diff(now_us) < MINUTE_US / 2, "{set_us}");
            assert!(
                valid_from_us.abs_diff(from_us) < MINUTE_US / 2,
                "{valid_from_us}"
            );
        }
    }
}
