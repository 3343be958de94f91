//! The lane of the crate `actix-ws`: what its clients get, and what is counted of it.

use std::time::Duration;

use pushlab::{
    catalogue::ACTIX_WS,
    channel::StreamPosition,
    config::{Config, Span},
};
use serde_json::{Value, json};

use crate::support::{
    PATIENCE, TestLab,
    connection::Connection,
    eventually, spawn_lab, test_config,
    websocket::{self, BINARY, CLOSE, CONTINUATION, Frame, PING, PONG, TEXT, WebSocket},
};

const LANE: &str = ACTIX_WS.id.0;

fn open(lab: &TestLab, path: &str) -> WebSocket {
    WebSocket::open_path(Connection::connect(lab.address(LANE)), path).unwrap()
}

fn frame(socket: &mut WebSocket) -> Frame {
    socket.next_frame().unwrap().expect("a frame comes")
}

fn text(socket: &mut WebSocket) -> Value {
    let frame = frame(socket);
    assert_eq!(frame.opcode, TEXT);
    frame.json()
}

#[test]
fn publications_go_both_ways_and_a_position_brings_what_was_missed() {
    let lab = spawn_lab(test_config());
    let mut socket = open(&lab, "/actix-ws/news");
    assert_eq!(text(&mut socket)["subscribed"]["offset"], 0);
    let first = lab.publish("news", "tick", json!({ "n": 1 }));
    let publication = text(&mut socket);
    assert_eq!(publication["data"], json!({ "n": 1 }));
    assert_eq!(publication["offset"], 1);
    let publish = json!({ "publish": { "event": "tock", "data": 2, "id": "x" } });
    socket.send(TEXT, publish.to_string().as_bytes()).unwrap();
    let (one, other) = (text(&mut socket), text(&mut socket));
    let (ack, own) = match one.get("ack") {
        Some(_) => (one, other),
        None => (other, one),
    };
    assert_eq!(
        (&ack["ack"]["id"], &ack["ack"]["offset"]),
        (&json!("x"), &json!(2))
    );
    assert_eq!(own["event"], "tock");
    socket.send_close(1000).unwrap();
    assert_eq!(frame(&mut socket).opcode, CLOSE);
    lab.publish("news", "tick", json!({ "n": 3 }));
    let StreamPosition { epoch, offset } = first;
    let after = format!("/actix-ws/news?epoch={}&offset={offset}", epoch.as_str());
    let mut again = open(&lab, &after);
    assert_eq!(text(&mut again)["subscribed"]["recovered"], true);
    let offsets: Vec<_> = (0..2).map(|_| text(&mut again)["offset"].clone()).collect();
    assert_eq!(offsets, [2, 3]);
}

#[test]
fn a_backlog_of_many_pages_comes_whole_and_in_order() {
    const COUNT: u64 = 300;
    let lab = spawn_lab(test_config());
    for n in 0..COUNT {
        lab.publish(
            "backlog",
            "tick",
            json!({ "n": n, "pad": "x".repeat(1_000) }),
        );
    }
    let mut socket = open(&lab, &format!("/actix-ws/backlog?history={COUNT}"));
    assert!(text(&mut socket)["subscribed"].is_object());
    let offsets: Vec<_> = (0..COUNT)
        .map(|_| text(&mut socket)["offset"].clone())
        .collect();
    assert!(
        offsets
            .iter()
            .eq((1..=COUNT).map(Value::from).collect::<Vec<_>>().iter())
    );
    lab.publish("backlog", "tick", json!("live"));
    assert_eq!(text(&mut socket)["data"], "live");
}

#[test]
fn every_byte_is_counted_by_layer() {
    let lab = spawn_lab(test_config());
    let mut socket = open(&lab, "/actix-ws/counted?demo=compare");
    let subscribed = frame(&mut socket).payload.len() as u64;
    lab.publish("counted", "tick", json!({ "n": 1 }));
    let publication = frame(&mut socket).payload.len() as u64;
    socket.send(PING, b"abc").unwrap();
    assert_eq!(frame(&mut socket).opcode, PONG);
    let payload = json!({ "n": 1 }).to_string().len() as u64;
    // Two headers of 4 bytes at most, and a pong of two and three.
    let framing: u64 = [subscribed, publication]
        .map(|length| if length > 125 { 4 } else { 2 })
        .iter()
        .sum();
    let series = |lab: &TestLab| {
        let stats = lab.stats("counted");
        let all = stats["series"].as_array().unwrap();
        all.iter()
            .find(|series| series["lane"] == LANE)
            .cloned()
            .unwrap_or_default()
    };
    eventually(PATIENCE, "it is counted", || {
        series(&lab)["down"]["framing"] == framing + 5
    });
    let stats = series(&lab);
    assert_eq!(stats["transport"], "actix-ws");
    assert_eq!(stats["demo"], "compare");
    assert_eq!(stats["down"]["payload"], payload);
    assert_eq!(
        stats["down"]["envelope"],
        subscribed + publication - payload
    );
    assert_eq!(stats["publications_delivered_total"], 1);
    let sum = ["http_headers", "framing", "envelope", "payload"]
        .map(|layer| stats["down"][layer].as_u64().unwrap())
        .iter()
        .sum::<u64>();
    assert_eq!(stats["down"]["total"], sum);
}

