//! When a plan publishes.

use super::{Plan, PlanError, out_of_range};
use crate::run::schedule::{self, Kind};

impl Plan {
    pub(super) fn check_instants(&self) -> Result<(), PlanError> {
        let warm_up_us = self.warm_up.0.as_micros() as u64;
        let measured = self.instants(self.seed)?;
        if measured.iter().any(|at_us| *at_us > warm_up_us) {
            return Ok(());
        }
        Err(out_of_range(
            "duration",
            self.duration,
            "nothing is published in it; choose a longer one or a higher rate",
        ))
    }

    /// What one pass publishes, each with the instant at which it happens and the one at which it
    /// is published, in µs after the start: the same unless it is conflated.
    pub fn publications(&self, seed: u64) -> Result<Vec<(u64, u64)>, PlanError> {
        let events = self.instants(seed)?;
        Ok(schedule::conflated(
            &events,
            self.conflate.0.as_micros() as u64,
        ))
    }

    /// Every instant of one pass, in µs after its start, the warm-up's first.
    pub fn instants(&self, seed: u64) -> Result<Vec<u64>, PlanError> {
        let until_us = (self.warm_up.0 + self.duration.0).as_micros() as u64;
        if self.schedule != Kind::Replay {
            return Ok(schedule::instants(self.schedule, self.rate, seed, until_us));
        }
        let recorded = schedule::replay(&self.replay).map_err(|source| PlanError::BadReplay {
            path: self.replay.display().to_string(),
            source,
        })?;
        // A recording begins when measuring does.
        let warm_up_us = self.warm_up.0.as_micros() as u64;
        Ok(recorded
            .into_iter()
            .map(|at_us| at_us + warm_up_us)
            .take_while(|at_us| *at_us <= until_us)
            .collect())
    }
}
