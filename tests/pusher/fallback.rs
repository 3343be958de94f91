//! Pusher Channels over xhr_streaming and xhr_polling, by raw HTTP (reference, section 14, and
//! traps 16 to 19 of section 20).
//!
//! The unmodified client runs elsewhere; here is what it does not show: what is answered to whom,
//! when a session ends, and that nothing is lost or counted twice.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use pushlab::{
    config::{Config, Span, apps::AppSettings},
    protocol::pusher::auth,
};
use serde_json::{Value, json};

use crate::support::{
    self, PATIENCE, TestLab,
    connection::Connection,
    eventually,
    http::{Answer, Http},
    pusher::{KEY, SECRET, app, inner},
    spawn_lab, test_config,
};

const STREAMING: &str = "channels-streaming";
const POLLING: &str = "channels-polling";
/// As pusher-js appends it.
const QUERY: &str = "protocol=7&client=js&version=8.6.0";
/// Of tests that wait for a session's end.
const SHORT_STAY: Span = Span(Duration::from_millis(300));

fn lab() -> TestLab {
    lab_with(vec![app(|_| ())], |_| ())
}

fn lab_with(apps: Vec<AppSettings>, change: impl FnOnce(&mut Config)) -> TestLab {
    let mut config = Config {
        apps,
        // Sessions outlive their connections, and hold up the end of every test.
        shutdown_grace: Span(Duration::from_millis(100)),
        ..test_config()
    };
    change(&mut config);
    spawn_lab(config)
}

/// One client's session: where it is and what it is called.
#[derive(Clone)]
struct Session {
    address: SocketAddr,
    key: String,
    name: String,
    socket_id: String,
}

/// A response that streams.
struct Stream {
    http: Http,
    head: Answer,
    text: String,
    /// Length of all its text so far, as JavaScript counts.
    units: usize,
}

impl Stream {
    fn over(mut http: Http, target: &str) -> Self {
        let headers = [("content-type", "application/json")];
        http.send_request("POST", target, &headers, b"").unwrap();
        let head = http.read_head().unwrap();
        assert_eq!(head.status, 200);
        Self {
            http,
            head,
            text: String::new(),
            units: 0,
        }
    }

    /// The next line without its end; `None` when the response has ended.
    fn try_line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.text.find('\n') {
                let rest = self.text.split_off(end + 1);
                let line = std::mem::replace(&mut self.text, rest);
                return Ok(Some(line.trim_end_matches('\n').to_owned()));
            }
            match self.http.read_chunk()? {
                Some(chunk) => {
                    let text = std::str::from_utf8(&chunk.bytes).expect("whole lines");
                    self.units += text.encode_utf16().count();
                    self.text += text;
                }
                None => return Ok(None),
            }
        }
    }

    fn line(&mut self) -> String {
        self.try_line()
            .expect("a line comes")
            .expect("the response goes on")
    }

    /// The next frame; heartbeats before it are skipped.
    fn frame(&mut self) -> Value {
        let mut line = self.line();
        while line == "h" {
            line = self.line();
        }
        let mut frames = frames_of(&line);
        assert_eq!(frames.len(), 1, "{line}");
        frames.remove(0)
    }

    fn expect(&mut self, event: &str) -> Value {
        let frame = self.frame();
        assert_eq!(frame["event"], event, "{frame}");
        frame
    }

    /// Nothing has come, and nothing is on its way: what was given to the session before is written
    /// before it has answered two pings of its client, one after the other.
    fn expect_silence(&mut self, session: &Session) {
        for _ in 0..2 {
            assert_eq!(session.send_body(b"[]"), 204);
            assert_eq!(self.line(), "a[]");
        }
    }

    fn expect_end(&mut self) {
        assert_eq!(self.try_line().expect("it ends properly"), None);
    }
}

/// The frames of an `a[…]` line.
fn frames_of(line: &str) -> Vec<Value> {
    let array = line.strip_prefix('a').unwrap_or_else(|| panic!("{line}"));
    let texts: Vec<String> = serde_json::from_str(array).expect("an array of strings");
    texts
        .iter()
        .map(|text| serde_json::from_str(text).expect("frames are JSON"))
        .collect()
}

impl Session {
    fn new(lab: &TestLab, lane: &str, name: &str) -> Self {
        Self {
            address: lab.address(lane),
            key: KEY.to_owned(),
            name: name.to_owned(),
            socket_id: String::new(),
        }
    }

