//! What is counted was sent: on every lane, with and without TLS and conditions, clients are reset
//! in the middle of answers, at random places, while another thread looks at the figures all the
//! time. The layers never add up to more than the socket's bytes, plain bytes never to more than
//! encrypted ones, and no publication counts as delivered whose payload does not.
//!
//! What the figures are when nothing is cut is in `bytes.rs`.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use crate::support::{
    PATIENCE, TestLab,
    certificate::Certificate,
    connection::reset_on_close,
    eventually, spawn_lab, test_config,
    websocket::{TEXT, frame},
};
use pushlab::{
    catalogue::{self, Fetching, LANES},
    config::{Config, apps::AppSettings},
    lane::{
        LaneId,
        meter::{Meters, Totals},
    },
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use serde_json::json;

fn lanes() -> impl Iterator<Item = &'static str> {
    LANES.iter().map(|lane| lane.id.0)
}

const CHANNEL: &str = "cuts";
const KEY: &str = "cuts-key";
/// Of each publication; what is around it is in other layers.
const PAYLOAD_BYTES: u64 = 1_000;
/// Clients of each lane.
const VISITS: u64 = 12;
/// A client is reset before it has read more than this.
const CUT_MAX: usize = 12_000;

trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

/// How a lab is reached.
#[derive(Clone)]
struct Connector(Option<Arc<ClientConfig>>);

impl Connector {
    /// A connection that is reset when it is dropped.
    fn connect(&self, address: SocketAddr) -> Box<dyn Duplex> {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        reset_on_close(&stream);
        match &self.0 {
            None => Box::new(stream),
            Some(config) => {
                let name = ServerName::try_from("localhost").unwrap();
                let tls = ClientConnection::new(config.clone(), name).unwrap();
                Box::new(StreamOwned::new(tls, stream))
            }
        }
    }
}

fn config() -> Config {
    let app = AppSettings {
        plain_channels: true,
        ..AppSettings::new("1", KEY, "secret")
    };
    Config {
        apps: vec![app],
        ..test_config()
    }
}

fn plain_lab() -> (TestLab, Connector) {
    (spawn_lab(config()), Connector(None))
}

fn tls_lab() -> (TestLab, Connector) {
    let certificate = Certificate::new();
    // Read at the start, and not again.
    let lab = spawn_lab(Config {
        tls_cert: certificate.cert(),
        tls_key: certificate.key(),
        ..config()
    });
    let connector = Connector(Some(Arc::new(certificate.client(&[]))));
    (lab, connector)
}

