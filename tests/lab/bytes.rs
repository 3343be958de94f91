//! The byte counters against the bytes.
//!
//! Every test speaks raw bytes to a lane, keeps a [`Ledger`] of what passed in both directions,
//! divided into layers by reading the wire itself (heads up to the empty line, chunk sizes, fields
//! of event streams, frame headers, JSON), and then asks `GET /api/stats` for the lane's series:
//! every figure must be the same, to the byte. Where the connection is still open the client's
//! kernel is asked as well (`TCP_INFO`).
//!
//! The division is written here a second time on purpose, without the crate's codecs.

use std::{
    collections::VecDeque,
    io,
    ops::AddAssign,
    time::{Duration, Instant},
};

use crate::support::{
    self, PATIENCE, TestLab,
    connection::Connection,
    eventually,
    http::{Answer, Http},
    position_of, spawn_lab, test_config,
    websocket::{self, Frame, WebSocket},
};
use pushlab::{
    channel::StreamPosition,
    config::{Config, Span},
    lane::{LaneId, tcp_info},
};
use serde::Deserialize;
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

// Polls

#[test]
fn short_polling_on_one_kept_alive_connection_is_counted_to_the_byte() {
    let lab = spawn_lab(test_config());
    let mut client = Client::on(&lab, "short-poll");
    let channel = "bytes-short";
    client.get(&format!("/short-poll/{channel}"));
    client.publish(channel, &json!({"n": 1}), "");
    client.publish(channel, &json!("zwölf Boxkämpfer 🥊"), "");
    let answer = client.get(&format!("/short-poll/{channel}?history=5"));
    assert_eq!(publications(&answer.body).len(), 2);
    let etag = answer.header("etag").unwrap().to_owned();
    let unchanged = client.request(
        "GET",
        &format!("/short-poll/{channel}"),
        &[("if-none-match", &etag)],
        b"",
    );
    assert_eq!(unchanged.status, 304);
    let epoch = position_of(&answer.json()).epoch;
    let limited = format!(
        "/short-poll/{channel}?epoch={}&offset=0&limit=1",
        epoch.as_str()
    );
    assert_eq!(publications(&client.get(&limited).body).len(), 1);
    client.get(&format!("/api/channels/{channel}/history?limit=2"));
    client.get(&format!("/api/channels/{channel}/presence"));
    client.expect_series(&lab, "short-poll", channel);
    client.expect_kernel_agrees();
    client.close();
    client.expect_series(&lab, "short-poll", channel);
}

#[test]
fn long_polls_held_answered_and_empty_are_counted_to_the_byte() {
    let lab = spawn_lab(test_config());
    let mut client = Client::on(&lab, "long-poll");
    let channel = "bytes-long";
    client.get(&format!("/long-poll/{channel}?hold_ms=0&demo=chat"));
    client.send_request("GET", &format!("/long-poll/{channel}?demo=chat"), &[], b"");
    support::eventually(PATIENCE, "the poll is held", || {
        lab.subscribers(channel) == 1
    });
    let position = lab.publish(channel, "tick", json!({"text": "x".repeat(3_000)}));
    let answer = client.read_answer();
    assert_eq!(position_of(&answer.json()), position);
    let empty = client.get(&format!(
        "/long-poll/{channel}?demo=chat&hold_ms=20&epoch={}&offset={}",
        position.epoch.as_str(),
        position.offset
    ));
    assert!(publications(&empty.body).is_empty());
    client.expect_series(&lab, "long-poll", channel);
    client.expect_kernel_agrees();
    client.close();
    client.expect_series(&lab, "long-poll", channel);
}

#[test]
fn pipelined_requests_of_one_use_are_counted_to_the_byte() {
    let lab = spawn_lab(test_config());
    let mut client = Client::on(&lab, "short-poll");
    let channel = "bytes-pipelined";
    let request = format!("GET /short-poll/{channel} HTTP/1.1\r\nhost: lab\r\n\r\n");
    client.raw_request(request.repeat(5).as_bytes());
    for _ in 0..5 {
        client.read_answer();
    }
    client.expect_series(&lab, "short-poll", channel);
    client.expect_kernel_agrees();
}

// Publishing

#[test]
fn publishing_counts_envelope_and_payload_as_they_came() {
    let lab = spawn_lab(test_config());
    let mut client = Client::on(&lab, "sse");
    let channel = "bytes-publish";
    // Spaces inside `data` are payload; around it they are envelope.
    let data = "{ \"a\" : [ 1 , 2.50 ] }";
    let body = format!("{{ \"event\" : \"e\" ,\n \"data\" :  {data} , \"id\":\"one\" }}");
    for _ in 0..2 {
        let answer = client.post_publication(channel, body.as_bytes(), data.len());
        assert_eq!(
            answer.json()["offset"],
            1,
            "the id makes it one publication"
        );
    }
    client.publish(channel, &json!("y".repeat(60_000)), "two");
    client.expect_series(&lab, "sse", channel);
    client.expect_kernel_agrees();
}

