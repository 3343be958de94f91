//! Bad input: every refusal is `{"error":{"code","message","hint"}}` with the right status, no
//! panic is reachable from the network, and one bad client never disturbs another.
//!
//! Each test has a subscriber on every transport that behaves ([`Bystanders`]): while the bad
//! client does its worst, publications go to them, and at the end each has all of them, once, in
//! order. The last tests send random bytes and random frames (proptest, a fixed number of cases).
//!
//! Not here: frames that break RFC 6455, and how each closes (`websocket_closing.rs`).

use std::{
    io, panic,
    sync::{Mutex, Once},
    thread,
    time::Duration,
};

use crate::support::{
    self, TestLab,
    connection::Connection,
    follower::{self, Follower, Start},
    http::{Answer, Http},
    plain_lanes, spawn_lab, test_config,
    websocket::{self, WebSocket},
};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    test_runner::{Config as ProptestConfig, RngAlgorithm, TestRng, TestRunner},
};
use pushlab::{
    catalogue::LANES,
    config::{Config, Span},
};
use serde_json::{Value, json};

const MAIN: &str = "main";
/// A thread that panics to show that it would be noticed.
const SELF_TEST: &str = "actix-self-test";
/// Each plain lane and its path.
fn polls_and_streams() -> impl Iterator<Item = (&'static str, &'static str)> {
    let plain = LANES.iter().filter(|lane| lane.protocol == "plain");
    plain.map(|lane| (lane.id.0, lane.path))
}

// Addresses and methods

#[test]
fn unknown_paths_are_refused_on_every_lane() {
    let lab = spawn_lab(test_config());
    let mut others = Bystanders::watch(&lab);
    let of_main = [
        "/nothing",
        "/api",
        "/api/",
        "/api/channels/x",
        "/api/channels/x/nothing",
        "/api/channels//publications",
        "/short-poll/",
        "/short-poll",
        "/sse/a/b",
        "/ws/",
        "/static/nothing.js",
        "/static/../Cargo.toml",
        "/static/%2e%2e/Cargo.toml",
        "/static/vendor/nothing",
        "//",
        "/%ff",
        "/healthz/",
        "/API/lab",
        "/echo",
    ];
    for path in of_main {
        expect(&get(&lab, MAIN, path), 404, "unknown_path", path);
    }
    for (lane, own) in polls_and_streams() {
        for path in [
            "/",
            "/api/lab",
            "/api/stats",
            "/metrics",
            "/static/icon.svg",
            "/chat",
        ] {
            expect(&get(&lab, lane, path), 404, "unknown_path", path);
        }
        for (_, other) in polls_and_streams().filter(|(_, path)| *path != own) {
            let path = format!("{other}x");
            expect(&get(&lab, lane, &path), 404, "unknown_path", &path);
        }
        others.publish_one();
    }
    others.have_everything();
}

