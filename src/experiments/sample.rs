//! A small result for the tests of its forms: made up, and only there.

use super::{CarriedOut, Comparison, DoneStep, Step, Verdict};
use crate::run::{
    figures::Unit,
    report::{Report, sample},
};

/// A step that gave what `fill` puts into its report, and was compared on nothing by itself.
pub fn done(step: Step, fill: impl FnOnce(&Step, &mut Report)) -> DoneStep {
    let mut report = sample::report();
    report.plan = step.plan.clone();
    fill(&step, &mut report);
    DoneStep {
        label: step.label,
        comparisons: Vec::new(),
        report,
    }
}

pub fn comparison(
    what: &str,
    predicted: f64,
    measured: Option<f64>,
    tolerance: f64,
    unit: Unit,
) -> Comparison {
    Comparison::near(what, unit, predicted, measured, tolerance)
}

pub fn carried_out(comparisons: Vec<Comparison>) -> CarriedOut {
    let steps = vec![DoneStep {
        label: "a step".to_owned(),
        comparisons,
        report: sample::report(),
    }];
    CarriedOut {
        id: "E0".to_owned(),
        title: "A <sample>".to_owned(),
        question: "What?".to_owned(),
        claim: "A0".to_owned(),
        expectation: "this".to_owned(),
        full: false,
        partial: false,
        verdict: Verdict::NotValid,
        answer: String::new(),
        steps,
        together: Vec::new(),
    }
    .settled()
}
