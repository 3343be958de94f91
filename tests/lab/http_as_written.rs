//! HTTP as clients and proxies of others write it: `HEAD`, HTTP/1.0, `Connection: upgrade` on
//! requests that upgrade nothing, empty headers and parameters, streams behind proxies.

use crate::support::{
    PATIENCE, TestLab,
    connection::Connection,
    eventually,
    http::{Answer, Http},
    spawn_lab, test_config,
};
use pushlab::{config::Config, lane::LaneId};

fn lab() -> TestLab {
    spawn_lab(test_config())
}

fn raw(lab: &TestLab, lane: &str, request: &str) -> Http {
    let mut http = Http::over(Connection::connect(lab.address(lane)));
    http.connection
        .send(request.as_bytes())
        .expect("it is sent");
    http
}

fn head_of(lab: &TestLab, lane: &str, request: &str) -> (Http, Answer) {
    let mut http = raw(lab, lane, request);
    let head = http.read_head().expect("an answer comes");
    (http, head)
}

/// `METHOD target` of streams, each on a lane of its own: the demo application's key is `{key}`.
fn streams(lab: &TestLab) -> [(&'static str, String); 2] {
    let key = &lab.apps().demo_app().expect("there is a demo").settings.key;
    [
        ("sse", "GET /sse/written".to_owned()),
        (
            "channels-streaming",
            format!("POST /pusher/app/{key}/1/written1/xhr_streaming?protocol=7"),
        ),
    ]
}

#[test]
fn head_is_answered_wherever_get_is() {
    let lab = lab();
    for target in [
        "/",
        "/chat",
        "/runs",
        "/healthz",
        "/metrics",
        "/api/stats",
        "/api/clock",
        "/api/sources",
        "/api/channels/written/history",
        "/api/channels/written/presence",
        "/short-poll/written?client=c1",
        "/long-poll/written?hold_ms=60000&client=c1",
        "/sse/written?client=c1",
        "/no/such/page",
        "/short-poll/bad%20name",
    ] {
        let mut http = lab.http("main");
        let answer = http.request("HEAD", target, &[], b"");
        // What follows on the same connection is the next answer: no body came.
        let next = http.get("/healthz");
        assert_eq!(next.status, 200, "{target}");
        if target.contains("poll/written") || target.starts_with("/sse") {
            assert_eq!(answer.status, 200, "{target}");
        } else {
            assert_eq!(answer.status, http.get(target).status, "{target}");
        }
    }
    // Nobody came by it, and nothing was sent of the bodies.
    assert!(lab.present("written").is_empty());
    assert_eq!(lab.subscribers("written"), 0);
}

#[test]
fn head_says_the_length_that_get_has() {
    let lab = lab();
    let mut http = lab.http("main");
    let whole = http.get("/api/channels/written/history");
    let head = http.request("HEAD", "/api/channels/written/history", &[], b"");
    assert_eq!(
        head.header("content-length"),
        whole.header("content-length")
    );
    assert!(head.header("content-length").is_some());
    let stream = http.request("HEAD", "/sse/written", &[], b"");
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    assert_eq!(stream.header("transfer-encoding"), None);
    assert_eq!(stream.header("content-length"), None);
}

#[test]
fn what_get_answers_is_allowed_to_head() {
    let lab = lab();
    let refused = lab.http("main").request("DELETE", "/healthz", &[], b"");
    assert_eq!(refused.status, 405);
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    let refused = lab.http("main").get("/api/channels/written/publications");
    assert_eq!(refused.header("allow"), Some("POST"));
}

#[test]
fn streams_to_http_1_0_are_not_chunked_and_say_close() {
    let lab = lab();
    for (lane, line) in streams(&lab) {
        for keep_alive in ["", "connection: keep-alive\r\n"] {
            // A session of its own for each: the second would wait on the first one's.
            let line = line.replace("written1", &format!("written{}", keep_alive.len()));
            let request = format!("{line} HTTP/1.0\r\ncontent-length: 0\r\n{keep_alive}\r\n");
            let (mut http, head) = head_of(&lab, lane, &request);
            assert_eq!(head.status, 200, "{lane}");
            assert_eq!(head.header("transfer-encoding"), None, "{lane}");
            assert_eq!(head.header("content-length"), None, "{lane}");
            assert_ne!(head.header("connection"), Some("keep-alive"), "{lane}");
            // The body itself, not the size of a chunk.
            let first = http.connection.take(1).expect("the stream begins")[0];
            assert!(b"roh".contains(&first), "{lane}: {}", char::from(first));
        }
    }
}

#[test]
fn streams_are_not_to_be_transformed_or_gathered() {
    let lab = lab();
    for (lane, line) in streams(&lab) {
        let request = format!("{line} HTTP/1.1\r\nhost: lab\r\ncontent-length: 0\r\n\r\n");
        let (_open, head) = head_of(&lab, lane, &request);
        assert_eq!(head.header("cache-control"), Some("no-store, no-transform"));
        assert_eq!(head.header("x-accel-buffering"), Some("no"));
        assert_eq!(head.header("transfer-encoding"), Some("chunked"));
    }
}

#[test]
fn an_upgrade_of_nothing_is_answered_and_the_end_announced() {
    let lab = lab();
    let body = r#"{"event":"e","data":1}"#;
    for (lane, method, target, body) in [
        ("main", "POST", "/api/channels/written/publications", body),
        ("main", "GET", "/healthz", ""),
        ("short-poll", "GET", "/short-poll/written", ""),
        ("main", "GET", "/no/such/page", ""),
        ("main", "GET", "/socket.io/?EIO=4&transport=polling", ""),
        ("main", "GET", "/apps/1/channels", ""),
    ] {
        for value in ["upgrade", "Upgrade", "keep-alive, Upgrade"] {
            let mut http = lab.http(lane);
            let answer = http.request(method, target, &[("connection", value)], body.as_bytes());
            assert!(answer.status == 200 || answer.status >= 400, "{target}");
            assert_eq!(answer.header("connection"), Some("close"), "{target}");
            // Others go on as ever.
            let mut http = lab.http(lane);
            http.request(method, target, &[], body.as_bytes());
            let again = http.request(method, target, &[], body.as_bytes());
            assert_eq!(again.header("connection"), None, "{target}");
        }
    }
}

#[test]
fn what_is_empty_counts_as_missing() {
    let lab = lab();
    lab.publish("written", "e", 1.into());
    let empty = "?epoch=&offset=&limit=&history=&hold_ms=0&client=&name=";
    let answer = lab.http("main").get(&format!("/long-poll/written{empty}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    // A stream with an empty Last-Event-ID begins as one without; a strange one asks for all there is.
    let begins = |header: &str| {
        let request = format!("GET /sse/written HTTP/1.0\r\n{header}\r\n");
        let (mut http, _) = head_of(&lab, "sse", &request);
        let mut upto = |end: &[u8]| http.connection.take_until(end).expect("it goes on");
        upto(b"event: subscribed");
        String::from_utf8(upto(b"\n\n")).expect("UTF-8")
    };
    assert_eq!(begins("last-event-id:\r\n"), begins(""));
    assert_ne!(begins("last-event-id: strange\r\n"), begins(""));
}

/// What an `EventSource` is to be answered that is to come back.
fn assert_comes_back(answer: &Answer, target: &str) {
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("text/event-stream"), "{target}");
}

#[test]
fn a_stopping_server_lets_every_event_source_come_back() {
    let mut lab = lab();
    let app = lab.apps().demo_app().expect("there is a demo");
    let feed = format!("/api/apps/{}/feed", app.settings.id);
    let targets = [
        ("main", "/sse/written"),
        ("sse", "/sse/written"),
        ("main", &*feed),
        ("main", "/api/runs/job/events"),
    ];
    // Held until the stop, so that the connections are there and their next requests come after it.
    let mut held = targets.map(|(lane, _)| lab.http(lane));
    for http in &mut held {
        assert_eq!(http.get("/healthz").status, 200);
    }
    let node = lab.lab().node.clone();
    let mut stays = raw(
        &lab,
        "main",
        "GET /long-poll/written?hold_ms=60000 HTTP/1.1\r\nhost: lab\r\n\r\n",
    );
    eventually(PATIENCE, "the poll is held", || {
        lab.subscribers("written") == 1
    });
    lab.begin_stop();
    eventually(PATIENCE, "the node stops", || node.is_shutting_down());
    let accept = [("accept", "text/event-stream")];
    for (http, (_, target)) in held.iter_mut().zip(targets) {
        // Either the connection is gone, which an EventSource tries again after, or the answer is a
        // stream that ends. Never another status.
        if let Ok(answer) = http.try_request("GET", target, &accept, b"") {
            assert_comes_back(&answer, target);
            let text = answer.text();
            if target != "/api/runs/job/events" {
                assert!(text.starts_with("retry:"), "{target}: {text}");
                assert!(text.contains("event: closing"), "{target}: {text}");
                assert!(text.contains("shutting_down"), "{target}: {text}");
            }
        }
    }
    let _ = stays.read_head();
}

#[test]
fn a_limit_lets_an_event_source_come_back_and_refuses_others() {
    let lab = spawn_lab(Config {
        max_connections_per_address: 1,
        trusted_proxies: "127.0.0.1".parse().expect("an address"),
        ..test_config()
    });
    let ask = |headers: &str| {
        let from = "x-forwarded-for: 203.0.113.5\r\n";
        head_of(
            &lab,
            "sse",
            &format!("GET /sse/written HTTP/1.1\r\nhost: lab\r\n{from}{headers}\r\n"),
        )
    };
    let (_open, first) = ask("");
    assert_eq!(first.status, 200);
    let (_, refused) = ask("");
    assert_eq!(refused.status, 429);
    let (mut again, head) = ask("accept: text/event-stream\r\n");
    assert_comes_back(&head, "/sse/written");
    let said = again
        .connection
        .take_until(b"\n\n")
        .expect("it says when and why");
    let said = String::from_utf8(said).expect("text");
    assert!(said.starts_with("retry: "), "{said}");
    assert!(said.contains("too_many_from_address"), "{said}");
}

#[test]
fn a_lanes_root_and_unknown_pages_show_a_browser_the_way_to_the_lab() {
    let lab = lab();
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let main = lab.address("main").port();
    for lane in lab.lanes() {
        let name = lane.lane.0;
        for target in ["/", "/no/such/page"] {
            if (name, target) == ("main", "/") {
                continue;
            }
            let page = lab.http(name).request("GET", target, &browser, b"");
            assert_eq!(page.status, 404, "{name}");
            let kind = page.header("content-type");
            assert_eq!(kind, Some("text/html; charset=utf-8"), "{name}");
            let home = match name {
                "main" => "href=\"/\"".to_owned(),
                _ => format!("href=\"http://lab:{main}/\""),
            };
            assert!(page.text().contains(&home), "{name}: {}", page.text());
            // Programs get what they get everywhere.
            let answer = lab.http(name).get(target);
            assert_eq!(answer.error_code(), "unknown_path", "{name}");
        }
    }
}

/// What is refused before any service is asked, with its status and code.
fn no_requests() -> Vec<(&'static str, Vec<u8>, u16, &'static str)> {
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let large = format!("GET / HTTP/1.1\r\nhost: lab\r\nx: {}", "y".repeat(300_000));
    // The beginning of a TLS handshake, for who asks with https:// where there is none.
    let mut tls = vec![0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3];
    tls.resize(205, 7);
    let rows: [(&str, &[u8], u16, &str); 13] = [
        ("words", b"hello there\r\n\r\n", 400, "bad_head"),
        ("TLS", &tls, 400, "bad_head"),
        (
            "HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            400,
            "bad_head",
        ),
        ("version", b"GET / HTTP/9.9\r\n\r\n", 400, "bad_head"),
        (
            "no colon",
            b"GET / HTTP/1.1\r\nno colon here\r\n\r\n",
            400,
            "bad_head",
        ),
        (
            "length",
            b"POST / HTTP/1.1\r\nhost: lab\r\ncontent-length: -1\r\n\r\n",
            400,
            "bad_head",
        ),
        (
            "lengths",
            b"POST / HTTP/1.1\r\nhost: lab\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            400,
            "bad_head",
        ),
        (
            "coding",
            b"POST / HTTP/1.1\r\nhost: lab\r\ntransfer-encoding: odd\r\n\r\n",
            400,
            "bad_head",
        ),
        (
            "NUL",
            b"GET / HTTP/1.1\r\nhost: lab\r\na: \0\r\n\r\n",
            400,
            "bad_head",
        ),
        ("no host", b"GET / HTTP/1.1\r\n\r\n", 400, "bad_head"),
        (
            "method",
            b"G@T / HTTP/1.1\r\nhost: lab\r\n\r\n",
            400,
            "bad_head",
        ),
        ("large", large.as_bytes(), 431, "head_too_large"),
        (
            "slow",
            b"GET / HTTP/1.1\r\nhost: lab\r\nx: ",
            408,
            "head_too_slow",
        ),
    ];
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(what, bytes, status, code)| (what, bytes.to_vec(), status, code))
        .collect();
    let many = format!("GET / HTTP/1.1\r\nhost: lab\r\n{many}\r\n");
    rows.push(("many", many.into_bytes(), 431, "head_too_large"));
    rows
}

/// A lab whose patience is short, for rows that try it: on a busy machine the others would, too.
fn labs() -> [TestLab; 2] {
    let hasty = Config {
        request_timeout: "300ms".parse().expect("a span"),
        ..test_config()
    };
    [lab(), spawn_lab(hasty)]
}

#[test]
fn what_is_no_request_is_told_what_to_do() {
    let labs = labs();
    for lane in ["main", "sse", "websocket", "socketio-polling"] {
        for (what, bytes, status, code) in no_requests() {
            let lab = &labs[usize::from(what == "slow")];
            let mut http = Http::over(Connection::connect(lab.address(lane)));
            // The server may be done with it before it has all.
            let _ = http.connection.send(&bytes);
            let answer = http
                .read_answer()
                .unwrap_or_else(|error| panic!("{lane}: {what}: {error}"));
            assert_eq!(answer.status, status, "{lane}: {what}");
            assert_eq!(answer.error_code(), code, "{lane}: {what}");
            let hint = answer.json()["error"]["hint"].to_string();
            assert!(hint.len() > 20, "{lane}: {what}: {hint}");
            assert_eq!(answer.header("connection"), Some("close"));
            // And its end, in good order.
            let ended = http.connection.read_to_fin();
            assert!(ended.is_ok(), "{lane}: {what}: {ended:?}");
        }
    }
}

#[test]
fn what_follows_a_good_request_and_is_none_is_told_so_behind_its_answer() {
    let lab = lab();
    let request = "GET /healthz HTTP/1.1\r\nhost: lab\r\n\r\nnonsense\r\n\r\n";
    let mut http = raw(&lab, "main", request);
    assert_eq!(http.read_answer().expect("the first").status, 200);
    let refused = http.read_answer().expect("the second");
    assert_eq!((refused.status, &*refused.error_code()), (400, "bad_head"));
    // What a publication says is never taken for one.
    let text = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    lab.publish("written", "e", text.into());
    let polled = lab.http("main").get("/short-poll/written?history=10");
    assert_eq!(polled.json()["publications"][0]["data"], text);
}

#[test]
fn error_answers_are_booked_like_every_answer() {
    let lab = lab();
    let mut bodies = 0;
    let mut heads = 0;
    for (_, bytes, ..) in no_requests().into_iter().filter(|row| row.0 != "slow") {
        let mut http = Http::over(Connection::connect(lab.address("sse")));
        let _ = http.connection.send(&bytes);
        let answer = http.read_answer().expect("an answer comes");
        bodies += answer.body_wire_bytes;
        heads += answer.head_bytes;
        let _ = http.connection.read_to_fin();
    }
    let totals = || lab.lab().meters.lane(LaneId("sse")).totals;
    eventually(PATIENCE, "the connections are closed", || {
        lab.connections_open("sse") == 0
    });
    assert_eq!(totals().layers_down().envelope(), bodies);
    assert_eq!(totals().bytes_down, bodies + heads);
}
