//! What each role sees of the class, as JSON: `GET /api/class` and its event stream. Phones have
//! `me` and nothing of others; the wall has `grid`; the presenter has `grid` and `lead`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::shared::SharedLesson;
use super::{
    guess::{Asked, Guess},
    histogram::Histogram,
    participant::{LineState, ParticipantId, Seen},
};
pub use crate::lessons::step::Otherwise;

/// For whom a state is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    Phone(ParticipantId),
    Wall,
    Presenter,
}

/// The whole state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Grows by one with each change.
    pub revision: u64,
    /// Id of this class.
    pub class: String,
    /// What students type.
    pub code: String,
    /// What the presenter called it; empty for none.
    pub name: String,
    /// Server's time of day, µs.
    pub now_us: u64,
    /// Phones that are open or asleep.
    pub here: usize,
    /// Phones that ever joined, without those that were removed.
    pub joined: usize,
    pub lesson: Option<SharedLesson>,
    /// Empty: phones follow nothing.
    pub groups: Vec<GroupView>,
    /// Grows whenever the phones are set up anew; phones name it in their reports.
    pub set: u64,
    /// Phones keep what they show, and send nothing.
    pub frozen: bool,
    /// Nothing of phones is taken.
    pub muted: bool,
    /// Wall and phones show nothing.
    pub dark: bool,
    pub timer: Option<Timer>,
    /// A page of this lab for everybody.
    pub page: Option<String>,
    /// Phones go to `page` once for each number.
    pub page_number: u64,
    /// A phone that was loaded before this grew loads itself again.
    pub reload: u64,
    /// The phone that the wall shows.
    pub show: Option<ParticipantId>,
    /// Of a phone's own state alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub me: Option<Me>,
    /// Publications of the run that is shown, so far; of the wall and the presenter.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub published: Option<u64>,
    /// Of the wall and the presenter.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grid: Option<Vec<GridEntry>>,
    /// Of the presenter alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lead: Option<Lead>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LessonView {
    pub id: String,
    pub title: String,
    pub minutes: u8,
    /// From 0.
    pub step: usize,
    pub steps: usize,
    pub kinds: Vec<String>,
    pub kind: String,
    /// Made by this program; empty at a reveal until it is shown, for it says the answer.
    pub html: String,
    /// From its step to the reveal.
    pub guess: Option<Asked>,
    /// Guesses so far, or answers to the last question.
    pub answered: usize,
    /// Guesses can no longer be changed.
    pub locked: bool,
    /// 2: the second guess, after talking.
    pub round: u8,
    pub run: Option<RunView>,
    pub reveal: Option<RevealView>,
    pub ask: Option<AskView>,
    /// Of a step `code`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<CodeView>,
    /// Of a step `wait`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wait: Option<WaitView>,
    /// What a step `set` shows on the projector; a page of this lab.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wall_page: Option<String>,
}

/// Source text of this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeView {
    pub file: String,
    pub lines: Vec<CodeLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeLine {
    pub number: usize,
    pub text: String,
}

/// What the class waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitView {
    /// The condition, as it is written.
    pub until: String,
    pub seen: bool,
    /// How far each part of it is, in words.
    #[serde(default)]
    pub so_far: Vec<String>,
    pub since_us: u64,
    /// When the presenter is told that it was not seen in time, µs.
    pub late_us: u64,
    pub otherwise: Otherwise,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    Live,
    Experiment,
    Page,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    #[default]
    Waiting,
    Warming,
    Measuring,
    Over,
    Failed,
}

impl RunState {
    /// It goes on.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Warming | Self::Measuring)
    }
}

