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
//! Not here: sockets and requests, which [`link`](super::link) holds, and what messages mean.

mod action;
mod reason;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

pub use self::{
    action::{Action, Payload, Refused},
    reason::Reason,
};
use super::unit::{Unit, append_to_payload};
use crate::{
    codec::engine::Packet,
    hub::queue::{Budget, Item, Kind, Pushed, Queue},
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

/// What a session is told, and held to.
#[derive(Debug, Clone, Copy)]
pub struct EngineSettings {
    /// From one ping to the next.
    pub ping_interval: Duration,
    /// How long a pong may take.
    pub ping_timeout: Duration,
    /// How long an upgrade may take from probe to end.
    pub upgrade_timeout: Duration,
    /// Bytes of one POST body or WebSocket message.
    pub max_payload: usize,
    /// Bytes that may wait for one client; past it the session is closed and counted.
    pub queue_max_bytes: usize,
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
    /// A session that begins at `now`, ms.
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

    /// Whether anything may still be sent.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether it has moved to, or began on, WebSocket.
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
    pub fn end_if_overdue(&mut self, now: u64, out: &mut Vec<Action>) {
        if self.is_overdue(now) {
            self.fail(Reason::PingTimeout, out);
        }
    }

    /// Does what the time calls for, but for [`Self::end_if_overdue`]. The shell calls it before
    /// every other event.
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
        self.end_if_overdue(now, out);
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
