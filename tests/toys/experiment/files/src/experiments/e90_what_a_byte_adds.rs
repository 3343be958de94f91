//! E90, a toy: what does a byte more of data add to a publication?

use super::{CarriedOut, Comparison, Experiment, Found, Group, Guess, Step, beside, ms};
use crate::run::{
    answer::decimal,
    figures::Unit,
    plan::Plan,
    report::Report,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E90",
    title: "What a byte adds",
    question: "What do ten bytes more of data add to a publication?",
    claim: "none of the two articles'",
    expectation: "ten bytes",
    claims: &["B7"],
    group: Group::Cost,
    guess: Guess::number("Ten bytes more of data are", "bytes", 1.0, found),
    meaning: "What stands around the data does not grow with it.",
    answer,
    steps,
    compare,
    across: None,
};

fn steps(_full: bool) -> Vec<Step> {
    [60, 70]
        .into_iter()
        .map(|size| Step {
            label: format!("{size} bytes of data"),
            plan: Plan {
                lanes: "sse,websocket".to_owned(),
                clients: 1,
                rate: 20.0,
                size,
                warm_up: ms(200),
                duration: ms(1_000),
                ..Plan::default()
            },
        })
        .collect()
}

fn compare(_: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let lanes = report.lanes.iter();
    lanes
        .filter_map(|lane| beside(lane, "message_bytes", Unit::Bytes, 0.5))
        .collect()
}

fn answer(done: &CarriedOut) -> Option<String> {
    let bytes = |at: usize| done.steps.get(at)?.figure("websocket", "message_bytes");
    Some(format!(
        "Ten bytes more of data made a publication {} bytes longer",
        decimal(bytes(1)? - bytes(0)?, 2)
    ))
}

fn found(done: &CarriedOut) -> Found {
    Found::compared_in(done.steps.last(), "websocket message_bytes")
}
