//! One Engine.IO session as a state machine: events in, [`Action`]s out, the time passed in
//! (Engine.IO protocol v4, "Heartbeat", "Upgrade"; all instants are absolute µs).
//!
//! ```text
//!            2probe / 3probe, 5                       client's 1, no GET held
//!  polling ───────────────────► websocket      open ───────────────────────► farewell (1 s): one 6
//!     ▲ probe fails │                            │ server closes, no GET held
//!     └─────────────┘                            └──────────────────────────► closing (30 s): 6␞1
//! ```
//!
//! Not here: sockets, requests, who holds them (`super::link`), and what messages mean.

use std::{sync::Arc, time::Duration};

use super::unit::{Unit, append_to_payload};
use crate::{
    codec::engine::{Data, Packet},
    hub::queue::{Budget, Item, Kind, Pushed, Queue},
    wire::Layers,
};

/// Packets in one answer to a poll. python-engineio drops the connection over more.
pub const ANSWER_MAX_PACKETS: usize = 16;
/// How long a GET that comes during an upgrade is held before it gets its noop: at once would let
/// a client that never completes the upgrade spin.
const NOOP_AFTER_US: u64 = 100_000;
/// How long a session that the server closed waits for the GET that takes what is left.
const CLOSING_US: u64 = 30_000_000;
/// How long after the client's close packet a GET that left at the same time has its noop.
const FAREWELL_US: u64 = 1_000_000;

#[derive(Debug, Clone, Copy)]
pub struct EngineSettings {
    pub ping_interval: Duration,
    pub ping_timeout: Duration,
    pub upgrade_timeout: Duration,
    /// Bytes of one POST body or WebSocket message.
    pub max_payload: usize,
    /// Bytes that may wait for one client; past it the session is closed and counted.
    pub queue_max_bytes: usize,
}

/// Why a session ended; `as_str` is what Socket.IO handlers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    TransportClose,
    TransportError,
    PingTimeout,
    ParseError,
    ForcedClose,
    ForcedServerClose,
    ServerShuttingDown,
    ClientNamespaceDisconnect,
    ServerNamespaceDisconnect,
    /// Not in the reference, which queues without limit.
    SlowConsumer,
}

impl Reason {
    pub const ALL: [Self; 10] = [
        Self::TransportClose,
        Self::TransportError,
        Self::PingTimeout,
        Self::ParseError,
        Self::ForcedClose,
        Self::ForcedServerClose,
        Self::ServerShuttingDown,
        Self::ClientNamespaceDisconnect,
        Self::ServerNamespaceDisconnect,
        Self::SlowConsumer,
    ];

    /// Whether a session that ends like this may be recovered: not if either side meant it.
    pub fn may_come_back(self) -> bool {
        !matches!(
            self,
            Self::ClientNamespaceDisconnect | Self::ServerNamespaceDisconnect | Self::ParseError
        )
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
            Self::ServerShuttingDown => "server shutting down",
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::SlowConsumer => "slow consumer",
        }
    }
}

/// The body of an answer to a poll.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Payload {
    pub body: Vec<u8>,
    pub layers: Layers,
    /// How many publications are in it.
    pub publications: usize,
    /// `published_us` of those that are live.
    pub stamps: Vec<u64>,
}

impl Payload {
    /// Packets of Engine.IO itself.
    pub fn text(packets: impl Into<Vec<u8>>) -> Self {
        let body = packets.into();
        Self {
            layers: Layers {
                framing: body.len() as u64,
                ..Layers::default()
            },
            body,
            ..Self::default()
        }
    }
}

/// What the shell is to do, in this order.
#[derive(Debug)]
pub enum Action {
    /// Answer the held GET.
    Answer(Payload),
    /// Hand a message to the application.
    Message(Data),
    /// Write to the WebSocket.
    Send(Arc<Unit>, Kind),
    /// Write `3probe` to the probing WebSocket.
    AnswerProbe,
    /// Close the probing WebSocket.
    DropProbe,
    /// The probing WebSocket is the session's from now on.
    Upgraded,
    CloseSocket,
    /// Count publications that were queued and will not be delivered.
    Dropped(usize),
    /// Tell the application. Comes once.
    Closed(Reason),
    /// Take the session out of the table: the next request finds nothing.
    Forget,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// 400 without a body.
    Overlap,
    UnknownSession,
    BadRequest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Closing { until: u64 },
    Farewell { until: u64 },
    Gone,
}

