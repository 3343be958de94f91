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
//! - [`participant`]: the phones; [`names`] and [`filter`]: what they are called
//! - [`given`]: the lesson that goes on; [`guess`] and [`histogram`]: all four kinds of guesses
//! - [`groups`]: which phone follows which lane
//! - [`state`]: what each role sees; `shared`: what is the same for all; [`record`]: what stays;
//!   [`paper`]: the record as a file to print
//! - [`of_lesson`]: all that is read of a lesson's file
//!
//! May use: `catalogue`, `run`, `experiments`, `lessons`.

pub mod error;
pub mod filter;
pub mod given;
pub mod groups;
pub mod guess;
pub mod histogram;
pub mod names;
pub mod of_lesson;
pub mod paper;
pub mod participant;
pub mod record;
mod shared;
pub mod state;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub use self::{
    error::ClassError,
    given::To,
    participant::{Participant, ParticipantId, Report},
    record::Record,
    state::{State, Whom},
};
use self::{
    given::Given,
    guess::Guess,
    participant::{Live, RunDelay, Seen, TokenHash},
    record::{LessonRecord, ParticipantRecord},
    shared::Newest,
    state::{
        CanCounts, GridEntry, GridState, GroupView, HereBy, Lead, Me, RunState, RunView, Timer,
    },
};
use crate::{
    catalogue::{self, variant},
    lessons::Lesson,
};

/// Phones of one class.
pub const PARTICIPANTS_MAX: usize = 500;
/// Who joined and never listened gives way in a full class after so long, µs.
const GIVES_WAY_AFTER_US: u64 = 60_000_000;
/// Lessons that a class remembers; the oldest goes first.
const RECORDS_MAX: usize = 64;
/// Of the timer.
pub const TIMER_MAX_S: u32 = 3600;
/// Of an address that everybody is sent to.
const PAGE_MAX_BYTES: usize = 512;
/// A delay that a phone reports is shown up to ten minutes.
const DELAY_MAX_MS: f64 = 600_000.0;
/// How far off a phone's estimate of the lab's clock may be at most, ms: half of the longest exchange that
/// pages wait for.
const CLOCK_OFF_MS: f64 = 2_600.0;
/// More than can have been since the file was written.
const REVISIONS_OF_A_STOP: u64 = 1_000_000;
/// What grows in a file that was not changed by hand stays below.
const COUNTS_MAX: u64 = 1 << 50;
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
    frozen: bool,
    muted: bool,
    dark: bool,
    timer: Option<Timer>,
    page: Option<String>,
    page_number: u64,
    reload: u64,
    show: Option<ParticipantId>,
    /// Of the last run that began.
    run_number: u64,
    done: Vec<LessonRecord>,
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

/// What came out of a run; in the unit of the guess.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Empty: the lesson's own.
    pub sentence: String,
    /// What was measured; `None` where nothing can be stood behind.
    pub measured: Option<f64>,
    /// What theory says.
    pub theory: Option<f64>,
    /// Figures of the run by name, in the units of `run::figures`.
    pub figures: BTreeMap<String, f64>,
    /// Of a curve that is guessed: one number for each x; empty otherwise.
    #[serde(default)]
    pub measured_points: Vec<f64>,
    /// What theory says at each x of a curve.
    #[serde(default)]
    pub theory_points: Vec<f64>,
    /// What is told and an experiment does not stand behind, each with its why.
    #[serde(default)]
    pub withheld: Vec<String>,
    /// Why there is nothing.
    pub failed: Option<String>,
}

impl Outcome {
    /// An outcome without a figure, and why there is none.
    pub fn failed(why: impl Into<String>) -> Self {
        Self {
            failed: Some(why.into()),
            ..Self::default()
        }
    }

    /// A later run of the same lesson adds to what an earlier one gave.
    fn followed_by(mut self, later: Self) -> Self {
        if !later.sentence.is_empty() {
            self.sentence = later.sentence;
        }
        self.measured = later.measured.or(self.measured);
        self.theory = later.theory.or(self.theory);
        self.figures.extend(later.figures);
        if !later.measured_points.is_empty() {
            self.measured_points = later.measured_points;
        }
        if !later.theory_points.is_empty() {
            self.theory_points = later.theory_points;
        }
        let has_something = self.measured.is_some() || !self.figures.is_empty();
        self.failed = later.failed.filter(|_| !has_something);
        self
    }
}

