//! Subscribers of every transport are cut at random and resume, while thousands of publications
//! pass; each ends with all of them, once, in order.
//!
//! The seed is printed with a failure and can be given: `PUSHLAB_TEST_SEED=7 cargo test …`. It
//! fixes where each subscriber cuts itself off and how; what is under way at that instant is up to
//! the machine. Then: subscribers that stop reading, which are closed, counted, and resume.

use std::{
    io,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use pushlab::{
    channel::StreamPosition,
    config::{Config, Span},
    hub::{coalesce::Coalesce, rounds::Pacing},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::support::{
    self, PATIENCE, TestLab,
    connection::Connection,
    eventually,
    follower::{ALL, Ending, Follower, Seen, Start, Transport},
    http::Http,
    position_of, spawn_lab, test_config,
    websocket::{TEXT, WebSocket, frame},
};

const CHANNEL: &str = "cuts";
/// Published by each of two publishers.
const PUBLICATIONS_EACH: u64 = 8_000;
const PUBLICATIONS: u64 = 2 * PUBLICATIONS_EACH;
/// Published at once over the WebSocket, and by pipelined requests.
const BATCH: u64 = 50;
/// How far the publishers may be ahead of the slowest subscriber, so that cuts meet live delivery
/// as well as recovery.
const AHEAD_MAX: u64 = 200;
/// Publications that a subscriber reads between two cuts, at most.
const BETWEEN_CUTS_MAX: u64 = 300;
/// Subscribers of each transport.
const SUBSCRIBERS: usize = 3;

fn seed() -> u64 {
    let given = std::env::var("PUSHLAB_TEST_SEED");
    let seed = match given {
        Ok(seed) => seed.parse().expect("PUSHLAB_TEST_SEED is a number"),
        Err(_) => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_micros() as u64),
    };
    println!("PUSHLAB_TEST_SEED={seed}");
    seed
}

fn long_history() -> Config {
    Config {
        history_max_count: 100_000,
        history_max_bytes: 256 << 20,
        ..test_config()
    }
}

/// The lanes of the plain envelope whose connections stay.
const STREAMS: [Transport; 4] = [
    Transport::Sse,
    Transport::FetchStream,
    Transport::WebSocket,
    Transport::ActixWs,
];

/// What was published where: `n` of the publication at each offset.
type Published = Mutex<Vec<(u64, u64)>>;

/// Waits until the slowest subscriber is near enough.
fn await_subscribers(progress: &[AtomicU64], published: u64) {
    let slowest = || progress.iter().map(|p| p.load(Ordering::Relaxed)).min();
    eventually(3 * PATIENCE, "the slowest subscriber keeps up", || {
        slowest().is_some_and(|slowest| slowest + AHEAD_MAX >= published)
    });
}

/// Publishes over one WebSocket, a batch in one write, and reads its acknowledgements.
fn publish_by_socket(lab: &TestLab, progress: &[AtomicU64], published: &Published) {
    let mut socket = WebSocket::open(lab.address("websocket"), CHANNEL);
    socket.expect_subscribed();
    for batch in 0..PUBLICATIONS_EACH / BATCH {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let frames = numbers.flat_map(|n| {
            let id = n.to_string();
            let publish = json!({ "publish": { "event": "tick", "data": n, "id": id } });
            frame(true, TEXT, publish.to_string().as_bytes())
        });
        socket.connection.send(&frames.collect::<Vec<_>>()).unwrap();
        let mut acknowledged = 0;
        let mut top = 0;
        while acknowledged < BATCH {
            let message = socket.expect_json();
            let ack = &message["ack"];
            if let Some(id) = ack["id"].as_str() {
                let n = id.parse().unwrap();
                top = position_of(ack).offset;
                published.lock().unwrap().push((top, n));
                acknowledged += 1;
            }
        }
        await_subscribers(progress, top);
    }
}

/// Publishes by `POST`, a batch of requests in one write, and reads the answers.
fn publish_by_post(lab: &TestLab, progress: &[AtomicU64], published: &Published) {
    let mut http = lab.http("main");
    let target = format!("/api/channels/{CHANNEL}/publications");
    for batch in 0..PUBLICATIONS_EACH / BATCH {
        let first = PUBLICATIONS_EACH + batch * BATCH;
        let mut requests = Vec::new();
        for n in first..first + BATCH {
            let body = json!({ "event": "tick", "data": n }).to_string();
            let head = format!("POST {target} HTTP/1.1\r\nhost: lab\r\ncontent-length: ");
            requests.extend(format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes());
        }
        http.connection.send(&requests).unwrap();
        let mut top = 0;
        for n in first..first + BATCH {
            let answer = http.read_answer().unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            top = position_of(&answer.json()).offset;
            published.lock().unwrap().push((top, n));
        }
        await_subscribers(progress, top);
    }
}

/// How a subscriber is cut off.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Fin,
    Reset,
    /// Reset with bytes read that nobody looked at: the middle of a frame, an event, an answer.
    MidStream,
    /// Reset with a request on its way.
    MidPoll,
    /// Reset while the next connection is being opened.
    MidOpening,
}

