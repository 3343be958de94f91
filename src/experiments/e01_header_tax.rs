//! E1, header tax: Kaazing's arithmetic of 2010 ("871 bytes a poll"), measured.

use super::{CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside, ms};
use crate::run::{
    answer::{decimal, rate},
    figures::Unit,
    plan::Plan,
    report::Report,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E1",
    title: "Header tax",
    question: "What does one small publication cost in bytes, and does that grow with the clients?",
    claim: "Kaazing 2010; B7 \"no HTTP headers, smaller messages\"",
    expectation: "the bytes are straight lines in the number of clients: the cost of one delivery \
        is the same for 1, 10 or 50 of them. A poll pays its headers each time, a stream once. Kaazing \
        counted 871 bytes of them with a browser's cookies; this run's clients send few and no cookies, \
        so theirs are fewer.",
    claims: &["B7", "B8"],
    group: Group::Cost,
    guess: Guess::number(
        "One event of 20 bytes a second, asked for once a second: a poll's delivery costs",
        "bytes",
        1.0,
        found,
    ),
    meaning: "Headers are a price for each question, not for each event: the rarer the events and the \
        more often you ask, the more of the bytes are headers. With cookies, each \
        question pays for those as well.",
    answer,
    steps,
    compare,
    across: None,
};

fn steps(full: bool) -> Vec<Step> {
    let clients: &[usize] = if full {
        &[1, 10, 100, 1_000]
    } else {
        &[1, 10, 50]
    };
    clients
        .iter()
        .map(|clients| Step {
            label: format!(
                "{clients} {}, one publication of 20 bytes and one poll a second",
                if *clients == 1 { "client" } else { "clients" }
            ),
            plan: Plan {
                clients: *clients,
                rate: 1.0,
                size: 20,
                poll_interval: ms(1_000),
                warm_up: ms(1_000),
                duration: ms(if full { 30_000 } else { 4_000 }),
                ..Plan::default()
            },
        })
        .collect()
}

/// Messages to the byte, polls by how many there are: what a poll's headers cost is in the report
/// (`header_bytes`), beside Kaazing's 871 and not predicted here, since each client sends its own.
fn compare(_: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    report
        .lanes
        .iter()
        .flat_map(|lane| {
            [
                beside(lane, "payload_bytes", Unit::Bytes, 0.0),
                beside(lane, "message_bytes", Unit::Bytes, 0.5),
                // A poll more or less at either end of what was measured.
                beside(lane, "requests_per_publication", Unit::Count, 0.25),
            ]
        })
        .flatten()
        .collect()
}

/// Of the last step, the most clients.
fn answer(done: &CarriedOut) -> Option<String> {
    let (first, last) = (done.steps.first()?, done.steps.last()?);
    let bytes = |step: &DoneStep, row| step.figure(row, "bytes_per_publication");
    let (poll, socket) = (bytes(last, "short-poll")?, bytes(last, "websocket")?);
    let clients = last.report.plan.clients;
    let alone = match bytes(first, "short-poll") {
        Some(alone) if (alone / poll - 1.0).abs() > 0.1 => {
            format!(", and with one client {} bytes", decimal(alone, 3))
        }
        _ => ", for one client as for all".to_owned(),
    };
    Some(format!(
        "At {} of {} bytes and as many polls, with {clients} clients, a delivery by short polling \
         took {} bytes and by a WebSocket {}, {} times as many{alone}: {}",
        rate(last.report.plan.rate),
        last.report.plan.size,
        decimal(poll, 3),
        decimal(socket, 3),
        decimal(poll / socket, 2),
        match socket < poll {
            true => "smaller messages, as B7 says",
            false => "not the smaller messages that B7 promises",
        },
    ))
}

fn found(done: &CarriedOut) -> Found {
    let last = done.steps.last();
    Found::figure(
        last.and_then(|step| step.row("short-poll")),
        "bytes_per_publication",
    )
}
