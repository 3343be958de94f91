//! Every way in which a WebSocket can end: the right close code, and after the closing handshake
//! a clean FIN (RFC 6455 §5.5.1, §7). Frames are written as raw bytes, right and wrong ones.
//!
//! Not here: what a departure does to presence and counts, which is `departures.rs`.

use std::{io, time::Duration};

use pushlab::config::{Config, Span};
use serde_json::{Value, json};

use crate::support::{
    self, PATIENCE, TestLab,
    connection::Connection,
    eventually,
    http::Http,
    position_of, spawn_lab, test_config,
    websocket::{BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, WebSocket, frame},
};

const CHANNEL: &str = "closing";

fn ms(millis: u64) -> Span {
    Span(Duration::from_millis(millis))
}

fn open(lab: &TestLab) -> WebSocket {
    let mut socket = WebSocket::open(lab.address("websocket"), CHANNEL);
    socket.expect_subscribed();
    socket
}

/// The next frame closes with this code, and then comes the server's FIN.
fn expect_close_and_fin(socket: &mut WebSocket, code: Option<u16>, why: &str) {
    expect_close(socket, code, why);
    expect_fin(socket, why);
}

fn expect_close(socket: &mut WebSocket, code: Option<u16>, why: &str) {
    let frame = socket.next().unwrap_or_else(|e| panic!("{why}: {e}"));
    let frame = frame.unwrap_or_else(|| panic!("{why}: FIN without a close frame"));
    assert_eq!(frame.opcode, CLOSE, "{why}: {frame:?}");
    assert_eq!(frame.close_code(), code, "{why}");
}

fn expect_fin(socket: &mut WebSocket, why: &str) {
    let after = socket.next_frame();
    let after = after.unwrap_or_else(|e| panic!("{why}: {e} instead of a FIN"));
    assert_eq!(after, None, "{why}: a frame after the close frame");
}

fn expect_nothing_is_left(lab: &TestLab) {
    eventually(PATIENCE, "no connection is open", || {
        lab.connections_open("websocket") == 0 && lab.subscribers(CHANNEL) == 0
    });
}

/// Sends these bytes on a new socket and expects the server to fail the connection.
fn expect_failure(lab: &TestLab, bytes: &[u8], code: u16, why: &str) {
    let mut socket = open(lab);
    socket.connection.send(bytes).expect("bytes can be sent");
    expect_close_and_fin(&mut socket, Some(code), why);
}

#[test]
fn a_close_frame_is_answered_with_its_own_code_and_a_fin() {
    let lab = spawn_lab(test_config());
    let registered = (1000..=1003).chain(1007..=1014);
    for code in registered.chain([3000, 3999, 4000, 4408, 4999]) {
        let mut socket = open(&lab);
        let mut payload = u16::to_be_bytes(code).to_vec();
        payload.extend_from_slice("bis später".as_bytes());
        socket.send(CLOSE, &payload).unwrap();
        expect_close_and_fin(&mut socket, Some(code), &format!("closed with {code}"));
    }
    expect_nothing_is_left(&lab);
}

#[test]
fn a_close_frame_without_a_code_is_answered_without_one() {
    let lab = spawn_lab(test_config());
    let mut socket = open(&lab);
    socket.send(CLOSE, b"").unwrap();
    expect_close_and_fin(&mut socket, None, "closed without a code");
    drop(socket);
    expect_nothing_is_left(&lab);
}

