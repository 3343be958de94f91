//! The signed HTTP API (reference, 16; traps 7, 9 to 11, 13).

use crate::support::pusher::{Request, app, spawn, spawn_with};
use pushlab::config::apps::AppSettings;
use serde_json::{Value, json};

const EVENT: &str = r#"{"name":"e","channels":["a"],"data":"1"}"#;

#[tokio::test]
async fn forged_stale_and_altered_requests_are_401_and_unknown_applications_404() {
    let disabled = |app: &mut AppSettings| app.enabled = false;
    let mut off = AppSettings::new("2", "key-2", "s2");
    disabled(&mut off);
    let server = spawn_with(vec![app(|_| ()), off], |_| ());
    let good = Request::new("POST", "/apps/1/events", "", EVENT);
    assert_eq!(server.send(&good).await, (200, json!({})));
    type Change = fn(&mut Request);
    let changes: [(Change, u16); 8] = [
        (|r| r.secret = "wrong".to_owned(), 401),
        (|r| r.key = "key-2".to_owned(), 401),
        (|r| r.timestamp -= 700, 401),
        (|r| r.timestamp += 700, 401),
        (|r| r.body_md5 = Some("0".repeat(32)), 401),
        (|r| r.path = "/apps/9/events".to_owned(), 404),
        (|r| r.path = "/apps/1/nothing".to_owned(), 404),
        (
            |r| (r.path, r.key, r.secret) = ("/apps/2/events".into(), "key-2".into(), "s2".into()),
            403,
        ),
    ];
    for (n, (change, status)) in changes.into_iter().enumerate() {
        let mut request = good.clone();
        change(&mut request);
        let (got, body) = server.send(&request).await;
        assert_eq!(got, status, "change {n}: {body}");
        assert!(!body.to_string().contains("test-secret"));
    }
    let unsigned = format!("http://{}/apps/1/channels", server.address("channels"));
    assert_eq!(reqwest::get(unsigned).await.unwrap().status(), 401);
}

