//! Engine.IO over raw bytes: the cases of the official v4 suite, and what the Node server was
//! seen to do when closing, upgrading and at bad input (docs/protocols/socketio.md).

use std::{
    io::Write,
    time::{Duration, Instant},
};

use crate::support::conformance::{Alive, Frame, PING_OFTEN, Pending, TestLab, until};
use pushlab::config::Span;

const ECHO: &str = "engine.io";

fn error(code: u8, message: &str) -> (u16, String) {
    (400, format!(r#"{{"code":{code},"message":"{message}"}}"#))
}

#[test]
fn a_handshake_has_exactly_five_keys() {
    let lab = TestLab::with_the_suites_times();
    let (status, body) = lab.get("/engine.io/?EIO=4&transport=polling&sid=");
    assert_eq!(status, 200);
    let rest = body.split_once("\",\"upgrades\"").unwrap().1;
    assert_eq!(
        rest,
        r#":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#
    );
    assert_eq!(lab.get("/engine.io?EIO=4&transport=polling").0, 200);
    lab.socket(ECHO);
}

#[test]
fn bad_handshakes_get_the_code_of_the_reference() {
    let lab = TestLab::start();
    let unknown = error(0, "Transport unknown");
    assert_eq!(lab.get("/engine.io/"), unknown);
    assert_eq!(lab.get("/engine.io/?EIO=4&transport=abc"), unknown);
    let version = error(5, "Unsupported protocol version");
    assert_eq!(lab.get("/engine.io/?transport=polling"), version);
    assert_eq!(lab.get("/engine.io/?EIO=3&transport=polling"), version);
    let bad = error(3, "Bad request");
    assert_eq!(lab.get("/engine.io/?EIO=4&transport=websocket"), bad);
    let open = "/engine.io/?EIO=4&transport=polling";
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = lab.request(method, open, b"").answer();
        assert_eq!(answer, error(2, "Bad handshake method"), "{method}");
    }
    // Written with an escape it is the same path: no session is opened by either.
    for open in [open, "/engine%2Eio/?EIO=4&transport=polling"] {
        let answer = lab.request("HEAD", open, b"").answer();
        assert_eq!(answer, (400, String::new()), "{open}");
    }
    let poller = lab.poller(ECHO);
    assert_eq!(lab.request("PUT", &poller.target, b"").answer(), bad);
    let without = poller.target.replace("EIO=4&", "");
    assert_eq!(lab.get(&without), bad);
    poller.assert_alive();
    for (query, message) in [
        ("?EIO=4", "Transport unknown"),
        ("?EIO=3&transport=websocket", "Unsupported protocol version"),
        ("?EIO=4&transport=polling", "Bad request"),
        ("?EIO=4&transport=websocket&sid=x", "Session ID unknown"),
    ] {
        let (head, mut socket) = lab.try_upgrade(&format!("/engine.io/{query}"));
        assert!(head.starts_with("HTTP/1.1 400 Bad Request"), "{head}");
        assert!(head.contains("Content-type: text/html"), "{head}");
        let mut body = String::new();
        std::io::Read::read_to_string(&mut socket.0, &mut body).unwrap();
        // The Node server's words, and what to do.
        let said = body
            .strip_prefix(message)
            .unwrap_or_else(|| panic!("{body}"));
        assert!(said.len() > 20, "{body}");
    }
}

#[test]
fn payloads_come_back_as_they_were() {
    let lab = TestLab::start();
    let poller = lab.poller(ECHO);
    for body in [
        "4hello",
        "4test1\x1e4test2\x1e4test3",
        "4hello\x1ebAQIDBA==",
    ] {
        poller.send(body);
        assert_eq!(poller.poll(), body);
    }
    let mut socket = lab.socket(ECHO);
    socket.send("4hello");
    assert_eq!(socket.text(), "4hello");
    socket.send_binary(&[1, 2, 3, 4]);
    assert_eq!(socket.next(), Frame::Binary(vec![1, 2, 3, 4]));
    let mut as_text = lab.upgrade("/engine.io/?EIO=4&transport=websocket&b64=1");
    as_text.text();
    as_text.send("bAQIDBA==");
    assert_eq!(as_text.text(), "bAQIDBA==");
}

#[test]
fn an_answer_has_at_most_16_packets() {
    let lab = TestLab::start();
    let poller = lab.poller(ECHO);
    let packets: Vec<_> = (0..50).map(|n| format!("4{n}")).collect();
    poller.send(&packets.join("\x1e"));
    let mut got = Vec::new();
    for expected in [16, 16, 16, 2] {
        let body = poller.poll();
        assert_eq!(body.split('\x1e').count(), expected);
        got.extend(body.split('\x1e').map(str::to_owned));
    }
    assert_eq!(got, packets);
}

#[test]
fn bad_bodies_end_the_session_and_nothing_else() {
    let lab = TestLab::start();
    let bystander = Alive::new(lab.socket(ECHO));
    for body in ["", "abc", "7", "4a\x1e", "bAQ", "\x1e4a"] {
        let poller = lab.poller(ECHO);
        assert_eq!(poller.post(body), error(3, "Bad request"), "{body:?}");
        poller.assert_gone();
    }
    let poller = lab.poller(ECHO);
    assert_eq!(poller.post(b"4\xff").0, 400);
    poller.assert_gone();
    let poller = lab.poller(ECHO);
    assert_eq!(
        poller.post(b"3\x1e".repeat(400_000)).0,
        400,
        "too many packets"
    );
    poller.assert_gone();
    for body in ["2", "2probe", "1"] {
        let poller = lab.poller(ECHO);
        let held = poller.hold();
        poller.send(body);
        let end = if body == "1" { "6" } else { "1" };
        assert_eq!(held.answer(), (200, end.to_owned()));
        poller.assert_gone();
    }
    for body in ["0", "5", "6", "3", "3\x1e3"] {
        let poller = lab.poller(ECHO);
        poller.send(body);
        poller.assert_alive();
    }
    bystander.send("4fine");
    assert_eq!(bystander.text(), "4fine");
}

#[test]
fn sizes_are_held_to_the_byte() {
    let lab = TestLab::start();
    let poller = lab.poller(ECHO);
    let most = format!("4{}", "x".repeat(999_999));
    poller.send(&most);
    assert_eq!(poller.poll(), most);
    let over = "x".repeat(1_000_001);
    assert_eq!(poller.post(&over).0, 413);
    poller.assert_alive();
    let mut socket = lab.socket(ECHO);
    socket.send(&over);
    assert_eq!(socket.next(), Frame::Close(Some(1009)));
}

#[test]
fn a_second_poll_ends_the_session() {
    let lab = TestLab::start();
    let poller = lab.poller(ECHO);
    let first = poller.hold();
    assert_eq!(
        poller.get(),
        error(3, "Another request of this session is under way")
    );
    assert_eq!(first.answer(), (200, "1".to_owned()));
    poller.assert_gone();
}

#[test]
fn a_second_post_ends_the_session() {
    let lab = TestLab::start();
    let poller = lab.poller(ECHO);
    let mut first = lab.connect();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\n4h",
        poller.target
    );
    first.write_all(head.as_bytes()).unwrap();
    until("the first is under way", || poller.is_posting());
    assert_eq!(
        poller.post("4a"),
        error(3, "Another request of this session is under way")
    );
    // Node drops the connection of the first without a word; here it has its answer as well.
    let answer = Pending(first).raw();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    poller.assert_gone();
}

