//! One Engine.IO session with what it holds: the waiting poll, the sockets, the application.
//!
//! The rules are the state machine's ([`Session`]); this is its shell on the session's thread. It
//! passes events in, and does what actions come out.

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
};

use actix_web::http::header::HeaderMap;
use tokio::sync::oneshot;

use super::{
    engine::{Action, Payload, Reason, Refused, Session},
    unit::Unit,
    worker::{Engine, Entry, Worker, secret_id},
};
use crate::{
    clock,
    codec::engine::{self, Data, Handshake, Packet},
    hub::{Delivery, Format},
    node::Connected,
    transport::websocket::socket::Socket as WebSocket,
};

/// What a protocol above Engine.IO does with one session.
pub trait App {
    fn on_message(&self, link: &Rc<Link>, data: Data);
    /// Comes once, when nothing can be sent any more.
    fn on_close(&self, link: &Rc<Link>, reason: Reason);
    /// The application itself is about to close the session: the last chance to send.
    fn say_goodbye(&self, _link: &Rc<Link>) {}
    /// When [`Self::on_deadline`] is to be called, µs.
    fn deadline(&self) -> Option<u64> {
        None
    }
    fn on_deadline(&self, _link: &Rc<Link>, _now: u64) {}
    /// The session has moved to WebSocket.
    fn on_upgrade(&self) {}
}

/// The request that a session began with.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub query: String,
    /// The client takes no binary frames.
    pub binary_as_text: bool,
    pub address: Option<IpAddr>,
    /// For those who watch; where nobody may, it is not kept.
    pub peer: Option<Box<Peer>>,
}

/// What else is told of a client.
#[derive(Debug, Clone)]
pub struct Peer {
    pub issued_us: u64,
    /// Some headers, and none that is a secret.
    pub headers: Vec<(&'static str, String)>,
}

impl Peer {
    pub fn of(headers: &HeaderMap) -> Self {
        const SHOWN: [&str; 5] = ["host", "origin", "referer", "user-agent", "accept-language"];
        let shown = SHOWN.into_iter().filter_map(|name| {
            let value = headers.get(name)?.to_str().ok()?;
            Some((name, value.chars().take(256).collect()))
        });
        Self {
            issued_us: clock::now_us(),
            headers: shown.collect(),
        }
    }
}

/// How a poll is answered.
pub type PollAnswer = Result<Payload, Refused>;
/// How a POST is answered: `Err(BadRequest)` for a body that is no payload.
pub type PostAnswer = Result<(), Refused>;

/// See the module.
pub struct Link {
    /// The Engine.IO session id: a secret.
    pub sid: Arc<str>,
    pub worker: Rc<Worker>,
    pub request: Request,
    pub entry: Arc<Entry>,
    /// Of [`Worker::schedule`].
    pub scheduled: Cell<Option<u64>>,
    session: RefCell<Session>,
    app: RefCell<Option<Rc<dyn App>>>,
    held: RefCell<Option<(u64, oneshot::Sender<PollAnswer>)>>,
    socket: RefCell<Option<Rc<WebSocket>>>,
    probe: RefCell<Option<Rc<WebSocket>>>,
    is_flush_due: Cell<bool>,
    /// Holds up a stop of the node while the session is open.
    connected: RefCell<Option<Connected>>,
}

impl Link {
    /// Opens a session on this thread. The open packet is the caller's to send.
    pub fn open(engine: &Arc<Engine>, request: Request, socket: Option<Rc<WebSocket>>) -> Rc<Self> {
        let worker = engine.worker();
        let session = Session::new(engine.settings, socket.is_some(), clock::now_us());
        let link = Rc::new(Self {
            sid: secret_id(),
            entry: worker.entry(),
            request,
            scheduled: Cell::new(None),
            session: RefCell::new(session),
            app: RefCell::new(None),
            held: RefCell::new(None),
            socket: RefCell::new(socket),
            probe: RefCell::new(None),
            is_flush_due: Cell::new(false),
            connected: RefCell::new(None),
            worker,
        });
        link.worker.insert(&link);
        engine.opened.fetch_add(1, Ordering::Relaxed);
        *link.app.borrow_mut() = Some(engine.make_app(&link));
        link.reschedule();
        link
    }

    /// The packet that tells the client of the session.
    pub fn open_packet(&self) -> String {
        let settings = &self.worker.engine.settings;
        let upgrades: &[&str] = if self.session.borrow().is_on_websocket() {
            &[]
        } else {
            &["websocket"]
        };
        engine::encode_open(&Handshake {
            sid: &self.sid,
            upgrades,
            ping_interval: settings.ping_interval.as_millis() as u64,
            ping_timeout: settings.ping_timeout.as_millis() as u64,
            max_payload: settings.max_payload as u64,
        })
    }

    pub fn hold_up_stop(&self, connected: Connected) {
        *self.connected.borrow_mut() = Some(connected);
    }

    pub fn is_open(&self) -> bool {
        self.session.borrow().is_open()
    }

    pub fn is_on_websocket(&self) -> bool {
        self.session.borrow().is_on_websocket()
    }

