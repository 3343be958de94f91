//! The way through a lesson: it is given, goes from step to step, runs, and is shown.

use std::sync::Arc;

use super::{
    Class, ClassError, Outcome, RunId,
    given::{Given, To},
    of_lesson,
    participant::Participant,
    state::{RunState, RunView},
};
use crate::lessons::Lesson;

/// Lessons that a class remembers; the oldest goes first.
pub(super) const RECORDS_MAX: usize = 64;

impl Class {
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
        self.timer = None;
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

    pub(super) fn put_away(&mut self) {
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

    pub(super) fn given_mut(&mut self) -> Result<&mut Given, ClassError> {
        self.given.as_mut().ok_or(ClassError::NoLesson)
    }

    /// Changes the lesson that goes on. A timer is of the step at which it was started.
    fn at_step(
        &mut self,
        change: impl FnOnce(&mut Given) -> Result<(), ClassError>,
    ) -> Result<(), ClassError> {
        let before = self.step();
        change(self.given_mut()?)?;
        if self.step() != before {
            self.timer = None;
        }
        Ok(())
    }

    /// Goes to another step; see `Given::go`.
    pub fn go(&mut self, to: To, now_us: u64) -> Result<(), ClassError> {
        self.at_step(|given| given.go(to, now_us))?;
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

    /// So many publications of the run that goes on were counted so far.
    pub fn note_published(&mut self, run: u64, count: u64) {
        if self.published.replace((run, count)) != Some((run, count)) {
            self.grid_changed();
        }
    }

    /// How far what a step `wait` waits for is, in words; nothing at other steps.
    pub fn note_so_far(&mut self, so_far: Vec<String>) {
        if let Some(given) = &mut self.given
            && given.so_far != so_far
        {
            given.so_far = so_far;
            self.changed();
        }
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
        self.given.as_ref().map_or(0, Given::answered)
    }

    /// Lets everybody guess again, after they have talked.
    pub fn second_guess(&mut self) -> Result<(), ClassError> {
        self.given_mut()?.second_guess()?;
        // They have talked.
        self.timer = None;
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

    /// Number of the run that is shown; 0 before it has begun, and where there is none.
    pub fn run_shown(&self) -> u64 {
        let shown = self.given.as_ref().and_then(Given::run_shown);
        shown.map_or(0, |run| run.number)
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
        self.set_of_run = self.set;
        self.begin_anew();
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
            let published = self.published;
            if let Some((_, run)) = self.given.as_mut().and_then(|given| given.run.as_mut()) {
                let of_this = published.filter(|(number, _)| *number == run.number);
                run.published = of_this.map(|(_, count)| count);
                run.waits = None;
            }
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
        self.at_step(|given| given.reveal(seen, predicted_only))?;
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
        self.at_step(|given| {
            given.reset();
            Ok(())
        })?;
        self.share_out();
        self.changed();
        Ok(())
    }
}
