//! Ready plans, in the binary: questions that come up in most teams, each with the sentence that it is
//! to answer. They are the files of `plans/`, whose first line is that sentence and whose comments
//! say what is scaled to fit two cores and a minute.

use std::{collections::BTreeSet, sync::LazyLock};

use serde_json::Value;

use super::{Plan, PlanError, PlanSettings};

/// A plan of `plans/`.
#[derive(Debug, Clone, Copy)]
pub struct ReadyPlan {
    /// What `pushlab run NAME` takes.
    pub name: &'static str,
    /// TOML.
    pub text: &'static str,
    /// What its question asks for beside what a run's sentence says: figures, and how many times each
    /// is to be taken, where the plan is scaled.
    pub reads: &'static [(&'static str, f64)],
}

/// Settings that may differ without making the question another.
const FREE: [&str; 16] = [
    "lanes",
    "clients",
    "duration",
    "warm_up",
    "drain",
    "order",
    "seed",
    "repeat",
    "redo",
    "workers",
    "pin",
    "keep_awake",
    "target",
    "ca",
    "insecure",
    "may_be_refused",
];

/// Each of [`READY`] with every setting in effect.
static SETTLED: LazyLock<Vec<(ReadyPlan, Plan, Value)>> = LazyLock::new(|| {
    let settled = |ready: ReadyPlan| {
        let plan = Plan::of(ready.settings().ok()?).ok()?;
        let json = serde_json::to_value(&plan).ok()?;
        Some((ready, plan, json))
    };
    READY.into_iter().filter_map(settled).collect()
});

/// In the order of the help.
pub const READY: [ReadyPlan; 4] = [
    ReadyPlan {
        name: "dashboard",
        text: include_str!("../../../plans/dashboard.toml"),
        reads: &[("age_us", 1.0), ("requests_per_publication", 5.0)],
    },
    ReadyPlan {
        name: "chat",
        text: include_str!("../../../plans/chat.toml"),
        reads: &[("bytes_per_publication", 1.0)],
    },
    ReadyPlan {
        name: "inbox",
        text: include_str!("../../../plans/inbox.toml"),
        reads: &[("mean_us", 1.0), ("empty_ratio", 1.0)],
    },
    ReadyPlan {
        name: "cursors",
        text: include_str!("../../../plans/cursors.toml"),
        reads: &[("p99_us", 1.0), ("jitter_us", 1.0)],
    },
];

impl ReadyPlan {
    /// The plan of this name.
    pub fn find(name: &str) -> Option<Self> {
        READY.into_iter().find(|plan| plan.name == name)
    }

    /// Which of them a run was of, with how many clients it asks for.
    pub fn of(plan: &Plan) -> Option<(Self, usize)> {
        let json = serde_json::to_value(plan).ok()?;
        let lanes = |plan: &Plan| {
            let names = plan.lanes.split(',').map(|name| name.trim().to_owned());
            names.collect::<BTreeSet<_>>()
        };
        let is_of = |(_, ready, settings): &&(Self, Plan, Value)| {
            let mut all = settings.as_object().into_iter().flatten();
            lanes(ready) == lanes(plan)
                && all.all(|(name, value)| FREE.contains(&name.as_str()) || json[name] == *value)
        };
        let (ready, settled, _) = SETTLED.iter().find(is_of)?;
        Some((*ready, settled.clients))
    }

    /// What it is to answer.
    pub fn question(&self) -> &'static str {
        let first = self.text.lines().next().unwrap_or_default();
        first.trim_start_matches(['#', ' '])
    }

    /// What its file sets.
    pub fn settings(&self) -> Result<PlanSettings, PlanError> {
        super::parsed(self.text, self.name)
    }

    /// Its settings by name, as JSON has them.
    pub fn as_json(&self) -> serde_json::Value {
        toml::from_str(self.text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::plan::Plan;

    #[test]
    fn every_ready_plan_can_be_carried_out_here_within_a_minute_and_asks_a_question() {
        for ready in READY {
            let plan = Plan::of(ready.settings().unwrap()).unwrap();
            let takes = plan.expected();
            assert!(takes.as_secs() < 60, "{} takes {takes:?}", ready.name);
            assert!(ready.question().ends_with('?'), "{}", ready.question());
            assert!(ready.text.contains("caled"), "says what is scaled");
            assert_eq!(ready.as_json()["clients"], plan.clients);
        }
        assert!(ReadyPlan::find("weather").is_none());
    }

    #[test]
    fn a_run_is_of_a_ready_plan_unless_it_asks_something_else() {
        for ready in READY {
            let mut plan = Plan::of(ready.settings().unwrap()).unwrap();
            plan.seed = 9;
            plan.clients = 7;
            let mut lanes: Vec<_> = plan.lanes.split(',').collect();
            lanes.reverse();
            plan.lanes = lanes.join(",");
            let (found, _) = ReadyPlan::of(&plan).unwrap();
            assert_eq!(found.name, ready.name);
            for (name, _) in ready.reads {
                assert!(crate::run::figures::find(name).is_some(), "{name}");
            }
            plan.rate += 1.0;
            assert!(ReadyPlan::of(&plan).is_none());
        }
        assert!(ReadyPlan::of(&Plan::default()).is_none());
    }
}
