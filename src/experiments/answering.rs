//! What every experiment's sentence has in common: what a figure that is withheld makes of it, and
//! what it says where theory was wrong. Which figures it is made from stands in each experiment's
//! file.

use super::{CarriedOut, Comparison, DoneStep, Experiment, Verdict, find, value, words};
use crate::run::{
    answer::{Known, Reading, because},
    plan::Plan,
    report::LaneReport,
};

impl Experiment {
    /// What came out, in one sentence of plain words that names load and setting.
    pub fn answer(&self, done: &CarriedOut) -> String {
        let tally = done.tally();
        let Some(found) = (self.answer)(&done.gated()) else {
            // What is compared may stand alone where what is told does not.
            let of_step = || done.steps.iter().find_map(DoneStep::fault).cloned();
            return match words::why_withheld(done).or_else(of_step) {
                Some(why) => format!("Cannot be told here, {}.", because(&why)),
                None => "Cannot be told here, because the figures it takes are not there.".into(),
            };
        };
        match tally.verdict() {
            Verdict::AsPredicted => format!("{found}."),
            // Which, how far off and why stands below, under the verdict.
            Verdict::Otherwise => format!(
                "{found}; {} came out otherwise than predicted.",
                share_of_figures(tally.differing, tally.all()),
            ),
            Verdict::NotValid => {
                let withheld = (tally.withheld > 0).then(|| {
                    let some = share_of_figures(tally.withheld, tally.all());
                    format!("{some} cannot be told here")
                });
                let stopped = tally.is_partial.then(|| words::STOPPED.to_owned());
                match withheld.into_iter().chain(stopped).collect::<Vec<_>>() {
                    doubts if doubts.is_empty() => format!("{found}."),
                    doubts => format!("{found}; {}.", doubts.join(", and ")),
                }
            }
        }
    }
}

/// `one of 12 figures`, `2 of 8 figures`.
fn share_of_figures(some: usize, all: usize) -> String {
    match (some, all) {
        (1, 1) => "its one figure".to_owned(),
        (1, all) => format!("one of {all} figures"),
        (some, all) => format!("{some} of {all} figures"),
    }
}

/// A compared delay, for people: `51 ms`, `less than 3 ms`, `between 49 and 79 ms`; not more precise
/// than its error.
pub fn late(compared: &Comparison) -> Option<String> {
    let known = match (compared.measured, compared.between) {
        (Some(us), between) => {
            let us = us.max(0.0);
            let off = (us * 0.01).max(500.0);
            let (low, high) = between.unwrap_or((us, us));
            Known {
                value: us,
                low: low.min(us - off).max(0.0),
                high: high.max(us + off),
                error: 0.0,
                is_bound: false,
            }
        }
        (None, Some((_, most))) => Known {
            value: most.max(0.0),
            low: 0.0,
            high: most.max(0.0),
            error: 0.0,
            is_bound: true,
        },
        (None, None) => return None,
    };
    Some(known.spoken_us())
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

    /// How late something was, for people: `51 ms`, `less than 3 ms`, `between 49 and 79 ms`; not more
    /// precise than its error.
    pub(super) fn late(&self, row: &str, name: &str) -> Option<String> {
        Some(self.known(row, name)?.spoken_us())
    }

    /// The same of what most came in: `within 51 ms`, `in less than 3 ms`, `within 49 to 79 ms`.
    pub(super) fn within(&self, row: &str, name: &str) -> Option<String> {
        Some(self.known(row, name)?.within_us())
    }

    fn known(&self, row: &str, name: &str) -> Option<Known> {
        Reading::of(name, self.row(row)?.figure(name)?).known(name)
    }

    /// A row's figure, if it can be stood behind.
    pub(super) fn figure(&self, row: &str, name: &str) -> Option<f64> {
        value(self.row(row)?, name)
    }
}

#[cfg(test)]
mod tests;
