//! `GET /metrics`: read by a real parser of the Prometheus text format (`openmetrics-parser`), and
//! the same figures as `GET /api/stats` for the same series.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{
    self, PATIENCE, TestLab, eventually,
    follower::{self, Follower, Start},
    spawn_lab, test_config,
    websocket::WebSocket,
};
use openmetrics_parser::{
    HistogramValue, MetricsExposition, PrometheusType, PrometheusValue,
    prometheus::parse_prometheus,
};
use serde_json::{Value, json};

type Exposition = MetricsExposition<PrometheusType, PrometheusValue>;
/// Names and values of labels, sorted.
type Labels = BTreeMap<String, String>;

const CHANNEL: &str = "metered";
/// Of a series, in both views.
const SERIES_LABELS: [&str; 5] = ["lane", "transport", "protocol", "demo", "channel"];
const LAYERS: [&str; 4] = ["http_headers", "framing", "envelope", "payload"];

#[test]
fn metrics_are_prometheus_text_that_a_parser_reads() {
    let lab = busy_lab();
    let answer = lab.http("main").get("/metrics");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let metrics = read(&answer.text());
    let expected = BTreeSet::from([
        "pushlab_bytes_total",
        "pushlab_compression_saved_bytes_total",
        "pushlab_channels",
        "pushlab_connections_open",
        "pushlab_delay_seconds",
        "pushlab_empty_answers_total",
        "pushlab_envelope_bytes_total",
        "pushlab_info",
        "pushlab_lane_connections_open",
        "pushlab_lane_connections_opened_total",
        "pushlab_presence_announcements_dropped_total",
        "pushlab_publications_delivered_total",
        "pushlab_publications_dropped_total",
        "pushlab_publications_received_total",
        "pushlab_requests_total",
        "pushlab_segments_received_total",
        "pushlab_segments_sent_total",
        "pushlab_socketio_sessions_ended_total",
        "pushlab_socketio_sessions_open",
        "pushlab_socketio_sessions_opened_total",
        "pushlab_tls_bytes_received_total",
        "pushlab_tls_bytes_sent_total",
        "pushlab_uptime_seconds",
        "pushlab_writes_total",
    ]);
    let found: BTreeSet<_> = metrics.families.keys().map(String::as_str).collect();
    assert_eq!(found, expected);
}

#[test]
fn metrics_of_a_lab_that_did_nothing_yet_are_read_as_well() {
    let lab = spawn_lab(test_config());
    let metrics = read(&lab.http("main").get("/metrics").text());
    assert!(metrics.families.contains_key("pushlab_info"));
    assert!(!metrics.families.contains_key("pushlab_delay_seconds"));
}

#[test]
fn names_tell_kind_and_unit() {
    let lab = busy_lab();
    for (name, family) in metrics_of(&lab).families {
        let is_counter = matches!(family.family_type, PrometheusType::Counter);
        assert_eq!(name.ends_with("_total"), is_counter, "{name}");
        assert!(name.starts_with("pushlab_"), "{name}");
        assert!(family.help.ends_with('.'), "{name}: {}", family.help);
        let unitless = [
            "_bytes",
            "_seconds",
            "_total",
            "_open",
            "_channels",
            "_info",
        ];
        assert!(unitless.iter().any(|end| name.ends_with(end)), "{name}");
        for wrong in ["_ms", "_us", "_milliseconds", "_microseconds", "_kb"] {
            assert!(!name.contains(wrong), "base units: {name}");
        }
    }
}

#[test]
fn every_figure_of_a_series_is_the_same_in_metrics_and_stats() {
    let lab = busy_lab();
    let (metrics, stats) = settled(&lab);
    let series = stats["series"].as_array().unwrap();
    let label = |s: &Value, name: &str| s[name].as_str().unwrap().to_owned();
    let carried = series
        .iter()
        .map(|s| (label(s, "transport"), label(s, "protocol")));
    let all = follower::ALL.map(follower::Transport::labels);
    let all = all.into_iter().chain([("http", "plain")]);
    let all: BTreeSet<_> = all.map(|(t, p)| (t.to_owned(), p.to_owned())).collect();
    assert_eq!(carried.collect::<BTreeSet<_>>(), all);
    for series in series {
        let labels = labels_of(series, &SERIES_LABELS);
        for (metric, field) in [
            ("pushlab_requests_total", "/requests_total"),
            ("pushlab_empty_answers_total", "/empty_answers_total"),
            (
                "pushlab_publications_delivered_total",
                "/publications_delivered_total",
            ),
            (
                "pushlab_publications_received_total",
                "/publications_received_total",
            ),
            ("pushlab_publications_dropped_total", "/drops_total"),
            ("pushlab_writes_total", "/writes_total"),
            ("pushlab_segments_sent_total", "/tcp/segments_down"),
            ("pushlab_segments_received_total", "/tcp/segments_up"),
            ("pushlab_connections_open", "/connections_open"),
        ] {
            let expected = series.pointer(field).and_then(Value::as_f64).unwrap();
            assert_eq!(
                number(&metrics, metric, &labels),
                expected,
                "{metric} {labels:?}"
            );
        }
        for direction in ["up", "down"] {
            let mut sum = 0.0;
            for layer in LAYERS {
                let mut labels = labels.clone();
                labels.insert("direction".to_owned(), direction.to_owned());
                labels.insert("layer".to_owned(), layer.to_owned());
                let bytes = number(&metrics, "pushlab_bytes_total", &labels);
                assert_eq!(Some(bytes), series[direction][layer].as_f64(), "{labels:?}");
                sum += bytes;
            }
            assert_eq!(Some(sum), series[direction]["total"].as_f64());
        }
    }
}

