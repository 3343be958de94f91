//! The lesson that a class is in: where it is, what was guessed and answered, what was run and what
//! is shown of it.

mod shown;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    ClassError, Outcome,
    guess::{Asked, Guess, SEEN_WITHOUT_AXIS},
    of_lesson,
    participant::ParticipantId,
    state::{GroupView, RunKind, RunState, RunView},
    times::Times,
};
use crate::lessons::{
    Lesson,
    step::{Ask, Kind, Reveal, Run},
};

/// Saved results that are remembered of one lesson.
const RUN_IDS_MAX: usize = 50;

/// Where to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// The step after this one.
    Next,
    /// The step before this one.
    Back,
    /// The same step once more: guesses are open, the run waits, the answers are taken back.
    Again,
    /// The step with this number, from 0.
    Step(usize),
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// The lesson's id.
    pub id: String,
    /// The lesson's title.
    pub title: String,
    /// Minutes that it takes.
    pub minutes: u8,
    /// Claims that it is about, as in `A1`.
    pub claims: Vec<String>,
    /// When it began, µs of the time of day.
    pub began_us: u64,
    /// The present step, from 0.
    pub step: usize,
    /// Since when this step is shown.
    #[serde(default)]
    pub step_since_us: u64,
    /// What a step `wait` waits for was seen.
    #[serde(default)]
    pub is_seen: bool,
    /// How far that is, in words.
    #[serde(skip)]
    pub so_far: Vec<String>,
    /// 1, or 2 once everybody may guess again.
    pub round: u8,
    /// By the presenter, or because the guess's step was left.
    pub is_locked: bool,
    /// Guesses of the present round, one for each participant.
    pub guesses: BTreeMap<ParticipantId, Guess>,
    /// Of the first round, once there is a second.
    pub first_guesses: Option<BTreeMap<ParticipantId, Guess>>,
    /// Who has guessed again in the second round, if only to keep the first guess.
    #[serde(default)]
    pub again: BTreeSet<ParticipantId>,
    /// From 1.
    pub answers: BTreeMap<ParticipantId, usize>,
    /// Native clients among those who said something. What they say is made up: it counts as an answer,
    /// and as nobody's guess.
    #[serde(default)]
    pub natives: BTreeSet<ParticipantId>,
    /// Its phones follow nothing: native clients are in the groups in their places, since the network that it
    /// needs cannot be made for phones.
    #[serde(default)]
    pub is_on_natives: bool,
    /// The last one that began, and its step.
    pub run: Option<(usize, RunView)>,
    /// Of each step that ran: a lesson may run twice, and "again" forgets the one alone.
    #[serde(default)]
    pub outcomes: BTreeMap<usize, Outcome>,
    /// Ids of its runs, by which their results are found in `saved`.
    pub run_ids: Vec<String>,
    /// What was shown, once it was.
    pub revealed: Option<Revealed>,
    /// Whether the right options of the last question are shown.
    pub is_answer_shown: bool,
    /// The step `set` that holds.
    #[serde(default)]
    pub set_at: Option<usize>,
    /// Of the groups that were the last ones; for the record.
    pub groups: Vec<GroupView>,
    /// Kinds of the steps, by which it is told after a restart whether the file is still the same.
    pub kinds: Vec<String>,
    /// What a record needs of the lesson's file.
    #[serde(default)]
    pub of_file: OfFile,
    /// Of its steps.
    #[serde(default)]
    pub times: Times,
    /// Looked up again after a restart.
    #[serde(skip)]
    pub lesson: Option<Arc<Lesson>>,
}

/// What a record needs of the lesson's file, kept beside the guesses: the file may be another one when
/// the server starts again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OfFile {
    /// What is guessed, as pages ask for it.
    pub asked: Option<Asked>,
    /// The last question.
    pub ask: Option<Ask>,
    /// Of a choice or an order, from 1.
    pub right: Vec<usize>,
    /// In the guess's unit; of a curve one for each point.
    pub theory: Vec<f64>,
    /// How it is measured, for people.
    pub parameters: String,
    /// Seed of its runs.
    pub seed: Option<u64>,
    /// Of each step.
    #[serde(default)]
    pub planned_s: Vec<u32>,
}

