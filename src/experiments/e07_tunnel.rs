//! E7, the tunnel: everybody loses the connection again and again. What is lost for good?

use super::{Comparison, Experiment, Step, each_beside, ms};
use crate::run::{
    figures::Unit,
    plan::{Plan, Resume},
    report::Report,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E7",
    title: "Tunnel",
    question: "What is published while a client is away: does it get that later?",
    claim: "B21 \"a message published during a brief disconnection will never arrive\"; B27",
    expectation: "without resume 1 - D/P is delivered (polls lose what waited for the next poll, \
        too); with resume all of it, in order, once. Pusher's protocol has no resume; its rows with \
        resume use the lab's extension.",
    steps,
    compare,
    across: None,
};

fn steps(full: bool) -> Vec<Step> {
    // 2 s in 15 s, at 2 events/s; the quick form is the same five times as fast.
    let (rate, every, away, interval, duration, clients) = match full {
        // Few clients: all come back at once, and must be back within half a beat, 50 ms.
        false => (10.0, 3_000, 400, 100, 12_000, 3),
        // Of each of 18 rows, and all of them come back at once.
        true => (2.0, 15_000, 2_000, 500, 60_000, 20),
    };
    vec![Step {
        label: format!("away for {away} ms in every {every} ms, cut by RST"),
        plan: Plan {
            clients,
            rate,
            tunnel_every: ms(every),
            tunnel_away: ms(away),
            poll_interval: ms(interval),
            warm_up: ms(0),
            duration: ms(duration),
            resume: Resume::Both,
            repeat: if full { 3 } else { 1 },
            ..Plan::default()
        },
    }]
}

fn compare(_: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    report
        .lanes
        .iter()
        .flat_map(|lane| {
            // All of it means all of it; what is lost depends on where a cut falls between two
            // publications.
            let tolerance = if lane.resume { 0.0 } else { 0.02 };
            each_beside(
                lane,
                &[
                    ("delivery_ratio", Unit::Share, tolerance),
                    ("duplicates", Unit::Count, 0.0),
                    ("order_violations", Unit::Count, 0.0),
                ],
            )
        })
        .collect()
}
