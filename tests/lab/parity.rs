//! One scenario, every transport, one expected transcript.
//!
//! [`scenario`] is told in the words of a client and knows nothing of how bytes travel; whatever
//! the transport, every subscriber must see the same offsets, events and data in the same order.
//! What only polls have (the empty answer after a hold, paging by `limit`, `304`) follows below.

use std::time::{Duration, Instant};

use pushlab::{channel::StreamPosition, config::Config};
use serde_json::{Value, json};

use crate::support::{
    self, PATIENCE, TestLab,
    connection::Connection,
    eventually,
    follower::{ALL, Ending, Follower, Start, Transport},
    position_of, publish, publish_body,
    socketio::SocketIo,
    spawn_lab, test_config,
    websocket::WebSocket,
};

/// What the channel keeps, so that a position can be too old.
const HISTORY: usize = 8;

/// What one subscriber was told and shown: whether its position was honoured, then
/// `(offset, event, data)` of each publication.
type Transcript = Vec<(&'static str, bool, Vec<(u64, String, Value)>)>;

fn small_history() -> Config {
    Config {
        history_max_count: HISTORY,
        ..test_config()
    }
}

/// `epoch` and `offset` of the first publication of a channel.
fn first_publication(lab: &TestLab, channel: &str) -> StreamPosition {
    let position = lab.publish(channel, "said", json!("first"));
    assert_eq!(position.offset, 1);
    position
}

fn at(epoch: &StreamPosition, offset: u64) -> StreamPosition {
    StreamPosition {
        offset,
        ..epoch.clone()
    }
}

fn as_client(position: &StreamPosition, client: &str) -> Start {
    Start {
        client: Some(client.to_owned()),
        ..Start::after(position)
    }
}

/// Publishes `event` once over each transport, in their order.
/// Who publishes in the scenario. What the other lanes send up is their own files' subject.
const PUBLISHERS: [&str; 6] = [
    "short-poll",
    "long-poll",
    "sse",
    "websocket",
    "socketio-polling",
    "socketio-websocket",
];

fn publish_over_each(lab: &TestLab, channel: &str, event: &str) {
    for lane in ["short-poll", "long-poll", "sse"] {
        publish(&mut lab.http(lane), channel, event, json!({ "by": lane }));
    }
    let data = json!({ "by": "websocket" });
    publish_over_socket(lab, channel, event, &data, "by-socket");
    for lane in ["socketio-polling", "socketio-websocket"] {
        let mut client = socketio(lab, lane, channel);
        let publish = json!({ "channel": channel, "event": event, "data": { "by": lane } });
        position_of(&client.call("publish", &publish).unwrap());
        client.close().unwrap();
    }
}

/// A client that publishes and subscribes to nothing.
fn socketio(lab: &TestLab, lane: &'static str, channel: &str) -> SocketIo {
    let connection = Connection::connect(lab.address(lane));
    let query = format!("channel={channel}");
    SocketIo::open(connection, lane == "socketio-websocket", &query).unwrap()
}

fn publish_over_socket(
    lab: &TestLab,
    channel: &str,
    event: &str,
    data: &Value,
    id: &str,
) -> StreamPosition {
    let mut socket = WebSocket::open(lab.address("websocket"), channel);
    socket.expect_subscribed();
    socket.publish(event, data, id).unwrap();
    loop {
        let answer = socket.expect_json();
        if answer["ack"]["id"] == id {
            return position_of(&answer["ack"]);
        }
    }
}

/// A client leaves: streams by ending, pollers by saying so.
fn leave(lab: &TestLab, channel: &str, client: &str, follower: Follower) {
    let lane = follower.transport().lane();
    follower.end(Ending::Fin);
    if matches!(lane, "short-poll" | "long-poll") {
        let target = format!("/api/channels/{channel}/presence/leave?client={client}");
        assert_eq!(lab.http(lane).post(&target, b"").status, 204);
    }
    let gone = || !lab.present(channel).contains(&client.to_owned());
    eventually(PATIENCE, "the client has left", gone);
}

/// The channel has come to this offset: joins and leaves are published a moment after they happen.
fn await_offset(lab: &TestLab, channel: &str, offset: u64) {
    let mut http = lab.http("main");
    let target = format!("/api/channels/{channel}/history?limit=1");
    eventually(PATIENCE, "the channel's offset", || {
        http.get(&target).json()["offset"] == offset
    });
}

/// Runs the scenario for one transport and writes down what its subscribers saw.
fn scenario(lab: &TestLab, transport: Transport, channel: &str) -> Transcript {
    let mut transcript = Transcript::new();
    let mut note = |what, follower: &mut Follower, count| {
        let seen = follower.take(count).into_iter();
        let seen = seen.map(|s| (s.offset, s.event, s.data)).collect();
        transcript.push((what, follower.recovered, seen));
    };
    let open = |start| Follower::open(lab, transport, channel, start);
    let first = first_publication(lab, channel);

    let mut ann = open(as_client(&first, "ann"));
    await_offset(lab, channel, 2);
    // At once: what follows fills the history.
    note("ann hears that she is there", &mut ann, 1);
    publish_over_each(lab, channel, "said");
    let bob = open(as_client(&at(&first, 8), "bob"));
    await_offset(lab, channel, 9);
    leave(lab, channel, "bob", bob);
    note(
        "ann hears everybody, and bob come and go",
        &mut ann,
        HISTORY,
    );

    let away_at = ann.position();
    leave(lab, channel, "ann", ann);
    await_offset(lab, channel, 11);
    lab.publish(channel, "said", json!("while ann is away"));
    let mut resumed = open(Start::after(&away_at));
    lab.publish(channel, "said", json!("ann is back"));
    note("a client resumes where it was", &mut resumed, 3);
    resumed.end(Ending::Fin);

    for n in 14..=22 {
        lab.publish(channel, "tick", json!(n));
    }
    let mut stale = open(Start::after(&at(&first, 13)));
    note("a position too old", &mut stale, HISTORY);
    let mut oldest = open(Start::after(&at(&first, 14)));
    note("the oldest position that will do", &mut oldest, HISTORY);
    let other: StreamPosition = "0ther:17".parse().unwrap();
    let mut foreign = open(Start::after(&other));
    note("another epoch", &mut foreign, HISTORY);
    let mut futurist = open(Start::after(&at(&first, 23)));
    note("an offset from the future", &mut futurist, HISTORY);
    let mut modest = open(Start {
        history: Some(2),
        ..Start::after(&other)
    });
    note("another epoch, and two at most", &mut modest, 2);
    let mut newcomer = open(Start {
        history: Some(3),
        ..Start::default()
    });
    note("a newcomer that asks for three", &mut newcomer, 3);
    let mut silent = open(Start::default());
    let mut current = open(Start::after(&at(&first, 22)));

    let body = json!({ "event": "said", "data": "once", "id": "only-once" });
    let once = publish_body(&mut lab.http(transport.lane()), channel, &body);
    let again = publish_body(&mut lab.http("main"), channel, &body);
    let data = json!("twice?");
    let by_socket = publish_over_socket(lab, channel, "said", &data, "only-once");
    assert_eq!((&once, &once), (&again, &by_socket), "one id, one position");
    lab.publish(channel, "said", json!("last"));

    note("a newcomer that asks for nothing", &mut silent, 2);
    note("a client that has everything", &mut current, 2);
    for follower in [
        &mut stale,
        &mut oldest,
        &mut foreign,
        &mut futurist,
        &mut modest,
        &mut newcomer,
    ] {
        note("whoever is here goes on", follower, follower_rest(follower));
    }
    transcript
}

/// How much of what was published a follower has yet to see.
fn follower_rest(follower: &Follower) -> usize {
    (24 - follower.position().offset) as usize
}

fn expected() -> Transcript {
    let member = |client: &str| json!({ "client": client, "name": client });
    let all: Vec<(u64, String, Value)> = [
        ("said", json!("first")),
        ("pushlab:join", member("ann")),
        ("said", json!({ "by": "short-poll" })),
        ("said", json!({ "by": "long-poll" })),
        ("said", json!({ "by": "sse" })),
        ("said", json!({ "by": "websocket" })),
        ("said", json!({ "by": "socketio-polling" })),
        ("said", json!({ "by": "socketio-websocket" })),
        ("pushlab:join", member("bob")),
        ("pushlab:leave", member("bob")),
        ("pushlab:leave", member("ann")),
        ("said", json!("while ann is away")),
        ("said", json!("ann is back")),
    ]
    .into_iter()
    .chain((14..=22).map(|n| ("tick", json!(n))))
    .chain([("said", json!("once")), ("said", json!("last"))])
    .zip(1..)
    .map(|((event, data), offset)| (offset, event.to_owned(), data))
    .collect();
    let part = |from: usize, to: usize| all[from - 1..to].to_vec();
    let goes_on = "whoever is here goes on";
    vec![
        ("ann hears that she is there", true, part(2, 2)),
        (
            "ann hears everybody, and bob come and go",
            true,
            part(3, 10),
        ),
        ("a client resumes where it was", true, part(11, 13)),
        ("a position too old", false, part(15, 22)),
        ("the oldest position that will do", true, part(15, 22)),
        ("another epoch", false, part(15, 22)),
        ("an offset from the future", false, part(15, 22)),
        ("another epoch, and two at most", false, part(21, 22)),
        ("a newcomer that asks for three", false, part(20, 22)),
        ("a newcomer that asks for nothing", false, part(23, 24)),
        ("a client that has everything", true, part(23, 24)),
        (goes_on, false, part(23, 24)),
        (goes_on, true, part(23, 24)),
        (goes_on, false, part(23, 24)),
        (goes_on, false, part(23, 24)),
        (goes_on, false, part(23, 24)),
        (goes_on, false, part(23, 24)),
    ]
}

#[test]
fn every_transport_shows_its_subscribers_the_same() {
    let lab = spawn_lab(small_history());
    for transport in ALL {
        let channel = format!("presence-parity-{}", transport.lane());
        let seen = scenario(&lab, transport, &channel);
        for (seen, expected) in seen.iter().zip(&expected()) {
            assert_eq!(seen, expected, "{transport:?}");
        }
        assert_eq!(seen.len(), expected().len());
    }
}

/// The same, all at once and on one port, where lanes are told apart by path alone.
#[test]
fn one_port_shows_the_same_as_a_lane_for_each() {
    let lab = spawn_lab(Config {
        single_port: true,
        ..small_history()
    });
    // An ordinary handler takes upgrades on a port of its own only.
    let served = |transport: &Transport| *transport != Transport::ActixWs;
    std::thread::scope(|threads| {
        for transport in ALL.into_iter().filter(served) {
            let lab = &lab;
            threads.spawn(move || {
                let channel = format!("presence-parity-{}", transport.lane());
                assert_eq!(
                    scenario(lab, transport, &channel),
                    expected(),
                    "{transport:?}"
                );
            });
        }
    });
}

#[test]
fn a_publication_over_one_transport_arrives_on_all_others() {
    let lab = spawn_lab(test_config());
    let mut followers = ALL.map(|t| Follower::open(&lab, t, "news", Start::default()));
    publish_over_each(&lab, "news", "said");
    for follower in &mut followers {
        let by: Vec<Value> = follower
            .take(PUBLISHERS.len())
            .iter()
            .map(|s| s.data["by"].clone())
            .collect();
        assert_eq!(by, PUBLISHERS);
    }
}

#[test]
fn data_arrives_byte_for_byte_as_it_was_published() {
    let lab = spawn_lab(test_config());
    let first = first_publication(&lab, "bytes");
    let data = "{\"b\": 1.0,  \"a\":1e3, \"a\": \"\\u00e4\\ud83d\\ude00 \u{1F600}\u{2028}\", \"big\": 12345678901234567890123}";
    let body = format!("{{\"event\":\"said\",\"data\":{data}}}");
    let answer = lab
        .http("main")
        .post("/api/channels/bytes/publications", body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let after = format!("bytes?epoch={}&offset=1", first.epoch.as_str());
    let polled = |path| lab.http("main").get(&format!("/{path}/{after}")).text();
    let mut stream = support::sse::EventStream::open(lab.address("sse"), &after);
    stream.expect("subscribed");
    let event = stream.next().unwrap().unwrap().data;
    let mut socket = WebSocket::open(lab.address("websocket"), &after);
    socket.expect_subscribed();
    let frame = String::from_utf8(socket.next().unwrap().unwrap().payload).unwrap();
    for text in [polled("short-poll"), polled("long-poll"), event, frame] {
        assert!(text.contains(&format!("\"data\":{data}}}")), "{text}");
    }
}

#[test]
fn a_long_poll_is_answered_with_an_empty_list_when_its_hold_ends() {
    let lab = spawn_lab(test_config());
    let position = first_publication(&lab, "quiet");
    let mut http = lab.http("long-poll");
    let query = format!("epoch={}&offset=1&hold_ms=150", position.epoch.as_str());
    let asked = Instant::now();
    let answer = http.get(&format!("/long-poll/quiet?{query}"));
    assert!(
        asked.elapsed() >= Duration::from_millis(150),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(answer.status, 200);
    let answer = answer.json();
    assert_eq!(position_of(&answer), position);
    assert_eq!(answer["recovered"], true);
    assert_eq!(answer["publications"], json!([]));
}

#[test]
fn a_long_poll_without_a_position_waits_for_the_next_publication() {
    let lab = spawn_lab(test_config());
    first_publication(&lab, "next");
    let mut http = lab.http("long-poll");
    http.send_request("GET", "/long-poll/next?hold_ms=8000", &[], b"")
        .unwrap();
    eventually(PATIENCE, "the poll is held", || {
        lab.subscribers("next") == 1
    });
    let published = lab.publish("next", "said", json!("second"));
    let answer = http.read_answer().unwrap().json();
    assert_eq!(position_of(&answer), published);
    assert_eq!(answer["recovered"], false);
    assert_eq!(answer["publications"][0]["data"], "second");
    assert_eq!(answer["publications"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_hold_is_cut_to_the_longest_that_is_allowed() {
    let lab = spawn_lab(Config {
        long_poll_hold: pushlab::config::Span(Duration::from_millis(50)),
        long_poll_hold_max: pushlab::config::Span(Duration::from_millis(50)),
        ..test_config()
    });
    let answer = lab.http("long-poll").get("/long-poll/quiet?hold_ms=600000");
    assert_eq!(answer.json()["publications"], json!([]));
}

#[test]
fn polls_page_through_what_they_missed_by_limit_and_skip_nothing() {
    let lab = spawn_lab(test_config());
    let first = first_publication(&lab, "pages");
    for n in 2..=10 {
        lab.publish("pages", "tick", json!(n));
    }
    for path in ["short-poll", "long-poll", "api/channels"] {
        let target = match path {
            "api/channels" => "/api/channels/pages/history".to_owned(),
            transport => format!("/{transport}/pages"),
        };
        let mut http = lab.http("main");
        let mut position = first.clone();
        let mut pages = Vec::new();
        while position.offset < 10 {
            let (epoch, offset) = (position.epoch.as_str(), position.offset);
            let query = format!("epoch={epoch}&offset={offset}&limit=4");
            let answer = http.get(&format!("{target}?{query}")).json();
            assert_eq!(answer["recovered"], true);
            let listed = answer["publications"].as_array().unwrap();
            let offsets = listed.iter().map(|p| p["offset"].as_u64().unwrap());
            pages.push(offsets.collect::<Vec<_>>());
            position = position_of(&answer);
        }
        assert_eq!(
            pages,
            [vec![2, 3, 4, 5], vec![6, 7, 8, 9], vec![10]],
            "{path}"
        );
    }
}

#[test]
fn a_limit_changes_the_pages_of_a_poll_and_not_what_a_subscriber_sees() {
    let lab = spawn_lab(test_config());
    let first = first_publication(&lab, "limited");
    let mut followers = ALL.map(|transport| {
        let start = Start {
            limit: Some(3),
            ..Start::after(&first)
        };
        Follower::open(&lab, transport, "limited", start)
    });
    for n in 2..=12 {
        lab.publish("limited", "tick", json!(n));
    }
    for follower in &mut followers {
        let seen: Vec<u64> = follower.take(11).iter().map(|seen| seen.offset).collect();
        assert_eq!(
            seen,
            (2..=12).collect::<Vec<_>>(),
            "{:?}",
            follower.transport()
        );
    }
}

#[test]
fn a_short_poll_that_has_everything_gets_304_until_there_is_more() {
    let lab = spawn_lab(test_config());
    let first = first_publication(&lab, "tagged");
    let mut http = lab.http("short-poll");
    let target = format!("/short-poll/tagged?epoch={}&offset=1", first.epoch.as_str());
    let answer = http.get(&target);
    let etag = answer.header("etag").expect("an ETag").to_owned();
    assert_eq!(etag, format!("\"{first}\""));
    let weak = format!("W/{etag}");
    let listed = format!("\"other\", {etag}");
    for tag in [etag.as_str(), &weak, &listed] {
        let same = http.request("GET", &target, &[("if-none-match", tag)], b"");
        assert_eq!((same.status, same.body.len()), (304, 0), "{tag}");
        assert_eq!(same.header("etag"), Some(etag.as_str()));
    }
    lab.publish("tagged", "said", json!("more"));
    let more = http.request("GET", &target, &[("if-none-match", &etag)], b"");
    assert_eq!(more.status, 200);
    assert_eq!(more.json()["publications"][0]["offset"], 2);
}

#[test]
fn a_last_event_id_that_is_no_position_of_ours_is_told_so_and_given_what_is_there() {
    let lab = spawn_lab(test_config());
    let first = first_publication(&lab, "ids");
    let second = lab.publish("ids", "said", json!("second"));
    for (id, recovered, from) in [
        (first.to_string().as_str(), true, 2),
        ("nonsense", false, 1),
        ("0ther:1", false, 1),
    ] {
        let mut stream = support::sse::EventStream::resume(lab.address("sse"), "ids", id);
        let subscribed = stream.expect("subscribed");
        assert_eq!(subscribed["recovered"], recovered, "{id}");
        assert_eq!(position_of(&subscribed), second, "{id}");
        assert_eq!(stream.expect("message")["offset"], from, "{id}");
    }
}

/// A stream that breaks before its first publication has an id to return all the same.
#[test]
fn the_first_event_of_a_stream_carries_the_position_it_begins_after() {
    let lab = spawn_lab(test_config());
    let first = first_publication(&lab, "begins");
    lab.publish("begins", "said", json!("second"));
    let target = "begins?history=1";
    let mut stream = support::sse::EventStream::open(lab.address("sse"), target);
    let subscribed = stream.next().unwrap().unwrap();
    assert_eq!(subscribed.last_event_id, first.to_string());
    assert_eq!(stream.retry_ms(), Some(2_000));
}
