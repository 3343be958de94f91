//! Coalescing (`--coalesce`): how many writes publications leave in, and that nothing else changes:
//! the same bytes on a WebSocket, the same events on a stream, in the same order.
//!
//! Writes are the server's own count, read from `/api/stats`; how long anything takes is not
//! asserted.

use std::time::Duration;

use crate::support::{
    self, PATIENCE, eventually, spawn_lab, sse::EventStream, test_config, websocket::WebSocket,
};
use pushlab::{
    config::Config,
    hub::{coalesce::Coalesce, rounds::Pacing},
};
use serde_json::{Value, json};

const CHANNEL: &str = "news";
const PUBLICATIONS: u64 = 10;

/// What a lab with one way of coalescing did.
struct Got {
    /// Offset and data of what came, in order.
    frames: Vec<(u64, Value)>,
    events: Vec<(u64, Value)>,
    /// Framing, envelope and payload that the lane counted on the WebSocket.
    frame_bytes: u64,
    websocket_writes: u64,
}

fn follow(coalesce: Coalesce) -> Got {
    let lab = spawn_lab(Config {
        coalesce,
        workers: 1,
        ..test_config()
    });
    let mut socket = WebSocket::open(lab.address("websocket"), CHANNEL);
    socket.expect_subscribed();
    let mut stream = EventStream::open(lab.address("sse"), CHANNEL);
    stream.expect("subscribed");
    let before = websocket(&lab.stats(CHANNEL));
    let mut http = lab.http("main");
    for n in 0..PUBLICATIONS {
        support::publish(&mut http, CHANNEL, "tick", json!({ "n": n }));
    }
    let of = |publication: Value| {
        let offset = publication["offset"].as_u64().unwrap();
        (offset, publication["data"].clone())
    };
    let frames = (0..PUBLICATIONS)
        .map(|_| of(socket.expect_json()))
        .collect();
    let events = (0..PUBLICATIONS)
        .map(|_| of(stream.expect("message")))
        .collect();
    let mut now = before;
    eventually(PATIENCE, "all of it is counted", || {
        now = websocket(&lab.stats(CHANNEL));
        now.0 - before.0 == PUBLICATIONS
    });
    Got {
        frames,
        events,
        websocket_writes: now.1 - before.1,
        frame_bytes: now.2 - before.2,
    }
}

/// Deliveries, writes and bytes of the WebSocket so far.
fn websocket(stats: &Value) -> (u64, u64, u64) {
    let all = stats["series"].as_array().unwrap();
    let of_socket = all.iter().find(|s| s["transport"] == "websocket").unwrap();
    let number = |name: &str| of_socket[name].as_u64().unwrap();
    let bytes = of_socket["down"]["total"].as_u64().unwrap();
    let delivered = number("publications_delivered_total");
    (delivered, number("writes_total"), bytes)
}

#[test]
fn what_is_coalesced_is_the_same_in_fewer_writes() {
    let one_by_one = follow(Coalesce::Off);
    let gathered = follow(Coalesce::For(Duration::from_millis(500)));
    let by_tick = follow(Coalesce::Tick);
    let in_rounds = follow(Coalesce::Adaptive(Pacing {
        share: 1_000,
        burst: Duration::ZERO,
        pause_max: Duration::from_millis(500),
    }));
    let expected: Vec<_> = (0..PUBLICATIONS)
        .map(|n| (n + 1, json!({ "n": n })))
        .collect();
    for got in [&one_by_one, &gathered, &by_tick, &in_rounds] {
        assert_eq!(got.frames, expected);
        assert_eq!(got.events, expected);
        assert_eq!(got.frame_bytes, one_by_one.frame_bytes);
    }
    assert_eq!(one_by_one.websocket_writes, PUBLICATIONS);
    assert!(by_tick.websocket_writes <= PUBLICATIONS);
    for got in [&gathered, &in_rounds] {
        let writes = got.websocket_writes;
        assert!(writes < PUBLICATIONS, "{writes} writes, gathered");
    }
}
