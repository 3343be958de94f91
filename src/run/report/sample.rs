//! A small report for the tests of its forms: made up, and only there.

use super::*;
use crate::{
    client::exchange::SentHead,
    run::{figures::Figure, predicted::Predicted},
};

/// A figure that can be stood behind.
pub fn valid(value: f64) -> Figure {
    Figure::Valid {
        value,
        low: None,
        high: None,
        error: None,
    }
}

/// A question and its answer.
pub fn exchange() -> Exchange {
    Exchange {
        request: SentHead::of(b"GET /<x> HTTP/1.1\r\nCookie: a=b\r\n\r\n"),
        answer: SentHead::of(b"HTTP/1.1 200 OK\r\n\r\n"),
    }
}

/// A report of two lanes.
pub fn report() -> Report {
    let lane = |row: &str, p50: f64, requests: f64| LaneReport {
        row: row.into(),
        lane: row.into(),
        transport: row.into(),
        protocol: "plain".into(),
        label: format!("The <{row}> lane"),
        resume: true,
        valid: true,
        invalid: Vec::new(),
        remarks: Vec::new(),
        measured: [
            ("n", valid(40.0)),
            ("p50_us", valid(p50)),
            (
                "p99_us",
                Figure::Invalid {
                    invalid: "40 samples are too few; this percentile needs 1000".into(),
                },
            ),
            ("delivery_ratio", valid(1.0)),
            ("bytes_per_publication", valid(500.0)),
            ("header_bytes", valid(300.0)),
            ("framing_bytes", valid(10.0)),
            ("envelope_bytes", valid(130.0)),
            ("protocol_bytes", valid(67.0)),
            ("lab_bytes", valid(63.0)),
            ("payload_bytes", valid(60.0)),
            ("requests_per_publication", valid(requests)),
        ]
        .map(|(name, figure)| (name.to_owned(), figure))
        .into(),
        errors: BTreeMap::new(),
        predicted: [(
            "p50_us".to_owned(),
            Predicted::Value {
                value: p50 * 0.98,
                off: p50 * 0.05,
                added: 0.0,
            },
        )]
        .into(),
        processing: None,
        charts: Charts {
            delay_cdf: vec![(0.0, p50 / 2.0), (0.5, p50), (1.0, p50 * 2.0)],
            predicted_cdf: vec![(0.0, p50 / 2.0), (1.0, p50 * 1.9)],
            over_time: vec![(0.0, p50, 20), (1.0, p50, 20)],
            comeback: Vec::new(),
        },
        example: None,
    };
    Report {
        pushlab: "0.0.0".into(),
        started_us: 1_763_000_000_000_000,
        plan: Plan::default(),
        partial: false,
        valid: true,
        round_trip_us: 210,
        generator: GeneratorReport {
            cpu_share: 0.07,
            publish_lag_p99_us: 120,
            receive_lag_p99_us: 90,
            wake_lag_p99_us: 80,
            scheduled: 44,
            published: 44,
            acknowledged: 88,
            clock_bound_us: 0,
            objections: Vec::new(),
            remarks: Vec::new(),
            pinned: None,
            kept_awake: true,
            redone: 0,
            received_per_s: 200.0,
        },
        server: ServerReport {
            version: "0.0.0".into(),
            host: serde_json::json!({"os": "Testix"}),
            settings: serde_json::json!({"workers": 1}),
        },
        answer: String::new(),
        fairness: vec!["Same bytes & same schedule.".into()],
        lanes: vec![
            lane("short-poll", 250_000.0, 0.5),
            lane("websocket", 400.0, 0.0),
        ],
    }
    .settled()
}
