//! E2, poll-interval sweep: how stale, how wasteful, how dear is polling?

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, each_beside, ms,
};
use crate::run::{
    answer::{rate, share, span_ms},
    figures::Unit,
    plan::{Plan, PollTimer},
    report::Report,
    schedule::Kind,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E2",
    title: "Poll-interval sweep",
    question: "How do delay, empty answers and requests depend on the poll interval?",
    claim: "A1 \"without WebSockets you poll, which is inefficient and slow\"; B12",
    expectation: "mean delay T/2 + d, empty ratio e^(-λT), 1/(λT) requests per event: slow it is, \
        inefficient only while λT < 1. Connections are kept open here (B6): a new one for each poll is \
        not run.",
    claims: &["A1", "B6", "B12"],
    group: Group::Delay,
    guess: Guess::number(
        "At 20 events a second, polling every 100 ms shows an event, on average, after",
        "ms",
        1e3,
        found,
    ),
    meaning: "Choose the interval by how old a thing may be: on average it is half the interval late. \
        Only where events are rarer than polls do you pay for answers with nothing in \
        them.",
    answer,
    steps,
    compare,
    across: None,
};

/// A point of the sweep: how often is published, how often asked, and for how many seconds. As
/// long as it takes for a Poisson process to show its share of empty intervals to about 0.01.
struct Point {
    rate: f64,
    interval_ms: u64,
    timer: PollTimer,
    seconds: u64,
}

const fn every(rate: f64, interval_ms: u64, seconds: u64) -> Point {
    Point {
        rate,
        interval_ms,
        timer: PollTimer::Interval,
        seconds,
    }
}

const QUICK: &[Point] = &[
    every(20.0, 25, 3),
    every(20.0, 100, 3),
    every(20.0, 250, 3),
    every(4.0, 50, 3),
];

const FULL: &[Point] = &[
    every(20.0, 25, 200),
    every(20.0, 50, 300),
    every(20.0, 100, 300),
    Point {
        timer: PollTimer::AfterAnswer,
        ..every(20.0, 100, 150)
    },
    every(20.0, 250, 100),
    every(20.0, 500, 100),
    every(4.0, 50, 300),
    every(4.0, 2_000, 150),
];

fn steps(full: bool) -> Vec<Step> {
    let (points, repeat) = match full {
        false => (QUICK, 1),
        true => (FULL, 5),
    };
    let step = |point: &Point| {
        let Point {
            rate, interval_ms, ..
        } = *point;
        let timer = match point.timer {
            PollTimer::Interval => "",
            PollTimer::AfterAnswer => " after each answer",
        };
        Step {
            label: format!("λ = {rate}/s, T = {interval_ms} ms{timer}"),
            plan: Plan {
                lanes: "short-poll".to_owned(),
                clients: 20,
                rate,
                schedule: Kind::Poisson,
                poll_interval: ms(interval_ms),
                poll_timer: point.timer,
                // A whole interval: what its last one leaves is to be what the first one finds.
                warm_up: ms(interval_ms.max(500)),
                duration: ms(point.seconds * 1_000 / repeat as u64),
                repeat,
                redo: if full { 5 } else { 0 },
                ..Plan::default()
            },
        }
    };
    points.iter().map(step).collect()
}

fn compare(step: &Step, report: &Report, full: bool) -> Vec<Comparison> {
    let Some(lane) = report.lanes.first() else {
        return Vec::new();
    };
    let interval_us = step.plan.poll_interval.0.as_micros() as f64;
    // A Poisson process counts n ± √n in its time: what a run can tell, with three of these.
    let seconds = step.plan.duration.0.as_secs_f64() * step.plan.repeat as f64;
    let chance = 3.0 / (step.plan.rate * seconds).sqrt();
    // Of as many intervals as one poller sees; the others see the same publications.
    let empty = lane.predicted.get("empty_ratio");
    let empty = empty.map_or(0.5, |predicted| predicted.form());
    let intervals = seconds * 1e6 / interval_us;
    let empty_chance = 2.0 * (empty * (1.0 - empty) / intervals).sqrt();
    let requests = 1.0 / (step.plan.rate * interval_us / 1e6);
    // tokio's timers are up to 1 ms late; one that goes on by itself only shifts its polls by that.
    let (delay, late_us) = if full { (0.02, 250.0) } else { (0.04, 1_500.0) };
    each_beside(
        lane,
        &[
            (
                "mean_us",
                Unit::Microseconds,
                interval_us / 2.0 * delay + late_us,
            ),
            ("empty_ratio", Unit::Share, f64::max(0.01, empty_chance)),
            (
                "requests_per_publication",
                Unit::Count,
                requests * f64::max(0.02, chance),
            ),
        ],
    )
}

/// The interval of the experiment's questions, and the shortest beside it.
fn answer(done: &CarriedOut) -> Option<String> {
    let (usual, short) = (usual(done)?, done.steps.first()?);
    let said = |step: &DoneStep| {
        let late = step.late("short-poll", "mean_us")?;
        let empty = step.figure("short-poll", "empty_ratio")?;
        Some((late, share(empty)))
    };
    let every = |step: &DoneStep| span_ms(step.report.plan.poll_interval.0.as_secs_f64() * 1e3);
    let ((late, empty), (short_late, short_empty)) = (said(usual)?, said(short)?);
    Some(format!(
        "At {} at random, polling every {} was {late} late on average with {empty} of its answers \
         empty, and every {} {short_late} late with {short_empty} empty",
        rate(usual.report.plan.rate),
        every(usual),
        every(short),
    ))
}

fn usual(done: &CarriedOut) -> Option<&DoneStep> {
    done.step(|plan| plan.rate == 20.0 && plan.poll_interval.0.as_millis() == 100)
}

fn found(done: &CarriedOut) -> Found {
    Found::figure(
        usual(done).and_then(|step| step.row("short-poll")),
        "mean_us",
    )
}
