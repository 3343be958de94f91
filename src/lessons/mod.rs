//! Lessons: a question, a guess, a run on this lab, what came out beside the guess, and why.
//!
//! One Markdown file is one lesson. It begins with TOML between two lines `+++` ([`front`]); in the
//! text a fenced block named after a kind of step *is* that step ([`step`]), and the prose before it
//! is the step's text. Everything else is Markdown with its HTML escaped ([`markup`]).
//!
//! ````text
//! +++
//! id = "empty-answers"
//! title = "Ask, and ask, and ask"
//! …
//! steps = ["say", "guess", "run", "reveal", "ask"]
//! +++
//! Now and then something happens …
//! ```say
//! ```
//! ````
//!
//! [`Lesson::parse`] finds every fault at once, each with its line and what to do ([`fault`]).
//! The lab's own lessons are [`own::LESSONS`]; a teacher's own stand beside them on a
//! [`shelf::Shelf`], and one with the same id replaces the lab's.
//!
//! What only a class does (`set`, `wait`, a live run) says nothing to who is alone: each lesson has a page or an
//! experiment for them as well. What a class counts are [`figure`]s, and what is said of them [`sentence`]s.
//!
//! No I/O here: who reads a teacher's folder is `lesson_folder`, and who gives a lesson to a class is `lab_api`.
//!
//! May use: `terminal_text`, `catalogue`, `lane`, `demo`, `run`, `experiments`.

pub mod address;
pub mod bounds;
pub mod code;
pub mod fault;
pub mod figure;
pub mod forms;
pub mod front;
pub mod keys;
pub mod markup;
pub mod own;
pub mod plans;
pub mod sentence;
pub mod shelf;
pub mod step;
pub mod words;
pub mod worksheet;

mod parse;
mod planned;
mod rules;
#[cfg(test)]
mod tests;

use self::{
    fault::Fault,
    front::Front,
    step::{Ask, Guess, Kind, Reveal, Run, Step},
};

/// Bytes that a lesson's file may have.
pub const FILE_MAX_BYTES: usize = 64 * 1024;

/// A lesson that can be given.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// What stands between the two `+++`.
    pub front: Front,
    /// In the order of the text. Among them one guess, then at least one run, then one reveal, and
    /// one question at the end.
    pub steps: Vec<Step>,
    /// What makes it harder than it has to be; it can be given all the same.
    pub advice: Vec<Fault>,
}

impl Lesson {
    /// Reads a file. `name` is the file's, without its folder: the lesson's id must be in it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the lines.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Fault>> {
        parse::parse(name, text)
    }

    /// Its guess, if it has one.
    pub fn guess(&self) -> Option<&Guess> {
        self.steps.iter().find_map(|step| match &step.kind {
            Kind::Guess(guess) => Some(guess),
            _ => None,
        })
    }

    /// Its runs, in order.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.steps.iter().filter_map(|step| match &step.kind {
            Kind::Run(run) => Some(run),
            _ => None,
        })
    }

    /// What is shown, if anything is.
    pub fn reveal(&self) -> Option<&Reveal> {
        self.steps.iter().find_map(|step| match &step.kind {
            Kind::Reveal(reveal) => Some(reveal),
            _ => None,
        })
    }

    /// The last question, if it has one.
    pub fn ask(&self) -> Option<&Ask> {
        self.steps.iter().find_map(|step| match &step.kind {
            Kind::Ask(ask) => Some(ask),
            _ => None,
        })
    }
}
