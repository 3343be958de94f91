//! The console's end on the server: who may look into an application and act for it, what its
//! feed tells, and how it goes on after a break.

use crate::support::{
    PATIENCE, TEST_TOKEN,
    pusher::{KEY, SECRET, TestServer, app, inner, spawn, spawn_with},
};
use pushlab::{
    codec::sse::{Decoder, Event},
    config::apps::AppSettings,
};
use serde_json::{Value, json};
use tokio::time::timeout;

const FOREIGN: (&str, &str) = ("origin", "http://evil.example");
const VISITOR: (&str, &str) = ("x-forwarded-for", "10.0.0.9");

async fn ask(
    server: &TestServer,
    method: &str,
    path: &str,
    header: Option<(&str, &str)>,
    body: &str,
) -> (u16, Value) {
    let url = format!("http://{}{path}", server.address("main"));
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = reqwest::Client::new()
        .request(method, url)
        .body(body.to_owned());
    // As the presenter, unless it is said who asks.
    if header != Some(VISITOR) {
        request = request.bearer_auth(TEST_TOKEN);
    }
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    // A feed has no end: its status is what is asked about.
    if status == 200 && path.ends_with("/feed") {
        return (status, Value::Null);
    }
    (status, answer.json().await.unwrap())
}

/// Application 1 is the demo, 2 is somebody's own.
fn two_apps() -> TestServer {
    spawn_with(
        vec![app(|_| ()), AppSettings::new("2", "key-2", "secret-2")],
        |_| (),
    )
}

