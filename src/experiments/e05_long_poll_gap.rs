//! E5, the long-poll gap: what happens to an event while the client is asking again?

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, answering::late,
    each_beside, evidence::Evidence, ms,
};
use crate::run::{
    answer::{rate, span_ms},
    figures::Unit,
    plan::Plan,
    report::Report,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E5",
    title: "Long-poll gap",
    question: "What does long polling add to a WebSocket's delay, and when?",
    claim: "Pimentel and Nickerson 2012; RFC 6202 §2.2; B9 \"improves latency\"; B22",
    expectation: "periodic events: nothing is added while the round trip is shorter than the \
        period; beyond it half a round trip, at one step. Up to there each costs one request.",
    claims: &["B9", "B22"],
    group: Group::Delay,
    guess: Guess::number(
        "The round trip is a little longer than the time between two events: long polling adds \
        to a WebSocket's delay",
        "ms",
        1e3,
        found,
    ),
    meaning: "Long polling is as quick as a WebSocket as long as the next question is there before \
        the next event. Near a server, and with events that do not bunch, you need \
        nothing else; on another continent, or in bursts, you do.",
    answer,
    steps,
    compare,
    across: None,
};

fn steps(full: bool) -> Vec<Step> {
    // The quick form runs the same clockwork faster: 10 Hz for 4 Hz. Beyond the period a poll is
    // answered every round trip, 1 to 9 ms longer than what is set, and the mean is over all phases
    // only where that shares no short beat with the period: 166.7 ms come to 5 of it in 3 polls, and
    // 25 events meet three phases alone, up to 20 ms off the mean. Set to 160 one run in ten was off by
    // more than its tolerance (simulated); between 181 and 189 no beat is shorter than 6 polls, and no
    // run was.
    let (rate, round_trips): (f64, &[u64]) = match full {
        false => (10.0, &[40, 90, 113, 180]),
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
        Some(poll.get(name)?.form() - socket.get(name)?.form())
    };
    let mean = |lane| Evidence::of(lane, "mean_us");
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

const ADDED: &str = "long-poll mean delay over websocket's";

/// The longest round trip that is shorter than the time between two events, and the first beyond.
fn answer(done: &CarriedOut) -> Option<String> {
    let (within, beyond) = (within(done)?, beyond(done)?);
    let added = |step: &DoneStep| late(step.compared(ADDED)?);
    let round_trip = |step: &DoneStep| span_ms(step.report.plan.round_trip.0.as_secs_f64() * 1e3);
    Some(format!(
        "At {}, evenly apart, long polling added {} to a WebSocket's delay at a round trip of {}, and \
         {} at {}, once it was longer than the time between two events",
        rate(within.report.plan.rate),
        added(within)?,
        round_trip(within),
        added(beyond)?,
        round_trip(beyond),
    ))
}

fn period_trips(step: &DoneStep) -> f64 {
    step.report.plan.rate * step.report.plan.round_trip.0.as_secs_f64()
}

fn within(done: &CarriedOut) -> Option<&DoneStep> {
    done.steps.iter().rfind(|step| period_trips(step) < 1.0)
}

fn beyond(done: &CarriedOut) -> Option<&DoneStep> {
    done.steps.iter().find(|step| period_trips(step) > 1.0)
}

fn found(done: &CarriedOut) -> Found {
    Found::compared_in(beyond(done), ADDED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{predicted::Predicted, report::sample};

    #[test]
    fn what_a_warm_up_took_is_in_no_prediction() {
        let step = &steps(false)[2];
        let predicted = |form_us: f64, added: f64| Predicted::Value {
            value: form_us + added,
            off: 1_000.0,
            added,
        };
        // Of a round trip of 113 ms.
        for (of_poll, of_socket) in [(0.0, 0.0), (30_000.0, 200.0), (110_000.0, 5_000.0)] {
            let mut report = sample::report();
            for (lane, row, mean) in [
                (0, "long-poll", predicted(113_000.0, of_poll)),
                (1, "websocket", predicted(56_500.0, of_socket)),
            ] {
                let lane = &mut report.lanes[lane];
                lane.row = row.to_owned();
                lane.predicted.insert("mean_us".into(), mean);
            }
            let all = compare(step, &report, false);
            assert!((all[0].predicted - 56_500.0).abs() < 1e-6, "{:?}", all[0]);
        }
    }
}
