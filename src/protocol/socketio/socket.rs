//! One client in one namespace, as handlers see it.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::{
    engine::Reason,
    event_unit::{self, with_attachments},
    io::Io,
    link::Link,
    recovery::{Restored, Saved},
    selection::Selection,
    unit::Unit,
    worker::secret_id,
};
use crate::{
    clock,
    codec::socketio::{self, Args},
    error::Refusal,
};

/// An event that a client sent.
pub struct Event {
    /// Whose client sent it.
    pub socket: Rc<Socket>,
    /// Its arguments.
    pub args: Args,
    /// `Some` if the client wants an acknowledgement.
    pub ack: Option<Ack>,
}

/// Answers one event, at most once. May be kept and used later; not on another thread.
pub struct Ack {
    socket: Rc<Socket>,
    id: u64,
}

impl Ack {
    /// See [`Socket::refuse`].
    pub fn refuse(ack: Option<Self>, socket: &Rc<Socket>, refusal: &Refusal) {
        let text = String::from_utf8(refusal.body()).ok();
        let json = text.and_then(|text| RawValue::from_string(text).ok());
        let json = json.unwrap_or_else(|| RawValue::NULL.to_owned());
        let args = Args::new().raw(&json).as_envelope();
        match ack {
            Some(ack) => ack.send(args),
            None => socket.emit("error", args),
        }
    }

    /// Answers with these arguments.
    pub fn send(self, args: impl Into<Args>) {
        if self.socket.is_connected() {
            let args = args.into();
            let mut packet = vec![b'4'];
            socketio::encode_ack(&self.socket.namespace, self.id, &args, &mut packet);
            self.socket.send(&with_attachments(packet, &args), false);
        }
    }
}

/// Why there is no acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAck {
    /// None came in time.
    #[error("none came in time")]
    Timeout,
    /// The client has gone.
    #[error("the client is gone")]
    Gone,
}

/// What other threads may know of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketInfo {
    /// Its id, which clients know.
    pub id: Arc<str>,
    /// Rooms that it is in.
    pub rooms: Vec<Box<str>>,
}

/// Who is notified of what happens to sockets. Calls come from wherever it happens, in the middle
/// of a broadcast as well: join and leave nothing, and do not take the lock of recovery.
pub trait SocketObserver: Send + Sync {
    /// Whether it wants to know anything now; if not, nothing else is called.
    fn is_active(&self) -> bool;
    /// A client has joined a namespace.
    fn connected(&self, socket: &Rc<Socket>);
    /// Its connection has gone over from polling to WebSocket.
    fn upgraded(&self, socket: &Socket);
    /// A client has left.
    fn disconnected(&self, socket: &Socket, reason: Reason);
    /// A socket is in a room.
    fn joined(&self, socket: &Socket, room: &str);
    /// A socket has left a room.
    fn left(&self, socket: &Socket, room: &str);
    /// An event came from its client.
    fn received(&self, socket: &Socket, name: &str, args: &Args);
    /// An event goes to its client.
    fn sent(&self, socket: &Socket, unit: &Unit);
}

type Handler = Rc<dyn Fn(Event)>;
type OnAck = Box<dyn FnOnce(Args)>;
type OnUpgrade = Box<dyn FnOnce(&Rc<Socket>)>;
type OnDisconnect = Box<dyn FnOnce(&Rc<Socket>, Reason)>;

