//! E10, handshake anatomy: how many round trips lie between a client's start and its channel?

use super::{
    CarriedOut, Comparison, Experiment, Found, Group, Guess, Step, evidence::Evidence, ms,
};
use crate::run::{
    answer::{decimal, span_ms},
    each_lane,
    figures::Unit,
    plan::Plan,
    report::Report,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E10",
    title: "Handshake anatomy",
    question: "How many round trips pass before a client is in its channel?",
    claim: "A2 \"instantly\"; B2 \"starts as HTTP and reuses the same TCP connection\"",
    expectation: "one for TCP and one for the request or the upgrade; Channels one more, for its \
        subscription; Socket.IO two more, for namespace and subscription, and by polling each of these \
        takes a request to ask and one to hear; Channels over HTTP asks for its channel by a POST, \
        which adds two or three. Without TLS, which would add its own.",
    claims: &["A2", "A3", "B2"],
    group: Group::Delay,
    guess: Guess::number(
        "Before a Socket.IO client over a WebSocket is in its channel, these many round trips \
        pass:",
        "round trips",
        1.0,
        found,
    ),
    meaning: "Each layer that greets adds a round trip: nothing at the next desk, a second on another \
        continent. Connect early, and do not connect anew for each page.",
    answer,
    steps,
    compare,
    across: None,
};

fn steps(full: bool) -> Vec<Step> {
    let round_trips: &[u64] = if full { &[50, 200, 400] } else { &[100, 200] };
    round_trips
        .iter()
        .map(|round_trip_ms| Step {
            label: format!("one client each, round trip {round_trip_ms} ms"),
            plan: Plan {
                clients: 1,
                rate: 4.0,
                round_trip: ms(*round_trip_ms),
                warm_up: ms(500),
                duration: ms(2_000),
                repeat: if full { 5 } else { 1 },
                ..Plan::default()
            },
        })
        .collect()
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let round_trip_us = step.plan.round_trip.0.as_micros() as f64;
    let trips = |lane: &str| each_lane::of(lane).map_or(0.0, |each| each.round_trips_to_channel());
    report
        .lanes
        .iter()
        .map(|lane| {
            let what = format!("{} round trips to its channel", lane.row);
            let measured = Evidence::of(lane, "subscribed_us").over(round_trip_us);
            // A fraction of a trip is the server's time and the timers' coarseness.
            Comparison::near(what, Unit::Count, trips(&lane.lane), measured, 0.3)
        })
        .collect()
}

/// At the longest round trip.
fn answer(done: &CarriedOut) -> Option<String> {
    let last = done.steps.last()?;
    let trips = |row| {
        Found::compared_in(Some(last), &named(row))
            .measured
            .map(|n| decimal(n, 2))
    };
    let round_trip = span_ms(last.report.plan.round_trip.0.as_secs_f64() * 1e3);
    Some(format!(
        "With a round trip of {round_trip}, a client was in its channel after {} of them on a \
         WebSocket, {} on Channels, {} on Socket.IO over a WebSocket and {} on Socket.IO by polling",
        trips("websocket")?,
        trips("channels")?,
        trips("socketio-websocket")?,
        trips("socketio-polling")?,
    ))
}

fn named(row: &str) -> String {
    format!("{row} round trips to its channel")
}

fn found(done: &CarriedOut) -> Found {
    Found::compared_in(done.steps.last(), &named("socketio-websocket"))
}
