//! The catalogue of experiments as code: a question, what theory expects, a run, and a verdict
//! made from the two. One file each.
//!
//! Each has a quick form, about 20 s, and a full one with repetitions,
//! whose tolerances are tighter. An experiment knows plans and reports; who carries a plan out is
//! the caller's.

mod e1;
mod e10;
mod e11;
mod e12;
mod e15;
mod e18;
mod e19;
mod e2;
mod e20;
mod e5;
mod e6;
mod e7;
mod e8;
mod e9;

use std::fmt;

use serde::Serialize;

use crate::run::{
    figures::Unit,
    plan::Plan,
    report::{LaneReport, Report, shown},
};

/// An entry of the catalogue.
pub struct Experiment {
    pub id: &'static str,
    pub title: &'static str,
    /// What is asked.
    pub question: &'static str,
    /// Which claim of the two articles, or of the literature, it tests.
    pub claim: &'static str,
    /// What theory expects, in words.
    pub expectation: &'static str,
    /// What is run; full or quick.
    steps: fn(full: bool) -> Vec<Step>,
    /// What a step's report is compared on.
    compare: fn(&Step, &Report, full: bool) -> Vec<Comparison>,
}

/// In the catalogue's order.
pub const ALL: &[&Experiment] = &[
    &e1::EXPERIMENT,
    &e2::EXPERIMENT,
    &e5::EXPERIMENT,
    &e6::EXPERIMENT,
    &e7::EXPERIMENT,
    &e8::EXPERIMENT,
    &e9::EXPERIMENT,
    &e10::EXPERIMENT,
    &e11::EXPERIMENT,
    &e12::EXPERIMENT,
    &e15::EXPERIMENT,
    &e18::EXPERIMENT,
    &e19::EXPERIMENT,
    &e20::EXPERIMENT,
];

/// One run of an experiment.
pub struct Step {
    pub label: String,
    pub plan: Plan,
}

/// One figure, predicted and measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    pub what: String,
    pub predicted: f64,
    /// `None` where it cannot be stood behind.
    pub measured: Option<f64>,
    /// How far apart they may be.
    pub tolerance: f64,
    #[serde(skip)]
    pub unit: Unit,
}

impl Comparison {
    /// `None` where nothing was measured.
    pub fn agrees(&self) -> Option<bool> {
        let measured = self.measured?;
        Some((measured - self.predicted).abs() <= self.tolerance)
    }
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    AsPredicted,
    Otherwise,
    /// A figure that decides cannot be stood behind, or the generator was not fit.
    NotValid,
}

/// An experiment that was carried out; shown as text by `Display`.
#[derive(Debug, Serialize)]
pub struct CarriedOut {
    pub id: &'static str,
    pub title: &'static str,
    pub question: &'static str,
    pub claim: &'static str,
    pub expectation: &'static str,
    pub full: bool,
    pub verdict: Verdict,
    pub steps: Vec<DoneStep>,
}

/// A run of it with its comparisons.
#[derive(Debug, Serialize)]
pub struct DoneStep {
    pub label: String,
    pub comparisons: Vec<Comparison>,
    pub report: Report,
}

/// No such experiment.
#[derive(Debug, thiserror::Error)]
#[error("there is no experiment {id:?}; pushlab experiment list shows them")]
pub struct UnknownExperiment {
    id: String,
}

/// By its number, in either case.
pub fn find(id: &str) -> Result<&'static Experiment, UnknownExperiment> {
    ALL.iter()
        .copied()
        .find(|experiment| experiment.id.eq_ignore_ascii_case(id))
        .ok_or_else(|| UnknownExperiment { id: id.to_owned() })
}

/// A line for each.
pub fn list() -> String {
    let line = |e: &&Experiment| format!("{:<4} {:<24} {}\n", e.id, e.title, e.question);
    ALL.iter().map(line).collect()
}

impl Experiment {
    /// Carries it out with whatever carries out a plan.
    pub fn carry_out<E>(
        &self,
        full: bool,
        run: &mut dyn FnMut(&Plan) -> Result<Report, E>,
    ) -> Result<CarriedOut, E> {
        let mut steps = Vec::new();
        for step in (self.steps)(full) {
            let report = run(&step.plan)?;
            let comparisons = (self.compare)(&step, &report, full);
            let is_partial = report.partial;
            steps.push(DoneStep {
                label: step.label,
                comparisons,
                report,
            });
            if is_partial {
                break;
            }
        }
        Ok(CarriedOut {
            id: self.id,
            title: self.title,
            question: self.question,
            claim: self.claim,
            expectation: self.expectation,
            full,
            verdict: verdict(&steps),
            steps,
        })
    }
}

