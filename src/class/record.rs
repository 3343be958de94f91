//! All that a class did, for the paper that is made of it. No token and no way to tell whose guess
//! was whose.

use serde::{Deserialize, Serialize};

use super::{
    Class, Outcome, Participant, given::Given, guess::Asked, histogram::Histogram, state::GroupView,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub class: String,
    /// What the presenter called it; empty for none.
    pub name: String,
    pub began_us: u64,
    pub ended_us: Option<u64>,
    pub participants: Vec<ParticipantRecord>,
    /// In the order they were given.
    pub lessons: Vec<LessonRecord>,
    /// The plan that was followed.
    #[serde(default)]
    pub plan: Option<PlanRecord>,
}

/// Minutes planned and used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRecord {
    pub title: String,
    pub minutes: u16,
    pub began_us: u64,
    pub rows: Vec<PlanRowRecord>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRowRecord {
    /// Minutes since the beginning.
    pub from: u16,
    pub to: u16,
    /// Its id.
    pub lesson: Option<String>,
    /// What was done.
    pub note: String,
    pub used_s: u32,
}

/// How long a step was planned to take, and took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTime {
    pub kind: String,
    pub planned_s: u32,
    pub used_s: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParticipantRecord {
    pub name: String,
    pub first_seen_us: u64,
    pub last_seen_us: u64,
    pub is_native: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LessonRecord {
    pub id: String,
    pub title: String,
    pub claims: Vec<String>,
    pub began_us: u64,
    pub guess: Option<Asked>,
    /// Of the last round.
    pub guesses: Option<Histogram>,
    /// Of the first, where there was a second.
    pub first_guesses: Option<Histogram>,
    pub outcome: Option<Outcome>,
    pub predicted_only: bool,
    pub theory: Option<f64>,
    /// Of a choice, from 1.
    pub right: Vec<usize>,
    /// How it was measured, for people.
    pub parameters: String,
    pub seed: Option<u64>,
    pub ask: Option<AskRecord>,
    pub groups: Vec<GroupView>,
    /// Of saved results.
    pub run_ids: Vec<String>,
    /// One for each step.
    #[serde(default)]
    pub steps: Vec<StepTime>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskRecord {
    pub question: String,
    pub options: Vec<String>,
    /// From 1.
    pub right: usize,
    /// How many chose each.
    pub answers: Vec<usize>,
}

impl Class {
    /// All that was done so far.
    pub fn record(&self) -> Record {
        let participant = |one: &Participant| ParticipantRecord {
            name: one.name.clone(),
            first_seen_us: one.joined_us,
            last_seen_us: one.last_seen_us,
            is_native: one.is_native,
        };
        let going_on = self.given.as_ref().map(Given::record);
        Record {
            class: self.id.clone(),
            name: self.name.clone(),
            began_us: self.began_us,
            ended_us: None,
            participants: self.participants.iter().map(participant).collect(),
            lessons: self.done.iter().cloned().chain(going_on).collect(),
            plan: self.plan_record(),
        }
    }
}
