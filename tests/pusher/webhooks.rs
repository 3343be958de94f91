//! Webhooks (reference, 17; trap 12), seen by a receiver that may fail, hang or be slow to recover.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{
    PATIENCE, TEST_TOKEN,
    pusher::{self, SECRET, TestServer, app, spawn, spawn_with},
};
use awc::http::Method;
use base64::{Engine, prelude::BASE64_STANDARD as STANDARD};
use pushlab::{
    client::{ordinary, tls::Trust},
    clock,
    config::{
        Span,
        apps::{AppSettings, Secret},
        webhooks::WebhookSettings,
    },
    protocol::pusher::{app_event::AppEvent, webhook},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

/// What a receiver does with a request.
#[derive(Clone, Copy)]
enum Answer {
    Status(u16),
    /// Takes it and says nothing.
    Hang,
}

/// A request as it came.
struct Came {
    /// In lower case, with its line's end.
    head: String,
    /// Where from.
    connection: SocketAddr,
    body: Vec<u8>,
}

impl Came {
    fn header(&self, name: &str) -> &str {
        let line = self
            .head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_default()
    }

    /// Its events, everything an SDK checks being right.
    fn events(&self) -> Vec<Value> {
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("x-pusher-key"), "test-key");
        let signature = Secret::new(SECRET).sign(&self.body);
        assert_eq!(self.header("x-pusher-signature"), signature);
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        let age_ms = (clock::time_of_day_us() / 1_000).abs_diff(body["time_ms"].as_u64().unwrap());
        assert!(age_ms < 300_000);
        body["events"].as_array().unwrap().clone()
    }
}

struct Receiver {
    url: String,
    came: mpsc::UnboundedReceiver<Came>,
}

impl Receiver {
    /// The answers in turn; 200 after the last.
    async fn start(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect::<VecDeque<_>>()));
        let (to_test, came) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, answers.clone(), to_test.clone()));
            }
        });
        Self { url, came }
    }

    async fn next(&mut self) -> Came {
        let came = timeout(PATIENCE, self.came.recv()).await;
        came.expect("a webhook comes").unwrap()
    }

    /// Events of one request after the other, until there are so many.
    async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            events.extend(self.next().await.events());
        }
        assert_eq!(events.len(), count, "{events:?}");
        events
    }
}