fn request(method: &str, target: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A handshake, and text messages behind it that do not wait for its answer.
fn upgrade(target: &str, messages: &[&str]) -> Vec<u8> {
    let mut bytes = format!(
        "GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes();
    for message in messages {
        bytes.extend(frame(true, TEXT, message.as_bytes()));
    }
    bytes
}

fn subscribe_to_channels() -> String {
    json!({ "event": "pusher:subscribe", "data": { "channel": CHANNEL } }).to_string()
}

fn subscribe_to_socketio() -> String {
    let subscribe = json!(["subscribe", { "channel": CHANNEL, "history": 20 }]);
    format!("42/lab,{subscribe}")
}

/// Sessions are the lab's, not the lane's: each lane has names of its own.
fn session(lane: &str, n: u64, request: &str) -> String {
    let lane = lane.replace('-', "");
    format!("/pusher/app/{KEY}/1/{lane}{n}/{request}?protocol=7&client=js&version=8.4.0")
}

/// What a client of a lane sends first.
fn opening(lane: &str, n: u64) -> Vec<u8> {
    let known = catalogue::lane(lane).unwrap_or_else(|| panic!("no lane {lane}"));
    let plain = format!("{}{CHANNEL}?history=50", known.path);
    match lane {
        _ if known.protocol == "plain" => match (known.fetching, known.upgrades) {
            (Fetching::Stream, true) => upgrade(&plain, &[]),
            (Fetching::Stream, false) => request("GET", &plain, ""),
            _ => request("GET", &plain, "").repeat(3),
        },
        "channels" => upgrade(
            &format!("/app/{KEY}?protocol=7&client=js&version=8.4.0"),
            &[&subscribe_to_channels()],
        ),
        "channels-streaming" => request("POST", &session(lane, n, "xhr_streaming"), ""),
        "channels-polling" => request("POST", &session(lane, n, "xhr"), ""),
        "socketio-polling" => request("GET", "/socket.io/?EIO=4&transport=polling", ""),
        "socketio-websocket" => upgrade(
            "/socket.io/?EIO=4&transport=websocket",
            &["40/lab,", &subscribe_to_socketio()],
        ),
        other => panic!("no lane {other}"),
    }
}

/// Reads until `mark` has come.
fn read_until(wire: &mut dyn Duplex, mark: &str) -> io::Result<String> {
    let mut text = String::new();
    let mut buffer = [0; 4_096];
    while !text.contains(mark) {
        match wire.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
        }
    }
    Ok(text)
}

/// A client's connections, the one that receives first, each asked what it is to be asked.
fn begin(
    connect: &dyn Fn() -> Box<dyn Duplex>,
    lane: &str,
    n: u64,
) -> io::Result<Vec<Box<dyn Duplex>>> {
    let mut wire = connect();
    wire.write_all(&opening(lane, n))?;
    match lane {
        "channels-streaming" | "channels-polling" => {
            read_until(&mut wire, "o\n")?;
            let body = json!([subscribe_to_channels()]).to_string();
            let mut other = connect();
            other.write_all(&request("POST", &session(lane, n, "xhr_send"), &body))?;
            read_until(&mut other, "HTTP/1.1 204")?;
            if lane == "channels-polling" {
                wire.write_all(&request("POST", &session(lane, n, "xhr"), "").repeat(40))?;
            }
            return Ok(vec![wire, other]);
        }
        "socketio-polling" => {
            let opened = read_until(&mut wire, "\"upgrades\"")?;
            let sid = opened
                .split("\"sid\":\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            let target = format!("/socket.io/?EIO=4&transport=polling&sid={}", sid.unwrap());
            wire.write_all(&request("POST", &target, "40/lab,"))?;
            wire.write_all(&request("POST", &target, &subscribe_to_socketio()))?;
            wire.write_all(&request("GET", &target, "").repeat(40))?;
        }
        _ => {}
    }
    Ok(vec![wire])
}

/// A client that reads up to `cut` bytes of what it asked for, and is reset.
fn visit(
    connector: &Connector,
    address: SocketAddr,
    lane: &str,
    n: u64,
    cut: usize,
) -> io::Result<()> {
    let mut wire = begin(&|| connector.connect(address), lane, n)?.swap_remove(0);
    let mut left = cut;
    let mut buffer = [0; 4_096];
    while left > 0 {
        let most = left.min(buffer.len());
        match wire.read(&mut buffer[..most])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => left -= read,
        }
    }
    Ok(())
}

/// Keeps what was read.
struct Recording {
    wire: Box<dyn Duplex>,
    all: Arc<Mutex<Vec<u8>>>,
}

impl Read for Recording {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.wire.read(buffer)?;
        self.all.lock().unwrap().extend(&buffer[..read]);
        Ok(read)
    }
}

impl Write for Recording {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wire.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wire.flush()
    }
}

/// Reads until the server closes.
fn read_to_end(lane: &str, wire: &mut dyn Duplex) {
    // A closing alert that is missing under TLS cuts nothing off, nor does the reset of a WebSocket
    // that does not answer the close frame, long after that: the bytes are compared.
    if let Err(error) = io::copy(wire, &mut io::sink()) {
        let is_end = matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
        );
        assert!(is_end, "{lane}: {error}");
    }
}

/// Bytes of the HTTP heads in what one connection received.
fn heads(all: &[u8]) -> u64 {
    const FIRST: &[u8] = b"HTTP/1.1 ";
    const END: &[u8] = b"\r\n\r\n";
    let find = |what: &[u8], from: usize| {
        let rest = &all[from..];
        let found = rest.windows(what.len()).position(|part| part == what);
        found.map(|at| from + at)
    };
    let (mut sum, mut from) = (0, 0);
    while let Some(began) = find(FIRST, from) {
        from = find(END, began).expect("a head ends") + END.len();
        sum += from - began;
    }
    sum as u64
}

