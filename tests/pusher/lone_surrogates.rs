//! Half a surrogate pair, on every way in: it becomes U+FFFD, and nothing is emptied, dropped or
//! refused for it; a name that may not hold U+FFFD is refused for that, and its connection lives.
//!
//! Here are the ways; what becomes of which escape is `codec::surrogates`' own test.

use std::{cell::RefCell, collections::VecDeque};

use crate::support::{
    self, TestLab,
    connection::Connection,
    http::Answer,
    spawn_lab, test_config,
    websocket::{TEXT, WebSocket},
};
use md5::{Digest as _, Md5};
use pushlab::{clock, config::Config, protocol::pusher::auth};
use serde_json::{Value, json};

/// An event's name and its data, as JavaScript writes them.
const EVENT: &str = r#""e\ud83d""#;
const DATA: &str = r#"{"t":"hi \ud83d","k\udc00":["\udbff\ud83d\ude00"]}"#;

/// The same as they are read.
fn whole() -> (Value, Value) {
    let data = json!({"t": "hi \u{fffd}", "k\u{fffd}": ["\u{fffd}😀"]});
    ("e\u{fffd}".into(), data)
}

fn lab() -> TestLab {
    spawn_lab(Config {
        echo: true,
        ..test_config()
    })
}

/// The newest publication of a channel.
fn newest(lab: &TestLab, channel: &str) -> (Value, Value) {
    let answer = lab
        .http("main")
        .get(&format!("/short-poll/{channel}?history=1"));
    let mut publication = answer.json()["publications"][0].take();
    (publication["event"].take(), publication["data"].take())
}

/// A signed call of the demo application's HTTP API.
fn call(lab: &TestLab, what: &str, body: &str) -> Answer {
    let app = lab.apps().demo_app().expect("there is a demo");
    let settings = &app.settings;
    let path = format!("/apps/{}/{what}", settings.id);
    let query = format!(
        "auth_key={}&auth_timestamp={}&auth_version=1.0&body_md5={}",
        settings.key,
        clock::time_of_day_us() / 1_000_000,
        auth::hex(&Md5::digest(body))
    );
    let signature = settings
        .secret
        .sign(format!("POST\n{path}\n{query}").as_bytes());
    let target = format!("{path}?{query}&auth_signature={signature}");
    lab.http("main").post(&target, body.as_bytes())
}

/// A session of Socket.IO by polling.
struct Session<'a> {
    lab: &'a TestLab,
    target: String,
    /// Packets that came and were not asked for yet.
    waiting: RefCell<VecDeque<String>>,
}

impl<'a> Session<'a> {
    fn open(lab: &'a TestLab, namespace: &str) -> Self {
        let mut session = Self {
            lab,
            target: "/socket.io/?EIO=4&transport=polling".to_owned(),
            waiting: RefCell::default(),
        };
        let open = lab.http("main").get(&session.target).text();
        let open: Value = serde_json::from_str(&open[1..]).expect("it opens");
        let sid = open["sid"].as_str().expect("it has an id");
        session.target += &format!("&sid={sid}");
        session.say(&format!("40{namespace},"));
        session.hear("40/");
        session
    }

    fn say(&self, packet: &str) {
        let answer = self.lab.http("main").post(&self.target, packet.as_bytes());
        assert_eq!(answer.text(), "ok", "{packet}");
    }

    /// The next packet that begins so, without that; those before it are dropped.
    fn hear(&self, start: &str) -> String {
        let mut waiting = self.waiting.borrow_mut();
        loop {
            while let Some(packet) = waiting.pop_front() {
                if let Some(rest) = packet.strip_prefix(start) {
                    return rest.to_owned();
                }
            }
            let heard = self.lab.http("main").get(&self.target);
            assert_eq!(heard.status, 200, "{}", heard.text());
            waiting.extend(heard.text().split('\u{1e}').map(str::to_owned));
        }
    }
}

/// A connection of Channels to the demo application.
struct Channels {
    socket: WebSocket,
    id: String,
}

impl Channels {
    fn open(lab: &TestLab) -> Self {
        let app = lab.apps().demo_app().expect("there is a demo");
        let connection = Connection::connect(lab.address("channels"));
        let path = format!("/app/{}?protocol=7", app.settings.key);
        let mut socket = WebSocket::open_path(connection, &path).expect("it opens");
        let hello = socket.expect_json();
        let data: Value =
            serde_json::from_str(hello["data"].as_str().expect("text")).expect("JSON");
        let id = data["socket_id"].as_str().expect("an id").to_owned();
        Self { socket, id }
    }

    fn say(&mut self, frame: &str) {
        self.socket
            .send(TEXT, frame.as_bytes())
            .expect("it is sent");
    }

