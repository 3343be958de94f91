//! Connecting, refusing, living and ending (reference, 1 to 4, 11; traps 1, 2, 4, 5, 20, 24, 25).

use std::time::Duration;

use crate::support::{
    connection::Connection,
    pusher::{KEY, SECRET, app, inner, spawn, spawn_with},
    websocket::{CLOSE, PING, WebSocket},
};
use futures_util::SinkExt;
use pushlab::config::{Span, apps::AppSettings};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn the_first_frame_has_a_socket_id_and_a_timeout_that_is_not_zero() {
    let server = spawn();
    let mut client = server.open(&format!("/app/{KEY}?protocol=7")).await;
    let frame = client.expect("pusher:connection_established").await;
    let data = inner(&frame);
    assert_eq!(data["activity_timeout"], 120);
    assert!(pushlab::codec::pusher::is_socket_id(
        data["socket_id"].as_str().unwrap()
    ));
}

#[tokio::test]
async fn every_refusal_is_a_close_code_after_an_upgrade() {
    let with = |id: &str, change: &dyn Fn(&mut AppSettings)| {
        let mut app = AppSettings::new(id, &format!("key-{id}"), "s");
        change(&mut app);
        app
    };
    let apps = vec![
        app(|_| ()),
        with("2", &|app| app.enabled = false),
        with("3", &|app| app.tls_only = true),
        with("4", &|app| app.strict_protocol = true),
        with("5", &|app| app.max_connections = 1),
    ];
    let server = spawn_with(apps, |_| ());
    let _first = server.connect_to("key-5", "s").await;
    for (target, code) in [
        ("/app/nokey?protocol=7", 4001),
        ("/app/key-2?protocol=7", 4003),
        ("/app/key-3?protocol=7", 4000),
        ("/app/key-5?protocol=7", 4004),
        ("/app/", 4005),
        ("/app/test-key/more", 4005),
        ("/app/test-key?protocol=x", 4006),
        ("/app/test-key?protocol=3", 4007),
        ("/app/key-4", 4008),
    ] {
        let mut client = server.open(target).await;
        let error = client.expect("pusher:error").await;
        assert_eq!(error["data"]["code"], code, "{target}");
        assert_eq!(client.next().await, Err(code), "{target}");
    }
    let mut without_version = server.open("/app/test-key").await;
    without_version
        .expect("pusher:connection_established")
        .await;
}

#[tokio::test]
async fn pings_are_answered_and_silence_is_ended() {
    let patience = |app: &mut AppSettings| {
        app.activity_timeout = Span(Duration::from_secs(1));
        app.pong_timeout = Span(Duration::from_millis(300));
    };
    let server = spawn_with(vec![app(patience)], |_| ());
    let mut client = server.connect().await;
    client.send(json!({"event":"pusher:ping","data":{}})).await;
    let pong = client.expect("pusher:pong").await;
    assert!(pong["data"].is_object());
    // Reads and answers nothing.
    let address = server.address("channels").parse().unwrap();
    let target = format!("/app/{KEY}?protocol=7");
    let mut silent = WebSocket::open_path(Connection::connect(address), &target).unwrap();
    let mut pinged = false;
    let close = loop {
        let frame = silent.next_frame().unwrap().expect("a close frame first");
        match frame.opcode {
            PING => pinged = true,
            CLOSE => break frame,
            _ => {}
        }
    };
    assert!(pinged, "before it is given up");
    assert_eq!(close.payload[..2], 4201_u16.to_be_bytes());
}

#[tokio::test]
async fn a_stop_says_reconnect() {
    let mut server = spawn();
    let mut client = server.connect().await;
    server.begin_stop();
    assert_eq!(client.closed().await, 4200);
}

