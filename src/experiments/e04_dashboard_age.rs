//! E4, dashboard age: how old is what a status display shows, and what do its bytes cost?
//!
//! Polls take the newest snapshot, sockets get every one, and sockets of a publisher that conflates
//! the newest of every interval. Age of information, not delay: see
//! [`crate::run::theory::sampled`].

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside, ms, value,
};
use crate::run::{
    answer::{decimal, span_ms},
    figures::Unit,
    plan::{Plan, PollFor},
    report::Report,
    schedule::Kind,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E4",
    title: "Dashboard age",
    question: "How old is what a dashboard shows, and what does it cost to have it newer?",
    claim: "A1 \"polling is slow and inefficient\"; B8 \"saves bandwidth\"; Yates et al. 2021, age of \
        information is the metric of status displays",
    expectation: "mean age 1/λ + d pushed and T/2 more polled or conflated. Polling's bytes stay as \
        they are while λ grows, push's grow with it, conflated push's stop growing at one \
        snapshot per T: push is dearer from about λ = 1/T on.",
    claims: &["A1", "B8"],
    group: Group::Delay,
    guess: Guess::number(
        "A dashboard gets 2.3 snapshots a second by polls: what it shows is, on average, this \
        old:",
        "ms",
        1e3,
        found,
    ),
    meaning: "What counts for a status display is how old it is, and that is mostly how rarely \
        something new is made. Where much is made, conflate: push the newest of each \
        interval, and the bytes stop growing.",
    answer,
    steps,
    compare,
    across: Some(across),
};

/// A poll's interval, and what a publisher conflates.
fn interval_ms(full: bool) -> u64 {
    if full { 1_000 } else { 250 }
}

fn steps(full: bool) -> Vec<Step> {
    // Off the beat of the interval, for the means are over all phases.
    let rates: &[f64] = match full {
        false => &[2.3, 19.3, 97.3],
        true => &[0.53, 2.3, 19.3, 97.3, 197.3],
    };
    let step = |rate: f64, conflates: bool| Step {
        label: match conflates {
            false => format!("{rate} snapshots/s"),
            true => format!("{rate} snapshots/s, conflated"),
        },
        plan: Plan {
            lanes: match conflates {
                false => "short-poll,websocket",
                true => "websocket",
            }
            .to_owned(),
            clients: 10,
            rate,
            size: 566,
            poll_interval: ms(interval_ms(full)),
            poll_for: PollFor::State,
            conflate: ms(if conflates { interval_ms(full) } else { 0 }),
            schedule: if full { Kind::Poisson } else { Kind::Periodic },
            warm_up: ms(500),
            duration: ms(if full { 60_000 } else { 1_800 }),
            drain: ms(interval_ms(full) + 100),
            repeat: if full { 3 } else { 1 },
            ..Plan::default()
        },
    };
    let of_rate = |rate: &f64| [step(*rate, false), step(*rate, true)];
    rates.iter().flat_map(of_rate).collect()
}

fn compare(step: &Step, report: &Report, full: bool) -> Vec<Comparison> {
    let figures = |name| {
        report.lanes.iter().filter_map(move |lane| {
            let predicted = lane.predicted.get(name)?.form();
            // An event more or less at either end, and for Poisson what chance does to a mean.
            let events = step.plan.rate * step.plan.duration.0.as_secs_f64();
            let events = events * step.plan.repeat as f64;
            let chance = if full {
                3.0 / events.sqrt()
            } else {
                1.0 / events
            };
            let tolerance = predicted * (0.05 + chance) + 3_000.0;
            beside(lane, name, Unit::Microseconds, tolerance)
        })
    };
    figures("age_us").chain(figures("peak_age_us")).collect()
}