struct Upgrade {
    probed: bool,
    until: u64,
    /// When a held GET is released.
    noop_at: Option<u64>,
}

/// A unit that waits for a poll.
struct Pending {
    unit: Arc<Unit>,
    /// Parts that left already.
    from: usize,
}

impl Item for Pending {
    fn bytes(&self) -> usize {
        self.unit.bytes()
    }
    fn publications(&self) -> usize {
        self.unit.publications
    }
    fn is_begun(&self) -> bool {
        self.from > 0
    }
}

/// See the module.
pub struct Session {
    settings: EngineSettings,
    phase: Phase,
    on_websocket: bool,
    held: bool,
    queue: Queue<Pending>,
    /// More waited than may; the shell ends the session at its next turn.
    is_too_slow: bool,
    upgrade: Option<Upgrade>,
    ping_due: u64,
    /// When the ping that is not answered yet was sent.
    pinged: Option<u64>,
}

fn us(duration: Duration) -> u64 {
    duration.as_micros() as u64
}

impl Session {
    pub fn new(settings: EngineSettings, on_websocket: bool, now: u64) -> Self {
        Self {
            settings,
            phase: Phase::Open,
            on_websocket,
            held: false,
            queue: Queue::new(Budget::or_disconnect(settings.queue_max_bytes)),
            is_too_slow: false,
            upgrade: None,
            ping_due: now + us(settings.ping_interval),
            pinged: None,
        }
    }

    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    pub fn is_on_websocket(&self) -> bool {
        self.on_websocket
    }

    /// Whether a poll would take a packet right now.
    pub fn is_poll_waiting(&self) -> bool {
        self.held && self.queue.is_empty()
    }

    /// When [`Self::tick`] is to be called next.
    pub fn deadline(&self) -> Option<u64> {
        match self.phase {
            Phase::Gone => None,
            Phase::Closing { until } | Phase::Farewell { until } => Some(until),
            Phase::Open => {
                let heartbeat = self.dead_at().unwrap_or(self.ping_due);
                let upgrade = self.upgrade.as_ref();
                [
                    Some(heartbeat),
                    upgrade.map(|upgrade| upgrade.until),
                    upgrade.and_then(|upgrade| upgrade.noop_at),
                ]
                .into_iter()
                .flatten()
                .min()
            }
        }
    }

    /// When a pong that is due is too late. Counted from when the ping was due, so that a late
    /// timer cannot keep a dead session alive; but a ping that left late, from a thread that was
    /// held up, leaves the client at least half of its time.
    fn dead_at(&self) -> Option<u64> {
        let timeout = us(self.settings.ping_timeout);
        let pinged = self.pinged?;
        Some((self.ping_due + timeout).max(pinged + timeout / 2))
    }

    /// Whether the client has not answered in time. Not acted upon by [`Self::tick`]: on a thread
    /// that was held up the pong may be there and unread, so the shell first reads.
    pub fn is_overdue(&self, now: u64) -> bool {
        self.is_open() && self.dead_at().is_some_and(|dead_at| now >= dead_at)
    }

    /// Ends the session if it is overdue still.
    pub fn judge(&mut self, now: u64, out: &mut Vec<Action>) {
        if self.is_overdue(now) {
            self.fail(Reason::PingTimeout, out);
        }
    }

    /// Does what the time calls for, but for [`Self::judge`]. The shell calls it before every
    /// other event.
    pub fn tick(&mut self, now: u64, out: &mut Vec<Action>) {
        match self.phase {
            Phase::Closing { until } | Phase::Farewell { until } if now >= until => {
                self.forget(out);
            }
            Phase::Open => {
                if now >= self.ping_due && self.pinged.is_none() {
                    self.pinged = Some(now);
                    self.send(&Unit::engine("2"), Kind::Control, out);
                    self.flush(out);
                }
                self.tick_upgrade(now, out);
            }
            _ => {}
        }
    }

    fn tick_upgrade(&mut self, now: u64, out: &mut Vec<Action>) {
        let Some(upgrade) = &mut self.upgrade else {
            return;
        };
        if now >= upgrade.until {
            self.upgrade = None;
            out.push(Action::DropProbe);
            return;
        }
        if upgrade.noop_at.is_some_and(|at| now >= at) {
            upgrade.noop_at = None;
            self.answer(Payload::text("6"), out);
        }
    }

