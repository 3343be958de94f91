//! Archives of made-up units, against the fields that HAR 1.2 requires.

use std::time::Instant;

use super::*;
use crate::capture::{
    Ended, Secret,
    example::{Example, hide},
};

const REQUEST: &str = "POST /api/c?client=me&token=abc HTTP/1.1\r\nHost: lab:8081\r\nCookie: a=secret\r\n\
                       Content-Type: text/plain\r\n\r\n";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const UPGRADE: &str = "GET /ws/c HTTP/1.1\r\nHost: lab:8084\r\nUpgrade: websocket\r\n\r\n";
const UPGRADED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

fn about() -> About {
    About {
        channel: "compare-x".to_owned(),
        host: "lab".to_owned(),
        ..About::default()
    }
}

/// The entries, after everything that the standard requires was found in them.
fn entries(units: &[Unit], about: &About) -> Vec<Value> {
    let har = har(units, about);
    let log = &har["log"];
    assert_eq!(log["version"], "1.2");
    assert!(log["creator"]["name"].is_string() && log["creator"]["version"].is_string());
    let entries = log["entries"].as_array().expect("entries").clone();
    for entry in &entries {
        required(
            entry,
            &[
                "startedDateTime",
                "time",
                "request",
                "response",
                "cache",
                "timings",
            ],
        );
        let request = [
            "method",
            "url",
            "httpVersion",
            "cookies",
            "headers",
            "queryString",
            "headersSize",
            "bodySize",
        ];
        required(&entry["request"], &request);
        if let Some(post) = entry["request"].get("postData") {
            required(post, &["mimeType", "params", "text"]);
        }
        let response = [
            "status",
            "statusText",
            "httpVersion",
            "cookies",
            "headers",
            "content",
            "redirectURL",
            "headersSize",
            "bodySize",
        ];
        required(&entry["response"], &response);
        required(&entry["response"]["content"], &["size", "mimeType"]);
        let timings = &entry["timings"];
        required(timings, &["send", "wait", "receive"]);
        let sum: f64 = ["send", "wait", "receive"]
            .iter()
            .filter_map(|name| timings[name].as_f64())
            .sum();
        let time = entry["time"].as_f64().expect("a number");
        assert!((sum - time).abs() < 1e-6, "{sum} and {time}");
    }
    entries
}

fn required(object: &Value, names: &[&str]) {
    for name in names {
        assert!(object.get(name).is_some(), "{name} is missing in {object}");
    }
}

fn header<'h>(message: &'h Value, name: &str) -> &'h str {
    let headers = message["headers"].as_array().expect("headers");
    let found = headers.iter().find(|header| header["name"] == name);
    found
        .and_then(|header| header["value"].as_str())
        .expect("the header")
}

fn chunked() -> Example {
    let mut example = Example::new("sse", 3);
    example.up(
        Kind::RequestHead,
        "GET /sse/c HTTP/1.1\r\nHost: lab\r\n\r\n",
    );
    example.down(Kind::AnswerHead, CHUNKED);
    example.down(Kind::Chunk, "9\r\ndata: a\n\n\r\n");
    example.down(Kind::Chunk, "a;x=y\r\ndata: \u{e4}\n\n\r\n");
    example
}

fn upgraded() -> Example {
    let mut example = Example::new("websocket", 4);
    example.up(Kind::RequestHead, UPGRADE);
    example.down(Kind::AnswerHead, UPGRADED);
    example
}