impl OfFile {
    fn of(lesson: &Lesson) -> Self {
        Self {
            asked: lesson.guess().map(|guess| guess.asked()),
            ask: lesson.ask().cloned(),
            right: (lesson.reveal().map(|reveal| reveal.right.clone())).unwrap_or_default(),
            theory: lesson.theory(),
            parameters: of_lesson::parameters(lesson),
            seed: Some(of_lesson::seed(lesson)),
            planned_s: lesson.planned_s(),
        }
    }
}

/// What was shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revealed {
    /// In the guess's unit; `None` where nothing was measured.
    pub measured: Option<f64>,
    /// What was shown is theory alone.
    pub predicted_only: bool,
    /// As it stood there, for the day when the lesson's file is another one.
    #[serde(default)]
    pub sentence: String,
}

impl Given {
    /// A lesson at its first step.
    pub fn new(lesson: Arc<Lesson>, now_us: u64) -> Self {
        let front = &lesson.front;
        let mut given = Self {
            id: front.id.clone(),
            title: front.title.clone(),
            minutes: front.minutes,
            claims: front.claims.clone(),
            began_us: now_us,
            step: 0,
            step_since_us: now_us,
            is_seen: false,
            so_far: Vec::new(),
            round: 1,
            is_locked: false,
            guesses: BTreeMap::new(),
            first_guesses: None,
            again: BTreeSet::new(),
            answers: BTreeMap::new(),
            natives: BTreeSet::new(),
            is_on_natives: false,
            run: None,
            outcomes: BTreeMap::new(),
            run_ids: Vec::new(),
            revealed: None,
            is_answer_shown: false,
            set_at: None,
            groups: Vec::new(),
            kinds: kinds(&lesson),
            of_file: OfFile::of(&lesson),
            times: Times::default(),
            lesson: None,
        };
        given.step = (0..lesson.steps.len())
            .find(|at| !of_lesson::is_note(&lesson, *at))
            .unwrap_or(0);
        given.times = Times::at(given.step, now_us);
        given.lesson = Some(lesson);
        given
    }

    /// Takes the lesson again after a restart; `false` where its steps are no longer the same, or what
    /// the phones said is no answer to what it asks now.
    pub fn find_again(&mut self, lesson: Option<Arc<Lesson>>) -> bool {
        let is_same =
            |lesson: &Arc<Lesson>| kinds(lesson) == self.kinds && self.step < lesson.steps.len();
        let Some(lesson) = lesson.filter(is_same) else {
            return false;
        };
        let of_file = OfFile::of(&lesson);
        if !self.fits(&of_file) {
            return false;
        }
        self.of_file = of_file;
        self.lesson = Some(lesson);
        true
    }

    fn fits(&self, of_file: &OfFile) -> bool {
        let (asked, ask) = (of_file.asked.as_ref(), of_file.ask.as_ref());
        let first = self.first_guesses.iter().flat_map(BTreeMap::values);
        let mut guesses = self.guesses.values().chain(first);
        let options = ask.map_or(0, |ask| ask.options.len());
        guesses.all(|guess| asked.is_some_and(|asked| asked.check(guess).is_ok()))
            && self.answers.values().all(|choice| *choice <= options)
    }

    fn kind(&self) -> Option<&Kind> {
        let lesson = self.lesson.as_ref()?;
        lesson.steps.get(self.step).map(|step| &step.kind)
    }

    fn first(&self, kind: &str) -> Option<usize> {
        of_lesson::first(self.lesson.as_ref()?, kind)
    }

    /// What is guessed now; `None` in a lesson without a guess.
    pub fn asked(&self) -> Option<Asked> {
        self.of_file.asked.clone()
    }

    fn told(&self) -> Option<&Reveal> {
        self.lesson.as_ref()?.reveal()
    }

    fn ask(&self) -> Option<&Ask> {
        self.of_file.ask.as_ref()
    }