/// What the presenter changes with one call; what is not there stays.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tools {
    /// Whether the picture stands still, and nothing is taken meanwhile.
    #[serde(default)]
    pub frozen: Option<bool>,
    /// Whether nothing is taken from phones.
    #[serde(default)]
    pub muted: Option<bool>,
    /// Whether the wall is dark.
    #[serde(default)]
    pub dark: Option<bool>,
    /// 0 ends it.
    #[serde(default)]
    pub timer_s: Option<u32>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "given_or_null")]
    pub page: Option<Option<String>>,
    /// Whose phone the wall shows; `Some(None)`: nobody's any more.
    #[serde(default, deserialize_with = "given_or_null")]
    pub show: Option<Option<ParticipantId>>,
}

/// Tells `null` from what is not there.
fn given_or_null<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// How many are how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Phones in use.
    pub open: usize,
    /// Phones whose page is hidden.
    pub asleep: usize,
    /// Phones that have said nothing for a while.
    pub gone: usize,
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
            frozen: false,
            muted: false,
            dark: false,
            timer: None,
            page: None,
            page_number: 0,
            reload: 0,
            show: None,
            run_number: 0,
            done: Vec::new(),
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

    // Phones.

    /// A new phone. `at_random` chooses its name.
    ///
    /// # Errors
    ///
    /// The class is full, and all who are in it have listened or came a moment ago.
    pub fn join(
        &mut self,
        token_hash: [u8; 32],
        at_random: u64,
        now_us: u64,
    ) -> Result<&Participant, ClassError> {
        if self.participants.len() >= PARTICIPANTS_MAX {
            let gives_way = self.gives_way(now_us);
            self.remove(gives_way.ok_or(ClassError::Full(PARTICIPANTS_MAX))?)?;
        }
        let id = ParticipantId(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        let name = self.free_name(at_random);
        // Who has just come is not known to be a native client.
        let group = match self.is_on_natives() {
            true => None,
            false => groups::next(&self.groups, &self.members()),
        };
        let at = self.participants.len();
        self.participants.push(Participant {
            id,
            token_hash: TokenHash(token_hash),
            name,
            joined_us: now_us,
            last_seen_us: now_us,
            group,
            is_native: false,
            can: None,
            live: Live::default(),
        });
        self.changed();
        Ok(&self.participants[at])
    }

    /// A phone is a stand-in: what it guesses is nobody's.
    pub fn stands_in(&mut self, id: ParticipantId) -> Result<(), ClassError> {
        self.participant_mut(id)?.is_native = true;
        self.changed();
        Ok(())
    }

    /// In a full class: of those who never listened, and have not been heard of for a minute, the one that
    /// has been silent for longest.
    fn gives_way(&self, now_us: u64) -> Option<ParticipantId> {
        let silent = self.participants.iter().filter(|one| {
            let never_listened = one.live.streams_ever == 0 && one.live.stream_until_us.is_none();
            never_listened && now_us.saturating_sub(one.last_seen_us) >= GIVES_WAY_AFTER_US
        });
        silent.min_by_key(|one| one.last_seen_us).map(|one| one.id)
    }

    /// Whose token this is the hash of.
    pub fn of_token(&self, hash: &[u8; 32]) -> Option<ParticipantId> {
        let mut all = self.participants.iter();
        all.find(|one| one.token_hash.0 == *hash).map(|one| one.id)
    }

    /// All of them, in the order in which they came.
    pub fn participants(&self) -> &[Participant] {
        &self.participants
    }

    /// One of them, if it is still there.
    pub fn participant(&self, id: ParticipantId) -> Option<&Participant> {
        self.participants.iter().find(|one| one.id == id)
    }

    fn participant_mut(&mut self, id: ParticipantId) -> Result<&mut Participant, ClassError> {
        let mut all = self.participants.iter_mut();
        all.find(|one| one.id == id)
            .ok_or(ClassError::UnknownParticipant(id))
    }

    /// Whether another phone has a name that looks the same.
    fn is_taken(&self, name: &str, but_by: ParticipantId) -> bool {
        let likeness = filter::likeness(name);
        let mut others = self.participants.iter().filter(|one| one.id != but_by);
        others.any(|one| filter::likeness(&one.name) == likeness)
    }

    /// One from the list that nobody has.
    fn free_name(&self, at_random: u64) -> String {
        let names = self.participants.iter().map(|one| one.name.as_str());
        let taken: BTreeSet<_> = names.map(filter::likeness).collect();
        names::free(at_random, |name| taken.contains(&filter::likeness(name)))
    }

    /// Gives a phone the name that its student chose.
    pub fn rename(&mut self, id: ParticipantId, name: &str) -> Result<&str, ClassError> {
        self.participant_mut(id)?;
        self.listens()?;
        let hidden = match &self.given {
            Some(given) => given.answers_to_hide(),
            None => Vec::new(),
        };
        let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
        let name = filter::check(name, &hidden).map_err(ClassError::NameRefused)?;
        if self.is_taken(&name, id) {
            return Err(ClassError::NameRefused(
                "another phone is called that, or looks like it; add a letter of your surname",
            ));
        }
        self.changed();
        let participant = self.participant_mut(id)?;
        participant.name = name;
        Ok(&participant.name)
    }

    /// Gives a phone another name from the list.
    pub fn new_name(&mut self, id: ParticipantId, at_random: u64) -> Result<(), ClassError> {
        let name = self.free_name(at_random);
        self.participant_mut(id)?.name = name;
        self.changed();
        Ok(())
    }

    /// Sends native clients away that have no stream: those of a lab that was stopped come back no more.
    pub fn remove_silent_natives(&mut self) {
        let is_silent = |one: &&Participant| one.is_native && one.live.streams == 0;
        let silent = self.participants.iter().filter(is_silent);
        for id in silent.map(|one| one.id).collect::<Vec<_>>() {
            // It is there.
            let _ = self.remove(id);
        }
    }

    /// Takes a phone out, with its guesses; it may join again.
    pub fn remove(&mut self, id: ParticipantId) -> Result<(), ClassError> {
        self.participant_mut(id)?;
        self.participants.retain(|one| one.id != id);
        if let Some(given) = &mut self.given {
            given.forget(id);
        }
        self.show = self.show.filter(|shown| *shown != id);
        self.changed();
        Ok(())
    }

    /// Whether names, guesses and answers are taken. Reports always are: they say how a phone is.
    fn listens(&self) -> Result<(), ClassError> {
        match self.muted {
            true => Err(ClassError::Muted),
            false if self.frozen => Err(ClassError::Frozen),
            false => Ok(()),
        }
    }

    /// Takes a guess for a step; see [`Given::guess`](given::Given::guess).
    pub fn guess(
        &mut self,
        id: ParticipantId,
        step: usize,
        guess: Guess,
    ) -> Result<(), ClassError> {
        let is_native = self.participant_mut(id)?.is_native;
        self.listens()?;
        let given = self.given.as_mut();
        let given = given.ok_or(ClassError::StepIsOver("no lesson is given"))?;
        given.guess(id, step, guess)?;
        given.said_by(id, is_native);
        self.changed();
        Ok(())
    }

    /// `choice`: from 1.
    pub fn answer(
        &mut self,
        id: ParticipantId,
        step: usize,
        choice: usize,
    ) -> Result<(), ClassError> {
        let is_native = self.participant_mut(id)?.is_native;
        self.listens()?;
        let given = self.given.as_mut();
        let given = given.ok_or(ClassError::StepIsOver("no lesson is given"))?;
        given.answer(id, step, choice)?;
        given.said_by(id, is_native);
        self.changed();
        Ok(())
    }

    /// How a phone is; no revision of the class, unless it woke or fell asleep.
    pub fn report(
        &mut self,
        id: ParticipantId,
        report: Report,
        now_us: u64,
    ) -> Result<(), ClassError> {
        // Nothing that it was sent is older than the class, by a clock that may be a little off.
        let age_ms = now_us.saturating_sub(self.began_us) as f64 / 1_000.0 + CLOCK_OFF_MS;
        let participant = self.participant_mut(id)?;
        participant.last_seen_us = now_us;
        participant.can = report.can.or(participant.can);
        let live = &mut participant.live;
        let before = live.clone();
        live.is_asleep = !report.visible;
        live.line = report.state;
        live.lane = report
            .lane
            .filter(|lane| catalogue::lane(lane).is_some() || variant(lane).is_some());
        live.delay_ms = report
            .delay_ms
            .filter(|delay| delay.is_finite() && (0.0..=age_ms.min(DELAY_MAX_MS)).contains(delay));
        live.seen = report.seen;
        let is_sound = |ms: f64| ms.is_finite() && (0.0..=DELAY_MAX_MS).contains(&ms);
        live.run_delay = report
            .run_delay
            .filter(|delay| is_sound(delay.mean_ms) && is_sound(delay.bound_ms));
        live.run = report.run;
        let is_left_out = participant.is_native && participant.group.is_none();
        if *live != before {
            self.grid_changed();
        }
        if is_left_out && self.is_on_natives() {
            let group = groups::next(&self.groups, &self.members());
            self.participant_mut(id)?.group = group;
            self.changed();
        }
        Ok(())
    }

    /// A phone opened an event stream; the stream's number.
    pub fn stream_opened(&mut self, id: ParticipantId, now_us: u64) -> Result<u64, ClassError> {
        let participant = self.participant_mut(id)?;
        participant.last_seen_us = now_us;
        participant.live.streams += 1;
        participant.live.is_asleep = false;
        participant.live.streams_ever += 1;
        let number = participant.live.streams_ever;
        self.grid_changed();
        Ok(number)
    }

    /// It ended.
    pub fn stream_closed(&mut self, id: ParticipantId, now_us: u64) {
        let Ok(participant) = self.participant_mut(id) else {
            return;
        };
        participant.last_seen_us = now_us;
        let live = &mut participant.live;
        live.streams = live.streams.saturating_sub(1);
        if live.streams == 0 {
            live.stream_until_us = Some(now_us);
        }
        self.grid_changed();
    }

    /// How many phones are how at `now_us` (time of day).
    pub fn counts(&self, now_us: u64) -> Counts {
        let mut counts = Counts::default();
        for participant in &self.participants {
            match participant.state(now_us) {
                GridState::Open => counts.open += 1,
                GridState::Asleep => counts.asleep += 1,
                GridState::Gone => counts.gone += 1,
            }
        }
        counts
    }

    /// What the phones that are open counted in a run: sleeping ones are left out.
    pub fn seen(&self, run: u64, now_us: u64) -> Vec<(ParticipantId, Option<usize>, Seen)> {
        self.participants
            .iter()
            .filter(|one| one.live.run == Some(run) && one.state(now_us) == GridState::Open)
            .filter_map(|one| Some((one.id, one.group, one.live.seen?)))
            .collect()
    }

    /// How late what the phones that are open got in a run was, with the group of each.
    pub fn run_delays(&self, run: u64, now_us: u64) -> Vec<(usize, RunDelay)> {
        let open =
            |one: &&Participant| one.live.run == Some(run) && one.state(now_us) == GridState::Open;
        let all = self.participants.iter().filter(open);
        all.filter_map(|one| Some((one.group?, one.live.run_delay?)))
            .collect()
    }

    // The lesson.

    /// Gives a lesson, or none. What was done in the one before is recorded.
    pub fn give_lesson(
        &mut self,
        lesson: Option<Arc<Lesson>>,
        now_us: u64,
    ) -> Result<(), ClassError> {
        if self.given.as_ref().is_some_and(Given::is_running) {
            return Err(ClassError::RunGoesOn);
        }
        self.put_away();
        let were_natives = self.is_on_natives();
        self.given = lesson.map(|lesson| Given::new(lesson, now_us));
        if were_natives {
            // Phones that were left out are in the groups again.
            self.groups.clear();
        }
        self.share_out();
        self.changed();
        Ok(())
    }

    /// The lesson's groups are of native clients in the phones' places: phones follow nothing, for the
    /// network that it needs cannot be made for them.
    pub fn put_on_natives(&mut self) {
        if let Some(given) = &mut self.given {
            given.is_on_natives = true;
        }
        let groups = std::mem::take(&mut self.groups);
        self.set_groups(groups);
    }

    /// Whether native clients stand in for phones.
    pub fn is_on_natives(&self) -> bool {
        self.given.as_ref().is_some_and(|given| given.is_on_natives)
    }

    /// Native clients that hear the class.
    pub fn natives(&self) -> usize {
        let here = |one: &&Participant| one.is_native && one.live.streams > 0;
        self.participants.iter().filter(here).count()
    }

    fn put_away(&mut self) {
        if let Some(given) = self.given.take() {
            if self.done.len() >= RECORDS_MAX {
                self.done.remove(0);
            }
            self.done.push(given.record());
        }
    }

    /// The lesson that goes on.
    pub fn lesson(&self) -> Option<&Arc<Lesson>> {
        self.given.as_ref()?.lesson.as_ref()
    }

    /// The step of the lesson that goes on.
    pub fn step(&self) -> Option<usize> {
        self.given.as_ref().map(|given| given.step)
    }

    fn given_mut(&mut self) -> Result<&mut Given, ClassError> {
        self.given.as_mut().ok_or(ClassError::NoLesson)
    }

    /// Goes to another step; see [`Given::go`](given::Given::go).
    pub fn go(&mut self, to: To, now_us: u64) -> Result<(), ClassError> {
        self.given_mut()?.go(to, now_us)?;
        self.share_out();
        self.changed();
        Ok(())
    }

    /// Takes no more guesses.
    pub fn lock(&mut self) -> Result<(), ClassError> {
        self.given_mut()?.lock()?;
        self.changed();
        Ok(())
    }

    /// What a step `wait` waits for was seen; nothing at other steps.
    pub fn note_seen(&mut self) {
        if self.given.as_mut().is_some_and(Given::note_seen) {
            self.changed();
        }
    }

    /// Since when the class waits at a step `wait` for what was not seen yet.
    pub fn waits_since_us(&self) -> Option<u64> {
        let given = self.given.as_ref()?;
        of_lesson::wait(given.lesson.as_ref()?, given.step)?;
        (!given.is_seen).then_some(given.step_since_us)
    }

    /// Guesses so far, or answers at the last question.
    pub fn answered(&self) -> usize {
        self.given
            .as_ref()
            .map_or(0, |given| match given.is_asking() {
                true => given.answers.len(),
                false => given.guesses.len(),
            })
    }

    /// Lets everybody guess again, after they have talked.
    pub fn second_guess(&mut self) -> Result<(), ClassError> {
        self.given_mut()?.second_guess()?;
        self.share_out();
        self.changed();
        Ok(())
    }

    /// The run of this step as it is before it begins; `None` where the step has none.
    pub fn run_here(&self) -> Option<RunView> {
        let given = self.given.as_ref()?;
        given.run_here().map(of_lesson::run_view)
    }

    /// The run that goes on, or was the last of this lesson.
    pub fn run(&self) -> Option<&RunView> {
        let (_, run) = self.given.as_ref()?.run.as_ref()?;
        Some(run)
    }

    /// The run that goes on, or was the last of this lesson, is that one.
    pub fn is_run(&self, that: &RunId) -> bool {
        self.id == that.class && self.run().is_some_and(|run| run.number == that.number)
    }

    /// A run began: its state is `warming` or `measuring`.
    pub fn begin_run(&mut self, run: RunView, now_us: u64) -> Result<RunId, ClassError> {
        let number = self.run_number + 1;
        let run = RunView {
            number,
            began_us: run.began_us.or(Some(now_us)),
            state: match run.state.is_active() {
                true => run.state,
                false => RunState::Measuring,
            },
            ..run
        };
        self.given_mut()?.begin_run(run)?;
        self.run_number = number;
        self.changed();
        Ok(RunId {
            class: self.id.clone(),
            number,
        })
    }

    /// Changes how the run that goes on is; nothing where none does.
    pub fn change_run(&mut self, change: impl FnOnce(&mut RunView)) {
        let run = self.given.as_mut().and_then(|given| given.run.as_mut());
        if let Some((_, run)) = run.filter(|(_, run)| run.state.is_active()) {
            change(run);
            self.changed();
        }
    }

    /// The run is over, or failed. `false` where none goes on.
    pub fn end_run(&mut self, outcome: Outcome, now_us: u64) -> bool {
        let given = self.given.as_mut();
        let has_ended = given.is_some_and(|given| given.end_run(outcome, now_us));
        if has_ended {
            self.changed();
        }
        has_ended
    }

    /// Remembers the id of a saved result of this lesson.
    pub fn note_run_id(&mut self, id: String) {
        if let Some(given) = &mut self.given {
            given.note_run_id(id);
            self.changed();
        }
    }

    /// Shows what came out: `seen` was read off a page, in the guess's unit; `predicted_only` shows
    /// theory alone.
    pub fn reveal(&mut self, seen: Option<f64>, predicted_only: bool) -> Result<(), ClassError> {
        self.given_mut()?.reveal(seen, predicted_only)?;
        self.share_out();
        self.changed();
        Ok(())
    }

    /// Shows the right options of the last question.
    pub fn show_answers(&mut self) -> Result<(), ClassError> {
        self.given_mut()?.show_answers()?;
        self.changed();
        Ok(())
    }

    /// Begins the lesson anew: guesses, answers and runs are forgotten.
    pub fn reset(&mut self) -> Result<(), ClassError> {
        self.given_mut()?.reset();
        self.share_out();
        self.changed();
        Ok(())
    }

    // Groups.

    /// How many phones each group has.
    fn members(&self) -> Vec<usize> {
        let mut members = vec![0; self.groups.len()];
        for group in self.participants.iter().filter_map(|one| one.group) {
            if let Some(count) = members.get_mut(group) {
                *count += 1;
            }
        }
        members
    }

    /// Takes the groups of the step that is shown; where they are others than before, all phones are
    /// shared out anew, in the order they joined.
    fn share_out(&mut self) {
        let wanted = match &self.given {
            Some(Given {
                lesson: Some(lesson),
                step,
                ..
            }) => of_lesson::groups_at(lesson, *step),
            _ => Vec::new(),
        };
        // For the record, also where the lesson before this one had the same.
        if let Some(given) = &mut self.given
            && !wanted.is_empty()
        {
            given.groups.clone_from(&wanted);
        }
        if wanted != self.groups {
            self.set_groups(wanted);
        }
    }

    /// Shares the phones out over these groups.
    fn set_groups(&mut self, groups: Vec<GroupView>) {
        self.groups = groups;
        let mut members = vec![0; self.groups.len()];
        let is_on_natives = self.is_on_natives();
        // Who is gone is shared out after those who are here, or a group might have nobody.
        for is_here in [true, false] {
            let shared = (self.participants.iter_mut())
                .filter(|participant| (participant.live.streams > 0) == is_here);
            for participant in shared {
                participant.group = match is_on_natives && !participant.is_native {
                    true => None,
                    false => groups::next(&self.groups, &members),
                };
                if let Some(group) = participant.group {
                    members[group] += 1;
                }
            }
        }
        self.changed();
    }

    /// What the phones connect to; one group for each entry of the step.
    pub fn groups(&self) -> &[GroupView] {
        &self.groups
    }

    // Tools.

    /// All of them or none.
    pub fn tools(&mut self, tools: Tools, now_us: u64) -> Result<(), ClassError> {
        if tools.timer_s.is_some_and(|seconds| seconds > TIMER_MAX_S) {
            return Err(ClassError::BadTool("the timer has 0 to 3600 seconds"));
        }
        if let Some(Some(page)) = &tools.page
            && !is_page(page)
        {
            return Err(ClassError::BadTool(
                "the page is a path of this lab, as in /chat?room=class",
            ));
        }
        if let Some(Some(id)) = tools.show {
            self.participant_mut(id)?;
        }
        self.frozen = tools.frozen.unwrap_or(self.frozen);
        self.muted = tools.muted.unwrap_or(self.muted);
        self.dark = tools.dark.unwrap_or(self.dark);
        if let Some(seconds) = tools.timer_s {
            self.timer = (seconds > 0).then(|| Timer {
                ends_us: now_us.saturating_add(u64::from(seconds) * 1_000_000),
                seconds,
            });
        }
        if let Some(page) = tools.page {
            self.page_number += u64::from(page.is_some());
            self.page = page;
        }
        if let Some(show) = tools.show {
            self.show = show;
        }
        self.changed();
        Ok(())
    }

    /// All phones load themselves again.
    pub fn reload_phones(&mut self) {
        self.reload += 1;
        self.changed();
    }

    // What is seen.

    /// What changes in a lesson changes the revision, so it is made once for each.
    pub fn state(&self, for_whom: Whom, now_us: u64) -> State {
        let counts = self.counts(now_us);
        let with_grid = !matches!(for_whom, Whom::Phone(_));
        State {
            revision: self.revision,
            class: self.id.clone(),
            code: self.code.clone(),
            name: self.name.clone(),
            now_us,
            here: counts.open + counts.asleep,
            joined: self.participants.len(),
            lesson: self
                .newest
                .of(self.revision, || self.given.as_ref()?.view(self.natives())),
            groups: self.groups.clone(),
            frozen: self.frozen,
            muted: self.muted,
            dark: self.dark,
            timer: self.timer,
            page: self.page.clone(),
            page_number: self.page_number,
            reload: self.reload,
            show: self.show,
            me: match for_whom {
                Whom::Phone(id) => self.me(id),
                _ => None,
            },
            grid: with_grid.then(|| self.grid(now_us)),
            lead: (for_whom == Whom::Presenter).then(|| self.lead()),
        }
    }

    fn me(&self, id: ParticipantId) -> Option<Me> {
        let participant = self.participant(id)?;
        let given = self.given.as_ref();
        let first = given.and_then(|given| given.first_guesses.as_ref());
        Some(Me {
            id,
            name: participant.name.clone(),
            group: participant.group,
            guess: given.and_then(|given| given.guesses.get(&id)).cloned(),
            first_guess: first.and_then(|first| first.get(&id)).cloned(),
            answer: given.and_then(|given| given.answers.get(&id)).copied(),
            is_shown: self.show == Some(id),
        })
    }

    fn grid(&self, now_us: u64) -> Vec<GridEntry> {
        let entry = |one: &Participant| GridEntry {
            id: one.id,
            name: one.name.clone(),
            state: one.state(now_us),
            line: one.live.line,
            lane: one.live.lane.clone(),
            delay_ms: one.live.delay_ms,
            group: one.group,
            here_by: match one.is_native {
                true => HereBy::Native,
                false => HereBy::Browser,
            },
            seen: one.live.seen.filter(|_| self.show == Some(one.id)),
        };
        self.participants.iter().map(entry).collect()
    }

    fn lead(&self) -> Lead {
        let mut can = CanCounts::default();
        for of_one in self.participants.iter().filter_map(|one| one.can) {
            can.of += 1;
            can.websocket += usize::from(of_one.websocket);
            can.eventsource += usize::from(of_one.eventsource);
            can.streams += usize::from(of_one.streams);
            can.http2 += usize::from(of_one.http2);
        }
        let given = self.given.as_ref();
        Lead {
            notes_html: given.map(Given::notes_html).unwrap_or_default(),
            hint: given.and_then(Given::hint),
            right_share: given.and_then(Given::right_share),
            next: given.and_then(Given::next_kind),
            can_again: given.is_some_and(Given::can_again),
            asks_again: given.is_some_and(Given::asks_again),
            can,
            addresses: BTreeMap::new(),
            not_kept: None,
            lessons: Vec::new(),
        }
    }

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
        }
    }

    /// Goes on after the server was stopped: `find` looks a lesson up by its id. A run that went on
    /// has failed; a lesson whose file is another one now is put away with what was done in it.
    pub fn go_on(&mut self, find: impl FnOnce(&str) -> Option<Arc<Lesson>>, now_us: u64) {
        // Pages have seen states that are not in the file, which may be a second old: whatever comes now
        // is newer than all of them.
        self.revision = self.revision.saturating_add(REVISIONS_OF_A_STOP);
        for participant in &mut self.participants {
            // They have ten seconds to come back before the wall says that they are gone.
            participant.live.stream_until_us = Some(now_us);
        }
        // Before the lesson is put away: what is recorded is over.
        let stopped = Outcome::failed("the server was stopped in the middle; run it again");
        self.end_run(stopped, now_us);
        if let Some(given) = &mut self.given {
            let lesson = find(&given.id);
            if !given.find_again(lesson) {
                self.put_away();
            }
        }
        self.share_out();
        self.changed();
    }

    /// Whether what was read from a file can be gone on with: the bounds hold that every call keeps.
    pub fn is_sound(&self) -> bool {
        let is_code = self.code.len() == CODE_LENGTH
            && self
                .code
                .bytes()
                .all(|letter| CODE_LETTERS.contains(&letter));
        let is_id = self.id.len() == 8 && self.id.bytes().all(|b| b.is_ascii_hexdigit());
        let ids = self.participants.iter().map(|one| one.id);
        is_code
            && is_id
            && self.participants.len() <= PARTICIPANTS_MAX
            && self.done.len() <= RECORDS_MAX
            && ids.max().is_none_or(|last| last.0 < self.next_id)
            && self.next_id < ParticipantId::MAX
            && self.page.as_deref().is_none_or(is_page)
            && [self.revision, self.page_number, self.reload]
                .iter()
                .all(|count| *count < COUNTS_MAX)
    }
}

/// A path of this lab that is no presenter's.
fn is_page(page: &str) -> bool {
    page.starts_with('/')
        && !page.starts_with("//")
        && !page.starts_with("/presenter")
        && page.len() <= PAGE_MAX_BYTES
        && page
            .chars()
            .all(|letter| !letter.is_control() && letter != '\\' && !letter.is_whitespace())
}