#[test]
fn a_request_and_its_answer_are_an_entry() {
    let mut example = Example::new("short-poll", 1);
    let head = example.up(Kind::RequestHead, REQUEST);
    hide(head, "secret", Secret::Cookie);
    hide(head, "abc", Secret::Token);
    head.hidden.sort_by_key(|hidden| hidden.at);
    example.up(Kind::Body, "hello");
    example.down(
        Kind::AnswerHead,
        "HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n",
    );
    example.down(Kind::Body, "{}");
    let entry = &entries(&example.units, &about())[0];
    assert_eq!(entry["startedDateTime"], "1970-01-01T00:00:01.000100Z");
    assert_eq!(entry["time"], 0.35);
    let timings = &entry["timings"];
    assert_eq!(
        [&timings["send"], &timings["wait"], &timings["receive"]],
        [0.15, 0.05, 0.15].map(|ms| json!(ms)).each_ref()
    );

    let request = &entry["request"];
    assert_eq!(request["method"], "POST");
    assert_eq!(
        request["url"],
        "http://lab:8081/api/c?client=me&token=(hidden,%203%20bytes:%20token)"
    );
    assert_eq!(request["httpVersion"], "HTTP/1.1");
    assert_eq!(
        request["queryString"][0],
        json!({ "name": "client", "value": "me" })
    );
    assert_eq!(
        request["queryString"][1]["value"],
        "(hidden, 3 bytes: token)"
    );
    assert_eq!(header(request, "Cookie"), "a=(hidden, 6 bytes: cookie)");
    assert_eq!(request["headersSize"], REQUEST.len());
    assert_eq!(request["bodySize"], 5);
    assert_eq!(
        request["postData"],
        json!({ "mimeType": "text/plain", "params": [], "text": "hello" })
    );

    let response = &entry["response"];
    assert_eq!(response["status"], 201);
    assert_eq!(response["statusText"], "Created");
    assert_eq!(response["content"]["text"], "{}");
    assert_eq!(entry["comment"], "Lane short-poll, connection 1.");
    assert!(!har(&example.units, &about()).to_string().contains("secret"));
}

#[test]
fn an_answer_in_chunks_has_both_sizes() {
    let mut example = chunked();
    let entry = &entries(&example.units, &about())[0];
    let response = &entry["response"];
    assert_eq!(response["content"]["text"], "data: a\n\ndata: \u{e4}\n\n");
    assert_eq!(response["content"]["size"], 19);
    assert_eq!(response["content"]["mimeType"], "text/event-stream");
    assert_eq!(response["bodySize"], 14 + 19);
    assert_eq!(
        entry["comment"],
        "Lane sse, connection 3. The answer had not ended."
    );

    example.down(Kind::Chunk, "0\r\n\r\n");
    let entry = &entries(&example.units, &about())[0];
    assert_eq!(entry["comment"], "Lane sse, connection 3.");
    assert_eq!(entry["response"]["content"]["size"], 19);
}

#[test]
fn a_stream_that_was_cut_says_so() {
    let mut about = about();
    about.ended.insert(
        (LaneId("sse"), 3),
        Ended {
            us: 2_000_000,
            by: None,
        },
    );
    let entry = &entries(&chunked().units, &about)[0];
    assert_eq!(
        entry["comment"],
        "Lane sse, connection 3. The connection ended before the answer was whole."
    );
}

#[test]
fn a_held_request_is_there_without_an_answer() {
    let mut example = Example::new("long-poll", 2);
    example.up(
        Kind::RequestHead,
        "GET /long-poll/c HTTP/1.1\r\nHost: lab\r\n\r\n",
    );
    let entry = &entries(&example.units, &about())[0];
    assert_eq!(entry["response"]["status"], 0);
    assert_eq!(entry["response"]["bodySize"], -1);
    assert_eq!(
        entry["comment"],
        "Lane long-poll, connection 2. Not answered yet."
    );
}

#[test]
fn a_request_that_names_no_host_has_the_lanes() {
    let mut example = Example::new("sse", 2);
    example.up(Kind::RequestHead, "GET /sse/c HTTP/1.0\r\n\r\n");
    for (host, address) in [
        ("lab", "lab:8083"),
        ("lab:8080", "lab:8083"),
        ("[::1]:8080", "[::1]:8083"),
        ("[::1]", "[::1]:8083"),
    ] {
        let about = About {
            host: host.to_owned(),
            ports: BTreeMap::from([(LaneId("sse"), 8083)]),
            ..about()
        };
        let entry = &entries(&example.units, &about)[0];
        assert_eq!(entry["request"]["url"], format!("http://{address}/sse/c"));
    }
}