    /// What all its runs gave, a later step's where two gave the same.
    fn outcome(&self) -> Option<Outcome> {
        let all = self.outcomes.values().cloned();
        all.reduce(Outcome::followed_by)
    }

    /// Whether guesses are taken now.
    pub fn is_guessing(&self) -> bool {
        matches!(self.kind(), Some(Kind::Guess(_)))
    }

    /// Guesses of this round so far, or answers at the last question.
    pub fn answered(&self) -> usize {
        match (self.is_asking(), self.round) {
            (true, _) => self.answers.len(),
            (false, 1) => self.guesses.len(),
            (false, _) => self.again.len(),
        }
    }

    /// Whether answers to the last question are taken now.
    pub fn is_asking(&self) -> bool {
        matches!(self.kind(), Some(Kind::Ask(_)))
    }

    /// The run of this step.
    pub fn run_here(&self) -> Option<&Run> {
        match self.kind()? {
            Kind::Run(run) => Some(run),
            _ => None,
        }
    }

    /// Whether a run waits, warms up or measures.
    pub fn is_running(&self) -> bool {
        self.run
            .as_ref()
            .is_some_and(|(_, run)| run.state.is_active())
    }

    /// Texts that a name must not be.
    pub fn answers_to_hide(&self) -> Vec<String> {
        let options = match self.asked() {
            Some(Asked::Choice { options, .. }) => options,
            _ => Vec::new(),
        };
        let last = self.ask().map(|ask| ask.options.clone());
        options
            .into_iter()
            .chain(last.unwrap_or_default())
            .collect()
    }

    /// Takes a guess; a second one of the same participant replaces the first. Errors: not asked
    /// for now, or not of its form.
    pub fn guess(
        &mut self,
        who: ParticipantId,
        step: usize,
        guess: Guess,
    ) -> Result<(), ClassError> {
        if step != self.step || !self.is_guessing() {
            return Err(ClassError::StepIsOver("this question is not asked now"));
        }
        if self.is_locked || self.revealed.is_some() {
            return Err(ClassError::StepIsOver("guesses can no longer be changed"));
        }
        let asked = self.asked().ok_or(ClassError::NoLesson)?;
        asked.check(&guess).map_err(ClassError::BadGuess)?;
        self.guesses.insert(who, guess);
        if self.round > 1 {
            self.again.insert(who);
        }
        Ok(())
    }

    /// Takes the answer to the last question, `choice` from 1.
    pub fn answer(
        &mut self,
        who: ParticipantId,
        step: usize,
        choice: usize,
    ) -> Result<(), ClassError> {
        if step != self.step || !self.is_asking() {
            return Err(ClassError::StepIsOver("this question is not asked now"));
        }
        if self.is_answer_shown {
            return Err(ClassError::StepIsOver("the answer is shown already"));
        }
        let options = self.ask().map_or(0, |ask| ask.options.len());
        if !(1..=options).contains(&choice) {
            let why = format!("{choice} is none of the answers; choose 1 to {options}");
            return Err(ClassError::BadGuess(why));
        }
        self.answers.insert(who, choice);
        Ok(())
    }

    /// Remembers whoever said something as a native client, if it is one.
    pub fn said_by(&mut self, who: ParticipantId, is_native: bool) {
        if is_native {
            self.natives.insert(who);
        }
    }

    /// Removes a participant's guesses and answers.
    pub fn forget(&mut self, who: ParticipantId) {
        self.guesses.remove(&who);
        self.again.remove(&who);
        self.answers.remove(&who);
        self.natives.remove(&who);
        if let Some(first) = &mut self.first_guesses {
            first.remove(&who);
        }
    }

