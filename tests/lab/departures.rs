//! A client that goes away is noticed on every transport, however it goes: by FIN, by RST, or in
//! silence, as when its power fails. Then its presence is given back, which the others in the
//! channel hear as `pushlab:leave`, and so are its subscription and its connection.
//!
//! Silence is real: the client's kernel stops answering (see `support::connection::fall_silent`),
//! so only timeouts can notice it: the WebSocket's pings, TCP's keep-alive probes, bytes that stay
//! unacknowledged.

use std::time::Duration;

use pushlab::config::{Config, Span};
use serde_json::json;

use crate::support::{
    self, PATIENCE, TestLab, eventually,
    follower::{Ending, Follower, Seen, Start, Transport},
    name, spawn_lab, test_config,
    websocket::{PING, WebSocket},
};

const CHANNEL: &str = "presence-room";

fn ms(millis: u64) -> Span {
    Span(Duration::from_millis(millis))
}

/// Every timeout about as short as its unit allows.
fn impatient() -> Config {
    Config {
        heartbeat: ms(500),
        pong_timeout: ms(500),
        close_timeout: ms(500),
        poller_stays: ms(1_000),
        tcp_keepalive: ms(1_000),
        tcp_keepalive_probes: 1,
        tcp_unacknowledged: ms(1_500),
        ..test_config()
    }
}

/// A lab whose channel has a watcher on the main lane.
struct Room {
    lab: TestLab,
    watcher: Follower,
    /// How the client comes that will leave.
    transport: Transport,
}

impl Room {
    /// `ann` is in the channel and idle: her stream or socket is open, her long poll held, or her
    /// short poll answered.
    fn with_idle(transport: Transport, config: Config) -> (Self, Follower) {
        let lab = spawn_lab(config);
        // An event stream, since it need not answer pings while the test looks elsewhere.
        let watcher = support::connection::Connection::connect(lab.address("main"));
        let mut watcher =
            Follower::open_over(watcher, Transport::Sse, CHANNEL, Start::default()).unwrap();
        let start = Start {
            client: Some("ann".to_owned()),
            ..Start::default()
        };
        let mut ann = Follower::open(&lab, transport, CHANNEL, start);
        let join = watcher.next().unwrap();
        assert_eq!(join.event, "pushlab:join");
        while ann.position().offset < join.offset {
            ann.next().unwrap();
        }
        if matches!(transport, Transport::LongPoll | Transport::SocketIoPolling) {
            ann.ask().unwrap();
        }
        let listening = match transport {
            Transport::ShortPoll => 1,
            _ => 2,
        };
        eventually(PATIENCE, "ann listens", || {
            lab.subscribers(CHANNEL) == listening
        });
        assert_eq!(lab.present(CHANNEL), ["ann"]);
        assert_eq!(lab.connections_open(transport.lane()), 1);
        let room = Self {
            lab,
            watcher,
            transport,
        };
        (room, ann)
    }

    fn expect_departure(mut self) {
        let leave = self.watcher.next().expect("the leave is published");
        let Seen { event, data, .. } = leave;
        assert_eq!(event, "pushlab:leave");
        assert_eq!(data, json!({ "client": "ann", "name": "ann" }));
        assert!(self.lab.present(CHANNEL).is_empty());
        let lane = self.transport.lane();
        eventually(PATIENCE, "the connection is given back", || {
            self.lab.connections_open(lane) == 0 && self.lab.subscribers(CHANNEL) == 1
        });
        self.watcher.end(Ending::Fin);
        eventually(PATIENCE, "nobody is left", || {
            let node = &self.lab.lab().node;
            !node.has_audience(&name(CHANNEL)) && self.lab.connections_open("main") == 0
        });
    }
}

fn noticed_by_fin(transport: Transport) {
    let (room, mut ann) = Room::with_idle(transport, impatient());
    ann.connection().finish();
    room.expect_departure();
    let ended = ann.connection().read_to_fin();
    ended.expect("the server answers a FIN with a FIN");
}

fn noticed_by_reset(transport: Transport) {
    let (room, ann) = Room::with_idle(transport, impatient());
    ann.end(Ending::Reset);
    room.expect_departure();
}

fn noticed_by_silence(transport: Transport, config: Config) {
    let (room, mut ann) = Room::with_idle(transport, config);
    ann.connection().fall_silent();
    room.expect_departure();
}

#[test]
fn a_websocket_that_ends_by_fin_leaves() {
    noticed_by_fin(Transport::WebSocket);
}

#[test]
fn an_idle_event_stream_that_ends_by_fin_leaves() {
    noticed_by_fin(Transport::Sse);
}

#[test]
fn a_websocket_by_the_crate_and_an_idle_stream_of_lines_leave_however_they_end() {
    for transport in [Transport::ActixWs, Transport::FetchStream] {
        noticed_by_fin(transport);
        noticed_by_reset(transport);
        noticed_by_silence(transport, impatient());
    }
}

/// Before any heartbeat is due: by the connection's end alone.
#[test]
fn a_held_poll_and_a_socket_of_socketio_that_end_by_fin_or_reset_leave() {
    for transport in [Transport::SocketIoPolling, Transport::SocketIoWebSocket] {
        let config = || Config {
            heartbeat: ms(600_000),
            ..impatient()
        };
        let (room, mut ann) = Room::with_idle(transport, config());
        ann.connection().finish();
        room.expect_departure();
        let (room, ann) = Room::with_idle(transport, config());
        ann.end(Ending::Reset);
        room.expect_departure();
    }
}