/// How the bytes grow from the lowest rate to the highest.
fn across(steps: &[DoneStep], full: bool) -> Vec<Comparison> {
    let bytes = |conflates: bool, lane: &str| -> Vec<(f64, Option<f64>)> {
        steps
            .iter()
            .filter(|step| step.report.plan.conflate.0.is_zero() != conflates)
            .filter_map(|step| {
                let lane = step.report.lanes.iter().find(|found| found.row == lane)?;
                Some((step.report.plan.rate, value(lane, "bytes_per_s")))
            })
            .collect()
    };
    let growth = |all: &[(f64, Option<f64>)]| Some(all.last()?.1? / all.first()?.1?);
    let interval_s = interval_ms(full) as f64 / 1e3;
    let published = |rate: f64| f64::min(rate, 1.0 / interval_s);
    let (polled, pushed) = (bytes(false, "short-poll"), bytes(false, "websocket"));
    let conflated = bytes(true, "websocket");
    let (Some((low, _)), Some((high, _))) = (pushed.first(), pushed.last()) else {
        return Vec::new();
    };
    let (more, fewer) = (high / low, published(*high) / published(*low));
    // The first rate at which a socket takes more bytes than polls do.
    let dearer = polled
        .iter()
        .zip(&pushed)
        .find(|(poll, push)| push.1 > poll.1);
    let crossing = dearer.map(|((rate, _), _)| *rate * interval_s);
    let near = |what: &str, predicted: f64, measured, share: f64| {
        Comparison::near(what, Unit::Count, predicted, measured, predicted * share)
    };
    vec![
        near(
            "polling's bytes/s, highest over lowest λ",
            1.0,
            growth(&polled),
            0.1,
        ),
        near(
            "push's bytes/s, highest over lowest λ",
            more,
            growth(&pushed),
            0.3,
        ),
        near(
            "conflated push's bytes/s, the same",
            fewer,
            growth(&conflated),
            0.4,
        ),
        near("λT from which push takes more bytes", 1.0, crossing, 0.0).at_least(),
    ]
}

/// Age at the rate of the guess, bytes at the highest.
fn answer(done: &CarriedOut) -> Option<String> {
    let (usual, top) = (usual(done)?, pushed(done).next_back()?);
    let age = |row| usual.late(row, "age_us");
    let bytes = |row| top.figure(row, "bytes_per_s");
    let interval = span_ms(usual.report.plan.poll_interval.0.as_secs_f64() * 1e3);
    let times = bytes("websocket")? / bytes("short-poll")?;
    Some(format!(
        "At {}, what a dashboard shows was {} old on average by polls every {interval} and {} pushed; \
         at {} push took {} times the bytes of polling",
        snapshots(usual.report.plan.rate),
        age("short-poll")?,
        age("websocket")?,
        snapshots(top.report.plan.rate),
        decimal(times, 2),
    ))
}

fn snapshots(rate: f64) -> String {
    format!("{rate} snapshots a second")
}

/// Steps that push every snapshot.
fn pushed(done: &CarriedOut) -> impl DoubleEndedIterator<Item = &DoneStep> {
    let steps = done.steps.iter();
    steps.filter(|step| step.report.plan.conflate.0.is_zero())
}

fn usual(done: &CarriedOut) -> Option<&DoneStep> {
    pushed(done).find(|step| step.report.plan.rate == 2.3)
}

fn found(done: &CarriedOut) -> Found {
    Found::figure(
        usual(done).and_then(|step| step.row("short-poll")),
        "age_us",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::sample::done;
    use crate::run::report::sample;

    #[test]
    fn growth_is_from_the_lowest_rate_to_the_highest() {
        let done: Vec<_> = steps(false)
            .into_iter()
            .map(|step| {
                done(step, |step, report| {
                    let snapshots = match step.plan.conflate.0.is_zero() {
                        true => step.plan.rate,
                        false => step.plan.rate.min(4.0),
                    };
                    for (lane, bytes) in [(0, 4.0 * 1_100.0), (1, snapshots * 750.0)] {
                        let figure = sample::valid(bytes);
                        let measured = &mut report.lanes[lane].measured;
                        measured.insert("bytes_per_s".to_owned(), figure);
                    }
                })
            })
            .collect();
        let all = across(&done, false);
        assert_eq!(all.len(), 4);
        for comparison in all {
            assert_eq!(comparison.agrees(), Some(true), "{comparison}");
        }
    }
}