#[test]
fn an_abandoned_poll_ends_the_session_at_once() {
    let lab = TestLab::start();
    let poller = lab.poller(ECHO);
    let held = poller.hold();
    // No heartbeat is due before the test's patience ends.
    held.abandon();
    poller.until_over();
    poller.assert_gone();
}

#[test]
fn the_heartbeat_keeps_and_ends_sessions() {
    let lab = TestLab::with(|config| {
        config.heartbeat = PING_OFTEN;
        config.pong_timeout = Span(Duration::from_secs(2));
    });
    let since = Instant::now();
    let poller = lab.poller(ECHO);
    let mut socket = lab.socket(ECHO);
    for _ in 0..3 {
        assert_eq!(poller.poll(), "2");
        poller.send("3");
        assert_eq!(socket.text(), "2");
        socket.send("3");
    }
    assert!(since.elapsed() >= 3 * PING_OFTEN.0, "one interval each");
    let silent = lab.poller(ECHO);
    assert_eq!(socket.text(), "2");
    socket.assert_closed();
    silent.until_over();
    silent.assert_gone();
}

#[test]
fn a_close_packet_and_a_poll_may_cross() {
    let lab = TestLab::start();
    let poller = lab.poller(ECHO);
    poller.send("1");
    assert_eq!(poller.poll(), "6", "once");
    poller.assert_gone();
    let mut socket = lab.socket(ECHO);
    socket.send("1");
    socket.assert_closed();
}