/// Holds figures of one instant to each other.
fn check(totals: &Totals, of: &dyn std::fmt::Debug) {
    let layers = totals.layers_down().total();
    assert!(layers <= totals.bytes_down, "{of:?}: {totals:?}");
    assert!(
        totals.tls_down == 0 || totals.bytes_down <= totals.tls_down,
        "{of:?}: {totals:?}"
    );
    let delivered = totals.delivered * PAYLOAD_BYTES;
    assert!(delivered <= totals.payload_down, "{of:?}: {totals:?}");
}

fn check_all(meters: &Meters) {
    for series in meters.series() {
        // An answer belongs to the request that asked for it, an encrypted byte to what the
        // connection is used for when it leaves: after the next request has begun these differ.
        let plain = Totals {
            tls_down: 0,
            ..series.totals
        };
        check(&plain, &series.labels);
    }
    for lane in lanes() {
        check(&meters.lane(LaneId(lane)).totals, &lane);
    }
}

/// Sets its flag when it is dropped, by a panic as well.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn publish_until(connector: &Connector, address: SocketAddr, is_over: &AtomicBool) {
    let mut publish = publisher(connector, address);
    while !is_over.load(Ordering::Relaxed) {
        publish();
    }
}

/// Publishes once each time it is called, and waits until the lab has it.
fn publisher(connector: &Connector, address: SocketAddr) -> impl FnMut() {
    let body = json!({ "event": "e", "data": "x".repeat(PAYLOAD_BYTES as usize) }).to_string();
    let publish = request(
        "POST",
        &format!("/api/channels/{CHANNEL}/publications"),
        &body,
    );
    let mut wire = connector.connect(address);
    move || {
        wire.write_all(&publish).unwrap();
        read_until(&mut wire, "\"offset\"").unwrap();
    }
}

/// Cuts clients of every lane at random places.
fn cut_at_random(lab: &TestLab, connector: &Connector, seed: u64) {
    let is_over = AtomicBool::new(false);
    let meters = &lab.lab().meters;
    thread::scope(|scope| {
        let stops = Stops(&is_over);
        scope.spawn(|| publish_until(connector, lab.address("main"), &is_over));
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                check_all(meters);
            }
        });
        eventually(PATIENCE, "there is a history", || {
            meters
                .series()
                .iter()
                .any(|series| series.totals.received >= 50)
        });
        let visitors: Vec<_> = lanes()
            .map(|lane| {
                scope.spawn(move || {
                    let mut random = StdRng::seed_from_u64(seed);
                    for n in 0..VISITS {
                        let cut = random.random_range(1..CUT_MAX);
                        let n = seed * 1_000 + n;
                        visit(connector, lab.address(lane), lane, n, cut)
                            .unwrap_or_else(|error| panic!("{lane}, cut at {cut}: {error}"));
                    }
                })
            })
            .collect();
        let ended: Vec<_> = visitors
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        drop(stops);
        for (lane, ended) in lanes().zip(ended) {
            ended.unwrap_or_else(|_| panic!("a client of {lane} failed"));
        }
    });
    for lane in lanes() {
        eventually(PATIENCE, "every connection of the lane is over", || {
            lab.connections_open(lane) == 0
        });
        let totals = meters.lane(LaneId(lane)).totals;
        assert!(totals.payload_down > 0, "{lane}: {totals:?}");
    }
    check_all(meters);
}

fn put(lab: &TestLab, conditions: &str) {
    for lane in lanes() {
        let conditions = conditions.parse().unwrap();
        lab.lab().conditions.put(LaneId(lane), conditions, 7, None);
    }
}

#[test]
fn layers_are_within_the_sockets_bytes_at_random_cuts() {
    let (lab, connector) = plain_lab();
    cut_at_random(&lab, &connector, 1);
    put(&lab, "latency down=3ms");
    cut_at_random(&lab, &connector, 2);
}

#[test]
fn layers_are_within_the_plain_and_the_encrypted_bytes_under_tls() {
    let (lab, connector) = tls_lab();
    cut_at_random(&lab, &connector, 3);
    put(&lab, "latency down=3ms");
    cut_at_random(&lab, &connector, 4);
}

