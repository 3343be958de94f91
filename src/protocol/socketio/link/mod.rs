//! One Engine.IO session with what it holds: the waiting poll, the sockets, the handler of its
//! messages.
//!
//! The rules are in the state machine ([`Session`]); this is its shell on the session's thread. It
//! passes events in and performs the actions that come out.

mod actions;
mod input;
mod opening;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    task::{Context, Waker},
};

use tokio::sync::oneshot;

pub use self::{
    input::{PollAnswer, Posted},
    opening::{Peer, Request},
};
use super::{
    engine::{Action, Reason, Session},
    unit::Unit,
    worker::{self, LocalSession, SessionEntry, secret_id},
};
use crate::{
    clock,
    codec::engine::{self, Data, Handshake},
    hub::{Delivery, queue::Kind},
    node::{Connected, SessionPermit},
    transport::websocket::{deflating::FrameFormat, socket::Socket as WebSocket},
};

/// The server of an Engine.IO path, shared by all threads.
pub type Engine = worker::Engine<Link>;
/// One thread's sessions of it.
pub type Worker = worker::Worker<Link>;

/// What a protocol above Engine.IO does with one session.
pub trait SessionHandler {
    /// A message came; the next is not read before this returns.
    fn on_message(&self, link: &Rc<Link>, data: Data);
    /// Comes once, when nothing can be sent any more.
    fn on_close(&self, link: &Rc<Link>, reason: Reason);
    /// The server itself is about to close the session: the last chance to send.
    fn say_goodbye(&self, _link: &Rc<Link>) {}
    /// When [`Self::on_deadline`] is to be called, µs.
    fn deadline(&self) -> Option<u64> {
        None
    }
    /// The instant that the handler asked for has come, ms.
    fn on_deadline(&self, _link: &Rc<Link>, _now: u64) {}
    /// The session has moved to WebSocket.
    fn on_upgrade(&self) {}
}

/// What handlers found in messages that are not accounted for yet.
#[derive(Debug, Clone, Copy, Default)]
struct Carried {
    payload_bytes: usize,
    publications: usize,
}

/// See the module.
pub struct Link {
    /// The Engine.IO session id: a secret.
    pub sid: Arc<str>,
    /// Its thread's table.
    pub worker: Rc<Worker>,
    /// What it began with.
    pub request: Request,
    entry: Arc<SessionEntry>,
    /// When its tick is due; see [`LocalSession::scheduled`].
    scheduled: Cell<Option<u64>>,
    session: RefCell<Session>,
    handler: RefCell<Option<Rc<dyn SessionHandler>>>,
    held: RefCell<Option<(u64, oneshot::Sender<PollAnswer>)>>,
    socket: RefCell<Option<Rc<WebSocket>>>,
    probe: RefCell<Option<Rc<WebSocket>>>,
    is_flush_due: Cell<bool>,
    carried: Cell<Carried>,
    /// Tasks that wait until nothing waits to be written.
    await_drain: RefCell<Vec<Waker>>,
    /// Holds up a stop of the node while the session is open.
    connected: RefCell<Option<Connected>>,
    /// Its share of the sessions that its address may have, while it polls: over WebSocket it is
    /// counted as a connection instead.
    session_permit: RefCell<Option<SessionPermit>>,
}

impl Link {
    /// Opens a session on this thread. The open packet is the caller's to send.
    pub fn open(engine: &Arc<Engine>, request: Request, socket: Option<Rc<WebSocket>>) -> Rc<Self> {
        let worker = engine.worker();
        let session = Session::new(engine.settings, socket.is_some(), clock::now_us());
        let link = Rc::new(Self {
            sid: secret_id(),
            entry: worker.entry(request.labels.clone()),
            request,
            scheduled: Cell::new(None),
            session: RefCell::new(session),
            handler: RefCell::new(None),
            held: RefCell::new(None),
            socket: RefCell::new(socket),
            probe: RefCell::new(None),
            is_flush_due: Cell::new(false),
            carried: Cell::default(),
            await_drain: RefCell::default(),
            connected: RefCell::new(None),
            session_permit: RefCell::new(None),
            worker,
        });
        link.worker.insert(&link);
        engine.opened.fetch_add(1, Ordering::Relaxed);
        *link.handler.borrow_mut() = Some(engine.make_handler(&link));
        link.reschedule();
        link
    }

    /// The open packet: the session's id, its timeouts, and whether it may upgrade.
    pub fn open_packet(&self) -> String {
        let settings = &self.worker.engine.settings;
        let upgrades: &[&str] = match self.request.may_upgrade && !self.is_on_websocket() {
            true => &["websocket"],
            false => &[],
        };
        engine::encode_open(&Handshake {
            sid: &self.sid,
            upgrades,
            ping_interval: settings.ping_interval.as_millis() as u64,
            ping_timeout: settings.ping_timeout.as_millis() as u64,
            max_payload: settings.max_payload as u64,
        })
    }

    /// A stop of the node waits for this session's end.
    pub fn hold_up_stop(&self, connected: Connected) {
        *self.connected.borrow_mut() = Some(connected);
    }

    /// Its place among those that poll; a WebSocket needs none.
    pub fn polls_by(&self, session_permit: SessionPermit) {
        *self.session_permit.borrow_mut() = Some(session_permit);
    }

    /// Whether anything may still be sent.
    pub fn is_open(&self) -> bool {
        self.session.borrow().is_open()
    }

    /// Whether a poll is held for what comes next.
    pub fn is_poll_waiting(&self) -> bool {
        self.session.borrow().is_poll_waiting()
    }

    /// Whether it is on WebSocket.
    pub fn is_on_websocket(&self) -> bool {
        self.session.borrow().is_on_websocket()
    }

