//! Ready plans, in the binary: questions that come up in most teams, each with the sentence that it is
//! to answer. They are the files of `plans/`, whose first line is that sentence and whose comments
//! say what is scaled to fit two cores and a minute.

use super::{PlanError, PlanSettings};

/// A plan of `plans/`.
#[derive(Debug, Clone, Copy)]
pub struct ReadyPlan {
    pub name: &'static str,
    /// TOML.
    pub text: &'static str,
}

/// In the order of the help.
pub const READY: [ReadyPlan; 4] = [
    ReadyPlan {
        name: "dashboard",
        text: include_str!("../../../plans/dashboard.toml"),
    },
    ReadyPlan {
        name: "chat",
        text: include_str!("../../../plans/chat.toml"),
    },
    ReadyPlan {
        name: "inbox",
        text: include_str!("../../../plans/inbox.toml"),
    },
    ReadyPlan {
        name: "cursors",
        text: include_str!("../../../plans/cursors.toml"),
    },
];

impl ReadyPlan {
    pub fn find(name: &str) -> Option<Self> {
        READY.into_iter().find(|plan| plan.name == name)
    }

    /// What it is to answer.
    pub fn question(&self) -> &'static str {
        let first = self.text.lines().next().unwrap_or_default();
        first.trim_start_matches(['#', ' '])
    }

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
}