#[test]
fn who_answers_no_ping_is_closed_with_4408() {
    let mut config = test_config();
    config.heartbeat = Span(Duration::from_millis(100));
    config.pong_timeout = Span(Duration::from_millis(100));
    let lab = spawn_lab(config);
    let mut socket = open(&lab, "/actix-ws/silent");
    assert!(text(&mut socket)["subscribed"].is_object());
    assert_eq!(frame(&mut socket).opcode, PING);
    let close = frame(&mut socket);
    assert_eq!(close.close_code(), Some(4408));
}

#[test]
fn a_client_that_does_not_read_is_given_up_when_it_is_slow_and_with_it_its_connection() {
    let lab = spawn_lab(Config {
        subscriber_queue_max_bytes: 256 << 10,
        close_timeout: Span(Duration::from_millis(200)),
        ..test_config()
    });
    let mut socket = open(&lab, "/actix-ws/full?client=c1&name=Ann");
    assert!(text(&mut socket)["subscribed"].is_object());
    // More than the kernel, the crate and the queue take: it is a slow consumer.
    for n in 0..400 {
        if lab.present("full").is_empty() {
            break;
        }
        lab.publish("full", "tick", json!({ "n": n, "pad": "x".repeat(32_000) }));
    }
    eventually(PATIENCE, "it is given up", || {
        lab.present("full").is_empty()
    });
    // Long before HTTP's own patience with a slow reader is over.
    eventually(PATIENCE, "its connection ends", || {
        lab.connections_open(LANE) == 0
    });
}

#[test]
fn a_client_that_says_goodbye_and_does_not_read_is_cut_off() {
    let lab = spawn_lab(Config {
        close_timeout: Span(Duration::from_millis(200)),
        tcp_send_buffer: 8_192,
        ..test_config()
    });
    let narrow = Connection::connect_narrow(lab.address(LANE), 4_096);
    let mut socket = WebSocket::open_path(narrow, "/actix-ws/leaves?client=c1").unwrap();
    assert!(text(&mut socket)["subscribed"].is_object());
    for n in 0..20 {
        lab.publish(
            "leaves",
            "tick",
            json!({ "n": n, "pad": "x".repeat(32_000) }),
        );
    }
    socket.send_close(1000).unwrap();
    eventually(PATIENCE, "its connection ends", || {
        lab.connections_open(LANE) == 0
    });
}

#[test]
fn pings_without_a_payload_that_nobody_reads_the_answers_to_make_a_slow_consumer() {
    let lab = spawn_lab(Config {
        subscriber_queue_max_bytes: 64 << 10,
        close_timeout: Span(Duration::from_millis(200)),
        tcp_send_buffer: 8_192,
        ..test_config()
    });
    let narrow = Connection::connect_narrow(lab.address(LANE), 4_096);
    let mut socket = WebSocket::open_path(narrow, "/actix-ws/pings?client=c1").unwrap();
    assert!(text(&mut socket)["subscribed"].is_object());
    let pings = websocket::frame(true, PING, b"").repeat(1_000);
    eventually(PATIENCE, "it is given up", || {
        // An error: it is cut off already.
        let _ = socket.connection.send(&pings);
        lab.present("pings").is_empty()
    });
}

#[test]
fn a_frame_is_refused_by_the_length_it_announces() {
    let lab = spawn_lab(test_config());
    for length in [100_000_u64, 1 << 40] {
        let mut socket = open(&lab, "/actix-ws/announced");
        assert!(text(&mut socket)["subscribed"].is_object());
        let mut header = vec![0x81, 0xFF];
        header.extend_from_slice(&length.to_be_bytes());
        header.extend_from_slice(&[1, 2, 3, 4]);
        socket.connection.send(&header).unwrap();
        assert_eq!(frame(&mut socket).close_code(), Some(1009), "{length}");
    }
}

