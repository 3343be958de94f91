//! A channel that the presenter empties: who listens is told, on every lane whose protocol has
//! positions, and nobody is brought to a position from before. (The lanes of Channels:
//! `tests/pusher`.)

use pushlab::channel::StreamPosition;
use serde_json::json;

use crate::support::{
    TestLab,
    connection::Connection,
    follower::{ALL, Follower, Start},
    position_of, spawn_lab, test_config,
    websocket::WebSocket,
};

/// Empties the channel. Returns where its new life begins.
fn clear(lab: &TestLab, channel: &str) -> StreamPosition {
    let path = format!("/api/history/{channel}");
    let answer = lab.http("main").request("DELETE", &path, &[], b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    position_of(&answer.json())
}

#[test]
fn an_old_position_is_not_recovered_and_who_listens_is_told() {
    let lab = spawn_lab(test_config());
    for transport in ALL {
        let channel = format!("cleared-{}", transport.lane());
        let old = lab.publish(&channel, "said", json!("before"));
        let mut live = Follower::open(&lab, transport, &channel, Start::after(&old));
        lab.publish(&channel, "said", json!("heard"));
        assert_eq!(live.take(1)[0].data, "heard");

        let cleared = clear(&lab, &channel);
        assert_ne!(cleared.epoch, old.epoch);
        lab.publish(&channel, "said", json!("after"));
        let told: Vec<_> = (live.take(2).into_iter())
            .map(|seen| (seen.event, seen.epoch, seen.offset))
            .collect();
        let epoch = cleared.epoch.as_str().to_owned();
        let expected = [("pushlab:cleared", 3), ("said", 4)]
            .map(|(event, offset)| (event.to_owned(), epoch.clone(), offset));
        assert_eq!(told, expected, "{transport:?}");

        let mut back = Follower::open(&lab, transport, &channel, Start::after(&old));
        assert!(!back.recovered, "{transport:?}");
        let events: Vec<_> = back.take(2).into_iter().map(|seen| seen.event).collect();
        assert_eq!(events, ["pushlab:cleared", "said"], "{transport:?}");
        let later = Follower::open(&lab, transport, &channel, Start::after(&cleared));
        assert!(later.recovered, "{transport:?}");
    }
}

#[test]
fn the_other_plain_lanes_do_not_recover_it_either() {
    let lab = spawn_lab(test_config());
    let old = lab.publish("cleared", "said", json!("before"));
    clear(&lab, "cleared");
    let query = format!("epoch={}&offset={}", old.epoch.as_str(), old.offset);
    let connection = Connection::connect(lab.address("actix-ws"));
    let mut socket =
        WebSocket::open_path(connection, &format!("/actix-ws/cleared?{query}")).unwrap();
    assert_eq!(socket.expect_json()["subscribed"]["recovered"], false);
    assert_eq!(socket.expect_json()["event"], "pushlab:cleared");
    let mut lines = lab.http("fetch-stream");
    let target = format!("/fetch-stream/cleared?{query}");
    lines.send_request("GET", &target, &[], b"").unwrap();
    assert_eq!(lines.read_head().unwrap().status, 200);
    let first = lines.read_chunk().unwrap().unwrap();
    let first = String::from_utf8(first.bytes).unwrap();
    assert!(first.contains("\"recovered\":false"), "{first}");
}

#[test]
fn nobody_can_say_that_a_channel_was_emptied_but_the_lab() {
    let lab = spawn_lab(test_config());
    let body = json!({ "event": "pushlab:cleared", "data": {} }).to_string();
    let answer = lab
        .http("main")
        .post("/api/channels/news/publications", body.as_bytes());
    assert_eq!(answer.error_code(), "bad_event");
}