#[test]
fn a_close_frame_that_comes_with_the_handshake_is_answered() {
    let lab = spawn_lab(test_config());
    let mut bytes = format!(
        "GET /ws/{CHANNEL} HTTP/1.1\r\nhost: lab\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(&frame(true, CLOSE, &1000u16.to_be_bytes()));
    let mut http = Http::connect(lab.address("websocket"));
    http.connection.send(&bytes).unwrap();
    assert_eq!(http.read_head().unwrap().status, 101);
    let mut socket = WebSocket {
        connection: http.connection,
        handshake_bytes: (0, 0),
    };
    socket.expect_subscribed();
    expect_close_and_fin(&mut socket, Some(1000), "closed with the handshake");
}

#[test]
fn what_follows_a_close_frame_is_not_looked_at() {
    let lab = spawn_lab(test_config());
    let before = lab.publish(CHANNEL, "said", json!("before"));
    let mut socket = open(&lab);
    let publish = json!({ "publish": { "event": "said", "data": "too late" } }).to_string();
    let mut bytes = frame(true, CLOSE, &1000u16.to_be_bytes());
    bytes.extend_from_slice(&frame(true, TEXT, publish.as_bytes()));
    bytes.extend_from_slice(&frame(true, 3, b"nonsense"));
    socket.connection.send(&bytes).unwrap();
    expect_close_and_fin(&mut socket, Some(1000), "closed before more came");
    let after = lab.publish(CHANNEL, "said", json!("after"));
    assert_eq!(after.offset, before.offset + 1);
}

#[test]
fn what_was_asked_before_a_close_frame_is_answered_before_it() {
    let lab = spawn_lab(test_config());
    let mut socket = WebSocket::open(lab.address("websocket"), CHANNEL);
    socket.expect_subscribed();
    let publish = json!({ "publish": { "event": "said", "data": 1, "id": "x" } }).to_string();
    let mut bytes = frame(true, PING, b"are you there?");
    bytes.extend_from_slice(&frame(true, TEXT, publish.as_bytes()));
    bytes.extend_from_slice(&frame(true, CLOSE, b""));
    socket.connection.send(&bytes).unwrap();
    let pong = socket.next_frame().unwrap().unwrap();
    assert_eq!(
        (pong.opcode, pong.payload),
        (PONG, b"are you there?".into())
    );
    let mut acknowledged = false;
    loop {
        let next = socket.next_frame().unwrap().unwrap();
        if next.opcode == CLOSE {
            break;
        }
        acknowledged |= next.json()["ack"]["id"] == "x";
    }
    assert!(acknowledged, "the publication was acknowledged");
    expect_fin(&mut socket, "closed after a publication");
}

#[test]
fn invalid_utf8_closes_with_1007_at_its_first_bad_byte() {
    let lab = spawn_lab(test_config());
    let mut announced = frame(true, TEXT, &[b'x'; 100]);
    announced.truncate(6);
    announced.extend(
        b"ab\xFFcd"
            .iter()
            .zip([0x37, 0xFA, 0x21, 0x3D, 0x37])
            .map(|(b, m)| b ^ m),
    );
    let mut split = frame(false, TEXT, b"\xCE\xBA\xE1\xBD");
    split.extend(frame(true, CONTINUATION, b"\xFF"));
    let mut unended = frame(false, TEXT, b"\xCE\xBA\xE1\xBD");
    unended.extend(frame(true, CONTINUATION, b""));
    for (bytes, why) in [
        (frame(true, TEXT, b"\xFF"), "a byte that is no UTF-8"),
        (frame(true, TEXT, b"\xED\xA0\x80"), "a surrogate"),
        (frame(true, TEXT, b"\xC0\xAF"), "an overlong form"),
        (frame(true, TEXT, b"\xF4\x90\x80\x80"), "above U+10FFFF"),
        (frame(true, TEXT, b"ab\xE2\x82"), "ends in a character"),
        (frame(false, TEXT, b"\xFE"), "bad in the first fragment"),
        (announced, "bad before the frame is whole"),
        (split, "bad across fragments"),
        (unended, "ends in a character, over fragments"),
        (frame(true, CLOSE, b"\x03\xE8\xFF"), "a bad close reason"),
    ] {
        expect_failure(&lab, &bytes, 1007, why);
    }
    expect_nothing_is_left(&lab);
}

#[test]
fn binary_closes_with_1003() {
    let lab = spawn_lab(test_config());
    for (bytes, why) in [
        (frame(true, BINARY, b"\x00\x01"), "binary"),
        (frame(true, BINARY, b""), "empty binary"),
        (frame(false, BINARY, b"\x00"), "a first binary fragment"),
    ] {
        expect_failure(&lab, &bytes, 1003, why);
    }
    expect_nothing_is_left(&lab);
}

#[test]
fn a_message_over_the_limit_closes_with_1009_and_one_at_the_limit_is_taken() {
    let limit = 1_024;
    let lab = spawn_lab(Config {
        message_max_bytes: limit,
        ..test_config()
    });
    let empty = json!({ "publish": { "event": "said", "data": "", "id": "x" } }).to_string();
    let pad = "x".repeat(limit - empty.len());
    let mut socket = open(&lab);
    socket.publish("said", &json!(pad), "x").unwrap();
    let answers = [socket.expect_json(), socket.expect_json()];
    assert!(
        answers.iter().any(|answer| answer["ack"]["id"] == "x"),
        "{answers:?}"
    );
    drop(socket);

    let mut only_announced = frame(true, TEXT, &vec![b'x'; limit + 1]);
    only_announced.truncate(8);
    let mut fragments = frame(false, TEXT, &vec![b'x'; limit]);
    fragments.extend(frame(true, CONTINUATION, b"x"));
    let huge = [&[0x81, 0xFF, 0x7F][..], &[0xFF; 7], &[0; 4]].concat();
    for (bytes, why) in [
        (only_announced, "announced, and not yet sent"),
        (frame(true, TEXT, &vec![b'x'; limit + 1]), "in one frame"),
        (fragments, "over fragments"),
        (huge, "2^63 - 1 bytes announced"),
    ] {
        expect_failure(&lab, &bytes, 1009, why);
    }
    expect_nothing_is_left(&lab);
}

#[test]
fn breaking_the_framing_rules_closes_with_1002() {
    let lab = spawn_lab(test_config());
    let with_bits = |bits: u8| {
        let mut bytes = frame(true, TEXT, b"x");
        bytes[0] |= bits;
        bytes
    };
    let mut interrupted = frame(false, TEXT, b"a");
    interrupted.extend(frame(true, TEXT, b"b"));
    let too_long = [&[0x81, 0xFF, 0x80][..], &[0; 7], &[0; 4]].concat();
    for (bytes, why) in [
        (b"\x81\x02hi".to_vec(), "a frame without a mask"),
        (with_bits(0x40), "RSV1 set"),
        (with_bits(0x20), "RSV2 set"),
        (with_bits(0x10), "RSV3 set"),
        (frame(true, 3, b""), "data opcode 3"),
        (frame(true, 7, b""), "data opcode 7"),
        (frame(true, 11, b""), "control opcode 11"),
        (frame(true, 15, b""), "control opcode 15"),
        (frame(false, PING, b""), "a fragmented ping"),
        (frame(false, CLOSE, b""), "a fragmented close"),
        (frame(true, PING, &[0; 126]), "a ping of 126 bytes"),
        (frame(true, CLOSE, &[3; 126]), "a close of 126 bytes"),
        (frame(true, CONTINUATION, b"x"), "a continuation of nothing"),
        (interrupted, "a new message within a fragmented one"),
        (too_long, "a length with its highest bit set"),
        (frame(true, CLOSE, b"\x03"), "half a close code"),
    ] {
        expect_failure(&lab, &bytes, 1002, why);
    }
    expect_nothing_is_left(&lab);
}

#[test]
fn a_close_code_that_may_not_be_on_the_wire_closes_with_1002() {
    let lab = spawn_lab(test_config());
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535u16,
    ] {
        let bytes = frame(true, CLOSE, &code.to_be_bytes());
        expect_failure(&lab, &bytes, 1002, &format!("closed with {code}"));
    }
    expect_nothing_is_left(&lab);
}

