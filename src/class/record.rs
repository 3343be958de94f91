//! All that a class did, for the paper that is made of it. No token and no way to tell whose guess
//! was whose.

use serde::{Deserialize, Serialize};

use super::{
    Class, Outcome, Participant, given::Given, guess::Asked, histogram::Histogram, state::GroupView,
};

/// What is kept of an hour, for the teacher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub class: String,
    /// What the presenter called it; empty for none.
    pub name: String,
    /// When the class began, µs of the time of day.
    pub began_us: u64,
    /// When it ended; `None`: it goes on.
    pub ended_us: Option<u64>,
    /// Who took part, by the names that they had in the class.
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
    /// What the plan is called.
    pub title: String,
    /// Minutes that it has.
    pub minutes: u16,
    /// When it began, µs of the time of day.
    pub began_us: u64,
    /// What was to be done, in order.
    pub rows: Vec<PlanRowRecord>,
}

/// One row of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRowRecord {
    /// Minutes since the beginning.
    pub from: u16,
    /// Minutes since the beginning, at its end.
    pub to: u16,
    /// Id of its lesson; `None`: there is none.
    pub lesson: Option<String>,
    /// What was done.
    pub note: String,
    /// How long the class was at it, s.
    pub used_s: u32,
}

/// How long a step was planned to take, and took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTime {
    /// Its kind, as `guess`.
    pub kind: String,
    /// What the lesson has for it, s.
    pub planned_s: u32,
    /// What it took, s.
    pub used_s: u32,
}

/// One participant of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParticipantRecord {
    /// What it was called.
    pub name: String,
    /// When it joined, µs of the time of day.
    pub first_seen_us: u64,
    /// When it last reported, µs of the time of day.
    pub last_seen_us: u64,
    /// A native client in a phone's place.
    pub is_native: bool,
}

/// One lesson of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LessonRecord {
    /// The lesson's id.
    pub id: String,
    /// The lesson's title.
    pub title: String,
    /// Claims that it is about.
    pub claims: Vec<String>,
    /// When it began, µs of the time of day.
    pub began_us: u64,
    /// What was guessed, as it was asked.
    pub guess: Option<Asked>,
    /// Of the last round.
    pub guesses: Option<Histogram>,
    /// Of the first, where there was a second.
    pub first_guesses: Option<Histogram>,
    /// What came out of its run.
    pub outcome: Option<Outcome>,
    /// Theory alone was shown.
    pub predicted_only: bool,
    /// What theory says, in the guess's unit.
    pub theory: Option<f64>,
    /// Of a choice, from 1.
    pub right: Vec<usize>,
    /// How it was measured, for people.
    pub parameters: String,
    /// Seed of its run.
    pub seed: Option<u64>,
    /// The last question and its answers.
    pub ask: Option<AskRecord>,
    /// What the phones connected to.
    pub groups: Vec<GroupView>,
    /// Of saved results.
    pub run_ids: Vec<String>,
    /// One for each step.
    #[serde(default)]
    pub steps: Vec<StepTime>,
}

/// The last question of a lesson.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskRecord {
    /// The question.
    pub question: String,
    /// Its options, in order.
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