const CUTS: [Cut; 5] = [
    Cut::Fin,
    Cut::Reset,
    Cut::MidStream,
    Cut::MidPoll,
    Cut::MidOpening,
];

/// One subscriber through all its lives.
struct Subscriber<'a> {
    lab: &'a TestLab,
    transport: Transport,
    random: StdRng,
    start: Start,
    seen: Vec<Seen>,
    progress: &'a AtomicU64,
    /// Cuts of its own, and ends that it did not bring about.
    cuts: usize,
    cut_by_server: usize,
}

impl Subscriber<'_> {
    fn live(&mut self) {
        while (self.seen.len() as u64) < PUBLICATIONS {
            let until = self.random.random_range(0..BETWEEN_CUTS_MAX);
            let cut = CUTS[self.random.random_range(0..CUTS.len())];
            if let Err(error) = self.live_once(until, cut) {
                let waited = error.kind() == io::ErrorKind::TimedOut;
                assert!(!waited, "{:?}: nothing comes any more", self.transport);
                self.cut_by_server += 1;
                assert!(self.cut_by_server < 100, "cut again and again");
            }
        }
    }

    /// Reads so many publications, then is cut off.
    fn live_once(&mut self, publications: u64, cut: Cut) -> io::Result<()> {
        let connection = Connection::connect(self.lab.address(self.transport.lane()));
        let start = self.start.clone();
        let mut follower = Follower::open_over(connection, self.transport, CHANNEL, start)?;
        assert!(follower.recovered, "{:?} {:?}", self.transport, self.start);
        for _ in 0..publications {
            if self.seen.len() as u64 == PUBLICATIONS {
                return Ok(());
            }
            let seen = follower.next()?;
            self.seen.push(seen);
            self.start.position = Some(follower.position());
            self.progress
                .store(self.seen.len() as u64, Ordering::Relaxed);
        }
        self.cuts += 1;
        match cut {
            Cut::Fin => follower.end(Ending::Fin),
            Cut::Reset => follower.end(Ending::Reset),
            Cut::MidStream => {
                follower.ask()?;
                follower
                    .connection()
                    .set_patience(Duration::from_millis(20));
                let _ = follower.connection().fill();
                follower.end(Ending::Reset);
            }
            Cut::MidPoll => {
                follower.ask()?;
                follower.end(Ending::Reset);
            }
            Cut::MidOpening => {
                follower.end(Ending::Fin);
                self.open_and_reset()?;
            }
        }
        Ok(())
    }

    fn open_and_reset(&self) -> io::Result<()> {
        let mut http = Http::connect(self.lab.address(self.transport.lane()));
        let StreamPosition { epoch, offset } = self.start.position.clone().expect("a position");
        let after = format!("{CHANNEL}?epoch={}&offset={offset}", epoch.as_str());
        let target = match self.transport {
            Transport::WebSocket => format!("/ws/{after}"),
            Transport::SocketIoPolling => "/socket.io/?EIO=4&transport=polling".to_owned(),
            Transport::SocketIoWebSocket => "/socket.io/?EIO=4&transport=websocket".to_owned(),
            other => format!("/{}/{after}", other.lane()),
        };
        let upgrade = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let headers: &[_] = match self.transport {
            Transport::WebSocket | Transport::ActixWs | Transport::SocketIoWebSocket => &upgrade,
            _ => &[],
        };
        http.send_request("GET", &target, headers, b"")?;
        http.connection.reset();
        Ok(())
    }
}

#[test]
fn however_it_is_cut_every_subscriber_ends_with_all_publications_once_and_in_order() {
    cut_at_random(Coalesce::default());
}