#[test]
fn an_answer_whose_request_is_gone_is_there_too() {
    let mut example = Example::new("short-poll", 2);
    example.down(Kind::AnswerHead, "HTTP/1.1 304 Not Modified\r\n\r\n");
    let entry = &entries(&example.units, &about())[0];
    assert_eq!(entry["request"]["headersSize"], -1);
    assert_eq!(
        entry["comment"],
        "Lane short-poll, connection 2. The request was not kept."
    );
}

#[test]
fn what_was_not_kept_is_said() {
    let mut example = Example::new("short-poll", 1);
    example.up(Kind::RequestHead, "GET / HTTP/1.1\r\nHost: lab\r\n\r\n");
    example.down(
        Kind::AnswerHead,
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
    );
    example.down(Kind::Body, "0123456789").bytes.truncate(4);
    let entry = &entries(&example.units, &about())[0];
    let content = &entry["response"]["content"];
    assert_eq!(content["size"], 10);
    assert_eq!(content["text"], "0123");
    assert_eq!(content["comment"], "6 bytes were not kept.");
    assert_eq!(
        entry["comment"],
        "Lane short-poll, connection 1. 6 bytes of it were not kept."
    );
}

#[test]
fn what_is_no_text_is_base64() {
    let mut example = Example::new("short-poll", 1);
    example.up(Kind::RequestHead, "GET / HTTP/1.1\r\nHost: lab\r\n\r\n");
    example.down(
        Kind::AnswerHead,
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
    );
    example.down(Kind::Body, [0xFF, 0x00]);
    let entry = &entries(&example.units, &about())[0];
    assert_eq!(entry["response"]["content"]["text"], "/wA=");
    assert_eq!(entry["response"]["content"]["encoding"], "base64");
}

#[test]
fn frames_are_web_socket_messages() {
    let mut example = upgraded();
    // RFC 6455 §5.7: "Hello", masked.
    example.up(
        Kind::Frame,
        [
            0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
        ],
    );
    example.down(
        Kind::Frame,
        [&[0x81, 126, 0, 200], [b'a'; 200].as_slice()].concat(),
    );
    example.down(Kind::Frame, [0x89, 0x01, b'p']);
    example.down(Kind::Frame, [0x02, 0x02, 0xFF, 0x00]);
    let entry = &entries(&example.units, &about())[0];
    assert_eq!(entry["request"]["url"], "ws://lab:8084/ws/c");
    assert_eq!(entry["response"]["status"], 101);
    assert_eq!(entry["_resourceType"], "websocket");
    let messages = &entry["_webSocketMessages"];
    assert_eq!(
        messages[0],
        json!({ "type": "send", "time": 1.000_35, "opcode": 1, "data": "Hello", "_bytes": 11 })
    );
    assert_eq!(messages[1]["type"], "receive");
    assert_eq!(messages[1]["data"], "a".repeat(200));
    assert_eq!(messages[1]["_bytes"], 204);
    assert_eq!(
        [&messages[2]["opcode"], &messages[2]["data"]],
        [&json!(9), &json!("cA==")]
    );
    assert_eq!(messages[3]["data"], "/wA=");
    assert_eq!(messages[3]["_fin"], false);
    assert_eq!(
        entry["comment"],
        "Lane websocket, connection 4. The WebSocket had not ended."
    );
}

#[test]
fn a_hidden_part_of_a_masked_frame_is_shown_as_its_size() {
    let mut example = upgraded();
    let mask = [1, 2, 3, 4];
    let plain = b"{\"auth\":\"xxxx\"}";
    let masked = plain
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, key)| byte ^ key);
    let bytes: Vec<u8> = [0x81, 0x80 | plain.len() as u8]
        .into_iter()
        .chain(mask)
        .chain(masked)
        .collect();
    let unit = example.up(Kind::Frame, bytes);
    unit.hidden.push(Hidden {
        at: 6 + 9,
        len: 4,
        what: Secret::Signature,
    });
    let entry = &entries(&example.units, &about())[0];
    assert_eq!(
        entry["_webSocketMessages"][0]["data"],
        "{\"auth\":\"(hidden, 4 bytes: signature)\"}"
    );
}

