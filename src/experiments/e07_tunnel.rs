//! E7, the tunnel: everybody loses the connection again and again. What is lost for good?

use super::{CarriedOut, Comparison, Experiment, Found, Group, Guess, Step, each_beside, ms};
use crate::run::{
    answer::{rate, share, span_ms},
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
    claims: &["B21", "B27", "A4"],
    group: Group::Loss,
    guess: Guess::number(
        "Everybody is away for 400 ms of every 3 s: without resume, a WebSocket gets",
        "% of the events",
        0.01,
        found,
    ),
    meaning: "No transport keeps what is published while you are away; a position that the client \
        names when it comes back does. Ask of a library whether it resumes, not only \
        whether it reconnects.",
    answer,
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

fn answer(done: &CarriedOut) -> Option<String> {
    let step = done.steps.first()?;
    let plan = &step.report.plan;
    let ms = |span: crate::config::Span| span_ms(span.0.as_secs_f64() * 1e3);
    let got = |row| step.figure(row, "delivery_ratio").map(share);
    Some(format!(
        "At {}, everybody away for {} in every {}, a WebSocket got {} of the events without resume \
         and {} with it, and Channels, whose protocol has none, {}",
        rate(plan.rate),
        ms(plan.tunnel_away),
        ms(plan.tunnel_every),
        got("websocket-no-resume")?,
        got("websocket")?,
        got("channels")?,
    ))
}

fn found(done: &CarriedOut) -> Found {
    let step = done.steps.first();
    Found::figure(
        step.and_then(|step| step.row("websocket-no-resume")),
        "delivery_ratio",
    )
}