/// Workers that pause after every write, as if they had no time for more: what is kept back between
/// two rounds keeps its order, and none of it is lost with a connection.
#[test]
fn the_same_where_every_worker_writes_in_rounds() {
    cut_at_random(Coalesce::Adaptive(Pacing {
        share: 1_000,
        burst: Duration::ZERO,
        pause_max: Duration::from_millis(2),
    }));
}

fn cut_at_random(coalesce: Coalesce) {
    let seed = seed();
    let lab = spawn_lab(Config {
        coalesce,
        // A Socket.IO poller that was cut between two polls is missed at a heartbeat only.
        heartbeat: Span(Duration::from_secs(2)),
        pong_timeout: Span(Duration::from_secs(3)),
        ..long_history()
    });
    let begin = lab.publish(CHANNEL, "begin", Value::Null);
    let progress: Vec<AtomicU64> = (0..ALL.len() * SUBSCRIBERS)
        .map(|_| AtomicU64::new(0))
        .collect();
    let published = Published::default();
    let subscribers: Vec<_> = thread::scope(|threads| {
        let lives = progress.iter().enumerate().map(|(index, progress)| {
            let transport = ALL[index % ALL.len()];
            let mut subscriber = Subscriber {
                lab: &lab,
                transport,
                random: StdRng::seed_from_u64(seed + index as u64),
                start: Start {
                    by_last_event_id: transport == Transport::Sse && index >= ALL.len(),
                    ..Start::after(&begin)
                },
                seen: Vec::new(),
                progress,
                cuts: 0,
                cut_by_server: 0,
            };
            threads.spawn(move || {
                subscriber.live();
                subscriber
            })
        });
        let lives: Vec<_> = lives.collect();
        threads.spawn(|| publish_by_socket(&lab, &progress, &published));
        threads.spawn(|| publish_by_post(&lab, &progress, &published));
        lives.into_iter().map(|life| life.join().unwrap()).collect()
    });
    let mut published = published.into_inner().unwrap();
    published.sort_unstable();
    assert_eq!(published.len() as u64, PUBLICATIONS);
    for subscriber in &subscribers {
        let Subscriber {
            transport,
            cuts,
            cut_by_server,
            ..
        } = subscriber;
        println!("{transport:?}: {cuts} cuts, {cut_by_server} by the server");
        let seen = subscriber.seen.iter();
        let seen: Vec<_> = seen.map(|s| (s.offset, s.data.as_u64().unwrap())).collect();
        let wrong = seen
            .iter()
            .zip(&published)
            .find(|(seen, published)| seen != published);
        assert_eq!(wrong, None, "{transport:?}, seed {seed}");
        assert_eq!(seen.len(), published.len(), "{transport:?}, seed {seed}");
        assert!(
            *cuts as u64 >= PUBLICATIONS / BETWEEN_CUTS_MAX,
            "{transport:?}: {cuts} cuts"
        );
    }
    drop(subscribers);
    eventually(PATIENCE, "every subscription is given back", || {
        lab.subscribers(CHANNEL) == 0
    });
}

/// Data of the publications that fill a slow consumer's queue.
fn large(n: u64) -> Value {
    json!({ "n": n, "pad": "x".repeat(30_000) })
}

/// A lab in which somebody that stops reading is soon a slow consumer, and is given time.
fn narrow() -> Config {
    Config {
        subscriber_queue_max_bytes: 256 << 10,
        close_timeout: Span(PATIENCE),
        ..long_history()
    }
}

/// Reads up to its end and returns what was seen, and why it ended.
fn read_to_end(follower: &mut Follower) -> (Vec<u64>, io::Error) {
    let mut offsets = Vec::new();
    loop {
        match follower.next() {
            Ok(seen) => offsets.push(seen.offset),
            Err(error) => return (offsets, error),
        }
    }
}

