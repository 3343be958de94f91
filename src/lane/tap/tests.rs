//! What a connection shows its meter, and what a tap has kept of it.

use std::sync::Arc;

use super::*;
use crate::{
    capture::{Direction, Kind, Secret},
    catalogue::SHORT_POLL,
    lane::meter::{Labels, Meters, NO_CHANNEL},
};

const NOW_US: u64 = 1_000_000;

fn labels(channel: &str) -> Option<Labels> {
    Some(Labels {
        lane: SHORT_POLL.id,
        transport: "short-poll",
        protocol: "plain",
        demo: "compare",
        form: "",
        channel: channel.into(),
    })
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

fn request(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\nCookie: theirs=1\r\n\r\n").into_bytes()
}

/// A tap, and what a connection's meter shows it.
fn opened() -> (Arc<Meters>, Arc<Tap>) {
    let meters = Arc::new(Meters::default());
    let tap = meters.taps.open(None, None, clock_us()).unwrap();
    (meters, tap)
}

fn whole(channel: &str) -> Option<Wanted<'_>> {
    Some(Wanted {
        channel,
        only: None,
    })
}

fn lobby(only: Option<IpAddr>) -> Option<Wanted<'static>> {
    Some(Wanted {
        channel: "lobby",
        only,
    })
}

fn clock_us() -> u64 {
    crate::clock::now_us()
}

fn kinds(tap: &Tap) -> Vec<(u32, u32, Kind)> {
    let units = tap.read(0).units.into_iter();
    units
        .map(|unit| (unit.connection, unit.exchange, unit.kind))
        .collect()
}

#[test]
fn what_is_metered_under_its_channel_is_kept_and_nothing_else() {
    let (meters, tap) = opened();
    let meter = meters.open(SHORT_POLL.id);
    for channel in [
        labels("other"),
        labels(&tap.channel),
        None,
        labels(&tap.channel),
    ] {
        meter.read(&request("/short-poll/x"));
        meter.begin_request(channel, None);
        meter.accepted(ANSWER);
    }
    let expected = [2, 4].map(|exchange| {
        [Kind::RequestHead, Kind::AnswerHead, Kind::Body].map(|kind| (1, exchange, kind))
    });
    assert_eq!(kinds(&tap), expected.concat());
    let units = tap.read(0).units;
    assert_eq!(units[0].hidden[0].what, Secret::Cookie);
    assert!(!units[0].bytes.windows(6).any(|window| window == b"theirs"));
    assert_eq!(tap.read(units[2].n).units.len(), 3, "the rest");
}