#[test]
fn wrong_methods_are_refused_with_the_right_ones_on_every_address() {
    let lab = spawn_lab(test_config());
    let mut others = Bystanders::watch(&lab);
    let everywhere: [(&str, &[&str]); 7] = [
        ("/api/channels/x/publications", &["POST"]),
        ("/api/channels/x/presence", &["GET", "HEAD"]),
        ("/api/channels/x/presence/leave", &["POST"]),
        ("/api/channels/x/history", &["GET", "HEAD"]),
        ("/api/clock", &["GET", "HEAD"]),
        ("/api/reports/key", &["GET", "HEAD"]),
        ("/healthz", &["GET", "HEAD"]),
    ];
    let of_main: [(&str, &[&str]); 16] = [
        ("/", &["GET", "HEAD"]),
        ("/chat", &["GET", "HEAD"]),
        ("/dashboard", &["GET", "HEAD"]),
        ("/compare", &["GET", "HEAD"]),
        ("/favicon.ico", &["GET", "HEAD"]),
        ("/static/icon.svg", &["GET", "HEAD"]),
        ("/api/lab", &["GET", "HEAD"]),
        ("/api/stats", &["GET", "HEAD"]),
        ("/api/reports", &["POST"]),
        ("/api/sources", &["GET", "HEAD"]),
        ("/api/sources/x", &["DELETE", "PUT"]),
        ("/metrics", &["GET", "HEAD"]),
        ("/short-poll/x", &["GET", "HEAD"]),
        ("/long-poll/x", &["GET", "HEAD"]),
        ("/sse/x", &["GET", "HEAD"]),
        ("/ws/x", &["GET", "HEAD"]),
    ];
    let mut cases: Vec<(&str, &str, &[&str])> = Vec::new();
    for (path, allowed) in everywhere {
        cases.push((MAIN, path, allowed));
        cases.extend(plain_lanes().map(|lane| (lane, path, allowed)));
    }
    cases.extend(of_main.map(|(path, allowed)| (MAIN, path, allowed)));
    for (lane, prefix) in polls_and_streams() {
        let allowed: &[&str] = match lane {
            "fetch-stream" => &["GET", "HEAD", "POST"],
            _ => &["GET", "HEAD"],
        };
        cases.push((lane, format!("{prefix}x").leak(), allowed));
    }
    let mut wrong = Vec::new();
    for (lane, path, allowed) in cases {
        let mut http = lab.http(lane);
        for method in [
            "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW",
        ] {
            if allowed.contains(&method) {
                continue;
            }
            let what = format!("{method} {path} on {lane}");
            let answer = http.request(method, path, &[], b"");
            let mut named: Vec<_> = answer
                .header("allow")
                .unwrap_or_default()
                .split(", ")
                .collect();
            named.sort_unstable();
            let problem = problem_of(&answer, 405, "wrong_method");
            if named != allowed || problem.is_some() {
                wrong.push(format!("{what}: Allow {named:?}, {problem:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    others.publish_one();
    others.have_everything();
}

#[test]
fn a_preflight_is_granted_to_clients_of_transports_and_not_for_the_labs_own_api() {
    let lab = spawn_lab(test_config());
    let ask = [
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "POST"),
    ];
    let granted = lab
        .http("sse")
        .request("OPTIONS", "/api/channels/x/publications", &ask, b"");
    assert_eq!(granted.status, 204);
    assert_eq!(
        granted.header("access-control-allow-methods"),
        Some("GET, POST")
    );
    for path in ["/api/sources/x", "/api/reports", "/api/lab"] {
        let refused = lab.http(MAIN).request("OPTIONS", path, &ask, b"");
        expect(&refused, 405, "wrong_method", path);
        assert_eq!(refused.header("access-control-allow-methods"), None);
    }
}

// Names, positions, queries

#[test]
fn bad_channel_names_are_refused_wherever_a_channel_is_named() {
    let lab = spawn_lab(test_config());
    let mut others = Bystanders::watch(&lab);
    let longest = "x".repeat(164);
    let too_long = "x".repeat(165);
    let bad = [
        "a%20b",
        "a%2Fb",
        "a%2fb",
        "%C3%A9",
        "%ff",
        "%00",
        "a+b",
        "a:b",
        "a!b",
        "a*b",
        "%",
        "%4",
        "%zz",
        "%E2%80%AE",
        // Decoded once, this is `a%41`, and a percent sign is no name's.
        "a%2541",
        &too_long,
    ];
    let mut wrong = Vec::new();
    for name in bad {
        let at = [
            ("GET", format!("/short-poll/{name}")),
            ("GET", format!("/long-poll/{name}?hold_ms=0")),
            ("GET", format!("/sse/{name}")),
            ("POST", format!("/api/channels/{name}/publications")),
            ("GET", format!("/api/channels/{name}/presence")),
            (
                "POST",
                format!("/api/channels/{name}/presence/leave?client=a"),
            ),
            ("GET", format!("/api/channels/{name}/history")),
            ("PUT", format!("/api/sources/{name}")),
            ("DELETE", format!("/api/sources/{name}")),
        ];
        let body = br#"{"event":"e","data":1}"#;
        for (method, target) in at {
            let mut http = lab.http(MAIN);
            let body: &[u8] = if method == "POST" { body } else { b"" };
            http.send_request(method, &target, &[], body).unwrap();
            let mut answer = http.read_head().unwrap();
            if answer.status >= 400 {
                let length = answer.header("content-length").unwrap().parse().unwrap();
                answer.body = http.connection.take(length).unwrap();
            }
            if let Some(problem) = problem_of(&answer, 400, "bad_channel") {
                wrong.push(format!("{method} {target}: {problem}"));
            }
        }
        let refused = handshake(&lab, "websocket", &format!("/ws/{name}"), &[]);
        if let Some(problem) = problem_of(&refused, 400, "bad_channel") {
            wrong.push(format!("handshake /ws/{name}: {problem}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for good in [longest.as_str(), "a%3Db", "A-Z_a=z@0,9.;"] {
        let answer = get(&lab, MAIN, &format!("/short-poll/{good}"));
        assert_eq!(answer.status, 200, "{good}: {}", answer.text());
    }
    others.publish_one();
    others.have_everything();
}

#[test]
fn bad_positions_ranges_and_clients_are_refused_on_every_transport() {
    let lab = spawn_lab(test_config());
    let mut others = Bystanders::watch(&lab);
    let long = "c".repeat(65);
    let long_name = format!("client=c1&name={}", "n".repeat(65));
    let cases = [
        ("epoch=k3", "bad_position"),
        ("offset=3", "bad_position"),
        ("epoch=k3&offset=", "bad_position"),
        ("epoch=k3&offset=-1", "bad_position"),
        ("epoch=k3&offset=1e3", "bad_position"),
        ("epoch=k3&offset=1.5", "bad_position"),
        ("epoch=k3&offset=0x1", "bad_position"),
        ("epoch=k3&offset=%201", "bad_position"),
        ("epoch=k3&offset=99999999999999999999", "bad_position"),
        ("epoch=&offset=1", "bad_position"),
        ("epoch=a%20b&offset=1", "bad_position"),
        ("epoch=a%00&offset=1", "bad_position"),
        ("epoch=a&epoch=b&offset=1", "bad_query"),
        ("limit=0", "bad_range"),
        ("limit=-1", "bad_range"),
        ("limit=many", "bad_range"),
        ("limit=99999999999999999999", "bad_range"),
        ("history=-1", "bad_range"),
        ("history=x", "bad_range"),
        ("hold_ms=-5", "bad_range"),
        ("hold_ms=1.5", "bad_range"),
        ("client=a/b", "bad_client"),
        ("client=a%2Fb", "bad_client"),
        ("client=a%20b", "bad_client"),
        ("client=%C3%A9", "bad_client"),
        (&format!("client={long}"), "bad_client"),
        ("client=c1&name=%00", "bad_client"),
        ("client=c1&name=a%0Ab", "bad_client"),
        (&long_name, "bad_client"),
    ];
    let mut wrong = Vec::new();
    for (query, code) in cases {
        for path in [
            "/short-poll/x",
            "/long-poll/x",
            "/sse/x",
            "/api/channels/x/history",
        ] {
            let target = format!("{path}?{query}");
            if let Some(problem) = problem_of(&get(&lab, MAIN, &target), 400, code) {
                wrong.push(format!("{target}: {problem}"));
            }
        }
        let refused = handshake(&lab, "websocket", &format!("/ws/x?{query}"), &[]);
        if let Some(problem) = problem_of(&refused, 400, code) {
            wrong.push(format!("handshake ?{query}: {problem}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let leave = lab.http(MAIN).post("/api/channels/x/presence/leave", b"");
    expect(&leave, 400, "bad_client", "leave without a client");
    for query in ["channel=a&channel=b", "channel=%ff&channel="] {
        let answer = get(&lab, MAIN, &format!("/api/stats?{query}"));
        expect(&answer, 400, "bad_query", query);
    }
    // A `Last-Event-ID` is no query: one that is none of ours begins anew.
    let mut stream =
        support::sse::EventStream::resume(lab.address("sse"), "x", "\u{1F980} not ours");
    assert_eq!(stream.expect("subscribed")["recovered"], false);
    others.publish_one();
    others.have_everything();
}

// Bodies

#[test]
fn bad_publications_are_refused_and_leave_the_connection_usable() {
    let lab = spawn_lab(test_config());
    let mut others = Bystanders::watch(&lab);
    let mut http = lab.http(MAIN);
    for (body, code) in bad_publications() {
        let answer = http.post("/api/channels/bad/publications", &body);
        expect(&answer, 400, code, &String::from_utf8_lossy(&body));
    }
    let next = http.post(
        "/api/channels/bad/publications",
        br#"{"event":"e","data":1}"#,
    );
    assert_eq!(next.json()["offset"], 1, "nothing of the bad ones was kept");
    others.publish_one();
    others.have_everything();
}

#[test]
fn bodies_over_the_limit_get_413_with_a_length_and_in_chunks() {
    let lab = spawn_lab(Config {
        body_max_bytes: 1_000,
        ..test_config()
    });
    let mut others = Bystanders::watch(&lab);
    let fits = |length: usize| {
        let empty = r#"{"event":"e","data":""}"#;
        empty.replace("\"\"", &format!("\"{}\"", "x".repeat(length - empty.len())))
    };
    for target in [
        "/api/channels/big/publications",
        "/api/reports",
        "/api/sources/compare-big",
    ] {
        let method = if target.ends_with("compare-big") {
            "PUT"
        } else {
            "POST"
        };
        let whole = fits(1_001);
        let answer = lab
            .http(MAIN)
            .request(method, target, &[], whole.as_bytes());
        expect(&answer, 413, "body_too_large", target);

        let mut http = lab.http(MAIN);
        let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
        let chunked = format!(
            "{method} {target} HTTP/1.1\r\nhost: lab\r\ntransfer-encoding: chunked\r\n\r\n\
             {chunk}{chunk}{chunk}0\r\n\r\n"
        );
        http.connection.send(chunked.as_bytes()).unwrap();
        expect(&http.read_answer().unwrap(), 413, "body_too_large", target);
    }
    let answer = lab
        .http(MAIN)
        .post("/api/channels/big/publications", fits(1_000).as_bytes());
    assert_eq!(answer.status, 200, "1,000 bytes are the limit");
    others.publish_one();
    others.have_everything();
}

#[test]
fn a_body_that_says_it_is_too_large_is_refused_before_it_is_sent() {
    let lab = spawn_lab(test_config());
    for length in [65_537, 1u64 << 40] {
        let mut http = lab.http(MAIN);
        http.connection.set_patience(Duration::from_secs(2));
        let head = format!(
            "POST /api/channels/big/publications HTTP/1.1\r\nhost: lab\r\n\
             content-length: {length}\r\n\r\n"
        );
        http.connection.send(head.as_bytes()).unwrap();
        let answer = http.read_answer().expect("an answer to the head alone");
        expect(&answer, 413, "body_too_large", "by its length");
    }
}

#[test]
fn bad_sources_are_refused() {
    let lab = spawn_lab(test_config());
    let mut others = Bystanders::watch(&lab);
    let good = json!({"kind": "compare", "rate_per_s": 4, "size_bytes": 60});
    let with = |name: &str, value: Value| {
        let mut settings = good.clone();
        settings[name] = value;
        settings
    };
    let mut http = lab.http(MAIN);
    for (settings, code) in [
        (with("rate_per_s", json!(0)), "bad_range"),
        (with("rate_per_s", json!(-1)), "bad_range"),
        (with("rate_per_s", json!(200.5)), "bad_range"),
        (with("rate_per_s", json!(1e300)), "bad_range"),
        (with("rate_per_s", json!("4")), "bad_json"),
        (with("size_bytes", json!(0)), "bad_range"),
        (with("size_bytes", json!(1u64 << 40)), "bad_range"),
        (with("size_bytes", json!(-1)), "bad_json"),
        (with("conflate_ms", json!(1_000_000)), "bad_range"),
        (with("kind", json!("weather")), "bad_json"),
        (with("schedule", json!("sometimes")), "bad_json"),
        (with("seed", json!(-1)), "bad_json"),
        (with("colour", json!("red")), "bad_json"),
        (with("payloads", json!([])), "bad_json"),
        (with("payloads", json!("text")), "bad_json"),
        (with("payloads", json!(vec![0; 1_001])), "bad_json"),
        (with("payloads", json!(["x".repeat(32_769)])), "bad_json"),
        (
            json!({"kind": "market", "rate_per_s": 1, "size_bytes": 60, "payloads": [1]}),
            "bad_range",
        ),
        (json!({"kind": "compare"}), "bad_json"),
        (json!([]), "bad_json"),
    ] {
        let body = settings.to_string();
        let answer = http.request("PUT", "/api/sources/s", &[], body.as_bytes());
        expect(&answer, 400, code, &body);
    }
    let answer = http.request("PUT", "/api/sources/s", &[], b"{");
    expect(&answer, 400, "bad_json", "{");
    let answer = http.request("DELETE", "/api/sources/s", &[], b"");
    expect(&answer, 404, "unknown_source", "none was started");
    assert_eq!(http.get("/api/sources").json()["sources"], json!([]));

    let body = good.to_string();
    for n in 0..32 {
        let target = format!("/api/sources/s{n}");
        let answer = http.request("PUT", &target, &[], body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let answer = http.request("PUT", "/api/sources/one-more", &[], body.as_bytes());
    expect(&answer, 503, "too_many_sources", "the 33rd");
    let again = http.request("PUT", "/api/sources/s0", &[], body.as_bytes());
    assert_eq!(again.status, 200, "one that runs may be changed");
    others.publish_one();
    others.have_everything();
}

#[test]
fn bad_reports_are_refused_whole() {
    let lab = spawn_lab(test_config());
    let sample = |lane: &str, stage: &str| json!({"lane": lane, "stage": stage, "bound_us": 1, "delays_us": [5]});
    let good = sample("sse", "received");
    let mut http = lab.http(MAIN);
    for (samples, code) in [
        (json!([good, sample("main", "received")]), "bad_range"),
        (json!([good, sample("nowhere", "received")]), "bad_range"),
        (json!([good, sample("sse", "written")]), "bad_range"),
        (json!([good, sample("sse", "imagined")]), "bad_json"),
        (json!([good, {"lane": "sse"}]), "bad_json"),
        (json!({}), "bad_json"),
    ] {
        let body = json!({"client": "c1", "samples": samples}).to_string();
        let answer = http.post("/api/reports", body.as_bytes());
        expect(&answer, 400, code, &body);
    }
    expect(&http.post("/api/reports", b"nonsense"), 400, "bad_json", "");
    let latency = lab.stats("none")["latency"].clone();
    assert_eq!(latency, json!([]), "no half of a bad report was kept");
}

// Limits of the server

#[test]
fn channels_over_the_limit_are_refused_on_every_transport() {
    let lab = spawn_lab(Config {
        max_channels: 3,
        ..test_config()
    });
    // One channel is theirs.
    let mut others = Bystanders::watch(&lab);
    // Channels that nobody hears would be given up for the fourth.
    let _heard = ["second", "third"].map(|channel| {
        let mut socket = WebSocket::open(lab.address("websocket"), channel);
        socket.expect_subscribed();
        socket
    });
    for target in [
        "/short-poll/fourth",
        "/long-poll/fourth",
        "/sse/fourth",
        "/api/channels/fourth/history",
    ] {
        expect(&get(&lab, MAIN, target), 503, "too_many_channels", target);
    }
    let body = br#"{"event":"e","data":1}"#;
    let answer = lab
        .http(MAIN)
        .post("/api/channels/fourth/publications", body);
    expect(&answer, 503, "too_many_channels", "publish");
    let mut socket = WebSocket::open(lab.address("websocket"), "fourth");
    let said = socket.expect_json();
    expect_error(&said["error"], "too_many_channels", "socket");
    let close = socket.next().unwrap().unwrap();
    assert_eq!(close.close_code(), Some(1013));
    others.publish_one();
    others.have_everything();
}

#[test]
fn members_over_the_limit_are_refused_on_every_transport() {
    let lab = spawn_lab(Config {
        presence_max_members: 1,
        ..test_config()
    });
    let mut others = Bystanders::watch(&lab);
    let target = "x?client=first&name=First";
    let _first = support::sse::EventStream::open(lab.address("sse"), target);
    for path in ["/short-poll/", "/long-poll/", "/sse/"] {
        let answer = get(&lab, MAIN, &format!("{path}x?client=second"));
        expect(&answer, 503, "too_many_members", path);
        let known = get(&lab, MAIN, &format!("/short-poll/{target}"));
        assert_eq!(known.status, 200, "who is in may use a second transport");
    }
    let mut socket = WebSocket::open(lab.address("websocket"), "x?client=second");
    expect_error(&socket.expect_json()["error"], "too_many_members", "socket");
    others.publish_one();
    others.have_everything();
}

// Handshakes

#[test]
fn bad_handshakes_are_refused() {
    let lab = spawn_lab(test_config());
    let mut others = Bystanders::watch(&lab);
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let version = ("sec-websocket-version", "13");
    let bad: [(&str, &[(&str, &str)]); 8] = [
        ("no version", &[key]),
        ("version 12", &[key, ("sec-websocket-version", "12")]),
        ("version 8, 13", &[key, ("sec-websocket-version", "8, 13")]),
        ("no key", &[version]),
        ("an empty key", &[version, ("sec-websocket-key", "")]),
        (
            "a short key",
            &[version, ("sec-websocket-key", "dGhlIHNhbXBsZQ==")],
        ),
        (
            "a long key",
            &[
                version,
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZSBhbmQgbW9yZQ=="),
            ],
        ),
        (
            "no base64",
            &[version, ("sec-websocket-key", "************************")],
        ),
    ];
    for lane in [MAIN, "websocket"] {
        for (what, headers) in bad {
            let refused = upgrade(&lab, lane, "GET", "/ws/x", headers);
            expect(&refused, 400, "bad_handshake", what);
            // RFC 6455 §4.4: which version would do.
            assert_eq!(refused.header("sec-websocket-version"), Some("13"));
        }
        let refused = upgrade(&lab, lane, "GET", "/nothing", &[version, key]);
        expect(&refused, 404, "unknown_path", "an upgrade elsewhere");
        let refused = upgrade(&lab, lane, "GET", "/ws/", &[version, key]);
        assert!(refused.status == 400 || refused.status == 404);
        let refused = upgrade(&lab, lane, "GET", "/ws/a/b", &[version, key]);
        assert!(refused.status == 400 || refused.status == 404);
        let plain = get(&lab, lane, "/ws/x");
        expect(&plain, 426, "upgrade_required", "a plain GET");
        assert_eq!(
            plain.header("upgrade"),
            Some("websocket"),
            "RFC 9110 §15.5.22"
        );
        others.publish_one();
    }
    let elsewhere = upgrade(&lab, "sse", "GET", "/ws/x", &[version, key]);
    expect(&elsewhere, 404, "unknown_path", "on another lane");
    others.have_everything();
}

#[test]
fn a_handshake_with_another_method_is_refused_with_the_right_one() {
    let lab = spawn_lab(test_config());
    let headers = [
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("content-length", "0"),
    ];
    let refused = upgrade(&lab, "websocket", "POST", "/ws/x", &headers);
    expect(&refused, 405, "wrong_method", "POST");
    assert_eq!(refused.header("allow"), Some("GET"), "RFC 9110 §15.5.6");
}

// Messages on a WebSocket

#[test]
fn bad_messages_are_answered_and_leave_the_socket_open() {
    let lab = spawn_lab(test_config());
    let mut others = Bystanders::watch(&lab);
    let mut socket = WebSocket::open(lab.address("websocket"), "talk");
    socket.expect_subscribed();
    let whole = [
        "{",
        "[]",
        "null",
        "\"publish\"",
        "{}",
        r#"{"subscribe":{}}"#,
        "",
        "ping",
    ];
    for text in whole {
        socket.send(websocket::TEXT, text.as_bytes()).unwrap();
        expect_error(&socket.expect_json()["error"], "bad_json", text);
    }
    for (body, code) in bad_publications() {
        let Ok(body) = String::from_utf8(body) else {
            continue;
        };
        let text = format!(r#"{{"publish":{body}}}"#);
        socket.send(websocket::TEXT, text.as_bytes()).unwrap();
        expect_error(&socket.expect_json()["error"], code, &text);
    }
    socket.publish("e", &json!("good"), "last").unwrap();
    let both = [socket.expect_json(), socket.expect_json()];
    assert!(both.iter().any(|m| m["ack"]["offset"] == 1), "{both:?}");
    others.publish_one();
    others.have_everything();
}

/// A client waits for its message's id: an error that does not name it leaves it waiting.
#[test]
fn an_error_names_the_id_of_the_message_that_failed() {
    let lab = spawn_lab(Config {
        max_channels: 1,
        ..test_config()
    });
    let mut socket = WebSocket::open(lab.address("websocket"), "talk");
    socket.expect_subscribed();
    for (publish, code) in [
        (
            r#"{"event":"pushlab:join","data":1,"id":"m1"}"#,
            "bad_event",
        ),
        (r#"{"event":"","data":1,"id":"m1"}"#, "bad_event"),
        (r#"{"id":"m1","event":1,"data":1}"#, "bad_json"),
        (r#"{"id":"m1","event":"e"}"#, "bad_json"),
    ] {
        let text = format!(r#"{{"publish":{publish}}}"#);
        socket.send(websocket::TEXT, text.as_bytes()).unwrap();
        let said = socket.expect_json();
        expect_error(&said["error"], code, &text);
        assert_eq!(said["error"]["id"], "m1", "{text}: {said}");
    }
}

// What is no HTTP

#[test]
fn what_is_no_http_is_refused_and_the_connection_ended() {
    let lab = spawn_lab(test_config());
    let mut others = Bystanders::watch(&lab);
    for lane in std::iter::once(MAIN).chain(plain_lanes()) {
        for bytes in [
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
            b"GET / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
            b"POST /api/channels/x/publications HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ] {
            let mut connection = Connection::connect(lab.address(lane));
            connection.send(bytes).unwrap();
            connection.finish();
            let ended = to_the_end(&mut connection);
            assert!(ended.is_ok(), "{lane} {bytes:?}: {ended:?}");
        }
        others.publish_one();
    }
    others.have_everything();
}

#[test]
fn a_head_that_never_ends_is_cut_off() {
    let lab = spawn_lab(Config {
        request_timeout: Span(Duration::from_secs(1)),
        ..test_config()
    });
    let mut others = Bystanders::watch(&lab);
    let mut slow = lab.http("sse");
    slow.connection.send(b"GET /sse/x HTTP/1.1\r\nhos").unwrap();
    let mut endless = lab.http("sse");
    let head = format!("GET /sse/x HTTP/1.1\r\nx: {}", "y".repeat(300_000));
    // The server may hang up before all of it is sent.
    let _ = endless.connection.send(head.as_bytes());
    assert!(to_the_end(&mut endless.connection).is_ok(), "by its size");
    assert!(to_the_end(&mut slow.connection).is_ok(), "by time");
    others.publish_one();
    others.have_everything();
}

// Random input

#[test]
fn random_bytes_neither_panic_the_server_nor_disturb_others() {
    let lab = spawn_lab(test_config());
    let mut others = Bystanders::watch(&lab);
    for lane in std::iter::once(MAIN).chain(plain_lanes()) {
        let address = lab.address(lane);
        run(120, &bytes_for_a_lane(), |bytes| {
            let mut connection = Connection::connect(address);
            // It may hang up in the middle of what it refuses.
            let _ = connection.send(&bytes);
            connection.finish();
            assert!(to_the_end(&mut connection).is_ok(), "{bytes:?}");
        });
        others.publish_one();
    }
    others.have_everything();
}

#[test]
fn random_frames_neither_panic_the_server_nor_disturb_others() {
    let lab = spawn_lab(test_config());
    let mut others = Bystanders::watch(&lab);
    for lane in [MAIN, "websocket"] {
        let address = lab.address(lane);
        run(250, &vec(frames(), 1..8), |frames| {
            let mut socket = WebSocket::open(address, "fuzz");
            let bytes = frames.concat();
            let _ = socket.connection.send(&bytes);
            socket.connection.finish();
            assert!(to_the_end(&mut socket.connection).is_ok(), "{bytes:?}");
        });
        others.publish_one();
    }
    others.have_everything();
}

#[test]
fn random_messages_are_answered_one_by_one() {
    let lab = spawn_lab(test_config());
    let mut others = Bystanders::watch(&lab);
    let mut socket = WebSocket::open(lab.address("websocket"), "fuzz-text");
    socket.expect_subscribed();
    run(400, &messages(), |text| {
        socket.send(websocket::TEXT, text.as_bytes()).unwrap();
        socket.send(websocket::PING, b"next").unwrap();
        let mut said = Vec::new();
        loop {
            let frame = socket.next_frame().unwrap().expect("the socket stays open");
            if frame.opcode == websocket::PONG {
                break;
            }
            said.push(frame.json());
        }
        let answers = said
            .iter()
            .filter(|m| m["ack"].is_object() || m["error"].is_object());
        assert_eq!(answers.count(), 1, "{text}: {said:?}");
    });
    others.publish_one();
    others.have_everything();
}

#[test]
fn a_panic_of_the_server_would_be_noticed() {
    assert!(!panicked_threads().iter().any(|name| name == SELF_TEST));
    let worker = thread::Builder::new().name(SELF_TEST.to_owned());
    let worker = worker.spawn(|| panic!("on purpose, to be noticed"));
    assert!(worker.unwrap().join().is_err());
    assert!(panicked_threads().iter().any(|name| name == SELF_TEST));
}

/// Whole requests, valid ones with something changed, and noise.
fn bytes_for_a_lane() -> impl Strategy<Value = Vec<u8>> {
    let method = prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("\u{0}")];
    let path = prop_oneof![
        Just("/short-poll/fuzz"),
        Just("/long-poll/fuzz"),
        Just("/sse/fuzz"),
        Just("/ws/fuzz"),
        Just("/api/channels/fuzz/publications"),
        Just("/api/channels/%"),
        Just("/api/stats"),
        Just("/api/reports"),
        Just("*"),
        Just("http://[::1"),
    ];
    let query = prop_oneof![
        "[ -~]{0,40}",
        "(epoch|offset|limit|history|hold_ms|client|name)=[0-9a-z%-]{0,6}(&(epoch|offset)=[0-9]{0,20})?",
    ];
    let header = prop_oneof![
        Just("connection: upgrade\r\nupgrade: websocket".to_owned()),
        Just("transfer-encoding: chunked".to_owned()),
        Just("expect: 100-continue".to_owned()),
        Just("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==".to_owned()),
        "content-length: [0-9-]{0,8}",
        "if-none-match: [ -~]{0,20}",
        "last-event-id: [ -~]{0,20}",
        "[ -~]{0,60}",
    ];
    let body = prop_oneof![
        vec(any::<u8>(), 0..80),
        messages().prop_map(String::into_bytes)
    ];
    let request = (method, path, query, vec(header, 0..4), body).prop_map(
        |(method, path, query, headers, body)| {
            let mut bytes =
                format!("{method} {path}?{query} HTTP/1.1\r\nhost: lab\r\n").into_bytes();
            for header in headers {
                bytes.extend_from_slice(header.as_bytes());
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(&body);
            bytes
        },
    );
    prop_oneof![1 => vec(any::<u8>(), 1..600), 3 => request]
}

/// Frames that may be right in every part or in none.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        vec(any::<u8>(), 0..200),
        messages().prop_map(String::into_bytes)
    ];
    let right = (any::<bool>(), 0u8..16, payload.clone())
        .prop_map(|(fin, opcode, payload)| websocket::frame(fin, opcode, &payload));
    let first = prop_oneof![
        Just(0x81u8),
        Just(0x01),
        Just(0x80),
        Just(0x88),
        any::<u8>()
    ];
    let broken = (first, any::<u8>(), payload).prop_map(|(first, second, payload)| {
        let mut bytes = vec![first, second];
        bytes.extend(payload);
        bytes
    });
    prop_oneof![2 => right, 1 => broken]
}

/// Texts near to what a client may say.
fn messages() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[ -~]{0,30}",
        Just("[".repeat(200)),
        Just("1e999".to_owned()),
        "\"[a-z\u{80}-\u{10FFFF}]{0,8}\"",
    ];
    let name = prop_oneof![
        Just("event"),
        Just("data"),
        Just("id"),
        Just("intended_us"),
        Just("x")
    ];
    let object = vec((name, value.clone()), 0..5).prop_map(|fields| {
        let fields = fields
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"));
        format!(
            "{{\"publish\":{{{}}}}}",
            fields.collect::<Vec<_>>().join(",")
        )
    });
    prop_oneof![value, object]
}

/// As `proptest!`, with the cases of a fixed seed: a failure shows the same case again.
fn run<S: Strategy>(cases: u32, strategy: &S, mut test: impl FnMut(S::Value))
where
    S::Value: Clone,
{
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig {
            cases,
            failure_persistence: None,
            ..ProptestConfig::default()
        },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    for _ in 0..cases {
        let tree = strategy.new_tree(&mut runner).expect("a value is found");
        test(proptest::strategy::ValueTree::current(&tree));
    }
}

// Hints

/// What to do next is right where the mistake was made, not somewhere else.
#[test]
fn hints_show_what_would_have_worked_here() {
    let lab = spawn_lab(test_config());
    let mut socket = WebSocket::open(lab.address("websocket"), "hints");
    socket.expect_subscribed();
    let bare = br#"{"event":"e","data":1}"#;
    socket.send(websocket::TEXT, bare).unwrap();
    let error = socket.expect_json()["error"].clone();
    assert!(
        error["hint"].as_str().unwrap().contains(r#"{"publish":{"#),
        "{error}"
    );
    let mut http = lab.http(MAIN);
    let hint = |answer: &Answer| {
        let error: Value = serde_json::from_str(&answer.text()).unwrap();
        error["error"]["hint"].as_str().unwrap().to_owned()
    };
    let source = http.request("PUT", "/api/sources/s", &[], bare);
    assert!(
        hint(&source).contains(r#""kind":"compare""#),
        "{}",
        source.text()
    );
    for lane in pushlab::catalogue::LANES {
        let root = get(&lab, lane.id.0, "/");
        let port = lab.address(MAIN).port().to_string();
        assert!(root.text().contains(lane.label), "{}", root.text());
        assert!(hint(&root).contains(&port), "{}", root.text());
    }
}

#[test]
fn people_get_a_page_with_the_way_back_and_programs_json() {
    let lab = spawn_lab(test_config());
    let html = [
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        ("authorization", "none"),
    ];
    let rows = [
        ("GET", "/nothing-here", 404, "There is nothing here"),
        ("GET", "/chat?room=a%20b", 400, "Go to room"),
        ("GET", "/runs/none.json", 404, "Back to Runs"),
        ("GET", "/static/nothing.js", 404, "There is nothing here"),
        ("GET", "/api/reports", 405, "not asked that way"),
        ("POST", "/dashboard", 405, "Back to Dashboard"),
        ("GET", "/api/apps/demo/secret", 403, "leads the lab"),
        ("GET", "/presenter/unlock/wrong", 403, "leads the lab"),
        ("GET", "/short-poll/a%20b", 400, "cannot be a name"),
    ];
    for (method, path, status, says) in rows {
        let mut http = lab.http(MAIN);
        let page = http.request(method, path, &html, b"");
        assert_eq!(page.status, status, "{path}");
        let text = page.text();
        assert!(text.starts_with("<!doctype html>"), "{path}: {text}");
        assert!(text.contains(says), "{path}: {text}");
        assert!(text.contains("href=\"/\"") && text.contains("aria-label=\"Pages\""));
        assert_eq!(page.header("vary"), Some("accept"), "{path}");
        assert_eq!(page.header("allow").is_some(), status == 405, "{path}");
        let json = http.request(method, path, &html[1..], b"");
        assert_eq!(json.status, status);
        assert!(json.error_code().len() > 3, "{path}");
    }
    // The lanes have no pages, and say where they are.
    let page = lab.http("sse").request("GET", "/sse/a%20b", &html, b"");
    assert_eq!(page.status, 400);
    let home = format!(":{}/", lab.address(MAIN).port());
    assert!(page.text().contains(&home), "{}", page.text());
}

// Helpers

/// Publications that are refused, and why.
fn bad_publications() -> Vec<(Vec<u8>, &'static str)> {
    let deep = |depth| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"event":"e","data":{open}{close}}}"#)
    };
    let event = |name: &str| format!(r#"{{"event":"{name}","data":1}}"#);
    let texts = [
        ("{".to_owned(), "bad_json"),
        ("null".to_owned(), "bad_json"),
        ("[]".to_owned(), "bad_json"),
        (r#"{"event":"e"}"#.to_owned(), "bad_json"),
        (r#"{"data":1}"#.to_owned(), "bad_json"),
        (r#"{"event":1,"data":1}"#.to_owned(), "bad_json"),
        (r#"{"event":"e","data":}"#.to_owned(), "bad_json"),
        (r#"{"event":"e","data":01}"#.to_owned(), "bad_json"),
        (r#"{"event":"e","data":NaN}"#.to_owned(), "bad_json"),
        (r#"{"event":"e","data":'x'}"#.to_owned(), "bad_json"),
        (r#"{"event":"e","data":1}}"#.to_owned(), "bad_json"),
        (r#"{"event":"e","data":1,}"#.to_owned(), "bad_json"),
        (r#"{"event":"e","data":1,"data":2}"#.to_owned(), "bad_json"),
        (
            r#"{"event":"e","data":1,"to":"all"}"#.to_owned(),
            "bad_json",
        ),
        (r#"{"event":"e","data":1,"id":7}"#.to_owned(), "bad_json"),
        (
            r#"{"event":"e","data":1,"intended_us":-1}"#.to_owned(),
            "bad_json",
        ),
        (deep(120), "too_deep"),
        (deep(10_000), "too_deep"),
        (event(""), "bad_event"),
        (event(&"x".repeat(201)), "bad_event"),
        (event("pushlab:join"), "bad_event"),
        (event("pushlab:"), "bad_event"),
        (r#"{"event":"e","data":1,"id":""}"#.to_owned(), "bad_id"),
        (
            format!(r#"{{"event":"e","data":1,"id":"{}"}}"#, "i".repeat(65)),
            "bad_id",
        ),
    ];
    let mut all: Vec<_> = texts
        .into_iter()
        .map(|(text, code)| (text.into_bytes(), code))
        .collect();
    all.push((b"{\"event\":\"\xff\",\"data\":1}".to_vec(), "bad_json"));
    all.push((b"{\"event\":\"e\",\"data\":\"\xff\"}".to_vec(), "bad_json"));
    all
}

fn get(lab: &TestLab, lane: &str, target: &str) -> Answer {
    lab.http(lane).get(target)
}

/// A handshake that is right but for its address.
fn handshake(lab: &TestLab, lane: &str, target: &str, more: &[(&str, &str)]) -> Answer {
    let mut headers = vec![
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    headers.extend(more);
    upgrade(lab, lane, "GET", target, &headers)
}

/// An upgrade that is refused; the server ends the connection.
fn upgrade(lab: &TestLab, lane: &str, method: &str, target: &str, more: &[(&str, &str)]) -> Answer {
    let mut http = lab.http(lane);
    let mut request = format!(
        "{method} {target} HTTP/1.1\r\nhost: lab\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
    );
    for (name, value) in more {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    http.connection.send(request.as_bytes()).unwrap();
    let answer = http.read_head().unwrap();
    if answer.status == 101 {
        return answer;
    }
    let length = answer.header("content-length").expect("a body").to_owned();
    Answer {
        body: http.connection.take(length.parse().unwrap()).unwrap(),
        ..answer
    }
}

/// What is wrong with a refusal; nothing, if it is as documented.
fn problem_of(answer: &Answer, status: u16, code: &str) -> Option<String> {
    let error = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default()["error"].take();
    if answer.status != status || error["code"] != code {
        return Some(format!(
            "{} {:?} and not {status} {code:?}",
            answer.status,
            answer.text()
        ));
    }
    if answer.header("content-type") != Some("application/json") {
        return Some(format!("content type {:?}", answer.header("content-type")));
    }
    if answer.header("vary") != Some("Origin") {
        return Some("a cache may give it to other pages".to_owned());
    }
    problem_of_error(&error)
}

/// Exactly a code, a message and a hint (and an id on a WebSocket), none of them empty.
fn problem_of_error(error: &Value) -> Option<String> {
    let object = error.as_object()?;
    let texts = ["code", "message", "hint"];
    let empty = texts
        .iter()
        .find(|name| error[**name].as_str().is_none_or(str::is_empty));
    let other = object
        .keys()
        .find(|name| *name != "id" && !texts.contains(&name.as_str()));
    (empty.is_some() || other.is_some()).then(|| error.to_string())
}

fn expect(answer: &Answer, status: u16, code: &str, what: &str) {
    if let Some(problem) = problem_of(answer, status, code) {
        panic!("{what}: {problem}");
    }
}

fn expect_error(error: &Value, code: &str, what: &str) {
    assert_eq!(error["code"], code, "{what}: {error}");
    assert_eq!(problem_of_error(error), None, "{what}");
}

/// Reads to the peer's FIN or RST; an error if neither comes in time.
fn to_the_end(connection: &mut Connection) -> io::Result<()> {
    match connection.read_to_fin() {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(error),
        _ => Ok(()),
    }
}

/// One subscriber that behaves on every transport, and what it must get.
struct Bystanders<'a> {
    lab: &'a TestLab,
    followers: Vec<Follower>,
    publisher: Http,
    published: u64,
    panics: usize,
}

impl<'a> Bystanders<'a> {
    const CHANNEL: &'static str = "good";

    fn watch(lab: &'a TestLab) -> Self {
        let panics = server_panics();
        let followers = follower::ALL
            .map(|transport| Follower::open(lab, transport, Self::CHANNEL, Start::default()));
        let mut all = Self {
            lab,
            followers: followers.into(),
            publisher: lab.http(MAIN),
            published: 0,
            panics,
        };
        all.publish_one();
        all
    }

    fn publish_one(&mut self) {
        self.published += 1;
        let data = json!({ "n": self.published });
        support::publish(&mut self.publisher, Self::CHANNEL, "tick", data);
    }

    /// Each got all of it, once, in order; the server answers on every lane; nothing panicked.
    fn have_everything(mut self) {
        self.publish_one();
        for follower in &mut self.followers {
            let transport = follower.transport();
            let numbers: Vec<_> = follower
                .take(self.published as usize)
                .iter()
                .map(|seen| seen.data["n"].as_u64().unwrap())
                .collect();
            let expected: Vec<_> = (1..=self.published).collect();
            assert_eq!(numbers, expected, "{transport:?}");
        }
        for lane in std::iter::once(MAIN).chain(plain_lanes()) {
            let health = get(self.lab, lane, "/healthz");
            assert_eq!(health.json(), json!({"status": "ok"}), "{lane}");
        }
        assert_eq!(
            server_panics(),
            self.panics,
            "a thread of the server panicked"
        );
    }
}

/// Names of threads of the server that panicked so far; the hook sees panics that somebody
/// catches, too.
fn panicked_threads() -> Vec<String> {
    static HOOK: Once = Once::new();
    static PANICKED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let thread = thread::current();
            // Tests have their own names; the server's threads have its libraries' or none.
            let name = thread.name().unwrap_or("unnamed");
            let of_server = ["actix", "tokio", "unnamed"];
            if of_server.iter().any(|known| name.starts_with(known)) {
                PANICKED.lock().unwrap().push(name.to_owned());
            }
            usual(info);
        }));
    });
    PANICKED.lock().unwrap().clone()
}

fn server_panics() -> usize {
    let panicked = panicked_threads();
    panicked.iter().filter(|name| *name != SELF_TEST).count()
}