#[test]
fn frames_that_are_no_packets_close_the_socket() {
    let lab = TestLab::start();
    for text in ["", "abc", "7", "2", "é"] {
        let mut socket = lab.socket(ECHO);
        socket.send(text);
        socket.assert_closed();
    }
    let mut socket = lab.socket(ECHO);
    for ignored in ["3", "0", "5", "6"] {
        socket.send(ignored);
    }
    socket.send("4still here");
    assert_eq!(socket.text(), "4still here");
    socket.send_raw_text(b"4\xff");
    assert_eq!(socket.next(), Frame::Close(Some(1007)));
}

#[test]
fn an_upgrade_keeps_order_and_ends_polling() {
    let lab = TestLab::start();
    // Several, so that they land on several threads.
    for _ in 0..12 {
        let poller = lab.poller(ECHO);
        let held = poller.hold();
        let upgrade = poller.target.replace("polling", "websocket");
        let mut socket = lab.upgrade(&upgrade);
        socket.send("2probe");
        assert_eq!(socket.text(), "3probe");
        assert_eq!(held.answer(), (200, "6".to_owned()));
        poller.send("4a\x1e4b");
        socket.send("5");
        socket.send("4c");
        for expected in ["4a", "4b", "4c"] {
            assert_eq!(socket.text(), expected);
        }
        assert_eq!(poller.get(), error(3, "Bad request"));
        assert_eq!(poller.post("4x"), error(3, "Bad request"));
        let mut second = lab.upgrade(&upgrade);
        second.assert_closed();
        socket.send("4d");
        assert_eq!(socket.text(), "4d");
    }
}

#[test]
fn during_an_upgrade_polls_are_released() {
    let lab = TestLab::start();
    let poller = lab.poller(ECHO);
    let mut socket = lab.upgrade(&poller.target.replace("polling", "websocket"));
    socket.send("2probe");
    assert_eq!(socket.text(), "3probe");
    let since = Instant::now();
    assert_eq!(poller.poll(), "6");
    let held = since.elapsed();
    assert!(held >= Duration::from_millis(90), "{held:?}");
    socket.send("2probe");
    assert_eq!(socket.text(), "3probe", "twice is answered twice");
}

#[test]
fn a_failed_upgrade_leaves_polling_alive() {
    let lab = TestLab::start();
    for bad in ["2", "4hello", "abc"] {
        let poller = lab.poller(ECHO);
        let mut socket = lab.upgrade(&poller.target.replace("polling", "websocket"));
        socket.send(bad);
        socket.assert_closed();
        poller.send("4still");
        assert_eq!(poller.poll(), "4still");
    }
    let poller = lab.poller(ECHO);
    drop(lab.upgrade(&poller.target.replace("polling", "websocket")));
    poller.send("4still");
    assert_eq!(poller.poll(), "4still");
}

#[test]
fn what_a_post_may_not_be() {
    let lab = TestLab::start();
    let poller = lab.poller(ECHO);
    for method in ["PUT", "DELETE", "OPTIONS"] {
        let answer = lab.request(method, &poller.target, b"4x").answer();
        assert_eq!(answer, error(3, "Bad request"), "{method}");
    }
    let head = lab.request("HEAD", &poller.target, b"").answer();
    assert_eq!(head, (400, String::new()));
    for content_type in ["text/plain", "application/json", "x"] {
        let header = format!("Content-Type: {content_type}\r\n");
        let taken = lab.request_with("POST", &poller.target, &header, b"3");
        assert_eq!(taken.answer(), (200, "ok".to_owned()), "{content_type}");
    }
    poller.send("4a\x1e4b");
    assert_eq!(poller.poll(), "4a\x1e4b");
    let binary = "Content-Type: application/octet-stream\r\n";
    let refused = lab.request_with("POST", &poller.target, binary, b"4x");
    assert_eq!(refused.answer(), error(3, "The body is binary"));
    poller.assert_gone();
    let poller = lab.poller(ECHO);
    poller.send("4a\x1e1\x1e4b");
    poller.assert_gone_but_for_the_farewell();
}