#[test]
fn what_comes_before_a_fault_or_with_the_end_is_heard() {
    let lab = spawn_lab(test_config());
    let publish = json!({ "publish": { "event": "e", "data": 1 } }).to_string();
    let said = websocket::frame(true, TEXT, publish.as_bytes());
    let published = |lab: &TestLab| {
        let stats = lab.stats("heard");
        let all = stats["series"].as_array().unwrap();
        let own = all.iter().find(|series| series["lane"] == LANE).unwrap();
        own["publications_received_total"].as_u64().unwrap()
    };
    let mut socket = open(&lab, "/actix-ws/heard");
    assert!(text(&mut socket)["subscribed"].is_object());
    let unknown_type = [0x83, 0x80, 0, 0, 0, 0];
    socket
        .connection
        .send(&[&said[..], &unknown_type].concat())
        .unwrap();
    let mut told = vec![frame(&mut socket)];
    while told.last().unwrap().opcode != CLOSE {
        told.push(frame(&mut socket));
    }
    assert!(
        told.iter()
            .any(|frame| frame.payload.starts_with(b"{\"ack\"")),
        "{told:?}"
    );
    assert_eq!(told.last().unwrap().close_code(), Some(1002));
    assert_eq!(published(&lab), 1);
    // The end comes with it, as often as it takes to come in one piece.
    for n in 2..12 {
        let mut socket = open(&lab, "/actix-ws/heard");
        assert!(text(&mut socket)["subscribed"].is_object());
        socket.connection.send(&said).unwrap();
        drop(socket);
        eventually(PATIENCE, "it is published", || published(&lab) == n);
    }
}

#[test]
fn nothing_is_read_after_a_close_frame() {
    let lab = spawn_lab(test_config());
    let mut socket = open(&lab, "/actix-ws/after");
    assert!(text(&mut socket)["subscribed"].is_object());
    let close = websocket::frame(true, CLOSE, &1000_u16.to_be_bytes());
    socket
        .connection
        .send(&[&close[..], &[0xFF; 40]].concat())
        .unwrap();
    assert_eq!(frame(&mut socket).close_code(), Some(1000));
}

#[test]
fn a_handshake_is_refused_in_the_words_of_the_websocket_lane() {
    let lab = spawn_lab(test_config());
    let told = |lane: &str, path: &str, headers: &[(&str, &str)]| {
        let answer = lab.http(lane).request("GET", path, headers, b"");
        let header = |name| answer.header(name).map(str::to_owned);
        (
            answer.status,
            header("sec-websocket-version"),
            header("upgrade"),
            answer.json(),
        )
    };
    const KEY: (&str, &str) = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    const VERSION: (&str, &str) = ("sec-websocket-version", "13");
    const UPGRADE: (&str, &str) = ("upgrade", "websocket");
    const CONNECTION: (&str, &str) = ("connection", "Upgrade");
    for headers in [
        &[CONNECTION, UPGRADE, VERSION][..],
        &[CONNECTION, UPGRADE, KEY],
        &[CONNECTION, UPGRADE, KEY, ("sec-websocket-version", "8")],
        &[CONNECTION, UPGRADE, VERSION, ("sec-websocket-key", "abc")],
    ] {
        let answers = told(LANE, "/actix-ws/news", headers);
        assert_eq!(answers, told("websocket", "/ws/news", headers));
    }
    // With a body, it is no upgrade to HTTP/1.1, and its answer would come in chunks.
    let mut http = lab.http(LANE);
    let lines = "GET /actix-ws/news HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\n\
        upgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    http.connection.send(lines.as_bytes()).unwrap();
    assert_eq!(http.read_head().unwrap().status, 426);
}

#[test]
fn the_first_subprotocol_that_is_offered_is_chosen_as_on_the_websocket_lane() {
    let lab = spawn_lab(test_config());
    for (lane, path) in [(LANE, "/actix-ws/news"), ("websocket", "/ws/news")] {
        let mut http = lab.http(lane);
        let headers = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "one, two"),
        ];
        http.send_request("GET", path, &headers, b"").unwrap();
        let answer = http.read_head().unwrap();
        assert_eq!(answer.status, 101, "{lane}");
        assert_eq!(
            answer.header("sec-websocket-protocol"),
            Some("one"),
            "{lane}"
        );
    }
}

