//! A small result for the tests of its forms: made up, and only there.

use super::{CarriedOut, Comparison, DoneStep, Experiment, Step, Verdict};
use crate::run::{
    figures::{Figure, Measured, Unit},
    lanes::Row,
    plan::Plan,
    predicted::Predictions,
    report::{LaneReport, Report, sample},
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

/// An experiment carried out, quick, with figures that `fill` gives: every row of each plan is there
/// with nothing measured and nothing predicted.
pub fn carried(experiment: &Experiment, fill: impl Fn(&Plan, &mut Report)) -> CarriedOut {
    let mut run = |step: &Step| -> Result<Option<Report>, ()> {
        let mut report = sample::report();
        let lane = report.lanes[0].clone();
        let rows = step.plan.rows().unwrap_or_default();
        let row = |row: Row| LaneReport {
            label: row.name.clone(),
            row: row.name,
            lane: row.lane,
            resume: row.resume,
            measured: Measured::new(),
            predicted: Predictions::new(),
            ..lane.clone()
        };
        report.lanes = rows.into_iter().map(row).collect();
        report.plan = step.plan.clone();
        fill(&step.plan, &mut report);
        Ok(Some(report))
    };
    experiment.carry_out(false, &mut run).unwrap()
}

/// Puts a row's figure into a report, with what is predicted of it.
pub fn put(report: &mut Report, row: &str, name: &str, (measured, predicted): (f64, f64)) {
    if let Some(lane) = report.lanes.iter_mut().find(|lane| lane.row == row) {
        lane.measured.insert(name.into(), sample::valid(measured));
        lane.predicted.insert(name.into(), predicted.into());
    }
}

/// The same as predicted.
pub fn put_as_predicted(report: &mut Report, row: &str, name: &str, value: f64) {
    put(report, row, name, (value, value));
}

/// Withholds a row's figure.
pub fn withhold(report: &mut Report, row: &str, name: &str, why: &str) {
    if let Some(lane) = report.lanes.iter_mut().find(|lane| lane.row == row) {
        let invalid = why.to_owned();
        lane.measured
            .insert(name.into(), Figure::Invalid { invalid });
    }
}
