//! Channels: signatures, presence, client events, cache, counts (reference, 5 to 10; traps 3, 5
//! to 8, 13 to 15, 21 to 23), and the plain transports beside them.

use std::collections::BTreeSet;

use crate::support::{
    TEST_TOKEN,
    pusher::{self, Client, app, inner, spawn, spawn_with},
};
use pushlab::config::apps::{AppSettings, Secret};
use serde_json::{Value, json};

const GUARDED: [&str; 6] = [
    "private-a",
    "private-cache-a",
    "private-encrypted-a",
    "private-encrypted-cache-a",
    "presence-a",
    "presence-cache-a",
];

fn channel_data(channel: &str) -> Option<&'static str> {
    channel
        .starts_with("presence-")
        .then_some(r#"{"user_id":"7"}"#)
}

#[tokio::test]
async fn a_forged_signature_is_refused_on_every_guarded_prefix() {
    let server = spawn();
    let (mut forger, mut client) = (server.connect().await, server.connect().await);
    forger.secret = Secret::new("wrong");
    for channel in GUARDED {
        forger.ask(channel, channel_data(channel)).await;
        forger.expect_refused(channel, 401).await;
        let unsigned = json!({"event":"pusher:subscribe","data":{"channel":channel,"auth":""}});
        client.send(unsigned).await;
        client.expect_refused(channel, 401).await;
        client.ask(channel, channel_data(channel)).await;
        client
            .expect("pusher_internal:subscription_succeeded")
            .await;
        if channel.contains("cache-") {
            client.expect("pusher:cache_miss").await;
        }
    }
    forger.expect_silence().await;
}

