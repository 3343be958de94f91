//! E1, header tax: Kaazing's arithmetic of 2010 ("871 bytes a poll"), measured.

use super::{Comparison, Experiment, Step, beside, ms, value};
use crate::run::{figures::Unit, plan::Plan, report::Report};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E1",
    title: "Header tax",
    question: "What does one small publication cost in bytes, and does that grow with the clients?",
    claim: "Kaazing 2010; B7 \"no HTTP headers, smaller messages\"",
    expectation: "the bytes are straight lines in the number of clients: the cost of one delivery \
        is the same for 1, 10 or 50 of them. A poll pays its headers each time, a stream once.",
    steps,
    compare,
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
                duration: ms(if full { 30_000 } else { 5_000 }),
                ..Plan::default()
            },
        })
        .collect()
}

/// Bytes are compared with what the protocol's own arithmetic gives for one delivery.
fn compare(_: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let mut all = Vec::new();
    for lane in &report.lanes {
        all.extend(beside(lane, "payload_bytes", Unit::Bytes, 0.0));
        all.extend(beside(lane, "message_bytes", Unit::Bytes, 0.5));
        if lane.row != "short-poll" {
            continue;
        }
        // One poll a second and one publication a second: each delivery pays one request's
        // headers, give or take the poll at either end.
        let (headers, requests) = (
            value(lane, "header_bytes"),
            value(lane, "requests_per_publication"),
        );
        all.push(Comparison {
            what: "short-poll requests_per_publication".to_owned(),
            predicted: 1.0,
            measured: requests,
            tolerance: 0.25,
            unit: Unit::Count,
        });
        if let (Some(headers), Some(requests)) = (headers, requests) {
            all.push(Comparison {
                what: "headers of one poll (Kaazing: 871)".to_owned(),
                predicted: 500.0,
                measured: Some(headers / requests),
                tolerance: 371.0,
                unit: Unit::Bytes,
            });
        }
    }
    all
}