    /// Goes to another step. Errors: there is none, or a run goes on.
    pub fn go(&mut self, to: To, now_us: u64) -> Result<(), ClassError> {
        if self.is_running() {
            return Err(ClassError::RunGoesOn);
        }
        let lesson = self.lesson.clone().ok_or(ClassError::NoLesson)?;
        let is_shown = |at: &usize| !of_lesson::is_note(&lesson, *at);
        let count = lesson.steps.len();
        let to = match to {
            To::Again => {
                self.again();
                self.step_since_us = now_us;
                self.is_seen = false;
                self.so_far.clear();
                return Ok(());
            }
            To::Next => (self.step + 1..count).find(is_shown),
            To::Back => (0..self.step).rev().find(is_shown),
            // A note is on no screen: the step that it is about is meant.
            To::Step(at) if at < count => (at..count).chain((0..at).rev()).find(is_shown),
            To::Step(at) => return Err(ClassError::NoSuchStep(at)),
        };
        let Some(to) = to else {
            return Err(ClassError::NotHere(
                "the lesson goes no further in this direction",
            ));
        };
        if to == self.step {
            return Ok(());
        }
        self.is_locked |= self.is_guessing();
        self.step = to;
        self.step_since_us = now_us;
        self.is_seen = false;
        self.so_far.clear();
        Ok(())
    }

    fn again(&mut self) {
        if self.is_guessing() {
            self.is_locked = false;
            self.revealed = None;
        } else if self.run_here().is_some() {
            // What another step's run gave stays.
            self.run = self.run.take().filter(|(at, _)| *at != self.step);
            self.outcomes.remove(&self.step);
            self.revealed = None;
        } else if matches!(self.kind(), Some(Kind::Reveal(_))) {
            self.revealed = None;
        } else if self.is_asking() {
            self.answers.clear();
            self.is_answer_shown = false;
        }
    }

    /// Whether everybody may guess again: once, before the result is shown.
    pub fn can_again(&self) -> bool {
        let ran = self.run.as_ref().is_some_and(|(at, _)| *at == self.step);
        match self.kind() {
            Some(Kind::Guess(_)) => self.is_locked || self.revealed.is_some(),
            Some(Kind::Run(_)) => ran && !self.is_running(),
            Some(Kind::Reveal(_)) => self.revealed.is_some(),
            Some(Kind::Ask(_)) => self.is_answer_shown || !self.answers.is_empty(),
            Some(Kind::Wait(_)) => true,
            _ => false,
        }
    }

    /// `false` where nothing is waited for, or it was seen already.
    pub fn note_seen(&mut self) -> bool {
        let waits = self.wait_view().is_some() && !self.is_seen;
        self.is_seen |= waits;
        waits
    }

    /// The lesson proposes a second guess, and there was none yet.
    pub fn asks_again(&self) -> bool {
        let guess = self.lesson.as_ref().and_then(|lesson| lesson.guess());
        self.round == 1 && self.revealed.is_none() && guess.is_some_and(|guess| guess.again)
    }

    /// Takes no more guesses. Errors: nothing is being guessed.
    pub fn lock(&mut self) -> Result<(), ClassError> {
        if !self.is_guessing() {
            return Err(ClassError::NotHere("nothing is guessed at this step"));
        }
        self.is_locked = true;
        Ok(())
    }

    /// Asks once more, after neighbours have talked. The first guesses are kept beside the second.
    pub fn second_guess(&mut self) -> Result<(), ClassError> {
        let at = self
            .first("guess")
            .ok_or(ClassError::NotHere("this lesson has no guess"))?;
        if self.revealed.is_some() {
            return Err(ClassError::StepIsOver("the result is shown already"));
        }
        if self.is_running() {
            return Err(ClassError::RunGoesOn);
        }
        if self.round >= 2 {
            return Err(ClassError::StepIsOver("the second guess is asked already"));
        }
        // Who says nothing keeps the first guess; who has said so again is counted.
        self.first_guesses = Some(self.guesses.clone());
        self.again.clear();
        self.round = 2;
        self.is_locked = false;
        self.step = at;
        Ok(())
    }

    /// Notes that a run begins. Errors: one goes on.
    pub fn begin_run(&mut self, run: RunView) -> Result<(), ClassError> {
        if self.is_running() {
            return Err(ClassError::RunGoesOn);
        }
        if self.run_here().is_none() {
            return Err(ClassError::NotHere("this step has no run"));
        }
        self.revealed = None;
        self.run = Some((self.step, run));
        Ok(())
    }

