//! E1, header tax: Kaazing's arithmetic of 2010 ("871 bytes a poll"), measured.

use super::{Comparison, Experiment, Step, beside, ms};
use crate::run::{figures::Unit, plan::Plan, report::Report};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E1",
    title: "Header tax",
    question: "What does one small publication cost in bytes, and does that grow with the clients?",
    claim: "Kaazing 2010; B7 \"no HTTP headers, smaller messages\"",
    expectation: "the bytes are straight lines in the number of clients: the cost of one delivery \
        is the same for 1, 10 or 50 of them. A poll pays its headers each time, a stream once. Kaazing \
        counted 871 bytes of them with a browser's cookies; this run's clients send few and no cookies, \
        so theirs are fewer.",
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
            label: format!("{clients} clients, one publication of 20 bytes and one poll a second"),
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