#[test]
fn a_compressed_message_is_shown_inflated() {
    let mut example = upgraded();
    example.down(Kind::Frame, [0xC1, 0x02, 0x01, 0x02]).inflated = Some(b"Hello".to_vec());
    let hidden = example.down(Kind::Frame, [0xC1, 0x02, b'x', b'x']);
    hidden.inflated = Some(b"secret".to_vec());
    hidden.hidden.push(Hidden {
        at: 2,
        len: 2,
        what: Secret::Token,
    });
    let messages = &entries(&example.units, &about())[0]["_webSocketMessages"];
    assert_eq!(messages[0]["data"], "Hello");
    assert_eq!(messages[1]["data"], "(hidden, 2 bytes: token)");
}

#[test]
fn requests_of_one_connection_are_entries_in_order() {
    let mut example = Example::new("short-poll", 1);
    for n in 0..3 {
        example.up(
            Kind::RequestHead,
            format!("GET /{n} HTTP/1.1\r\nHost: lab\r\n\r\n"),
        );
        example.down(Kind::AnswerHead, "HTTP/1.1 304 Not Modified\r\n\r\n");
        example.next_exchange();
    }
    let urls: Vec<_> = entries(&example.units, &about())
        .iter()
        .map(|entry| entry["request"]["url"].clone())
        .collect();
    assert_eq!(urls, ["http://lab/0", "http://lab/1", "http://lab/2"]);
}

#[test]
fn an_interim_answer_is_not_the_answer() {
    let mut example = Example::new("short-poll", 1);
    example.up(Kind::RequestHead, "GET / HTTP/1.1\r\nHost: lab\r\n\r\n");
    example.down(Kind::AnswerHead, "HTTP/1.1 103 Early Hints\r\n\r\n");
    assert_eq!(
        entries(&example.units, &about())[0]["response"]["status"],
        0
    );
    example.down(Kind::AnswerHead, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(
        entries(&example.units, &about())[0]["response"]["status"],
        204
    );
}

#[test]
fn what_is_no_http_does_no_harm() {
    let mut example = Example::new("websocket", 1);
    for bytes in [
        "",
        "\r\n",
        "x",
        "HTTP/1.1",
        "\u{0}\u{1}",
        "zz\r\n",
        "ffffffffffffffff\r\na",
    ] {
        example.up(Kind::RequestHead, bytes);
        example.down(Kind::AnswerHead, bytes);
        example.down(Kind::Chunk, bytes);
        example.down(Kind::Frame, bytes);
        example.next_exchange();
    }
    let lying = example.down(Kind::Frame, [0x81, 0xFF, 0x00]);
    lying.hidden.push(Hidden {
        at: 1,
        len: usize::MAX,
        what: Secret::Message,
    });
    entries(&example.units, &about());
}

#[test]
fn nothing_is_an_archive_without_entries() {
    assert!(entries(&[], &about()).is_empty());
}

#[test]
fn five_thousand_units_take_no_time() {
    let mut example = upgraded();
    for _ in 0..5_000 {
        example.down(
            Kind::Frame,
            [&[0x81, 126, 0, 200], [b'a'; 200].as_slice()].concat(),
        );
    }
    let started = Instant::now();
    let har = har(&example.units, &about());
    // A hundred times what it takes.
    assert!(started.elapsed().as_secs() < 3, "{:?}", started.elapsed());
    assert_eq!(
        har["log"]["entries"][0]["_webSocketMessages"]
            .as_array()
            .map(Vec::len),
        Some(5_000)
    );
}
