//! E23, compression: how much smaller, for how much of the server's time and memory, and how much later?
//!
//! ```text
//! event stream            one compressor for each stream: gzip, brotli, zstd, flushed event by event
//! WebSocket               permessage-deflate: each message by itself, compressed once for all who get it
//! WebSocket, in context   one compressor for each socket, which knows what was said before
//! ```
//!
//! One row to a step, each with a server of its own, so that its processor time and its memory are its own. What is
//! compressed stands in every row's name; the sentence compares a row with the same transport uncompressed, and names
//! the transport where it compares two.

use super::{
    CarriedOut, Comparison, DoneStep, Experiment, Found, Group, Guess, Step, beside,
    evidence::Evidence, ms, value,
};
use crate::run::{
    answer::{decimal, share},
    coded_bytes,
    figures::Unit,
    plan::{Plan, Sample},
    report::Report,
};

pub const EXPERIMENT: Experiment = Experiment {
    id: "E23",
    title: "Compression",
    question: "How much smaller does compression make what is pushed, and what does it cost the server?",
    claim: "B8 \"saves bandwidth\"",
    expectation: "an event of a stream is told from those before it: of a chat message little more than its words \
        and its instants is left, of a model's token an eighth. The codecs are close to each other, since what is \
        left is what nobody can guess; a WebSocket whose messages refer to earlier ones is among them, and one whose \
        messages stand by themselves saves a quarter. The price is a compressor for each reader, some tens of \
        microseconds an event and 0.3 to 0.7 MiB, where a publication is otherwise encoded once for all; \
        and the last reader waits until those before it are compressed. A message by itself is compressed once for \
        all, and costs no memory.",
    claims: &["B8"],
    group: Group::Cost,
    guess: Guess::number(
        "A chat message takes an event stream 250 bytes. Compressed by gzip, event by event, it takes",
        "bytes",
        1.0,
        found,
    ),
    meaning: "Compression saves far more than another transport does, on any transport that has it: compare codecs with \
        codecs and transports with transports. It is bought with memory and processor time for every reader, so it is for \
        streams of similar messages to hundreds of readers, and not for thousands that wait.",
    answer,
    steps,
    compare,
    across: Some(across),
};

const PLAIN: &str = "sse";
const CODED: [&str; 3] = ["sse-gzip", "sse-br", "sse-zstd"];
const SOCKET: &str = "websocket";
const DEFLATED: [&str; 2] = ["websocket-deflate", "websocket-deflate-context"];
/// Each row with the same one as it is.
const PAIRS: [(&str, &str); 5] = [
    (CODED[0], PLAIN),
    (CODED[1], PLAIN),
    (CODED[2], PLAIN),
    (DEFLATED[0], SOCKET),
    (DEFLATED[1], SOCKET),
];
const SAMPLES: [(Sample, &str); 3] = [
    (Sample::Chat, "chat"),
    (Sample::Tokens, "a model's tokens"),
    (Sample::Dashboard, "a dashboard"),
];

fn steps(full: bool) -> Vec<Step> {
    let (clients, rate) = if full { (200, 20.0) } else { (60, 40.0) };
    let all = SAMPLES.iter().flat_map(|sample| {
        let rows = [PLAIN].into_iter().chain(CODED).chain([SOCKET]);
        rows.chain(DEFLATED).map(move |row| (*sample, row))
    });
    all.filter(|((sample, _), row)| {
        full || *sample == Sample::Chat || [PLAIN, CODED[2]].contains(row)
    })
    .map(|((sample, what), row)| Step {
        label: format!("{what}, {row}"),
        plan: Plan {
            lanes: row.to_owned(),
            sample,
            clients,
            rate,
            warm_up: ms(if full { 3_000 } else { 200 }),
            duration: ms(if full { 10_000 } else { 550 }),
            ..Plan::default()
        },
    })
    .collect()
}

fn compare(step: &Step, report: &Report, _: bool) -> Vec<Comparison> {
    let Some(lane) = report.lanes.first() else {
        return Vec::new();
    };
    let mut all: Vec<_> = [
        beside(lane, "delivery_ratio", Unit::Share, 0.0),
        beside(lane, BYTES, Unit::Bytes, 1.0),
    ]
    .into_iter()
    .flatten()
    .collect();
    let row = step
        .plan
        .rows()
        .ok()
        .and_then(|rows| rows.into_iter().next());
    if let Some(coded) = row.and_then(|row| coded_bytes::per_publication(&step.plan, &row)) {
        // Instants have other digits in every run.
        let tolerance = 2.0 + coded * 0.08;
        let what = format!("{} {BYTES}", lane.row);
        let near = Comparison::near(what, Unit::Bytes, coded, value(lane, BYTES), tolerance);
        all.push(near.standing_alone());
    }
    all
}

const BYTES: &str = "bytes_per_publication";
const CPU: &str = "server_cpu_us_per_delivery";
const MEMORY: &str = "server_memory_per_client_bytes";