    /// Sends. On WebSocket it leaves at once; on polling with all else that this turn brings.
    pub fn send(self: &Rc<Self>, unit: &Arc<Unit>) {
        self.send_as(unit, Kind::Message);
    }

    /// Sends what the client missed.
    pub fn send_missed(self: &Rc<Self>, unit: &Arc<Unit>) {
        self.send_as(unit, Kind::Page);
    }

    fn send_as(self: &Rc<Self>, unit: &Arc<Unit>, kind: Kind) {
        if self.session.borrow().is_too_slow() {
            // About to be closed; nothing more is kept for it.
            return;
        }
        self.worker.count_out(unit);
        let mut out = Vec::new();
        let is_too_slow = {
            let mut session = self.session.borrow_mut();
            session.send(unit, kind, &mut out);
            session.is_too_slow()
        };
        // Only writes come out of a send: no handler is called from inside it.
        self.perform(out);
        self.queued(is_too_slow);
    }

    fn queued(self: &Rc<Self>, is_too_slow: bool) {
        if is_too_slow {
            let sid = self.sid.clone();
            self.worker.later(move |worker| {
                if let Some(link) = worker.link(&sid) {
                    link.fail(Reason::SlowConsumer);
                }
            });
        }
        self.flush_soon();
    }

    /// Sends if the client can take it right now; what volatile means.
    pub fn send_volatile(self: &Rc<Self>, unit: &Arc<Unit>) {
        let can_take_it = match &*self.socket.borrow() {
            Some(socket) => socket.is_flushed(),
            None => self.is_poll_waiting(),
        };
        if can_take_it {
            self.send(unit);
        }
    }

    /// Sends publications, in a format whose units are whole frames of one packet each: on
    /// WebSocket as they are, shared by all subscribers; on polling the packets inside them.
    pub fn deliver(self: &Rc<Self>, delivery: Delivery<'_>, format: &'static FrameFormat) {
        let frames = &format.plain;
        let encoded = delivery.encoded(frames).as_slice().len();
        self.worker
            .count_sent(delivery.publications().len(), encoded);
        let socket = self.socket.borrow().clone();
        if let Some(socket) = socket {
            return socket.deliver(delivery, format);
        }
        let is_too_slow = {
            let mut session = self.session.borrow_mut();
            for (publication, (frame, layers)) in delivery.publications().zip(delivery.each(frames))
            {
                // The frame's header: its framing but for the packet's type digit.
                let packet = frame.slice(layers.framing as usize - 1..);
                let live_since = (!delivery.is_replay()).then_some(publication.published_us);
                let unit = Unit::publication(packet, *layers, live_since);
                session.send(&unit, Kind::of(delivery), &mut Vec::new());
            }
            session.is_too_slow()
        };
        self.queued(is_too_slow);
    }

    /// Whether a page of a catch-up waits.
    pub fn has_page(&self) -> bool {
        match &*self.socket.borrow() {
            Some(socket) => socket.has_page(),
            None => self.session.borrow().has_page(),
        }
    }

    /// Whether nothing waits to be written, or to be polled for.
    pub fn is_drained(&self) -> bool {
        match &*self.socket.borrow() {
            Some(socket) => socket.is_flushed(),
            None => self.session.borrow().is_drained(),
        }
    }

    /// Wakes this task once when [`Self::is_drained`] has become true.
    pub fn wake_when_drained(&self, context: &Context<'_>) {
        let mut waiting = self.await_drain.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
    }

    /// Something was written.
    pub fn has_written(&self) {
        if !self.await_drain.borrow().is_empty() && self.is_drained() {
            self.await_drain.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Closes in good order: what is queued still goes out.
    pub fn close(self: &Rc<Self>, reason: Reason) {
        self.drive(|session, now, out| session.close(now, reason, out));
    }

    /// Closes in good order, after the handler's last messages.
    pub fn close_with_goodbye(self: &Rc<Self>) {
        let handler = self.handler.borrow().clone();
        if let Some(handler) = handler {
            handler.say_goodbye(self);
        }
        self.close(Reason::ForcedServerClose);
    }

    /// Ends at once.
    pub fn fail(self: &Rc<Self>, reason: Reason) {
        self.drive(|session, _, out| session.fail(reason, out));
    }

    fn flush_soon(self: &Rc<Self>) {
        if self.held.borrow().is_some() && !self.is_flush_due.replace(true) {
            self.worker.flush_later(self);
        }
    }

    /// A message that was put off comes again.
    pub fn receive_again(self: &Rc<Self>, data: Data) {
        self.perform(vec![Action::Message(data)]);
    }
}

impl LocalSession for Link {
    type Handler = dyn SessionHandler;

    fn sid(&self) -> &Arc<str> {
        &self.sid
    }

    fn entry(&self) -> &Arc<SessionEntry> {
        &self.entry
    }

    fn scheduled(&self) -> &Cell<Option<u64>> {
        &self.scheduled
    }

    fn is_polling(&self) -> bool {
        !self.is_on_websocket()
    }

    fn tick(self: &Rc<Self>) -> bool {
        self.drive(|_, _, _| {});
        let handler = self.handler.borrow().clone();
        if let Some(handler) = handler {
            let now = clock::now_us();
            if handler.deadline().is_some_and(|at| at <= now) {
                handler.on_deadline(self, now);
            }
        }
        let is_overdue = self.session.borrow().is_overdue(clock::now_us());
        if is_overdue {
            // Nothing else is due before that, and its deadline has passed.
            self.worker.schedule(self, None);
        }
        is_overdue
    }

    fn end_if_overdue(self: &Rc<Self>) {
        self.drive(|session, now, out| session.end_if_overdue(now, out));
    }

    fn flush(self: &Rc<Self>) {
        self.is_flush_due.set(false);
        self.drive(|session, _, out| session.flush(out));
    }
}
