//! What somebody guesses before an experiment runs, and what came out of that very thing.

use super::{CarriedOut, Comparison, DoneStep};
use crate::run::report::LaneReport;

/// A number, or one of a few answers.
pub struct Guess {
    /// What is asked; of a number the unit follows its field.
    pub ask: &'static str,
    /// Of which kind.
    pub kind: GuessKind,
    /// What theory says and what was measured.
    pub(super) found: fn(&CarriedOut) -> Found,
}

/// What may be guessed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GuessKind {
    /// A number in a unit.
    Number {
        /// `ms`, `bytes`, `% of the events`.
        unit: &'static str,
        /// How many of the figure's own unit ([`crate::run::figures::Unit`]: µs, shares of 1, bytes,
        /// counts) one of this unit is, so that a guess is drawn on the axis of the figures.
        scale: f64,
    },
    /// The answers to choose of.
    Choice(&'static [&'static str]),
}

/// In the unit of the guess; of a choice, its index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// `None` where theory leaves it open, or a figure that it takes is not there.
    pub theory: Option<f64>,
    /// `None` where it is withheld.
    pub measured: Option<f64>,
    /// How far from theory the experiment lets it be; `None` where it compares it with nothing, or lets it be
    /// any more or any less.
    pub tolerance: Option<f64>,
    /// The name of the comparison or of the row's figure that it is, where it is one.
    pub what: Option<String>,
}

impl Guess {
    pub(super) const fn number(
        ask: &'static str,
        unit: &'static str,
        scale: f64,
        found: fn(&CarriedOut) -> Found,
    ) -> Self {
        Self {
            ask,
            kind: GuessKind::Number { unit, scale },
            found,
        }
    }

    /// In the guess's unit. Numbers come from figures in their own.
    pub fn found(&self, done: &CarriedOut) -> Found {
        let done = done.gated();
        let found = (self.found)(&done);
        let tolerance = found.tolerance.or_else(|| done.tolerance_of(&found));
        let scaled = |value: Option<f64>| match self.kind {
            GuessKind::Number { scale, .. } => value.map(|value| value / scale),
            GuessKind::Choice(_) => value,
        };
        Found {
            theory: scaled(found.theory),
            measured: scaled(found.measured),
            tolerance: scaled(tolerance),
            what: found.what,
        }
    }
}

impl CarriedOut {
    /// A comparison by its name, in its figure's own unit: in one step (from 1), or in the first that
    /// has it, and then of all steps together.
    pub fn figure(&self, what: &str, step: Option<usize>) -> Found {
        let done = self.gated();
        let groups = done.groups();
        let wanted = groups.iter().enumerate();
        let mut wanted = wanted.filter(|(at, _)| step.is_none_or(|step| step == at + 1));
        let found = wanted.find_map(|(_, (_, all))| all.iter().find(|one| one.what == what));
        found.map(Found::of).unwrap_or_default()
    }

    /// Of the comparison that a row's figure is in, where it is in one.
    fn tolerance_of(&self, found: &Found) -> Option<f64> {
        let groups = self.groups();
        let mut all = groups.iter().flat_map(|(_, group)| group.iter());
        let same = all.find(|one| {
            Some(&one.what) == found.what.as_ref() && Some(one.predicted) == found.theory
        });
        same.and_then(Comparison::on_both_sides)
    }

    /// Why a comparison by its name, in one step (from 1) or in the first that has it, gives no number; for
    /// people. `None`: it gives one.
    pub fn why_none(&self, what: &str, step: Option<usize>) -> Option<String> {
        let done = self.gated();
        let groups = done.groups();
        let at = |(at, _): &(usize, _)| step.is_none_or(|step| step == at + 1);
        let mut wanted = groups.iter().enumerate().filter(at);
        let found = wanted.find_map(|(_, (label, all))| {
            let comparison = all.iter().find(|one| one.what == what)?;
            Some((*label, comparison))
        });
        match found {
            Some((_, comparison)) if comparison.measured.is_some() => None,
            Some((label, comparison)) => {
                let why = comparison.why.as_deref();
                let why = why.unwrap_or("it was not measured");
                Some(format!("{what} at \"{label}\" is withheld: {why}"))
            }
            None => {
                let place = step.map_or(String::new(), |step| format!(" in step {step}"));
                Some(format!("{what} is not there{place}"))
            }
        }
    }
}

impl Found {
    /// Of the first comparison whose name holds this, over all steps and then all of them together.
    pub(super) fn compared(done: &CarriedOut, what: &str) -> Self {
        let groups = done.groups();
        let mut all = groups.iter().flat_map(|(_, group)| group.iter());
        all.find(|comparison| comparison.what.contains(what))
            .map(Self::of)
            .unwrap_or_default()
    }

    /// The same in one step.
    pub(super) fn compared_in(step: Option<&DoneStep>, what: &str) -> Self {
        step.and_then(|step| step.compared(what))
            .map(Self::of)
            .unwrap_or_default()
    }

    /// A row's figure beside what is predicted of it.
    pub(super) fn figure(lane: Option<&LaneReport>, name: &str) -> Self {
        Self {
            theory: lane.and_then(|lane| Some(lane.predicted.get(name)?.form())),
            measured: lane.and_then(|lane| super::value(lane, name)),
            tolerance: None,
            what: lane.map(|lane| format!("{} {name}", lane.row)),
        }
    }

    fn of(comparison: &Comparison) -> Self {
        Self {
            theory: Some(comparison.predicted),
            measured: comparison.measured,
            tolerance: comparison.on_both_sides(),
            what: Some(comparison.what.clone()),
        }
    }
}
