//! Watchlists (reference, 11.3; trap 3).

use crate::support::pusher::{Client, app, spawn_with};
use serde_json::{Value, json};

/// The events of the next watchlist frame, by name.
async fn events(client: &mut Client) -> Value {
    let frame = client.expect("pusher_internal:watchlist_events").await;
    assert!(frame.get("channel").is_none());
    let mut by_name = json!({});
    for event in frame["data"]["events"].as_array().expect("it is there") {
        by_name[event["name"].as_str().unwrap()] = event["user_ids"].clone();
    }
    by_name
}

#[tokio::test]
async fn a_watchlist_tells_who_is_online_and_who_comes_and_goes() {
    let server = spawn_with(vec![app(|app| app.watchlists = true)], |_| ());
    let (mut ann, mut bo, mut tab) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    bo.sign_in(r#"{"id":"9"}"#).await;
    bo.expect_silence().await;
    ann.sign_in(r#"{"id":"7","watchlist":["9","12","9"]}"#)
        .await;
    assert_eq!(
        events(&mut ann).await,
        json!({"online":["9"],"offline":["12"]})
    );
    // Another tab of the same user changes nothing, nor does the first one's end.
    tab.sign_in(r#"{"id":"9"}"#).await;
    ann.expect_silence().await;
    drop(bo);
    server.until_connections(2).await;
    ann.expect_silence().await;
    drop(tab);
    assert_eq!(events(&mut ann).await, json!({"offline":["9"]}));
    let mut twelve = server.connect().await;
    twelve.sign_in(r#"{"id":"12","watchlist":[]}"#).await;
    assert_eq!(events(&mut twelve).await, json!({}));
    assert_eq!(events(&mut ann).await, json!({"online":["12"]}));
    // Neither can be listened to by name, and nothing of it is shown.
    ann.ask("?12", None).await;
    ann.expect_refused("?12", 400).await;
    let (_, channels) = server.api("GET", "/apps/1/channels", "", "").await;
    assert_eq!(channels, json!({"channels":{}}));
}

#[tokio::test]
async fn a_longer_watchlist_is_cut_on_an_open_connection() {
    let server = spawn_with(vec![app(|app| app.watchlists = true)], |_| ());
    let mut client = server.connect().await;
    let list: Vec<_> = (0..101).map(|n| format!("u{n:03}")).collect();
    client
        .sign_in(&json!({"id":"7","watchlist":list}).to_string())
        .await;
    let offline = events(&mut client).await["offline"].take();
    assert_eq!(offline.as_array().unwrap().len(), 100);
    assert_eq!(client.expect("pusher:error").await["data"]["code"], 4302);
    let mut last = server.connect().await;
    last.sign_in(r#"{"id":"u100"}"#).await;
    client.expect_silence().await;
    last.ask_sign_in(r#"{"id":"other"}"#).await;
    assert_eq!(last.closed().await, 4009);
    let mut first = server.connect().await;
    first.sign_in(r#"{"id":"u000"}"#).await;
    assert_eq!(events(&mut client).await, json!({"online":["u000"]}));
}

#[tokio::test]
async fn watchlists_are_off_unless_the_application_wants_them() {
    let server = spawn_with(vec![app(|_| ())], |_| ());
    let mut client = server.connect().await;
    client.sign_in(r#"{"id":"7","watchlist":["9"]}"#).await;
    client.expect_silence().await;
}