    /// A GET came. If this is `Ok` it is held, and answered by an action. It is no sign of life:
    /// the pong comes in a POST, and counts by the time at which it comes.
    pub fn poll(&mut self, now: u64, out: &mut Vec<Action>) -> Result<(), Refused> {
        self.judge(now, out);
        match self.phase {
            Phase::Gone => return Err(Refused::UnknownSession),
            Phase::Farewell { .. } => {
                self.held = true;
                self.answer(Payload::text("6"), out);
                self.forget(out);
                return Ok(());
            }
            Phase::Closing { .. } => {
                self.held = true;
                if self.queue.is_empty() {
                    self.answer(Payload::text("6\u{1e}1"), out);
                    self.forget(out);
                } else {
                    self.flush(out);
                }
                return Ok(());
            }
            Phase::Open => {}
        }
        if self.on_websocket {
            return Err(Refused::BadRequest);
        }
        if self.held {
            self.fail(Reason::TransportError, out);
            return Err(Refused::Overlap);
        }
        self.held = true;
        self.flush(out);
        if self.held
            && let Some(upgrade) = &mut self.upgrade
            && upgrade.probed
        {
            upgrade.noop_at = Some(now + NOOP_AFTER_US);
        }
        Ok(())
    }

    /// Whether a POST is taken now.
    pub fn may_post(&self) -> Result<(), Refused> {
        match self.phase {
            Phase::Open if self.on_websocket => Err(Refused::BadRequest),
            Phase::Open => Ok(()),
            _ => Err(Refused::UnknownSession),
        }
    }

    /// A packet came on the session's transport.
    pub fn packet(&mut self, now: u64, packet: Packet, out: &mut Vec<Action>) {
        if !self.is_open() {
            return;
        }
        match packet {
            Packet::Open | Packet::Upgrade | Packet::Noop => {}
            Packet::Close => self.client_closes(now, out),
            // The server pings in version 4; a client that does breaks the protocol.
            Packet::Ping(_) => self.fail(Reason::TransportError, out),
            Packet::Pong => {
                if self.pinged.take().is_some() {
                    self.ping_due = now + us(self.settings.ping_interval);
                }
            }
            Packet::Message(data) => out.push(Action::Message(data)),
        }
    }

    fn client_closes(&mut self, now: u64, out: &mut Vec<Action>) {
        if self.on_websocket || self.held {
            self.answer(Payload::text("6"), out);
            return self.end(Reason::TransportClose, out);
        }
        self.drop_queue(out);
        self.drop_probe(out);
        self.phase = Phase::Farewell {
            until: now + FAREWELL_US,
        };
        out.push(Action::Closed(Reason::TransportClose));
    }

    /// A WebSocket came for this session. False: it is accepted and closed at once.
    pub fn probe_opens(&mut self, now: u64) -> bool {
        if !self.is_open() || self.on_websocket || self.upgrade.is_some() {
            return false;
        }
        self.upgrade = Some(Upgrade {
            probed: false,
            until: now + us(self.settings.upgrade_timeout),
            noop_at: None,
        });
        true
    }

    /// A packet came on the probing WebSocket; `None` for what is none.
    pub fn probe_packet(&mut self, packet: Option<Packet>, out: &mut Vec<Action>) {
        let Some(upgrade) = &mut self.upgrade else {
            return;
        };
        match packet {
            Some(Packet::Ping(data)) if data == "probe" => {
                upgrade.probed = true;
                out.push(Action::AnswerProbe);
                self.flush(out);
                self.answer(Payload::text("6"), out);
            }
            Some(Packet::Upgrade) => {
                self.upgrade = None;
                self.on_websocket = true;
                self.answer(Payload::text("1"), out);
                out.push(Action::Upgraded);
                let waiting = self.queue.take_all();
                out.extend(
                    waiting
                        .map(|(Pending { unit, from }, kind)| Action::Send(unit.rest(from), kind)),
                );
            }
            _ => self.drop_probe(out),
        }
    }

    /// The probing WebSocket is gone: the session lives on.
    pub fn probe_gone(&mut self) {
        self.upgrade = None;
    }

    /// The session's WebSocket is gone.
    pub fn socket_gone(&mut self, reason: Reason, out: &mut Vec<Action>) {
        if self.is_open() && self.on_websocket {
            self.end(reason, out);
        }
    }

