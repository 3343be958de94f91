//! What is around a publication's data: the protocol's part, the lab's part, and the bare rows that have
//! neither; and that README, `/api/predictions` and the closed forms say the same number.

use std::fs;

use pushlab::{
    catalogue::{
        CHANNELS_POLLING_RESUME, CHANNELS_STREAMING_RESUME, Fetching, LANES, LabPart, VARIANTS,
    },
    run::{
        bytes::{Cost, usual},
        lanes::Row,
        theory::{Arrivals, DeliveryMode, Situation, Timer, predict},
    },
};
use serde_json::{Value, json};

use crate::support::{PATIENCE, TestLab, eventually, spawn_lab, test_config, websocket::WebSocket};

/// The series of a lane on a channel, in a form (`""`: as it is).
fn series(lab: &TestLab, lane: &str, form: &str, channel: &str) -> Option<Value> {
    let stats = lab.stats(channel);
    let all = stats["series"].as_array().unwrap().iter();
    let form = match form {
        "" => Value::Null,
        form => form.into(),
    };
    let mut of_lane = all.filter(|series| series["lane"] == lane && series["form"] == form);
    of_lane.next().cloned()
}

/// Its layers down, once it has delivered.
fn down(lab: &TestLab, lane: &str, form: &str, channel: &str) -> impl Fn(&str) -> u64 {
    let mut found = None;
    eventually(PATIENCE, "it is delivered", || {
        found = series(lab, lane, form, channel);
        let delivered = |of: &Value| of["publications_delivered_total"] == 1;
        found.as_ref().is_some_and(delivered)
    });
    let found = found.unwrap_or_default();
    move |layer| found["down"][layer].as_u64().unwrap()
}

#[test]
fn a_bare_socket_carries_the_data_alone_and_a_plain_one_the_labs_63_bytes() {
    let lab = spawn_lab(test_config());
    let (channel, address) = ("parts", lab.address("websocket"));
    let mut plain = WebSocket::open(address, channel);
    let mut bare = WebSocket::open(address, &format!("{channel}?envelope=bare"));
    let greeting = plain.next().unwrap().unwrap().payload.len() as u64;
    assert!(bare.expect_json()["subscribed"].is_object());
    let data = json!({"n": 1, "text": "zwölf"});
    lab.publish(channel, "tick", data.clone());
    let length = data.to_string().len() as u64;
    assert_eq!(
        bare.next().unwrap().unwrap().payload,
        data.to_string().into_bytes()
    );
    let whole = plain.next().unwrap().unwrap().payload.len() as u64;

    let of = down(&lab, "websocket", "bare", channel);
    assert_eq!((of("payload"), of("lab")), (length, 0));
    assert_eq!(of("protocol"), greeting);
    assert_eq!(
        of("framing"),
        2 + 2,
        "two frames, each shorter than 126 bytes"
    );
    let of = down(&lab, "websocket", "", channel);
    assert_eq!((of("payload"), of("lab")), (length, 63));
    assert_eq!(of("protocol"), greeting + whole - length - 63);
    assert_eq!(of("envelope"), of("protocol") + of("lab"));
    let layers = ["http_headers", "framing", "envelope", "payload"].map(&of);
    assert_eq!(of("total"), layers.iter().sum::<u64>());
}

#[test]
fn a_bare_stream_has_data_and_no_id() {
    let lab = spawn_lab(test_config());
    let mut http = lab.http("sse");
    http.send_request("GET", "/sse/parts?envelope=bare", &[], b"")
        .unwrap();
    assert_eq!(http.read_head().unwrap().status, 200);
    let first = http.read_chunk().unwrap().unwrap().bytes;
    let first = String::from_utf8(first).unwrap();
    assert!(
        first.contains("event: subscribed") && !first.contains("\nid:"),
        "{first}"
    );
    lab.publish("parts", "tick", json!({"n": 1}));
    assert_eq!(
        http.read_chunk().unwrap().unwrap().bytes,
        b"data: {\"n\":1}\n\n"
    );
    let of = down(&lab, "sse", "bare", "parts");
    assert_eq!((of("payload"), of("envelope")), (7, 0));
}

#[test]
fn lanes_without_a_bare_form_refuse_it_with_the_way_out() {
    let lab = spawn_lab(test_config());
    for target in ["/short-poll/a", "/long-poll/a", "/fetch-stream/a"] {
        let answer = lab.http("main").get(&format!("{target}?envelope=bare"));
        assert_eq!(answer.status, 400, "{target}");
        assert!(answer.text().contains("/ws/ or /sse/"), "{}", answer.text());
    }
    let answer = lab.http("main").get("/sse/a?envelope=none");
    assert_eq!(
        (answer.status, answer.error_code()),
        (400, "bad_range".into())
    );
}