#[test]
fn a_channel_that_is_named_later_is_kept_from_the_request_on() {
    let (meters, tap) = opened();
    let meter = meters.open(SHORT_POLL.id);
    meter.read(&request("/app/key"));
    meter.begin_request(labels(NO_CHANNEL), None);
    meter.accepted(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02{}");
    assert_eq!(kinds(&tap), []);
    meter.name_channel(&tap.channel, crate::catalogue::Form::AsItIs);
    let first = [Kind::RequestHead, Kind::AnswerHead, Kind::Frame].map(|kind| (1, 1, kind));
    assert_eq!(kinds(&tap), first);
    meter.accepted(b"\x81\x02{}");
    assert_eq!(kinds(&tap).len(), 4);
    meter.name_channel("private-of-somebody", crate::catalogue::Form::AsItIs);
    meter.accepted(b"\x81\x02{}");
    assert_eq!(kinds(&tap).len(), 4, "what comes for another channel");
}

#[test]
fn without_a_seat_that_says_so_nobody_knows_where_a_request_begins() {
    let meters = Arc::new(Meters::default());
    let early = meters.open(SHORT_POLL.id);
    early.read(&request("/short-poll/x"));
    early.begin_request(labels("x"), None);
    early.accepted(ANSWER);
    let tap = meters.taps.open(None, None, clock_us()).unwrap();
    // It may be somebody's text that looks like a request.
    early.read(&request("/short-poll/x"));
    early.begin_request(labels(&tap.channel), None);
    early.accepted(ANSWER);
    assert_eq!(kinds(&tap), []);
}

#[test]
fn a_request_that_hides_in_anothers_head_brings_nobodys_bytes() {
    let (meters, tap) = opened();
    let meter = meters.open(SHORT_POLL.id);
    // The lab sees one request without a body, the tap's reader one with.
    let hidden = format!(
        "GET /sse/{0} HTTP/1.1\r\nContent-Length: 40\r\n\r\n",
        tap.channel
    );
    meter.read(hidden.as_bytes());
    meter.begin_request(labels(&tap.channel), None);
    meter.accepted(ANSWER);
    // Somebody else's request comes by the same connection.
    meter.read(&request("/short-poll/somebodys-room-with-a-long-name"));
    meter.begin_request(labels("somebodys-room-with-a-long-name"), None);
    meter.accepted(ANSWER);
    let up = [Kind::RequestHead, Kind::AnswerHead, Kind::Body].map(|kind| (1, 1, kind));
    assert_eq!(
        kinds(&tap),
        up,
        "the answer's body, and nothing that came later"
    );
}

#[test]
fn requests_that_do_not_wait_for_answers_and_doubtful_ones_are_not_kept() {
    let (meters, tap) = opened();
    let pipelined = meters.open(SHORT_POLL.id);
    let two = [request("/short-poll/x"), request("/short-poll/y")].concat();
    pipelined.read(&two);
    pipelined.begin_request(labels(&tap.channel), None);
    pipelined.accepted(ANSWER);
    assert_eq!(kinds(&tap), []);
    for odd in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Content-Length: +3",
        "A: b\r\n c",
    ] {
        let meter = meters.open(SHORT_POLL.id);
        meter.read(format!("POST /x HTTP/1.1\r\n{odd}\r\n\r\nabc").as_bytes());
        meter.begin_request(labels("x"), None);
        meter.accepted(ANSWER);
        meter.read(&request("/short-poll/x"));
        meter.begin_request(labels(&tap.channel), None);
        meter.accepted(ANSWER);
        assert_eq!(kinds(&tap), [], "{odd}");
    }
}