    fn target(&self, request: &str) -> String {
        let (key, name) = (&self.key, &self.name);
        format!("/pusher/app/{key}/{name}/{request}?{QUERY}")
    }

    /// Opens by streaming, and takes `o` and the first frame.
    fn stream(&mut self) -> Stream {
        let mut stream = self.resume();
        assert_eq!(stream.line(), "o");
        let established = stream.expect("pusher:connection_established");
        self.socket_id = inner(&established)["socket_id"]
            .as_str()
            .unwrap()
            .to_owned();
        stream
    }

    /// A receive request, whatever it brings.
    fn resume(&self) -> Stream {
        let http = Http::connect(self.address);
        Stream::over(http, &self.target("xhr_streaming"))
    }

    /// Opens by polling; `http` goes on with it.
    fn open_by_poll(&mut self, http: &mut Http) {
        let mut lines = self.poll(http);
        if lines.len() == 1 {
            lines.extend(self.poll(http));
        }
        assert_eq!(lines[0], "o");
        let established = frames_of(&lines[1]).remove(0);
        assert_eq!(established["event"], "pusher:connection_established");
        self.socket_id = inner(&established)["socket_id"]
            .as_str()
            .unwrap()
            .to_owned();
    }

    fn poll(&self, http: &mut Http) -> Vec<String> {
        let answer = http.request("POST", &self.target("xhr"), &[], b"");
        assert_eq!(answer.status, 200);
        let text = answer.text();
        assert!(text.ends_with('\n'), "{text:?}");
        text.lines().map(str::to_owned).collect()
    }

    fn send_body(&self, body: &[u8]) -> u16 {
        let mut http = Http::connect(self.address);
        http.request("POST", &self.target("xhr_send"), &[], body)
            .status
    }

    fn send(&self, frame: &Value) {
        let body = json!([frame.to_string()]).to_string();
        assert_eq!(self.send_body(body.as_bytes()), 204);
    }

    fn subscribe_frame(&self, channel: &str, channel_data: Option<&str>) -> Value {
        let text = auth::channel_text(&self.socket_id, channel, channel_data);
        let secret = pushlab::config::apps::Secret::new(SECRET);
        let mut data = json!({
            "channel": channel,
            "auth": format!("{KEY}:{}", secret.sign(text.as_bytes())),
        });
        if let Some(channel_data) = channel_data {
            data["channel_data"] = channel_data.into();
        }
        json!({"event": "pusher:subscribe", "data": data})
    }

    fn subscribe(&self, channel: &str) {
        self.send(&self.subscribe_frame(channel, None));
    }

    fn join(&self, channel: &str, user: &str) {
        let channel_data = json!({"user_id": user}).to_string();
        self.send(&self.subscribe_frame(channel, Some(&channel_data)));
    }
}

const SUCCEEDED: &str = "pusher_internal:subscription_succeeded";

/// A stream that is subscribed to a channel.
fn subscribed(lab: &TestLab, name: &str, channel: &str) -> (Session, Stream) {
    let mut session = Session::new(lab, STREAMING, name);
    let mut stream = session.stream();
    session.subscribe(channel);
    assert_eq!(stream.expect(SUCCEEDED)["channel"], channel);
    (session, stream)
}

// Opening

#[test]
fn a_stream_is_lines_as_sockjs_serves_them() {
    let lab = lab();
    let mut session = Session::new(&lab, STREAMING, "12/0123abcd");
    let stream = session.stream();
    assert_eq!(
        stream.head.header("content-type"),
        Some("application/javascript; charset=UTF-8")
    );
    assert_eq!(stream.head.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        stream.head.header("cache-control"),
        Some("no-store, no-transform")
    );
    assert_eq!(stream.head.header("content-encoding"), None);
}

#[test]
fn both_fall_back_on_the_port_of_the_websocket() {
    let lab = lab();
    for lane in ["channels", "main"] {
        Session::new(&lab, lane, &format!("1/{lane}")).stream();
        let mut http = lab.http(lane);
        Session::new(&lab, lane, &format!("2/{lane}")).open_by_poll(&mut http);
    }
    let mut http = lab.http(POLLING);
    let target = Session::new(&lab, POLLING, "1/x").target("xhr_streaming");
    assert_eq!(
        http.request("POST", &target, &[], b"").status,
        404,
        "not on this lane"
    );
}