/// A subscriber that does not read while large publications flow is disconnected with a reason;
/// its drops are counted; others are not disturbed; it resumes and misses nothing.
///
/// Nothing is published before all others have what was: they are never slow themselves, however
/// busy the machine is.
fn a_reader_that_stops(transport: Transport, reason: &str) {
    let lab = spawn_lab(narrow());
    let begin = lab.publish(CHANNEL, "begin", Value::Null);
    let others_have = ALL.map(|_| AtomicU64::new(begin.offset));
    thread::scope(|threads| {
        for (other, has) in ALL.into_iter().zip(&others_have) {
            let mut other = Follower::open(&lab, other, CHANNEL, Start::after(&begin));
            threads.spawn(move || {
                for offset in 2.. {
                    let seen = other.next().expect("others are not disturbed");
                    assert_eq!(seen.offset, offset);
                    has.store(offset, Ordering::Release);
                    if seen.event == "last" {
                        break;
                    }
                }
            });
        }
        let connection = Connection::connect_narrow(lab.address(transport.lane()), 64 << 10);
        let start = Start::after(&begin);
        let mut slow = Follower::open_over(connection, transport, CHANNEL, start).unwrap();
        let mut publisher = lab.http("main");
        let mut last = begin.offset;
        let mut publish = |last: &mut u64, event| {
            let position = support::publish(&mut publisher, CHANNEL, event, large(*last));
            *last = position.offset;
            let has = |has: &AtomicU64| has.load(Ordering::Acquire) >= position.offset;
            eventually(PATIENCE, "all others have it", || {
                others_have.iter().all(has)
            });
        };
        eventually(PATIENCE, "the slow consumer's queue is dropped", || {
            publish(&mut last, "large");
            lab.drops(CHANNEL) > 0
        });
        for _ in 0..20 {
            publish(&mut last, "after");
        }
        let dropped = lab.drops(CHANNEL);
        let (read, error) = read_to_end(&mut slow);
        assert!(error.to_string().contains(reason), "{error}");
        let read_up_to = 1 + read.len() as u64;
        assert_eq!(
            read,
            (2..=read_up_to).collect::<Vec<_>>(),
            "in order up to the end"
        );
        assert!(read_up_to < last, "it has missed something");
        assert!(
            dropped > 0 && dropped <= last - read_up_to,
            "{dropped} drops"
        );

        let start = Start {
            by_last_event_id: transport == Transport::Sse,
            ..Start::after(&slow.position())
        };
        let mut resumed = Follower::open(&lab, transport, CHANNEL, start);
        assert!(resumed.recovered);
        let rest = resumed.take((last - read_up_to) as usize);
        let rest: Vec<_> = rest.iter().map(|seen| seen.offset).collect();
        assert_eq!(rest, (read_up_to + 1..=last).collect::<Vec<_>>());

        publish(&mut last, "last");
        assert_eq!(resumed.next().unwrap().offset, last);
    });
}

#[test]
fn a_websocket_that_stops_reading_is_closed_with_1013_and_resumes_without_loss() {
    a_reader_that_stops(Transport::WebSocket, "closed with 1013");
}

#[test]
fn a_websocket_by_the_crate_that_stops_reading_is_closed_with_1013_and_resumes_without_loss() {
    a_reader_that_stops(Transport::ActixWs, "closed with 1013");
}

#[test]
fn lines_that_nobody_reads_end_as_slow_consumer_and_are_resumed_without_loss() {
    a_reader_that_stops(Transport::FetchStream, "slow_consumer");
}

#[test]
fn an_event_stream_that_stops_reading_ends_as_slow_consumer_and_resumes_without_loss() {
    a_reader_that_stops(Transport::Sse, "slow_consumer");
}

#[test]
fn a_socketio_websocket_that_stops_reading_is_closed_with_1013_and_resumes_without_loss() {
    a_reader_that_stops(Transport::SocketIoWebSocket, "closed with 1013");
}

/// A poller that does not ask for long finds its session gone, which is how clients learn it.
#[test]
fn a_socketio_poller_that_stops_asking_loses_its_session_and_resumes_without_loss() {
    a_reader_that_stops(Transport::SocketIoPolling, "Session ID unknown");
}

/// A channel with a backlog of 9 MB, many times the budget of a queue; its begin, and a publisher.
fn backlog() -> (TestLab, StreamPosition, Http) {
    let lab = spawn_lab(Config {
        subscriber_queue_max_bytes: 64 << 10,
        ..long_history()
    });
    let begin = lab.publish(CHANNEL, "begin", Value::Null);
    let mut publisher = lab.http("main");
    for n in 0..300 {
        support::publish(&mut publisher, CHANNEL, "large", large(n));
    }
    (lab, begin, publisher)
}

