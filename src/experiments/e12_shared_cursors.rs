//! E12, shared cursors: everybody moves, everybody sees. What does the way up cost?

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside,
    evidence::Evidence, ms,
};
use crate::run::{
    answer::{decimal, span_ms},
    figures::Unit,
    plan::{Plan, PublishBy},
    report::{LaneReport, Report},
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E12",
    title: "Shared cursors",
    question: "How many updates a second can each of several people send and see, and how even are \
        they?",
    claim: "Gutwin, Lippold and Graham 2011; B1 \"bi-directional full duplex on one socket\"; A9; B27",
    expectation: "a WebSocket takes every update at once: one round trip from hand to eye, at any \
        rate. Beside an event stream each update is a POST, which waits for the one before: while \
        λR < 1 no worse, beyond it falls behind by λR - 1 seconds each second. The order of each \
        hand is kept, and everybody hears their own updates, too.",
    claims: &["B1", "A9", "B27"],
    group: Group::Delay,
    guess: Guess::number(
        "Five people send 40 updates a second each by POST, at a round trip of 50 ms: of what \
        they see, 95 of 100 come within",
        "ms",
        1e3,
        found,
    ),
    meaning: "Where everybody sends much, the way up decides: POSTs that wait for each other fall \
        behind as soon as they come quicker than round trips. Send on the socket, or put \
        several updates into one request.",
    answer,
    steps,
    compare,
    across: None,
};

/// How many people, updates a second of each, round trip.
const QUICK: [(usize, f64, u64); 4] = [(3, 20.0, 5), (3, 20.0, 150), (5, 40.0, 50), (3, 60.0, 5)];

fn steps(full: bool) -> Vec<Step> {
    let mut sweep = QUICK.to_vec();
    if full {
        sweep.clear();
        for clients in [2, 5, 10] {
            for rate in [20.0, 40.0, 60.0] {
                sweep.extend([5, 50, 150].map(|round_trip_ms| (clients, rate, round_trip_ms)));
            }
        }
    }
    sweep
        .into_iter()
        .map(|(clients, rate, round_trip_ms)| {
            let measured_ms = if full { 10_000 } else { 2_000 };
            Step {
                label: format!(
                    "{clients} people, {rate} updates/s of each, round trip {round_trip_ms} ms"
                ),
                plan: Plan {
                    lanes: "sse,websocket".to_owned(),
                    publish_by: PublishBy::Clients,
                    clients,
                    rate: rate * clients as f64,
                    round_trip: ms(round_trip_ms),
                    warm_up: ms(0),
                    duration: ms(measured_ms),
                    // All that waits is to arrive: a POST takes a round trip and a little more.
                    drain: ms(2_000 + measured_ms * round_trip_ms * rate as u64 * 5 / 4_000),
                    repeat: if full { 3 } else { 1 },
                    ..Plan::default()
                },
            }
        })
        .collect()
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let of = |lane: &LaneReport| of_lane(step, lane);
    report.lanes.iter().flat_map(of).collect()
}

fn of_lane(step: &Step, lane: &LaneReport) -> Vec<Comparison> {
    let round_trip_s = step.plan.round_trip.0.as_secs_f64();
    let each_per_s = step.plan.rate / step.plan.clients as f64;
    let falls_behind = lane.lane != "websocket" && each_per_s * round_trip_s > 1.0;
    // Timers of 1 ms on both ways make each exchange a little longer, and a queue adds these up.
    let late_us = 4_000.0;
    let tolerance = match falls_behind {
        false => late_us,
        true => late_us * (1.0 + step.plan.duration.0.as_secs_f64() * each_per_s),
    };
    let jitter = (!falls_behind).then(|| {
        Comparison::near(
            format!("{} jitter_us", lane.row),
            Unit::Microseconds,
            0.0,
            Evidence::of(lane, "jitter_us"),
            late_us,
        )
    });
    [
        beside(lane, "mean_us", Unit::Microseconds, tolerance),
        beside(lane, "p95_us", Unit::Microseconds, tolerance * 2.0),
        jitter,
        beside(lane, "delivery_ratio", Unit::Share, 0.0),
        beside(lane, "order_violations", Unit::Count, 0.0),
        beside(lane, "echo_ratio", Unit::Share, 0.0),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn answer(done: &CarriedOut) -> Option<String> {
    let step = usual(done)?;
    let plan = &step.report.plan;
    let within = |row| step.within(row, "p95_us");
    Some(format!(
        "With {} people who each send {} updates a second, at a round trip of {}, 95 of 100 arrived \
         {} on a WebSocket and {} by POST beside an event stream",
        plan.clients,
        decimal(plan.rate / plan.clients as f64, 2),
        span_ms(plan.round_trip.0.as_secs_f64() * 1e3),
        within("websocket")?,
        within("sse")?,
    ))
}

/// As the question has it; the full form's nearest, ten or five people.
fn usual(done: &CarriedOut) -> Option<&DoneStep> {
    done.step(|plan| {
        let each = plan.rate / plan.clients as f64;
        plan.clients == 5 && each == 40.0 && plan.round_trip.0.as_millis() == 50
    })
}

fn found(done: &CarriedOut) -> Found {
    Found::figure(usual(done).and_then(|step| step.row("sse")), "p95_us")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{predictions::predicted, report::sample};

    #[test]
    fn only_posts_beyond_one_per_round_trip_are_to_fall_behind() {
        for step in steps(true) {
            let rows = step.plan.rows().unwrap();
            let means: Vec<f64> = rows
                .iter()
                .map(|row| predicted(&step.plan, row, 0)["mean_us"].form())
                .collect();
            let round_trip_us = step.plan.round_trip.0.as_micros() as f64;
            assert!((means[1] - round_trip_us).abs() < 1.0, "{}", step.label);
            let each_per_s = step.plan.rate / step.plan.clients as f64;
            let falls_behind = each_per_s * round_trip_us > 1e6;
            assert_eq!(means[0] > means[1] + 1.0, falls_behind, "{}", step.label);
        }
    }

    #[test]
    fn an_update_that_overtook_another_is_otherwise() {
        let step = &steps(false)[0];
        let mut lane = sample::report().lanes.remove(1);
        use crate::run::report::sample::valid;
        lane.predicted.insert("order_violations".into(), 0.0.into());
        lane.measured.insert("order_violations".into(), valid(1.0));
        let compared = of_lane(step, &lane);
        let order = compared.iter().find(|c| c.what.contains("order")).unwrap();
        assert_eq!(order.agrees(), Some(false));
        // A figure that is not there decides nothing.
        assert!(compared.iter().any(|c| c.agrees().is_none()));
    }
}
