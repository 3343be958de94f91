//! What each role sees of the class, as JSON: `GET /api/class` and its event stream. Phones have
//! `me` and nothing of others; the wall has `grid`; the presenter has `grid` and `lead`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    guess::{Asked, Guess},
    histogram::Histogram,
    participant::{LineState, ParticipantId, Seen},
};
pub use super::{
    plan::{LessonTimes, PlanView},
    shared::SharedLesson,
};
pub use crate::lessons::step::Otherwise;

/// For whom a state is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// A participant's own page: with its guess, without the others'.
    Phone(ParticipantId),
    /// The projector's page: with nobody's guess by name.
    Wall,
    /// Whoever leads.
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
    /// The lesson that is on.
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
    /// The presenter's clock, if one runs.
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

/// A lesson as pages see it: what must not be known yet is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LessonView {
    /// The lesson's id.
    pub id: String,
    /// The lesson's title.
    pub title: String,
    /// Minutes that it takes.
    pub minutes: u8,
    /// From 0.
    pub step: usize,
    /// How many steps it has.
    pub steps: usize,
    /// The kind of each step, in order.
    pub kinds: Vec<String>,
    /// The present step's kind.
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
    /// The run that belongs to the present step.
    pub run: Option<RunView>,
    /// What is shown, once it is.
    pub reveal: Option<RevealView>,
    /// The last question, once it is asked.
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
    /// Path in the repository.
    pub file: String,
    /// Some lines of it.
    pub lines: Vec<CodeLine>,
}

/// A line of source text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeLine {
    /// Its number in the file, from 1.
    pub number: usize,
    /// Its text, without its end.
    pub text: String,
}

/// What the class waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitView {
    /// The condition, as it is written.
    pub until: String,
    /// Whether it has been seen.
    pub seen: bool,
    /// How far each part of it is, in words.
    #[serde(default)]
    pub so_far: Vec<String>,
    /// Since when it is waited for, µs of the time of day.
    pub since_us: u64,
    /// When the presenter is told that it was not seen in time, µs.
    pub late_us: u64,
    /// What happens if it is not seen.
    pub otherwise: Otherwise,
}

/// How a lesson measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// The phones are the clients.
    Live,
    /// An experiment of the catalogue, by native clients.
    Experiment,
    /// Another page, whose figure is typed in.
    Page,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It has not begun.
    #[default]
    Waiting,
    /// It publishes, and nothing counts yet.
    Warming,
    /// What comes now counts.
    Measuring,
    /// It is over, with a result.
    Over,
    /// It is over, without one.
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
    /// How it measures.
    pub kind: RunKind,
    /// How far it is.
    pub state: RunState,
    /// Grows with each run of the class; phones name it in their reports. 0: none has begun.
    #[serde(default)]
    pub number: u64,
    /// When it began, µs of the time of day.
    pub began_us: Option<u64>,
    /// From when on publications count.
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
    /// The page to open, for one that is measured there.
    pub page: Option<String>,
    /// The experiment's id, for one of the catalogue.
    pub experiment: Option<String>,
    /// What it is, in one line.
    pub what: String,
    /// What the presenter is asked to read off the page.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen: Option<String>,
}

/// Guess, measurement and theory beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevealView {
    /// What came out, in a sentence.
    pub sentence: String,
    /// What an experiment of the lesson answers beside it; empty where the sentence is the experiment's.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub experiment: String,
    /// What was measured, in `unit`.
    pub measured: Option<f64>,
    /// What theory says, in `unit`.
    pub theory: Option<f64>,
    /// Unit of all of them.
    pub unit: String,
    /// Of a choice, from 1.
    pub right: Vec<usize>,
    /// What was guessed, in the last round.
    pub guesses: Option<Histogram>,
    /// What was guessed before they talked.
    pub first_guesses: Option<Histogram>,
    /// Nothing was measured.
    pub predicted_only: bool,
    /// What to change and try next, as HTML of the lesson's own text.
    pub change_html: String,
    /// What the class counted, by the names that lessons use.
    pub figures: BTreeMap<String, f64>,
    /// Of a curve: one number for each x; empty where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub measured_points: Vec<f64>,
    /// What theory says at each x of a curve.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub theory_points: Vec<f64>,
    /// How far from theory an experiment lets each point be, of a number the one.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tolerances: Vec<f64>,
}