#[test]
fn every_lane_is_the_same_in_metrics_and_stats() {
    let lab = busy_lab();
    let (metrics, stats) = settled(&lab);
    let lanes = stats["lanes"].as_array().unwrap();
    assert_eq!(lanes.len(), pushlab::catalogue::LANES.len() + 1);
    for lane in lanes {
        let labels = labels_of(lane, &["lane"]);
        for (metric, field) in [
            ("pushlab_lane_connections_open", "connections_open"),
            (
                "pushlab_lane_connections_opened_total",
                "connections_opened_total",
            ),
        ] {
            let expected = lane[field].as_f64().unwrap();
            assert_eq!(
                number(&metrics, metric, &labels),
                expected,
                "{metric} {labels:?}"
            );
        }
    }
}

#[test]
fn delay_buckets_are_cumulative_and_hold_every_sample() {
    let lab = busy_lab();
    report(
        &lab,
        "sse",
        "received",
        &[50, 100, 101, 5_000, 9_000_000, 60_000_000],
    );
    let (metrics, stats) = settled(&lab);
    let latency = stats["latency"].as_array().unwrap();
    let written = latency.iter().filter(|l| l["stage"] == "written");
    let all = follower::ALL.len();
    assert_eq!(written.count(), all, "each transport wrote: {stats}");
    let histograms = histograms(&metrics);
    assert_eq!(histograms.len(), latency.len());
    for (labels, histogram) in &histograms {
        let counts: Vec<_> = histogram.buckets.iter().map(|b| b.count.as_f64()).collect();
        let bounds: Vec<_> = histogram.buckets.iter().map(|b| b.upper_bound).collect();
        assert!(counts.is_sorted(), "{labels:?} {counts:?}");
        assert!(bounds.is_sorted_by(|a, b| a < b), "{labels:?} {bounds:?}");
        assert_eq!(bounds.last(), Some(&f64::INFINITY));
        let count = histogram.count.unwrap();
        assert_eq!(*counts.last().unwrap(), count as f64, "{labels:?}");
        let same = latency
            .iter()
            .find(|l| labels_of(l, &["lane", "transport", "protocol", "stage"]) == *labels)
            .unwrap_or_else(|| panic!("{labels:?} is not in /api/stats"));
        assert_eq!(same["n"], count, "{labels:?}");
        // The median is in the bucket where the count passes one half.
        let median_s = same["p50_us"].as_f64().unwrap() / 1e6;
        let half = counts
            .iter()
            .position(|c| *c >= count as f64 / 2.0)
            .unwrap();
        let from = if half == 0 { 0.0 } else { bounds[half - 1] };
        // Histograms keep three digits, so a value may stand for a neighbour.
        assert!(
            (from * 0.999..=bounds[half] * 1.001).contains(&median_s),
            "{labels:?}: {median_s} s is not in {from}..{}",
            bounds[half]
        );
    }
}

