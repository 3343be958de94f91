//! Rows that are compressed: every coding on every lane that has one, by native clients that ask for it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::runner::{pushlab, result};

#[test]
fn compressed_rows_get_the_same_by_fewer_bytes() {
    let lanes = [
        "short-poll",
        "long-poll",
        "sse",
        "sse-bare",
        "fetch-stream",
        "channels-streaming",
        "channels-polling",
        "socketio-polling",
    ];
    let rows: Vec<_> = lanes
        .iter()
        .flat_map(|lane| ["", "-gzip", "-br", "-zstd"].map(|coding| format!("{lane}{coding}")))
        .collect();
    let rows = rows.join(",");
    let result = result(&pushlab(&[
        "run",
        "--lanes",
        &rows,
        "--sample",
        "dashboard",
        "--clients",
        "2",
        "--rate",
        "10",
        "--warm-up",
        "500ms",
        "--duration",
        "2s",
        "--poll-interval",
        "500ms",
        "--json",
    ]));
    let lanes_of: &Vec<Value> = result["lanes"].as_array().unwrap();
    let of: BTreeMap<_, _> = lanes_of
        .iter()
        .map(|lane| (lane["row"].as_str().unwrap(), lane))
        .collect();
    assert_eq!(of.len(), lanes.len() * 4);
    for lane in lanes {
        let figure = |row: &str, name: &str| of[row]["measured"][name]["value"].as_f64();
        let plain = figure(lane, "bytes_per_publication").unwrap();
        for coding in ["gzip", "br", "zstd"] {
            let row = format!("{lane}-{coding}");
            assert_eq!(figure(&row, "n"), Some(40.0), "{row}");
            assert_eq!(figure(&row, "delivery_ratio"), Some(1.0), "{row}");
            for none in ["gaps", "duplicates", "order_violations", "failures"] {
                assert_eq!(figure(&row, none), Some(0.0), "{row} {none}");
            }
            let coded = figure(&row, "bytes_per_publication").unwrap();
            assert!(coded < plain * 0.85, "{row}: {coded} of {plain}");
            let label = of[&*row]["label"].as_str().unwrap();
            assert!(label.ends_with(coding), "{label}");
            // What cannot be known before is not predicted.
            assert!(
                of[&*row]["predicted"]["bytes_per_publication"].is_null(),
                "{row}"
            );
        }
        assert!(of[lane]["predicted"]["bytes_per_publication"].is_object());
    }
}
