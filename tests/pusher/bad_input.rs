//! Crowds and nonsense (reference, 7, 16.2, 18; traps 20 and 21): what must neither break the
//! server nor anybody's view of it.

use std::collections::BTreeSet;

use crate::support::pusher::{self, Client, Request, app, inner, spawn, spawn_with};
use futures_util::SinkExt;
use pushlab::{channel::ChannelName, config::apps::AppSettings};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const ROOM: &str = "presence-r";
const USERS: usize = 40;

/// Follows the room from its list on until `done`; every change must be one.
async fn follow(mut client: Client, id: String) -> BTreeSet<String> {
    let members = client.join(ROOM, &format!(r#"{{"user_id":"{id}"}}"#)).await;
    let ids = members["ids"].as_array().unwrap().iter();
    let mut here: BTreeSet<_> = ids.map(|id| id.as_str().unwrap().to_owned()).collect();
    loop {
        let frame = client.next().await.unwrap_or_else(|code| panic!("{code}"));
        let user = || inner(&frame)["user_id"].as_str().unwrap().to_owned();
        match frame["event"].as_str().unwrap() {
            "pusher_internal:member_added" => assert!(here.insert(user()), "twice: {frame}"),
            "pusher_internal:member_removed" => assert!(here.remove(&user()), "gone: {frame}"),
            "done" => return here,
            _ => {}
        }
    }
}

/// Comes and goes as several users, over the same few ids as all the others.
async fn come_and_go(mut client: Client, seed: u64, times: usize) {
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..times {
        let id = random.random_range(0..USERS);
        client
            .ask(ROOM, Some(&format!(r#"{{"user_id":"{id}"}}"#)))
            .await;
        loop {
            let frame = client.next().await.unwrap();
            if frame["event"] == "pusher_internal:subscription_succeeded" {
                break;
            }
        }
        client.unsubscribe(ROOM).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_joins_and_leaves_at_once_leave_every_view_right() {
    const WATCHERS: usize = 20;
    const CROWD: usize = 80;
    const TIMES: usize = 25;
    let server = spawn_with(vec![app(|app| app.presence_max_members = 1_000)], |_| ());
    let mut following = Vec::new();
    let mut crowd = Vec::new();
    for n in 0..WATCHERS {
        let client = server.connect().await;
        following.push(tokio::spawn(follow(client, format!("watcher-{n}"))));
    }
    for n in 0..CROWD {
        let client = server.connect().await;
        crowd.push(tokio::spawn(come_and_go(client, n as u64, TIMES)));
    }
    for task in crowd {
        task.await.unwrap();
    }
    let channel = ChannelName::parse(ROOM).unwrap();
    pusher::until("the crowd is gone", || {
        server.lab.node.members(&channel).len() <= WATCHERS
    })
    .await;
    // The last leave is announced before whoever looks now is answered.
    let mut late = server.connect().await;
    let seen = late.join(ROOM, r#"{"user_id":"watcher-0"}"#).await;
    assert_eq!(seen["count"], WATCHERS);
    server.trigger(ROOM, "done", "1").await;
    let expected: BTreeSet<_> = (0..WATCHERS).map(|n| format!("watcher-{n}")).collect();
    for task in following {
        assert_eq!(task.await.unwrap(), expected);
    }
    assert_eq!(server.lab.node.announcements_dropped(), 0);
}

/// A frame somewhere between right and nonsense.
fn frame(random: &mut StdRng, depth: usize) -> Value {
    const EVENTS: [&str; 12] = [
        "pusher:subscribe",
        "pusher:unsubscribe",
        "pusher:signin",
        "pusher:ping",
        "pusher:pong",
        "pushlab:position",
        "pusher_internal:member_added",
        "client-t",
        "client-",
        "",
        "message",
        "pusher:error",
    ];
    const CHANNELS: [&str; 12] = [
        "news",
        "private-a",
        "presence-r",
        "cache-a",
        "private-encrypted-cache-a",
        "#server-to-user-7",
        "!7",
        "?7",
        "1/news",
        "",
        "ä",
        "a\u{0}b",
    ];
    const TEXTS: [&str; 9] = [
        "",
        "key:00",
        "{",
        "{}",
        r#"{"user_id":7}"#,
        r#"{"id":"7"}"#,
        "\u{fffd}\u{1f980}",
        "e1",
        "test-key:",
    ];
    let pick = |random: &mut StdRng, from: &[&str]| json!(from[random.random_range(0..from.len())]);
    let value = |random: &mut StdRng| match random.random_range(0..9) {
        0 => Value::Null,
        1 => json!(random.random::<i64>()),
        2 => json!(random.random::<f64>()),
        3 => json!([[], {}]),
        4 => json!({}),
        5 => pick(random, &CHANNELS),
        6 if depth > 0 => frame(random, depth - 1),
        7 => json!(frame(random, 0).to_string()),
        _ => pick(random, &TEXTS),
    };
    let mut data = json!({});
    for key in [
        "channel",
        "auth",
        "channel_data",
        "user_data",
        "epoch",
        "offset",
        "history",
        "watchlist",
    ] {
        match random.random_range(0..4) {
            0 => {}
            1 => data[key] = value(random),
            _ if key == "channel" => data[key] = pick(random, &CHANNELS),
            _ => data[key] = pick(random, &TEXTS),
        }
    }
    let mut frame = json!({ "event": pick(random, &EVENTS), "data": data });
    for key in ["event", "data", "channel"] {
        match random.random_range(0..12) {
            0 => frame[key] = value(random),
            1 => drop(frame.as_object_mut().unwrap().remove(key)),
            2 => frame[key] = json!(frame[key].to_string()),
            _ if key == "channel" => frame[key] = pick(random, &CHANNELS),
            _ => {}
        }
    }
    frame
}

#[tokio::test]
async fn a_fuzzer_over_the_grammar_breaks_nothing() {
    let everything = |app: &mut AppSettings| {
        app.watchlists = true;
        app.subscription_count = true;
    };
    let server = spawn_with(vec![app(everything)], |_| ());
    let mut other = server.connect().await;
    other.subscribe("private-others").await;
    other.expect("pusher_internal:subscription_count").await;
    let mut random = StdRng::seed_from_u64(20);
    let mut client = server.connect().await;
    for n in 0..4_000 {
        let mut text = frame(&mut random, 3).to_string();
        if random.random_ratio(1, 8) {
            let at = random.random_range(0..=text.len());
            if text.is_char_boundary(at) {
                match random.random_range(0..3) {
                    0 => text.truncate(at),
                    1 => text.insert(at, random.random()),
                    _ => text.insert_str(at, "\\u0000\""),
                }
            }
        }
        if client.socket.send(Message::text(text)).await.is_err() {
            client = server.connect().await;
        }
        // A failed sign-in closes its own connection, and nothing else ever does.
        if n % 20 == 0 {
            let ping = json!({"event":"pusher:ping","data":{"n":n}}).to_string();
            let _ = client.socket.send(Message::text(ping)).await;
            loop {
                match client.next().await {
                    Ok(frame) if frame["event"] == "pusher:pong" && n > 0 => break,
                    Ok(_) if n > 0 => {}
                    Ok(_) => break,
                    Err(code) => {
                        assert_eq!(code, 4009);
                        client = server.connect().await;
                        break;
                    }
                }
            }
        }
    }
    server.trigger("private-others", "e", "1").await;
    assert_eq!(other.expect("e").await["data"], "1");
    other.expect_silence().await;
}

#[tokio::test]
async fn a_signed_request_is_good_for_ten_minutes_and_as_often_as_it_comes() {
    // The reference bounds the age of a request and knows no nonce: SDKs that repeat one after a
    // broken connection must not be refused.
    let server = spawn();
    let mut client = server.connect().await;
    client.subscribe("news").await;
    let mut request = Request::new(
        "POST",
        "/apps/1/events",
        "",
        r#"{"name":"e","channel":"news","data":"1"}"#,
    );
    for _ in 0..2 {
        assert_eq!(server.send(&request).await, (200, json!({})));
        client.expect("e").await;
    }
    request.timestamp -= 601;
    assert_eq!(server.send(&request).await.0, 401);
    client.expect_silence().await;
}

#[tokio::test]
async fn deep_and_huge_bodies_are_refused_by_the_api() {
    let server = spawn();
    let deep = format!(
        r#"{{"name":"e","channel":"a","data":"1","more":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let many = json!({"name":"e","channels":vec!["a"; 50_000],"data":"1"}).to_string();
    for body in [&deep, &many] {
        let (status, answer) = server.api("POST", "/apps/1/events", "", body).await;
        assert_eq!(status, 400, "{answer}");
    }
    // In the data it is a text like any other.
    let data = "[".repeat(10_000);
    server.trigger("a", "e", &data).await;
}
