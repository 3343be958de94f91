//! What came out of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What came out of a run; in the unit of the guess.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Empty: the lesson's own.
    pub sentence: String,
    /// What an experiment among the lesson's runs answers, where `sentence` is of the class; else empty.
    #[serde(default)]
    pub experiment: String,
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
    /// How far from theory each point may be, of a number the one, where an experiment says it; empty
    /// otherwise.
    #[serde(default)]
    pub tolerances: Vec<f64>,
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
    pub(super) fn followed_by(mut self, later: Self) -> Self {
        if !later.sentence.is_empty() {
            self.sentence = later.sentence;
        }
        if !later.experiment.is_empty() {
            self.experiment = later.experiment;
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
        if !later.tolerances.is_empty() {
            self.tolerances = later.tolerances;
        }
        let has_something = self.measured.is_some() || !self.figures.is_empty();
        self.failed = later.failed.filter(|_| !has_something);
        self
    }
}
