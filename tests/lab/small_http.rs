//! Streams and polls are served by a small connection of the lane's own (`server::small_http`), and
//! nobody can tell: requests that come in pieces, in rows, in every form and in none, answered as
//! actix-http answers them, byte for byte; what ends them ends them.
//!
//! The same request goes actix-http's way if an empty line comes before it, which RFC 9112 §2.2
//! allows.

use std::{io, time::Duration};

use pushlab::{
    config::{Config, Span},
    lane::LaneId,
};
use serde_json::{Value, json};

use crate::support::{
    PATIENCE, TestLab, connection::Connection, eventually, http::Http, position_of, spawn_lab,
    sse::EventStream, test_config,
};

const MAIN: &str = "main";

fn connect(lab: &TestLab, lane: &str) -> Connection {
    Connection::connect(lab.address(lane))
}

/// Bytes that a lane has read.
fn read_by(lab: &TestLab, lane: &'static str) -> u64 {
    lab.lab().meters.lane(LaneId(lane)).totals.bytes_up
}

/// Sends bytes and waits until the lane has read them, so that what is sent next comes by itself.
fn send_and_see_read(lab: &TestLab, lane: &'static str, to: &mut Connection, bytes: &[u8]) {
    let before = read_by(lab, lane);
    to.send(bytes).expect("the lane takes it");
    eventually(PATIENCE, "the lane reads it", || {
        read_by(lab, lane) >= before + bytes.len() as u64
    });
}

/// An answer as it was written, but for the second at which it was. Of a stream the head and the
/// first chunk.
fn as_written(connection: &mut Connection, is_head: bool) -> io::Result<String> {
    let head = connection.take_until(b"\r\n\r\n")?;
    let head = String::from_utf8(head).expect("a head is text");
    let mut lines: Vec<_> = head.split("\r\n").map(str::to_owned).collect();
    for line in &mut lines {
        if let Some(date) = line.strip_prefix("date: ") {
            assert_eq!(date.len(), "Thu, 01 Jan 1970 00:00:00 GMT".len());
            *line = "date: then".to_owned();
        }
    }
    // In no order: actix keeps headers in a map whose hashes are new for each.
    lines[1..].sort_unstable();
    let value = |wanted: &str| {
        let mut named = lines.iter().filter_map(|line| line.split_once(": "));
        let found = named.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        Some(found.1.to_owned())
    };
    let mut written = lines.join("\r\n").into_bytes();
    if is_head {
    } else if let Some(length) = value("content-length") {
        written.extend(connection.take(length.parse().expect("a length"))?);
    } else if value("transfer-encoding").is_some() {
        written.extend(connection.take_until(b"\n\n\r\n")?);
    } else if head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.0 200") {
        written.extend(connection.take_until(b"\n\n")?);
    }
    Ok(String::from_utf8(written).expect("an answer is text"))
}

/// Whether the peer ends the connection after what was read.
fn ends(connection: &mut Connection) -> bool {
    connection.read_to_fin().is_ok()
}

#[test]
fn both_ways_write_the_same() {
    let lab = spawn_lab(Config {
        max_connections_per_address: 1_000,
        ..test_config()
    });
    lab.publish("same", "tick", json!({ "n": 1 }));
    let key = &lab.apps().demo_app().expect("there is a demo").settings.key;
    let lines = [
        "GET /sse/same HTTP/1.1",
        "GET /sse/same?envelope=bare HTTP/1.1",
        "GET /sse/same HTTP/1.0",
        "HEAD /sse/same HTTP/1.1",
        "HEAD /sse/same HTTP/1.0",
        "GET /sse/sam%65 HTTP/1.1",
        "GET http://lab/sse/same HTTP/1.1",
        "GET /sse/same?history=5 HTTP/1.1",
        "GET /sse/bad%20name HTTP/1.1",
        "GET /sse/same?offset=nonsense HTTP/1.1",
        "GET /sse/same?compress=on HTTP/1.1",
        "DELETE /sse/same HTTP/1.1",
        "OPTIONS /sse/same HTTP/1.1",
        "GET /fetch-stream/bad%20name HTTP/1.1",
        "HEAD /fetch-stream/same HTTP/1.1",
        "GET /long-poll/same?hold_ms=0 HTTP/1.1",
        "GET /long-poll/same?hold_ms=0 HTTP/1.0",
        "GET /long-poll/same?history=1 HTTP/1.1",
        "HEAD /long-poll/same HTTP/1.1",
        "GET /short-poll/same HTTP/1.1",
        "GET /short-poll/same HTTP/1.0",
        "GET /ws/same HTTP/1.1",
        "GET /socket.io/?EIO=4&transport=polling&sid=nobody HTTP/1.1",
        "GET /socket.io/?EIO=3&transport=polling HTTP/1.1",
        &format!("POST /pusher/app/{key}/1/bad/xhr_streaming?protocol=1 HTTP/1.1"),
        "POST /pusher/app/nokey/1/none/xhr?protocol=7 HTTP/1.1",
        "GET /nothing HTTP/1.1",
    ];
    let headers = [
        "",
        "connection: close\r\n",
        "connection: keep-alive\r\n",
        "connection: upgrade\r\n",
        "content-length: 0\r\n",
        "expect: 100-continue\r\ncontent-length: 0\r\n",
        "origin: http://elsewhere.example\r\n",
        "accept: text/event-stream\r\naccept-encoding: gzip\r\n",
    ];
    for line in lines {
        for further in headers {
            let request = format!("{line}\r\nhost: lab\r\n{further}\r\n");
            let lane = match line.contains("/fetch-stream/") {
                true => "fetch-stream",
                false => MAIN,
            };
            // What is compressed is no text.
            if line.contains("compress=on") && further.contains("gzip") {
                continue;
            }
            let answers = ["", "\r\n"].map(|before| {
                let mut connection = connect(&lab, lane);
                let bytes = format!("{before}{request}");
                connection.send(bytes.as_bytes()).expect("it is sent");
                as_written(&mut connection, line.starts_with("HEAD")).expect("it is answered")
            });
            assert_eq!(answers[0], answers[1], "{request}");
        }
    }
}

