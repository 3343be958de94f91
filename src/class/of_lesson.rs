//! All that a class reads of a lesson, in one place: the seam between the file's steps and the
//! class.

use super::{
    guess::{Asked, Scale},
    state::{GroupView, RunKind, RunState, RunView},
};
use crate::lessons::{
    Lesson,
    step::{self, GuessKind, Kind, Run, Say, To},
};

/// The index of the first step of a kind.
pub fn first(lesson: &Lesson, kind: &str) -> Option<usize> {
    lesson
        .steps
        .iter()
        .position(|step| step.kind.name() == kind)
}

/// A note to the presenter, which is on no other screen.
pub fn is_note(lesson: &Lesson, at: usize) -> bool {
    let kind = lesson.steps.get(at).map(|step| &step.kind);
    matches!(
        kind,
        Some(Kind::Say(Say {
            to: To::Presenter,
            ..
        }))
    )
}

/// What a guess asks; `None` where the file's rules would not have let it by.
pub fn asked(guess: &step::Guess) -> Option<Asked> {
    let question = guess.question.clone();
    Some(match guess.kind {
        GuessKind::Number => Asked::Number {
            question,
            min: guess.min?,
            max: guess.max?,
            unit: guess.unit.clone(),
            scale: match guess.scale {
                step::Scale::Linear => Scale::Linear,
                step::Scale::Log => Scale::Log,
            },
        },
        GuessKind::Choice => Asked::Choice {
            question,
            options: guess.options.clone(),
            many: guess.many,
        },
    })
}

/// The run of a step, before it begins.
pub fn run_view(run: &Run) -> RunView {
    let (kind, what) = match (&run.experiment, &run.page) {
        (Some(id), _) => (RunKind::Experiment, format!("experiment {id}")),
        (None, Some(page)) => (RunKind::Page, format!("on the page {page}")),
        (None, None) => (RunKind::Live, "the class itself".to_owned()),
    };
    RunView {
        kind,
        state: RunState::Waiting,
        number: 0,
        began_us: None,
        measured_from_us: None,
        ends_us: None,
        why: None,
        page: run.page.clone(),
        experiment: run.experiment.clone(),
        what,
        seen: run.seen.clone(),
    }
}

/// The groups that hold at a step: those of the last step `set` up to it. `Vec::new()` until the
/// format has such steps.
pub fn groups_at(_lesson: &Lesson, _step: usize) -> Vec<GroupView> {
    Vec::new()
}

/// What a step `code` shows, as HTML; `None` for others.
pub fn code_html(_lesson: &Lesson, _step: usize) -> Option<String> {
    None
}

/// What its runs are made with, for the record: pages with their settings, and experiments.
pub fn parameters(lesson: &Lesson) -> String {
    let what = |run: &Run| run.page.clone().or_else(|| run.experiment.clone());
    lesson
        .runs()
        .filter_map(what)
        .collect::<Vec<_>>()
        .join(" · ")
}

/// The seed that its runs are made with, where the file says one.
pub fn seed(_lesson: &Lesson) -> Option<u64> {
    None
}
