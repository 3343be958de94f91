//! E5, the long-poll gap: what happens to an event while the client is asking again?

use super::{Comparison, Experiment, Step, each_beside, ms, reading::Reading};
use crate::run::{figures::Unit, plan::Plan, report::Report};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E5",
    title: "Long-poll gap",
    question: "What does long polling add to a WebSocket's delay, and when?",
    claim: "Pimentel and Nickerson 2012; RFC 6202 §2.2; B9 \"improves latency\"; B22",
    expectation: "periodic events: nothing is added while the round trip is shorter than the \
        period; beyond it half a round trip, at one step. Up to there each costs one request.",
    steps,
    compare,
    across: None,
};

fn steps(full: bool) -> Vec<Step> {
    // The quick form runs the same clockwork faster: 10 Hz for 4 Hz. Beyond the period, round
    // trips share no beat with it, for the mean is over all phases.
    let (rate, round_trips): (f64, &[u64]) = match full {
        false => (10.0, &[40, 90, 113, 163]),
        true => (4.0, &[0, 50, 100, 200, 240, 263, 407, 607]),
    };
    round_trips
        .iter()
        .map(|round_trip_ms| Step {
            label: format!("{rate} events/s, round trip {round_trip_ms} ms"),
            plan: Plan {
                lanes: "long-poll,websocket".to_owned(),
                clients: 5,
                rate,
                round_trip: ms(*round_trip_ms),
                warm_up: ms(if full { 1_000 } else { 500 }),
                duration: ms(if full { 30_000 } else { 2_500 }),
                repeat: if full { 3 } else { 1 },
                redo: if full { 3 } else { 0 },
                ..Plan::default()
            },
        })
        .collect()
}

/// What long polling adds, not the delay itself: the way there is the same for both.
fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let row = |name: &str| report.lanes.iter().find(|lane| lane.row == name);
    let (Some(long_poll), Some(websocket)) = (row("long-poll"), row("websocket")) else {
        return Vec::new();
    };
    let predicted = |name: &str| {
        let (poll, socket) = (&long_poll.predicted, &websocket.predicted);
        Some(poll.get(name)? - socket.get(name)?)
    };
    let mean = |lane| Reading::of(lane, "mean_us");
    let measured = mean(long_poll).minus(mean(websocket));
    let round_trip_us = step.plan.round_trip.0.as_micros() as f64;
    predicted("mean_us")
        .map(|predicted| {
            let what = "long-poll mean delay over websocket's";
            // Timers of 1 ms on both ways, and a mean over not quite all phases.
            let tolerance = 3_000.0 + round_trip_us * 0.05;
            Comparison::near(what, Unit::Microseconds, predicted, measured, tolerance)
        })
        .into_iter()
        .chain(each_beside(
            long_poll,
            &[("requests_per_publication", Unit::Count, 0.1)],
        ))
        .collect()
}