/// A row's closed form at the README's setting: four a second at even distances, polls every 500 ms.
pub fn cost(row: Row, fetching: Fetching, size_bytes: usize) -> Cost {
    let mode = match fetching {
        Fetching::ShortPolls => DeliveryMode::ShortPoll {
            interval_s: 0.5,
            timer: Timer::Interval,
        },
        Fetching::HeldPolls => DeliveryMode::LongPoll { hold_s: 25.0 },
        Fetching::Stream => DeliveryMode::Stream,
    };
    let situation = Situation {
        arrivals: Arrivals::Periodic,
        rate_per_s: 4.0,
        round_trip_s: 0.0004,
        one_way_s: 0.0002,
    };
    let model = usual(row, size_bytes, 25_000).unwrap();
    model
        .per_publication(Some(predict(mode, situation)))
        .unwrap()
}

/// Every row with its name and its closed form.
fn closed_forms(size_bytes: usize) -> impl Iterator<Item = (&'static str, Value)> {
    let lanes = LANES
        .iter()
        .map(|lane| (lane.id.0, Row::of_lane(lane), *lane));
    let variants = VARIANTS.iter();
    let variants = variants.map(|of| (of.id, Row::of_variant(of), of.lane));
    lanes.chain(variants).map(move |(name, row, lane)| {
        let cost = cost(row, lane.fetching, size_bytes);
        let of = json!({
            "bytes_per_publication": cost.total(), "header_bytes": cost.headers,
            "framing_bytes": cost.framing, "envelope_bytes": cost.envelope(),
            "protocol_bytes": cost.protocol, "lab_bytes": cost.lab, "payload_bytes": cost.payload,
        });
        (name, of)
    })
}

#[test]
fn predictions_are_the_closed_forms_of_every_row() {
    let lab = spawn_lab(test_config());
    let asked = "/api/predictions?rate_per_s=4&schedule=periodic&poll_interval_ms=500&hold_ms=25000\
                 &round_trip_us=400&size_bytes=60";
    let answer = lab.http("main").get(asked).json();
    let predicted = answer["predicted"].as_array().unwrap();
    assert_eq!(predicted.len(), LANES.len() + VARIANTS.len());
    for ((name, closed), told) in closed_forms(60).zip(predicted) {
        assert_eq!(told["lane"], name);
        for (figure, value) in closed.as_object().unwrap() {
            let apart = value.as_f64().unwrap() - told[figure].as_f64().unwrap();
            assert!(
                apart.abs() < 1e-6,
                "{name} {figure}: {value} and {}",
                told[figure]
            );
        }
    }
    let refused = lab
        .http("main")
        .get(&asked.replace("size_bytes=60", "size_bytes=5"));
    assert_eq!(refused.status, 400);
}

#[test]
fn the_labs_part_is_what_the_catalogue_says() {
    let lanes = LANES.iter().map(|lane| lane.lab_part);
    let parts = lanes.chain(VARIANTS.iter().map(|variant| variant.lab_part));
    for ((name, closed), part) in closed_forms(60).zip(parts) {
        let lab = closed["lab_bytes"].as_f64().unwrap();
        let of = |each: f64| (lab - each).abs() < 1e-6;
        assert!(
            match part {
                LabPart::Instants => of(63.0),
                LabPart::Nothing(_) => of(0.0),
                LabPart::Extension(_) => lab > 63.0,
            },
            "{name}: {lab} and {}",
            part.sentence()
        );
    }
}

/// Of the variants it has those that are compared at once. Its rows have a run's own positions, some of one digit: each counts up to four times in
/// what a poll and its answer say, once or twice in a stream.
#[test]
fn the_readmes_table_has_the_closed_forms() {
    const DIGITS: f64 = 2.0;
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let table = readme.split("## What it costs, measured").nth(1).unwrap();
    let labels = LANES.iter().map(|lane| lane.label);
    let labels = labels.chain(VARIANTS.iter().map(|variant| variant.label));
    let left_out = [&CHANNELS_STREAMING_RESUME, &CHANNELS_POLLING_RESUME];
    for ((name, closed), label) in closed_forms(60).zip(labels) {
        if left_out.iter().any(|variant| variant.id == name) {
            continue;
        }
        let mut lines = table.lines();
        let Some(line) = lines.find(|line| line.starts_with(&format!("| {label} |"))) else {
            panic!("README.md's table has no row {label}: measure it with the command above it");
        };
        let predicted = line.split('|').nth(6).unwrap();
        let predicted: f64 = predicted
            .split(['(', ' '])
            .filter_map(|word| word.parse().ok())
            .next_back()
            .unwrap();
        let closed = closed["bytes_per_publication"].as_f64().unwrap();
        assert!(
            (closed - predicted).abs() <= DIGITS,
            "{name}: {closed} and {predicted}"
        );
    }
}