#[test]
fn what_breaks_the_protocol_is_closed_with_its_code_and_counted_to_the_byte() {
    let lab = spawn_lab(test_config());
    let whole = |opcode, payload: &[u8]| websocket::frame(true, opcode, payload);
    let part = |opcode, payload: &[u8]| websocket::frame(false, opcode, payload);
    let fragments = [
        part(TEXT, &[b' '; 40_000]),
        whole(CONTINUATION, &[b' '; 40_000]),
    ];
    for (name, bytes, code) in [
        ("binary", whole(BINARY, b"x"), 1003),
        ("binary-begun", part(BINARY, b"x"), 1003),
        ("utf8", whole(TEXT, &[0xFF, 0xFE]), 1007),
        ("type", whole(0x3, b""), 1002),
        ("reserved", vec![0xC1, 0x80, 0, 0, 0, 0], 1002),
        ("unmasked", vec![0x81, 0x00], 1002),
        ("part-of-a-ping", part(PING, b""), 1002),
        ("continues-nothing", whole(CONTINUATION, b"x"), 1002),
        ("close-code", whole(CLOSE, &1005_u16.to_be_bytes()), 1002),
        ("large", whole(TEXT, &[b' '; 70_000]), 1009),
        ("large-together", fragments.concat(), 1009),
    ] {
        let mut socket = open(&lab, &format!("/actix-ws/{name}"));
        assert!(text(&mut socket)["subscribed"].is_object());
        socket.connection.send(&bytes).unwrap();
        assert_eq!(frame(&mut socket).close_code(), Some(code), "{name}");
        drop(socket);
        let refused = bytes.len() as u64;
        eventually(PATIENCE, "its bytes are framing", || {
            let stats = lab.stats(name);
            let all = stats["series"].as_array().unwrap();
            let own = all.iter().find(|series| series["lane"] == LANE).unwrap();
            let up = |layer: &str| own["up"][layer].as_u64().unwrap();
            // Of what is large the rest is not looked at.
            let is_counted = up("framing") == refused || name.starts_with("large");
            own["connections_open"] == 0 && is_counted && up("envelope") == 0
        });
    }
}

#[test]
fn the_header_of_every_fragment_is_framing() {
    let lab = spawn_lab(test_config());
    let mut socket = open(&lab, "/actix-ws/parts");
    assert!(text(&mut socket)["subscribed"].is_object());
    let message = json!({ "publish": { "event": "e", "data": "d" } }).to_string();
    let (first, rest) = message.as_bytes().split_at(1);
    let mut frames = websocket::frame(false, TEXT, first);
    frames.extend(websocket::frame(true, PING, b"p"));
    for byte in rest {
        frames.extend(websocket::frame(false, CONTINUATION, &[*byte]));
    }
    frames.extend(websocket::frame(true, CONTINUATION, b""));
    socket.connection.send(&frames).unwrap();
    let framing = (frames.len() - message.len()) as u64;
    eventually(PATIENCE, "it is counted", || {
        let stats = lab.stats("parts");
        let all = stats["series"].as_array().unwrap();
        let own = all.iter().find(|series| series["lane"] == LANE).unwrap();
        let layers = (&own["up"]["framing"], &own["up"]["payload"]);
        layers == (&json!(framing), &json!(3)) && own["up"]["envelope"] == message.len() as u64 - 3
    });
}

#[test]
fn what_is_not_understood_is_told_in_the_words_of_the_websocket_lane() {
    let lab = spawn_lab(test_config());
    let told = |lane: &str, path: &str| {
        let connection = Connection::connect(lab.address(lane));
        let mut socket = WebSocket::open_path(connection, path).unwrap();
        assert!(text(&mut socket)["subscribed"].is_object());
        [
            "{",
            "{\"publish\":1}",
            "{\"publish\":{\"event\":\"\",\"data\":1,\"id\":\"x\"}}",
        ]
        .map(|bad| {
            socket.send(TEXT, bad.as_bytes()).unwrap();
            text(&mut socket)
        })
    };
    let answers = told(LANE, "/actix-ws/words");
    assert!(
        answers
            .iter()
            .all(|answer| answer["error"]["hint"].is_string())
    );
    assert_eq!(answers, told("websocket", "/ws/words"));
}

#[test]
fn a_stopping_lab_says_so() {
    let mut lab = spawn_lab(Config {
        shutdown_grace: Span(Duration::from_secs(5)),
        ..test_config()
    });
    let mut socket = open(&lab, "/actix-ws/stops");
    assert!(text(&mut socket)["subscribed"].is_object());
    lab.begin_stop();
    let close = frame(&mut socket);
    assert_eq!(close.close_code(), Some(1001));
}

#[test]
fn what_is_no_upgrade_or_on_another_lane_is_told_so() {
    let lab = spawn_lab(test_config());
    let plain = lab.http(LANE).get("/actix-ws/news");
    assert_eq!(plain.status, 426);
    let elsewhere = lab.http("main").get("/actix-ws/news");
    assert_eq!(elsewhere.status, 404);
}