    /// The next event of this name.
    fn hear(&mut self, event: &str) -> Value {
        loop {
            let heard = self.socket.expect_json();
            if heard["event"] == event {
                return heard;
            }
        }
    }

    fn subscribe(&mut self, lab: &TestLab, channel: &str, channel_data: Option<&str>) -> Value {
        let settings = &lab.apps().demo_app().expect("a demo").settings;
        let text = auth::channel_text(&self.id, channel, channel_data);
        let auth = format!("{}:{}", settings.key, settings.secret.sign(text.as_bytes()));
        let mut data = json!({"channel": channel, "auth": auth});
        if let Some(channel_data) = channel_data {
            data["channel_data"] = channel_data.into();
        }
        self.say(&json!({"event": "pusher:subscribe", "data": data}).to_string());
        self.hear("pusher_internal:subscription_succeeded")
    }
}

#[test]
fn publications_are_whole_whatever_way_they_come() {
    let lab = lab();
    let id = lab.apps().demo_app().expect("a demo").settings.id.clone();
    let text = Value::from(DATA).to_string();
    type Publisher<'a> = (&'a str, Box<dyn Fn(&str) + 'a>);
    let ways: [Publisher<'_>; 7] = [
        (
            "http",
            Box::new(|channel| {
                let target = format!("/api/channels/{channel}/publications");
                let body = format!(r#"{{"event":{EVENT},"data":{DATA}}}"#);
                let answer = lab.http("main").post(&target, body.as_bytes());
                assert_eq!(answer.status, 200, "{}", answer.text());
            }),
        ),
        (
            "websocket",
            Box::new(|channel| {
                let mut socket = WebSocket::open(lab.address("websocket"), channel);
                socket.expect_subscribed();
                let message =
                    format!(r#"{{"publish":{{"event":{EVENT},"data":{DATA},"id":"1"}}}}"#);
                socket.send(TEXT, message.as_bytes()).expect("it is sent");
                while socket.expect_json()["ack"].is_null() {}
            }),
        ),
        (
            "api",
            Box::new(|channel| {
                let body = format!(r#"{{"name":{EVENT},"channels":["{channel}"],"data":{text}}}"#);
                let answer = call(&lab, "events", &body);
                assert_eq!(answer.status, 200, "{}", answer.text());
            }),
        ),
        (
            "batch",
            Box::new(|channel| {
                let body = format!(
                    r#"{{"batch":[{{"name":{EVENT},"channel":"{channel}","data":{text}}}]}}"#
                );
                let answer = call(&lab, "batch_events", &body);
                assert_eq!(answer.status, 200, "{}", answer.text());
            }),
        ),
        (
            "trigger",
            Box::new(|channel| {
                let body = format!(r#"{{"name":{EVENT},"channels":["{channel}"],"data":{text}}}"#);
                let target = format!("/api/apps/{id}/trigger");
                let answer = lab.http("main").post(&target, body.as_bytes());
                assert_eq!(answer.status, 200, "{}", answer.text());
            }),
        ),
        (
            "socketio",
            Box::new(|channel| {
                let session = Session::open(&lab, "/lab");
                session.say(&format!(
                    r#"42/lab,1["publish",{{"channel":"{channel}","event":{EVENT},"data":{DATA}}}]"#
                ));
                assert!(session.hear("43/lab,1").contains("offset"));
            }),
        ),
        (
            "client event",
            Box::new(|_| {
                let mut from = Channels::open(&lab);
                let mut to = Channels::open(&lab);
                from.subscribe(&lab, "private-half", None);
                to.subscribe(&lab, "private-half", None);
                from.say(&format!(
                    r#"{{"event":"client-\ud83d","channel":"private-half","data":{DATA}}}"#
                ));
                assert_eq!(to.hear("client-\u{fffd}")["data"], whole().1);
            }),
        ),
    ];
    for (way, publish) in ways {
        let channel = format!("half-{}", way.replace(' ', "-"));
        publish(&channel);
        if way != "client event" {
            assert_eq!(newest(&lab, &channel), whole(), "{way}");
        }
    }
}

#[test]
fn events_acknowledgements_and_what_authenticates_of_socket_io_are_whole() {
    let lab = lab();
    let session = Session::open(&lab, "/echo");
    session.hear("42/echo,[\"auth\"");
    session.say(&format!(r#"42/echo,5["echo",{EVENT},{DATA}]"#));
    let heard: Value = serde_json::from_str(&session.hear("43/echo,5")).expect("JSON");
    assert_eq!(heard, json!([whole().0, whole().1]));
    session.say(&format!(r#"42/echo,["echo",{DATA}]"#));
    let heard: Value = serde_json::from_str(&session.hear("42/echo,")).expect("JSON");
    assert_eq!(heard, json!(["echo", whole().1]));
    // An acknowledgement by the client.
    session.say(r#"42/echo,["ask",1]"#);
    let question = session.hear("42/echo,");
    let (id, _) = question.split_once('[').expect("it asks for an answer");
    session.say(&format!(r#"43/echo,{id}[{DATA}]"#));
    let answer: Value = serde_json::from_str(&session.hear("42/echo,")).expect("JSON");
    assert_eq!(answer, json!(["answer", whole().1]));
    session.say(&format!(r#"40/echo-1,{DATA}"#));
    let auth: Value = serde_json::from_str(&session.hear("42/echo-1,")).expect("JSON");
    assert_eq!(auth, json!(["auth", whole().1]));
}

#[test]
fn who_somebody_is_is_whole() {
    let lab = lab();
    let member = r#"{"user_id":"7","user_info":{"name":"A\ud83d"}}"#;
    let mut client = Channels::open(&lab);
    let joined = client.subscribe(&lab, "presence-half", Some(member));
    let data = joined["data"].as_str().unwrap_or_default();
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["presence"]["hash"]["7"], json!({"name": "A\u{fffd}"}));

    let body =
        r#"{"socket_id":"1.1","channel_name":"presence-half","client":"c1","name":"A\ud83d"}"#;
    let kind = [("content-type", "application/json")];
    let answer = lab
        .http("main")
        .request("POST", "/pusher/auth", &kind, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let granted = answer.json();
    let granted = granted["channel_data"].as_str().unwrap_or_default();
    let granted: Value = serde_json::from_str(granted).expect("JSON");
    assert_eq!(granted["user_info"]["name"], "A\u{fffd}");

    // In an address it is bytes that no UTF-8 has: one replacement each.
    let mut stays = lab.http("long-poll");
    stays
        .send_request(
            "GET",
            "/long-poll/who?client=c1&name=A%ED%A0%BD&hold_ms=60000",
            &[],
            b"",
        )
        .expect("it is sent");
    support::eventually(support::PATIENCE, "it is present", || {
        !lab.present("who").is_empty()
    });
    let present = lab.http("main").get("/api/channels/who/presence").text();
    assert!(present.contains("A\u{fffd}"), "{present}");

    let session = Session::open(&lab, "/lab");
    session.say(r#"42/lab,1["subscribe",{"channel":"who2","client":"c2","name":"B\ud83d"}]"#);
    session.hear("43/lab,1");
    let present = lab.http("main").get("/api/channels/who2/presence").text();
    assert!(present.contains("B\u{fffd}"), "{present}");
}

#[test]
fn names_of_channels_are_refused_and_their_connections_live() {
    let lab = lab();
    let refused = lab.http("main").get("/short-poll/a%ED%A0%BD");
    assert_eq!(
        (refused.status, &*refused.error_code()),
        (400, "bad_channel")
    );
    let body = r#"{"name":"e","channels":["a\ud83d"],"data":"1"}"#;
    assert_eq!(call(&lab, "events", body).status, 400);

    let session = Session::open(&lab, "/lab");
    session.say(r#"42/lab,1["subscribe",{"channel":"a\ud83d"}]"#);
    let refused = session.hear("43/lab,1");
    assert!(refused.contains("bad_channel"), "{refused}");
    session.say(r#"42/lab,2["subscribe",{"channel":"a"}]"#);
    assert!(session.hear("43/lab,2").contains("epoch"));

    let mut client = Channels::open(&lab);
    client.say(r#"{"event":"pusher:subscribe","data":{"channel":"a\ud83d"}}"#);
    client.hear("pusher:subscription_error");
    client.subscribe(&lab, "a", None);
}

/// The lab's own API: whatever is wrong with these, it is not that.
#[test]
fn the_labs_own_api_reads_them_too() {
    let lab = lab();
    for (method, target, body) in [
        ("PUT", "/api/sources/half", r#"{"kind":"\ud83d"}"#),
        ("PUT", "/api/conditions/sse", r#"{"conditions":"\ud83d"}"#),
        ("PUT", "/api/apps/demo/webhooks", r#"{"url":"\ud83d"}"#),
        (
            "POST",
            "/api/apps/demo/explain-signature",
            r#"{"method":"\ud83d","path":"/"}"#,
        ),
        ("POST", "/api/reports", r#"{"samples":"\ud83d"}"#),
        ("POST", "/api/runs", r#"{"lanes":"\ud83d"}"#),
        ("POST", "/api/experiments/E1", r#"{"full":"\ud83d"}"#),
        // An import.
        ("POST", "/api/runs/files", r#"{"title":"\ud83d"}"#),
    ] {
        let answer = lab
            .http("main")
            .request(method, target, &[], body.as_bytes());
        let text = answer.text();
        assert!((400..500).contains(&answer.status), "{target}: {text}");
        assert_ne!(answer.status, 404, "{target}: {text}");
        assert!(!text.contains("surrogate"), "{target}: {text}");
    }
}