    /// Sends. On WebSocket it leaves at once; on polling with all else that this turn brings.
    pub fn send(self: &Rc<Self>, unit: &Arc<Unit>) {
        if self.session.borrow().is_over_budget() {
            // About to be closed; nothing more is kept for it.
            return;
        }
        self.worker.count_out(unit);
        let mut out = Vec::new();
        let is_over_budget = {
            let mut session = self.session.borrow_mut();
            session.send(unit, &mut out);
            session.is_over_budget()
        };
        // Nothing but writes: no application is called from inside a send.
        self.perform(out);
        if is_over_budget {
            let sid = self.sid.clone();
            self.worker.later(move |worker| {
                if let Some(link) = worker.link(&sid) {
                    link.is_too_slow();
                }
            });
        }
        self.flush_soon();
    }

    /// Sends if the client can take it right now; what volatile means.
    pub fn send_volatile(self: &Rc<Self>, unit: &Arc<Unit>) {
        let is_writable = match &*self.socket.borrow() {
            Some(socket) => socket.is_writable(),
            None => self.session.borrow().is_poll_waiting(),
        };
        if is_writable {
            self.send(unit);
        }
    }

    /// Sends publications: on WebSocket in a format whose units are whole frames, shared by all
    /// subscribers; on polling in one whose units are packets.
    pub fn deliver(
        self: &Rc<Self>,
        delivery: Delivery<'_>,
        frames: &'static Format,
        packets: &'static Format,
    ) {
        let socket = self.socket.borrow().clone();
        if let Some(socket) = socket {
            return socket.deliver(delivery, frames);
        }
        for (publication, (bytes, layers)) in delivery.publications().zip(delivery.each(packets)) {
            let part = super::unit::Part::Text(bytes.clone());
            let stamps = vec![publication.published_us];
            let unit = Unit::stamped(vec![part], layers.payload as usize, stamps);
            self.send(&unit);
        }
    }

    fn is_too_slow(self: &Rc<Self>) {
        if self.is_open() {
            self.fail(Reason::SlowConsumer);
        }
    }

    /// Closes in good order: what is queued still goes out.
    pub fn close(self: &Rc<Self>, reason: Reason) {
        self.drive(|session, now, out| session.close(now, reason, out));
    }