#[test]
fn a_lane_keeps_its_budget_and_a_streams_opening() {
    let (meters, tap) = opened();
    let meter = meters.open(SHORT_POLL.id);
    meter.read(&request("/ws/x"));
    meter.begin_request(labels(&tap.channel), None);
    meter.accepted(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    let mut frame = vec![0x81, 126, 4, 0];
    frame.resize(4 + 1024, b'x');
    for _ in 0..1_000 {
        meter.accepted(&frame);
    }
    let (_, size) = tap.read(0).lanes[0];
    assert!(size.kept_bytes <= LANE_BYTES_MAX, "{size:?}");
    let units = tap.units(|_| true);
    assert_eq!(size.dropped_units + units.len() as u64, 1_002);
    assert_eq!(
        (units[0].kind, units[1].kind),
        (Kind::RequestHead, Kind::AnswerHead)
    );
    assert_eq!(tap.read(1_000).heads[&(SHORT_POLL.id, 1, 1)].len(), 2);
}

#[test]
fn the_presenter_sees_heads_and_framing_of_a_named_channel_and_no_payload() {
    let meters = Arc::new(Meters::default());
    let tap = meters.taps.open(lobby(None), None, clock_us()).unwrap();
    let meter = meters.open(SHORT_POLL.id);
    meter.read(b"POST /api/channels/lobby/publications?client=ada&demo=chat HTTP/1.1\r\nContent-Length: 9\r\n\r\n{\"a\":\"b\"}");
    meter.begin_request(labels("lobby"), None);
    let units = tap.read(0).units;
    let head = String::from_utf8_lossy(&units[0].bytes);
    assert!(
        head.starts_with("POST /api/channels/lobby/publications?client=xxx&demo=chat HTTP/1.1")
    );
    assert_eq!(units[1].bytes, b"xxxxxxxxx");
    assert_eq!(
        (units[1].hidden[0].what, units[1].withheld()),
        (Secret::Message, 9)
    );
    assert_eq!(units[1].direction, Direction::Up);
}

#[test]
fn a_hidden_answer_is_known_to_bring_something_or_nothing() {
    let meters = Arc::new(Meters::default());
    let tap = meters.taps.open(lobby(None), None, clock_us()).unwrap();
    let meter = meters.open(SHORT_POLL.id);
    let publication = r#"{"channel":"lobby","epoch":"e","offset":7,"event":"x","data":"secret"}"#;
    for publications in ["", publication] {
        meter.read(&request("/short-poll/lobby"));
        meter.begin_request(labels("lobby"), None);
        let body = format!(
            r#"{{"epoch":"e","offset":7,"recovered":true,"publications":[{publications}]}}"#
        );
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        meter.accepted(&[head.as_bytes(), body.as_bytes()].concat());
    }
    let bodies = tap.units(|unit| unit.kind == Kind::Body);
    let brings_nothing: Vec<_> = bodies.iter().map(|body| body.brings_nothing).collect();
    assert_eq!(brings_nothing, [Some(true), Some(false)]);
    assert!(
        bodies
            .iter()
            .all(|body| !String::from_utf8_lossy(&body.bytes).contains("secret"))
    );
}

#[test]
fn taps_are_few_and_end_when_nobody_reads_them() {
    let taps = Taps::default();
    let here = Some([192, 0, 2, 1].into());
    let mine: Vec<_> = (0..=TAPS_OF_ADDRESS_MAX as u64)
        .map(|n| taps.open(None, here, NOW_US + n).unwrap())
        .collect();
    let later = NOW_US + 100;
    assert!(taps.with_key(&mine[0].key, later).is_none(), "it gave way");
    assert!(taps.with_key(&mine[1].key, later).is_some());
    taps.open(None, here, later).unwrap();
    assert!(
        taps.with_key(&mine[1].key, later).is_some(),
        "it was read last"
    );
    assert!(taps.with_key(&mine[2].key, later).is_none());
    for n in 0..(TAPS_MAX - TAPS_OF_ADDRESS_MAX) as u8 {
        taps.open(None, Some([198, 51, 100, n].into()), later)
            .unwrap();
    }
    let refused = taps.open(None, Some([203, 0, 113, 1].into()), later);
    assert!(refused.is_err());
    taps.tidy(later);
    assert!(taps.any() && !taps.has_emptied());
    let idle = later + IDLE_US;
    taps.tidy(idle + 1_000_000);
    assert!(taps.has_emptied() && !taps.any() && !taps.has_emptied());
    assert!(taps.with_key(&mine[1].key, idle).is_none());
    assert_eq!(new_channel().len(), "compare-".len() + 18);
}

#[test]
fn what_goes_on_after_its_tap_was_closed_keeps_nothing_of_it() {
    let (meters, tap) = opened();
    let meter = meters.open(SHORT_POLL.id);
    meter.read(&request("/ws/x"));
    meter.begin_request(labels(&tap.channel), None);
    meter.accepted(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    let _other = meters.taps.open(None, None, clock_us()).unwrap();
    meters.taps.close(&tap, clock_us());
    let gone = Arc::downgrade(&tap);
    drop(tap);
    assert!(gone.upgrade().is_none());
    meter.accepted(b"\x81\x02{}");
}

#[test]
fn heads_of_connections_that_have_ended_give_way() {
    let (meters, tap) = opened();
    for _ in 0..500 {
        let meter = meters.open(SHORT_POLL.id);
        meter.read(&request("/short-poll/x"));
        meter.begin_request(labels(&tap.channel), None);
        meter.accepted(ANSWER);
    }
    let newest = tap.units(|unit| unit.connection > 490);
    assert_eq!(newest.len(), 30, "head, head and body of each");
}

#[test]
fn long_heads_and_bodies_wait_until_they_are_routed() {
    let (meters, tap) = opened();
    let meter = meters.open(SHORT_POLL.id);
    let (cookie, body) = ("c".repeat(12_000), "b".repeat(16_000));
    let long =
        format!("POST /x HTTP/1.1\r\nCookie: {cookie}\r\nContent-Length: 16000\r\n\r\n{body}");
    meter.read(long.as_bytes());
    meter.begin_request(labels(&tap.channel), None);
    meter.accepted(ANSWER);
    assert_eq!(kinds(&tap).len(), 4);
    // One longer than a tap follows is not kept.
    let longer = meters.open(SHORT_POLL.id);
    let cookie = "c".repeat(20_000);
    longer.read(format!("GET /x HTTP/1.1\r\nCookie: {cookie}\r\n\r\n").as_bytes());
    longer.begin_request(labels(&tap.channel), None);
    assert_eq!(kinds(&tap).len(), 4);
    // Byte by byte, too.
    let slow = meters.open(SHORT_POLL.id);
    long.bytes().for_each(|byte| slow.read(&[byte]));
    slow.begin_request(labels(&tap.channel), None);
    assert_eq!(kinds(&tap).len(), 6);
}

#[test]
fn rooms_of_a_chat_are_never_kept_for_a_visitor() {
    let (meters, tap) = opened();
    let meter = meters.open(SHORT_POLL.id);
    meter.read(&request("/short-poll/x?demo=chat"));
    let mut of_a_chat = labels(&tap.channel).unwrap();
    of_a_chat.demo = "chat";
    meter.begin_request(Some(of_a_chat), None);
    meter.accepted(ANSWER);
    assert_eq!(kinds(&tap), []);
}

#[test]
fn two_may_look_at_a_named_channel_and_nobody_at_a_visitors() {
    let taps = Taps::default();
    let first = taps.open(lobby(None), None, NOW_US).unwrap();
    let second = taps.open(lobby(None), None, NOW_US).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let own = taps.open(None, None, NOW_US).unwrap();
    let refused = taps.open(whole(&own.channel), None, NOW_US);
    assert_eq!(refused.err(), Some(NotOpened::OfAVisitor));
}

#[test]
fn the_presenter_looks_at_one_device_and_then_at_another() {
    let meters = Arc::new(Meters::default());
    let [ann, bo]: [IpAddr; 2] = [[192, 168, 1, 7].into(), [192, 168, 1, 8].into()];
    let of_ann = meters
        .taps
        .open(lobby(Some(ann)), None, clock_us())
        .unwrap();
    let asks = |from: Option<IpAddr>| {
        let meter = meters.open(SHORT_POLL.id);
        from.inspect(|from| meter.comes_from(*from));
        meter.read(&request("/short-poll/lobby"));
        meter.begin_request(labels("lobby"), None);
    };
    for from in [Some(bo), Some(ann), None] {
        asks(from);
    }
    assert_eq!(kinds(&of_ann), [(1, 1, Kind::RequestHead)]);
    let of_bo = meters.taps.open(lobby(Some(bo)), None, clock_us()).unwrap();
    asks(Some(bo));
    assert_eq!(kinds(&of_bo).len(), 1);
    assert!(meters.taps.with_key(&of_ann.key, clock_us()).is_none());
}

#[test]
fn where_very_many_streams_go_on_their_newest_messages_are_kept() {
    let (meters, tap) = opened();
    let mut streams = Vec::new();
    for _ in 0..500 {
        let meter = meters.open(SHORT_POLL.id);
        meter.read(&request("/ws/x"));
        meter.begin_request(labels(&tap.channel), None);
        meter.accepted(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
        streams.push(meter);
    }
    streams
        .iter()
        .for_each(|meter| meter.accepted(b"\x81\x02{}"));
    let frames = tap.units(|unit| unit.kind == Kind::Frame).len();
    assert!(frames > 200, "{frames}");
}