/// A run of the lesson, from its step on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    pub kind: RunKind,
    pub state: RunState,
    /// Grows with each run of the class; phones name it in their reports. 0: none has begun.
    #[serde(default)]
    pub number: u64,
    pub began_us: Option<u64>,
    pub measured_from_us: Option<u64>,
    /// When it will be over, or was.
    pub ends_us: Option<u64>,
    /// Why it failed.
    pub why: Option<String>,
    /// What the lesson tells and this run does not stand behind, each with its why.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub withheld: Vec<String>,
    /// Publications while it measured; once it is over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub published: Option<u64>,
    /// It waits for phones to connect, and begins then at the latest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub starts_by_us: Option<u64>,
    /// What it goes on for, where that takes longer than it was to take.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waits: Option<WaitView>,
    pub page: Option<String>,
    pub experiment: Option<String>,
    /// What it is, in one line.
    pub what: String,
    /// What the presenter is asked to read off the page.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevealView {
    pub sentence: String,
    pub measured: Option<f64>,
    pub theory: Option<f64>,
    pub unit: String,
    /// Of a choice, from 1.
    pub right: Vec<usize>,
    pub guesses: Option<Histogram>,
    pub first_guesses: Option<Histogram>,
    /// Nothing was measured.
    pub predicted_only: bool,
    pub change_html: String,
    /// What the class counted, by the names that lessons use.
    pub figures: BTreeMap<String, f64>,
    /// Of a curve: one number for each x; empty where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub measured_points: Vec<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub theory_points: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskView {
    pub question: String,
    pub options: Vec<String>,
    /// From 1; this and the two below only after the presenter shows them.
    pub right: Option<usize>,
    pub because: Option<Vec<String>>,
    pub answers: Option<Vec<usize>>,
}

/// Some of the phones, and what they connect to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupView {
    /// Its index.
    pub group: usize,
    pub lane: String,
    /// Of all phones, beside the other groups' shares.
    pub share: f64,
    pub poll_interval_ms: Option<u64>,
    pub bare: bool,
    pub recovery: bool,
    pub channel: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    pub ends_us: u64,
    pub seconds: u32,
}

/// What a phone knows of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Me {
    pub id: ParticipantId,
    pub name: String,
    pub group: Option<usize>,
    pub guess: Option<Guess>,
    pub first_guess: Option<Guess>,
    pub answer: Option<usize>,
    pub is_shown: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GridState {
    Open,
    Asleep,
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HereBy {
    Native,
    Browser,
}

/// A phone as the wall shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridEntry {
    pub id: ParticipantId,
    pub name: String,
    pub state: GridState,
    /// How its line to the lane is.
    pub line: LineState,
    pub lane: Option<String>,
    pub delay_ms: Option<f64>,
    pub group: Option<usize>,
    pub here_by: HereBy,
    /// What it counted itself in the run that is shown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen: Option<Seen>,
}

/// What the presenter does next, by how many guessed right (Peer Instruction's thresholds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hint {
    /// Fewer than 35 % are right.
    #[serde(rename = "explain")]
    Explain,
    /// 35 to 70 %: neighbours talk, then guess again.
    #[serde(rename = "talk")]
    Talk,
    #[serde(rename = "go on")]
    GoOn,
}

/// For the presenter alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// Notes to the presenter of this step.
    pub notes_html: String,
    pub hint: Option<Hint>,
    /// Of those who guessed in this round.
    pub right_share: Option<f64>,
    /// Kind of the step that follows.
    pub next: Option<String>,
    pub can_again: bool,
    /// The lesson proposes a second guess, after talking.
    pub asks_again: bool,
    /// What the phones' browsers have, of those that said.
    pub can: CanCounts,
    /// Where each phone's connections come from, as far as it has been heard since the server's start:
    /// whose sequence is looked at; filled in by whoever has them.
    pub addresses: BTreeMap<ParticipantId, String>,
    /// Why the class is not in the data folder, so that it is gone once the lab stops; filled in by
    /// whoever keeps it.
    pub not_kept: Option<String>,
    /// Lessons to choose from; filled in by whoever has the shelf.
    pub lessons: Vec<LessonChoice>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanCounts {
    pub websocket: usize,
    pub eventsource: usize,
    pub streams: usize,
    pub http2: usize,
    pub of: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LessonChoice {
    pub id: String,
    pub title: String,
    pub minutes: u8,
    pub order: u16,
    /// Why it cannot be given here.
    pub why_not: Option<String>,
}