/// One disagreement decides, unless a figure is missing, or the generator of that run was not fit:
/// a late one publishes into a cut what was meant to be before it. Then nothing is decided.
fn verdict(steps: &[DoneStep]) -> Verdict {
    let all = || {
        steps.iter().flat_map(|step| {
            step.comparisons
                .iter()
                .map(move |comparison| (step, comparison))
        })
    };
    let is_spoilt = |step: &DoneStep, comparison: &Comparison| match comparison.agrees() {
        None => true,
        Some(true) => false,
        Some(false) => !step.report.generator.objections.is_empty(),
    };
    let is_partial = steps.iter().any(|step| step.report.partial);
    if is_partial || all().next().is_none() || all().any(|(s, c)| is_spoilt(s, c)) {
        return Verdict::NotValid;
    }
    match all().all(|(_, comparison)| comparison.agrees() == Some(true)) {
        true => Verdict::AsPredicted,
        false => Verdict::Otherwise,
    }
}

impl fmt::Display for CarriedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}\n\n{}", self.id, self.title, self.question)?;
        writeln!(f, "Tests: {}\nExpected: {}\n", self.claim, self.expectation)?;
        for step in &self.steps {
            writeln!(f, "{}", step.label)?;
            for comparison in &step.comparisons {
                writeln!(f, "  {comparison}")?;
            }
            for objection in &step.report.generator.objections {
                writeln!(f, "  ! {objection}")?;
            }
        }
        let verdict = match self.verdict {
            Verdict::AsPredicted => "as predicted",
            Verdict::Otherwise => "not as predicted",
            Verdict::NotValid => "nothing can be said: a figure that decides is not valid",
        };
        writeln!(f, "\nVerdict: {verdict}")
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value| shown(self.unit, value);
        let measured = self.measured.map_or_else(|| "invalid".to_owned(), text);
        let mark = match self.agrees() {
            Some(true) => "ok",
            Some(false) => "OFF",
            None => "?",
        };
        write!(
            f,
            "{:<44} predicted {:>10}  measured {measured:>10}  ±{:<9} {mark}",
            self.what,
            text(self.predicted),
            text(self.tolerance)
        )
    }
}

/// A row's figure beside its own prediction; nothing where there is no prediction.
fn beside(lane: &LaneReport, name: &str, unit: Unit, tolerance: f64) -> Option<Comparison> {
    let predicted = *lane.predicted.get(name)?;
    Some(Comparison {
        what: format!("{} {name}", lane.row),
        predicted,
        measured: value(lane, name),
        tolerance,
        unit,
    })
}

/// A figure, if it can be stood behind.
fn value(lane: &LaneReport, name: &str) -> Option<f64> {
    lane.figure(name).and_then(|figure| figure.value())
}

/// A duration in a plan, in milliseconds.
fn ms(ms: u64) -> crate::config::Span {
    crate::config::Span(std::time::Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn every_plan_of_the_catalogue_can_be_carried_out() {
        for experiment in ALL {
            for full in [false, true] {
                for step in (experiment.steps)(full) {
                    let checked = step.plan.check();
                    assert!(
                        checked.is_ok(),
                        "{} {}: {checked:?}",
                        experiment.id,
                        step.label
                    );
                }
            }
        }
    }

    #[test]
    fn quick_ones_are_quick() {
        for experiment in ALL {
            let measured: f64 = (experiment.steps)(false)
                .iter()
                .map(|step| (step.plan.warm_up.0 + step.plan.duration.0).as_secs_f64())
                .sum();
            assert!(measured <= 20.0, "{} takes {measured} s", experiment.id);
        }
    }

    #[test]
    fn a_missing_figure_decides_nothing_and_a_wrong_one_everything() {
        let step = |measured| DoneStep {
            label: String::new(),
            comparisons: vec![Comparison {
                what: String::new(),
                predicted: 1.0,
                measured,
                tolerance: 0.1,
                unit: Unit::Count,
            }],
            report: sample::report(),
        };
        assert_eq!(verdict(&[step(Some(1.05))]), Verdict::AsPredicted);
        assert_eq!(
            verdict(&[step(Some(1.05)), step(Some(2.0))]),
            Verdict::Otherwise
        );
        assert_eq!(verdict(&[step(Some(2.0)), step(None)]), Verdict::NotValid);
        assert_eq!(verdict(&[]), Verdict::NotValid);
        let mut late = step(Some(2.0));
        late.report.generator.objections = vec!["late".to_owned()];
        assert_eq!(verdict(&[late]), Verdict::NotValid);
    }

    #[test]
    fn experiments_are_found_in_either_case() {
        assert_eq!(find("e2").unwrap().id, "E2");
        assert!(find("E99").is_err());
        assert!(list().contains("E7"));
    }
}