#[tokio::test]
async fn malformed_frames_close_nothing() {
    let server = spawn();
    let mut other = server.connect().await;
    other.subscribe("news").await;
    let mut client = server.connect().await;
    let deep = format!(
        r#"{{"event":"client-x","channel":"a","data":{}{}}}"#,
        "[".repeat(9_000),
        "]".repeat(9_000)
    );
    let mut frames: Vec<String> = [
        "",
        "x",
        "null",
        "[]",
        "{}",
        "7",
        "\"a\"",
        r#"{"event":null}"#,
        r#"{"event":{}}"#,
        &deep,
    ]
    .map(str::to_owned)
    .to_vec();
    let values = [
        "null",
        "7",
        "\"x\"",
        "[]",
        "{}",
        "true",
        r#"{"channel":7}"#,
        r#"{"channel":null}"#,
        r#"{"channel":[]}"#,
        r#"{"channel":""}"#,
        r#"{"channel":"presence-a","auth":7}"#,
        r#"{"channel":"presence-a","channel_data":"x"}"#,
        r#"{"auth":"x","user_data":7}"#,
        r#"{"channel":"a b"}"#,
    ];
    for event in [
        "pusher:subscribe",
        "pusher:unsubscribe",
        "client-x",
        "pusher:nonsense",
        "shout",
    ] {
        frames.push(format!(r#"{{"event":"{event}"}}"#));
        for value in values {
            frames.push(format!(r#"{{"event":"{event}","data":{value}}}"#));
            frames.push(format!(
                r#"{{"event":"{event}","channel":{value},"data":{value}}}"#
            ));
        }
    }
    for frame in &frames {
        client.send_text(frame).await;
        let answer = client
            .next()
            .await
            .unwrap_or_else(|code| panic!("{frame}: {code}"));
        if answer["event"] == "pusher:subscription_error" {
            client.expect("pusher:error").await;
        } else {
            assert_eq!(answer["event"], "pusher:error", "{frame}");
        }
    }
    client.subscribe("news").await;
    server.trigger("news", "e", "1").await;
    client.expect("e").await;
    other.expect("e").await;
}

#[tokio::test]
async fn binary_and_oversize_messages_close_their_own_connection_only() {
    let server = spawn();
    let mut other = server.connect().await;
    let mut binary = server.connect().await;
    binary.socket.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(binary.closed().await, 1003);
    let mut large = server.connect().await;
    let _ = large.socket.send(Message::text("x".repeat(70_000))).await;
    assert_eq!(large.closed().await, 1009);
    other.expect_silence().await;
}

#[tokio::test]
async fn what_is_sent_back_to_back_takes_effect_in_order() {
    let server = spawn();
    let mut client = server.connect().await;
    client.ask("news", None).await;
    client.unsubscribe("news").await;
    client.ask("news", None).await;
    client
        .expect("pusher_internal:subscription_succeeded")
        .await;
    client
        .expect("pusher_internal:subscription_succeeded")
        .await;
    server.trigger("news", "e", "1").await;
    client.expect("e").await;
    client.ask("news", None).await;
    let again = client.expect("pusher:error").await;
    assert_eq!(again["data"]["code"], json!(null));
    for _ in 0..3 {
        client.unsubscribe("news").await;
    }
    for _ in 0..2 {
        client.expect("pusher:error").await;
    }
    server.trigger("news", "e", "2").await;
    client.expect_silence().await;
}

#[tokio::test]
async fn ten_thousand_subscriptions_are_held() {
    let server = spawn_with(vec![app(|_| ())], |config| config.max_channels = 20_000);
    let mut client = server.connect().await;
    for n in 0..10_000 {
        client.subscribe(&format!("c{n}")).await;
    }
    server.trigger("c9999", "e", "1").await;
    client.expect("e").await;
}

#[tokio::test]
async fn a_slow_subscriber_is_closed_and_the_others_go_on() {
    let server = spawn_with(vec![app(|_| ())], |config| {
        config.subscriber_queue_max_bytes = 100_000;
        config.close_timeout = Span(Duration::from_secs(20));
    });
    let mut slow = server.connect().await;
    let mut quick = server.connect().await;
    slow.subscribe("news").await;
    quick.subscribe("news").await;
    let data = "x".repeat(10_000);
    let channel = pushlab::channel::ChannelName::parse("news").unwrap();
    for _ in 0..1_500 {
        let data = serde_json::value::to_raw_value(&data).unwrap();
        let draft = pushlab::channel::Draft::new("e", data);
        server.lab.node.publish(&channel, draft).await.unwrap();
        // As quick as it is written.
        quick.expect("e").await;
    }
    assert_eq!(slow.closed().await, 4100);
}

#[tokio::test]
async fn sign_in_and_the_users_own_channel() {
    let server = spawn();
    let (mut seven, mut other) = (server.connect().await, server.connect().await);
    seven.ask("#server-to-user-7", None).await;
    seven.expect_refused("#server-to-user-7", 401).await;
    seven
        .sign_in(r#"{"id":"7","user_info":{"n":"Änne"}}"#)
        .await;
    seven.sign_in(r#"{"id":"7"}"#).await;
    seven.subscribe("#server-to-user-7").await;
    other.sign_in(r#"{"id":"8"}"#).await;
    other.ask("#server-to-user-7", None).await;
    other.expect_refused("#server-to-user-7", 401).await;
    server
        .trigger("#server-to-user-7", "dm", r#"{"hi":1}"#)
        .await;
    let dm = seven.expect("dm").await;
    assert_eq!(
        (&dm["channel"], &dm["data"]),
        (&json!("#server-to-user-7"), &json!(r#"{"hi":1}"#))
    );
    other.expect_silence().await;
    seven.ask_sign_in(r#"{"id":"8"}"#).await;
    let error = seven.expect("pusher:error").await;
    assert_eq!(error["data"]["code"], 4009);
    assert_eq!(seven.closed().await, 4009);
}

#[tokio::test]
async fn a_bad_sign_in_closes_with_4009() {
    let server = spawn();
    for user_data in [r#"{"id":""}"#, r#"{"id":[7]}"#, "{}", "x"] {
        let mut client = server.connect().await;
        client.ask_sign_in(user_data).await;
        assert_eq!(client.closed().await, 4009, "{user_data}");
    }
    let mut forger = server.connect().await;
    forger.secret = pushlab::config::apps::Secret::new("wrong");
    forger.ask_sign_in(r#"{"id":"7"}"#).await;
    assert_eq!(forger.closed().await, 4009);
}

#[tokio::test]
async fn who_does_not_sign_in_in_time_is_closed() {
    let within =
        |app: &mut AppSettings| app.sign_in_within = Some(Span(Duration::from_millis(300)));
    let server = spawn_with(vec![app(within)], |_| ());
    let (mut idle, mut signed_in, mut let_in) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    signed_in.sign_in(r#"{"id":"7"}"#).await;
    let_in.subscribe("private-a").await;
    assert_eq!(idle.closed().await, 4009);
    signed_in.expect_silence().await;
    let_in.expect_silence().await;
}

#[tokio::test]
async fn termination_reaches_every_connection_of_the_user_and_no_other() {
    let server = spawn();
    let mut sevens = [
        server.connect().await,
        server.connect().await,
        server.connect().await,
    ];
    for seven in &mut sevens {
        seven.sign_in(r#"{"id":"7"}"#).await;
    }
    let mut member = server.connect().await;
    member.join("presence-r", r#"{"user_id":"7"}"#).await;
    for path in [
        "/apps/1/users/7/terminate_connections",
        "/users/nobody/terminate_connections",
    ] {
        assert_eq!(server.api("POST", path, "", "{}").await, (200, json!({})));
    }
    for seven in &mut sevens {
        assert_eq!(seven.closed().await, 4009);
    }
    let mut again = server.connect_to(KEY, SECRET).await;
    again.sign_in(r#"{"id":"7"}"#).await;
    let python = "/users/7/terminate_connections";
    assert_eq!(server.api("POST", python, "", "").await, (200, json!({})));
    assert_eq!(again.closed().await, 4009);
    member.expect_silence().await;
}
