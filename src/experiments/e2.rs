//! E2, poll-interval sweep: how stale, how wasteful, how dear is polling?

use super::{Comparison, Experiment, Step, beside, ms};
use crate::run::{figures::Unit, plan::Plan, report::Report, schedule::Kind};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E2",
    title: "Poll-interval sweep",
    question: "How do delay, empty answers and requests depend on the poll interval?",
    claim: "A1 \"without WebSockets you poll, which is inefficient and slow\"; B12",
    expectation: "mean delay T/2 + d, empty ratio e^(-λT), 1/(λT) requests per event: slow it is, \
        inefficient only while λT < 1",
    steps,
    compare,
    across: None,
};

fn steps(full: bool) -> Vec<Step> {
    let sweep: &[(f64, u64)] = match full {
        false => &[(20.0, 25), (20.0, 100), (20.0, 250), (4.0, 50)],
        true => &[
            (20.0, 25),
            (20.0, 50),
            (20.0, 100),
            (20.0, 250),
            (20.0, 500),
            (4.0, 50),
            (4.0, 100),
            (4.0, 250),
            (4.0, 500),
            (4.0, 1_000),
            (4.0, 2_000),
        ],
    };
    sweep
        .iter()
        .map(|(rate, interval_ms)| Step {
            label: format!("λ = {rate}/s, T = {interval_ms} ms"),
            plan: Plan {
                lanes: "short-poll".to_owned(),
                clients: 20,
                rate: *rate,
                schedule: Kind::Poisson,
                poll_interval: ms(*interval_ms),
                warm_up: ms(500),
                duration: ms(if full { 60_000 } else { 4_000 }),
                repeat: if full { 5 } else { 1 },
                ..Plan::default()
            },
        })
        .collect()
}

fn compare(step: &Step, report: &Report, full: bool) -> Vec<Comparison> {
    let Some(lane) = report.lanes.first() else {
        return Vec::new();
    };
    let interval_us = step.plan.poll_interval.0.as_micros() as f64;
    // A Poisson process counts n ± √n in its time: what a run can tell, with three of these.
    let events = step.plan.rate * step.plan.duration.0.as_secs_f64() * step.plan.repeat as f64;
    let chance = 3.0 / events.sqrt();
    let requests = 1.0 / (step.plan.rate * interval_us / 1e6);
    // tokio's timers are up to 1 ms late, and so is each poll.
    let late_us = 1_500.0;
    let delay = if full { 0.02 } else { 0.04 };
    [
        beside(
            lane,
            "mean_us",
            Unit::Microseconds,
            interval_us / 2.0 * delay + late_us,
        ),
        beside(
            lane,
            "empty_ratio",
            Unit::Share,
            f64::max(0.01, chance / 3.0),
        ),
        beside(
            lane,
            "requests_per_publication",
            Unit::Count,
            requests * f64::max(0.02, chance),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