#[test]
fn an_unknown_key_is_refused_in_a_session_that_ends_at_once() {
    // Trap 4: without `o` a client would retry for ever.
    let lab = lab();
    for (lane, request) in [(STREAMING, "xhr_streaming"), (POLLING, "xhr")] {
        let mut session = Session::new(&lab, lane, "1/a");
        session.key = "nobody".to_owned();
        let answer = lab
            .http(lane)
            .request("POST", &session.target(request), &[], b"");
        assert_eq!(answer.status, 200);
        let text = answer.text();
        let (open, close) = text.split_once('\n').unwrap();
        assert_eq!(open, "o");
        let close: (u16, String) = serde_json::from_str(close.strip_prefix('c').unwrap()).unwrap();
        assert_eq!(close.0, 4001);
        assert_eq!(session.send_body(b"[]"), 404);
    }
}

#[test]
fn every_refusal_has_its_code() {
    let apps = vec![
        app(|_| ()),
        AppSettings {
            enabled: false,
            ..AppSettings::new("2", "off", "s")
        },
        AppSettings {
            tls_only: true,
            ..AppSettings::new("3", "tls", "s")
        },
        AppSettings {
            strict_protocol: true,
            ..AppSettings::new("4", "strict", "s")
        },
    ];
    let lab = lab_with(apps, |_| ());
    for (target, code) in [
        ("/pusher/app/off/1/a/xhr?protocol=7", 4003),
        ("/pusher/app/tls/1/a/xhr?protocol=7", 4000),
        ("/pusher/app/strict/1/a/xhr", 4008),
        ("/pusher/app/test-key/1/a/xhr?protocol=seven", 4006),
        ("/pusher/app/test-key/1/a/xhr?protocol=3", 4007),
    ] {
        let answer = lab.http(POLLING).request("POST", target, &[], b"");
        let expected = format!("o\nc[{code},\"");
        assert!(
            answer.text().starts_with(&expected),
            "{target}: {}",
            answer.text()
        );
    }
}

#[test]
fn sessions_count_for_the_applications_quota_until_they_end() {
    let quota = |app: &mut AppSettings| app.max_connections = 1;
    let lab = lab_with(vec![app(quota)], |config| config.poller_stays = SHORT_STAY);
    let mut first = Session::new(&lab, STREAMING, "1/first");
    let stream = first.stream();
    let second = Session::new(&lab, POLLING, "1/second");
    let mut http = lab.http(POLLING);
    assert!(second.poll(&mut http)[1].starts_with("c[4004,"));
    drop(stream);
    // A receive request on the first one is no new connection.
    drop(first.resume());
    eventually(PATIENCE, "the first ends and the second is let in", || {
        let lines = second.poll(&mut http);
        lines.get(1).is_none_or(|line| line.starts_with('a'))
    });
}

#[test]
fn who_does_not_sign_in_in_time_is_told_so() {
    let within = |app: &mut AppSettings| app.sign_in_within = Some(Span(Duration::from_millis(50)));
    let lab = lab_with(vec![app(within)], |_| ());
    let mut stream = Session::new(&lab, STREAMING, "1/a").stream();
    assert_eq!(stream.expect("pusher:error")["data"]["code"], 4009);
    assert!(stream.line().starts_with("c[4009,"));
    stream.expect_end();
}

#[test]
fn addresses_that_are_none_are_not_found_and_other_methods_are_not_answered() {
    let lab = lab();
    let mut http = lab.http(STREAMING);
    for bad in ["1234/a", "x/a", "1/a.b", "1/%00", "1/%2e"] {
        let target = format!("/pusher/app/{KEY}/{bad}/xhr_streaming");
        assert_eq!(http.request("POST", &target, &[], b"").status, 404, "{bad}");
    }
    let long = format!("/pusher/app/{KEY}/1/{}/xhr_streaming", "a".repeat(65));
    assert_eq!(http.request("POST", &long, &[], b"").status, 404);
    for request in ["xhr_streaming", "xhr_send"] {
        let target = format!("/pusher/app/{KEY}/1/a/{request}");
        let answer = http.get(&target);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    }
}

