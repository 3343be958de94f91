//! `pushlab lesson play`: a lesson without people, as a rehearsal and as its test.
//!
//! ```text
//!  this process                          a lab of its own, a child on free ports, its data in a
//!  presenter ── POST /api/class/go … ──► folder that goes with it
//!            ── POST …/stand-ins ──────►   └── stand-ins, in the lab's process
//! ```
//!
//! It leads each lesson from its first step to its last by the same calls as the presenter's page, and
//! checks that every `wait` held, that every sentence was made, that what was measured lies where
//! theory says (`tolerance`), and that afterwards no source and no condition is left. Pages need a
//! browser: where a lesson's run is one, the prediction is shown and said so. With a plan it tells at the
//! end how long each step took beside the plan's minutes (`hour`).
//!
//! May use: `config`, `client`, `run`, `lessons`, `class`, `stand_in`, `system`.

mod hour;
mod lab;
mod lesson;
mod presenter;

use std::{io, path::PathBuf, time::Duration};

use self::{hour::Hour, lab::OwnLab, lesson::Playing, presenter::Presenter};
use crate::{
    client::Ended,
    lessons::{Lesson, plans::Plan},
};

/// What is to be played.
pub struct Wanted {
    /// Lessons, in order.
    pub lessons: Vec<Lesson>,
    /// Where a teacher's own are, beside the lab's.
    pub folder: Option<PathBuf>,
    /// Native clients in the phones' place.
    pub phones: usize,
    /// Leaves out experiments.
    pub fast: bool,
    /// The lessons are this plan's, in its order: what each took is told beside its minutes.
    pub plan: Option<Plan>,
}

/// Why nothing could be played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The lab's process could not be started.
    #[error("the lab that the lesson is played in could not be started")]
    NotStarted(#[source] io::Error),
    /// The lab's process ended before it listened.
    #[error("the lab that was started ended at once; what it said is above")]
    EndedAtOnce,
    /// The lab did not listen within this time.
    #[error("the lab that was started had not said where it listens after {0:?}")]
    TooSlow(Duration),
    /// The lab's first line was not understood; the line.
    #[error("the lab that was started did not say where it listens, but {0:?}")]
    Unreadable(String),
    /// The lab does not answer.
    #[error("the lab that the lesson is played in does not answer")]
    Unreachable(#[from] Ended),
    /// The lab refused a call.
    #[error("{call} was answered {status} {code}: {message}")]
    Refused {
        /// Method and path.
        call: String,
        /// Status of the answer.
        status: u16,
        /// The refusal's code.
        code: String,
        /// The refusal's words.
        message: String,
    },
    /// Something that was waited for did not happen.
    #[error("{what} within {within:?}: {seen}")]
    TooLate {
        /// What.
        what: String,
        /// How long it was waited for.
        within: Duration,
        /// What was there instead.
        seen: String,
    },
}

/// Plays all of them in one lab and one class, one after the other, and tells `say` each line as it is
/// known. What failed, each with the lesson's id; none: all is well.
pub async fn play(wanted: &Wanted, mut say: impl FnMut(&str)) -> Result<Vec<String>, PlayError> {
    let lab = OwnLab::start(wanted.folder.as_deref()).await?;
    let mut presenter = Presenter::of(&lab);
    presenter.begin(wanted.phones).await?;
    let mut failed = Vec::new();
    let mut took = Vec::new();
    for lesson in &wanted.lessons {
        let mut playing = Playing {
            presenter: &mut presenter,
            lesson,
            phones: wanted.phones,
            fast: wanted.fast,
            has_no_run: false,
            has_run_live: false,
            failed: Vec::new(),
            took: Vec::new(),
            said: &mut say,
        };
        playing.play().await;
        let id = &lesson.front.id;
        failed.extend(playing.failed.into_iter().map(|why| format!("{id}: {why}")));
        took.push((id.as_str(), playing.took));
    }
    if let Some(plan) = &wanted.plan {
        let hour = Hour::of(plan, &wanted.lessons, &took);
        hour.lines().iter().for_each(|line| say(line));
        failed.extend(hour.too_long());
    }
    // What failed before is told all the same.
    if let Err(error) = presenter.end().await {
        failed.push(format!(
            "the class could not be ended: {}",
            with_cause(&error)
        ));
    }
    Ok(failed)
}

fn with_cause(error: &PlayError) -> String {
    let error: &dyn std::error::Error = error;
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// How far what a live run measured may be from theory; an experiment says it of its own figures: of a number on a linear axis a twentieth of the axis
/// or a seventh of theory, whichever is more; on a logarithmic axis a factor of 1.5. Live runs are short,
/// and events at random are few; a wrong idea is wrong by a factor of two, or it is no question.
fn tolerance(theory: f64, min: f64, max: f64, is_log: bool) -> (f64, f64) {
    if is_log && theory > 0.0 {
        return (theory / 1.5, theory * 1.5);
    }
    let by = ((max - min).abs() / 20.0).max(theory.abs() / 7.0);
    (theory - by, theory + by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_idea_is_out_of_the_tolerance() {
        let within = |measured: f64, (least, most): (f64, f64)| (least..=most).contains(&measured);
        assert!(within(88.0, tolerance(90.5, 0.0, 100.0, false)));
        assert!(!within(50.0, tolerance(90.5, 0.0, 100.0, false)));
        assert!(within(110.0, tolerance(125.0, 1.0, 2_500.0, true)));
        assert!(!within(250.0, tolerance(125.0, 1.0, 2_500.0, true)));
        // Zero has no factor.
        assert!(within(1.0, tolerance(0.0, 0.0, 28.0, false)));
    }
}
