//! Socket.IO over raw bytes: the cases of the official v5 suite, and what the Node server was seen to do with
//! bad packets, on both transports.

use crate::support::conformance::{Alive, Frame, TestLab, WebSocket, sid_in};

const IO: &str = "socket.io";

/// A socket in the main namespace.
fn joined(lab: &TestLab) -> WebSocket {
    let mut socket = lab.socket(IO);
    socket.send("40");
    assert!(socket.text().starts_with(r#"40{"sid":"#));
    assert_eq!(socket.text(), r#"42["auth",{}]"#);
    socket
}

#[test]
fn clients_join_namespaces_with_auth_or_without() {
    let lab = TestLab::start();
    for (connect, connected, auth) in [
        ("40", r#"40{"sid":""#, r#"42["auth",{}]"#),
        ("40/", r#"40{"sid":""#, r#"42["auth",{}]"#),
        ("405", r#"40{"sid":""#, r#"42["auth",{}]"#),
        (
            r#"40{"token":"123"}"#,
            r#"40{"sid":""#,
            r#"42["auth",{"token":"123"}]"#,
        ),
        (
            "40/custom",
            r#"40/custom,{"sid":""#,
            r#"42/custom,["auth",{}]"#,
        ),
        (
            r#"40/custom,{"token":"abc"}"#,
            r#"40/custom,{"sid":""#,
            r#"42/custom,["auth",{"token":"abc"}]"#,
        ),
    ] {
        let mut socket = lab.socket(IO);
        socket.send(connect);
        let answer = socket.text();
        assert!(answer.starts_with(connected), "{answer}");
        assert_eq!(socket.text(), auth);
    }
}

#[test]
fn the_two_ids_differ() {
    let lab = TestLab::start();
    let poller = lab.poller(IO);
    poller.send("40");
    let answer = poller.poll();
    let (connected, auth) = answer.split_once('\x1e').expect("both in one answer");
    assert_eq!(auth, r#"42["auth",{}]"#);
    assert_ne!(sid_in(connected), poller.sid);
    assert!(poller.sid.len() >= 26, "at least 128 bits in 32 letters");
}

#[test]
fn unknown_namespaces_are_refused_and_the_connection_stays() {
    let lab = TestLab::start();
    let mut socket = lab.socket(IO);
    socket.send("40/random");
    assert_eq!(
        socket.text(),
        r#"44/random,{"message":"Invalid namespace"}"#
    );
    socket.send("40/custom?x=1,");
    assert_eq!(
        socket.text(),
        r#"44/custom?x=1,{"message":"Invalid namespace"}"#
    );
    socket.send("40");
    assert!(socket.text().starts_with("40{"));
}

#[test]
fn who_joins_nothing_is_closed() {
    let lab = TestLab::with_the_suites_times();
    let mut socket = lab.socket(IO);
    socket.assert_closed();
}

#[test]
fn leaving_a_namespace_keeps_the_connection() {
    let lab = TestLab::with_pings();
    let mut socket = joined(&lab);
    socket.send("41");
    assert_eq!(socket.text(), "2", "the next is the ping, and no close");
    socket.send("3");
    socket.send("40");
    assert!(socket.text().starts_with("40{"), "and it may come back");
    socket.text();
    socket.send("40/custom");
    socket.text();
    socket.text();
    socket.send("41/custom");
    socket.send(r#"42["message",1]"#);
    assert_eq!(socket.text(), r#"42["message-back",1]"#);
}

#[test]
fn messages_and_acknowledgements_come_back_with_binary_and_without() {
    let lab = TestLab::start();
    let mut socket = joined(&lab);
    socket.send(r#"42["message",1,"2",{"3":[true]}]"#);
    assert_eq!(socket.text(), r#"42["message-back",1,"2",{"3":[true]}]"#);
    socket.send(r#"42456["message-with-ack",1,"2",{"3":[false]}]"#);
    assert_eq!(socket.text(), r#"43456[1,"2",{"3":[false]}]"#);
    let placeholders = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#;
    for (sent, head) in [
        (
            format!(r#"452-["message",{placeholders}]"#),
            format!(r#"452-["message-back",{placeholders}]"#),
        ),
        (
            format!(r#"452-789["message-with-ack",{placeholders}]"#),
            format!("462-789[{placeholders}]"),
        ),
    ] {
        socket.send(&sent);
        socket.send_binary(&[1, 2, 3]);
        socket.send_binary(&[4, 5, 6]);
        assert_eq!(socket.text(), head);
        assert_eq!(socket.next(), Frame::Binary(vec![1, 2, 3]));
        assert_eq!(socket.next(), Frame::Binary(vec![4, 5, 6]));
    }
    let poller = lab.poller(IO);
    poller.send("40");
    poller.poll();
    poller.send("451-[\"message\",{\"_placeholder\":true,\"num\":0}]\x1ebAQID");
    assert_eq!(
        poller.poll(),
        "451-[\"message-back\",{\"_placeholder\":true,\"num\":0}]\x1ebAQID"
    );
}

#[test]
fn fifty_events_are_answered_in_order_on_both_transports() {
    let lab = TestLab::start();
    let mut socket = joined(&lab);
    (0..50).for_each(|n| socket.send(&format!(r#"42["message",{n}]"#)));
    (0..50).for_each(|n| assert_eq!(socket.text(), format!(r#"42["message-back",{n}]"#)));
    let poller = lab.poller(IO);
    poller.send("40");
    poller.poll();
    let events: Vec<_> = (0..50).map(|n| format!(r#"42["message",{n}]"#)).collect();
    poller.send(&events.join("\x1e"));
    let mut got = Vec::new();
    while got.len() < 50 {
        got.extend(poller.poll().split('\x1e').map(str::to_owned));
    }
    let expected: Vec<_> = (0..50)
        .map(|n| format!(r#"42["message-back",{n}]"#))
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn what_is_out_of_place_closes_the_connection_and_nothing_else() {
    let lab = TestLab::with_pings();
    let mut bystander = joined(&lab);
    for first in [
        r#"42["message"]"#,
        "41",
        "431[]",
        r#"44{"message":"x"}"#,
        r#"40"s""#,
        "40[]",
        "40null",
        "40{",
        "4",
        "4abc",
    ] {
        let mut socket = lab.socket(IO);
        socket.send(first);
        socket.assert_closed();
    }
    for then in [
        "40",
        r#"44{"message":"x"}"#,
        "42[]",
        "42{}",
        "42null",
        "42[null]",
        "42[true]",
        r#"42["message""#,
        "42",
        r#"42["disconnect"]"#,
        r#"42["newListener"]"#,
        r#"42abc["message"]"#,
        r#"42-1["message"]"#,
        r#"421.5["message"]"#,
        r#"4218446744073709551616["message"]"#,
        r#"42/custom,["message"]"#,
        r#"42/nowhere,["message"]"#,
        "43{}",
        r#"41{"x":1}"#,
        "41/custom",
        "47",
        r#"45["message"]"#,
        r#"4511-["message"]"#,
        r#"451-["message",{"_placeholder":true,"num":1}]"#,
    ] {
        let mut socket = joined(&lab);
        socket.send(then);
        socket.assert_closed();
    }
    let mut socket = joined(&lab);
    socket.send_binary(b"nobody asked");
    socket.assert_closed();
    let mut socket = joined(&lab);
    socket.send(r#"451-["message",{"_placeholder":true,"num":0}]"#);
    socket.send(r#"42["message"]"#);
    socket.assert_closed();
    while bystander.text() != "2" {}
    bystander.send("3");
    bystander.send(r#"42["message","fine"]"#);
    assert_eq!(bystander.text(), r#"42["message-back","fine"]"#);
}

/// Namespaces share the connection: one event of one of them does not cost the others theirs.
#[test]
fn an_event_that_nests_too_deep_is_refused_and_the_connection_lives() {
    let lab = TestLab::start();
    let mut socket = joined(&lab);
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let hundred = nested(100);
    socket.send(&format!(r#"42["message",{hundred}]"#));
    assert_eq!(socket.text(), format!(r#"42["message-back",{hundred}]"#));
    let too_deep = nested(120);
    socket.send(&format!(r#"427["message",{too_deep}]"#));
    let ack = socket.text();
    assert!(
        ack.starts_with(r#"437[{"error":{"code":"too_deep""#),
        "{ack}"
    );
    socket.send(&format!(r#"42["message",{}"#, "[".repeat(90_000)));
    let told = socket.text();
    assert!(
        told.starts_with(r#"42["error",{"error":{"code":"too_deep""#),
        "{told}"
    );
    socket.send(&format!(r#"451-["message",{too_deep}]"#));
    socket.send_binary(b"its attachment");
    let told = socket.text();
    assert!(
        told.starts_with(r#"42["error",{"error":{"code":"too_deep""#),
        "{told}"
    );
    socket.send(r#"42["message","still here"]"#);
    assert_eq!(socket.text(), r#"42["message-back","still here"]"#);
}

#[test]
fn harmless_oddities_are_ignored() {
    let lab = TestLab::start();
    let mut socket = joined(&lab);
    for odd in [
        "43",
        "431",
        r#"43["x"]"#,
        r#"4399["x"]"#,
        r#"42["nobody",1]"#,
        r#"450-["x"]"#,
    ] {
        socket.send(odd);
    }
    socket.send(r#"42["message","\ud800",{"__proto__":1}]"#);
    assert_eq!(
        socket.text(),
        r#"42["message-back","\ufffd",{"__proto__":1}]"#
    );
}

#[test]
fn the_server_disconnects_one_socket_and_keeps_the_session() {
    let lab = TestLab::with_pings();
    let mut socket = joined(&lab);
    socket.send(r#"42["server-disconnect"]"#);
    assert_eq!(socket.text(), "41");
    assert_eq!(socket.text(), "2");
}

#[test]
fn a_bad_packet_on_polling_ends_as_the_reference_does() {
    let lab = TestLab::start();
    let poller = lab.poller(IO);
    let held = poller.hold();
    poller.send(r#"42["message"]"#);
    assert_eq!(held.answer(), (200, "1".to_owned()));
    poller.assert_gone();
    let poller = lab.poller(IO);
    poller.send("4");
    assert_eq!(poller.poll(), "6\x1e1");
    poller.assert_gone();
}

/// What the Node server was seen to refuse beyond [`what_is_out_of_place_closes_the_connection_and_nothing_else`],
/// by POST: each ends its own session, and the bystander's goes on.
#[test]
fn bad_packets_by_post_end_their_session_and_no_other() {
    let lab = TestLab::start();
    let bystander = Alive::new(joined(&lab));
    let binary = |placeholder: &str, attachments: &str| {
        format!(r#"451-["message",{placeholder}]{attachments}"#)
    };
    let mut bad = vec![
        "48".to_owned(),
        "49".to_owned(),
        "4x".to_owned(),
        "41/other".to_owned(),
        r#"42/nowhere,["message"]"#.to_owned(),
        r#"42/custom,["message"]"#.to_owned(),
        r#"4318446744073709551616["x"]"#.to_owned(),
        r#"4299999999999999999999999["message"]"#.to_owned(),
        r#"451["message"]"#.to_owned(),
        r#"45-1-["message"]"#.to_owned(),
        r#"45 1-["message"]"#.to_owned(),
        r#"4599999999999999999999-["message"]"#.to_owned(),
        binary(r#"{"_placeholder":true}"#, ""),
        binary(r#"{"_placeholder":true,"num":-1}"#, ""),
        binary(r#"{"_placeholder":true,"num":"0"}"#, ""),
        binary(r#"{"_placeholder":true,"num":0}"#, "\x1e41"),
        binary(r#"{"_placeholder":true,"num":0}"#, "\x1ebAQID\x1ebAQID"),
        "bAQID".to_owned(),
        "4\x1e".repeat(499_999) + "4",
    ];
    bad.push(r#"42["message",1]"#.to_owned() + "\x1e" + &"4".repeat(100_000));
    for body in bad {
        let poller = lab.poller(IO);
        poller.send("40");
        poller.poll();
        let (status, _) = poller.post(&body);
        assert!(matches!(status, 200 | 400), "{status}");
        let shown = &body[..body.len().min(60)];
        // What came before the bad packet has been answered; then the close.
        let mut answer = poller.get();
        while answer.0 == 200 && !answer.1.ends_with('1') {
            answer = poller.get();
        }
        if answer.0 == 200 {
            assert!(
                answer.1 == "1" || answer.1.ends_with("6\x1e1"),
                "{shown}: {answer:?}"
            );
        }
        poller.assert_gone();
        bystander.send(r#"42["message","fine"]"#);
        assert_eq!(bystander.text(), r#"42["message-back","fine"]"#, "{shown}");
    }
}

#[test]
fn attachments_that_never_come_hold_up_nobody_and_not_the_heartbeat() {
    let lab = TestLab::with_pings();
    let waiting = Alive::new(joined(&lab));
    waiting.send(r#"452-["message",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#);
    let mut other = joined(&lab);
    // Two heartbeats long it is alive, and the packet is still put together.
    for _ in 0..2 {
        assert_eq!(other.text(), "2");
        other.send("3");
    }
    other.send(r#"42["message"]"#);
    assert_eq!(other.text(), r#"42["message-back"]"#);
    waiting.send_binary(&[1]);
    waiting.send_binary(&[2]);
    let back =
        r#"452-["message-back",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#;
    assert_eq!(waiting.text(), back);
}

#[test]
fn attachments_may_be_used_twice_or_not_at_all() {
    let lab = TestLab::start();
    let mut socket = joined(&lab);
    let twice = r#"{"_placeholder":true,"num":0,"x":1},[{"_placeholder":true,"num":0}]"#;
    for args in [twice, "1"] {
        socket.send(&format!(r#"451-["message",{args}]"#));
        socket.send_binary(&[7]);
        assert_eq!(socket.text(), format!(r#"451-["message-back",{args}]"#));
        assert_eq!(socket.next(), Frame::Binary(vec![7]));
    }
    socket.send(r#"42["message",{"_placeholder":true,"num":7}]"#);
    let plain = r#"42["message-back",{"_placeholder":true,"num":7}]"#;
    assert_eq!(socket.text(), plain, "ordinary data without attachments");
}

#[test]
fn a_slow_reader_is_closed_and_counted_where_everybody_sees_it() {
    let lab = TestLab::with(|config| config.subscriber_queue_max_bytes = 50_000);
    let slow = lab.poller(IO);
    slow.send("40");
    slow.poll();
    let sender = Alive::new(joined(&lab));
    let event = format!(r#"42["broadcast","{}"]"#, "x".repeat(20_000));
    for _ in 0..4 {
        sender.send(&event);
        assert_eq!(sender.text(), event, "who reads is served");
    }
    slow.assert_gone();
    let (_, metrics) = lab.get("/metrics");
    let counted = r#"pushlab_socketio_sessions_ended_total{reason="slow consumer"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
}
