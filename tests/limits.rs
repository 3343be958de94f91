//! What a stranger can grow or use up, over the wire: how fast one address publishes, subscriptions
//! of one connection, bodies that come too slowly, answers that nobody reads. The bounds themselves
//! are listed in `docs/limits.md`.

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use pushlab::config::{Config, Span};
use serde_json::{Value, json};
use support::{
    PATIENCE, TestLab, connection::Connection, http::Http, spawn_lab, test_config,
    websocket::WebSocket,
};

/// A stranger, as a proxy on this machine names them.
const STRANGER: (&str, &str) = ("x-forwarded-for", "192.0.2.9");

/// One publication a second of each address, two at once; a proxy on this machine is trusted.
fn slow_lab() -> TestLab {
    spawn_lab(Config {
        publish_rate: 1,
        trusted_proxies: "127.0.0.0/8".parse().unwrap(),
        ..test_config()
    })
}

fn publish(http: &mut Http, headers: &[(&str, &str)]) -> support::http::Answer {
    http.request(
        "POST",
        "/api/channels/fast/publications",
        headers,
        br#"{"event":"e","data":1}"#,
    )
}

#[test]
fn who_publishes_too_fast_over_http_is_told_when_to_go_on() {
    let lab = slow_lab();
    let mut http = lab.http("main");
    for _ in 0..2 {
        assert_eq!(publish(&mut http, &[STRANGER]).status, 200);
    }
    let refused = publish(&mut http, &[STRANGER]);
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (429, "too_fast")
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(
        publish(&mut http, &[("x-forwarded-for", "192.0.2.10")]).status,
        200
    );
    for _ in 0..20 {
        assert_eq!(
            publish(&mut http, &[]).status,
            200,
            "this machine is not counted"
        );
    }
}

#[test]
fn who_publishes_too_fast_over_a_websocket_keeps_the_connection() {
    let lab = slow_lab();
    let path = "/ws/fast HTTP/1.1\r\nx-forwarded-for: 192.0.2.9\r\nx-rest:";
    let mut socket =
        WebSocket::open_path(Connection::connect(lab.address("websocket")), path).unwrap();
    socket.expect_subscribed();
    for id in ["a", "b", "c", "d"] {
        socket.publish("e", &json!(1), id).unwrap();
    }
    let mut answers = Vec::new();
    while answers.len() < 4 {
        let message = socket.expect_json();
        if message["ack"].is_object() || message["error"].is_object() {
            answers.push(message["error"]["code"].clone());
        }
    }
    let too_fast = json!("too_fast");
    assert_eq!(
        answers,
        [Value::Null, Value::Null, too_fast.clone(), too_fast]
    );
}

#[test]
fn who_publishes_too_fast_over_socketio_is_told_in_the_acknowledgement() {
    let lab = slow_lab();
    let mut http = lab.http("socketio-polling");
    let opened = http.request(
        "GET",
        "/socket.io/?EIO=4&transport=polling",
        &[STRANGER],
        b"",
    );
    let opened: Value = serde_json::from_str(&opened.text()[1..]).unwrap();
    let sid = opened["sid"].as_str().unwrap();
    let target = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    assert_eq!(http.post(&target, b"40/lab,").text(), "ok");
    for n in 0..4 {
        let command = json!(["publish", {"channel": "fast", "event": "e", "data": n}]);
        assert_eq!(
            http.post(&target, format!("42/lab,{n}{command}").as_bytes())
                .text(),
            "ok"
        );
    }
    let mut said = String::new();
    while ["0", "1", "2", "3"]
        .iter()
        .any(|n| !said.contains(&format!("43/lab,{n}[")))
    {
        said.push_str(&http.get(&target).text());
        said.push('\n');
    }
    assert_eq!(said.matches("too_fast").count(), 2, "{said}");
}

#[test]
fn a_body_that_drips_is_refused_and_others_are_served() {
    let lab = spawn_lab(Config {
        body_timeout: Span(Duration::from_millis(300)),
        ..test_config()
    });
    for (lane, target) in [
        ("main", "/api/channels/x/publications"),
        ("main", "/api/reports"),
        ("main", "/pusher/auth"),
    ] {
        let mut slow = TcpStream::connect(lab.address(lane)).unwrap();
        slow.set_read_timeout(Some(PATIENCE)).unwrap();
        let head =
            format!("POST {target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n{{");
        slow.write_all(head.as_bytes()).unwrap();
        assert_eq!(lab.http("main").get("/healthz").status, 200);
        let mut answer = String::new();
        slow.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{target}: {answer}");
    }
}

#[test]
fn who_does_not_read_an_answer_is_cut_off() {
    let lab = spawn_lab(Config {
        answer_timeout: Span(Duration::from_secs(1)),
        tcp_send_buffer: 4_096,
        ..test_config()
    });
    for n in 0..200 {
        lab.publish("long", "e", json!(format!("{n}{}", "x".repeat(5_000))));
    }
    let mut reader = Connection::connect_narrow(lab.address("short-poll"), 4_096);
    let poll = b"GET /short-poll/long?history=200 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    reader.send(poll).unwrap();
    support::eventually(PATIENCE, "the connection is given up", || {
        let totals = lab
            .lab()
            .meters
            .lane(pushlab::lane::LaneId("short-poll"))
            .totals;
        totals.connections_opened > 0 && lab.connections_open("short-poll") == 0
    });
}