/// See the module.
pub struct Socket {
    /// Public; not the Engine.IO session's id.
    pub id: Arc<str>,
    /// The namespace that it is in.
    pub namespace: Arc<str>,
    /// What the client sent with its connect; `{}` if nothing.
    pub auth: Box<RawValue>,
    io: Io,
    link: Rc<Link>,
    pid: Option<Arc<str>>,
    /// The number of the last event that its restore covered.
    seen: Option<u64>,
    is_connected: Cell<bool>,
    /// Sorted.
    rooms: RefCell<Vec<Box<str>>>,
    /// A few: looked for one by one.
    handlers: RefCell<Vec<(Cow<'static, str>, Handler)>>,
    acks: RefCell<HashMap<u64, OnAck>>,
    on_upgrade: RefCell<Vec<OnUpgrade>>,
    on_disconnecting: RefCell<Vec<OnDisconnect>>,
    on_disconnect: RefCell<Vec<OnDisconnect>>,
}

impl Socket {
    /// Joins the namespace and the room of its own id.
    pub(super) fn join_namespace(
        io: &Io,
        namespace: &str,
        auth: Box<RawValue>,
        link: &Rc<Link>,
    ) -> Rc<Self> {
        let pid = io.recovery().map(|_| secret_id());
        let socket = Self::new(io, namespace.into(), auth, link, secret_id(), pid, None);
        socket.enter(&[]);
        socket
    }

    /// Joins again as who it was, with what it missed in its queue.
    pub(super) fn join_again(
        io: &Io,
        restored: Restored,
        pid: &str,
        auth: Box<RawValue>,
        link: &Rc<Link>,
    ) -> Rc<Self> {
        let Restored {
            saved,
            missed,
            seen,
        } = restored;
        let pid = Some(pid.into());
        let socket = Self::new(io, saved.namespace, auth, link, saved.sid, pid, Some(seen));
        socket.enter(&saved.rooms);
        missed.iter().for_each(|unit| link.send_missed(unit));
        socket
    }

    fn new(
        io: &Io,
        namespace: Arc<str>,
        auth: Box<RawValue>,
        link: &Rc<Link>,
        id: Arc<str>,
        pid: Option<Arc<str>>,
        seen: Option<u64>,
    ) -> Rc<Self> {
        Rc::new(Self {
            id,
            namespace,
            auth,
            pid,
            seen,
            io: io.clone(),
            link: link.clone(),
            is_connected: Cell::new(true),
            rooms: RefCell::default(),
            handlers: RefCell::default(),
            acks: RefCell::default(),
            on_upgrade: RefCell::default(),
            on_disconnecting: RefCell::default(),
            on_disconnect: RefCell::default(),
        })
    }

    fn enter(self: &Rc<Self>, rooms: &[Box<str>]) {
        self.io
            .rooms_to_join(&self.namespace)
            .insert(&self.id, self);
        self.join(&self.id);
        rooms.iter().for_each(|room| self.join(room));
    }

    /// Whether it came back with its old id, rooms and what it missed.
    pub fn is_recovered(&self) -> bool {
        self.seen.is_some()
    }

    /// The secret to come back with.
    pub(super) fn pid(&self) -> Option<&Arc<str>> {
        self.pid.as_ref()
    }

    /// Sends an event that is kept for recovery, unless its restore has sent it.
    pub(super) fn send_numbered(&self, unit: &Arc<Unit>, number: u64) {
        if self.seen.is_none_or(|seen| number > seen) {
            self.send_event(unit, false);
        }
    }

    /// What it belongs to.
    pub fn io(&self) -> &Io {
        &self.io
    }

    /// The session below; for what rides on it beside Socket.IO.
    pub fn link(&self) -> &Rc<Link> {
        &self.link
    }

    /// Whether anything can still be sent to it.
    pub fn is_connected(&self) -> bool {
        self.is_connected.get()
    }

    /// Handles events of this name; one handler a name.
    pub fn on(&self, event: impl Into<Cow<'static, str>>, handle: impl Fn(Event) + 'static) {
        let event = event.into();
        let mut handlers = self.handlers.borrow_mut();
        handlers.retain(|(name, _)| *name != event);
        handlers.push((event, Rc::new(handle)));
    }

    /// Called once its connection has gone over from polling to WebSocket.
    pub fn on_upgrade(&self, call: impl FnOnce(&Rc<Socket>) + 'static) {
        push_one(&self.on_upgrade, Box::new(call));
    }

    pub(super) fn upgraded(self: &Rc<Self>) {
        for call in self.on_upgrade.take() {
            call(self);
        }
    }