/// A queue's budget bounds what waits for one who does not read. Whoever resumes and reads gets a
/// backlog of any size, or it would be closed again and again and never catch up.
fn catches_up(transport: Transport) {
    let (lab, begin, mut publisher) = backlog();
    let mut follower = Follower::open(&lab, transport, CHANNEL, Start::after(&begin));
    assert_eq!(follower.take(300).len(), 300);
    let live = support::publish(&mut publisher, CHANNEL, "live", Value::Null);
    let seen = follower.next().expect("it goes on after the backlog");
    assert_eq!(seen.offset, live.offset);
    assert_eq!(lab.drops(CHANNEL), 0);
}

/// Nor is the backlog held against it when live publications follow before it has read all.
fn goes_live_behind_its_backlog(transport: Transport) {
    let (lab, begin, mut publisher) = backlog();
    let connection = Connection::connect_narrow(lab.address(transport.lane()), 64 << 10);
    let start = Start::after(&begin);
    let mut follower = Follower::open_over(connection, transport, CHANNEL, start).unwrap();
    for _ in 0..20 {
        support::publish(&mut publisher, CHANNEL, "live", Value::Null);
    }
    let seen: Vec<u64> = follower.take(320).iter().map(|seen| seen.offset).collect();
    assert_eq!(seen, (2..=321).collect::<Vec<_>>());
    assert_eq!(lab.drops(CHANNEL), 0);
}

#[test]
fn a_websocket_catches_up_on_a_backlog_over_its_queue_budget() {
    catches_up(Transport::WebSocket);
}

#[test]
fn a_websocket_by_the_crate_and_lines_catch_up_on_a_backlog_over_their_queue_budget() {
    for transport in [Transport::ActixWs, Transport::FetchStream] {
        catches_up(transport);
        goes_live_behind_its_backlog(transport);
    }
}

#[test]
fn an_event_stream_catches_up_on_a_backlog_over_its_queue_budget() {
    catches_up(Transport::Sse);
}

#[test]
fn polls_catch_up_on_a_backlog_over_a_queue_budget() {
    catches_up(Transport::ShortPoll);
    catches_up(Transport::LongPoll);
}

#[test]
fn a_websocket_goes_live_behind_a_backlog_over_its_queue_budget() {
    goes_live_behind_its_backlog(Transport::WebSocket);
}

#[test]
fn an_event_stream_goes_live_behind_a_backlog_over_its_queue_budget() {
    goes_live_behind_its_backlog(Transport::Sse);
}

#[test]
fn socketio_catches_up_on_a_backlog_over_its_queue_budget() {
    catches_up(Transport::SocketIoPolling);
    catches_up(Transport::SocketIoWebSocket);
}

#[test]
fn socketio_goes_live_behind_a_backlog_over_its_queue_budget() {
    goes_live_behind_its_backlog(Transport::SocketIoPolling);
    goes_live_behind_its_backlog(Transport::SocketIoWebSocket);
}

#[test]
fn with_default_settings_a_full_history_reaches_whoever_asks_for_it() {
    let lab = spawn_lab(test_config());
    let channel = "presence-chat-lobby";
    let mut publisher = lab.http("main");
    let data = json!("x".repeat(900));
    for _ in 0..1_200 {
        support::publish(&mut publisher, channel, "tick", data.clone());
    }
    let retained = lab
        .http("main")
        .get(&format!("/api/channels/{channel}/history"));
    let retained = retained.json()["publications"]
        .as_array()
        .map_or(0, Vec::len);
    for transport in ALL {
        let start = Start {
            history: Some(usize::MAX),
            ..Start::default()
        };
        let mut follower = Follower::open(&lab, transport, channel, start);
        assert_eq!(follower.take(retained).len(), retained, "{transport:?}");
    }
}

#[test]
fn a_slow_consumer_that_never_reads_again_is_given_up_and_its_connection_too() {
    let lab = spawn_lab(Config {
        subscriber_queue_max_bytes: 256 << 10,
        // A few publications fill what the kernel holds, before it gives the connection up itself;
        // each alone is within the budget.
        body_max_bytes: 2 << 20,
        close_timeout: Span(Duration::from_millis(500)),
        tcp_unacknowledged: Span(Duration::from_millis(1_500)),
        ..long_history()
    });
    let stuck = STREAMS.map(|transport| {
        let connection = Connection::connect_narrow(lab.address(transport.lane()), 64 << 10);
        Follower::open_over(connection, transport, CHANNEL, Start::default()).unwrap()
    });
    let mut publisher = lab.http("main");
    let huge = json!("x".repeat(200 << 10));
    eventually(PATIENCE, "all connections are given back", || {
        if lab.subscribers(CHANNEL) > 0 {
            support::publish(&mut publisher, CHANNEL, "huge", huge.clone());
        }
        lab.subscribers(CHANNEL) == 0
            && STREAMS
                .iter()
                .all(|it| lab.connections_open(it.lane()) == 0)
    });
    assert!(lab.drops(CHANNEL) > 0);
    drop(stuck);
}

