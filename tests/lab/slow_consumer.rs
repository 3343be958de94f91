//! Slow consumers (`--slow-consumer`): what one that stops reading loses under each policy that keeps
//! its connection, and that another reader of the same channel loses nothing.
//!
//! That such a reader is disconnected by default, and resumes, is in `random_cuts.rs`.

use crate::support::{
    PATIENCE, connection::Connection, eventually, publish, spawn_lab, sse::EventStream,
    test_config, websocket::WebSocket,
};
use pushlab::{config::Config, hub::when_full::WhenFull};
use serde_json::{Value, json};

const CHANNEL: &str = "news";
/// Some hundred of these are more than kernel and queue hold together.
const PUBLICATIONS: u64 = 300;
const PAD_BYTES: usize = 4_000;
const QUEUE_MAX_BYTES: usize = 20_000;

/// A reader of either kind.
trait Read {
    fn offset(&mut self) -> u64;
}

impl Read for WebSocket {
    fn offset(&mut self) -> u64 {
        offset_of(&self.expect_json())
    }
}

impl Read for EventStream {
    fn offset(&mut self) -> u64 {
        offset_of(&self.expect("message"))
    }
}

type Open = fn(Connection) -> Box<dyn Read>;

fn offset_of(publication: &Value) -> u64 {
    publication["offset"].as_u64().expect("a publication")
}

fn socket(connection: Connection) -> Box<dyn Read> {
    let mut socket = WebSocket::open_over(connection, CHANNEL).unwrap();
    socket.expect_subscribed();
    Box::new(socket)
}

fn stream(connection: Connection) -> Box<dyn Read> {
    let mut stream = EventStream::open_over(connection, CHANNEL, None).unwrap();
    stream.expect("subscribed");
    Box::new(stream)
}

/// What a reader that stops, and goes on when all is published, gets: offsets in order.
fn late(policy: WhenFull, lane: &str, open: Open) -> Vec<u64> {
    let lab = spawn_lab(Config {
        slow_consumer: policy,
        subscriber_queue_max_bytes: QUEUE_MAX_BYTES,
        tcp_send_buffer: 8_192,
        workers: 1,
        ..test_config()
    });
    let address = lab.address(lane);
    let mut slow = open(Connection::connect_narrow(address, 8_192));
    let mut other = open(Connection::connect(address));
    let mut http = lab.http("main");
    for n in 1..=PUBLICATIONS {
        publish(
            &mut http,
            CHANNEL,
            "tick",
            json!({ "pad": "x".repeat(PAD_BYTES) }),
        );
        assert_eq!(other.offset(), n, "the other waits for nobody");
    }
    eventually(PATIENCE, "what was given up is counted", || {
        lab.drops(CHANNEL) > 0
    });
    let mut offsets = Vec::new();
    while offsets.last() != Some(&PUBLICATIONS) {
        offsets.push(slow.offset());
    }
    assert!(offsets.is_sorted_by(|a, b| a < b), "{offsets:?}");
    let lost = PUBLICATIONS - offsets.len() as u64;
    assert_eq!(lab.drops(CHANNEL), lost, "every loss is counted");
    assert!(lost > PUBLICATIONS / 4, "{lost} lost");
    offsets
}

fn check(lane: &str, open: Open) {
    let oldest_gone = late(WhenFull::DropOldest, lane, open);
    let newest = oldest_gone.iter().rev().zip((1..=PUBLICATIONS).rev());
    let run = newest.take_while(|(got, all)| **got == *all).count();
    // As many of the newest as the queue holds, each a little larger than its padding.
    assert!((3..=5).contains(&run), "{oldest_gone:?}");
    let conflated = late(WhenFull::Conflate, lane, open);
    assert_eq!(conflated.first(), Some(&1));
}

#[test]
fn a_websocket_that_reads_late_has_the_newest() {
    check("websocket", socket);
}

#[test]
fn an_event_stream_that_is_read_late_has_the_newest() {
    check("sse", stream);
}