    /// Called before the rooms are left.
    pub fn on_disconnecting(&self, call: impl FnOnce(&Rc<Socket>, Reason) + 'static) {
        push_one(&self.on_disconnecting, Box::new(call));
    }

    /// Calls this once when it leaves; at once, if it has left.
    pub fn on_disconnect(&self, call: impl FnOnce(&Rc<Socket>, Reason) + 'static) {
        push_one(&self.on_disconnect, Box::new(call));
    }

    /// Sends an event that wants no acknowledgement.
    pub fn emit(self: &Rc<Self>, event: &str, args: impl Into<Args>) {
        let args = args.into();
        let Some(recovery) = self.io.recovery() else {
            if let Some(unit) = event_unit::event(&self.namespace, None, event, &args, None) {
                self.send_event(&unit, false);
            }
            return;
        };
        // Kept as a broadcast to its own room is.
        let selection = Selection {
            rooms: vec![(*self.id).into()],
            ..Selection::default()
        };
        recovery.store(
            clock::now_us(),
            &self.namespace,
            &selection,
            |offset| event_unit::event(&self.namespace, None, event, &args, Some(offset)),
            |unit, number| self.send_numbered(&unit, number),
        );
    }

    /// Emits only if the client can take it right now.
    pub fn emit_volatile(self: &Rc<Self>, event: &str, args: impl Into<Args>) {
        if let Some(unit) = event_unit::event(&self.namespace, None, event, &args.into(), None) {
            self.send_event(&unit, true);
        }
    }

    /// Emits and waits for the acknowledgement, at most for `timeout`.
    pub async fn emit_with_ack(
        self: &Rc<Self>,
        event: &str,
        args: impl Into<Args>,
        timeout: Duration,
    ) -> Result<Args, NoAck> {
        let id = self.io.next_ack();
        let unit = event_unit::event(&self.namespace, Some(id), event, &args.into(), None)
            .ok_or(NoAck::Gone)?;
        let (to_us, from_client) = oneshot::channel();
        self.await_ack(id, move |args| drop(to_us.send(args)));
        self.send_event(&unit, false);
        match tokio::time::timeout(timeout, from_client).await {
            Ok(Ok(args)) => Ok(args),
            Ok(Err(_)) => Err(NoAck::Gone),
            Err(_) => {
                self.forget_ack(id);
                Err(NoAck::Timeout)
            }
        }
    }

    /// Puts it into a room.
    pub fn join(self: &Rc<Self>, room: &str) {
        if self.is_connected() && self.note_room(room) {
            let rooms = self.io.rooms_to_join(&self.namespace);
            rooms.join(room, &self.id, self);
            if let Some(observer) = self.io.observer() {
                observer.joined(self, room);
            }
        }
    }

    /// Whether it was in none of this name.
    fn note_room(&self, room: &str) -> bool {
        let mut rooms = self.rooms.borrow_mut();
        match rooms.binary_search_by(|known| (**known).cmp(room)) {
            Ok(_) => false,
            Err(at) => {
                rooms.insert(at, room.into());
                true
            }
        }
    }

    /// Whether it was in one of this name.
    fn forget_room(&self, room: &str) -> bool {
        let mut rooms = self.rooms.borrow_mut();
        let found = rooms.binary_search_by(|known| (**known).cmp(room));
        found.map(|at| rooms.remove(at)).is_ok()
    }

    /// Takes it out of a room.
    pub fn leave(&self, room: &str) {
        if self.forget_room(room)
            && let Some(rooms) = self.io.rooms(&self.namespace)
        {
            rooms.leave(room, &self.id);
            if let Some(observer) = self.io.observer() {
                observer.left(self, room);
            }
        }
    }

    /// Ends it; with `close` the whole connection and all its namespaces.
    pub fn disconnect(self: &Rc<Self>, close: bool) {
        if !self.is_connected() {
            return;
        }
        if close {
            // Every namespace of the client gets a disconnect packet and ends with this reason.
            return self.link.close_with_goodbye();
        }
        let mut packet = vec![b'4'];
        socketio::encode_disconnect(&self.namespace, &mut packet);
        self.send(&Unit::text(packet), false);
        self.closed(Reason::ServerNamespaceDisconnect);
    }