#[test]
fn a_socketio_client_that_falls_silent_leaves() {
    noticed_by_silence(Transport::SocketIoPolling, impatient());
    noticed_by_silence(Transport::SocketIoWebSocket, impatient());
}

#[test]
fn a_held_long_poll_that_ends_by_fin_leaves() {
    noticed_by_fin(Transport::LongPoll);
}

#[test]
fn a_short_poller_that_ends_by_fin_leaves_after_its_stay() {
    noticed_by_fin(Transport::ShortPoll);
}

#[test]
fn a_websocket_that_ends_by_reset_leaves() {
    noticed_by_reset(Transport::WebSocket);
}

#[test]
fn an_idle_event_stream_that_ends_by_reset_leaves() {
    noticed_by_reset(Transport::Sse);
}

#[test]
fn a_held_long_poll_that_ends_by_reset_leaves() {
    noticed_by_reset(Transport::LongPoll);
}

#[test]
fn a_short_poller_that_ends_by_reset_leaves_after_its_stay() {
    noticed_by_reset(Transport::ShortPoll);
}

#[test]
fn a_websocket_that_falls_silent_leaves() {
    noticed_by_silence(Transport::WebSocket, impatient());
}

#[test]
fn an_idle_event_stream_that_falls_silent_leaves() {
    noticed_by_silence(Transport::Sse, impatient());
}

#[test]
fn a_held_long_poll_that_falls_silent_leaves() {
    noticed_by_silence(Transport::LongPoll, impatient());
}

#[test]
fn a_short_poller_that_falls_silent_leaves_after_its_stay() {
    noticed_by_silence(Transport::ShortPoll, impatient());
}

/// Without heartbeats nothing is sent on an idle connection, so only probes can find out.
#[test]
fn tcp_keep_alive_alone_notices_silence_on_an_idle_stream_and_an_idle_socket() {
    for transport in [
        Transport::Sse,
        Transport::FetchStream,
        Transport::WebSocket,
        Transport::ActixWs,
    ] {
        let config = Config {
            heartbeat: ms(600_000),
            ..impatient()
        };
        noticed_by_silence(transport, config);
    }
}

/// Keep-alive probes are not sent while bytes are under way, so only those bytes can find out.
#[test]
fn unacknowledged_publications_alone_notice_silence() {
    for transport in [
        Transport::Sse,
        Transport::FetchStream,
        Transport::WebSocket,
        Transport::ActixWs,
        Transport::LongPoll,
        // Not its polling: an answer that nobody acknowledged ends no session; its heartbeat does.
        Transport::SocketIoWebSocket,
    ] {
        let config = Config {
            heartbeat: ms(600_000),
            tcp_keepalive: ms(600_000),
            ..impatient()
        };
        let (mut room, mut ann) = Room::with_idle(transport, config);
        ann.connection().fall_silent();
        room.lab.publish(CHANNEL, "said", json!("can you hear me?"));
        assert_eq!(room.watcher.next().unwrap().event, "said");
        room.expect_departure();
    }
}

/// Its kernel acknowledges everything, so TCP sees a healthy peer: a stopped process, a page that
/// hangs.
#[test]
fn a_websocket_whose_kernel_lives_and_whose_client_answers_no_ping_is_closed_with_4408() {
    let lab = spawn_lab(impatient());
    let mut watcher = Follower::open(&lab, Transport::Sse, CHANNEL, Start::default());
    let target = format!("{CHANNEL}?client=ann&name=ann");
    let mut ann = WebSocket::open(lab.address("websocket"), &target);
    assert_eq!(watcher.next().unwrap().event, "pushlab:join");
    let mut pings = 0;
    let close = loop {
        let frame = ann.next_frame().unwrap().expect("a close frame comes");
        match frame.opcode {
            PING => pings += 1,
            _ if frame.close_code().is_some() => break frame,
            _ => {}
        }
    };
    assert_eq!((pings, close.close_code()), (1, Some(4408)));
    assert_eq!(watcher.next().unwrap().event, "pushlab:leave");
    eventually(PATIENCE, "the connection is given back", || {
        lab.connections_open("websocket") == 0 && lab.subscribers(CHANNEL) == 1
    });
}

#[test]
fn a_poller_that_says_goodbye_leaves_at_once() {
    for transport in [Transport::ShortPoll, Transport::LongPoll] {
        let config = Config {
            poller_stays: ms(600_000),
            ..impatient()
        };
        let lab = spawn_lab(config);
        let mut watcher = Follower::open(&lab, Transport::Sse, CHANNEL, Start::default());
        let start = Start {
            client: Some("ann".to_owned()),
            ..Start::default()
        };
        let _ann = Follower::open(&lab, transport, CHANNEL, start);
        assert_eq!(watcher.next().unwrap().event, "pushlab:join");
        let target = format!("/api/channels/{CHANNEL}/presence/leave?client=ann");
        assert_eq!(lab.http(transport.lane()).post(&target, b"").status, 204);
        assert_eq!(watcher.next().unwrap().event, "pushlab:leave");
        assert!(lab.present(CHANNEL).is_empty());
    }
}