/// A reset would take the close frame out of the client's hands if the server closed with bytes
/// unread (RFC 6455 §7.1.1).
#[test]
fn a_client_that_goes_on_sending_still_reads_the_close_frame_and_the_fin() {
    let lab = spawn_lab(test_config());
    let mut socket = open(&lab);
    let mut bytes = frame(true, BINARY, b"refused");
    bytes.extend(frame(true, TEXT, &vec![b'x'; 60_000]).repeat(20));
    socket.connection.send(&bytes).unwrap();
    expect_close_and_fin(&mut socket, Some(1003), "binary, then a flood");
    drop(socket);
    expect_nothing_is_left(&lab);
}

#[test]
fn a_fin_without_a_close_frame_is_answered_with_a_fin() {
    let lab = spawn_lab(test_config());
    let mut socket = open(&lab);
    socket.connection.finish();
    expect_fin(&mut socket, "FIN without a close frame");
    expect_nothing_is_left(&lab);
}

#[test]
fn a_shutdown_closes_with_1001() {
    let mut lab = spawn_lab(test_config());
    let mut sockets = [open(&lab), open(&lab)];
    lab.begin_stop();
    for socket in &mut sockets {
        expect_close(socket, Some(1001), "shutdown");
        socket.send_close(1001).unwrap();
        expect_fin(socket, "shutdown, answered");
    }
    drop(sockets);
    lab.stop();
}