#[test]
fn a_body_that_waits_for_100_continue_is_counted_to_the_byte() {
    let lab = spawn_lab(test_config());
    let mut client = Client::on(&lab, "sse");
    let channel = "bytes-continue";
    let body = r#"{"event":"e","data":[1]}"#;
    let head = format!(
        "POST /api/channels/{channel}/publications HTTP/1.1\r\nhost: lab\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.raw_request(head.as_bytes());
    let go_on = client.http.read_head().unwrap();
    assert_eq!(go_on.status, 100);
    client.ledger.down.http_headers += go_on.head_bytes;
    client.http.connection.send(body.as_bytes()).unwrap();
    client.ledger.up += Layers::message(body.len(), 3);
    client.ledger.received += 1;
    assert_eq!(client.read_answer().status, 200);
    client.expect_series(&lab, "sse", channel);
    client.expect_kernel_agrees();
}

/// The one thing that the lane cannot tell apart: actix-http takes the chunks off before anybody
/// sees them, so a request's chunk sizes are in the remainder, with the headers. Browsers do not
/// send chunked bodies over HTTP/1.1.
#[test]
fn a_chunked_request_body_adds_up_with_its_chunk_sizes_among_the_headers() {
    let lab = spawn_lab(test_config());
    let mut client = Client::on(&lab, "sse");
    let channel = "bytes-chunked";
    let body = r#"{"event":"e","data":[1,2,3]}"#;
    let (first, second) = body.split_at(10);
    let request = format!(
        "POST /api/channels/{channel}/publications HTTP/1.1\r\nhost: lab\r\n\
         transfer-encoding: chunked\r\n\r\na\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        second.len()
    );
    client.raw_request(request.as_bytes());
    client.ledger.up.http_headers -= body.len() as u64;
    client.ledger.up += Layers::message(body.len(), 7);
    client.ledger.received += 1;
    assert_eq!(client.read_answer().status, 200);
    client.expect_series(&lab, "sse", channel);
    client.expect_kernel_agrees();
}

// Refusals

#[test]
fn refusals_are_counted_to_the_byte() {
    let lab = spawn_lab(test_config());
    let channel = "bytes-refused";
    for (lane, path) in [
        ("short-poll", "short-poll"),
        ("long-poll", "long-poll"),
        ("sse", "sse"),
        ("websocket", "ws"),
    ] {
        let mut client = Client::on(&lab, lane);
        let target = format!("/{path}/{channel}");
        for (method, query) in [
            ("GET", "?epoch=only"),
            ("GET", "?limit=0"),
            ("GET", "?client=%2F"),
            ("DELETE", ""),
            ("HEAD", ""),
        ] {
            let answer = client.request(method, &format!("{target}{query}"), &[], b"");
            // HEAD is answered where GET is, and not a byte of the body comes.
            let is_refused = answer.status >= 400;
            assert!(is_refused || method == "HEAD", "{method} {target}{query}");
        }
        let publications = format!("/api/channels/{channel}/publications");
        for bad in ["{", "[]", r#"{"event":"","data":1}"#, ""] {
            client.ledger.up += Layers::message(bad.len(), 0);
            let answer = client.request("POST", &publications, &[], bad.as_bytes());
            assert!(answer.status == 400, "{bad}");
        }
        client.expect_series(&lab, lane, channel);
        client.expect_kernel_agrees();
    }
}

#[test]
fn a_body_over_the_limit_adds_up() {
    let lab = spawn_lab(Config {
        body_max_bytes: 100,
        ..test_config()
    });
    let channel = "bytes-over";
    let mut client = Client::on(&lab, "sse");
    let body = vec![b'x'; 5_000];
    client.send_request(
        "POST",
        &format!("/api/channels/{channel}/publications"),
        &[],
        &body,
    );
    // No handler saw it as a message, so all of it is remainder.
    client.ledger.up.http_headers += body.len() as u64;
    assert_eq!(client.read_answer().status, 413);
    client.expect_series(&lab, "sse", channel);
}

#[test]
fn a_refused_handshake_is_counted_to_the_byte() {
    let lab = spawn_lab(test_config());
    let channel = "bytes-no-handshake";
    let mut client = Client::on(&lab, "websocket");
    assert_eq!(client.get(&format!("/ws/{channel}")).status, 426);
    let refused = client.request(
        "GET",
        &format!("/ws/{channel}"),
        &[
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "12"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ],
        b"",
    );
    assert_eq!(refused.status, 400);
    client.close();
    client.expect_series(&lab, "websocket", channel);
}

// Event streams

#[test]
fn an_event_stream_is_counted_to_the_byte() {
    let lab = spawn_lab(Config {
        heartbeat: Span(Duration::from_millis(150)),
        ..test_config()
    });
    let channel = "bytes-sse";
    lab.publish(channel, "before", json!([1, 2, 3]));
    lab.publish(channel, "before", json!("x".repeat(300)));
    let mut client = Client::on(&lab, "sse");
    client.send_request("GET", &format!("/sse/{channel}?history=2"), &[], b"");
    client.read_head();
    client.read_events_until(|events| events.delivered == 2);
    lab.publish(channel, "tick", json!({"n": 3}));
    // Data of several lines has a field for each of them.
    let body = "{\"event\":\"tick\",\"data\":{\n  \"a\": 1,\n  \"b\": 2\n}}";
    let answer = lab.http("main").post(
        &format!("/api/channels/{channel}/publications"),
        body.as_bytes(),
    );
    assert_eq!(answer.status, 200);
    client.read_events_until(|events| events.delivered == 4 && events.comments >= 1);
    // Heartbeats may follow: FIN, and read whatever there is up to the server's own.
    client.http.connection.finish();
    client.read_events_to_the_end();
    client.expect_series(&lab, "sse", channel);
}

#[test]
fn an_open_event_stream_is_counted_as_it_flows() {
    let lab = spawn_lab(test_config());
    let channel = "bytes-sse-open";
    let mut client = Client::on(&lab, "sse");
    client.send_request("GET", &format!("/sse/{channel}?demo=dashboard"), &[], b"");
    client.read_head();
    client.read_events_until(|events| events.events == 1);
    client.expect_series(&lab, "sse", channel);
    // Chunk sizes of one to four hex digits.
    for (n, length) in [1, 2_000, 40_000].into_iter().enumerate() {
        lab.publish(channel, "tick", json!("x".repeat(length)));
        client.read_events_until(|events| events.delivered == n as u64 + 1);
        client.expect_series(&lab, "sse", channel);
        client.expect_kernel_agrees();
    }
}

#[test]
fn the_end_of_a_stopped_stream_is_counted_to_the_byte() {
    let mut lab = spawn_lab(test_config());
    let channel = "bytes-sse-stop";
    let mut client = Client::on(&lab, "sse");
    client.send_request("GET", &format!("/sse/{channel}"), &[], b"");
    client.read_head();
    client.read_events_until(|events| events.events == 1);
    lab.begin_stop();
    client.read_events_to_the_end();
    assert_eq!(client.events.events, 2, "subscribed and closing");
    assert!(client.events.ended, "the last chunk came");
    client.expect_meters(&lab, "sse", channel);
}

// WebSockets

#[test]
fn frames_around_every_length_boundary_are_counted_to_the_byte() {
    let lab = spawn_lab(Config {
        message_max_bytes: 1 << 20,
        ..test_config()
    });
    let mut client = SocketClient::open(&lab, "w", "");
    for length in [125, 126, 65_535, 65_536] {
        // Up: the message is exactly that long; down: its publication is whatever it is.
        client.publish_message_of(length);
    }
    for length in [125, 126, 65_535, 65_536] {
        // Down: the publication is exactly that long.
        client.publish_for_publication_of(length);
    }
    assert_eq!(client.ledger.received, 8);
    client.expect_series(&lab);
    client.expect_kernel_agrees();
    client.close_with(1000, "done");
    client.expect_series(&lab);
}

#[test]
fn control_frames_and_fragments_are_counted_to_the_byte() {
    let lab = spawn_lab(test_config());
    let mut client = SocketClient::open(&lab, "bytes-ws-control", "&client=c1&name=Ann");
    for length in [0, 1, 125] {
        client.send(true, websocket::PING, &vec![b'p'; length]);
        assert_eq!(client.next().payload.len(), length);
    }
    client.send(true, websocket::PONG, b"unasked");
    let message = r#"{"publish":{"event":"e","data":"in four pieces","id":"f"}}"#;
    let pieces = [
        &message[..1],
        &message[1..20],
        &message[20..20],
        &message[20..],
    ];
    for (n, piece) in pieces.iter().enumerate() {
        let opcode = match n {
            0 => websocket::TEXT,
            _ => websocket::CONTINUATION,
        };
        client.send(n == 3, opcode, piece.as_bytes());
        if n == 1 {
            client.send(true, websocket::PING, b"between");
            assert_eq!(client.next().opcode, websocket::PONG);
        }
    }
    client.message_was(message.len(), r#""in four pieces""#.len());
    client.ledger.received += 1;
    client.expect_publication_and_ack();
    client.expect_series(&lab);
    client.expect_kernel_agrees();
    client.close_with(4321, "a reason of some length");
    client.expect_series(&lab);
}

#[test]
fn refused_messages_on_an_open_socket_are_counted_to_the_byte() {
    let lab = spawn_lab(test_config());
    let mut client = SocketClient::open(&lab, "bytes-ws-errors", "");
    for (text, payload) in [
        ("{", 0),
        (r#"{"publish":{"event":"","data":1}}"#, 0),
        (r#"{"subscribe":{}}"#, 0),
    ] {
        client.send(true, websocket::TEXT, text.as_bytes());
        client.message_was(text.len(), payload);
        assert!(client.next().json()["error"].is_object());
    }
    client.expect_series(&lab);
    client.expect_kernel_agrees();
}

#[test]
fn pings_of_the_server_are_counted_to_the_byte() {
    let lab = spawn_lab(Config {
        heartbeat: Span(Duration::from_millis(50)),
        ..test_config()
    });
    let mut client = SocketClient::open(&lab, "bytes-ws-pings", "");
    for _ in 0..3 {
        assert_eq!(client.next().opcode, websocket::PING);
        client.send(true, websocket::PONG, b"");
    }
    client.close_with(1000, "");
    client.expect_series(&lab);
}

#[test]
fn frames_that_came_with_the_handshake_are_counted_to_the_byte() {
    let lab = spawn_lab(test_config());
    let channel = "bytes-ws-eager";
    let mut client = Client::on(&lab, "websocket");
    let message = r#"{"publish":{"event":"e","data":17}}"#;
    let head = format!(
        "GET /ws/{channel} HTTP/1.1\r\nhost: lab\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let frame = websocket::frame(true, websocket::TEXT, message.as_bytes());
    client.raw_request(&[head.as_bytes(), &frame].concat());
    client.ledger.up.http_headers -= frame.len() as u64;
    client.read_head();
    let mut client = SocketClient::after(client, channel);
    client.ledger.up.framing += (frame.len() - message.len()) as u64;
    client.message_was(message.len(), 2);
    client.ledger.received += 1;
    assert!(client.next().json()["subscribed"].is_object());
    client.expect_publication_and_ack();
    client.expect_series(&lab);
    client.expect_kernel_agrees();
}

#[test]
fn violations_are_counted_to_the_byte() {
    let lab = spawn_lab(Config {
        message_max_bytes: 64,
        ..test_config()
    });
    let whole = |opcode, payload: &[u8]| websocket::frame(true, opcode, payload);
    for (name, bytes, code) in [
        ("binary", whole(websocket::BINARY, b"bytes"), 1003),
        ("utf8", whole(websocket::TEXT, b"\xC3\x28"), 1007),
        ("too-large", whole(websocket::TEXT, &[b'x'; 65]), 1009),
        ("unmasked", vec![0x81, 0x00], 1002),
    ] {
        let channel = format!("bytes-ws-{name}");
        let mut client = SocketClient::open(&lab, &channel, "");
        client.http.connection.send(&bytes).unwrap();
        // A frame that is refused is no message of anybody: all of it is framing.
        client.ledger.up.framing += bytes.len() as u64;
        assert_eq!(client.next().close_code(), Some(code), "{name}");
        client.send(true, websocket::CLOSE, &u16::to_be_bytes(code));
        client.close();
        client.expect_series(&lab);
    }
}

#[test]
fn a_socket_cut_in_the_middle_of_a_frame_still_adds_up() {
    let lab = spawn_lab(test_config());
    let message = r#"{"publish":{"event":"e","data":"cut here"}}"#;
    let frame = websocket::frame(true, websocket::TEXT, message.as_bytes());
    for (n, cut) in [1, 3, 6, 20, frame.len() - 1].into_iter().enumerate() {
        let channel = format!("bytes-ws-cut-{n}");
        let mut client = SocketClient::open(&lab, &channel, "");
        client.http.connection.send(&frame[..cut]).unwrap();
        // It never was a message: what there is of it is framing.
        client.ledger.up.framing += cut as u64;
        client.expect_total(&lab);
        client.close();
        client.expect_series(&lab);
    }
}

#[test]
fn a_reader_that_is_reset_in_the_middle_of_frames_leaves_layers_that_add_up() {
    let lab = spawn_lab(Config {
        workers: 1,
        subscriber_queue_max_bytes: 64 << 20,
        ..test_config()
    });
    let channel = "bytes-ws-reset";
    let narrow = Connection::connect_narrow(lab.address("websocket"), 4_096);
    let mut client = SocketClient::open_over(narrow, channel, "");
    // One worker has one loop: what the witness was given, the reader was given, too.
    let mut witness = WebSocket::open(lab.address("main"), channel);
    witness.expect_subscribed();
    let mut publisher = lab.http("main");
    let data = json!("x".repeat(50_000));
    for _ in 0..100 {
        support::publish(&mut publisher, channel, "tick", data.clone());
        witness.expect_json();
    }
    // The first bytes of a frame, and no more.
    client.http.connection.take(1_000).unwrap();
    let (up, head) = (client.ledger.up, client.ledger.down.http_headers);
    client.http.connection.reset();
    let ended = eventually_series(&lab, channel, "websocket", |series| {
        series.connections_open == 0
    });
    assert!(ended.adds_up(), "{ended:?}");
    assert_eq!(ended.ledger.up, up);
    assert_eq!(ended.ledger.down.http_headers, head, "frames are no HTTP");
    assert!(
        ended.drops > 0,
        "more was offered than the kernel took: {ended:?}"
    );
    assert_eq!(
        ended.ledger.delivered + ended.drops,
        100,
        "none is unaccounted for"
    );
}

/// Whoever writes: what waits in a queue, in the crate's channel or in actix's buffer when the reader
/// goes is lost to it.
#[test]
fn what_a_reader_leaves_behind_is_counted_on_every_lane_that_goes_on() {
    const COUNT: u64 = 100;
    for (lane, path, is_upgrade) in [
        ("sse", "/sse", false),
        ("fetch-stream", "/fetch-stream", false),
        ("websocket", "/ws", true),
        ("actix-ws", "/actix-ws", true),
    ] {
        let lab = spawn_lab(Config {
            workers: 1,
            subscriber_queue_max_bytes: 64 << 20,
            tcp_send_buffer: 8_192,
            ..test_config()
        });
        let mut http = Http::over(Connection::connect_narrow(lab.address(lane), 4_096));
        let upgrade = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let headers = if is_upgrade { &upgrade[..] } else { &[] };
        let target = format!("{path}/left");
        http.send_request("GET", &target, headers, b"").unwrap();
        http.read_head().unwrap();
        eventually(PATIENCE, "it has subscribed", || {
            lab.subscribers("left") == 1
        });
        // One worker has one loop: what the witness was given, the reader was given, too.
        let mut witness = WebSocket::open(lab.address("main"), "left");
        witness.expect_subscribed();
        for _ in 0..COUNT {
            lab.publish("left", "tick", json!("x".repeat(20_000)));
            witness.expect_json();
        }
        http.connection.reset();
        let ended = eventually_series(&lab, "left", lane, |series| series.connections_open == 0);
        assert!(ended.adds_up(), "{lane}: {ended:?}");
        assert!(ended.drops > 0, "{lane}: {ended:?}");
        assert_eq!(ended.ledger.delivered + ended.drops, COUNT, "{lane}");
    }
}

// Socket.IO

#[test]
fn socketio_polling_is_counted_to_the_byte_under_the_labels_of_its_session() {
    let lab = spawn_lab(test_config());
    let channel = "bytes-socketio-polling";
    for named_in_every_request in [true, false] {
        let before = series(&lab, "socketio-polling", "polling", channel);
        let mut poller = SocketIoPoller::open(&lab, channel, named_in_every_request);
        poller.client.ledger += before.map(|series| series.ledger).unwrap_or_default();
        poller.post("40/lab,", 0);
        poller.get();
        let subscribe = format!(r#"42/lab,0["subscribe",{{"channel":"{channel}"}}]"#);
        poller.post(&subscribe, 0);
        assert!(poller.get().starts_with("43/lab,0["), "acknowledged");
        let publish = |data: &str| {
            format!(r#"42/lab,["publish",{{"channel":"{channel}","event":"e","data":{data}}}]"#)
        };
        let data = json!("zwölf Boxkämpfer 🥊").to_string();
        let two = [publish("[1,  2]"), publish(&data)].join("\u{1e}");
        poller.client.ledger.received += 2;
        poller.post(&two, 7 + data.len());
        while poller.delivered < 2 {
            poller.get();
        }
        // An answer of several packets, and one of a large one.
        for n in 0..20 {
            lab.publish(channel, "tick", json!({ "n": n }));
        }
        lab.publish(channel, "tick", json!("x".repeat(60_000)));
        while poller.delivered < 23 {
            poller.get();
        }
        // A refusal is an acknowledgement like another.
        poller.post(r#"42/lab,1["publish",{"channel":"a b"}]"#, 0);
        assert!(poller.get().contains("bad_json"));
        poller.post("1", 0);
        poller.client.expect_series(&lab, "polling", channel);
        poller.client.close();
        poller.client.expect_series(&lab, "polling", channel);
    }
}

#[test]
fn socketio_over_websocket_is_counted_to_the_byte() {
    let lab = spawn_lab(Config {
        body_max_bytes: 1 << 20,
        ..test_config()
    });
    let channel = "bytes-socketio-ws";
    let connection = Connection::connect(lab.address("socketio-websocket"));
    let path = format!("/socket.io/?EIO=4&transport=websocket&channel={channel}");
    let mut client = SocketClient::open_engine(connection, &path, channel);
    client.send_packet("40/lab,", 0);
    client.next_packet();
    let subscribe = format!(r#"42/lab,0["subscribe",{{"channel":"{channel}"}}]"#);
    client.send_packet(&subscribe, 0);
    assert!(client.next_packet().starts_with("43/lab,0["));
    for length in [1, 125, 126, 60_000, 65_536] {
        let data = json!("y".repeat(length)).to_string();
        let publish =
            format!(r#"42/lab,7["publish",{{"channel":"{channel}","event":"e","data":{data}}}]"#);
        client.send_packet(&publish, data.len());
        client.ledger.received += 1;
        let both = [client.next_packet(), client.next_packet()];
        assert!(both.iter().any(|packet| packet.starts_with("43/lab,7[")));
    }
    assert_eq!(client.ledger.delivered, 5);
    client.send(true, websocket::PING, b"at the level below");
    client.next();
    // An event that nobody listens to: all of its arguments are payload.
    client.send_packet(r#"42/lab,["what",{"is":"this"}]"#, 13);
    client.expect_series(&lab);
    client.expect_kernel_agrees();
    client.close_with(1000, "done");
    client.expect_series(&lab);
}

#[test]
fn socketio_that_is_upgraded_is_counted_under_both_transports() {
    let lab = spawn_lab(test_config());
    let channel = "bytes-socketio-upgrade";
    let target = format!("/socket.io/?EIO=4&channel={channel}&transport=");
    let mut poller = Client::on(&lab, "main");
    let answer = poller.http.get(&format!("{target}polling")).text();
    let open: Value = serde_json::from_str(&answer[1..]).unwrap();
    assert_eq!(open["upgrades"], json!(["websocket"]));
    let sid = open["sid"].as_str().unwrap();
    // The upgrade says nothing of the channel: the session has.
    let path = format!("/socket.io/?EIO=4&transport=websocket&sid={sid}");
    let connection = Connection::connect(lab.address("main"));
    let mut socket = SocketClient::open_probe(connection, &path, channel, "main");
    for (probe, expected) in [("2probe", Some("3probe")), ("5", None)] {
        socket.send_packet(probe, 0);
        if let Some(expected) = expected {
            assert_eq!(socket.next_packet(), expected);
        }
    }
    socket.send_packet("40/lab,", 0);
    socket.next_packet();
    socket.expect_series(&lab);
    let polled = series(&lab, "main", "polling", channel).expect("a series");
    assert_eq!(polled.ledger.down.framing, answer.len() as u64);
    socket.close_with(1000, "");
}

// One port for everything

#[test]
fn a_connection_that_changes_its_transport_is_counted_under_each_to_the_byte() {
    for single_port in [false, true] {
        let lab = spawn_lab(Config {
            single_port,
            ..test_config()
        });
        let channel = "bytes-mixed";
        let mut client = Client::on(&lab, "main");
        let mut spent = Vec::new();
        let mut turn = |client: &mut Client, transport: &'static str| {
            let ledger = std::mem::take(&mut client.ledger);
            spent.push((transport, ledger));
        };
        client.get(&format!("/short-poll/{channel}"));
        turn(&mut client, "short-poll");
        client.publish(channel, &json!({"n": 1}), "");
        turn(&mut client, "http");
        client.get(&format!("/long-poll/{channel}?history=1&hold_ms=10"));
        client.get(&format!("/long-poll/{channel}?hold_ms=10"));
        turn(&mut client, "long-poll");
        client.get("/healthz");
        client.get(&format!("/short-poll/{channel}%20bad"));
        turn(&mut client, "the lab's own");
        client.publish(channel, &json!({"n": 2}), "");
        client.get(&format!("/api/channels/{channel}/presence"));
        turn(&mut client, "http");
        client.get(&format!("/short-poll/{channel}?history=9"));
        turn(&mut client, "short-poll");
        client.send_request("GET", &format!("/sse/{channel}?history=1"), &[], b"");
        client.read_head();
        client.read_events_until(|events| events.delivered == 1);
        turn(&mut client, "sse");

        let mut total = Ledger::default();
        for transport in ["short-poll", "http", "long-poll", "sse"] {
            let mut expected = Ledger::default();
            for (_, ledger) in spent.iter().filter(|(of, _)| *of == transport) {
                expected += ledger.clone();
            }
            expect_series(&lab, "main", transport, channel, &expected);
        }
        spent.iter().for_each(|(_, ledger)| total += ledger.clone());
        client.ledger = total;
        client.expect_kernel_agrees();
        let series = lab.stats(channel)["series"].clone();
        let opened: u64 = each(&series)
            .map(|s| number(s, "connections_opened_total"))
            .sum();
        let open: u64 = each(&series).map(|s| number(s, "connections_open")).sum();
        assert_eq!(open, 1, "it is open under its present use: {series}");
        // One for this client; none for it again with each change.
        assert_eq!(opened, 1, "{series}");
    }
}

#[test]
fn a_connection_that_is_upgraded_after_polls_is_counted_under_each_to_the_byte() {
    let lab = spawn_lab(Config {
        single_port: true,
        ..test_config()
    });
    let channel = "bytes-upgraded";
    let mut client = Client::on(&lab, "main");
    client.get(&format!("/short-poll/{channel}"));
    client.publish(channel, &json!({"n": 1}), "");
    client.get(&format!("/short-poll/{channel}"));
    // Publishing on the main lane is series `http`; the polls are theirs.
    let polls_and_post = std::mem::take(&mut client.ledger);
    let mut client = SocketClient::open_on(client, channel, "");
    client.send(true, websocket::PING, b"after polls");
    client.next();
    client.expect_series(&lab);
    client.close_with(1000, "");
    client.expect_series(&lab);
    let up: u64 = ["http", "short-poll"]
        .into_iter()
        .filter_map(|transport| series(&lab, "main", transport, channel))
        .map(|s| s.ledger.up.total())
        .sum();
    assert_eq!(up, polls_and_post.up.total());
}

#[test]
fn pipelined_requests_of_several_uses_lose_no_byte_of_the_lane() {
    let lab = spawn_lab(test_config());
    let mut client = Client::on(&lab, "websocket");
    let channel = "bytes-pipelined-mixed";
    let body = r#"{"event":"e","data":1}"#;
    let requests = format!(
        "GET /api/channels/{channel}/history HTTP/1.1\r\nhost: lab\r\n\r\n\
         POST /api/channels/{channel}-b/publications HTTP/1.1\r\nhost: lab\r\n\
         content-length: {}\r\n\r\n{body}\
         GET /healthz HTTP/1.1\r\nhost: lab\r\n\r\n",
        body.len()
    );
    client.raw_request(requests.as_bytes());
    for _ in 0..3 {
        assert_eq!(client.read_answer().status, 200);
    }
    client.expect_kernel_agrees();
    client.close();
    let (up, down) = (client.ledger.up.total(), client.ledger.down.total());
    support::eventually(PATIENCE, "the lane has counted every byte", || {
        let lane = lab.lab().meters.lane(LaneId("websocket"));
        (lane.totals.bytes_up, lane.totals.bytes_down) == (up, down)
    });
    for channel in [channel.to_owned(), format!("{channel}-b")] {
        for counted in each(&lab.stats(&channel)["series"]) {
            for direction in ["up", "down"] {
                let layers = Layers::of(&counted[direction]);
                let total = number(&counted[direction], "total");
                assert_eq!(layers.total(), total, "{direction} of {counted}");
            }
        }
    }
}

// Lanes and packets

#[test]
fn a_lane_counts_every_byte_of_every_connection_labelled_or_not() {
    let lab = spawn_lab(test_config());
    let mut sums = (0, 0);
    for target in [
        "/healthz",
        "/api/clock",
        "/api/reports/key?lane=sse",
        "/nothing-here",
        "/sse/a%20b",
        "/short-poll/on-another-lane",
        "/api/channels/lane-sum/presence",
    ] {
        let mut client = Client::on(&lab, "sse");
        client.get(target);
        client.expect_kernel_agrees();
        client.close();
        sums.0 += client.ledger.up.total();
        sums.1 += client.ledger.down.total();
    }
    let garbage = b"this is no HTTP\r\n\r\n";
    let mut connection = Connection::connect(lab.address("sse"));
    connection.send(garbage).unwrap();
    while connection.fill().is_ok_and(|read| read > 0) {}
    sums.0 += connection.sent_bytes();
    sums.1 += connection.received_bytes();
    support::eventually(PATIENCE, "the lane has counted every byte", || {
        let lane = lab.lab().meters.lane(LaneId("sse"));
        (lane.totals.bytes_up, lane.totals.bytes_down) == sums && lane.connections_open == 0
    });
    let opened = lab
        .lab()
        .meters
        .lane(LaneId("sse"))
        .totals
        .connections_opened;
    assert_eq!(opened, 8);
}

#[test]
fn segments_are_the_kernels_and_make_the_wire_bytes() {
    const HEADERS: u64 = 66;
    let lab = spawn_lab(test_config());
    let channel = "bytes-segments";
    let mut client = SocketClient::open(&lab, channel, "");
    for _ in 0..50 {
        client.publish_message_of(200);
    }
    client.close_with(1000, "");
    client.expect_series(&lab);
    let info = tcp_info::read(&client.http.connection.handle()).unwrap();
    let stats = lab.stats(channel);
    let counted = &stats["series"][0];
    let tcp = &counted["tcp"];
    assert_eq!(tcp["source"], "TCP_INFO");
    let near = |server: u64, client: u32| server.abs_diff(u64::from(client)) <= 3;
    // The server looked when it closed; an acknowledgement or two may still have been under way.
    assert!(
        near(number(tcp, "segments_up"), info.segments_out)
            && near(number(tcp, "segments_down"), info.segments_in),
        "{tcp} beside {info:?}"
    );
    assert!(info.segments_out >= 51, "{info:?}");
    // On two cores the kernel may find a reader slow and send something again.
    let series = lab.lab().meters.series();
    let of_channel = series.iter().find(|s| &*s.labels.channel == channel);
    let again_down = of_channel.unwrap().totals.retransmitted_down;
    for (direction, again) in [("up", 0), ("down", again_down)] {
        let bytes = number(&counted[direction], "total");
        let segments = number(tcp, &format!("segments_{direction}"));
        let wire = number(tcp, &format!("wire_bytes_{direction}"));
        assert_eq!(wire, bytes + again + segments * HEADERS, "{tcp}");
    }
}

// What the client knows

/// Bytes of one direction, divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
struct Layers {
    http_headers: u64,
    framing: u64,
    envelope: u64,
    payload: u64,
}

impl Layers {
    fn message(bytes: usize, payload: usize) -> Self {
        Self {
            envelope: (bytes - payload) as u64,
            payload: payload as u64,
            ..Self::default()
        }
    }

    fn of(stats: &Value) -> Self {
        Self::deserialize(stats).unwrap_or_else(|error| panic!("{error}: {stats}"))
    }

    fn total(&self) -> u64 {
        self.http_headers + self.framing + self.envelope + self.payload
    }
}

impl AddAssign for Layers {
    fn add_assign(&mut self, other: Self) {
        self.http_headers += other.http_headers;
        self.framing += other.framing;
        self.envelope += other.envelope;
        self.payload += other.payload;
    }
}

/// What passed on a connection, as its client saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ledger {
    up: Layers,
    down: Layers,
    requests: u64,
    empty_answers: u64,
    delivered: u64,
    received: u64,
}

impl AddAssign for Ledger {
    fn add_assign(&mut self, other: Self) {
        self.up += other.up;
        self.down += other.down;
        self.requests += other.requests;
        self.empty_answers += other.empty_answers;
        self.delivered += other.delivered;
        self.received += other.received;
    }
}

/// A series of `/api/stats`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Series {
    ledger: Ledger,
    up_total: u64,
    down_total: u64,
    connections_open: u64,
    drops: u64,
}

impl Series {
    fn of(stats: &Value) -> Self {
        Self {
            ledger: Ledger {
                up: Layers::of(&stats["up"]),
                down: Layers::of(&stats["down"]),
                requests: number(stats, "requests_total"),
                empty_answers: number(stats, "empty_answers_total"),
                delivered: number(stats, "publications_delivered_total"),
                received: number(stats, "publications_received_total"),
            },
            up_total: number(&stats["up"], "total"),
            down_total: number(&stats["down"], "total"),
            connections_open: number(stats, "connections_open"),
            drops: number(stats, "drops_total"),
        }
    }

    /// Whether the layers make the total that was counted at the socket.
    fn adds_up(&self) -> bool {
        let Ledger { up, down, .. } = &self.ledger;
        (up.total(), down.total()) == (self.up_total, self.down_total)
    }
}

fn number(object: &Value, name: &str) -> u64 {
    object[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no {name} in {object}"))
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().expect("a list").iter()
}

fn series(lab: &TestLab, lane: &str, transport: &str, channel: &str) -> Option<Series> {
    each(&lab.stats(channel)["series"])
        .find(|s| s["lane"] == lane && s["transport"] == transport)
        .map(Series::of)
}

/// Counters may be read between a write and its count: equal soon, or shown side by side.
fn expect_series(lab: &TestLab, lane: &str, transport: &str, channel: &str, expected: &Ledger) {
    let end = Instant::now() + Duration::from_secs(3);
    loop {
        let found = series(lab, lane, transport, channel);
        let is_equal = |s: &Series| s.ledger == *expected && s.adds_up();
        if found.as_ref().is_some_and(is_equal) {
            return;
        }
        if Instant::now() > end {
            let found = found.unwrap_or_else(|| panic!("no series {lane} {transport} {channel}"));
            assert_eq!(found.ledger, *expected, "counted (left), passed (right)");
            assert!(found.adds_up(), "{found:?}");
            return;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn eventually_series(
    lab: &TestLab,
    channel: &str,
    lane: &str,
    condition: impl Fn(&Series) -> bool,
) -> Series {
    let mut last = None;
    support::eventually(PATIENCE, "the series is as expected", || {
        last = series(lab, lane, lane, channel);
        last.as_ref().is_some_and(&condition)
    });
    last.expect("a series was found")
}

/// The client's kernel counted the same: what it had acknowledged, but for the SYN, which takes a
/// number as well; and what it received.
fn expect_kernel_agrees(connection: &Connection, ledger: &Ledger) {
    const SYN: u64 = 1;
    assert_eq!(
        ledger.up.total(),
        connection.sent_bytes(),
        "the ledger is complete"
    );
    let unread = connection.waiting().len() as u64;
    assert_eq!(ledger.down.total() + unread, connection.received_bytes());
    let mut last = tcp_info::TcpInfo::default();
    support::eventually(
        PATIENCE,
        "the kernel has seen every acknowledgement",
        || {
            last = tcp_info::read(&connection.handle()).expect("TCP_INFO on Linux");
            last.bytes_acked == ledger.up.total() + SYN
        },
    );
    assert_eq!(
        last.bytes_received,
        ledger.down.total() + unread,
        "{last:?}"
    );
}

/// FIN from both sides, with nothing unread.
fn close(connection: &mut Connection) {
    connection.finish();
    while connection.fill().unwrap() > 0 {}
    let unread = String::from_utf8_lossy(connection.waiting());
    assert!(unread.is_empty(), "unread: {unread:?}");
}

/// The `data` of each publication that an answer to a poll lists, as it stands there.
fn publications(body: &[u8]) -> Vec<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Listed {
        #[serde(default)]
        publications: Vec<Publication>,
    }
    let listed: Option<Listed> = serde_json::from_slice(body).ok();
    let publications = listed.map(|l| l.publications).unwrap_or_default();
    publications.into_iter().map(|p| p.data).collect()
}

#[derive(Deserialize)]
struct Publication {
    data: Box<RawValue>,
}

fn payload_of(publication: &[u8]) -> usize {
    let publication: Publication = serde_json::from_slice(publication).expect("a publication");
    publication.data.get().len()
}

/// What came on an event stream.
#[derive(Debug, Default)]
struct Events {
    events: u64,
    delivered: u64,
    comments: u64,
    ended: bool,
}

/// What one must know of a request to read its answer.
struct Asked {
    is_head: bool,
    is_poll: bool,
}

impl Asked {
    fn new(method: &str, target: &str) -> Self {
        Self {
            is_head: method == "HEAD",
            is_poll: target.starts_with("/short-poll/") || target.starts_with("/long-poll/"),
        }
    }
}

/// An HTTP client that keeps a ledger.
struct Client {
    http: Http,
    lane: &'static str,
    ledger: Ledger,
    events: Events,
    /// Requests whose answers are to come.
    asked: VecDeque<Asked>,
}

impl Client {
    fn on(lab: &TestLab, lane: &'static str) -> Self {
        Self::over(Connection::connect(lab.address(lane)), lane)
    }

    fn over(connection: Connection, lane: &'static str) -> Self {
        Self {
            http: Http::over(connection),
            lane,
            ledger: Ledger::default(),
            events: Events::default(),
            asked: VecDeque::new(),
        }
    }

    fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target, &[], b"")
    }

    fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.send_request(method, target, headers, body);
        self.read_answer()
    }

    /// Counts the head; how the body divides is the caller's to say.
    fn send_request(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) {
        let before = self.http.connection.sent_bytes();
        self.http
            .send_request(method, target, headers, body)
            .unwrap();
        let sent = self.http.connection.sent_bytes() - before;
        self.ledger.up.http_headers += sent - body.len() as u64;
        self.ledger.requests += 1;
        self.asked.push_back(Asked::new(method, target));
    }

    /// Requests as they stand; all of them is counted as heads, and what is not, by the caller.
    fn raw_request(&mut self, bytes: &[u8]) {
        self.http.connection.send(bytes).unwrap();
        self.ledger.up.http_headers += bytes.len() as u64;
        let text = String::from_utf8_lossy(bytes);
        let request_lines = text
            .lines()
            .filter_map(|line| line.strip_suffix(" HTTP/1.1"));
        for line in request_lines {
            let (method, target) = line.rsplit_once(' ').expect("a method and a target");
            self.asked.push_back(Asked::new(method, target));
            self.ledger.requests += 1;
        }
    }

    fn publish(&mut self, channel: &str, data: &Value, id: &str) {
        let data = to_raw_value(data).unwrap();
        let id = match id {
            "" => String::new(),
            id => format!(r#","id":"{id}""#),
        };
        let body = format!(r#"{{"event":"e","data":{}{id}}}"#, data.get());
        self.post_publication(channel, body.as_bytes(), data.get().len());
    }

    fn post_publication(&mut self, channel: &str, body: &[u8], payload: usize) -> Answer {
        self.ledger.up += Layers::message(body.len(), payload);
        self.ledger.received += 1;
        let target = format!("/api/channels/{channel}/publications");
        let answer = self.request("POST", &target, &[("content-type", "text/plain")], body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    }

    fn read_answer(&mut self) -> Answer {
        let asked = self.asked.pop_front().expect("a request was sent");
        let answer = if asked.is_head {
            self.http.read_head().unwrap()
        } else {
            self.http.read_answer().unwrap()
        };
        let data = publications(&answer.body);
        let payload: usize = data.iter().map(|data| data.get().len()).sum();
        self.ledger.down += Layers {
            http_headers: answer.head_bytes,
            framing: answer.body_wire_bytes - answer.body.len() as u64,
            ..Layers::message(answer.body.len(), payload)
        };
        // History is no delivery: only what a transport hands to its subscriber is. A head is nothing.
        if asked.is_poll && !asked.is_head && answer.status < 400 {
            self.ledger.delivered += data.len() as u64;
            self.ledger.empty_answers += u64::from(data.is_empty());
        }
        answer
    }

    /// The head of an answer whose body goes on.
    fn read_head(&mut self) {
        let head = self.http.read_head().unwrap();
        self.ledger.down.http_headers += head.head_bytes;
    }

    fn read_events_until(&mut self, enough: impl Fn(&Events) -> bool) {
        while !enough(&self.events) {
            assert!(self.read_chunk().unwrap(), "the stream ended early");
        }
    }

    fn read_events_to_the_end(&mut self) {
        while self.read_chunk().unwrap_or(false) {}
    }

    /// One chunk of an event stream, field by field (WHATWG HTML §9.2.5). False after the last.
    fn read_chunk(&mut self) -> io::Result<bool> {
        let Some(chunk) = self.http.read_chunk()? else {
            self.ledger.down.framing += 5;
            self.events.ended = true;
            return Ok(false);
        };
        self.ledger.down.framing += chunk.wire_bytes - chunk.bytes.len() as u64;
        let text = String::from_utf8(chunk.bytes).expect("a stream is UTF-8");
        for block in text.split_inclusive("\n\n") {
            let fields: Vec<_> = block.trim_end().lines().collect();
            let data: Vec<_> = fields
                .iter()
                .filter_map(|line| line.strip_prefix("data: "))
                .collect();
            let is_event = fields.iter().any(|line| line.starts_with("event: "));
            self.events.comments += u64::from(block.starts_with(':'));
            self.events.events += u64::from(!data.is_empty());
            let message = if is_event || data.is_empty() {
                Layers::default()
            } else {
                self.events.delivered += 1;
                self.ledger.delivered += 1;
                let json = data.join("\n");
                Layers::message(json.len(), payload_of(json.as_bytes()))
            };
            self.ledger.down += message;
            self.ledger.down.framing += block.len() as u64 - message.total();
        }
        Ok(true)
    }

    /// FIN, and the server's, and nothing in between.
    fn close(&mut self) {
        close(&mut self.http.connection);
    }

    fn expect_series(&self, lab: &TestLab, transport: &str, channel: &str) {
        expect_series(lab, self.lane, transport, channel, &self.ledger);
    }

    /// As [`Self::expect_series`], for a lab that answers no more.
    fn expect_meters(&self, lab: &TestLab, lane: &str, channel: &str) {
        let expected = (
            self.ledger.up.total(),
            self.ledger.down.total(),
            self.ledger.down.framing,
        );
        support::eventually(PATIENCE, "the meters have every byte", || {
            let all = lab.lab().meters.series();
            let mut of_channel = all
                .iter()
                .filter(|s| s.labels.lane.0 == lane && &*s.labels.channel == channel);
            of_channel.next().is_some_and(|s| {
                let totals = s.totals;
                (totals.bytes_up, totals.bytes_down, totals.framing_down) == expected
            })
        });
    }

    fn expect_kernel_agrees(&self) {
        expect_kernel_agrees(&self.http.connection, &self.ledger);
    }
}

/// How one Engine.IO packet divides: its type digit is framing, what is in a message is
/// Socket.IO's, and of that only a publication's data is payload. And whether it is a publication.
fn packet_layers(packet: &str) -> (Layers, bool) {
    let Some(message) = packet.strip_prefix('4') else {
        let framing = packet.len() as u64;
        return (
            Layers {
                framing,
                ..Layers::default()
            },
            false,
        );
    };
    let publication = message
        .strip_prefix(r#"2/lab,["publication","#)
        .and_then(|rest| rest.strip_suffix(']'));
    let payload = publication.map_or(0, |json| payload_of(json.as_bytes()));
    let layers = Layers {
        framing: 1,
        ..Layers::message(message.len(), payload)
    };
    (layers, publication.is_some())
}

/// A Socket.IO client over polling that keeps a ledger, on one connection.
struct SocketIoPoller {
    client: Client,
    target: String,
    delivered: usize,
}

impl SocketIoPoller {
    fn open(lab: &TestLab, channel: &str, named_in_every_request: bool) -> Self {
        let client = Client::on(lab, "socketio-polling");
        let target = "/socket.io/?EIO=4&transport=polling";
        let named = format!("{target}&channel={channel}");
        let mut poller = Self {
            client,
            target: named.clone(),
            delivered: 0,
        };
        let open = poller.answer_to("GET", b"");
        let open: Value = serde_json::from_str(&open[1..]).unwrap();
        assert_eq!(open["upgrades"], json!([]), "this lane is for polling");
        let target = match named_in_every_request {
            true => named,
            false => target.to_owned(),
        };
        poller.target = format!("{target}&sid={}", open["sid"].as_str().unwrap());
        poller
    }

    fn answer_to(&mut self, method: &str, body: &[u8]) -> String {
        let target = self.target.clone();
        self.client.send_request(method, &target, &[], body);
        self.client.asked.clear();
        let answer = self.client.http.read_answer().unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.client.ledger.down.http_headers += answer.head_bytes;
        let text = answer.text();
        if !text.starts_with('4') {
            self.client.ledger.down.framing += text.len() as u64;
        }
        text
    }

    fn get(&mut self) -> String {
        let body = self.answer_to("GET", b"");
        assert!(body.starts_with('4'), "{body}");
        let mut delivered = 0;
        let packets: Vec<_> = body.split('\u{1e}').collect();
        assert!(packets.len() <= 16);
        self.client.ledger.down.framing += packets.len() as u64 - 1;
        for packet in packets {
            let (layers, is_publication) = packet_layers(packet);
            self.client.ledger.down += layers;
            delivered += usize::from(is_publication);
        }
        self.delivered += delivered;
        self.client.ledger.delivered += delivered as u64;
        self.client.ledger.empty_answers += u64::from(delivered == 0);
        body
    }

    fn post(&mut self, body: &str, payload: usize) {
        for packet in body.split('\u{1e}') {
            self.client.ledger.up += packet_layers(packet).0;
        }
        self.client.ledger.up.framing += body.matches('\u{1e}').count() as u64;
        self.client.ledger.up.envelope -= payload as u64;
        self.client.ledger.up.payload += payload as u64;
        assert_eq!(self.answer_to("POST", body.as_bytes()), "ok");
    }
}

/// A WebSocket client that keeps a ledger.
struct SocketClient {
    http: WebSocket,
    lane: &'static str,
    channel: String,
    ledger: Ledger,
    /// Of the last publication that came.
    last: Option<StreamPosition>,
}

impl SocketClient {
    fn open(lab: &TestLab, channel: &str, query: &str) -> Self {
        Self::open_over(
            Connection::connect(lab.address("websocket")),
            channel,
            query,
        )
    }

    fn open_over(connection: Connection, channel: &str, query: &str) -> Self {
        Self::open_on(Client::over(connection, "websocket"), channel, query)
    }

    /// Upgrades a connection that has been used before, or not.
    fn open_on(client: Client, channel: &str, query: &str) -> Self {
        let (up, down) = (
            client.http.connection.sent_bytes(),
            client.http.connection.received_bytes(),
        );
        let socket = WebSocket::open_over(
            client.http.connection,
            &format!("{channel}?demo=none{query}"),
        )
        .unwrap();
        let mut ledger = client.ledger;
        ledger.up.http_headers += socket.connection.sent_bytes() - up;
        ledger.down.http_headers +=
            socket.connection.received_bytes() - socket.connection.waiting().len() as u64 - down;
        ledger.requests += 1;
        let mut client = Self {
            http: socket,
            lane: client.lane,
            channel: channel.to_owned(),
            ledger,
            last: None,
        };
        assert!(client.next().json()["subscribed"].is_object());
        client
    }

    /// A Socket.IO session; its open packet has been read.
    fn open_engine(connection: Connection, path: &str, channel: &str) -> Self {
        let mut client = Self::open_probe(connection, path, channel, "socketio-websocket");
        assert!(client.next_packet().starts_with("0{"));
        client
    }

    fn open_probe(connection: Connection, path: &str, channel: &str, lane: &'static str) -> Self {
        let socket = WebSocket::open_path(connection, path).unwrap();
        let mut ledger = Ledger::default();
        (ledger.up.http_headers, ledger.down.http_headers) = socket.handshake_bytes;
        ledger.requests = 1;
        Self {
            http: socket,
            lane,
            channel: channel.to_owned(),
            ledger,
            last: None,
        }
    }

    /// Sends an Engine.IO packet of which so much is payload.
    fn send_packet(&mut self, packet: &str, payload: usize) {
        self.send(true, websocket::TEXT, packet.as_bytes());
        self.ledger.up += packet_layers(packet).0;
        self.ledger.up.envelope -= payload as u64;
        self.ledger.up.payload += payload as u64;
    }

    fn next_packet(&mut self) -> String {
        let frame = self.http.next_frame().unwrap().expect("a frame");
        let header = match frame.payload.len() {
            0..=125 => 2,
            126..=0xFFFF => 4,
            _ => 10,
        };
        let packet = String::from_utf8(frame.payload).unwrap();
        let (layers, is_publication) = packet_layers(&packet);
        self.ledger.down += layers;
        self.ledger.down.framing += header;
        self.ledger.delivered += u64::from(is_publication);
        packet
    }

    /// Goes on where a client has read the head of the answer to its handshake.
    fn after(client: Client, channel: &str) -> Self {
        Self {
            http: WebSocket {
                handshake_bytes: (0, 0),
                connection: client.http.connection,
            },
            lane: client.lane,
            channel: channel.to_owned(),
            ledger: client.ledger,
            last: None,
        }
    }

    /// Sends a frame and counts its header; control frames are framing throughout (they carry
    /// nothing of the application's).
    fn send(&mut self, fin: bool, opcode: u8, payload: &[u8]) {
        let frame = websocket::frame(fin, opcode, payload);
        self.http.connection.send(&frame).unwrap();
        let own = if opcode >= websocket::CLOSE {
            frame.len()
        } else {
            frame.len() - payload.len()
        };
        self.ledger.up.framing += own as u64;
    }

    /// The message that the last data frames made.
    fn message_was(&mut self, bytes: usize, payload: usize) {
        self.ledger.up += Layers::message(bytes, payload);
    }

    /// The next frame, counted.
    fn next(&mut self) -> Frame {
        let frame = self.http.next_frame().unwrap().expect("a frame");
        let length = frame.payload.len();
        let header = match length {
            0..=125 => 2,
            126..=0xFFFF => 4,
            _ => 10,
        };
        self.ledger.down.framing += header;
        if frame.opcode != websocket::TEXT {
            self.ledger.down.framing += length as u64;
        } else if frame.json()["offset"].is_u64() {
            self.ledger.down += Layers::message(length, payload_of(&frame.payload));
            self.ledger.delivered += 1;
            self.last = Some(position_of(&frame.json()));
        } else {
            self.ledger.down += Layers::message(length, 0);
        }
        frame
    }

    /// Publishes with a message of exactly this many bytes.
    fn publish_message_of(&mut self, bytes: usize) {
        let message = |data: &str| format!(r#"{{"publish":{{"event":"e","data":"{data}"}}}}"#);
        let pad = bytes - message("").len();
        let message = message(&"x".repeat(pad));
        assert_eq!(message.len(), bytes);
        self.send(true, websocket::TEXT, message.as_bytes());
        self.message_was(message.len(), pad + 2);
        self.ledger.received += 1;
        self.expect_publication_and_ack();
    }

    /// Publishes so that the publication's JSON has exactly this many bytes.
    fn publish_for_publication_of(&mut self, bytes: usize) {
        let position = self.last.clone().expect("something was published before");
        let publication = |data: &str| {
            format!(
                r#"{{"channel":"{}","epoch":"{}","offset":{},"event":"e","intended_us":1,"published_us":1234567890123456,"data":{data}}}"#,
                self.channel,
                position.epoch.as_str(),
                position.offset + 1,
            )
        };
        let pad = bytes - publication("").len();
        let data = "7".repeat(pad);
        let data = if pad > 300 {
            format!("\"{}\"", &data[2..])
        } else {
            data
        };
        let message = format!(r#"{{"publish":{{"event":"e","data":{data},"intended_us":1}}}}"#);
        self.send(true, websocket::TEXT, message.as_bytes());
        self.message_was(message.len(), data.len());
        self.ledger.received += 1;
        let publication = self.expect_publication_and_ack();
        assert_eq!(publication.payload.len(), bytes);
    }

    fn expect_publication_and_ack(&mut self) -> Frame {
        let both = [self.next(), self.next()];
        let [publication, other] = match both {
            [first, second] if first.json()["offset"].is_u64() => [first, second],
            [first, second] => [second, first],
        };
        assert!(publication.json()["offset"].is_u64(), "{publication:?}");
        assert!(other.json()["ack"].is_object(), "{other:?}");
        publication
    }

    /// The closing handshake with FIN from both sides.
    fn close_with(&mut self, code: u16, reason: &str) {
        let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
        self.send(true, websocket::CLOSE, &payload);
        while self.next().opcode != websocket::CLOSE {}
        self.close();
    }

    fn close(&mut self) {
        close(&mut self.http.connection);
    }

    fn expect_series(&self, lab: &TestLab) {
        expect_series(lab, self.lane, "websocket", &self.channel, &self.ledger);
    }

    /// While a frame is under way its bytes have no layer yet; but they are counted.
    fn expect_total(&self, lab: &TestLab) {
        eventually_series(lab, &self.channel, "websocket", |series| {
            series.up_total == self.ledger.up.total()
        });
    }

    fn expect_kernel_agrees(&self) {
        expect_kernel_agrees(&self.http.connection, &self.ledger);
    }
}