#[tokio::test]
async fn channel_data_is_signed_text_on_private_channels_too() {
    let server = spawn();
    let mut client = server.connect().await;
    client.ask("private-a", Some(r#"{"any": "thing"}"#)).await;
    client
        .expect("pusher_internal:subscription_succeeded")
        .await;
    let auth = client.auth("private-b", None);
    let with_more = json!({"channel":"private-b","auth":auth,"channel_data":"{}"});
    client
        .send(json!({"event":"pusher:subscribe","data":with_more}))
        .await;
    client.expect_refused("private-b", 401).await;
}

#[tokio::test]
async fn bad_names_are_refused_and_near_misses_are_public() {
    let server = spawn();
    let mut client = server.connect().await;
    let long = "x".repeat(165);
    for name in ["", "a b", "a/b", "a:b", "naïve", "#x", "!7", &long] {
        client.ask(name, None).await;
        client.expect_refused(name, 400).await;
    }
    server.trigger("mycache-x", "e", "1").await;
    for name in ["private", "mycache-x", "x-presence-a"] {
        client
            .send(json!({"event":"pusher:subscribe","data":{"channel":name}}))
            .await;
        client
            .expect("pusher_internal:subscription_succeeded")
            .await;
    }
    client.expect_silence().await;
}

#[tokio::test]
async fn members_are_people_and_not_connections() {
    let server = spawn();
    let (mut ann, mut tab, mut bo) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    let room = "presence-r";
    // A number, spaces after the colons as Python writes them, and letters beyond ASCII.
    ann.join(room, r#"{"user_id": 10, "user_info": {"n": "Änne 🦀"}}"#)
        .await;
    let members = tab
        .join(room, r#"{"user_id":"10","user_info":{"n":"Ann"}}"#)
        .await;
    assert_eq!(members["ids"], json!(["10"]));
    let members = bo.join(room, r#"{"user_id":"9"}"#).await;
    assert_eq!(
        members["hash"],
        json!({"10": {"n":"Ann"}, "9": null}),
        "the latest wins"
    );
    for other in [&mut ann, &mut tab] {
        let added = inner(&other.expect("pusher_internal:member_added").await);
        assert_eq!(added, json!({"user_id":"9"}));
    }
    tab.unsubscribe(room).await;
    tab.expect_pong().await;
    bo.expect_silence().await;
    drop(ann);
    let removed = bo.expect("pusher_internal:member_removed").await;
    assert_eq!(inner(&removed), json!({"user_id":"10"}));
    assert_eq!(removed["channel"], room);
}

#[tokio::test]
async fn a_signed_in_user_joins_as_itself() {
    let server = spawn();
    let mut client = server.connect().await;
    client.ask("presence-r", None).await;
    client.expect_refused("presence-r", 400).await;
    client
        .sign_in(r#"{"id":"7","user_info":{"n":"Ann"}}"#)
        .await;
    client.ask("presence-r", None).await;
    let frame = client
        .expect("pusher_internal:subscription_succeeded")
        .await;
    assert_eq!(inner(&frame)["presence"]["hash"], json!({"7": {"n":"Ann"}}));
}

#[tokio::test]
async fn presence_has_its_limits() {
    let few = |app: &mut AppSettings| app.presence_max_members = 2;
    let server = spawn_with(vec![app(few)], |_| ());
    let mut clients = Vec::new();
    for id in 0..2 {
        let mut client = server.connect().await;
        client
            .join("presence-r", &format!(r#"{{"user_id":{id}}}"#))
            .await;
        clients.push(client);
    }
    let mut late = server.connect().await;
    late.ask("presence-r", Some(r#"{"user_id":"x"}"#)).await;
    late.expect_refused("presence-r", 403).await;
    late.join("presence-r", r#"{"user_id":"0"}"#).await;
    let long_id = format!(r#"{{"user_id":"{}"}}"#, "x".repeat(129));
    let large = format!(r#"{{"user_id":"1","user_info":"{}"}}"#, "x".repeat(1_024));
    for (data, status) in [
        (long_id.as_str(), 403),
        (&large, 403),
        ("x", 400),
        ("{}", 400),
    ] {
        late.ask("presence-b", Some(data)).await;
        late.expect_refused("presence-b", status).await;
    }
}

/// Joins, then follows the room until told to stop; answers its view of it.
async fn view(
    mut client: Client,
    room: &str,
    id: usize,
    leaves: bool,
    done: u16,
) -> BTreeSet<String> {
    let data = format!(r#"{{"user_id":"{id}"}}"#);
    let members = client.join(room, &data).await;
    let ids = members["ids"].as_array().unwrap().iter();
    let mut here: BTreeSet<String> = ids.map(|id| id.as_str().unwrap().to_owned()).collect();
    assert!(here.contains(&id.to_string()));
    if leaves {
        return here;
    }
    loop {
        let frame = match client.next().await {
            Ok(frame) => frame,
            Err(code) => {
                assert_eq!(code, done);
                return here;
            }
        };
        match frame["event"].as_str().unwrap() {
            "pusher_internal:member_added" => {
                let id = inner(&frame)["user_id"].as_str().unwrap().to_owned();
                assert!(here.insert(id), "nobody is added twice: {frame}");
            }
            "pusher_internal:member_removed" => {
                let id = inner(&frame)["user_id"].as_str().unwrap().to_owned();
                assert!(
                    here.remove(&id),
                    "nobody is removed who was not there: {frame}"
                );
            }
            "done" => return here,
            other => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_joins_and_leaves_leave_every_view_right() {
    const STAY: usize = 60;
    const LEAVE: usize = 140;
    let many = |app: &mut AppSettings| app.presence_max_members = 1_000;
    let server = spawn_with(vec![app(many)], |_| ());
    let mut staying = Vec::new();
    let mut leaving = Vec::new();
    for id in 0..STAY + LEAVE {
        let client = server.connect().await;
        let leaves = id % 10 >= 3;
        let task = tokio::spawn(view(client, "presence-r", id, leaves, 4200));
        if leaves {
            leaving.push(task)
        } else {
            staying.push(task)
        }
    }
    for task in leaving {
        task.await.unwrap();
    }
    let channel = pushlab::channel::ChannelName::parse("presence-r").unwrap();
    pusher::until("those who leave are gone", || {
        server.lab.node.members(&channel).len() <= STAY
            && server.lab.node.subscribers(&channel) <= STAY
    })
    .await;
    // Behind every announcement: the look of one more member, who then is gone again.
    let mut last = server.connect().await;
    last.join("presence-r", r#"{"user_id":"last"}"#).await;
    server.trigger("presence-r", "done", "").await;
    let mut expected: BTreeSet<_> = (0..STAY + LEAVE)
        .filter(|id| id % 10 < 3)
        .map(|id| id.to_string())
        .collect();
    expected.insert("last".to_owned());
    assert_eq!(expected.len(), STAY + 1);
    for task in staying {
        assert_eq!(task.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn client_events_go_to_the_others_with_the_servers_user_id() {
    let server = spawn();
    let (mut ann, mut bo) = (server.connect().await, server.connect().await);
    ann.join("presence-r", r#"{"user_id":"7"}"#).await;
    bo.join("presence-r", r#"{"user_id":"9"}"#).await;
    ann.expect("pusher_internal:member_added").await;
    let sent = json!({"event":"client-t","channel":"presence-r","data":{"on":true},"user_id":"9","more":1});
    ann.send(sent).await;
    let frame = bo.expect("client-t").await;
    assert_eq!(
        frame,
        json!({"event":"client-t","channel":"presence-r","data":{"on":true},"user_id":"7"})
    );
    for client in [&mut ann, &mut bo] {
        client.subscribe("private-a").await;
    }
    ann.send(
        json!({"event":"client-t","channel":"private-a","data":"{\"on\":true}","user_id":"9"}),
    )
    .await;
    let frame = bo.expect("client-t").await;
    assert_eq!(
        frame,
        json!({"event":"client-t","channel":"private-a","data":"{\"on\":true}"})
    );
    ann.expect_silence().await;
}

#[tokio::test]
async fn client_events_on_public_channels_without_subscription_or_too_large_are_refused() {
    let server = spawn();
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    for name in ["news", "private-a"] {
        client.subscribe(name).await;
        other.subscribe(name).await;
    }
    let large = "x".repeat(10_300);
    let long = format!("client-{}", "x".repeat(200));
    for (event, channel, data) in [
        ("client-t", "news", "1"),
        ("client-t", "cache-a", "1"),
        ("client-t", "private-b", "1"),
        ("client-t", "#server-to-user-7", "1"),
        ("client-t", "private-a", large.as_str()),
        (&long, "private-a", "1"),
    ] {
        client
            .send(json!({"event":event,"channel":channel,"data":data}))
            .await;
        let error = client.expect("pusher:error").await;
        assert_eq!(error["data"]["code"], Value::Null, "{event} {channel}");
    }
    other.expect_silence().await;
}

#[tokio::test]
async fn client_events_where_the_labs_source_publishes_are_refused() {
    let server = spawn();
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    for one in [&mut client, &mut other] {
        one.subscribe("private-measured").await;
    }
    let main = server.address("main");
    let started = reqwest::Client::new()
        .put(format!("http://{main}/api/sources/private-measured"))
        .bearer_auth(TEST_TOKEN)
        .body(r#"{"kind":"compare","rate_per_s":2,"size_bytes":60}"#)
        .send();
    assert_eq!(started.await.unwrap().status(), 200);
    let sent = json!({"event":"client-t","channel":"private-measured","data":1});
    client.send(sent).await;
    let refused = loop {
        let frame = client.next().await.unwrap();
        if frame["event"] == "pusher:error" {
            break frame["data"]["message"].as_str().unwrap().to_owned();
        }
    };
    assert!(refused.contains("the lab itself publishes"), "{refused}");
    for _ in 0..3 {
        assert_eq!(other.next().await.unwrap()["event"], "tick");
    }
}

#[tokio::test]
async fn thirty_client_events_in_a_burst_are_twenty_errors_on_an_open_connection() {
    let server = spawn();
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    client.subscribe("private-a").await;
    other.subscribe("private-a").await;
    for n in 0..30 {
        client
            .send(json!({"event":"client-t","channel":"private-a","data":n}))
            .await;
    }
    for _ in 0..20 {
        assert_eq!(client.expect("pusher:error").await["data"]["code"], 4301);
    }
    client.expect_silence().await;
    for n in 0..10 {
        assert_eq!(other.expect("client-t").await["data"], n);
    }
    other.expect_silence().await;
}

#[tokio::test]
async fn a_cache_channel_gives_its_last_event_or_says_that_it_has_none() {
    let server = spawn();
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.subscribe("private-cache-q").await;
    first.expect("pusher:cache_miss").await;
    let body = json!({"name":"state","channel":"private-cache-q","data":"{\"v\": 1}","socket_id":first.socket_id});
    server
        .api("POST", "/apps/1/events", "", &body.to_string())
        .await;
    first
        .send(json!({"event":"client-t","channel":"private-cache-q","data":2}))
        .await;
    first.expect_silence().await;
    second.subscribe("private-cache-q").await;
    assert_eq!(second.expect("state").await["data"], "{\"v\": 1}");
    second.expect_silence().await;
    // The publisher's exclusion does not apply to what it reads later.
    first.unsubscribe("private-cache-q").await;
    first.subscribe("private-cache-q").await;
    first.expect("state").await;
    drop((first, second));
    let mut later = server.connect().await;
    later.subscribe("private-cache-q").await;
    later.expect("state").await;
}

#[tokio::test]
async fn subscribers_are_told_how_many_they_are_if_the_application_wants_it() {
    let server = spawn_with(vec![app(|app| app.subscription_count = true)], |_| ());
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    let count = |frame: Value| inner(&frame)["subscription_count"].clone();
    let event = "pusher_internal:subscription_count";
    first.subscribe("news").await;
    assert_eq!(count(first.expect(event).await), 1);
    second.subscribe("news").await;
    assert_eq!(count(first.expect(event).await), 2);
    assert_eq!(count(second.expect(event).await), 2);
    drop(second);
    assert_eq!(count(first.expect(event).await), 1);
    first.join("presence-r", r#"{"user_id":"7"}"#).await;
    first.expect_silence().await;
}

#[tokio::test]
async fn a_count_is_told_in_its_turn_and_never_again() {
    let server = spawn_with(vec![app(|app| app.subscription_count = true)], |_| ());
    let event = "pusher_internal:subscription_count";
    let mut first = server.connect().await;
    first.subscribe("news").await;
    first.expect(event).await;
    let named = json!({"event":"pushlab:position","data":{"channel":"news"}});
    let mut positioned = server.connect().await;
    positioned.send(named).await;
    positioned.subscribe("news").await;
    let start = inner(&positioned.expect("pushlab:position").await);
    assert_eq!(start["offset"], 0, "a count takes no offset");
    let count = positioned.expect(event).await;
    assert_eq!(
        count,
        json!({"event":event,"channel":"news","data":r#"{"subscription_count":2}"#}),
        "in the form of every connection"
    );
    first.expect(event).await;
    server.trigger("news", "e", "1").await;
    first.expect("e").await;
    positioned.expect("e").await;
    let mut second = server.connect().await;
    second.subscribe("news").await;
    second.expect(event).await;
    first.expect(event).await;
    positioned.expect(event).await;
    server.trigger("news", "e", "2").await;
    first.expect("e").await;

    let main = server.address("main");
    for path in [
        "short-poll/news?history=10",
        "api/channels/news/history?limit=10",
    ] {
        let url = format!("http://{main}/{path}");
        let kept: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
        let kept = kept["publications"].as_array().unwrap();
        let kept: Vec<_> = kept.iter().map(|p| (&p["event"], &p["offset"])).collect();
        assert_eq!(
            kept,
            [(&json!("e"), &json!(1)), (&json!("e"), &json!(2))],
            "{url}"
        );
    }

    let mut later = server.connect().await;
    let data = json!({"channel":"news","epoch":start["epoch"],"offset":0});
    later
        .send(json!({"event":"pushlab:position","data":data}))
        .await;
    later.subscribe("news").await;
    let position = inner(&later.expect("pushlab:position").await);
    assert_eq!(position["recovered"], true);
    for offset in 1..=2 {
        assert_eq!(inner(&later.expect("e").await)["offset"], offset);
    }
    assert_eq!(
        inner(&later.expect(event).await),
        json!({"subscription_count":4})
    );
    later.expect_silence().await;
}

#[tokio::test]
async fn plain_transports_and_the_demo_application_share_channels() {
    let server = spawn();
    let mut client = server.connect().await;
    client.subscribe("news").await;
    assert_eq!(
        server
            .publish_plain("news", json!({"event":"e","data":{"x":1}}))
            .await,
        200
    );
    assert_eq!(client.expect("e").await["data"], r#"{"x":1}"#);
    for event in [
        "pusher:error",
        "pusher_internal:member_added",
        "pushlab:join",
    ] {
        let status = server
            .publish_plain("news", json!({"event":event,"data":{}}))
            .await;
        assert_eq!(status, 400, "{event}");
    }
    server.trigger("news", "e", r#"{"y": "ä"}"#).await;
    assert_eq!(client.expect("e").await["data"], r#"{"y": "ä"}"#);
    let url = format!(
        "http://{}/api/channels/news/history?limit=1",
        server.address("main")
    );
    let history: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    assert_eq!(history["publications"][0]["data"], json!({"y":"ä"}));
}

#[tokio::test]
async fn applications_do_not_hear_each_other() {
    let server = spawn_with(
        vec![app(|_| ()), AppSettings::new("2", "key-2", "s2")],
        |_| (),
    );
    let mut first = server.connect().await;
    let mut second = server.connect_to("key-2", "s2").await;
    first.subscribe("news").await;
    second.subscribe("news").await;
    server.trigger("news", "e", "1").await;
    first.expect("e").await;
    second.expect_silence().await;
    // Another application's key, and its secret under this key, sign nothing here.
    first.key = "key-2".to_owned();
    first.ask("private-a", None).await;
    first.expect_refused("private-a", 401).await;
}

#[tokio::test]
async fn one_connection_has_a_bounded_number_of_channels() {
    let server = spawn_with(vec![app(|_| ())], |config| config.max_channels = 20_000);
    let mut client = server.connect().await;
    for n in 0..10_000 {
        client.subscribe(&format!("c{n}")).await;
    }
    client.ask("one-more", None).await;
    client.expect_refused("one-more", 403).await;
    client
        .send(json!({"event":"pusher:unsubscribe","data":{"channel":"c0"}}))
        .await;
    client.subscribe("one-more").await;
}