#[test]
fn preflights_are_answered_on_all_three_paths() {
    // Trap 19.
    let lab = lab();
    let mut http = lab.http("channels");
    for request in ["xhr_streaming", "xhr", "xhr_send"] {
        let target = Session::new(&lab, "channels", "1/a").target(request);
        let headers = [
            ("origin", "http://elsewhere"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        let answer = http.request("OPTIONS", &target, &headers, b"");
        assert_eq!(answer.status, 204, "{request}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let methods = answer.header("access-control-allow-methods").unwrap();
        assert!(methods.contains("POST"), "{methods}");
        let headers = answer.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("content-type"), "{headers}");
        assert!(answer.header("access-control-max-age").is_some());
    }
}

// Frames both ways

#[test]
fn events_come_as_json_inside_json() {
    let lab = lab();
    let (_session, mut stream) = subscribed(&lab, "1/a", "news");
    lab.publish("news", "price", json!({"x": "é \"quoted\"\n🦀"}));
    let line = stream.line();
    let frame = frames_of(&line).remove(0);
    assert_eq!(
        (&frame["event"], &frame["channel"]),
        (&json!("price"), &json!("news"))
    );
    assert_eq!(inner(&frame), json!({"x": "é \"quoted\"\n🦀"}));
    assert!(line.contains(r#"\\\"quoted"#), "{line}");
}

#[test]
fn client_events_reach_the_others_whatever_they_come_by() {
    let lab = lab();
    let (ann, mut streamed) = subscribed(&lab, "1/ann", "private-room");
    let mut bob = Session::new(&lab, POLLING, "2/bob");
    let mut http = lab.http(POLLING);
    bob.open_by_poll(&mut http);
    bob.subscribe("private-room");
    assert_eq!(frames_of(&bob.poll(&mut http)[0])[0]["event"], SUCCEEDED);
    let hello = |text: &str| json!({"event": "client-hello", "channel": "private-room", "data": {"text": text}});
    bob.send(&hello("from bob"));
    let frame = streamed.expect("client-hello");
    assert_eq!(frame["data"]["text"], "from bob");
    ann.send(&hello("from ann"));
    let frames = frames_of(&bob.poll(&mut http)[0]);
    assert_eq!(frames[0]["data"]["text"], "from ann");
    assert_eq!(frames.len(), 1, "not its own: {frames:?}");
    streamed.expect_silence(&ann);
}

#[test]
fn several_frames_in_one_body_take_effect_in_their_order() {
    let lab = lab();
    let mut session = Session::new(&lab, STREAMING, "1/a");
    let mut stream = session.stream();
    let subscribe = session.subscribe_frame("news", None).to_string();
    let unsubscribe =
        json!({"event": "pusher:unsubscribe", "data": {"channel": "news"}}).to_string();
    let body = json!([subscribe, unsubscribe, subscribe]).to_string();
    assert_eq!(session.send_body(body.as_bytes()), 204);
    stream.expect(SUCCEEDED);
    stream.expect(SUCCEEDED);
    assert_eq!(lab.subscribers("news"), 1);
}

#[test]
fn sends_that_overtake_one_another_are_put_in_order() {
    let lab = lab();
    let mut session = Session::new(&lab, STREAMING, "1/a");
    let mut stream = Stream::over(
        Http::connect(session.address),
        &format!("{}&t=1&n=7", session.target("xhr_streaming")),
    );
    stream.line();
    session.socket_id = inner(&stream.frame())["socket_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let subscribe = session.subscribe_frame("news", None);
    let unsubscribe = json!({"event": "pusher:unsubscribe", "data": {"channel": "news"}});
    // The last is on its way first, each on a connection of its own.
    let mut waiting = Vec::new();
    for (n, frame) in [(10, &subscribe), (9, &unsubscribe), (8, &subscribe)] {
        let mut http = Http::connect(session.address);
        let target = format!("{}&t=1&n={n}", session.target("xhr_send"));
        let body = json!([frame.to_string()]).to_string();
        http.send_request("POST", &target, &[], body.as_bytes())
            .unwrap();
        waiting.push(http);
    }
    for mut http in waiting {
        assert_eq!(http.read_answer().unwrap().status, 204);
    }
    assert_eq!(stream.expect(SUCCEEDED)["channel"], "news");
    assert_eq!(stream.expect(SUCCEEDED)["channel"], "news");
    stream.expect_silence(&session);
}

#[test]
fn a_number_that_never_comes_holds_nothing_up_for_long() {
    let lab = lab();
    let mut session = Session::new(&lab, STREAMING, "1/a");
    let mut stream = Stream::over(
        Http::connect(session.address),
        &format!("{}&n=1", session.target("xhr_streaming")),
    );
    stream.line();
    session.socket_id = inner(&stream.frame())["socket_id"]
        .as_str()
        .unwrap()
        .to_owned();
    for n in [5, 90, 17, 1_000_000, u64::MAX] {
        let body = json!([json!({"event": "pusher:ping"}).to_string()]).to_string();
        let target = format!("{}&n={n}", session.target("xhr_send"));
        let answer = lab
            .http(STREAMING)
            .request("POST", &target, &[], body.as_bytes());
        assert_eq!(answer.status, 204);
        stream.expect("pusher:pong");
    }
}

#[test]
fn polls_bring_all_that_waits_as_one_line() {
    let lab = lab();
    let mut session = Session::new(&lab, POLLING, "1/a");
    let mut http = lab.http(POLLING);
    session.open_by_poll(&mut http);
    session.subscribe("news");
    session.poll(&mut http);
    for n in 0..5 {
        lab.publish("news", "tick", json!(n));
    }
    let mut ticks = Vec::new();
    while ticks.len() < 5 {
        let lines = session.poll(&mut http);
        assert_eq!(lines.len(), 1, "{lines:?}");
        ticks.extend(frames_of(&lines[0]).iter().map(inner));
    }
    assert_eq!(ticks, [0, 1, 2, 3, 4].map(Value::from));
}

// Rotation and takeover

#[test]
fn rotation_loses_nothing_and_sends_no_second_o() {
    const EVENTS: u64 = 120;
    let lab = lab();
    let (session, mut stream) = subscribed(&lab, "1/a", "news");
    let publishing = std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let mut http = lab.http("main");
            for n in 0..EVENTS {
                let data = json!({"n": n, "pad": "é🦀x".repeat(1_000)});
                support::publish(&mut http, "news", "tick", data);
            }
        });
        // As pusher-js does it: past 256 KiB of text it drops the request and asks anew.
        let (mut rotations, mut next) = (0, 0);
        while next < EVENTS {
            let line = stream.line();
            let frame = frames_of(&line).remove(0);
            assert_eq!(inner(&frame)["n"], next, "none lost, none twice");
            next += 1;
            if stream.units > 256 << 10 && stream.text.is_empty() {
                stream = session.resume();
                rotations += 1;
            }
        }
        publisher.join().map(|()| rotations)
    });
    assert!(publishing.expect("all were published") >= 1);
}

#[test]
fn a_client_that_does_not_rotate_is_served_all_the_same() {
    let lab = lab_with(vec![app(|_| ())], |config| config.poller_stays = SHORT_STAY);
    let (_session, mut stream) = subscribed(&lab, "1/a", "news");
    let mut http = lab.http("main");
    for n in 0..40 {
        let data = json!({"n": n, "pad": "x".repeat(20_000)});
        support::publish(&mut http, "news", "tick", data);
    }
    for n in 0..40 {
        assert_eq!(inner(&stream.frame())["n"], n);
    }
}

#[test]
fn a_newer_request_takes_over_and_the_older_one_ends() {
    let lab = lab();
    let (session, mut old) = subscribed(&lab, "1/a", "news");
    let mut new = session.resume();
    old.expect_end();
    lab.publish("news", "tick", json!(1));
    assert_eq!(inner(&new.expect("tick")), 1, "no `o` before it");
    // The late end of the old one changes nothing.
    drop(old);
    lab.publish("news", "tick", json!(2));
    assert_eq!(inner(&new.expect("tick")), 2);
}

#[test]
fn what_is_published_between_two_requests_waits() {
    let lab = lab();
    let (session, stream) = subscribed(&lab, "1/a", "news");
    stream.http.connection.reset();
    for n in 0..3 {
        lab.publish("news", "tick", json!(n));
    }
    let mut stream = session.resume();
    // What the kernel took for the dead connection is gone; the rest comes in order.
    lab.publish("news", "tick", json!(3));
    let mut last = -1;
    while last < 3 {
        let n = inner(&stream.expect("tick")).as_i64().unwrap();
        assert!(n > last);
        last = n;
    }
}

#[test]
fn a_session_may_go_on_by_polls() {
    let lab = lab();
    let (session, mut stream) = subscribed(&lab, "1/a", "news");
    let by_polls = Session {
        address: lab.address(POLLING),
        ..session
    };
    let mut http = lab.http(POLLING);
    let target = by_polls.target("xhr");
    http.send_request("POST", &target, &[], b"").unwrap();
    stream.expect_end();
    lab.publish("news", "tick", json!(1));
    let answer = http.read_answer().unwrap();
    assert_eq!(inner(&frames_of(answer.text().trim_end())[0]), 1);
}

// Departures

#[test]
fn a_stream_that_ends_is_a_departure_after_the_grace() {
    for by_reset in [false, true] {
        let lab = lab_with(vec![app(|_| ())], |config| config.poller_stays = SHORT_STAY);
        let mut session = Session::new(&lab, STREAMING, "1/a");
        let mut stream = session.stream();
        session.join("presence-room", "ann");
        stream.expect(SUCCEEDED);
        assert_eq!(lab.present("presence-room"), ["ann"]);
        let left = Instant::now();
        if by_reset {
            stream.http.connection.reset();
        } else {
            stream.http.connection.finish();
        }
        eventually(PATIENCE, "presence is given back", || {
            lab.present("presence-room").is_empty() && lab.subscribers("presence-room") == 0
        });
        assert!(
            left.elapsed() >= SHORT_STAY.0,
            "not before the grace is over"
        );
        assert_eq!(session.send_body(b"[]"), 404);
        // The session is another one now, and its client learns it by a second `o`.
        assert_eq!(session.resume().line(), "o");
    }
}

#[test]
fn a_poller_that_comes_back_in_time_stays() {
    let lab = lab_with(vec![app(|_| ())], |config| {
        config.poller_stays = Span(Duration::from_secs(4));
    });
    let mut session = Session::new(&lab, POLLING, "1/a");
    let mut http = lab.http(POLLING);
    session.open_by_poll(&mut http);
    session.join("presence-room", "ann");
    session.poll(&mut http);
    // A held poll that is cut is not the end of the session.
    let is_held = || {
        let app = lab.apps().by_id("1").expect("the first");
        let known = app.sessions.get("1/a").expect("it lives");
        known.outbox.status().receiver.is_some()
    };
    http.send_request("POST", &session.target("xhr"), &[], b"")
        .unwrap();
    eventually(PATIENCE, "the poll is held", is_held);
    http.connection.reset();
    eventually(PATIENCE, "the poll is given up", || !is_held());
    let mut http = lab.http(POLLING);
    http.send_request("POST", &session.target("xhr"), &[], b"")
        .unwrap();
    eventually(PATIENCE, "the next is held", is_held);
    lab.publish("presence-room", "tick", json!(1));
    let text = http.read_answer().unwrap().text();
    assert_eq!(frames_of(text.trim_end())[0]["event"], "tick");
    assert_eq!(lab.present("presence-room"), ["ann"]);
    drop(http);
    eventually(PATIENCE, "presence is given back", || {
        lab.present("presence-room").is_empty()
    });
}

// Heartbeats

fn beating(heartbeat_ms: u64, pong_ms: u64) -> TestLab {
    let pong = Span(Duration::from_millis(pong_ms));
    lab_with(vec![app(|app| app.pong_timeout = pong)], |config| {
        config.heartbeat = Span(Duration::from_millis(heartbeat_ms));
    })
}

#[test]
fn a_stream_that_answers_its_heartbeats_lives_and_the_answers_are_not_answered() {
    let lab = beating(100, 1_500);
    let mut session = Session::new(&lab, STREAMING, "1/a");
    let mut stream = session.stream();
    let began = Instant::now();
    let (mut beats, mut others) = (0, Vec::new());
    // Longer than it would live without its answers.
    while began.elapsed() < Duration::from_millis(2_000) {
        match stream.line().as_str() {
            "h" => {
                beats += 1;
                assert_eq!(session.send_body(b"[]"), 204);
            }
            other => others.push(other.to_owned()),
        }
    }
    // Trap 16: answered by `h`, this would be a storm.
    assert!(others.is_empty(), "{others:?}");
    let due = began.elapsed().as_millis() / 100 + 1;
    assert!(beats <= due, "{beats} beats");
}

#[test]
fn a_stream_that_does_not_answer_its_heartbeats_is_given_up() {
    let lab = beating(200, 1_000);
    let (_session, mut stream) = subscribed(&lab, "1/a", "news");
    loop {
        let line = stream.line();
        match line.as_str() {
            "h" => {}
            error if error.starts_with('a') => assert!(error.contains("4201")),
            close => break assert!(close.starts_with("c[4201,"), "{close}"),
        }
    }
    stream.expect_end();
    eventually(PATIENCE, "it is gone", || lab.subscribers("news") == 0);
}

#[test]
fn the_clients_own_ping_is_answered_by_an_empty_array_and_never_by_h() {
    let lab = lab();
    let mut session = Session::new(&lab, STREAMING, "1/a");
    let mut stream = session.stream();
    for _ in 0..3 {
        assert_eq!(session.send_body(b"[]"), 204);
        assert_eq!(stream.line(), "a[]");
    }
    stream.expect_silence(&session);
}

#[test]
fn a_quiet_poll_ends_with_a_heartbeat_and_needs_no_answer() {
    let lab = beating(60, 100);
    let mut session = Session::new(&lab, POLLING, "1/a");
    let mut http = lab.http(POLLING);
    session.open_by_poll(&mut http);
    for _ in 0..5 {
        assert_eq!(session.poll(&mut http), ["h"]);
    }
    assert_eq!(session.send_body(b"[]"), 204);
    let answered = loop {
        let lines = session.poll(&mut http);
        if lines != ["h"] {
            break lines;
        }
    };
    assert_eq!(answered, ["a[]"]);
}

// Endings

#[test]
fn a_slow_consumer_is_closed_and_its_losses_counted() {
    let lab = lab_with(vec![app(|_| ())], |config| {
        config.subscriber_queue_max_bytes = 100_000;
    });
    let mut session = Session::new(&lab, POLLING, "1/a");
    let mut http = lab.http(POLLING);
    session.open_by_poll(&mut http);
    session.subscribe("news");
    session.poll(&mut http);
    for _ in 0..8 {
        lab.publish("news", "tick", json!("x".repeat(20_000)));
    }
    eventually(PATIENCE, "its losses are counted", || {
        lab.drops("news") >= 5
    });
    let mut lines = session.poll(&mut http);
    if !lines[0].starts_with("c[") {
        lines = session.poll(&mut http);
    }
    assert!(lines[0].starts_with("c[4100,"), "{lines:?}");
    eventually(PATIENCE, "it is gone", || lab.subscribers("news") == 0);
    assert_eq!(session.send_body(b"[]"), 404);
}

#[test]
fn a_stop_is_told_to_all_with_4200() {
    let mut lab = lab();
    let (_streaming, mut stream) = subscribed(&lab, "1/a", "news");
    let mut polling = Session::new(&lab, POLLING, "1/b");
    let mut http = lab.http(POLLING);
    polling.open_by_poll(&mut http);
    http.send_request("POST", &polling.target("xhr"), &[], b"")
        .unwrap();
    // Acted on, so the poll before it is held.
    polling.subscribe("news");
    assert!(http.read_answer().unwrap().text().contains(SUCCEEDED));
    http.send_request("POST", &polling.target("xhr"), &[], b"")
        .unwrap();
    lab.publish("news", "tick", json!(1));
    stream.expect("tick");
    assert!(http.read_answer().unwrap().text().contains("tick"));
    http.send_request("POST", &polling.target("xhr"), &[], b"")
        .unwrap();
    lab.begin_stop();
    assert!(stream.line().starts_with("c[4200,"));
    stream.expect_end();
    // Held when the stop came, or just after it.
    if let Ok(answer) = http.read_answer() {
        assert!(answer.text().starts_with("c[4200,"), "{}", answer.text());
    }
}

// Whose session

#[test]
fn a_session_is_its_applications_alone() {
    let other = AppSettings::new("2", "other-key", "other-secret");
    let lab = lab_with(vec![app(|_| ()), other], |_| ());
    let (session, mut stream) = subscribed(&lab, "1/a", "news");
    let mut stranger = session.clone();
    stranger.key = "other-key".to_owned();
    let ping = json!([json!({"event": "pusher:ping"}).to_string()]).to_string();
    assert_eq!(stranger.send_body(ping.as_bytes()), 404);
    assert_eq!(stranger.resume().line(), "o", "a session of its own");
    assert_eq!(stranger.send_body(ping.as_bytes()), 204);
    lab.publish("news", "tick", json!(1));
    stream.expect("tick");
}

#[test]
fn bodies_that_are_no_arrays_of_strings_harm_nobody() {
    let lab = lab();
    let (session, mut stream) = subscribed(&lab, "1/a", "news");
    for (body, status) in [
        (&b""[..], 400),
        (b"{}", 400),
        (b"[", 400),
        (b"[1,2]", 400),
        (b"[\"\xff\xfe\"]", 400),
        (b"null", 400),
        (b"[[[[[[", 400),
    ] {
        assert_eq!(session.send_body(body), status, "{}", body.escape_ascii());
    }
    assert_eq!(session.send_body(&vec![b' '; 70_000]), 413);
    stream.expect_silence(&session);
    for frame in [
        "",
        "{",
        "null",
        "[]",
        "{\"event\":1}",
        "{\"event\":\"pusher:subscribe\"}",
        "{\"event\":\"pusher:subscribe\",\"data\":[]}",
        "{\"event\":\"client-x\",\"channel\":{},\"data\":1}",
    ] {
        let body = json!([frame]).to_string();
        assert_eq!(session.send_body(body.as_bytes()), 204, "{frame}");
        let error = stream.expect("pusher:error");
        assert_eq!(error["data"]["code"], Value::Null, "{frame}");
    }
    lab.publish("news", "tick", json!(1));
    stream.expect("tick");
}

#[test]
fn sends_that_break_off_harm_nobody() {
    let lab = lab();
    let (session, mut stream) = subscribed(&lab, "1/a", "news");
    for by_reset in [false, true] {
        let mut connection = Connection::connect(lab.address(STREAMING));
        let target = session.target("xhr_send");
        let head = format!("POST {target} HTTP/1.1\r\nhost: lab\r\ncontent-length: 100\r\n\r\n[\"");
        connection.send(head.as_bytes()).unwrap();
        if by_reset {
            connection.reset();
        }
    }
    lab.publish("news", "tick", json!(1));
    assert_eq!(inner(&stream.expect("tick")), 1);
}

// Bytes

#[test]
fn every_byte_is_in_one_layer_and_under_the_sessions_names() {
    let lab = lab();
    for (lane, transport) in [(STREAMING, "xhr_streaming"), (POLLING, "xhr_polling")] {
        let channel = format!("private-{lane}");
        let mut session = Session::new(&lab, lane, &format!("1/{transport}").replace('_', ""));
        let mut http = lab.http(lane);
        let data = json!({"text": "é🦀"});
        let hello = json!({"event": "client-hello", "channel": channel, "data": data});
        let (down, wire_down);
        if lane == STREAMING {
            let mut stream = Stream::over(http, &session.target("xhr_streaming"));
            stream.line();
            let established = stream.frame();
            session.socket_id = inner(&established)["socket_id"]
                .as_str()
                .unwrap()
                .to_owned();
            session.subscribe(&channel);
            stream.expect(SUCCEEDED);
            session.send(&hello);
            lab.publish(&channel, "tick", data.clone());
            stream.expect("tick");
            wire_down = stream.http.connection.received_bytes();
            down = stream.head.head_bytes;
            drop(stream);
        } else {
            session.open_by_poll(&mut http);
            session.subscribe(&channel);
            session.poll(&mut http);
            session.send(&hello);
            lab.publish(&channel, "tick", data.clone());
            assert_eq!(frames_of(&session.poll(&mut http)[0])[0]["event"], "tick");
            wire_down = http.connection.received_bytes();
            down = 0;
            drop(http);
        }
        eventually(PATIENCE, "its connections are counted", || {
            lab.connections_open(if lane == STREAMING {
                STREAMING
            } else {
                POLLING
            }) == 0
        });
        let stats = lab.stats(&channel);
        let series = stats["series"].as_array().unwrap();
        let of = series
            .iter()
            .find(|s| s["transport"] == transport && s["protocol"] == "pusher")
            .unwrap_or_else(|| panic!("{stats}"));
        assert_eq!(of["publications_delivered_total"], 1);
        assert_eq!(of["publications_received_total"], 1);
        let bytes = data.to_string().len();
        assert_eq!(of["up"]["payload"], bytes, "{of}");
        assert_eq!(of["down"]["payload"], bytes, "{of}");
        for way in ["up", "down"] {
            let layers = &of[way];
            let sum: u64 = ["http_headers", "framing", "envelope", "payload"]
                .iter()
                .map(|layer| layers[layer].as_u64().unwrap())
                .sum();
            assert_eq!(layers["total"], sum);
        }
        // The answers to sends are there, too: 204 and nothing else.
        assert!(of["down"]["total"].as_u64().unwrap() > wire_down, "{of}");
        assert!(of["down"]["http_headers"].as_u64().unwrap() > down);
        let latency = stats["latency"].as_array().unwrap();
        let written = latency
            .iter()
            .find(|l| l["lane"] == lane && l["transport"] == transport && l["stage"] == "written");
        assert_eq!(written.unwrap_or_else(|| panic!("{stats}"))["n"], 1);
    }
}