#[test]
fn a_body_that_does_not_arrive_whole_ends_the_session() {
    let lab = TestLab::start();
    let poller = lab.poller(ECHO);
    let mut cut = lab.connect();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4h",
        poller.target
    );
    cut.write_all(head.as_bytes()).unwrap();
    drop(cut);
    poller.until_over();
    poller.assert_gone();
}

#[test]
fn a_list_of_origins_holds_for_both_transports() {
    const OPEN: &str = "/engine.io/?EIO=4&transport=polling";
    const UPGRADE: &str = "/engine.io/?EIO=4&transport=websocket";
    let preflight = "Access-Control-Request-Method: POST\r\n\
        Access-Control-Request-Headers: content-type, x-y\r\n";
    let from = |origin: &str| format!("Origin: {origin}\r\n");

    let open = TestLab::with(|config| config.socketio_origins = "*".parse().unwrap());
    let answer = open.request_with("GET", OPEN, &from("http://a"), b"").raw();
    assert!(
        answer.contains("access-control-allow-origin: *\r\n"),
        "{answer}"
    );
    assert!(
        !answer.contains("access-control-allow-credentials"),
        "{answer}"
    );
    let refused = open.request("GET", "/engine.io/", b"").raw();
    assert!(
        refused.contains("access-control-allow-origin: *\r\n"),
        "{refused}"
    );
    let headers = from("http://a") + preflight;
    let granted = open.request_with("OPTIONS", OPEN, &headers, b"").raw();
    assert!(granted.starts_with("HTTP/1.1 204"), "{granted}");
    assert!(
        granted.contains("access-control-allow-headers: content-type, x-y\r\n"),
        "{granted}"
    );
    assert!(
        open.try_upgrade_with(UPGRADE, &from("http://a"))
            .0
            .starts_with("HTTP/1.1 101")
    );
    let illegal = open
        .request_with("GET", OPEN, "Origin: http://\u{e9}\r\n", b"")
        .answer();
    assert_eq!(illegal, error(3, "Bad request"));

    let listed = TestLab::with(|config| {
        config.socketio_origins = "https://a.example,http://b.example:5173".parse().unwrap();
    });
    for origin in ["https://a.example", "http://b.example:5173"] {
        let answer = listed.request_with("GET", OPEN, &from(origin), b"").raw();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let echoed = format!("access-control-allow-origin: {origin}\r\n");
        assert!(answer.contains(&echoed), "{answer}");
        assert!(
            answer.contains("access-control-allow-credentials: true\r\n"),
            "{answer}"
        );
        assert!(answer.contains("vary: Origin\r\n"), "{answer}");
        assert!(
            listed
                .try_upgrade_with(UPGRADE, &from(origin))
                .0
                .starts_with("HTTP/1.1 101")
        );
        let headers = from(origin) + preflight;
        let granted = listed.request_with("OPTIONS", OPEN, &headers, b"").raw();
        assert!(
            granted.starts_with("HTTP/1.1 204") && granted.contains(&echoed),
            "{granted}"
        );
    }
    // The lab's own page, on whatever host name it was asked by, and who is no page.
    let own = from(&format!("http://x:{}", listed.address.port()));
    assert_eq!(listed.request_with("GET", OPEN, &own, b"").answer().0, 200);
    assert_eq!(listed.get(OPEN).0, 200);
    assert!(listed.try_upgrade(UPGRADE).0.starts_with("HTTP/1.1 101"));
    for origin in ["https://evil.example", "null", "http://a.example"] {
        let answer = listed.request_with("GET", OPEN, &from(origin), b"").raw();
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert!(
            answer.contains(r#"{"code":4,"message":"Forbidden: "#) && answer.contains("--origins"),
            "{answer}"
        );
        assert!(!answer.contains("access-control-allow-origin"), "{answer}");
        let headers = from(origin) + preflight;
        let preflight = listed.request_with("OPTIONS", OPEN, &headers, b"").raw();
        assert!(
            !preflight.contains("access-control-allow-origin"),
            "{preflight}"
        );
        let (head, _) = listed.try_upgrade_with(UPGRADE, &from(origin));
        assert!(head.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{head}");
    }
}