#[tokio::test]
async fn visitors_may_look_at_the_demo_and_only_the_presenter_at_the_rest() {
    let server = two_apps();
    let event = r#"{"name":"e","channel":"a","data":"1"}"#;
    let call = r#"{"method":"GET","path":"/apps/1/channels"}"#;
    // What, and its status for: this machine, another site's page, somebody behind a proxy.
    for (method, path, body, statuses) in [
        ("GET", "/api/apps", "", [200, 403, 200]),
        ("GET", "/api/apps/demo/feed", "", [200, 403, 403]),
        ("GET", "/api/apps/1/feed", "", [200, 403, 403]),
        ("GET", "/api/apps/2/feed", "", [200, 403, 403]),
        ("GET", "/api/apps/demo/channels", "", [200, 403, 403]),
        ("GET", "/api/apps/2/channels", "", [200, 403, 403]),
        ("POST", "/api/apps/1/trigger", event, [200, 403, 403]),
        ("POST", "/api/apps/2/trigger", event, [200, 403, 403]),
        (
            "POST",
            "/api/apps/1/explain-signature",
            call,
            [200, 403, 200],
        ),
        (
            "POST",
            "/api/apps/2/explain-signature",
            call,
            [200, 403, 403],
        ),
        ("GET", "/api/apps/demo/secret", "", [200, 403, 403]),
        ("GET", "/api/apps/1/secret", "", [200, 403, 403]),
        ("GET", "/api/apps/2/secret", "", [200, 403, 403]),
        ("GET", "/api/apps/9/channels", "", [404, 403, 403]),
    ] {
        for (header, expected) in [None, Some(FOREIGN), Some(VISITOR)]
            .into_iter()
            .zip(statuses)
        {
            let (status, answer) = ask(&server, method, path, header, body).await;
            assert_eq!(status, expected, "{method} {path} {header:?}: {answer}");
            let text = answer.to_string();
            assert!(
                status == 200 || !(text.contains(SECRET) || text.contains("secret-2")),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn the_list_shows_others_applications_to_this_machine_only() {
    let server = two_apps();
    let (_, all) = ask(&server, "GET", "/api/apps", None, "").await;
    let ids: Vec<_> = all["apps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|app| &app["id"])
        .collect();
    assert_eq!(
        (ids, &all["is_presenter"]),
        (vec![&json!("1"), &json!("2")], &json!(true))
    );
    let (_, some) = ask(&server, "GET", "/api/apps", Some(VISITOR), "").await;
    assert_eq!(some["apps"].as_array().unwrap().len(), 1);
    assert_eq!(some["apps"][0]["is_demo"], true);
    assert!(!all.to_string().contains("secret"), "{all}");
}

#[tokio::test]
async fn a_triggered_event_reaches_subscribers_but_the_excluded_one() {
    let server = spawn();
    let (mut hears, mut sender) = (server.connect().await, server.connect().await);
    hears.subscribe("news").await;
    sender.subscribe("news").await;
    let body = json!({
        "name": "tick", "channels": ["news"], "data": "{\"n\": 1}",
        "socket_id": sender.socket_id,
    });
    let answer = ask(
        &server,
        "POST",
        "/api/apps/demo/trigger",
        None,
        &body.to_string(),
    )
    .await;
    assert_eq!(answer, (200, json!({})), "as the HTTP API answers");
    let frame = hears.expect("tick").await;
    assert_eq!(frame["data"], "{\"n\": 1}", "the very text");
    sender.expect_silence().await;
}

#[tokio::test]
async fn trigger_refuses_what_the_http_api_refuses_in_its_words() {
    let server = spawn();
    let large = json!({"name": "e", "channel": "a", "data": "x".repeat(10_241)}).to_string();
    for (body, expected) in [
        ("", 400),
        ("not json", 400),
        (r#"{"name":"pusher:x","channel":"a","data":""}"#, 400),
        (r#"{"name":"e","channel":"a b","data":""}"#, 400),
        (r#"{"name":"e","channel":"a","data":{}}"#, 400),
        (&large, 413),
    ] {
        let (status, answer) = ask(&server, "POST", "/api/apps/1/trigger", None, body).await;
        assert_eq!(
            (status, &answer["code"]),
            (expected, &json!(expected)),
            "{answer}"
        );
        assert_eq!(
            server.api("POST", "/apps/1/events", "", body).await,
            (status, answer)
        );
    }
    let off = |app: &mut AppSettings| app.enabled = false;
    let server = spawn_with(vec![app(off)], |_| ());
    let event = r#"{"name":"e","channel":"a","data":"1"}"#;
    let (status, _) = ask(&server, "POST", "/api/apps/1/trigger", None, event).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn an_explained_signature_is_accepted_by_the_api() {
    let server = spawn();
    let body = r#"{"name":"e","channels":["a"],"data":"é"}"#;
    let call = json!({"method": "POST", "path": "/apps/1/events", "body": body});
    let path = "/api/apps/demo/explain-signature";
    let (status, steps) = ask(&server, "POST", path, None, &call.to_string()).await;
    assert_eq!(status, 200, "{steps}");
    let target = steps["target"].as_str().unwrap();
    assert!(target.ends_with(steps["signature"].as_str().unwrap()));
    let answer = reqwest::Client::new()
        .post(format!("http://{}{target}", server.address("main")))
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    // Whoever is elsewhere gets the steps, and nothing to make the call with.
    let (_, steps) = ask(&server, "POST", path, Some(VISITOR), &call.to_string()).await;
    assert_eq!(
        (&steps["signature"], &steps["target"]),
        (&Value::Null, &Value::Null)
    );
    assert!(
        steps["text"]
            .as_str()
            .unwrap()
            .starts_with("POST\n/apps/1/events\nauth_key=")
    );
    for bad in [
        "",
        "[]",
        r#"{"method":"PUT","path":"/"}"#,
        r#"{"method":"GET","path":"x"}"#,
    ] {
        assert_eq!(ask(&server, "POST", path, None, bad).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn occupied_channels_are_listed_with_their_kind() {
    let server = two_apps();
    let (mut one, mut two) = (server.connect().await, server.connect().await);
    let mut other = server.connect_to("key-2", "secret-2").await;
    one.subscribe("news").await;
    two.subscribe("news").await;
    two.join("presence-r", r#"{"user_id":"7"}"#).await;
    other.subscribe("elsewhere").await;
    let (_, answer) = ask(&server, "GET", "/api/apps/demo/channels", None, "").await;
    assert_eq!(answer["total"], 2);
    let channels = &answer["channels"];
    assert_eq!(
        (
            &channels[0]["name"],
            &channels[0]["subscriptions"],
            &channels[0]["users"]
        ),
        (&json!("news"), &json!(2), &Value::Null)
    );
    assert_eq!(
        (
            &channels[1]["name"],
            &channels[1]["users"],
            &channels[1]["presence"]
        ),
        (&json!("presence-r"), &json!(1), &json!(true))
    );
}

/// A feed that is read.
struct Feed {
    answer: reqwest::Response,
    decoder: Decoder,
    waiting: std::collections::VecDeque<Event>,
}

impl Feed {
    async fn open(server: &TestServer, id: &str, after: Option<&str>) -> (Self, Value) {
        let url = format!("http://{}/api/apps/{id}/feed", server.address("main"));
        let mut request = reqwest::Client::new().get(url).bearer_auth(TEST_TOKEN);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut feed = Self {
            answer,
            decoder: Decoder::default(),
            waiting: Default::default(),
        };
        let hello = feed.next().await.expect("it begins");
        assert_eq!(hello.event, "watching");
        (feed, serde_json::from_str(&hello.data).unwrap())
    }

    /// The next event; `None` at the stream's end.
    async fn next(&mut self) -> Option<Event> {
        while self.waiting.is_empty() {
            let bytes = timeout(PATIENCE, self.answer.chunk()).await;
            let bytes = bytes
                .expect("something comes")
                .expect("it does not break")?;
            self.waiting.extend(self.decoder.feed(&bytes));
        }
        self.waiting.pop_front()
    }

    /// The next entry of this sort, others skipped, and its place.
    async fn until(&mut self, what: &str) -> (Value, String) {
        loop {
            let event = self.next().await.expect("the feed goes on");
            let entry: Value = serde_json::from_str(&event.data).unwrap();
            if entry["what"] == what {
                return (entry, event.last_event_id);
            }
        }
    }
}

#[tokio::test]
async fn a_feed_tells_what_happens() {
    let server = spawn();
    let (mut feed, hello) = Feed::open(&server, "demo", None).await;
    assert_eq!(hello, json!({"is_resumed": false, "app": "1"}));
    let mut client = server.connect().await;
    let (entry, _) = feed.until("connected").await;
    assert_eq!(
        (&entry["kind"], &entry["socket_id"], &entry["transport"]),
        (
            &json!("connection"),
            &json!(client.socket_id),
            &json!("websocket")
        )
    );
    client.subscribe("news").await;
    let (entry, _) = feed.until("subscribed").await;
    assert_eq!(
        (&entry["channel"], &entry["count"]),
        (&json!("news"), &json!(1))
    );
    server.trigger("news", "tick", "{\"n\":1}").await;
    let (entry, _) = feed.until("published").await;
    assert_eq!(
        (&entry["kind"], &entry["data"], &entry["subscribers"]),
        (
            &json!("event"),
            &json!({"text": "{\"n\":1}", "bytes": 7}),
            &json!(1)
        )
    );
    let (entry, _) = feed.until("api_call").await;
    assert_eq!(
        (&entry["path"], &entry["status"]),
        (&json!("/apps/1/events"), &json!(200))
    );
    assert_eq!(
        server
            .publish_plain("news", json!({"event":"say","data":[1]}))
            .await,
        200
    );
    let (entry, _) = feed.until("published_plain").await;
    assert_eq!(
        (&entry["by"], &entry["data"]["text"]),
        (&json!("http"), &json!("[1]"))
    );
    publish_over_socketio(&server, "news", json!({"event":"io","data":2})).await;
    let (entry, _) = feed.until("published_plain").await;
    assert_eq!(
        (&entry["by"], &entry["data"]["text"]),
        (&json!("socketio"), &json!("2"))
    );
    client.expect("tick").await;
    client.expect("say").await;
    client.expect("io").await;
    client.subscribe("private-a").await;
    client
        .send(json!({"event":"client-x","channel":"private-a","data":{"y":1}}))
        .await;
    let (entry, _) = feed.until("client_event").await;
    assert_eq!(entry["data"]["text"], "{\"y\":1}");
    client
        .send(json!({"event":"client-x","channel":"news","data":1}))
        .await;
    let (entry, _) = feed.until("refused").await;
    assert!(entry["message"].as_str().unwrap().len() > 5, "{entry}");
    drop(client);
    feed.until("disconnected").await;
}

#[tokio::test]
async fn a_feed_goes_on_from_a_place_and_ends_with_the_server() {
    let mut server = spawn();
    let (mut feed, _) = Feed::open(&server, "1", None).await;
    server.trigger("a", "one", "1").await;
    let (_, place) = feed.until("published").await;
    drop(feed);
    server.trigger("a", "two", "2").await;
    let (mut feed, hello) = Feed::open(&server, "1", Some(&place)).await;
    assert_eq!(hello["is_resumed"], true);
    let (entry, _) = feed.until("published").await;
    assert_eq!(entry["event"], "two", "what came while nobody read");
    let (_, hello) = Feed::open(&server, "1", Some("17-4")).await;
    assert_eq!(hello["is_resumed"], false);
    server.begin_stop();
    while feed.next().await.is_some() {}
}

#[tokio::test]
async fn a_feed_is_of_one_application_only() {
    let server = two_apps();
    let (mut feed, _) = Feed::open(&server, "2", None).await;
    server.trigger("a", "not-this", "1").await;
    assert_eq!(
        server
            .publish_plain("a", json!({"event":"nor-this","data":1}))
            .await,
        200
    );
    let mut other = server.connect_to("key-2", "secret-2").await;
    other.subscribe("a").await;
    let mut connected = None;
    loop {
        let event = feed.next().await.unwrap();
        assert!(!event.data.contains("this"), "{event:?}");
        let entry: Value = serde_json::from_str(&event.data).unwrap();
        match entry["what"].as_str() {
            Some("connected") => connected = Some(entry["socket_id"].clone()),
            // Behind everything else.
            Some("subscribed") => break,
            _ => {}
        }
    }
    assert_eq!(connected, Some(json!(other.socket_id)));
}

#[tokio::test]
async fn the_demos_frames_are_the_same_watched_or_not() {
    let server = spawn();
    let mut client = server.connect().await;
    client.subscribe("news").await;
    server.trigger("news", "tick", "{\"n\": 1}").await;
    let unwatched = client.expect("tick").await;
    let (_feed, _) = Feed::open(&server, "1", None).await;
    server.trigger("news", "tick", "{\"n\": 1}").await;
    let watched = client.expect("tick").await;
    assert_eq!(watched, unwatched);
    assert_eq!(inner(&watched), json!({"n": 1}));
    assert_eq!(client.key, KEY);
}

/// Opens a session by polling, publishes, and waits for the acknowledgement.
async fn publish_over_socketio(server: &TestServer, channel: &str, what: Value) {
    let http = reqwest::Client::new();
    let engine = format!(
        "http://{}/socket.io/?EIO=4&transport=polling",
        server.address("socketio-polling")
    );
    let ask = async |request: reqwest::RequestBuilder| {
        request.send().await.unwrap().text().await.unwrap()
    };
    let opened = ask(http.get(&engine)).await;
    let opened: Value = serde_json::from_str(&opened[1..]).unwrap();
    let session = format!("{engine}&sid={}", opened["sid"].as_str().unwrap());
    assert_eq!(ask(http.post(&session).body("40/lab,")).await, "ok");
    let mut command = what;
    command["channel"] = json!(channel);
    let emitted = format!("42/lab,0{}", json!(["publish", command]));
    assert_eq!(ask(http.post(&session).body(emitted)).await, "ok");
    while !ask(http.get(&session)).await.contains("43/lab,0") {}
}