    /// Closes in good order after the application has said goodbye.
    pub fn close_with_goodbye(self: &Rc<Self>) {
        let app = self.app.borrow().clone();
        if let Some(app) = app {
            app.say_goodbye(self);
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

    /// Called by the worker's loop.
    pub fn flush(self: &Rc<Self>) {
        self.is_flush_due.set(false);
        self.drive(|session, _, out| session.flush(out));
    }

    /// A message that was put off comes again.
    pub fn receive_again(self: &Rc<Self>, data: Data) {
        self.perform(vec![Action::Message(data)]);
    }

    /// Called by the worker's loop when a deadline has come. True: the client's pong is overdue,
    /// and [`Self::judge`] is to be called when what has come meanwhile was read.
    #[must_use]
    pub fn tick(self: &Rc<Self>) -> bool {
        self.drive(|_, _, _| {});
        let app = self.app.borrow().clone();
        if let Some(app) = app {
            let now = clock::now_us();
            if app.deadline().is_some_and(|at| at <= now) {
                app.on_deadline(self, now);
            }
        }
        let is_overdue = self.session.borrow().is_overdue(clock::now_us());
        if is_overdue {
            // Nothing else is due before that, and its deadline has passed.
            self.worker.schedule(self, None);
        }
        is_overdue
    }

    /// Ends the session if its pong has not come.
    pub fn judge(self: &Rc<Self>) {
        self.drive(|session, now, out| session.judge(now, out));
    }

    /// A GET came; `number` tells it from others.
    pub fn poll(self: &Rc<Self>, number: u64, answer: oneshot::Sender<PollAnswer>) {
        self.drive(|_, _, _| {});
        if self.session.borrow().is_overdue(clock::now_us()) {
            // Its pong may lie beside it: a client sends both at once, on two connections.
            let link = self.clone();
            actix_rt::spawn(async move {
                link.worker.read_what_came().await;
                link.judge();
                link.poll_now(number, answer);
            });
            return;
        }
        self.poll_now(number, answer);
    }

    fn poll_now(self: &Rc<Self>, number: u64, answer: oneshot::Sender<PollAnswer>) {
        let before = self.held.borrow_mut().take();
        let mut out = Vec::new();
        let result = self.session.borrow_mut().poll(clock::now_us(), &mut out);
        match result {
            Ok(()) => *self.held.borrow_mut() = Some((number, answer)),
            Err(refused) => {
                *self.held.borrow_mut() = before;
                let _ = answer.send(Err(refused));
            }
        }
        self.perform(out);
        self.reschedule();
    }

    /// The client of a GET is gone. Whether it was still held or its answer was on its way: what
    /// was meant for it cannot be told from what it got, so the session ends.
    pub fn poll_gone(self: &Rc<Self>, number: u64) {
        let mut held = self.held.borrow_mut();
        if held.as_ref().is_some_and(|held| held.0 == number) {
            *held = None;
        }
        drop(held);
        self.fail(Reason::TransportClose);
    }

    /// A whole POST body came.
    pub fn post(self: &Rc<Self>, body: &[u8]) -> PostAnswer {
        self.drive(|_, _, _| {});
        self.session.borrow().may_post()?;
        for packet in engine::decode_payload(body) {
            match packet {
                Ok(packet) => self.drive(|session, now, out| session.packet(now, packet, out)),
                Err(_) => {
                    self.fail(Reason::ParseError);
                    return Err(Refused::BadRequest);
                }
            }
            if !self.is_open() {
                break;
            }
        }
        Ok(())
    }

    /// A WebSocket wants to take over. False: close it.
    pub fn probe_opens(self: &Rc<Self>, socket: &Rc<WebSocket>) -> bool {
        self.drive(|_, _, _| {});
        let accepted = self.session.borrow_mut().probe_opens(clock::now_us());
        if accepted {
            *self.probe.borrow_mut() = Some(socket.clone());
            self.reschedule();
        }
        accepted
    }

    /// A message came on one of its WebSockets; `None` for what is no packet.
    pub fn on_socket_packet(self: &Rc<Self>, socket: &Rc<WebSocket>, packet: Option<Packet>) {
        if is(&self.socket, socket) {
            self.drive(|session, now, out| match packet {
                Some(packet) => session.packet(now, packet, out),
                None => session.fail(Reason::ParseError, out),
            });
        } else if is(&self.probe, socket) {
            self.drive(|session, _, out| session.probe_packet(packet, out));
        }
    }

    /// One of its WebSockets is gone.
    pub fn socket_gone(self: &Rc<Self>, socket: &Rc<WebSocket>, reason: Reason) {
        if is(&self.socket, socket) {
            self.drive(|session, _, out| session.socket_gone(reason, out));
        } else if is(&self.probe, socket) {
            *self.probe.borrow_mut() = None;
            self.drive(|session, _, _| session.probe_gone());
        }
    }

    /// Lets time pass, passes an event in, and does what comes out.
    fn drive(self: &Rc<Self>, event: impl FnOnce(&mut Session, u64, &mut Vec<Action>)) {
        let mut out = Vec::new();
        {
            let mut session = self.session.borrow_mut();
            let now = clock::now_us();
            session.tick(now, &mut out);
            event(&mut session, now, &mut out);
        }
        self.perform(out);
        self.reschedule();
    }

    fn perform(self: &Rc<Self>, actions: Vec<Action>) {
        let mut has_upgraded = false;
        for action in actions {
            match action {
                Action::Answer(payload) => {
                    let held = self.held.borrow_mut().take();
                    if let Some((_, answer)) = held {
                        let _ = answer.send(Ok(payload));
                    }
                }
                Action::Message(data) => {
                    self.worker.count_in(&data);
                    let app = self.app.borrow().clone();
                    if let Some(app) = app
                        && self.is_open()
                    {
                        app.on_message(self, data);
                    }
                }
                Action::Send(unit) => {
                    let socket = self.socket.borrow().clone();
                    if let Some(socket) = socket {
                        self.write(&socket, &unit);
                    }
                }
                Action::AnswerProbe => {
                    let probe = self.probe.borrow().clone();
                    if let Some(probe) = probe {
                        self.write(&probe, &Unit::text("3probe"));
                    }
                }
                Action::Upgraded => {
                    *self.socket.borrow_mut() = self.probe.borrow_mut().take();
                    has_upgraded = true;
                }
                Action::DropProbe => {
                    if let Some(probe) = self.probe.borrow_mut().take() {
                        probe.close_without_code();
                    }
                }
                Action::CloseSocket => {
                    if let Some(socket) = self.socket.borrow_mut().take() {
                        socket.close_without_code();
                    }
                }
                Action::Closed(reason) => {
                    self.worker.engine.endings.count(reason);
                    let app = self.app.borrow_mut().take();
                    if let Some(app) = app {
                        app.on_close(self, reason);
                    }
                    // The node's lists may be in use by whom we were called: let go later.
                    if let Some(connected) = self.connected.borrow_mut().take() {
                        actix_rt::spawn(async move { drop(connected) });
                    }
                }
                Action::Forget => {
                    self.worker.schedule(self, None);
                    self.worker.remove(self);
                }
            }
        }
        let app = self.app.borrow().clone();
        if let (true, Some(app)) = (has_upgraded, app) {
            app.on_upgrade();
        }
    }

    pub fn write(&self, socket: &WebSocket, unit: &Unit) {
        let frames = unit.frames(self.request.binary_as_text);
        socket.send_stamped(frames.clone(), unit.layers(frames.len()), &unit.stamps);
    }

    fn reschedule(&self) {
        let session = self.session.borrow().deadline();
        let app = self.app.borrow().as_ref().and_then(|app| app.deadline());
        let next = [session, app].into_iter().flatten().min();
        self.worker.schedule(self, next);
    }
}

fn is(slot: &RefCell<Option<Rc<WebSocket>>>, socket: &Rc<WebSocket>) -> bool {
    slot.borrow()
        .as_ref()
        .is_some_and(|held| Rc::ptr_eq(held, socket))
}
