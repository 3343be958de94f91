//! What every experiment's sentence has in common: what a figure that is withheld makes of it, and
//! what it says where theory was wrong. Which figures it is made from stands in each experiment's
//! file.

use super::{CarriedOut, Comparison, DoneStep, Experiment, Verdict, find, value, words};
use crate::run::{
    answer::{Reading, at_most_us, because, span_us},
    plan::Plan,
    report::LaneReport,
};

impl Experiment {
    /// What came out, in one sentence of plain words that names load and setting.
    pub fn answer(&self, done: &CarriedOut) -> String {
        let tally = done.tally();
        let why = words::why_withheld(done);
        let Some(found) = (self.answer)(&done.gated()) else {
            // What is compared may stand alone where what is told does not.
            let of_step = || done.steps.iter().find_map(DoneStep::fault).cloned();
            return match why.or_else(of_step) {
                Some(why) => format!("Cannot be told here, {}.", because(&why)),
                None => "Cannot be told here, because the figures it takes are not there.".into(),
            };
        };
        match (tally.verdict(), why) {
            (Verdict::AsPredicted, _) => format!("{found}."),
            (Verdict::Otherwise, _) => match words::furthest_off(done) {
                Some(off) => format!("{found}; otherwise than predicted: {off}."),
                None => format!("{found}."),
            },
            (Verdict::NotValid, Some(why)) if tally.withheld > 0 => format!(
                "{found}; {} of {} figures that decide cannot be told here, {}.",
                tally.withheld,
                tally.all(),
                because(&why)
            ),
            (Verdict::NotValid, _) => format!("{found}; it was stopped before its end."),
        }
    }
}

/// A compared delay, for people: `51 ms`, `less than 3 ms`; not more precise than its error.
pub fn late(compared: &Comparison) -> Option<String> {
    match (compared.measured, compared.between) {
        // Of a difference, whose error may be larger than it is.
        (Some(us), Some((_, most))) if compared.error().is_some_and(|error| error >= us) => {
            Some(format!("less than {}", at_most_us(most)))
        }
        (Some(us), _) => {
            let us = us.max(0.0);
            let off = compared.error().unwrap_or(0.0).max(us * 0.01);
            Some(span_us(us, off.max(500.0)))
        }
        (None, Some((_, most))) => Some(format!("less than {}", at_most_us(most))),
        (None, None) => None,
    }
}

impl CarriedOut {
    /// The sentence of the catalogue's experiment on these figures; `None` where another program's
    /// catalogue had it.
    pub fn sentence(&self) -> Option<String> {
        find(&self.id)
            .ok()
            .map(|experiment| experiment.answer(self))
    }

    /// The first step with such a plan.
    pub(super) fn step(&self, is_it: impl Fn(&Plan) -> bool) -> Option<&DoneStep> {
        self.steps.iter().find(|step| is_it(&step.report.plan))
    }
}

impl DoneStep {
    pub(super) fn row(&self, name: &str) -> Option<&LaneReport> {
        self.report.lanes.iter().find(|lane| lane.row == name)
    }

    /// The first comparison whose name holds this.
    pub(super) fn compared(&self, what: &str) -> Option<&Comparison> {
        self.comparisons.iter().find(|one| one.what.contains(what))
    }

    /// How late something was, for people: `51 ms`, `less than 3 ms`; not more precise than its
    /// error.
    pub(super) fn late(&self, row: &str, name: &str) -> Option<String> {
        let figure = self.row(row)?.figure(name)?;
        Some(Reading::from(figure).known(name)?.spoken_us())
    }

    /// A row's figure, if it can be stood behind.
    pub(super) fn figure(&self, row: &str, name: &str) -> Option<f64> {
        value(self.row(row)?, name)
    }
}

#[cfg(test)]
mod tests;