    /// Sends, or queues for the next poll: the shell calls [`Self::flush`] when what belongs
    /// together is in the queue.
    pub fn send(&mut self, unit: &Arc<Unit>, kind: Kind, out: &mut Vec<Action>) {
        if !self.is_open() {
            return;
        }
        if self.on_websocket {
            out.push(Action::Send(unit.clone(), kind));
            return;
        }
        let pending = Pending {
            unit: unit.clone(),
            from: 0,
        };
        if self.queue.push(pending, kind) == Pushed::OverBudget {
            self.is_too_slow = true;
        }
    }

    /// Whether more waited than may: the session is to be failed as a slow consumer.
    pub fn is_too_slow(&self) -> bool {
        self.is_too_slow
    }

    /// Whether a page of a catch-up waits for a poll.
    pub fn has_page(&self) -> bool {
        self.queue.has_page()
    }

    /// Whether a poll has taken all that waited.
    pub fn is_drained(&self) -> bool {
        self.is_open() && self.queue.is_empty()
    }

    /// Answers a held GET with what waits, if there is both.
    pub fn flush(&mut self, out: &mut Vec<Action>) {
        if !self.held || self.queue.is_empty() {
            return;
        }
        let mut payload = Payload::default();
        let mut packets = 0;
        while let Some(pending) = self.queue.front_mut() {
            let parts = &pending.unit.parts()[pending.from..];
            let room = ANSWER_MAX_PACKETS - packets;
            if room == 0 || (parts.len() > room && packets > 0) {
                break;
            }
            let take = parts.len().min(room);
            let before = payload.body.len();
            append_to_payload(&parts[..take], &mut payload.body);
            packets += take;
            let grown = payload.body.len() - before;
            if take < parts.len() || pending.from > 0 {
                payload.layers.framing += grown as u64;
            } else {
                payload.layers += pending.unit.layers(grown);
            }
            pending.from += take;
            if pending.from == pending.unit.parts().len() {
                payload.publications += pending.unit.publications;
                payload.stamps.extend_from_slice(&pending.unit.stamps);
                self.queue.pop();
            }
        }
        self.answer(payload, out);
    }

    /// The server closes in good order.
    pub fn close(&mut self, now: u64, reason: Reason, out: &mut Vec<Action>) {
        if !self.is_open() {
            return;
        }
        if self.on_websocket {
            return self.end(reason, out);
        }
        if self.held && self.queue.is_empty() {
            self.answer(Payload::text("1"), out);
            return self.end(reason, out);
        }
        self.flush(out);
        self.drop_probe(out);
        self.phase = Phase::Closing {
            until: now + CLOSING_US,
        };
        out.push(Action::Closed(reason));
    }

    /// Something is wrong: ends at once, and a held GET gets the close packet.
    pub fn fail(&mut self, reason: Reason, out: &mut Vec<Action>) {
        if self.is_open() {
            self.answer(Payload::text("1"), out);
            self.end(reason, out);
        }
    }

    fn end(&mut self, reason: Reason, out: &mut Vec<Action>) {
        if self.on_websocket {
            out.push(Action::CloseSocket);
        }
        self.drop_probe(out);
        self.drop_queue(out);
        out.push(Action::Closed(reason));
        self.forget(out);
    }

    fn forget(&mut self, out: &mut Vec<Action>) {
        self.drop_queue(out);
        self.phase = Phase::Gone;
        out.push(Action::Forget);
    }

    fn drop_queue(&mut self, out: &mut Vec<Action>) {
        let dropped = self.queue.clear();
        if dropped > 0 {
            out.push(Action::Dropped(dropped));
        }
    }

    fn drop_probe(&mut self, out: &mut Vec<Action>) {
        if self.upgrade.take().is_some() {
            out.push(Action::DropProbe);
        }
    }