#[tokio::test]
async fn bad_bodies_have_their_status_and_say_why() {
    let server = spawn();
    let with_data =
        |bytes: usize| json!({"name":"e","channel":"a","data":"é".repeat(bytes / 2)}).to_string();
    assert_eq!(
        server
            .api("POST", "/apps/1/events", "", &with_data(10_240))
            .await
            .0,
        200
    );
    for (path, body, status) in [
        ("events", "", 400),
        ("events", "not json", 400),
        ("events", "[]", 400),
        ("events", r#"{"name":"e","channel":"a","data":{}}"#, 400),
        ("events", &with_data(10_242), 413),
        ("events", &"x".repeat((1 << 20) + 1), 413),
        ("batch_events", r#"{"batch":{}}"#, 400),
        (
            "batch_events",
            r#"{"batch":[{"name":"e","channels":["a"],"data":"1"}]}"#,
            400,
        ),
    ] {
        let (got, answer) = server
            .api("POST", &format!("/apps/1/{path}"), "", body)
            .await;
        assert_eq!((got, &answer["code"]), (status, &json!(status)), "{answer}");
        assert!(answer["error"].is_string());
    }
}

#[tokio::test]
async fn a_batch_is_sent_whole_or_not_at_all() {
    let server = spawn();
    let mut client = server.connect().await;
    client.subscribe("a").await;
    let event = |channel: &str| json!({"name":"e","channel":channel,"data":"1"});
    let send = |batch: Vec<Value>| {
        let body = json!({ "batch": batch }).to_string();
        let server = &server;
        async move { server.api("POST", "/apps/1/batch_events", "", &body).await }
    };
    assert_eq!(send(vec![event("a"), event("a b")]).await.0, 400);
    assert_eq!(send(vec![event("a"); 11]).await.0, 400);
    client.expect_silence().await;
    assert_eq!(send(vec![event("a"); 10]).await, (200, json!({})));
    for _ in 0..10 {
        client.expect("e").await;
    }
    let mut with_info = event("a");
    with_info["info"] = "subscription_count".into();
    let answer = send(vec![with_info, event("b")]).await;
    assert_eq!(
        answer,
        (200, json!({"batch":[{"subscription_count":1},{}]}))
    );
}

#[tokio::test]
async fn a_hundred_channels_are_taken_and_one_more_is_not() {
    let server = spawn();
    let mut client = server.connect().await;
    client.subscribe("c99").await;
    let body = |n: usize| {
        let channels: Vec<_> = (0..n).map(|n| format!("c{n}")).collect();
        json!({"name":"e","channels":channels,"data":"words"}).to_string()
    };
    assert_eq!(
        server.api("POST", "/apps/1/events", "", &body(101)).await.0,
        400
    );
    assert_eq!(
        server.api("POST", "/apps/1/events", "", &body(100)).await.0,
        200
    );
    assert_eq!(client.expect("e").await["data"], "words");
    client.expect_silence().await;
}

#[tokio::test]
async fn the_excluded_connection_misses_that_event_and_no_other() {
    let server = spawn();
    let (mut sender, mut other) = (server.connect().await, server.connect().await);
    sender.subscribe("a").await;
    other.subscribe("a").await;
    for n in 0..6 {
        let mut body = json!({"name":"e","channel":"a","data":n.to_string()});
        if n % 2 == 0 {
            body["socket_id"] = sender.socket_id.clone().into();
        }
        assert_eq!(
            server
                .api("POST", "/apps/1/events", "", &body.to_string())
                .await
                .0,
            200
        );
    }
    for n in 0..6 {
        assert_eq!(other.expect("e").await["data"], n.to_string());
    }
    for n in [1, 3, 5] {
        assert_eq!(sender.expect("e").await["data"], n.to_string());
    }
    sender.expect_silence().await;
    let nobody = json!({"name":"e","channel":"a","data":"","socket_id":"1.1"}).to_string();
    assert_eq!(
        server.api("POST", "/apps/1/events", "", &nobody).await.0,
        200
    );
}

#[tokio::test]
async fn channels_are_described_as_asked() {
    let server = spawn_with(
        vec![app(|_| ()), AppSettings::new("2", "key-2", "s2")],
        |_| (),
    );
    let (mut ann, mut bo) = (server.connect().await, server.connect().await);
    let _other = server
        .connect_to("key-2", "s2")
        .await
        .subscribe("presence")
        .await;
    ann.join("presence-r", r#"{"user_id":"7"}"#).await;
    bo.join("presence-r", r#"{"user_id":"9"}"#).await;
    bo.subscribe("news").await;
    bo.sign_in(r#"{"id":"9"}"#).await;
    bo.subscribe("#server-to-user-9").await;
    server.trigger("cache-q", "state", r#"{"v": 1}"#).await;
    let get = |path: &str, query: &str| {
        let (path, query) = (format!("/apps/1/{path}"), query.to_owned());
        let server = &server;
        async move { server.api("GET", &path, &query, "").await }
    };
    let prefix = "filter_by_prefix=presence-";
    assert_eq!(
        get("channels", "").await,
        (200, json!({"channels":{"news":{},"presence-r":{}}}))
    );
    assert_eq!(
        get("channels", &format!("{prefix}&info=user_count")).await,
        (200, json!({"channels":{"presence-r":{"user_count":2}}}))
    );
    assert_eq!(get("channels", "info=user_count").await.0, 400);
    assert_eq!(
        get("channels/presence-r", "info=user_count,subscription_count").await,
        (
            200,
            json!({"occupied":true,"user_count":2,"subscription_count":2})
        )
    );
    assert_eq!(
        get("channels/nowhere", "").await,
        (200, json!({"occupied":false}))
    );
    assert_eq!(get("channels/news", "info=user_count").await.0, 400);
    assert_eq!(get("channels/news", "info=cache").await.0, 400);
    let (_, cached) = get("channels/cache-q", "info=cache").await;
    assert_eq!(cached["cache"]["data"], r#"{"v": 1}"#);
    assert!((1_790..=1_800).contains(&cached["cache"]["ttl"].as_u64().unwrap()));
    assert_eq!(
        get("channels/cache-r", "info=cache").await.1["cache"],
        Value::Null
    );
    assert_eq!(
        get("channels/presence-r/users", "").await,
        (200, json!({"users":[{"id":"7"},{"id":"9"}]}))
    );
    assert_eq!(
        get("channels/presence-x/users", "").await,
        (200, json!({"users":[]}))
    );
    assert_eq!(get("channels/news/users", "").await.0, 400);
}

#[tokio::test]
async fn all_three_python_gets_carry_the_md5_of_nothing() {
    let server = spawn();
    for path in ["channels", "channels/news", "channels/presence-r/users"] {
        let mut request = Request::new("GET", &format!("/apps/1/{path}"), "", "");
        request.body_md5 = Some("d41d8cd98f00b204e9800998ecf8427e".to_owned());
        assert_eq!(server.send(&request).await.0, 200, "{path}");
    }
}
