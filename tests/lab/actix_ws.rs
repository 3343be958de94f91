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
    websocket::{BINARY, CLOSE, Frame, PING, PONG, TEXT, WebSocket},
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
fn a_client_that_does_not_read_is_still_heard_and_given_up_when_it_is_slow() {
    let lab = spawn_lab(Config {
        subscriber_queue_max_bytes: 256 << 10,
        close_timeout: Span(Duration::from_millis(200)),
        ..test_config()
    });
    let mut socket = open(&lab, "/actix-ws/full?client=c1&name=Ann");
    assert!(text(&mut socket)["subscribed"].is_object());
    // More than the kernel, the crate and the queue take: it is a slow consumer.
    for n in 0..400 {
        lab.publish("full", "tick", json!({ "n": n, "pad": "x".repeat(32_000) }));
        if !lab.present("full").contains(&"c1".to_owned()) {
            return;
        }
    }
    eventually(PATIENCE, "it is given up", || {
        lab.present("full").is_empty()
    });
}

#[test]
fn what_breaks_the_protocol_is_closed_with_its_code() {
    let lab = spawn_lab(test_config());
    for (opcode, payload, code) in [
        (BINARY, &b"x"[..], 1003),
        (TEXT, &[0xff, 0xfe][..], 1007),
        (0x3, &b""[..], 1002),
        (TEXT, &[b' '; 70_000][..], 1009),
    ] {
        let mut socket = open(&lab, "/actix-ws/broken");
        assert!(text(&mut socket)["subscribed"].is_object());
        socket.send(opcode, payload).unwrap();
        assert_eq!(frame(&mut socket).close_code(), Some(code), "{opcode}");
    }
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