#[test]
fn browsers_reports_appear_in_metrics_and_stats() {
    let lab = spawn_lab(test_config());
    let delays = [800, 900, 1_000, 40_000];
    let accepted = report(&lab, "long-poll", "received", &delays);
    assert_eq!(accepted, json!({"accepted": 4, "refused": 0}));
    report(&lab, "long-poll", "painted", &[16_000]);
    // Clocks differ within their bound: a delay may seem to be negative.
    report(&lab, "websocket", "received", &[-120, 300]);
    let (metrics, stats) = settled(&lab);
    let histograms = histograms(&metrics);
    let find = |lane: &str, stage: &str| {
        let entry = stats["latency"].as_array().unwrap().iter();
        let mut entry = entry.filter(|l| l["lane"] == lane && l["stage"] == stage);
        let figures = entry
            .next()
            .unwrap_or_else(|| panic!("{lane} {stage}: {stats}"));
        assert_eq!(figures["transport"], lane);
        let labels = labels_of(figures, &["lane", "transport", "protocol", "stage"]);
        (figures, &histograms[&labels])
    };
    let (figures, histogram) = find("long-poll", "received");
    assert_eq!(figures["n"], 4);
    // That and which window they are over is told.
    assert_eq!(stats["latency_window_us"], 300_000_000);
    assert_eq!(figures["bound_us"], 350);
    assert_eq!(figures["p50_us"], 900);
    // Three digits are kept, so what stands for 40,000 may be a little more.
    let max_us = figures["max_us"].as_u64().unwrap();
    assert!((40_000..=40_040).contains(&max_us), "{max_us}");
    assert_eq!(histogram.count, Some(4));
    let below = |seconds: f64| {
        let bucket = histogram.buckets.iter().find(|b| b.upper_bound == seconds);
        bucket.unwrap().count.as_f64()
    };
    assert_eq!(
        [below(0.000_5), below(0.001), below(0.025), below(0.05)],
        [0.0, 3.0, 3.0, 4.0]
    );
    let sum_s: f64 = delays.iter().map(|us| *us as f64 / 1e6).sum();
    let told = histogram.sum.as_ref().unwrap().as_f64();
    assert!(
        (told / sum_s - 1.0).abs() < 0.001,
        "{told} s and not {sum_s} s"
    );
    assert_eq!(find("long-poll", "painted").0["n"], 1);
    let (figures, histogram) = find("websocket", "received");
    assert_eq!((&figures["n"], histogram.count), (&json!(2), Some(2)));
}

/// A lab in which every transport carried something, and all is quiet again.
fn busy_lab() -> TestLab {
    let lab = spawn_lab(test_config());
    let mut followers = follower::ALL.map(|transport| {
        let start = Start {
            client: Some(format!("client-{}", transport.lane())),
            ..Start::default()
        };
        Follower::open(&lab, transport, CHANNEL, start)
    });
    for n in 0..10 {
        lab.publish(CHANNEL, "tick", json!({ "n": n }));
    }
    for follower in &mut followers {
        follower.take(10);
    }
    let mut socket = WebSocket::open(lab.address("websocket"), &format!("{CHANNEL}?demo=chat"));
    socket.expect_subscribed();
    socket.publish("message", &json!("hello"), "m1").unwrap();
    (0..2).for_each(|_| drop(socket.expect_json()));
    lab
}