    /// What other threads may know.
    pub fn info(&self) -> SocketInfo {
        SocketInfo {
            id: self.id.clone(),
            rooms: self.rooms.borrow().clone(),
        }
    }

    /// Sends, and notifies the observer.
    pub(super) fn send_event(&self, unit: &Arc<Unit>, volatile: bool) {
        if let Some(observer) = self.io.observer()
            && self.is_connected()
        {
            observer.sent(self, unit);
        }
        self.send(unit, volatile);
    }

    pub(super) fn send(&self, unit: &Arc<Unit>, volatile: bool) {
        if !self.is_connected() {
            return;
        }
        if volatile {
            self.link.send_volatile(unit);
        } else {
            self.link.send(unit);
        }
    }

    pub(super) fn received(self: &Rc<Self>, name: &str, id: Option<u64>, args: Args) {
        if let Some(observer) = self.io.observer() {
            observer.received(self, name, &args);
        }
        let handler = {
            let handlers = self.handlers.borrow();
            let found = handlers.iter().find(|(known, _)| known == name);
            found.map(|(_, handler)| handler.clone())
        };
        if args.attachments().is_empty() {
            self.link.carries(args.payload_bytes());
        }
        if let Some(handle) = handler {
            let ack = id.map(|id| Ack {
                socket: self.clone(),
                id,
            });
            handle(Event {
                socket: self.clone(),
                args,
                ack,
            });
        }
    }

    /// Says why an event is not taken: in its acknowledgement, or where none is wanted as the event
    /// `error`; the argument is `{"error":{"code","message","hint"}}` in both.
    pub fn refuse(self: &Rc<Self>, id: Option<u64>, refusal: Refusal) {
        let socket = self.clone();
        Ack::refuse(id.map(|id| Ack { socket, id }), self, &refusal);
    }

    pub(super) fn acknowledged(&self, id: u64, args: Args) {
        let waiting = self.acks.borrow_mut().remove(&id);
        if let Some(on_ack) = waiting {
            on_ack(args);
        }
    }

    pub(super) fn await_ack(&self, id: u64, on_ack: impl FnOnce(Args) + 'static) {
        if self.is_connected() {
            self.acks.borrow_mut().insert(id, Box::new(on_ack));
        }
    }

    pub(super) fn forget_ack(&self, id: u64) {
        self.acks.borrow_mut().remove(&id);
    }

    /// It is over, for this reason. May come more than once.
    pub(super) fn closed(self: &Rc<Self>, reason: Reason) {
        if !self.is_connected() {
            return;
        }
        self.on_upgrade.take();
        for call in self.on_disconnecting.take() {
            call(self, reason);
        }
        self.is_connected.set(false);
        let left = self.rooms.take();
        if let Some(rooms) = self.io.rooms(&self.namespace) {
            for room in &left {
                rooms.leave(room, &self.id);
            }
            rooms.remove(&self.id);
        }
        self.io.tidy_up(&self.namespace);
        if let Some(observer) = self.io.observer() {
            observer.disconnected(self, reason);
            left.iter().for_each(|room| observer.left(self, room));
        }
        if let (Some(recovery), Some(pid)) = (self.io.recovery(), &self.pid) {
            let saved = reason.may_come_back().then(|| Saved {
                namespace: self.namespace.clone(),
                sid: self.id.clone(),
                rooms: left,
            });
            recovery.left(clock::now_us(), pid, saved);
        }
        self.handlers.take();
        self.acks.take();
        for call in self.on_disconnect.take() {
            call(self, reason);
        }
    }
}

/// Adds a call. Most lists have one, for which a push would make room for four.
fn push_one<T>(calls: &RefCell<Vec<T>>, call: T) {
    let mut calls = calls.borrow_mut();
    if calls.capacity() == 0 {
        calls.reserve_exact(1);
    }
    calls.push(call);
}
