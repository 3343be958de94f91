//! The lane of lines of JSON: what its readers get, and what is counted of it.

use std::time::Duration;

use pushlab::{
    catalogue::FETCH_STREAM,
    config::{Config, Span},
};
use serde_json::{Value, json};

use crate::support::{PATIENCE, TestLab, eventually, http::Http, spawn_lab, test_config};

const LANE: &str = FETCH_STREAM.id.0;

/// A stream that is read line by line.
struct Lines {
    http: Http,
    text: String,
}

impl Lines {
    fn open(lab: &TestLab, method: &str, target: &str, body: &str) -> Self {
        let mut http = lab.http(LANE);
        http.send_request(method, target, &[], body.as_bytes())
            .unwrap();
        let head = http.read_head().unwrap();
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-type"), Some("application/x-ndjson"));
        assert_eq!(head.header("x-accel-buffering"), Some("no"));
        let text = String::new();
        Self { http, text }
    }

    /// The next line, empty ones included; `None` at the end.
    fn next(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let line = line.to_owned();
                self.text = rest.to_owned();
                return Some(line);
            }
            let chunk = self.http.read_chunk().unwrap()?;
            self.text.push_str(str::from_utf8(&chunk.bytes).unwrap());
        }
    }

    fn json(&mut self) -> Value {
        serde_json::from_str(&self.next().expect("the stream goes on")).unwrap()
    }
}

#[test]
fn a_line_for_each_publication_and_a_position_brings_what_was_missed() {
    let lab = spawn_lab(test_config());
    let mut lines = Lines::open(&lab, "GET", "/fetch-stream/news", "");
    assert_eq!(lines.json()["subscribed"]["offset"], 0);
    let first = lab.publish("news", "tick", json!({ "n": "a\nb" }));
    let publication = lines.json();
    assert_eq!(publication["data"], json!({ "n": "a\nb" }));
    drop(lines);
    lab.publish("news", "tick", json!(2));
    let (epoch, offset) = (first.epoch.as_str(), first.offset);
    let target = format!("/fetch-stream/news?epoch={epoch}&offset={offset}");
    let by_post = json!({ "epoch": epoch, "offset": offset, "demo": "x" }).to_string();
    for (method, target, body) in [
        ("GET", target.as_str(), ""),
        ("POST", "/fetch-stream/news", &by_post),
    ] {
        let mut again = Lines::open(&lab, method, target, body);
        assert_eq!(again.json()["subscribed"]["recovered"], true, "{method}");
        assert_eq!(again.json()["offset"], 2, "{method}");
    }
}

#[test]
fn every_byte_is_counted_by_layer() {
    let lab = spawn_lab(test_config());
    let mut lines = Lines::open(&lab, "GET", "/fetch-stream/counted?demo=compare", "");
    let subscribed = lines.next().unwrap().len() as u64 + 1;
    lab.publish("counted", "tick", json!({ "n": 1 }));
    let line = lines.next().unwrap().len() as u64 + 1;
    let payload = json!({ "n": 1 }).to_string().len() as u64;
    let series = |lab: &TestLab| {
        let stats = lab.stats("counted");
        let all = stats["series"].as_array().unwrap();
        let own = all.iter().find(|series| series["lane"] == LANE);
        own.cloned().unwrap_or_default()
    };
    eventually(PATIENCE, "it is counted", || {
        series(&lab)["publications_delivered_total"] == 1
    });
    let stats = series(&lab);
    assert_eq!(
        (&stats["transport"], &stats["demo"]),
        (&json!(LANE), &json!("compare"))
    );
    let down = |layer: &str| stats["down"][layer].as_u64().unwrap();
    assert_eq!(down("payload"), payload);
    assert_eq!(down("envelope"), line - 1 - payload);
    // Two chunks of two digits or three, the first line, and the end of the second.
    let chunk = |length: u64| format!("{length:x}").len() as u64 + 4;
    assert_eq!(
        down("framing"),
        chunk(subscribed) + chunk(line) + subscribed + 1
    );
    let layers = ["http_headers", "framing", "envelope", "payload"].map(down);
    assert_eq!(down("total"), layers.iter().sum::<u64>());
}

#[test]
fn a_quiet_stream_has_a_heartbeat_and_a_stopping_lab_says_so() {
    let mut lab = spawn_lab(Config {
        heartbeat: Span(Duration::from_millis(50)),
        shutdown_grace: Span(Duration::from_secs(5)),
        ..test_config()
    });
    let mut lines = Lines::open(&lab, "GET", "/fetch-stream/quiet", "");
    assert!(lines.json()["subscribed"].is_object());
    assert_eq!(lines.next().as_deref(), Some(""));
    lab.begin_stop();
    let closing = loop {
        let line = lines.next().expect("it says why it ends");
        if !line.is_empty() {
            break line;
        }
    };
    let closing: Value = serde_json::from_str(&closing).unwrap();
    assert_eq!(closing["closing"]["reason"], "shutdown");
    assert_eq!(lines.next(), None);
}

#[test]
fn what_is_not_understood_is_told_with_a_way_out() {
    let lab = spawn_lab(test_config());
    let mut http = lab.http(LANE);
    for (body, code) in [
        ("{", "bad_json"),
        ("[1]", "bad_json"),
        ("{\"epoch\":\"k3\"}", "bad_position"),
        ("{\"offset\":[1]}", "bad_json"),
        ("{\"client\":\"a\",\"client\":\"b\"}", "bad_query"),
    ] {
        let answer = http.request("POST", "/fetch-stream/news", &[], body.as_bytes());
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (400, code),
            "{body}"
        );
    }
    let large = vec![b' '; 1 << 20];
    let answer = lab
        .http(LANE)
        .request("POST", "/fetch-stream/news", &[], &large);
    assert_eq!(answer.status, 413);
    assert_eq!(
        lab.http(LANE)
            .request("PUT", "/fetch-stream/news", &[], b"")
            .status,
        405
    );
}