    /// `false` where none goes on.
    pub fn end_run(&mut self, outcome: Outcome, now_us: u64) -> bool {
        let Some((at, run)) = self.run.as_mut().filter(|(_, run)| run.state.is_active()) else {
            return false;
        };
        run.state = match outcome.failed {
            Some(_) => RunState::Failed,
            None => RunState::Over,
        };
        run.why.clone_from(&outcome.failed);
        run.withheld.clone_from(&outcome.withheld);
        run.ends_us = Some(now_us);
        // What an earlier run of this step measured stays where this one measured nothing.
        let all = match self.outcomes.remove(at) {
            Some(before) => before.followed_by(outcome),
            None => outcome,
        };
        self.outcomes.insert(*at, all);
        true
    }

    /// Keeps the id under which a run's result was saved.
    pub fn note_run_id(&mut self, id: String) {
        if self.run_ids.len() < RUN_IDS_MAX && !self.run_ids.contains(&id) {
            self.run_ids.push(id);
        }
    }

    /// Shows the result. `seen`: what the presenter read off a page, in the guess's unit.
    pub fn reveal(&mut self, seen: Option<f64>, predicted_only: bool) -> Result<(), ClassError> {
        let at = self
            .first("reveal")
            .ok_or(ClassError::NotHere("this lesson shows no result"))?;
        if self.is_running() {
            return Err(ClassError::RunGoesOn);
        }
        if let Some(seen) = seen {
            let (least, most) = self
                .asked()
                .map_or(SEEN_WITHOUT_AXIS, |it| it.may_be_seen());
            if !(least..=most).contains(&seen) {
                let why = format!("{seen} was not read off a page; it is {least} to {most}");
                return Err(ClassError::BadSeen(why));
            }
        }
        if seen.is_none() && !predicted_only && self.lacks_measurement() {
            return Err(ClassError::NothingMeasured);
        }
        let of_run = self.outcome().and_then(|outcome| outcome.measured);
        self.revealed = Some(Revealed {
            measured: match predicted_only {
                true => None,
                false => seen.or(of_run),
            },
            predicted_only,
            sentence: self.sentence(predicted_only),
        });
        self.is_locked = true;
        self.step = self.step.max(at);
        Ok(())
    }

    /// Its result cannot be told without a run, or without a number that is read off a page; and there
    /// is none.
    fn lacks_measurement(&self) -> bool {
        let has_figures = self.outcomes.values().any(|outcome| {
            outcome.measured.is_some()
                || !outcome.figures.is_empty()
                || !outcome.measured_points.is_empty()
        });
        let has_run = self
            .run
            .as_ref()
            .is_some_and(|(_, run)| run.kind != RunKind::Page && run.state == RunState::Over);
        let Some(lesson) = self.lesson.as_ref().filter(|_| !has_figures && !has_run) else {
            return false;
        };
        lesson.runs().any(|run| {
            let view = of_lesson::run_view(run);
            view.kind != RunKind::Page || run.seen.is_some()
        })
    }

    /// Shows the right options of the last question.
    pub fn show_answers(&mut self) -> Result<(), ClassError> {
        if !self.is_asking() {
            return Err(ClassError::NotHere(
                "no last question is asked at this step",
            ));
        }
        self.is_answer_shown = true;
        Ok(())
    }

    /// Begins the lesson anew: no guess, no run, the first step.
    pub fn reset(&mut self) {
        let Some(lesson) = self.lesson.take() else {
            return;
        };
        let (began_us, run_ids) = (self.began_us, std::mem::take(&mut self.run_ids));
        let times = std::mem::take(&mut self.times);
        *self = Self::new(lesson, began_us);
        self.run_ids = run_ids;
        // What was used is used.
        self.times = times;
    }
}

fn kinds(lesson: &Lesson) -> Vec<String> {
    let name = |step: &crate::lessons::step::Step| step.kind.name().to_owned();
    lesson.steps.iter().map(name).collect()
}
