//! A lab of one's own for black-box tests, and raw clients that speak to it.
//!
//! [`spawn_lab`] starts the real server in this process on ports that the system chooses, and
//! keeps its [`Lab`] within reach, so that a test can compare what clients saw with what the lab
//! counted. The clients are blocking and speak raw bytes; every wait has a deadline
//! ([`PATIENCE`]), and none is a sleep that hopes. Not here: assertions about behaviour, which are
//! the tests'.
//!
//! `dead_code` is allowed in this folder alone: each folder of tests is a program that compiles all
//! of it and uses a part.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod certificate;
pub mod conformance;
pub mod connection;
pub mod folder;
pub mod follower;
pub mod http;
pub mod pusher;
pub mod socketio;
pub mod sse;
pub mod websocket;

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use pushlab::{
    catalogue::LANES,
    channel::{ChannelName, StreamPosition},
    config::{Config, Span},
    lab::{Lab, LaneAddress},
    lane::LaneId,
    protocol::{pusher::app::Apps, socketio::engines::Engines},
    server::Server,
};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use self::http::Http;

/// The presenter's, of every lab in tests.
pub const TEST_TOKEN: &str = "test-presenter-token-0123456789";

/// How long a client waits for anything before its test fails.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The lanes of the plain envelope, in their order.
pub fn plain_lanes() -> impl Iterator<Item = &'static str> {
    LANES
        .iter()
        .filter(|lane| lane.protocol == "plain")
        .map(|lane| lane.id.0)
}

/// Settings for tests: every port chosen by the system, two workers, a short stop.
pub fn test_config() -> Config {
    Config {
        port: 0,
        workers: 2,
        // The names that raw requests of tests have.
        hosts: "lab,x,a".parse().expect("names"),
        // Not the folder of whoever runs the tests.
        data_dir: concat!(env!("CARGO_TARGET_TMPDIR"), "/lab").into(),
        shutdown_grace: Span(Duration::from_secs(2)),
        presenter_token: TEST_TOKEN.parse().expect("any text is a secret"),
        ..Config::default()
    }
}

/// A running server. Dropping it stops the server gracefully and waits for its end.
pub struct TestLab {
    lab: Arc<Lab>,
    apps: Arc<Apps>,
    engines: Arc<Engines>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a lab on a thread of its own and returns once every lane is bound.
pub fn spawn_lab(config: Config) -> TestLab {
    let (started, lab) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || {
        actix_rt::System::new().block_on(async move {
            let server = Server::build(config).expect("the lanes can be bound");
            let _ = started.send((
                server.lab().clone(),
                server.apps().clone(),
                server.engines().clone(),
            ));
            let stop = async {
                let _ = stopped.await;
            };
            server.run_until_stopped(stop).await.expect("the lab runs");
        });
    });
    let (lab, apps, engines) = lab
        .recv_timeout(PATIENCE)
        .expect("the lab starts in good time");
    TestLab {
        lab,
        apps,
        engines,
        stop: Some(stop),
        thread: Some(thread),
    }
}

impl TestLab {
    /// The lab itself: its node, meters, latencies and settings.
    pub fn lab(&self) -> &Arc<Lab> {
        &self.lab
    }

    /// Its applications of Pusher Channels.
    pub fn apps(&self) -> &Arc<Apps> {
        &self.apps
    }

    /// Its servers of Engine.IO and Socket.IO.
    pub fn engines(&self) -> &Arc<Engines> {
        &self.engines
    }

    pub fn lanes(&self) -> &[LaneAddress] {
        self.lab.addresses()
    }

    /// Where a lane listens: `main`, `short-poll`, `long-poll`, `sse`, `websocket`.
    pub fn address(&self, lane: &str) -> SocketAddr {
        let address = self.lanes().iter().find(|known| known.lane.0 == lane);
        let port = address.unwrap_or_else(|| panic!("no lane {lane}")).port;
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// A kept-alive HTTP connection to a lane.
    pub fn http(&self, lane: &str) -> Http {
        Http::connect(self.address(lane))
    }

    /// Publishes through the main lane, on a connection of its own.
    pub fn publish(&self, channel: &str, event: &str, data: Value) -> StreamPosition {
        publish(&mut self.http("main"), channel, event, data)
    }

    /// `GET /api/stats`, of one channel.
    pub fn stats(&self, channel: &str) -> Value {
        stats(&mut self.http("main"), channel)
    }

    /// Connections that a lane has open.
    pub fn connections_open(&self, lane: &'static str) -> u64 {
        self.lab.meters.lane(LaneId(lane)).connections_open
    }

    /// Streams and sockets subscribed to a channel.
    pub fn subscribers(&self, channel: &str) -> usize {
        self.lab.node.subscribers(&name(channel))
    }

    /// Client ids that are present in a channel, sorted.
    pub fn present(&self, channel: &str) -> Vec<String> {
        let members = self.lab.node.members(&name(channel));
        let clients = members.iter().map(|member| {
            let member = serde_json::to_value(member).expect("a member is JSON");
            member["client"].as_str().unwrap_or_default().to_owned()
        });
        clients.collect()
    }

    /// Publications that were queued in a channel and never delivered.
    pub fn drops(&self, channel: &str) -> u64 {
        let series = self.lab.meters.series();
        let of_channel = series.iter().filter(|s| &*s.labels.channel == channel);
        of_channel.map(|s| s.totals.drops).sum()
    }

    /// Asks the server to stop, without waiting for it.
    pub fn begin_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Stops the server and waits for its end.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.begin_stop();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !thread::panicking() {
                ended.expect("the lab's thread ends without a panic");
            }
        }
    }
}

impl Drop for TestLab {
    fn drop(&mut self) {
        self.end();
    }
}

pub fn name(channel: &str) -> ChannelName {
    ChannelName::parse(channel).expect("tests use valid channel names")
}

/// Publishes by `POST` and returns the position it was given.
pub fn publish(http: &mut Http, channel: &str, event: &str, data: Value) -> StreamPosition {
    publish_body(http, channel, &json!({ "event": event, "data": data }))
}

/// As [`publish`], with the whole body: for `id` and `intended_us`.
pub fn publish_body(http: &mut Http, channel: &str, body: &Value) -> StreamPosition {
    let target = format!("/api/channels/{channel}/publications");
    let answer = http.post(&target, body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    position_of(&answer.json())
}

/// `GET /api/stats` of one channel; `http` must lead to the main lane.
pub fn stats(http: &mut Http, channel: &str) -> Value {
    http.get(&format!("/api/stats?channel={channel}")).json()
}

/// `epoch` and `offset` of any object that has them.
pub fn position_of(object: &Value) -> StreamPosition {
    let epoch = object["epoch"].as_str().unwrap_or_default();
    let position = format!("{epoch}:{}", object["offset"]);
    position
        .parse()
        .unwrap_or_else(|_| panic!("no position in {object}"))
}

/// Waits until the condition holds; fails the test at the deadline.
pub fn eventually(deadline: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + deadline;
    while !condition() {
        assert!(Instant::now() < end, "not within {deadline:?}: {what}");
        thread::park_timeout(Duration::from_millis(2));
    }
}