#[test]
fn a_ping_that_nobody_answers_closes_with_4408() {
    let lab = spawn_lab(Config {
        heartbeat: ms(100),
        pong_timeout: ms(150),
        ..test_config()
    });
    let mut socket = open(&lab);
    let ping = socket.next_frame().unwrap().unwrap();
    assert_eq!(ping.opcode, PING);
    let close = socket.next_frame().unwrap().unwrap();
    assert_eq!(close.close_code(), Some(4408), "{close:?}");
    socket.send_close(4408).unwrap();
    expect_fin(&mut socket, "no pong, answered");
    drop(socket);
    expect_nothing_is_left(&lab);
}

#[test]
fn a_client_that_answers_its_pings_stays() {
    let lab = spawn_lab(Config {
        heartbeat: ms(50),
        pong_timeout: ms(400),
        ..test_config()
    });
    let mut socket = open(&lab);
    for _ in 0..10 {
        let ping = socket.next_frame().unwrap().unwrap();
        assert_eq!(ping.opcode, PING, "{ping:?}");
        socket.send(PONG, &ping.payload).unwrap();
    }
    let published = lab.publish(CHANNEL, "said", json!("still here"));
    assert_eq!(position_of(&socket.expect_json()), published);
}

#[test]
fn a_slow_consumer_is_closed_with_1013_once_it_reads_again() {
    let lab = spawn_lab(Config {
        subscriber_queue_max_bytes: 128 << 10,
        close_timeout: Span(PATIENCE),
        ..test_config()
    });
    let connection = Connection::connect_narrow(lab.address("websocket"), 64 << 10);
    let mut socket = WebSocket::open_over(connection, CHANNEL).unwrap();
    socket.expect_subscribed();
    let data = json!("x".repeat(50_000));
    let mut publisher = lab.http("main");
    eventually(PATIENCE, "the slow consumer's queue is dropped", || {
        support::publish(&mut publisher, CHANNEL, "large", data.clone());
        lab.drops(CHANNEL) > 0
    });
    let mut offset = 0;
    let close = loop {
        let frame = socket
            .next()
            .unwrap()
            .expect("a close frame before the FIN");
        if frame.opcode == CLOSE {
            break frame;
        }
        let publication: Value = frame.json();
        assert_eq!(
            publication["offset"],
            offset + 1,
            "in order up to the close"
        );
        offset += 1;
    };
    assert_eq!(close.close_code(), Some(1013), "{close:?}");
    socket.send_close(1013).unwrap();
    expect_fin(&mut socket, "slow consumer, answered");
    drop(socket);
    expect_nothing_is_left(&lab);
}

#[test]
fn a_client_that_never_answers_our_close_is_reset_after_the_close_timeout() {
    let mut lab = spawn_lab(Config {
        close_timeout: ms(200),
        ..test_config()
    });
    let mut refused = open(&lab);
    refused.send(BINARY, b"").unwrap();
    expect_close_and_fin(&mut refused, Some(1003), "binary");
    let mut ended = open(&lab);
    eventually(PATIENCE, "the refused one is given up", || {
        lab.connections_open("websocket") == 1
    });
    lab.begin_stop();
    expect_close(&mut ended, Some(1001), "shutdown");
    let error = ended
        .next_frame()
        .expect_err("a reset, since we do not answer");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    lab.stop();
}
