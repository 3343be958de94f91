//! The server of the library: its namespaces, and what handlers and sockets need of it.
//!
//! ```no_run
//! use pushlab::protocol::socketio::{
//!     client, engine::EngineSettings, io::{IoSettings, Namespaces},
//! };
//! # fn settings() -> EngineSettings { unimplemented!() }
//! let mut namespaces = Namespaces::default();
//! namespaces.of("/").on_connect(|socket| {
//!     socket.on("send-message", |event| {
//!         event.socket.io().emit("new-message", event.args);
//!     });
//! });
//! let io = client::serve(IoSettings::default(), settings(), namespaces);
//! ```
//!
//! Handlers run in the order of a socket's events, on the thread of its session, and must not
//! block; what takes long is spawned, and an [`Ack`](super::socket::Ack) may go with it.

use std::{
    cell::RefCell,
    collections::HashMap,
    net::IpAddr,
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, value::RawValue};

use super::{
    engine::EngineSettings,
    link::{Engine, SessionHandler},
    recovery::{Recovery, RecoverySettings},
    rooms::Rooms,
    socket::{Socket, SocketObserver},
};
use crate::{clock, codec::socketio::Limits};

/// What all namespaces are held to.
#[derive(Debug, Clone, Copy)]
pub struct IoSettings {
    /// A session that has joined no namespace within this time is closed.
    pub connect_timeout: Duration,
    /// Of what a client sends.
    pub limits: Limits,
    /// `None`: a client that comes back is a new one.
    pub recovery: Option<RecoverySettings>,
}

impl Default for IoSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(45),
            limits: Limits::default(),
            recovery: None,
        }
    }
}

/// Why a middleware does not let a client in.
#[derive(Debug, Clone)]
pub struct Denied {
    /// What the client is told.
    pub message: String,
    /// What else the client is told.
    pub data: Option<Value>,
}

/// A client that asks to join a namespace.
pub struct Candidate<'a> {
    /// Which one.
    pub namespace: &'a str,
    /// `{}` if the client sent none.
    pub auth: &'a RawValue,
    /// The query of the handshake, as it stood in the address.
    pub query: &'a str,
    /// Of the connection that the handshake came by.
    pub address: Option<IpAddr>,
}