#[test]
fn what_is_no_request_is_refused_in_the_same_words() {
    let lab = spawn_lab(test_config());
    let many = (0..97).map(|n| format!("x{n}: 1\r\n")).collect::<String>();
    let bad = [
        "GET /sse/x HTTP/9.9\r\nhost: lab\r\n\r\n",
        "GET /sse/x HTTP/1.1\r\n\r\n",
        "GET /sse/x HTTP/1.1\r\nhost: lab\r\nhost: lab\r\n\r\n",
        "GET /sse/x HTTP/1.1\r\nhost: lab\r\nno colon\r\n\r\n",
        "GET /sse/x HTTP/1.1\r\nhost: lab\r\nbad name: x\r\n\r\n",
        "GET /sse/x HTTP/1.1\r\nhost: lab\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
        "GET /sse/x HTTP/1.1\r\nhost: lab\r\ncontent-length: -1\r\n\r\n",
        "GET /sse/x HTTP/1.1\r\nhost: lab\r\ntransfer-encoding: identity\r\n\r\n",
        "GET /sse/x HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n",
        "GET /sse/\0 HTTP/1.1\r\nhost: lab\r\n\r\n",
        "GET  /sse/x HTTP/1.1\r\nhost: lab\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03",
        &format!("GET /sse/x HTTP/1.1\r\nhost: lab\r\n{many}\r\n"),
        &format!(
            "GET /sse/x HTTP/1.1\r\nhost: lab\r\nlong: {}\r\n\r\n",
            "x".repeat(200_000)
        ),
        &format!("GET /sse/{}", "x".repeat(140_000)),
    ];
    for request in bad {
        let answers = ["", "\r\n"].map(|before| {
            let mut connection = connect(&lab, "sse");
            // It may be refused before all of it is sent.
            let _ = connection.send(format!("{before}{request}").as_bytes());
            let answer = as_written(&mut connection, false).expect("it is answered");
            assert!(ends(&mut connection), "{answer}");
            answer
        });
        let begun: String = request.chars().take(60).collect();
        assert_eq!(answers[0], answers[1], "{begun:?}");
        assert!(
            answers[0].contains("\"error\""),
            "{begun:?}: {}",
            answers[0]
        );
    }
    // Large is not bad.
    let large = format!(
        "GET /sse/x HTTP/1.1\r\nhost: lab\r\nlong: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    let mut connection = connect(&lab, "sse");
    connection.send(large.as_bytes()).expect("it is taken");
    let answer = as_written(&mut connection, false).expect("it is answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_head_may_come_in_any_two_pieces_and_in_single_bytes() {
    let lab = spawn_lab(test_config());
    let request = b"GET /long-poll/cut?hold_ms=0 HTTP/1.1\r\nhost: lab\r\naccept: */*\r\n\r\n";
    let mut one = connect(&lab, "long-poll");
    one.send(request).expect("it is sent");
    let whole = as_written(&mut one, false).expect("it is answered");
    assert!(whole.starts_with("HTTP/1.1 200"), "{whole}");
    for cut in 1..request.len() {
        send_and_see_read(&lab, "long-poll", &mut one, &request[..cut]);
        one.send(&request[cut..]).expect("it is sent");
        let answer = as_written(&mut one, false).expect("it is answered");
        assert_eq!(answer, whole, "cut at {cut}");
    }
    for byte in request {
        send_and_see_read(&lab, "long-poll", &mut one, &[*byte]);
    }
    assert_eq!(as_written(&mut one, false).expect("it is answered"), whole);
}

#[test]
fn a_stream_goes_on_whatever_is_pipelined_behind_it() {
    let lab = spawn_lab(test_config());
    for behind in [
        "GET /short-poll/behind HTTP/1.1\r\nhost: lab\r\n\r\n",
        "POST /api/channels/behind/publications HTTP/1.1\r\nhost: lab\r\ncontent-length: 9\r\n\r\n",
        "no request at all\r\n\r\n",
    ] {
        let mut connection = connect(&lab, MAIN);
        let stream = "GET /sse/first HTTP/1.1\r\nhost: lab\r\n\r\n";
        let both = format!("{stream}{behind}");
        connection.send(both.as_bytes()).expect("it is sent");
        let mut http = Http::over(connection);
        assert_eq!(http.read_head().expect("it begins").status, 200);
        assert!(http.read_chunk().expect("it goes on").is_some());
        lab.publish("first", "tick", json!({ "n": 1 }));
        let chunk = http.read_chunk().expect("it goes on").expect("a chunk");
        let text = String::from_utf8_lossy(&chunk.bytes).into_owned();
        assert!(text.contains("\"tick\""), "{text}");
    }
    let unpublished = lab.http(MAIN).get("/short-poll/behind");
    assert_eq!(position_of(&unpublished.json()).offset, 0);
}

/// More than waits for its turn is not read, and the stream goes on.
#[test]
fn a_flood_behind_a_stream_is_left_to_the_kernel() {
    let lab = spawn_lab(test_config());
    let mut stream = EventStream::open(lab.address("sse"), "flooded");
    stream.expect("subscribed");
    let handle = stream.http.connection.handle();
    handle.set_nonblocking(true).expect("it can be");
    let mut sent = 0;
    let request = b"GET /sse/flooded HTTP/1.1\r\nhost: lab\r\n\r\n".repeat(1_000);
    // Until the kernels are full, or far beyond what a connection may keep.
    while let Ok(some) = io::Write::write(&mut &handle, &request) {
        sent += some;
        if sent > 64 << 20 {
            break;
        }
    }
    handle.set_nonblocking(false).expect("it can be");
    lab.publish("flooded", "tick", json!({}));
    stream.expect("message");
    let read = read_by(&lab, "sse");
    assert!(read < 256 << 10, "{read} of {sent} bytes were read");
}

#[test]
fn requests_in_a_row_are_answered_in_their_order_whoever_serves_them() {
    let lab = spawn_lab(test_config());
    let poll = "GET /long-poll/row?hold_ms=0 HTTP/1.1\r\nhost: lab\r\n\r\n";
    let body = r#"{"event":"tick","data":{}}"#;
    let publish = format!(
        "POST /api/channels/row/publications HTTP/1.1\r\nhost: lab\r\ncontent-length: {}\r\n\r\n\
         {body}",
        body.len()
    );
    let mut connection = connect(&lab, MAIN);
    let all = format!("{poll}{poll}{publish}{poll}");
    connection.send(all.as_bytes()).expect("it is sent");
    let mut http = Http::over(connection);
    let offsets: Vec<_> = (0..4)
        .map(|_| http.read_answer().expect("it is answered"))
        .map(|answer| position_of(&answer.json()).offset)
        .collect();
    assert_eq!(offsets, [0, 0, 1, 1]);
    // And one by one, on the same connection and on another.
    for http in [&mut http, &mut lab.http(MAIN)] {
        for round in 2.. {
            let answer = http.get("/long-poll/row?hold_ms=0");
            let before = position_of(&answer.json()).offset;
            let answer = http.post("/api/channels/row/publications", body.as_bytes());
            assert_eq!(position_of(&answer.json()).offset, before + 1);
            let after = format!(
                "/long-poll/row?epoch={}&offset={before}",
                epoch_of(&answer.json())
            );
            let answer = http.get(&after).json();
            assert_eq!(
                answer["publications"].as_array().map(Vec::len),
                Some(1),
                "{answer}"
            );
            if round == 4 {
                break;
            }
        }
    }
    // A stream on a connection that was polled by.
    http.send_request("GET", "/sse/row", &[], b"")
        .expect("it is sent");
    assert_eq!(http.read_head().expect("it begins").status, 200);
}

fn epoch_of(answer: &Value) -> &str {
    answer["epoch"].as_str().expect("there is an epoch")
}

#[test]
fn a_poll_that_says_close_is_the_last() {
    let lab = spawn_lab(test_config());
    for (version, further) in [("1.1", "connection: close\r\n"), ("1.0", "")] {
        let mut connection = connect(&lab, "long-poll");
        let request =
            format!("GET /long-poll/last?hold_ms=0 HTTP/{version}\r\nhost: lab\r\n{further}\r\n");
        connection.send(request.as_bytes()).expect("it is sent");
        let answer = as_written(&mut connection, false).expect("it is answered");
        assert!(answer.contains("\"publications\":[]"), "{answer}");
        assert!(ends(&mut connection), "{version}");
    }
}

#[test]
fn a_head_has_its_time_and_an_idle_connection_too() {
    let second = Span(Duration::from_secs(1));
    let lab = spawn_lab(Config {
        request_timeout: second,
        keep_alive: second,
        ..test_config()
    });
    let poll = "GET /long-poll/slow?hold_ms=0 HTTP/1.1\r\nhost: lab\r\n\r\n";
    // Nothing, a part of the first head, a part of the second.
    for (before, begun) in [
        ("", ""),
        ("", "GET /sse/slow HTT"),
        (poll, "GET /sse/slow HTT"),
    ] {
        let mut connection = connect(&lab, MAIN);
        connection.send(before.as_bytes()).expect("it is sent");
        if !before.is_empty() {
            as_written(&mut connection, false).expect("it is answered");
        }
        connection.send(begun.as_bytes()).expect("it is sent");
        let answer = as_written(&mut connection, false).expect("it is answered");
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("head_too_slow"), "{answer}");
        assert!(ends(&mut connection));
    }
    let mut idle = connect(&lab, MAIN);
    idle.send(poll.as_bytes()).expect("it is sent");
    as_written(&mut idle, false).expect("it is answered");
    assert!(
        ends(&mut idle),
        "it was kept for its time, and no answer came"
    );
    // Time that a poll is held is not idle.
    let held = lab.http(MAIN).get("/long-poll/slow?hold_ms=2500");
    assert_eq!(held.status, 200);
}

#[test]
fn held_requests_of_every_kind_end_by_fin_and_by_reset() {
    let lab = spawn_lab(test_config());
    let key = &lab.apps().demo_app().expect("there is a demo").settings.key;
    let held = [
        ("sse", "GET /sse/gone".to_owned()),
        ("fetch-stream", "GET /fetch-stream/gone".to_owned()),
        ("long-poll", "GET /long-poll/gone".to_owned()),
        (
            "channels-streaming",
            format!("POST /pusher/app/{key}/1/gone/xhr_streaming?protocol=7"),
        ),
    ];
    for (lane, line) in held {
        for is_reset in [false, true] {
            let mut connection = connect(&lab, lane);
            let request = format!("{line} HTTP/1.1\r\nhost: lab\r\ncontent-length: 0\r\n\r\n");
            send_and_see_read(&lab, lane, &mut connection, request.as_bytes());
            eventually(PATIENCE, "it is held", || match lane {
                "channels-streaming" => {
                    !connection.waiting().is_empty() || {
                        connection.fill().expect("it begins");
                        true
                    }
                }
                _ => lab.subscribers("gone") == 1,
            });
            if is_reset {
                connection.reset();
            } else {
                connection.finish();
                assert!(ends(&mut connection), "{lane}");
            }
            eventually(PATIENCE, "it is given back", || {
                lab.connections_open(lane) == 0 && lab.subscribers("gone") == 0
            });
        }
    }
}

/// What was asked before a FIN is answered, if that takes no time.
#[test]
fn a_request_with_a_fin_behind_it_is_answered() {
    let lab = spawn_lab(test_config());
    let mut connection = connect(&lab, "short-poll");
    let request = b"GET /short-poll/fin HTTP/1.1\r\nhost: lab\r\n\r\n";
    connection.send(request).expect("it is sent");
    connection.finish();
    let answer = as_written(&mut connection, false).expect("it is answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(ends(&mut connection));
}

#[test]
fn a_stop_says_goodbye_to_who_is_held_and_ends_who_is_idle() {
    let mut lab = spawn_lab(test_config());
    let mut stream = EventStream::open(lab.address("sse"), "stopped");
    stream.expect("subscribed");
    let mut held = lab.http("long-poll");
    held.send_request("GET", "/long-poll/stopped", &[], b"")
        .expect("it is sent");
    eventually(PATIENCE, "both listen", || lab.subscribers("stopped") == 2);
    let mut idle = lab.http("long-poll");
    assert_eq!(idle.get("/long-poll/stopped?hold_ms=0").status, 200);
    let mut silent = connect(&lab, "sse");
    send_and_see_read(&lab, "sse", &mut silent, b"GET /sse/x");
    lab.begin_stop();
    assert_eq!(stream.expect("closing")["reason"], "shutdown");
    assert!(stream.next().expect("it ends").is_none());
    assert!(ends(&mut stream.http.connection));
    let answer = held.read_answer().expect("it is answered");
    assert_eq!(answer.json()["publications"], json!([]));
    for connection in [&mut held.connection, &mut idle.connection, &mut silent] {
        assert!(ends(connection));
    }
}
