//! What a stranger can grow or use up, over the wire: how fast one address publishes, subscriptions
//! of one connection, bodies that come too slowly, answers that nobody reads. The bounds themselves
//! are listed in `docs/limits.md`.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::support::{
    self, PATIENCE, TestLab, connection::Connection, http::Http, spawn_lab, test_config,
    websocket::WebSocket,
};
use pushlab::config::{Config, Span, apps::AppSettings};
use serde_json::{Value, json};

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

// Channels of one address

fn few_channels() -> TestLab {
    spawn_lab(Config {
        max_channels_per_address: 2,
        trusted_proxies: "127.0.0.0/8".parse().unwrap(),
        ..test_config()
    })
}

/// Asks for a channel in each way that makes one; what it is told.
fn use_channel(lab: &TestLab, lane: &str, target: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let answer = lab.http(lane).request("GET", target, headers, b"");
    let code = match answer.status {
        200 => String::new(),
        _ => answer.error_code(),
    };
    (answer.status, code)
}

#[test]
fn one_address_cannot_take_all_channels_and_its_idle_ones_give_way() {
    let lab = few_channels();
    let listen = |name: &str| {
        let path = format!("/ws/{name} HTTP/1.1\r\nx-forwarded-for: 192.0.2.9\r\nx-rest:");
        let mut socket =
            WebSocket::open_path(Connection::connect(lab.address("websocket")), &path).unwrap();
        socket.expect_subscribed();
        socket
    };
    let (first, _second) = (listen("a"), listen("b"));
    let refused = (429, "too_many_channels_of_address".to_owned());
    let one_more = [
        ("short-poll", "/short-poll/c"),
        ("long-poll", "/long-poll/c?hold_ms=0"),
        ("sse", "/sse/c"),
        ("main", "/api/channels/c/history"),
    ];
    for (lane, target) in one_more {
        assert_eq!(
            use_channel(&lab, lane, target, &[STRANGER]),
            refused,
            "{lane}"
        );
    }
    let (status, code) = use_channel(&lab, "short-poll", "/short-poll/b", &[STRANGER]);
    assert_eq!((status, code.as_str()), (200, ""), "one that exists");
    let other = [("x-forwarded-for", "192.0.2.10")];
    assert_eq!(
        use_channel(&lab, "short-poll", "/short-poll/d", &other).0,
        200
    );
    assert_eq!(use_channel(&lab, "short-poll", "/short-poll/e", &[]).0, 200);
    drop(first);
    // When the lab has noticed that nobody listens.
    let begun = Instant::now();
    while use_channel(&lab, "short-poll", "/short-poll/c", &[STRANGER]).0 != 200 {
        assert!(
            begun.elapsed() < PATIENCE,
            "an idle channel does not give way"
        );
    }
}

#[test]
fn over_channels_one_address_has_its_share_too() {
    let lab = spawn_lab(Config {
        max_channels_per_address: 2,
        trusted_proxies: "127.0.0.0/8".parse().unwrap(),
        apps: vec![AppSettings::new("1", "limits-key", "secret")],
        ..test_config()
    });
    let path = "/app/limits-key?protocol=7 HTTP/1.1\r\nx-forwarded-for: 192.0.2.9\r\nx-rest:";
    let mut socket =
        WebSocket::open_path(Connection::connect(lab.address("channels")), path).unwrap();
    let mut answers = Vec::new();
    for name in ["a", "b", "c"] {
        let subscribe = json!({"event": "pusher:subscribe", "data": {"channel": name}});
        socket
            .send(support::websocket::TEXT, subscribe.to_string().as_bytes())
            .unwrap();
    }
    while answers.len() < 3 {
        let message = socket.expect_json();
        let event = message["event"].as_str().unwrap();
        if event.contains("subscription") {
            answers.push(event.rsplit(':').next().unwrap().to_owned());
        }
    }
    assert_eq!(
        answers,
        [
            "subscription_succeeded",
            "subscription_succeeded",
            "subscription_error"
        ]
    );
}

// Connections of one address

#[test]
fn one_address_has_its_share_of_connections() {
    let lab = spawn_lab(Config {
        max_connections_per_address: 2,
        trusted_proxies: "127.0.0.0/8".parse().unwrap(),
        ..test_config()
    });
    let open = |address: &str| {
        let mut http = lab.http("websocket");
        let headers = [
            ("x-forwarded-for", address),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        http.send_request("GET", "/ws/x", &headers, b"").unwrap();
        let answer = http.read_head().unwrap();
        let retry_after = answer.header("retry-after").map(str::to_owned);
        assert_eq!(retry_after.is_some(), answer.status == 429);
        (answer.status, http)
    };
    let held = [open("192.0.2.9"), open("192.0.2.9")];
    assert_eq!([held[0].0, held[1].0], [101, 101]);
    assert_eq!(open("192.0.2.9").0, 429);
    let answer = lab.http("sse").request("GET", "/sse/x", &[STRANGER], b"");
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(open("192.0.2.10").0, 101);
}

#[test]
fn one_address_has_its_share_of_sessions_that_poll() {
    let lab = spawn_lab(Config {
        max_connections_per_address: 2,
        trusted_proxies: "127.0.0.0/8".parse().unwrap(),
        ..test_config()
    });
    // Each request by a connection of its own, which is gone when the next one comes.
    let open = |address: &str| {
        let mut http = lab.http("socketio-polling");
        let headers = [("x-forwarded-for", address), ("connection", "close")];
        let target = "/socket.io/?EIO=4&transport=polling";
        http.request("GET", target, &headers, b"").text()
    };
    assert!(open("192.0.2.9").contains("sid"));
    assert!(open("192.0.2.9").contains("sid"));
    support::eventually(
        PATIENCE,
        "the sessions are refused, not the connection",
        || open("192.0.2.9").contains("polling sessions"),
    );
    assert!(open("192.0.2.10").contains("sid"));
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