async fn answer(
    stream: TcpStream,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    to_test: mpsc::UnboundedSender<Came>,
) {
    let connection = stream.peer_addr().unwrap();
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let mut came = Came {
            head: head
                .split("\r\n")
                .map(|line| match line.split_once(':') {
                    Some((name, value)) => format!("{}:{value}\n", name.to_lowercase()),
                    None => format!("{line}\n"),
                })
                .collect(),
            connection,
            body: Vec::new(),
        };
        came.body = vec![0; came.header("content-length").parse().unwrap()];
        stream.read_exact(&mut came.body).await.unwrap();
        let answer = answers.lock().unwrap().pop_front();
        let _ = to_test.send(came);
        match answer.unwrap_or(Answer::Status(200)) {
            Answer::Hang => std::future::pending().await,
            Answer::Status(status) => {
                let text = format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n");
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn server_for(receiver: &Receiver, change: impl FnOnce(&mut AppSettings)) -> TestServer {
    let settings = app(|app| {
        app.webhooks = vec![WebhookSettings::new(&receiver.url)];
        app.webhook_first_retry = Span(Duration::from_millis(50));
        change(app);
    });
    spawn_with(vec![settings], |_| ())
}

fn sent(server: &TestServer) -> webhook::Sent {
    server.apps.by_id("1").unwrap().webhooks.sent()
}

/// Waits until the figures are so.
async fn until(server: &TestServer, what: impl Fn(&webhook::Sent) -> bool) {
    pusher::until("the figures are so", || what(&sent(server))).await;
}

#[tokio::test]
async fn every_event_is_told_in_the_references_words() {
    let mut receiver = Receiver::start(&[]).await;
    let server = server_for(&receiver, |app| {
        app.batch_webhooks = true;
        app.subscription_count = true;
    });
    let (mut ann, mut bo) = (server.connect().await, server.connect().await);
    ann.subscribe("news").await;
    ann.expect("pusher_internal:subscription_count").await;
    let expected = [
        json!({"name":"channel_occupied","channel":"news"}),
        json!({"name":"subscription_count","channel":"news","subscription_count":1}),
    ];
    assert_eq!(receiver.events(2).await, expected);

    ann.join("presence-r", r#"{"user_id":"7"}"#).await;
    bo.join("presence-r", r#"{"user_id":"9"}"#).await;
    ann.expect("pusher_internal:member_added").await;
    let expected = [
        json!({"name":"channel_occupied","channel":"presence-r"}),
        json!({"name":"member_added","channel":"presence-r","user_id":"7"}),
        json!({"name":"member_added","channel":"presence-r","user_id":"9"}),
    ];
    assert_eq!(receiver.events(3).await, expected);

    ann.send(json!({"event":"client-t","channel":"presence-r","data":{"on": [true, "ä "]}}))
        .await;
    let event = receiver.events(1).await.remove(0);
    let expected = json!({
        "name":"client_event","channel":"presence-r","event":"client-t",
        "data":r#"{"on":[true,"ä "]}"#,"socket_id":ann.socket_id,"user_id":"7",
    });
    assert_eq!(event, expected);

    // Both miss together: once. The count, above the misses, for each.
    for client in [&mut ann, &mut bo] {
        client.ask("cache-q", None).await;
    }
    let events = receiver.events(4).await;
    let misses = events.iter().filter(|event| event["name"] == "cache_miss");
    assert_eq!(misses.count(), 1, "{events:?}");

    // A user's own channel is nobody else's business.
    ann.ask_sign_in(r#"{"id":"7"}"#).await;
    while ann.next().await.unwrap()["event"] != "pusher:signin_success" {}
    ann.ask("#server-to-user-7", None).await;
    bo.ask("private-z", None).await;
    let names: Vec<_> = receiver.events(2).await;
    assert!(
        names.iter().all(|event| event["channel"] == "private-z"),
        "{names:?}"
    );
}

#[tokio::test]
async fn who_is_back_within_three_seconds_was_never_gone() {
    let mut receiver = Receiver::start(&[]).await;
    let server = server_for(&receiver, |_| ());
    let mut ann = server.connect().await;
    ann.subscribe("news").await;
    assert_eq!(receiver.events(1).await[0]["name"], "channel_occupied");
    ann.unsubscribe("news").await;
    ann.subscribe("news").await;
    ann.join("presence-r", r#"{"user_id":"7"}"#).await;
    receiver.events(2).await;
    drop(ann);
    let mut ann = server.connect().await;
    ann.join("presence-r", r#"{"user_id":"7"}"#).await;
    // Of all that, only this is still true three seconds later.
    let vacated = receiver.events(1).await.remove(0);
    assert_eq!(vacated, json!({"name":"channel_vacated","channel":"news"}));
    drop(ann);
    let left = receiver.events(2).await;
    assert_eq!(
        left.iter()
            .map(|event| event["name"].as_str().unwrap())
            .collect::<std::collections::BTreeSet<_>>(),
        ["channel_vacated", "member_removed"].into()
    );
    until(&server, |sent| sent.queued == 0 && sent.dropped_total == 0).await;
}

#[tokio::test]
async fn without_batches_each_event_is_a_request_and_filters_are_per_receiver() {
    let mut all = Receiver::start(&[]).await;
    let mut some = Receiver::start(&[]).await;
    let filtered = WebhookSettings {
        events: vec!["channel_occupied".to_owned()],
        channel_prefix: "private-".to_owned(),
        channel_suffix: "-eu".to_owned(),
        headers: [("authorization".to_owned(), "Bearer x".to_owned())].into(),
        ..WebhookSettings::new(&some.url)
    };
    let server = server_for(&all, |app| app.webhooks.push(filtered));
    let mut client = server.connect().await;
    for channel in ["news", "private-a-us", "private-a-eu"] {
        client.subscribe(channel).await;
        let came = all.next().await;
        assert_eq!(
            came.events(),
            [json!({"name":"channel_occupied","channel":channel})]
        );
    }
    let came = some.next().await;
    assert_eq!(came.events()[0]["channel"], "private-a-eu");
    assert_eq!(came.header("authorization"), "Bearer x");
    assert!(some.came.try_recv().is_err());
}

#[tokio::test]
async fn who_the_address_names_is_said_in_a_header_and_the_connection_is_kept() {
    let mut receiver = Receiver::start(&[Answer::Status(500)]).await;
    let url = receiver.url.replace("http://", "http://ann:a%20b@");
    let server = server_for(&receiver, |app| {
        app.webhooks = vec![WebhookSettings::new(&format!("{url}?of=1#no"))];
    });
    let mut client = server.connect().await;
    client.subscribe("news").await;
    let first = receiver.next().await;
    assert!(first.head.starts_with("POST /hooks?of=1 HTTP/1.1\n"));
    let named = STANDARD.encode("ann:a b");
    assert_eq!(first.header("authorization"), format!("Basic {named}"));
    assert!(first.header("user-agent").starts_with("pushlab/"));
    assert_eq!(receiver.next().await.connection, first.connection);
}

#[tokio::test]
async fn a_lab_that_made_its_own_certificate_tells_itself() {
    for host in ["127.0.0.1", "::1"] {
        let server = spawn_with(vec![app(|_| ())], |config| {
            config.tls_self_signed = true;
            config.host = host.parse().unwrap();
        });
        let app = server.apps.by_id("1").unwrap();
        let own = app.webhooks.urls().remove(0);
        assert!(own.starts_with("https://"), "{own}");
        // Once somebody looks.
        let list = own.replace("/pusher/webhooks/1", "/api/apps/demo/webhooks");
        let thread = tokio::task::LocalSet::new();
        let looked = thread.run_until(async {
            let client = ordinary::client(&Trust::Anything, PATIENCE, 0).unwrap();
            let request = ordinary::request(&client, Method::GET, &list.parse().unwrap());
            request.bearer_auth(TEST_TOKEN).send().await.unwrap()
        });
        assert_eq!(looked.await.status(), 200);
        app.notify(AppEvent::SubscriptionCount {
            channel: "news",
            count: 1,
        });
        until(&server, |sent| sent.delivered_total == 1).await;
    }
}

#[tokio::test]
async fn a_receiver_that_fails_for_a_while_gets_the_same_again() {
    let answers = [500, 503, 302, 404].map(Answer::Status);
    let mut receiver = Receiver::start(&answers).await;
    let server = server_for(&receiver, |_| ());
    let mut client = server.connect().await;
    client.subscribe("news").await;
    let first = receiver.next().await;
    for _ in 0..4 {
        let again = receiver.next().await;
        assert_eq!(again.body, first.body);
        assert_eq!(again.events(), first.events());
    }
    until(&server, |sent| {
        (sent.delivered_total, sent.retried_total, sent.queued) == (1, 4, 0)
    })
    .await;
    assert_eq!(sent(&server).dropped_total, 0);
}

/// A receiver that has trouble with one channel learns of it in order, and of others meanwhile.
#[tokio::test]
async fn what_happened_on_one_channel_is_told_in_order_and_others_do_not_wait() {
    // Of the first request and of the sixth; each is about one event.
    let answers = [500, 200, 200, 200, 200, 503].map(Answer::Status);
    let mut receiver = Receiver::start(&answers).await;
    let server = server_for(&receiver, |app| {
        app.webhook_first_retry = Span(Duration::from_secs(1));
    });
    let mut client = server.connect().await;
    client.join("presence-slow", r#"{"user_id":"7"}"#).await;
    for channel in ["quick-1", "quick-2", "quick-3"] {
        client.subscribe(channel).await;
    }
    for n in 1..=2 {
        let event = format!("client-{n}");
        client
            .send(json!({"event":event,"channel":"presence-slow","data":n}))
            .await;
    }
    let mut told = Vec::new();
    for _ in 0..9 {
        let event = receiver.next().await.events().remove(0);
        let what = event.get("event").unwrap_or(&event["name"]);
        let (channel, what) = (event["channel"].as_str(), what.as_str());
        told.push(format!("{} {}", channel.unwrap(), what.unwrap()));
    }
    assert_eq!(
        told,
        [
            "presence-slow channel_occupied",
            "quick-1 channel_occupied",
            "quick-2 channel_occupied",
            "quick-3 channel_occupied",
            "presence-slow channel_occupied",
            "presence-slow member_added",
            "presence-slow member_added",
            "presence-slow client-1",
            "presence-slow client-2",
        ]
    );
    until(&server, |sent| {
        (sent.delivered_total, sent.retried_total, sent.queued) == (7, 2, 0)
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_delivered_in_time_is_dropped_and_counted() {
    let mut receiver = Receiver::start(&[Answer::Status(500); 100]).await;
    let server = server_for(&receiver, |app| {
        app.webhook_retry_for = Span(Duration::from_secs(2));
    });
    let mut client = server.connect().await;
    client.subscribe("news").await;
    receiver.next().await;
    until(&server, |sent| sent.dropped_total == 1 && sent.queued == 0).await;
    let tried = sent(&server).retried_total;
    assert!(
        (1..=6).contains(&tried),
        "50, 100, 200, 400, 800 ms, then no more: {tried}"
    );
    // Nobody listens there: the same.
    let nobody = Receiver {
        url: "http://127.0.0.1:1/".to_owned(),
        came: receiver.came,
    };
    let server = server_for(&nobody, |app| app.webhook_retry_for = Span(Duration::ZERO));
    let mut client = server.connect().await;
    client.subscribe("news").await;
    until(&server, |sent| sent.dropped_total == 1).await;
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_nobody_and_the_queue_is_bounded() {
    let mut receiver = Receiver::start(&[Answer::Hang]).await;
    let server = server_for(&receiver, |app| app.webhook_timeout = Span(PATIENCE * 10));
    let mut client = server.connect().await;
    client.subscribe("news").await;
    receiver.next().await;
    for n in 0..100 {
        server.trigger("news", "e", &n.to_string()).await;
        assert_eq!(client.expect("e").await["data"], n.to_string());
    }
    let app = server.apps.by_id("1").unwrap();
    for n in 0..12_000 {
        app.notify(AppEvent::SubscriptionCount {
            channel: "news",
            count: n,
        });
    }
    until(&server, |sent| {
        sent.queued as u64 + sent.dropped_total == 12_001
            && sent.queued <= webhook::IN_FLIGHT_MAX_EVENTS
    })
    .await;
    assert!(sent(&server).dropped_total >= 2_000);
}

#[tokio::test]
async fn a_timeout_is_a_failure_like_any_other() {
    let mut receiver = Receiver::start(&[Answer::Hang]).await;
    let server = server_for(&receiver, |app| {
        app.webhook_timeout = Span(Duration::from_millis(100));
    });
    let mut client = server.connect().await;
    client.subscribe("news").await;
    let first = receiver.next().await;
    assert_eq!(receiver.next().await.body, first.body);
    until(&server, |sent| sent.delivered_total == 1).await;
}

#[tokio::test]
async fn the_labs_own_receiver_shows_what_came_and_can_be_replaced() {
    let server = spawn();
    let main = server.address("main");
    let url = format!("http://{main}/api/apps/demo/webhooks");
    let http = as_presenter();
    let get = || async {
        http.get(&url)
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap()
    };
    let mut client = server.connect().await;
    client.subscribe("news").await;
    until(&server, |sent| sent.delivered_total == 1).await;
    let shown = get().await;
    let webhook = &shown["received"][0];
    assert_eq!(webhook["valid"], true, "{shown}");
    assert_eq!(
        webhook["events"][0],
        json!({"name":"channel_occupied","channel":"news"})
    );
    assert_eq!(shown["urls"][0], format!("http://{main}/pusher/webhooks/1"));
    // A forged one is shown as what it is.
    let forged = http
        .post(format!("http://{main}/pusher/webhooks/1"))
        .header("content-type", "application/json")
        .header("x-pusher-key", "test-key")
        .header("x-pusher-signature", "00")
        .body(r#"{"time_ms":1,"events":[]}"#);
    assert_eq!(forged.send().await.unwrap().status(), 401);
    let shown = get().await;
    assert_eq!(shown["received"][1]["valid"], false);
    assert!(
        shown["received"][1]["why"]
            .as_str()
            .unwrap()
            .contains("X-Pusher-Signature")
    );
    // Elsewhere, and back.
    let mut receiver = Receiver::start(&[]).await;
    let put = |body: Value, origin: Option<&'static str>| {
        let mut request = http.put(&url).body(body.to_string());
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        async { request.send().await.unwrap().status().as_u16() }
    };
    for (body, origin, status) in [
        (json!({"url":"ftp://example.org"}), None, 400),
        (json!({"url":7}), None, 400),
        (
            json!({"url":receiver.url}),
            Some("https://evil.example"),
            403,
        ),
        (json!({"url":receiver.url}), None, 200),
    ] {
        assert_eq!(put(body.clone(), origin).await, status, "{body}");
    }
    client.subscribe("private-a").await;
    assert_eq!(receiver.events(1).await[0]["channel"], "private-a");
    until(&server, |sent| sent.delivered_total == 2).await;
    assert_eq!(put(json!({"url":null}), None).await, 200);
    client.subscribe("private-b").await;
    until(&server, |sent| sent.delivered_total == 3).await;
    let shown = get().await;
    assert_eq!(shown["received"][2]["events"][0]["channel"], "private-b");
}

#[tokio::test]
async fn another_applications_webhooks_are_its_owners() {
    let server = spawn_with(vec![app(|_| ()), AppSettings::new("2", "k2", "s2")], |_| ());
    let url = |id: &str| format!("http://{}/api/apps/{id}/webhooks", server.address("main"));
    let http = as_presenter();
    let put = http
        .put(url("2"))
        .body(r#"{"url":null}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), 400);
    assert_eq!(http.get(url("9")).send().await.unwrap().status(), 404);
    assert_eq!(reqwest::get(url("2")).await.unwrap().status(), 403);
    assert_eq!(http.get(url("2")).send().await.unwrap().status(), 200);
}

/// A client that sends the presenter's token.
fn as_presenter() -> reqwest::Client {
    let bearer = format!("Bearer {}", TEST_TOKEN);
    let headers = [(reqwest::header::AUTHORIZATION, bearer.parse().unwrap())];
    let client = reqwest::Client::builder().default_headers(headers.into_iter().collect());
    client.build().unwrap()
}