/// Nothing bounds a backlog but the reading itself, so one who stops in the middle of it must be
/// noticed by its silence.
#[test]
fn a_reader_that_stops_in_its_backlog_is_given_up_and_its_connection_too() {
    let lab = spawn_lab(Config {
        heartbeat: Span(Duration::from_millis(500)),
        pong_timeout: Span(Duration::from_millis(500)),
        close_timeout: Span(Duration::from_millis(500)),
        tcp_unacknowledged: Span(Duration::from_millis(1_500)),
        ..long_history()
    });
    let begin = lab.publish(CHANNEL, "begin", Value::Null);
    let mut publisher = lab.http("main");
    for n in 0..500 {
        support::publish(&mut publisher, CHANNEL, "large", large(n));
    }
    let stuck = STREAMS.map(|transport| {
        let connection = Connection::connect_narrow(lab.address(transport.lane()), 64 << 10);
        let start = Start::after(&begin);
        Follower::open_over(connection, transport, CHANNEL, start).unwrap()
    });
    eventually(PATIENCE, "all connections are given back", || {
        STREAMS
            .iter()
            .all(|it| lab.connections_open(it.lane()) == 0)
    });
    drop(stuck);
}

/// Published by the batch until told to stop, as fast as they are acknowledged.
fn flood(lab: &TestLab, stop: &AtomicBool) {
    let mut socket = WebSocket::open(lab.address("websocket"), CHANNEL);
    socket.expect_subscribed();
    let publish = json!({ "publish": { "event": "tick", "data": 0 } });
    let batch = frame(true, TEXT, publish.to_string().as_bytes()).repeat(20);
    while !stop.load(Ordering::Relaxed) {
        socket.connection.send(&batch).unwrap();
        let acknowledged = std::iter::repeat_with(|| socket.expect_json());
        acknowledged
            .filter(|m| m["ack"].is_object())
            .take(20)
            .for_each(drop);
    }
}

/// Who subscribes is told a position, and is then given what follows it, without a gap, in the
/// middle of a flood and also where no history could help it.
fn subscribes_without_a_gap(history_max_count: usize) {
    let lab = spawn_lab(Config {
        history_max_count,
        ..test_config()
    });
    let stop = AtomicBool::new(false);
    thread::scope(|threads| {
        threads.spawn(|| flood(&lab, &stop));
        for _ in 0..150 {
            let socketio = [Transport::SocketIoPolling, Transport::SocketIoWebSocket];
            for transport in STREAMS.into_iter().chain(socketio) {
                let mut follower = Follower::open(&lab, transport, CHANNEL, Start::default());
                let told = follower.told.offset;
                let first = follower.next().map(|seen| seen.offset);
                if !matches!(first, Ok(offset) if offset == told + 1) {
                    stop.store(true, Ordering::Relaxed);
                    panic!("{transport:?}: told {told}, then given {first:?}");
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn in_the_middle_of_a_flood_one_subscribes_without_a_gap() {
    subscribes_without_a_gap(1_000);
}

#[test]
fn in_the_middle_of_a_flood_one_subscribes_without_a_gap_where_nothing_is_kept() {
    subscribes_without_a_gap(0);
}

/// A channel that nobody has used must not be tidied away between the moments in which its first
/// subscriber learns its position and begins to listen. A lab tidies up as it starts, and then
/// every quarter of a second.
#[test]
fn the_first_subscriber_of_a_new_channel_is_never_turned_away() {
    for _ in 0..20 {
        let lab = spawn_lab(test_config());
        for transport in STREAMS {
            let channel = format!("new-{}", transport.lane());
            let mut follower = Follower::open(&lab, transport, &channel, Start::default());
            let published = lab.publish(&channel, "said", Value::Null);
            assert_eq!(follower.take(1)[0].offset, 1);
            assert_eq!(published.epoch, follower.told.epoch);
        }
    }
}
