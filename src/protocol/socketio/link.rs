//! One Engine.IO session with what it holds: the waiting poll, the sockets, the application.
//!
//! The rules are the state machine's ([`Session`]); this is its shell on the session's thread. It
//! passes events in, and does what actions come out.

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    task::{Context, Waker},
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
    lane::meter::{Labels, Meters},
    node::{Connected, Share},
    transport::websocket::socket::Socket as WebSocket,
    wire::Layers,
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
#[derive(Clone)]
pub struct Request {
    pub query: String,
    /// The client takes no binary frames.
    pub binary_as_text: bool,
    pub address: Option<IpAddr>,
    /// For those who watch; where nobody may, it is not kept.
    pub peer: Option<Box<Peer>>,
    /// Whether the session may move from polling to WebSocket.
    pub may_upgrade: bool,
    /// What the session is metered under, whatever connections it comes by.
    pub labels: Option<Arc<Labels>>,
    pub meters: Arc<Meters>,
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
            issued_us: clock::time_of_day_us(),
            headers: shown.collect(),
        }
    }
}

/// What handlers found in messages that are not accounted for yet.
#[derive(Debug, Clone, Copy, Default)]
struct Carried {
    payload_bytes: usize,
    publications: usize,
}

/// How a poll is answered.
pub type PollAnswer = Result<Payload, Refused>;

/// How a POST is answered, and what its body held.
pub struct Posted {
    /// `Err(BadRequest)` for a body that is no payload.
    pub answer: Result<(), Refused>,
    pub layers: Layers,
    pub publications: usize,
}

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
    carried: Cell<Carried>,
    /// Tasks that wait until nothing waits to be written.
    await_drain: RefCell<Vec<Waker>>,
    /// Holds up a stop of the node while the session is open.
    connected: RefCell<Option<Connected>>,
    /// Of its address's sessions, while it polls: by WebSocket it is a connection, which is counted
    /// as such.
    share: RefCell<Option<Share>>,
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
            app: RefCell::new(None),
            held: RefCell::new(None),
            socket: RefCell::new(socket),
            probe: RefCell::new(None),
            is_flush_due: Cell::new(false),
            carried: Cell::default(),
            await_drain: RefCell::default(),
            connected: RefCell::new(None),
            share: RefCell::new(None),
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

    pub fn hold_up_stop(&self, connected: Connected) {
        *self.connected.borrow_mut() = Some(connected);
    }

    pub fn polls_by(&self, share: Share) {
        *self.share.borrow_mut() = Some(share);
    }

    pub fn is_open(&self) -> bool {
        self.session.borrow().is_open()
    }

    /// Whether a poll is held for what comes next.
    pub fn is_poll_waiting(&self) -> bool {
        self.session.borrow().is_poll_waiting()
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
        self.queued(is_over_budget);
    }

    fn queued(self: &Rc<Self>, is_over_budget: bool) {
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
            None => self.is_poll_waiting(),
        };
        if is_writable {
            self.send(unit);
        }
    }

    /// Sends publications, in a format whose units are whole frames of one packet each: on
    /// WebSocket as they are, shared by all subscribers; on polling the packets inside them.
    pub fn deliver(self: &Rc<Self>, delivery: Delivery<'_>, frames: &'static Format) {
        let encoded = delivery.encoded(frames).as_slice().len();
        self.worker
            .count_sent(delivery.publications().len(), encoded);
        let socket = self.socket.borrow().clone();
        if let Some(socket) = socket {
            return socket.deliver(delivery, frames);
        }
        let is_over_budget = {
            let mut session = self.session.borrow_mut();
            for (publication, (frame, layers)) in delivery.publications().zip(delivery.each(frames))
            {
                // The frame's header: its framing but for the packet's type digit.
                let packet = frame.slice(layers.framing as usize - 1..);
                let live_since = (!delivery.is_replay()).then_some(publication.published_us);
                let unit = Unit::publication(packet, layers.payload as usize, live_since);
                session.send(&unit, &mut Vec::new());
            }
            if delivery.is_replay() {
                session.exempt_queue();
            }
            session.is_over_budget()
        };
        self.queued(is_over_budget);
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

    /// Says of the message that is being handled what it carries.
    pub fn carries(&self, payload_bytes: usize) {
        let carried = self.carried.get();
        self.carried.set(Carried {
            payload_bytes,
            ..carried
        });
    }

    /// A publication of this client's was accepted.
    pub fn publication_received(&self) {
        let mut carried = self.carried.get();
        carried.publications += 1;
        self.carried.set(carried);
    }

    /// How a message of this size divides, now that it has been handled, and how many
    /// publications it brought. The text of a packet with attachments is all envelope: its event
    /// comes only after it.
    pub fn account_for(&self, (bytes, is_binary): (usize, bool)) -> (Layers, usize) {
        let carried = self.carried.take();
        let payload = match is_binary {
            true => bytes,
            false => carried.payload_bytes.min(bytes),
        };
        let layers = Layers {
            framing: 0,
            envelope: (bytes - payload) as u64,
            payload: payload as u64,
        };
        (layers, carried.publications)
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
    pub fn post(self: &Rc<Self>, body: &[u8]) -> Posted {
        let mut layers = Layers::default();
        let mut publications = 0;
        let answer = self.take_in(body, |of_packet, of_its| {
            layers += of_packet;
            publications += of_its;
        });
        layers.framing = (body.len() as u64).saturating_sub(layers.total());
        Posted {
            answer,
            layers,
            publications,
        }
    }

    /// `handled` is told what each packet was that was handled; see [`Self::account_for`].
    fn take_in(
        self: &Rc<Self>,
        body: &[u8],
        mut handled: impl FnMut(Layers, usize),
    ) -> Result<(), Refused> {
        self.drive(|_, _, _| {});
        self.session.borrow().may_post()?;
        for packet in engine::decode_payload(body) {
            match packet {
                Ok(packet) => {
                    let size = packet.message_size();
                    self.drive(|session, now, out| session.packet(now, packet, out));
                    let (layers, publications) = self.account_for(size);
                    handled(layers, publications);
                }
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
                    if let Some((_, answer)) = held
                        && let Err(Ok(unheard)) = answer.send(Ok(payload))
                    {
                        self.dropped(unheard.publications);
                    }
                    self.has_written();
                }
                Action::Dropped(publications) => self.dropped(publications),
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
                        self.write(&probe, &Unit::engine("3probe"));
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
                    self.share.take();
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
        if has_upgraded {
            self.share.take();
        }
        let app = self.app.borrow().clone();
        if let (true, Some(app)) = (has_upgraded, app) {
            app.on_upgrade();
        }
    }

    fn dropped(&self, publications: usize) {
        if let Some(labels) = &self.request.labels
            && publications > 0
        {
            self.request.meters.dropped(labels, publications);
        }
    }

    pub fn write(&self, socket: &WebSocket, unit: &Unit) {
        let frames = unit.frames(self.request.binary_as_text);
        let layers = unit.layers(frames.len());
        socket.send_publications(frames.clone(), layers, unit.publications, &unit.stamps);
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
