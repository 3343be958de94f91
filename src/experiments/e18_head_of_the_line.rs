//! E18, head of the line: chat behind something large, on one connection and on two.

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside,
    evidence::Evidence, ms,
};
use crate::run::{
    figures::Unit,
    plan::{BlobOn, Plan},
    report::{LaneReport, Report},
    theory::behind_blob_s,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E18",
    title: "Head of the line",
    question: "What does a large transfer do to the small messages beside it?",
    claim: "RFC 9113 §1 on head-of-line blocking; multiplexing everything over one socket",
    expectation: "on one connection a message that comes just after a blob waits for all of it: \
        blob / bandwidth. With a connection of its own for the blobs (each has the same bandwidth \
        here), chat never notices.",
    claims: &[],
    group: Group::Networks,
    guess: Guess::number(
        "At 10 Mbit/s, a chat message just behind 256 KiB on the same connection waits",
        "ms",
        1e3,
        found,
    ),
    meaning: "One connection is one queue: whatever is large holds up whatever is small behind it. \
        Send large things by another connection, or in pieces.",
    answer,
    steps,
    compare,
    across: None,
};

const BITS_PER_S: f64 = 10e6;

fn steps(full: bool) -> Vec<Step> {
    let ways = [
        ("blobs on the same connection", BlobOn::Same),
        ("blobs on a connection of their own", BlobOn::Own),
    ];
    ways.into_iter()
        .map(|(what, blob_on)| Step {
            label: format!("chat and {what}, 10 Mbit/s"),
            plan: Plan {
                lanes: "sse,websocket".to_owned(),
                conditions: format!("bandwidth down={}mbit", BITS_PER_S / 1e6),
                clients: if full { 5 } else { 2 },
                // The quick form is the same with a quarter of the blob, four times as often.
                rate: if full { 5.0 } else { 20.0 },
                blob_every: ms(if full { 5_000 } else { 1_250 }),
                blob_size: if full { 1 << 20 } else { 1 << 18 },
                blob_on,
                warm_up: ms(500),
                duration: ms(if full { 60_000 } else { 7_500 }),
                repeat: if full { 3 } else { 1 },
                ..Plan::default()
            },
        })
        .collect()
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let of = |lane: &LaneReport| of_lane(step, report, lane);
    report.lanes.iter().flat_map(of).collect()
}

fn of_lane(step: &Step, report: &Report, lane: &LaneReport) -> Vec<Comparison> {
    let plan = &step.plan;
    // Blobs come midway between two messages.
    let half_a_beat_s = 0.5 / plan.rate;
    let spike_s = match plan.blob_on {
        BlobOn::Same => behind_blob_s(plan.blob_size as f64, BITS_PER_S, half_a_beat_s),
        BlobOn::Own => 0.0,
    };
    let worst = Comparison::near(
        format!("{} longest delay", lane.row),
        Unit::Microseconds,
        spike_s * 1e6 + report.round_trip_us as f64 / 2.0,
        Evidence::of(lane, "max_us"),
        // Publishing the blob takes a moment, and both ends have to copy it.
        15_000.0 + spike_s * 0.1e6,
    );
    [
        Some(worst),
        beside(lane, "delivery_ratio", Unit::Share, 0.0),
        beside(lane, "order_violations", Unit::Count, 0.0),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn answer(done: &CarriedOut) -> Option<String> {
    let of = |blob_on| done.step(|plan| plan.blob_on == blob_on);
    let (same, own) = (of(BlobOn::Same)?, of(BlobOn::Own)?);
    let longest = |step: &DoneStep| step.late("websocket", "max_us");
    Some(format!(
        "At {:.0} Mbit/s, a chat message on a WebSocket waited up to {} with {} KiB in front of it on \
         the same connection, and up to {} with those on a connection of their own",
        BITS_PER_S / 1e6,
        longest(same)?,
        same.report.plan.blob_size >> 10,
        longest(own)?,
    ))
}

fn found(done: &CarriedOut) -> Found {
    let same = done.step(|plan| plan.blob_on == BlobOn::Same && plan.blob_size == 1 << 18);
    Found::compared_in(same, "websocket longest delay")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::sample;

    #[test]
    fn chat_waits_for_the_blob_only_where_it_shares_its_connection() {
        let [one, two] = [0, 1].map(|index| {
            let step = &steps(true)[index];
            let report = sample::report();
            of_lane(step, &report, &report.lanes[0])[0].predicted
        });
        // 1 MiB at 10 Mbit/s is 839 ms; the next message comes 100 ms after its beginning.
        assert!((one - 739_000.0).abs() < 1_000.0, "{one}");
        assert!(two < 1_000.0, "{two}");
    }

    #[test]
    fn a_spike_on_two_connections_is_otherwise() {
        let step = &steps(false)[1];
        let mut report = sample::report();
        let spike = sample::valid(180_000.0);
        report.lanes[0].measured.insert("max_us".to_owned(), spike);
        let compared = of_lane(step, &report, &report.lanes[0]);
        assert_eq!(compared[0].agrees(), Some(false));
    }
}