fn read(text: &str) -> Exposition {
    parse_prometheus(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn metrics_of(lab: &TestLab) -> Exposition {
    read(&lab.http("main").get("/metrics").text())
}

/// Both views once counting has come to rest: the figures before and after are the same. One kept
/// connection asks for all, so that asking opens no other.
fn settled(lab: &TestLab) -> (Exposition, Value) {
    let mut http = lab.http("main");
    let mut found = None;
    eventually(PATIENCE, "counting comes to rest", || {
        let before = http.get("/api/stats").json();
        let metrics = read(&http.get("/metrics").text());
        let after = http.get("/api/stats").json();
        let at_rest = ["series", "lanes", "latency"]
            .iter()
            .all(|part| before[part] == after[part]);
        found = at_rest.then_some((metrics, after));
        at_rest
    });
    found.expect("it came to rest")
}

fn report(lab: &TestLab, lane: &str, stage: &str, delays_us: &[i64]) -> Value {
    let key = report_key(lab, lane);
    let sample = json!({
        "lane": lane, "stage": stage, "key": key, "bound_us": 350, "delays_us": delays_us
    });
    let body = json!({"client": "c1", "samples": [sample]}).to_string();
    let answer = lab.http("main").post("/api/reports", body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// As the lane itself gives it out.
fn report_key(lab: &TestLab, lane: &str) -> Value {
    let path = format!("/api/reports/key?lane={lane}");
    lab.http(lane).get(&path).json()["key"].clone()
}

#[test]
fn reports_that_cannot_be_true_are_refused_and_counted() {
    let lab = spawn_lab(test_config());
    let key = report_key(&lab, "sse");
    let send = |key: &Value, bound_us: u64, delays_us: Value, headers: &[(&str, &str)]| {
        let samples = json!([{
            "lane": "sse", "stage": "received", "key": key,
            "bound_us": bound_us, "delays_us": delays_us
        }]);
        let body = json!({ "samples": samples }).to_string();
        let mut http = lab.http("main");
        let answer = http.request("POST", "/api/reports", headers, body.as_bytes());
        (answer.status, answer.json())
    };
    let taken = |accepted, refused| (200, json!({"accepted": accepted, "refused": refused}));
    let ten_minutes = 600_000_000_i64;
    assert_eq!(send(&key, 300, json!([-301, -300, 40]), &[]), taken(2, 1));
    assert_eq!(send(&key, u64::MAX, json!([i64::MAX, 1]), &[]), taken(0, 2));
    assert_eq!(
        send(&key, 1, json!([ten_minutes, i64::MIN]), &[]),
        taken(0, 2)
    );

    let of_another_lane = report_key(&lab, "websocket");
    for bad in [json!(""), json!("1-2-3"), of_another_lane] {
        let (status, answer) = send(&bad, 300, json!([5, 6]), &[]);
        assert_eq!(status, 403);
        assert_eq!(answer["error"]["code"], "bad_report_key");
    }
    for foreign in [
        [
            ("content-type", "text/plain"),
            ("origin", "http://evil.example"),
        ],
        [
            ("content-type", "text/plain"),
            ("sec-fetch-site", "cross-site"),
        ],
    ] {
        let (status, answer) = send(&key, 300, json!([5]), &foreign);
        assert_eq!(status, 403);
        assert_eq!(answer["error"]["code"], "foreign_page");
    }
    let refused = lab.http("sse").get("/api/reports/key?lane=websocket");
    assert_eq!(refused.status, 400, "a lane gives out its own key");

    let stats = lab.stats("none");
    let figures = &stats["latency"][0];
    assert_eq!(
        (&figures["n"], &figures["bound_us"]),
        (&json!(2), &json!(300))
    );
    assert_eq!(
        stats["reports_refused"],
        json!({
            "below_zero": 2, "clock_unknown": 2, "foreign_page": 2, "no_key": 6, "too_long": 1
        })
    );
}

fn labels_of(object: &Value, names: &[&str]) -> Labels {
    let label = |name: &&str| {
        let value = object[*name].as_str();
        let value = value.unwrap_or_else(|| panic!("no {name} in {object}"));
        ((*name).to_owned(), value.to_owned())
    };
    names.iter().map(label).collect()
}

/// Labels and value of each sample of a family.
fn samples(metrics: &Exposition, name: &str) -> Vec<(Labels, PrometheusValue)> {
    let family = &metrics.families.get(name);
    let family = family.unwrap_or_else(|| panic!("no {name}"));
    let labels = |sample: &openmetrics_parser::Sample<PrometheusValue>| {
        let labels = sample.get_labelset().expect("a sample has labels");
        labels.iter().map(|(n, v)| (n.clone(), v.clone())).collect()
    };
    let samples = family.iter_samples();
    samples.map(|s| (labels(s), s.value.clone())).collect()
}

fn number(metrics: &Exposition, name: &str, labels: &Labels) -> f64 {
    let samples = samples(metrics, name);
    let mut matching = samples.iter().filter(|(of, _)| of == labels);
    let (_, value) = matching
        .next()
        .unwrap_or_else(|| panic!("no {name} {labels:?} in {samples:?}"));
    assert!(matching.next().is_none(), "{name} {labels:?} stands twice");
    match value {
        PrometheusValue::Counter(counter) => counter.value.as_f64(),
        PrometheusValue::Gauge(gauge) => gauge.as_f64(),
        other => panic!("{name} is {other:?}"),
    }
}

fn histograms(metrics: &Exposition) -> BTreeMap<Labels, HistogramValue> {
    let samples = samples(metrics, "pushlab_delay_seconds");
    let histograms = samples.into_iter().map(|(labels, value)| match value {
        PrometheusValue::Histogram(histogram) => (labels, histogram),
        other => panic!("{labels:?} is {other:?}"),
    });
    histograms.collect()
}

#[test]
fn on_one_port_every_lane_gives_its_key_there() {
    let lab = spawn_lab(pushlab::config::Config {
        single_port: true,
        ..test_config()
    });
    let has_own_port = |lane: &str| pushlab::catalogue::lane(lane).unwrap().needs_own_port;
    for lane in support::plain_lanes().filter(|lane| !has_own_port(lane)) {
        let path = format!("/api/reports/key?lane={lane}");
        let answer = lab.http("main").get(&path);
        assert!(
            answer.json()["key"].is_string(),
            "{lane}: {}",
            answer.text()
        );
    }
}