    fn answer(&mut self, payload: Payload, out: &mut Vec<Action>) {
        if std::mem::take(&mut self.held) {
            if let Some(upgrade) = &mut self.upgrade {
                upgrade.noop_at = None;
            }
            out.push(Action::Answer(payload));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::unit::Part, *};
    use crate::{
        codec::envelope,
        hub::{
            Batch, Format,
            queue::contract::{self, Suspect},
        },
    };

    const MS: u64 = 1_000;

    fn settings() -> EngineSettings {
        EngineSettings {
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_millis(200),
            upgrade_timeout: Duration::from_secs(10),
            max_payload: 1_000_000,
            queue_max_bytes: 100,
        }
    }

    fn polling() -> Session {
        Session::new(settings(), false, 0)
    }

    /// Actions as short words.
    fn words(actions: Vec<Action>) -> String {
        let words: Vec<String> = actions
            .into_iter()
            .map(|action| match action {
                Action::Answer(payload) => {
                    assert_eq!(payload.layers.total(), payload.body.len() as u64);
                    format!("get:{}", String::from_utf8(payload.body).unwrap())
                }
                Action::Message(Data::Text(text)) => format!("message:{text}"),
                Action::Message(Data::Binary(bytes)) => format!("message:{bytes:?}"),
                Action::Send(unit, _) => format!("send:{}", unit.parts().len()),
                Action::AnswerProbe => "3probe".into(),
                Action::Dropped(publications) => format!("dropped:{publications}"),
                Action::DropProbe => "drop-probe".into(),
                Action::Upgraded => "upgraded".into(),
                Action::CloseSocket => "close-socket".into(),
                Action::Closed(reason) => reason.as_str().into(),
                Action::Forget => "forget".into(),
            })
            .collect();
        words.join(" | ")
    }

    fn act(act: impl FnOnce(&mut Vec<Action>)) -> String {
        let mut out = Vec::new();
        act(&mut out);
        words(out)
    }

    fn poll(session: &mut Session, now: u64) -> (Result<(), Refused>, String) {
        let mut out = Vec::new();
        let result = session.poll(now, &mut out);
        (result, words(out))
    }

    fn queue(session: &mut Session, text: &'static str) {
        session.send(&Unit::text(text), Kind::Message, &mut Vec::new());
    }

    #[test]
    fn a_poll_waits_and_takes_all_that_is_there() {
        let mut session = polling();
        assert_eq!(poll(&mut session, 0), (Ok(()), String::new()));
        queue(&mut session, "4a");
        queue(&mut session, "4b");
        assert_eq!(act(|out| session.flush(out)), "get:4a\x1e4b");
        queue(&mut session, "4c");
        assert_eq!(poll(&mut session, 0).1, "get:4c");
    }

    #[test]
    fn an_answer_has_at_most_16_packets_and_keeps_units_together() {
        let mut session = Session::new(
            EngineSettings {
                queue_max_bytes: 1 << 20,
                ..settings()
            },
            false,
            0,
        );
        (0..15).for_each(|_| queue(&mut session, "4x"));
        let pair = vec![Part::Text("45".into()), Part::Binary("1".into())];
        session.send(&Unit::new(pair, 0), Kind::Message, &mut Vec::new());
        let many = vec![Part::Text("4y".into()); 20];
        session.send(&Unit::new(many, 0), Kind::Message, &mut Vec::new());
        let sizes: Vec<usize> = (0..4)
            .map(|_| poll(&mut session, 0).1.split('\x1e').count())
            .collect();
        assert_eq!(sizes, [15, 2, 16, 4]);
    }

    #[test]
    fn the_heartbeat_counts_from_the_handshake() {
        let mut session = polling();
        let _ = poll(&mut session, 0);
        assert_eq!(session.deadline(), Some(300 * MS));
        assert_eq!(act(|out| session.tick(299 * MS, out)), "");
        assert_eq!(act(|out| session.tick(310 * MS, out)), "get:2");
        assert_eq!(session.deadline(), Some(500 * MS), "not 510");
        act(|out| session.packet(400 * MS, Packet::Pong, out));
        assert_eq!(session.deadline(), Some(700 * MS));
        act(|out| session.packet(450 * MS, Packet::Pong, out));
        assert_eq!(session.deadline(), Some(700 * MS), "an unexpected pong");
        act(|out| session.tick(700 * MS, out));
        assert!(!session.is_overdue(899 * MS));
        let ended = act(|out| session.judge(900 * MS, out));
        assert_eq!(ended, "ping timeout | forget");
        assert_eq!(poll(&mut session, 901 * MS).0, Err(Refused::UnknownSession));
    }

    #[test]
    fn a_late_timer_does_not_keep_a_dead_session() {
        let mut session = polling();
        act(|out| session.tick(310 * MS, out));
        let (refused, actions) = poll(&mut session, 500 * MS);
        assert_eq!(refused, Err(Refused::UnknownSession));
        assert_eq!(actions, "ping timeout | forget");
    }

    #[test]
    fn a_thread_that_was_held_up_reads_before_it_judges() {
        // The pong was on its way in time; the thread looks after the deadline only.
        let mut session = polling();
        act(|out| session.tick(300 * MS, out));
        assert_eq!(act(|out| session.tick(600 * MS, out)), "");
        assert!(session.is_overdue(600 * MS));
        act(|out| session.packet(601 * MS, Packet::Pong, out));
        assert_eq!(act(|out| session.judge(601 * MS, out)), "");
        assert!(session.is_open());
        // It did not even send the ping in time: the client has half of its time.
        let mut session = polling();
        let _ = poll(&mut session, 0);
        assert_eq!(act(|out| session.tick(800 * MS, out)), "get:2");
        assert_eq!(session.deadline(), Some(900 * MS));
        assert!(!session.is_overdue(899 * MS) && session.is_overdue(900 * MS));
    }

    #[test]
    fn a_second_poll_ends_the_session() {
        let mut session = polling();
        let _ = poll(&mut session, 0);
        let (refused, actions) = poll(&mut session, 0);
        assert_eq!(refused, Err(Refused::Overlap));
        assert_eq!(actions, "get:1 | transport error | forget");
    }

    #[test]
    fn the_client_closes_with_a_poll_held_or_on_its_way() {
        let mut session = polling();
        let _ = poll(&mut session, 0);
        let closed = act(|out| session.packet(0, Packet::Close, out));
        assert_eq!(closed, "get:6 | transport close | forget");
        let mut session = polling();
        let closed = act(|out| session.packet(0, Packet::Close, out));
        assert_eq!(closed, "transport close");
        assert_eq!(session.may_post(), Err(Refused::UnknownSession));
        assert_eq!(poll(&mut session, 0).1, "get:6 | forget");
        assert_eq!(poll(&mut session, 0).0, Err(Refused::UnknownSession));
    }

    #[test]
    fn the_server_closes_in_three_ways() {
        let close = |session: &mut Session| act(|out| session.close(0, Reason::ForcedClose, out));
        let mut session = polling();
        let _ = poll(&mut session, 0);
        assert_eq!(close(&mut session), "get:1 | forced close | forget");
        let mut session = polling();
        let _ = poll(&mut session, 0);
        queue(&mut session, "41");
        assert_eq!(close(&mut session), "get:41 | forced close");
        assert_eq!(poll(&mut session, 0).1, "get:6\x1e1 | forget");
        let mut session = polling();
        assert_eq!(close(&mut session), "forced close");
        assert_eq!(act(|out| session.tick(CLOSING_US, out)), "forget");
    }

    #[test]
    fn an_upgrade_moves_what_waits() {
        let mut session = polling();
        let _ = poll(&mut session, 0);
        assert!(session.probe_opens(0));
        assert!(!session.probe_opens(0), "one at a time");
        let probe = || Some(Packet::Ping("probe".into()));
        let probed = act(|out| session.probe_packet(probe(), out));
        assert_eq!(probed, "3probe | get:6");
        assert_eq!(act(|out| session.probe_packet(probe(), out)), "3probe");
        // A poll in this phase is released after 100 ms.
        assert_eq!(poll(&mut session, 0).1, "");
        assert_eq!(session.deadline(), Some(100 * MS));
        assert_eq!(act(|out| session.tick(100 * MS, out)), "get:6");
        queue(&mut session, "4a");
        queue(&mut session, "4b");
        let upgraded = act(|out| session.probe_packet(Some(Packet::Upgrade), out));
        assert_eq!(upgraded, "upgraded | send:1 | send:1");
        assert_eq!(poll(&mut session, 0).0, Err(Refused::BadRequest));
        assert_eq!(session.may_post(), Err(Refused::BadRequest));
        assert!(!session.probe_opens(0));
        let closed = act(|out| session.packet(0, Packet::Close, out));
        assert_eq!(closed, "close-socket | transport close | forget");
    }

    #[test]
    fn a_failed_upgrade_leaves_polling_alive() {
        for packet in [
            None,
            Some(Packet::Ping("x".into())),
            Some(Packet::Message(Data::Text("x".into()))),
        ] {
            let mut session = polling();
            session.probe_opens(0);
            let dropped = act(|out| session.probe_packet(packet, out));
            assert_eq!(dropped, "drop-probe");
            queue(&mut session, "4a");
            assert_eq!(poll(&mut session, 0).1, "get:4a");
            assert!(session.probe_opens(0), "and another may try");
        }
        let mut patient = Session::new(
            EngineSettings {
                upgrade_timeout: Duration::from_millis(10),
                ..settings()
            },
            false,
            0,
        );
        patient.probe_opens(0);
        assert_eq!(act(|out| patient.tick(10 * MS, out)), "drop-probe");
        assert!(patient.is_open());
    }

    #[test]
    fn a_ping_from_the_client_ends_it_and_other_packets_do_not() {
        let mut session = polling();
        for packet in [Packet::Open, Packet::Upgrade, Packet::Noop, Packet::Pong] {
            assert_eq!(act(|out| session.packet(0, packet, out)), "");
        }
        let ping = Packet::Ping(String::new());
        let ended = act(|out| session.packet(0, ping, out));
        assert_eq!(ended, "transport error | forget");
    }

    #[derive(Default)]
    struct Unread {
        session: Option<Session>,
        dropped: usize,
    }

    impl Unread {
        fn send(&mut self, unit: &Arc<Unit>, kind: Kind) {
            if let Some(session) = &mut self.session {
                session.send(unit, kind, &mut Vec::new());
            }
        }
    }

    static PACKET: Format = Format {
        index: 7,
        encode: envelope::encode_publication,
    };

    impl Suspect for Unread {
        fn deliver(&mut self, batch: &Batch) {
            let delivery = batch.whole();
            for (packet, layers) in delivery.each(&PACKET) {
                let unit = Unit::publication(packet.clone(), layers.payload as usize, None);
                self.send(&unit, Kind::of(delivery));
            }
        }
        fn acknowledge(&mut self, bytes: usize) {
            self.send(&Unit::text("x".repeat(bytes)), Kind::Message);
        }
        fn read_all(&mut self) {
            let session = self.session.as_mut().expect("open");
            while !session.is_drained() {
                session.poll(0, &mut Vec::new()).expect("a poll is taken");
            }
        }
        fn is_slow_consumer(&mut self) -> bool {
            let Some(session) = &mut self.session else {
                return true;
            };
            let is_too_slow = session.is_too_slow();
            if is_too_slow {
                let mut out = Vec::new();
                session.fail(Reason::SlowConsumer, &mut out);
                self.dropped = out
                    .iter()
                    .map(|action| match action {
                        Action::Dropped(publications) => *publications,
                        _ => 0,
                    })
                    .sum();
                self.session = None;
            }
            is_too_slow
        }
        fn dropped(&mut self) -> usize {
            self.dropped
        }
    }

    #[test]
    fn the_budget_is_that_of_all_transports() {
        contract::run(|| Unread {
            session: Some(Session::new(
                EngineSettings {
                    queue_max_bytes: contract::MAX_BYTES,
                    ..settings()
                },
                false,
                0,
            )),
            dropped: 0,
        });
    }

    #[test]
    fn a_ping_is_sent_however_much_waits() {
        let mut session = polling();
        (0..50).for_each(|_| queue(&mut session, "4x"));
        act(|out| session.tick(300 * MS, out));
        assert!(!session.is_too_slow());
        queue(&mut session, "4x");
        assert!(session.is_too_slow());
    }

    #[test]
    fn a_page_is_still_one_after_the_upgrade() {
        let mut session = polling();
        session.send(&Unit::text("4page"), Kind::Page, &mut Vec::new());
        queue(&mut session, "4x");
        session.probe_opens(0);
        let mut out = Vec::new();
        session.probe_packet(Some(Packet::Upgrade), &mut out);
        let kinds: Vec<_> = out
            .iter()
            .filter_map(|action| match action {
                Action::Send(_, kind) => Some(*kind),
                _ => None,
            })
            .collect();
        assert_eq!(kinds, [Kind::Page, Kind::Message]);
    }

    #[test]
    fn publications_that_nobody_will_get_are_counted() {
        let mut session = polling();
        for live_since in [Some(3), None] {
            let unit = Unit::publication("4x".into(), 1, live_since);
            session.send(&unit, Kind::Message, &mut Vec::new());
        }
        let ended = act(|out| session.fail(Reason::SlowConsumer, out));
        assert_eq!(ended, "dropped:2 | slow consumer | forget");
    }
}
