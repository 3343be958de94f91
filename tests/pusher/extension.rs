//! Recovery beside protocol 7: what it loses, and what a client that names positions gets back.

use crate::support::pusher::{Client, TestServer, app, inner, spawn, spawn_with};
use futures_util::StreamExt;
use pushlab::channel::ChannelName;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// Names a position, or none yet, for the next subscription.
async fn name_position(client: &mut Client, channel: &str, position: Option<&Value>) {
    let mut data = json!({ "channel": channel });
    if let Some(position) = position {
        data["epoch"] = position["epoch"].clone();
        data["offset"] = position["offset"].clone();
    }
    client
        .send(json!({"event":"pushlab:position","data":data}))
        .await;
}

/// Subscribes with a position; answers what the server says of it.
async fn resume(client: &mut Client, channel: &str, position: Option<&Value>) -> Value {
    name_position(client, channel, position).await;
    client.subscribe(channel).await;
    position_of(client, channel).await
}

async fn position_of(client: &mut Client, channel: &str) -> Value {
    let frame = client.expect("pushlab:position").await;
    assert_eq!(frame["channel"], channel);
    inner(&frame)
}

async fn trigger_all(server: &TestServer, channel: &str, numbers: std::ops::Range<u32>) {
    for n in numbers {
        server.trigger(channel, "e", &n.to_string()).await;
    }
}

#[tokio::test]
async fn protocol_7_loses_what_is_published_while_away_and_the_extension_does_not() {
    let server = spawn();
    for channel in ["news", "private-news", "cache-news"] {
        let (mut plain, mut other) = (server.connect().await, server.connect().await);
        plain.subscribe(channel).await;
        let first = resume(&mut other, channel, None).await;
        assert_eq!(first["recovered"], false);
        let is_cached = channel == "cache-news";
        if is_cached {
            plain.expect("pusher:cache_miss").await;
        }
        server.trigger(channel, "e", "0").await;
        plain.expect("e").await;
        let seen = inner(&other.expect("e").await);
        assert_eq!(
            (&seen["epoch"], &seen["data"]),
            (&first["epoch"], &json!(0))
        );
        assert!(seen["published_us"].as_u64() >= seen["intended_us"].as_u64());
        drop((plain, other));
        trigger_all(&server, channel, 1..6).await;
        let (mut plain, mut other) = (server.connect().await, server.connect().await);
        plain.subscribe(channel).await;
        if is_cached {
            assert_eq!(
                plain.expect("e").await["data"],
                "5",
                "the last, and no other"
            );
        }
        plain.expect_silence().await;
        let now = resume(&mut other, channel, Some(&seen)).await;
        assert_eq!(now["recovered"], true);
        for n in 1..6 {
            let event = inner(&other.expect("e").await);
            assert_eq!(event["data"], n);
            let expected = seen["offset"].as_u64().unwrap() + n;
            assert_eq!(event["offset"], expected);
        }
        other.expect_silence().await;
        server.trigger(channel, "e", "6").await;
        assert_eq!(inner(&other.expect("e").await)["data"], 6);
    }
}

#[tokio::test]
async fn a_channel_that_was_emptied_says_so_and_honours_no_older_position() {
    let server = spawn();
    let mut live = server.connect().await;
    resume(&mut live, "news", None).await;
    server.trigger("news", "e", "1").await;
    let old = inner(&live.expect("e").await);
    let channel = ChannelName::parse("news").unwrap();
    server.lab.node.clear(&channel).await.unwrap();
    let told = inner(&live.expect("pushlab:cleared").await);
    assert_ne!(told["epoch"], old["epoch"]);
    let mut back = server.connect().await;
    let now = resume(&mut back, "news", Some(&old)).await;
    assert_eq!(now["recovered"], false);
    assert_eq!(now["epoch"], told["epoch"]);
    back.expect("pushlab:cleared").await;
    let mut later = server.connect().await;
    let now = resume(&mut later, "news", Some(&told)).await;
    assert_eq!(now["recovered"], true);
}