/// A compressed row beside the same messages uncompressed.
fn across(steps: &[DoneStep], _: bool) -> Vec<Comparison> {
    let pairs = SAMPLES
        .iter()
        .flat_map(|sample| PAIRS.map(|rows| (*sample, rows)));
    let all = pairs.filter_map(|((sample, what), (row, as_it_is))| {
        let of = |row| steps.iter().find(|step| is(step, sample, row));
        let (coded, plain) = (of(row)?, of(as_it_is)?);
        Some(beside_plain(coded, plain, &format!("{row}, {what}")))
    });
    all.flatten().collect()
}

fn beside_plain(coded: &DoneStep, plain: &DoneStep, name: &str) -> Vec<Comparison> {
    let of = |step: &DoneStep, figure| value(step.report.lanes.first()?, figure);
    let more = |figure| Some(of(coded, figure)? - of(plain, figure)?);
    let cpu_us = more(CPU);
    let at_most = |says: &str, unit, most, measured: Evidence, tolerance| {
        let what = format!("{name}: {says}");
        Comparison::near(what, unit, most, measured, tolerance).at_most()
    };
    let mut all = vec![
        at_most(
            "more processor time",
            Unit::Microseconds,
            0.0,
            cpu_us.into(),
            CPU_MOST_US,
        )
        .standing_alone(),
        at_most(
            "more memory",
            Unit::Bytes,
            0.0,
            more(MEMORY).into(),
            MEMORY_MOST_BYTES,
        )
        .standing_alone(),
    ];
    let delay = |step: &DoneStep| Some(Evidence::of(step.report.lanes.first()?, "p50_us"));
    if let (Some(cpu_us), Some(coded_delay), Some(plain_delay)) =
        (cpu_us, delay(coded), delay(plain))
    {
        // The last of all streams waits until those before it are compressed.
        let most = cpu_us.max(0.0) * coded.report.plan.clients as f64;
        let later = coded_delay.minus(plain_delay);
        all.push(at_most(
            "later, at the median",
            Unit::Microseconds,
            most,
            later,
            2_000.0,
        ));
    }
    all
}

/// What a compressor may take of a core for a message of half a kilobyte.
const CPU_MOST_US: f64 = 150.0;
/// The largest of the three compressors, and what the allocator rounds up.
const MEMORY_MOST_BYTES: f64 = 1_024.0 * 1_024.0;

fn is(step: &DoneStep, sample: Sample, row: &str) -> bool {
    let plan = &step.report.plan;
    plan.sample == sample && plan.lanes == row
}

fn of(steps: &[DoneStep], sample: Sample, row: &str, figure: &str) -> Option<f64> {
    steps
        .iter()
        .find(|step| is(step, sample, row))?
        .figure(row, figure)
}

fn answer(done: &CarriedOut) -> Option<String> {
    let bytes = |sample, row| of(&done.steps, sample, row, BYTES);
    let plain = bytes(Sample::Chat, PLAIN)?;
    let socket = bytes(Sample::Chat, SOCKET)?;
    let [alone, in_context] = DEFLATED.map(|row| bytes(Sample::Chat, row));
    let [gzip, br, zstd] = CODED.map(|row| bytes(Sample::Chat, row));
    let tokens = bytes(Sample::Tokens, CODED[2])? / bytes(Sample::Tokens, PLAIN)?;
    let cpu = |row| of(&done.steps, Sample::Chat, row, CPU);
    let memory = |row| of(&done.steps, Sample::Chat, row, MEMORY);
    Some(format!(
        "On an event stream a chat message took {} bytes as it is, {} by gzip, {} by brotli and {} by zstd, each flushed \
         at once, and a WebSocket {}, each message deflated {}, in context {}; of a model's tokens zstd left {}; gzip \
         took the server {} µs a delivery instead of {}, and {} KiB a stream instead of {}",
        decimal(plain, 3),
        decimal(gzip?, 3),
        decimal(br?, 3),
        decimal(zstd?, 3),
        decimal(socket, 3),
        decimal(alone?, 3),
        decimal(in_context?, 3),
        share(tokens),
        decimal(cpu(CODED[0])?, 2),
        decimal(cpu(PLAIN)?, 2),
        decimal(memory(CODED[0])? / 1_024.0, 2),
        decimal(memory(PLAIN)? / 1_024.0, 2),
    ))
}

fn found(done: &CarriedOut) -> Found {
    let step = done.step(|plan| plan.sample == Sample::Chat && plan.lanes == CODED[0]);
    Found::compared_in(step, &format!("{} {BYTES}", CODED[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_what_is_compressed_and_has_the_same_row_uncompressed_beside_it() {
        for full in [false, true] {
            let steps = steps(full);
            for step in &steps {
                let rows = step.plan.rows().unwrap();
                assert_eq!(rows.len(), 1, "its server is its own");
                let Some(compressed) = rows[0].compressed else {
                    assert!([PLAIN, SOCKET].contains(&rows[0].name.as_str()));
                    continue;
                };
                let lane = &rows[0].lane;
                assert_eq!(rows[0].name, format!("{lane}-{}", compressed.name()));
                let plain = steps.iter().find(|other| {
                    other.plan.lanes == *lane && other.plan.sample == step.plan.sample
                });
                assert!(plain.is_some(), "{}", step.label);
                assert!(PAIRS.contains(&(rows[0].name.as_str(), lane.as_str())));
            }
        }
    }
}