/// The last question as pages see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskView {
    /// The question.
    pub question: String,
    /// Its options, in order.
    pub options: Vec<String>,
    /// From 1; this and the two below only after the presenter shows them.
    pub right: Option<usize>,
    /// Why each option is right or wrong, once shown.
    pub because: Option<Vec<String>>,
    /// How many chose each option, once shown.
    pub answers: Option<Vec<usize>>,
}

/// Some of the phones, and what they connect to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupView {
    /// Its index.
    pub group: usize,
    /// Id of the lane.
    pub lane: String,
    /// Of all phones, beside the other groups' shares.
    pub share: f64,
    /// How often pollers ask; `None`: they do not.
    pub poll_interval_ms: Option<u64>,
    /// Without an envelope.
    pub bare: bool,
    /// Channels with the lab's positions.
    pub recovery: bool,
    /// The channel that they are on.
    pub channel: String,
}

/// The presenter's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// When it is over, µs of the time of day.
    pub ends_us: u64,
    /// What it was set to.
    pub seconds: u32,
}

/// What a phone knows of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Me {
    /// Its number in the class.
    pub id: ParticipantId,
    /// What it is called.
    pub name: String,
    /// Index of its group; `None` where all are alike.
    pub group: Option<usize>,
    /// What it guessed in this round.
    pub guess: Option<Guess>,
    /// What it guessed before they talked.
    pub first_guess: Option<Guess>,
    /// What it answered to the last question, from 1.
    pub answer: Option<usize>,
    /// The wall shows this phone.
    pub is_shown: bool,
}

/// How a phone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GridState {
    /// In use.
    Open,
    /// Its page is hidden.
    Asleep,
    /// It has said nothing for a while.
    Gone,
}

/// What stands for a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HereBy {
    /// A native client.
    Native,
    /// A browser.
    Browser,
}

/// A phone as the wall shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridEntry {
    /// Its number in the class.
    pub id: ParticipantId,
    /// What it is called.
    pub name: String,
    /// How it is.
    pub state: GridState,
    /// How its line to the lane is.
    pub line: LineState,
    /// The lane it is on.
    pub lane: Option<String>,
    /// Delay of what came last, ms.
    pub delay_ms: Option<f64>,
    /// Index of its group.
    pub group: Option<usize>,
    /// What stands for it.
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
    /// Nearly all were right: go on.
    #[serde(rename = "go on")]
    GoOn,
}

/// For the presenter alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// Notes to the presenter of this step.
    pub notes_html: String,
    /// What to do next.
    pub hint: Option<Hint>,
    /// Of those who guessed in this round.
    pub right_share: Option<f64>,
    /// Kind of the step that follows.
    pub next: Option<String>,
    /// Whether everybody may guess again.
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
    /// How many phones more the lesson takes than are here and awake; 0 where there are enough.
    #[serde(default)]
    pub phones_missing: usize,
    /// Lessons to choose from; filled in by whoever has the shelf.
    pub lessons: Vec<LessonChoice>,
    /// The plan that is followed.
    pub plan: Option<PlanView>,
    /// Of the lesson that is on.
    pub times: Option<LessonTimes>,
    /// Pages of this lab that the lesson is about, by its front matter.
    pub pages: Vec<String>,
}

/// How many of the phones have what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanCounts {
    /// `WebSocket`.
    pub websocket: usize,
    /// `EventSource`.
    pub eventsource: usize,
    /// `ReadableStream` of a `fetch`.
    pub streams: usize,
    /// HTTP/2 or later.
    pub http2: usize,
    /// Of how many that told.
    pub of: usize,
}

/// A lesson to choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LessonChoice {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Minutes that it takes.
    pub minutes: u8,
    /// Its place in the list.
    pub order: u16,
    /// Why it cannot be given here.
    pub why_not: Option<String>,
}