#[tokio::test]
async fn plain_clients_notice_nothing() {
    let server = spawn();
    let (mut plain, mut other) = (server.connect().await, server.connect().await);
    plain.subscribe("private-a").await;
    resume(&mut other, "private-a", None).await;
    server.trigger("private-a", "price", r#"{"x": 1}"#).await;
    other
        .send(json!({"event":"client-t","channel":"private-a","data":{"on":true}}))
        .await;
    for expected in [
        r#"{"event":"price","channel":"private-a","data":"{\"x\": 1}"}"#,
        r#"{"event":"client-t","channel":"private-a","data":{"on":true}}"#,
    ] {
        let Some(Ok(Message::Text(text))) = plain.socket.next().await else {
            panic!("a frame comes");
        };
        assert_eq!(text.as_str(), expected);
    }
    assert_eq!(inner(&other.expect("price").await)["data"], json!({"x":1}));
    // Its own client event is not echoed; an unsubscribed channel is plain again.
    other.unsubscribe("private-a").await;
    other.subscribe("private-a").await;
    server.trigger("private-a", "price", "2").await;
    assert_eq!(other.expect("price").await["data"], "2");
}

#[tokio::test]
async fn presence_has_its_list_once_and_members_in_their_form() {
    let server = spawn();
    let room = "presence-r";
    let (mut ann, mut bo) = (server.connect().await, server.connect().await);
    name_position(&mut ann, room, None).await;
    let members = ann.join(room, r#"{"user_id":"7"}"#).await;
    assert_eq!(members["ids"], json!(["7"]));
    let at = position_of(&mut ann, room).await;
    bo.join(room, r#"{"user_id":"9","user_info":{"n":"Bo"}}"#)
        .await;
    let added = inner(&ann.expect("pusher_internal:member_added").await);
    assert_eq!(
        (&added["user_id"], &added["user_info"]),
        (&json!("9"), &json!({"n":"Bo"}))
    );
    assert!(added["offset"].as_u64() > at["offset"].as_u64());
    drop(ann);
    bo.expect("pusher_internal:member_removed").await;
    server.trigger(room, "e", "1").await;
    bo.expect("e").await;
    let mut ann = server.connect().await;
    name_position(&mut ann, room, Some(&added)).await;
    let members = ann.join(room, r#"{"user_id":"7"}"#).await;
    assert_eq!(members["ids"], json!(["7", "9"]));
    assert_eq!(position_of(&mut ann, room).await["recovered"], true);
    assert_eq!(inner(&ann.expect("e").await)["data"], 1);
    // Neither its own leave and join, which the list has, nor anything twice.
    ann.expect_silence().await;
    drop(bo);
    let removed = inner(&ann.expect("pusher_internal:member_removed").await);
    assert_eq!(removed["user_id"], "9");
}

#[tokio::test]
async fn bad_positions_are_errors_without_a_code_and_leave_the_connection_open() {
    let server = spawn();
    let mut client = server.connect().await;
    for data in [
        json!({}),
        json!("x"),
        json!({"channel": 7}),
        json!({"channel": "a b"}),
        json!({"channel": "news", "epoch": "k3"}),
        json!({"channel": "news", "offset": 1}),
        json!({"channel": "news", "epoch": "k 3", "offset": 1}),
        json!({"channel": "news", "epoch": "k3", "offset": -1}),
        json!({"channel": "news", "epoch": "k3", "offset": 1.5}),
        json!({"channel": "news", "epoch": "k3", "offset": "1"}),
        json!({"channel": "news", "history": -1}),
    ] {
        client
            .send(json!({"event":"pushlab:position","data":data}))
            .await;
        let error = client.expect("pusher:error").await;
        assert_eq!(error["data"]["code"], Value::Null, "{data}");
    }
    client.subscribe("news").await;
    name_position(&mut client, "news", None).await;
    let error = client.expect("pusher:error").await;
    assert!(
        error["data"]["message"]
            .as_str()
            .unwrap()
            .contains("unsubscribe before")
    );
    server.trigger("news", "e", "1").await;
    assert_eq!(
        client.expect("e").await["data"],
        "1",
        "a plain subscription"
    );
    for n in 0..1_024 {
        name_position(&mut client, &format!("c{n}"), None).await;
    }
    name_position(&mut client, "c1024", None).await;
    client.expect("pusher:error").await;
}

#[tokio::test]
async fn a_position_of_another_life_gets_what_is_there_and_is_told_so() {
    let server = spawn();
    trigger_all(&server, "news", 0..5).await;
    let mut client = server.connect().await;
    let elsewhere = json!({"epoch":"elsewhere","offset":3});
    let told = resume(&mut client, "news", Some(&elsewhere)).await;
    assert_eq!(told["recovered"], false);
    for n in 0..5 {
        assert_eq!(inner(&client.expect("e").await)["data"], n);
    }
    client.unsubscribe("news").await;
    let data = json!({"channel":"news","history":2});
    client
        .send(json!({"event":"pushlab:position","data":data}))
        .await;
    client.subscribe("news").await;
    position_of(&mut client, "news").await;
    for n in 3..5 {
        assert_eq!(inner(&client.expect("e").await)["data"], n);
    }
    client.expect_silence().await;
}

#[tokio::test]
async fn a_backlog_larger_than_the_queue_arrives_whole_beside_other_channels() {
    const EVENTS: u32 = 900;
    let server = spawn_with(vec![app(|_| ())], |config| {
        config.subscriber_queue_max_bytes = 100_000;
        config.history_max_bytes = 16 << 20;
    });
    let data = serde_json::value::to_raw_value(&"x".repeat(8_000)).unwrap();
    let channels = ["big-a", "big-b", "big-c"];
    let publish = |channel: &str, from: u32, to: u32| {
        let channel = pushlab::channel::ChannelName::parse(channel).unwrap();
        let (node, data) = (server.lab.node.clone(), data.clone());
        async move {
            for _ in from..to {
                let draft = pushlab::channel::Draft::new("e", data.clone());
                node.publish(&channel, draft).await.unwrap();
            }
        }
    };
    for channel in channels {
        publish(channel, 0, EVENTS).await;
    }
    let mut client = server.connect().await;
    for channel in channels {
        let all = json!({"channel":channel,"history":2 * EVENTS});
        client
            .send(json!({"event":"pushlab:position","data":all}))
            .await;
        client.ask(channel, None).await;
    }
    // While it reads, more comes: of that, too, nothing is lost or out of order.
    publish("big-b", EVENTS, EVENTS + 50).await;
    let mut next = std::collections::HashMap::from(channels.map(|channel| (channel, 1)));
    let mut left = EVENTS * 3 + 50;
    while left > 0 {
        let frame = client.next().await.unwrap_or_else(|code| panic!("{code}"));
        if frame["event"] == "e" {
            let channel = frame["channel"].as_str().unwrap();
            let next = next.get_mut(channel).unwrap();
            assert_eq!(inner(&frame)["offset"], *next, "{channel}");
            *next += 1;
            left -= 1;
        }
    }
    for channel in channels {
        client.unsubscribe(channel).await;
    }
    client.expect_silence().await;
}

#[tokio::test]
async fn unsubscribing_ends_a_catch_up() {
    let server = spawn_with(vec![app(|_| ())], |config| {
        // More than the kernel takes of what nobody reads.
        config.history_max_bytes = 64 << 20;
        config.history_max_count = 4_000;
    });
    let channel = pushlab::channel::ChannelName::parse("big").unwrap();
    let data = serde_json::value::to_raw_value(&"x".repeat(10_000)).unwrap();
    for _ in 0..4_000 {
        let draft = pushlab::channel::Draft::new("e", data.clone());
        server.lab.node.publish(&channel, draft).await.unwrap();
    }
    let mut client = server.connect_narrow().await;
    let all = json!({"channel":"big","history":4_000});
    client
        .send(json!({"event":"pushlab:position","data":all}))
        .await;
    client.ask("big", None).await;
    client.unsubscribe("big").await;
    client.send(json!({"event":"pusher:ping","data":{}})).await;
    let mut events = 0;
    loop {
        let frame = client.next().await.unwrap();
        match frame["event"].as_str().unwrap() {
            "e" => events += 1,
            "pusher:pong" => break,
            _ => {}
        }
    }
    assert!(events < 4_000, "{events}");
    assert_eq!(server.lab.node.subscribers(&channel), 0);
    client.expect_silence().await;
}
