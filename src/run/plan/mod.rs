//! What a run is to do: from flags, from a `plan.toml`, or both (flags count first), checked
//! before anything starts.
//!
//! `settings` declares each setting; `rules` says what they must keep to, `size` whether it all
//! fits into this machine, `rows` and `instants` what comes of them.

mod choices;
mod content;
mod error;
mod instants;
mod payload;
mod ready;
mod rows;
mod rules;
mod settings;
mod size;

use std::{fs, io, path::Path, time::Duration};

use self::error::out_of_range;
pub use self::{
    choices::{BackOff, Balance, BlobOn, Order, PollFor, PollTimer, PublishBy, Resume, Sample},
    error::PlanError,
    ready::{READY, ReadyPlan},
    settings::{Plan, PlanSettings},
};
use super::{conditions::PlannedConditions, destination::Destination};
use crate::client::tls::Trust;

/// Largest data of a publication. A lab that the run starts is set to accept it.
pub const SIZE_MAX_BYTES: usize = 256 << 10;

/// What [`Plan::expected`] takes for connecting and draining, and for starting the lab.
const PASS_OVERHEAD: Duration = Duration::from_millis(600);
const START_OVERHEAD: Duration = Duration::from_millis(500);

impl Plan {
    /// Puts flags and file together and checks the result. The file may be the name of a
    /// [`ReadyPlan`]; a file of that name is `./name`.
    pub fn load(flags: PlanSettings, file: Option<&Path>) -> Result<Self, PlanError> {
        let file = match file {
            Some(path) => read_file(path)?,
            None => PlanSettings::default(),
        };
        let plan = Self::from_layers(&[flags, file]);
        plan.check()?;
        plan.with_real_size()
    }

    /// From settings alone, as somebody sent them; checked.
    pub fn of(settings: PlanSettings) -> Result<Self, PlanError> {
        let plan = Self::from_layers(&[settings]);
        plan.check()?;
        plan.with_real_size()
    }

    /// About how long it takes to carry out, for a progress bar: starting, connecting and draining
    /// are guessed.
    pub fn expected(&self) -> Duration {
        let rows = self.rows().map_or(1, |rows| rows.len());
        let passes = match self.order {
            Order::Together => self.repeat,
            Order::InTurn => self.repeat * rows,
        };
        let pass = self.warm_up.0 + self.duration.0 + self.round_trip.0 * 4 + PASS_OVERHEAD;
        pass.saturating_mul(passes as u32) + START_OVERHEAD
    }

    /// Network conditions by lane.
    pub fn conditions(&self) -> Result<PlannedConditions, PlanError> {
        PlannedConditions::read(&self.conditions)
            .map_err(|why| out_of_range("conditions", format!("{:?}", self.conditions), why))
    }

    /// What is measured.
    pub fn destination(&self) -> Result<Destination, PlanError> {
        Destination::parse(&self.target).map_err(|why| PlanError::BadTarget { why })
    }

    /// Whose certificates are good.
    pub fn trust(&self) -> Trust {
        match (self.insecure, self.ca.as_os_str().is_empty()) {
            (true, _) => Trust::Anything,
            (false, true) => Trust::System,
            (false, false) => Trust::File(self.ca.clone()),
        }
    }
}

fn read_file(path: &Path) -> Result<PlanSettings, PlanError> {
    if let Some(ready) = path.to_str().and_then(ReadyPlan::find) {
        return ready.settings();
    }
    let named = path.display().to_string();
    let text = match path == Path::new("-") {
        true => io::read_to_string(io::stdin()),
        false => fs::read_to_string(path),
    };
    let text = text.map_err(|source| PlanError::Unreadable {
        path: named.clone(),
        source,
    })?;
    parsed(&text, &named)
}

fn parsed(text: &str, named: &str) -> Result<PlanSettings, PlanError> {
    toml::from_str(text).map_err(|source| PlanError::BadFile {
        path: named.to_owned(),
        source: Box::new(source),
    })
}

#[cfg(test)]
fn plan(text: &str) -> Result<Plan, PlanError> {
    let plan = Plan::from_layers(&[toml::from_str(text).unwrap()]);
    plan.check().map(|()| plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_plan_can_be_carried_out() {
        let rows = plan("").unwrap().rows().unwrap();
        assert_eq!(rows.len(), crate::catalogue::LANES.len());
        assert!(rows.iter().all(|row| row.name == row.lane));
    }

    #[test]
    fn flags_count_before_the_file() {
        let flags = toml::from_str("rate = 1.0").unwrap();
        let file = toml::from_str("rate = 2.0\nseed = 9").unwrap();
        let plan = Plan::from_layers(&[flags, file]);
        assert_eq!((plan.rate, plan.seed), (1.0, 9));
    }
}