/// Every lane has clients that stay while publications come, and the server is stopped in the
/// middle: what the clients received is what was counted, to the byte and by layer.
fn stop_in_the_middle((mut lab, connector): (TestLab, Connector)) {
    let shared = lab.lab().clone();
    let mut received = Vec::new();
    let mut publish = publisher(&connector, lab.address("main"));
    // For those who ask once.
    (0..3).for_each(|_| publish());
    thread::scope(|scope| {
        for lane in lanes() {
            let address = lab.address(lane);
            let all = Mutex::new(Vec::new());
            let connect = || -> Box<dyn Duplex> {
                let recording = Recording {
                    wire: connector.connect(address),
                    all: Arc::default(),
                };
                all.lock().unwrap().push(recording.all.clone());
                Box::new(recording)
            };
            for n in 0..2 {
                for mut wire in begin(&connect, lane, n).unwrap() {
                    // Kept for longer than the stop takes, then closed like any other.
                    scope.spawn(move || read_to_end(lane, &mut *wire));
                }
            }
            received.push((lane, all.into_inner().unwrap()));
        }
        let begun = Instant::now();
        let is_heard = |lane: &'static str| shared.meters.lane(LaneId(lane)).totals.delivered > 0;
        while !lanes().all(is_heard) {
            assert!(begun.elapsed() < PATIENCE, "not every lane hears");
            publish();
        }
        (0..30).for_each(|_| publish());
        lab.begin_stop();
    });
    lab.stop();
    check_all(&shared.meters);
    for (lane, of_connections) in received {
        let totals = shared.meters.lane(LaneId(lane)).totals;
        let mut sum = (0, 0);
        for all in of_connections {
            let all = all.lock().unwrap();
            sum.0 += all.len() as u64;
            sum.1 += heads(&all);
        }
        assert_eq!(totals.bytes_down, sum.0, "{lane}: {totals:?}");
        let layers = totals.layers_down().total();
        assert_eq!(layers, sum.0 - sum.1, "{lane}: {totals:?}");
        assert!(totals.delivered > 0, "{lane}: {totals:?}");
    }
}

#[test]
fn layers_are_the_sockets_bytes_through_a_graceful_stop() {
    stop_in_the_middle(plain_lab());
    let (lab, connector) = plain_lab();
    put(&lab, "latency down=3ms");
    stop_in_the_middle((lab, connector));
}

#[test]
fn layers_are_the_plain_bytes_through_a_graceful_stop_under_tls() {
    stop_in_the_middle(tls_lab());
}

/// What was handed to a line that holds it back, and is lost with its connection.
#[test]
fn what_never_left_was_never_counted() {
    let (lab, connector) = plain_lab();
    for lane in ["long-poll", "sse", "websocket"] {
        let of_lane = || lab.lab().meters.lane(LaneId(lane));
        let at = lab.publish(CHANNEL, "e", json!(1));
        let held = format!(
            "/{lane}/{CHANNEL}?epoch={}&offset={}",
            at.epoch.as_str(),
            at.offset
        );
        let (opening, mark) = match lane {
            "long-poll" => (request("GET", &held, ""), None),
            "sse" => (
                request("GET", &format!("/sse/{CHANNEL}"), ""),
                Some("event: subscribed"),
            ),
            _ => (
                upgrade(&format!("/ws/{CHANNEL}"), &[]),
                Some("\"subscribed\""),
            ),
        };
        let mut wire = connector.connect(lab.address(lane));
        wire.write_all(&opening).unwrap();
        match mark {
            Some(mark) => {
                read_until(&mut wire, mark).unwrap();
                eventually(PATIENCE, "what came is counted", || {
                    of_lane().totals.layers_down().total() > 0
                });
            }
            None => eventually(PATIENCE, "the poll is there", || {
                of_lane().totals.bytes_up > 0
            }),
        }
        let far = "latency down=60s".parse().unwrap();
        lab.lab().conditions.put(LaneId(lane), far, 7, None);
        let before = of_lane().totals;
        lab.publish(CHANNEL, "e", json!("x".repeat(PAYLOAD_BYTES as usize)));
        drop(wire);
        eventually(PATIENCE, "the connection is over", || {
            of_lane().connections_open == 0
        });
        let after = of_lane().totals;
        assert_eq!(after.bytes_down, before.bytes_down, "{lane}");
        assert_eq!(after.layers_down(), before.layers_down(), "{lane}");
        assert_eq!(after.delivered, before.delivered, "{lane}");
        assert_eq!(after.empty_answers, before.empty_answers, "{lane}");
    }
}
