//! A class: one lesson hour, led by a presenter, with a phone for each student.
//!
//! ```text
//!  phone ──join, guess, answer, report──► Class ◄──lesson, go, run, reveal, tools── presenter
//!                                           │
//!        each phone: state with `me` ◄──────┼──────► wall: state with `grid`
//!                                           └──────► record, for the paper
//! ```
//!
//! [`Class`] is a pure state machine: time, chance and lessons are given to it; who may call what, the
//! event streams and the file that keeps it are others' (`lab_api`, `class_keep`). Nothing that a
//! phone says is in another phone's state; counts of guesses by what was guessed are there only after
//! the reveal.
//!
//! - `phones` and `said`: the phones, and what they say; [`participant`]: one of them; [`names`] and
//!   [`filter`]: what they are called
//! - `leading` and `tools`: what the presenter does; `outcome`: what came out of a run
//! - [`given`]: the lesson that goes on; [`guess`] and [`histogram`]: all four kinds of guesses
//! - [`groups`]: which phone follows which lane
//! - [`state`] and `shown`: what each role sees; `shared`: what is the same for all
//! - [`record`]: what stays; [`paper`]: the record as a file to print; `kept`: a stop of the server
//! - [`plan`]: the plan of the hour, and the minutes used; [`times`]: their ledger
//! - [`of_lesson`]: all that is read of a lesson's file
//!
//! May use: `catalogue`, `run`, `experiments`, `lessons`.

pub mod error;
pub mod filter;
pub mod given;
pub mod groups;
pub mod guess;
pub mod histogram;
mod kept;
mod leading;
pub mod names;
pub mod of_lesson;
mod outcome;
pub mod paper;
pub mod participant;
mod phones;
pub mod plan;
pub mod record;
mod said;
mod shared;
mod shown;
pub mod state;
pub mod times;
mod tools;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::{
    error::ClassError,
    given::To,
    outcome::Outcome,
    participant::{Now, Participant, ParticipantId, Report},
    phones::{Counts, PARTICIPANTS_MAX},
    record::Record,
    state::{State, Whom},
    tools::{TIMER_MAX_S, Tools},
};
use self::{
    given::Given,
    plan::Following,
    record::LessonRecord,
    shared::Newest,
    state::{GroupView, Timer},
};

/// Of what the presenter calls the class.
const CLASS_NAME_MAX: usize = 60;
/// Letters of a code: none that is read as another.
pub const CODE_LETTERS: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
/// Letters in a code.
pub const CODE_LENGTH: usize = 4;

/// See the module. What is kept of it is what serde writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Class {
    id: String,
    code: String,
    #[serde(default)]
    name: String,
    began_us: u64,
    revision: u64,
    /// Grows with what only the grid shows.
    #[serde(skip)]
    grid_revision: u64,
    participants: Vec<Participant>,
    next_id: u32,
    given: Option<Given>,
    groups: Vec<GroupView>,
    /// Grows whenever the phones are set up anew, so that what they measured before is told from what they
    /// measure now.
    #[serde(default)]
    set: u64,
    /// `set` when the last run began.
    #[serde(default)]
    set_of_run: u64,
    frozen: bool,
    muted: bool,
    dark: bool,
    /// The presenter lets nobody else in.
    #[serde(default)]
    closed: bool,
    timer: Option<Timer>,
    page: Option<String>,
    page_number: u64,
    reload: u64,
    show: Option<ParticipantId>,
    /// Of the last run that began.
    run_number: u64,
    done: Vec<LessonRecord>,
    /// Publications of a run so far.
    #[serde(skip)]
    published: Option<(u64, u64)>,
    /// The plan of the hour.
    #[serde(default)]
    following: Option<Following>,
    /// The lesson as all see it, of the newest revision that was looked at.
    #[serde(skip)]
    newest: Newest,
}

/// Which run it is, wherever something comes back later: each class counts its runs from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId {
    /// The class's id.
    pub class: String,
    /// Which run of this class, from 1.
    pub number: u64,
}

impl Class {
    /// A class without participants. `code`: what is typed in at `/join`.
    pub fn new(id: String, code: String, now_us: u64) -> Self {
        Self {
            id,
            code,
            name: String::new(),
            began_us: now_us,
            revision: 1,
            grid_revision: 0,
            participants: Vec::new(),
            next_id: 1,
            given: None,
            groups: Vec::new(),
            set: 0,
            set_of_run: 0,
            frozen: false,
            muted: false,
            dark: false,
            closed: false,
            timer: None,
            page: None,
            page_number: 0,
            reload: 0,
            show: None,
            run_number: 0,
            done: Vec::new(),
            published: None,
            following: None,
            newest: Newest::default(),
        }
    }

    /// What the presenter calls it; cut after 60 characters.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.trim().chars().take(CLASS_NAME_MAX).collect();
        self
    }

    /// Its id, in files.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The room code that lets phones in.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Whether this is the code; small letters count as large ones.
    pub fn is_code(&self, typed: &str) -> bool {
        typed.trim().eq_ignore_ascii_case(&self.code)
    }

    /// Grows with every change, so that a reader knows what it has.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Grows with what the grid alone shows: delays, who sleeps.
    pub fn grid_revision(&self) -> u64 {
        self.grid_revision
    }

    fn changed(&mut self) {
        self.revision += 1;
    }

    fn grid_changed(&mut self) {
        self.grid_revision += 1;
    }
}