type Middleware = Box<dyn Fn(&Candidate<'_>) -> Result<(), Denied> + Send + Sync>;
type OnConnect = Box<dyn Fn(&Rc<Socket>) + Send + Sync>;

enum Name {
    Fixed(Box<str>),
    Matching(Box<dyn Fn(&str) -> bool + Send + Sync>),
}

/// What is to happen in a namespace.
pub struct Namespace {
    name: Name,
    middleware: Vec<Middleware>,
    on_connect: Option<OnConnect>,
}

impl Namespace {
    fn new(name: Name) -> Self {
        Self {
            name,
            middleware: Vec::new(),
            on_connect: None,
        }
    }

    /// Adds one that decides who may join; they run in the order in which they were added.
    pub fn middleware(
        &mut self,
        decide: impl Fn(&Candidate<'_>) -> Result<(), Denied> + Send + Sync + 'static,
    ) -> &mut Self {
        self.middleware.push(Box::new(decide));
        self
    }

    /// Called with every socket that has joined, right after its connect was answered.
    pub fn on_connect(
        &mut self,
        connected: impl Fn(&Rc<Socket>) + Send + Sync + 'static,
    ) -> &mut Self {
        self.on_connect = Some(Box::new(connected));
        self
    }

    pub(super) fn decide(&self, candidate: &Candidate<'_>) -> Result<(), Denied> {
        self.middleware
            .iter()
            .try_for_each(|decide| decide(candidate))
    }

    pub(super) fn connected(&self, socket: &Rc<Socket>) {
        if let Some(connected) = &self.on_connect {
            connected(socket);
        }
    }
}

/// Namespaces, before the server starts.
#[derive(Default)]
pub struct Namespaces {
    all: Vec<Namespace>,
    observer: Option<Arc<dyn SocketObserver>>,
}

impl Namespaces {
    /// The namespace of this name.
    pub fn of(&mut self, name: &str) -> &mut Namespace {
        let is_it = |namespace: &Namespace| matches!(&namespace.name, Name::Fixed(fixed) if &**fixed == name);
        let at = self.all.iter().position(is_it).unwrap_or_else(|| {
            self.all.push(Namespace::new(Name::Fixed(name.into())));
            self.all.len() - 1
        });
        &mut self.all[at]
    }

    /// Namespaces on demand: every name that matches and is not fixed is one.
    pub fn matching(
        &mut self,
        matches: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> &mut Namespace {
        self.all
            .push(Namespace::new(Name::Matching(Box::new(matches))));
        let last = self.all.len() - 1;
        &mut self.all[last]
    }

    /// Who is notified of what happens to sockets.
    pub(super) fn observed_by(&mut self, observer: Arc<dyn SocketObserver>) {
        self.observer = Some(observer);
    }

    fn find(&self, name: &str) -> Option<&Namespace> {
        let fixed = |n: &&Namespace| matches!(&n.name, Name::Fixed(fixed) if &**fixed == name);
        let matching = |n: &&Namespace| matches!(&n.name, Name::Matching(matches) if matches(name));
        let mut all = self.all.iter();
        all.clone().find(fixed).or_else(|| all.find(matching))
    }
}

struct Inner {
    id: usize,
    settings: IoSettings,
    namespaces: Namespaces,
    engine: OnceLock<Arc<Engine>>,
    recovery: Option<Recovery>,
    /// Numbers of acknowledgements wanted by the server: one count for all sockets, so that a
    /// broadcast has the same number for every receiver.
    next_ack: AtomicU64,
    started_us: u64,
}

/// A Socket.IO server. Cheap to clone, usable on every thread.
#[derive(Clone)]
pub struct Io(Arc<Inner>);

/// One thread's namespaces of one server, by name.
type LocalNamespaces = HashMap<Arc<str>, Rc<Rooms<Socket>>>;

thread_local! {
    static LOCAL: RefCell<HashMap<usize, LocalNamespaces>> = RefCell::default();
}

impl Io {
    /// `make_handler` is called for every session, on its thread; without a server where the engine
    /// outlives it, which is only while both are being dropped.
    pub(super) fn new(
        settings: IoSettings,
        engine: EngineSettings,
        namespaces: Namespaces,
        make_handler: fn(Option<Io>) -> Rc<dyn SessionHandler>,
    ) -> Self {
        static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
        let io = Self(Arc::new(Inner {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            settings,
            namespaces,
            engine: OnceLock::new(),
            recovery: settings.recovery.map(Recovery::new),
            next_ack: AtomicU64::new(0),
            started_us: clock::now_us(),
        }));
        let weak = Arc::downgrade(&io.0);
        let engine = Engine::new(engine, move |_| make_handler(weak.upgrade().map(Io)));
        if io.0.namespaces.observer.is_some() {
            engine.keep_peers();
        }
        let _ = io.0.engine.set(engine);
        io
    }

    /// The Engine.IO endpoint below.
    pub fn engine(&self) -> &Arc<Engine> {
        self.0.engine.get().expect("set when it was made")
    }

    pub(super) fn settings(&self) -> &IoSettings {
        &self.0.settings
    }

    pub(super) fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.0.namespaces.find(name)
    }

    /// The namespaces with a name of their own, not those on demand.
    pub(super) fn fixed_namespaces(&self) -> impl Iterator<Item = &str> {
        let all = self.0.namespaces.all.iter();
        all.filter_map(|namespace| match &namespace.name {
            Name::Fixed(name) => Some(&**name),
            Name::Matching(_) => None,
        })
    }

    /// Who is to be notified of what happens to sockets now, if anybody.
    pub(super) fn observer(&self) -> Option<&dyn SocketObserver> {
        let observer = self.0.namespaces.observer.as_deref();
        observer.filter(|observer| observer.is_active())
    }

    pub(super) fn started_us(&self) -> u64 {
        self.0.started_us
    }

    pub(super) fn recovery(&self) -> Option<&Recovery> {
        self.0.recovery.as_ref()
    }

    pub(super) fn next_ack(&self) -> u64 {
        self.0.next_ack.fetch_add(1, Ordering::Relaxed)
    }

    /// This thread's sockets of a namespace, if there are any.
    pub(super) fn rooms(&self, namespace: &str) -> Option<Rc<Rooms<Socket>>> {
        LOCAL.with_borrow(|local| local.get(&self.0.id)?.get(namespace).cloned())
    }

    /// This thread's namespaces that have sockets.
    pub(super) fn local_namespaces(&self) -> Vec<(Arc<str>, Rc<Rooms<Socket>>)> {
        LOCAL.with_borrow(|local| {
            let of_io = local.get(&self.0.id).into_iter().flatten();
            of_io
                .map(|(name, rooms)| (name.clone(), rooms.clone()))
                .collect()
        })
    }

    /// This thread's sockets of a namespace; made if there are none yet.
    pub(super) fn rooms_to_join(&self, namespace: &Arc<str>) -> Rc<Rooms<Socket>> {
        LOCAL.with_borrow_mut(|local| {
            let of_io = local.entry(self.0.id).or_default();
            of_io.entry(namespace.clone()).or_default().clone()
        })
    }

    /// Forgets an empty namespace of this thread.
    pub(super) fn tidy_up(&self, namespace: &str) {
        LOCAL.with_borrow_mut(|local| {
            if let Some(of_io) = local.get_mut(&self.0.id)
                && of_io.get(namespace).is_some_and(|rooms| rooms.is_empty())
            {
                of_io.remove(namespace);
            }
        });
    }
}
