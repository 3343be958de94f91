//! The sessions of one worker thread, and how other threads reach them.
//!
//! A session lives on the thread that its handshake landed on and is touched by no other. What
//! comes in elsewhere (a poll, a POST, a broadcast) is sent there as a job through the
//! thread's inbox; on the right thread it runs at once. One timer for each thread serves all its
//! sessions' deadlines.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::{BTreeSet, HashMap},
    future::poll_fn,
    pin::pin,
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use futures_util::task::AtomicWaker;
use rand::{TryRng, rngs::SysRng};
use tokio::{sync::Notify, time::Instant};

use super::{
    engine::EngineSettings,
    traffic::{Endings, EndingsCounter, Traffic},
    unit::Unit,
};
use crate::{clock, codec::engine::Data, lane::meter::Labels};

/// A session, as its worker sees it.
pub trait LocalSession: Sized + 'static {
    /// What handles its messages.
    type Handler: ?Sized;
    /// Its id.
    fn sid(&self) -> &Arc<str>;
    /// What every thread may know of it.
    fn entry(&self) -> &Arc<SessionEntry>;
    /// When its tick is due, by [`Worker::schedule`], which writes it.
    fn scheduled(&self) -> &Cell<Option<u64>>;
    /// Whether it polls.
    fn is_polling(&self) -> bool;
    /// A deadline has come. True: the client's pong is overdue, and [`Self::end_if_overdue`] is to
    /// be called when what has come meanwhile was read.
    #[must_use]
    fn tick(self: &Rc<Self>) -> bool;
    /// Ends the session if its pong has not come.
    fn end_if_overdue(self: &Rc<Self>);
    /// Answers the held poll; asked for by [`Worker::flush_later`].
    fn flush(self: &Rc<Self>);
}

/// Something to be done on a worker's thread.
type Job<S> = Box<dyn FnOnce(&Rc<Worker<S>>) + Send>;

/// An unguessable id: 160 random bits as URL-safe text.
pub fn secret_id() -> Arc<str> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut random = [0; 32];
    SysRng
        .try_fill_bytes(&mut random)
        .expect("the system has random numbers");
    let id: String = random
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect();
    id.into()
}

/// What every thread may know of a session.
pub struct SessionEntry {
    /// Index of its thread.
    pub worker: usize,
    /// A POST is being read: claimed by a swap.
    pub posting: AtomicBool,
    /// Wakes the first POST when a second one comes.
    pub overlapped: Notify,
    /// What its requests are metered under, but for the transport.
    pub labels: Option<Arc<Labels>>,
}

type MakeHandler<S> = Box<dyn Fn(&Rc<S>) -> Rc<<S as LocalSession>::Handler> + Send + Sync>;

/// One Engine.IO endpoint, shared by all threads.
pub struct Engine<S: LocalSession> {
    id: usize,
    /// What sessions are told, and held to.
    pub settings: EngineSettings,
    make_handler: MakeHandler<S>,
    entries: RwLock<HashMap<Arc<str>, Arc<SessionEntry>>>,
    inboxes: RwLock<Vec<Arc<Inbox<S>>>>,
    /// Whether sessions keep what clients said of themselves; see [`Self::keep_peers`].
    keeps_peers: AtomicBool,
    /// Sessions that were ever opened.
    pub opened: AtomicU64,
    /// Why sessions ended.
    pub endings: EndingsCounter,
}

struct Inbox<S: LocalSession> {
    jobs: Mutex<Vec<Job<S>>>,
    waker: AtomicWaker,
}

thread_local! {
    /// This thread's worker of each engine, by the engine's id; each a [`Worker`] of that engine's
    /// sessions.
    static WORKERS: RefCell<HashMap<usize, Rc<dyn Any>>> = RefCell::default();
}

impl<S: LocalSession> Engine<S> {
    /// `make_handler` is called for every session, on its thread.
    pub fn new(
        settings: EngineSettings,
        make_handler: impl Fn(&Rc<S>) -> Rc<S::Handler> + Send + Sync + 'static,
    ) -> Arc<Self> {
        static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            settings,
            make_handler: Box::new(make_handler),
            entries: RwLock::default(),
            inboxes: RwLock::default(),
            keeps_peers: AtomicBool::new(false),
            opened: AtomicU64::new(0),
            endings: EndingsCounter::default(),
        })
    }

    /// What is above this session.
    pub fn make_handler(&self, session: &Rc<S>) -> Rc<S::Handler> {
        (self.make_handler)(session)
    }

    /// What every thread may know of a session.
    pub fn entry(&self, sid: &str) -> Option<Arc<SessionEntry>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(sid).cloned()
    }

    /// From now on sessions keep what their clients said of themselves.
    pub fn keep_peers(&self) {
        self.keeps_peers.store(true, Ordering::Relaxed);
    }

    /// Whether what clients say of themselves is kept, for the admin namespace.
    pub fn keeps_peers(&self) -> bool {
        self.keeps_peers.load(Ordering::Relaxed)
    }

    /// Sessions since the start.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Why they ended, by reason.
    pub fn ended(&self) -> Endings {
        self.endings.get()
    }

    /// Sessions that are known now.
    pub fn sessions(&self) -> usize {
        self.entries
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// This thread's worker; its loop starts with the first call, inside a tokio `LocalSet`.
    pub fn worker(self: &Arc<Self>) -> Rc<Worker<S>> {
        self.existing_worker().unwrap_or_else(|| {
            let worker = Rc::new(Worker::register(self.clone()));
            WORKERS.with_borrow_mut(|workers| workers.insert(self.id, worker.clone()));
            tokio::task::spawn_local(worker.clone().run());
            worker
        })
    }

    fn existing_worker(&self) -> Option<Rc<Worker<S>>> {
        let worker = WORKERS.with_borrow(|workers| workers.get(&self.id).cloned())?;
        worker.downcast().ok()
    }

    /// Does a job on a worker's thread: at once if it is this one.
    pub fn on(&self, worker: usize, job: impl FnOnce(&Rc<Worker<S>>) + Send + 'static) {
        match self.existing_worker() {
            Some(here) if here.index == worker => job(&here),
            _ => self.put(worker, Box::new(job)),
        }
    }

    /// Does a job on every thread that has ever had a session, on this one first and at once, so
    /// that what a handler sends keeps its order.
    pub fn everywhere(&self, job: impl Fn(&Rc<Worker<S>>) + Clone + Send + 'static) {
        let here = self.existing_worker();
        if let Some(here) = &here {
            job(here);
        }
        let here = here.map(|here| here.index);
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        for index in (0..inboxes.len()).filter(|index| Some(*index) != here) {
            let job = job.clone();
            inboxes[index].put(Box::new(move |worker| job(worker)));
        }
    }

    /// How many threads have had sessions.
    pub fn workers(&self) -> usize {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        inboxes.len()
    }

    fn put(&self, worker: usize, job: Job<S>) {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = inboxes.get(worker) {
            inbox.put(job);
        }
    }
}

impl<S: LocalSession> Default for Inbox<S> {
    fn default() -> Self {
        Self {
            jobs: Mutex::default(),
            waker: AtomicWaker::new(),
        }
    }
}

impl<S: LocalSession> Inbox<S> {
    fn put(&self, job: Job<S>) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.push(job);
        drop(jobs);
        self.waker.wake();
    }

    fn take(&self) -> Vec<Job<S>> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *jobs)
    }
}

/// See the module.
pub struct Worker<S: LocalSession> {
    /// The endpoint.
    pub engine: Arc<Engine<S>>,
    /// Which thread, from 0.
    pub index: usize,
    inbox: Arc<Inbox<S>>,
    sessions: RefCell<HashMap<Arc<str>, Rc<S>>>,
    deadlines: RefCell<BTreeSet<(u64, Arc<str>)>>,
    /// Sessions that have something for a held poll; answered at the next turn, so that what is
    /// sent in one turn leaves in one answer.
    to_flush: RefCell<Vec<Rc<S>>>,
    next_number: Cell<u64>,
    /// Messages of this thread.
    pub traffic: Cell<Traffic>,
}

impl<S: LocalSession> Worker<S> {
    fn register(engine: Arc<Engine<S>>) -> Self {
        let inbox = Arc::<Inbox<S>>::default();
        let index = {
            let mut inboxes = engine
                .inboxes
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            inboxes.push(inbox.clone());
            inboxes.len() - 1
        };
        Self {
            engine,
            index,
            inbox,
            sessions: RefCell::default(),
            deadlines: RefCell::default(),
            to_flush: RefCell::default(),
            next_number: Cell::new(0),
            traffic: Cell::default(),
        }
    }

    /// Makes a session known to every thread.
    pub fn insert(&self, link: &Rc<S>) {
        let mut entries = self
            .engine
            .entries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        entries.insert(link.sid().clone(), link.entry().clone());
        drop(entries);
        let mut sessions = self.sessions.borrow_mut();
        sessions.insert(link.sid().clone(), link.clone());
    }

    /// Forgets a session.
    pub fn remove(&self, link: &S) {
        let mut entries = self
            .engine
            .entries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        entries.remove(link.sid());
        drop(entries);
        self.sessions.borrow_mut().remove(link.sid());
    }

    /// A session of this thread.
    pub fn link(&self, sid: &str) -> Option<Rc<S>> {
        self.sessions.borrow().get(sid).cloned()
    }

    /// A new entry for a session of this thread.
    pub fn entry(&self, labels: Option<Arc<Labels>>) -> Arc<SessionEntry> {
        Arc::new(SessionEntry {
            labels,
            worker: self.index,
            posting: AtomicBool::new(false),
            overlapped: Notify::new(),
        })
    }

    /// How many of this thread's sessions are on polling.
    pub fn polling_sessions(&self) -> usize {
        let sessions = self.sessions.borrow();
        sessions
            .values()
            .filter(|session| session.is_polling())
            .count()
    }

    /// A message came.
    pub fn count_in(&self, message: &Data) {
        self.count(|traffic| {
            traffic.packets_in += 1;
            traffic.bytes_in += message.len() as u64;
        });
    }

    /// A message goes out.
    pub fn count_out(&self, unit: &Unit) {
        self.count_sent(unit.parts().len(), unit.bytes());
    }

    /// So many packets of so many bytes went out.
    pub fn count_sent(&self, packets: usize, bytes: usize) {
        self.count(|traffic| {
            traffic.packets_out += packets as u64;
            traffic.bytes_out += bytes as u64;
        });
    }

    fn count(&self, count: impl FnOnce(&mut Traffic)) {
        let mut traffic = self.traffic.get();
        count(&mut traffic);
        self.traffic.set(traffic);
    }

    /// Numbers that differ on one worker.
    pub fn number(&self) -> u64 {
        self.next_number.replace(self.next_number.get() + 1)
    }

    /// Calls the session's tick at `at`, or earlier.
    pub fn schedule(&self, link: &S, at: Option<u64>) {
        let scheduled = link.scheduled().get();
        // An entry that is early enough stays in the table: its tick schedules the next one.
        if at == scheduled || matches!((scheduled, at), (Some(s), Some(at)) if s <= at) {
            return;
        }
        let mut deadlines = self.deadlines.borrow_mut();
        if let Some(scheduled) = scheduled {
            deadlines.remove(&(scheduled, link.sid().clone()));
        }
        link.scheduled().set(at);
        if let Some(at) = at {
            let is_first = deadlines.first().is_none_or(|first| at < first.0);
            deadlines.insert((at, link.sid().clone()));
            if is_first {
                self.inbox.waker.wake();
            }
        }
    }

    /// Writes what this session has queued at the end of the turn, with that of the others.
    pub fn flush_later(&self, link: &Rc<S>) {
        self.to_flush.borrow_mut().push(link.clone());
        self.inbox.waker.wake();
    }

    /// Runs a job at the next turn of this worker's loop.
    pub fn later(&self, job: impl FnOnce(&Rc<Worker<S>>) + Send + 'static) {
        self.inbox.put(Box::new(job));
    }

    fn due(&self, now: u64) -> Vec<Rc<S>> {
        let mut due = Vec::new();
        let mut deadlines = self.deadlines.borrow_mut();
        while deadlines.first().is_some_and(|first| first.0 <= now)
            && let Some((_, sid)) = deadlines.pop_first()
        {
            if let Some(link) = self.link(&sid) {
                link.scheduled().set(None);
                due.push(link);
            }
        }
        due
    }

    async fn run(self: Rc<Self>) {
        loop {
            self.something_to_do().await;
            self.do_jobs();
            let due = self.due(clock::now_us());
            let overdue: Vec<_> = due.into_iter().filter(|link| link.tick()).collect();
            if !overdue.is_empty() {
                self.read_what_came().await;
                overdue.iter().for_each(|link| link.end_if_overdue());
            }
            let to_flush = self.to_flush.take();
            for link in to_flush {
                link.flush();
            }
        }
    }

    fn do_jobs(self: &Rc<Self>) {
        for job in self.inbox.take() {
            job(self);
        }
    }

    /// Lets this thread's connections read, and takes what other threads have read. Without this, a
    /// thread that was held up would end sessions whose pong lies unread in a socket.
    pub async fn read_what_came(self: &Rc<Self>) {
        /// The first lets the runtime ask the kernel and wake the connections, the second lets
        /// those run that were woken by what these read.
        const TURNS: usize = 2;
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        self.do_jobs();
    }

    async fn something_to_do(&self) {
        let first = self.deadlines.borrow().first().map(|first| first.0);
        let wait = first.map(|at| at.saturating_sub(clock::now_us()));
        let wait = Duration::from_micros(wait.unwrap_or(3_600_000_000));
        let mut timer = pin!(tokio::time::sleep_until(Instant::now() + wait));
        poll_fn(|context| {
            self.inbox.waker.register(context.waker());
            let jobs = self.inbox.jobs.lock();
            let has_jobs = !jobs.unwrap_or_else(PoisonError::into_inner).is_empty();
            let now_first = self.deadlines.borrow().first().map(|first| first.0);
            let is_earlier = now_first.is_some_and(|at| first.is_none_or(|first| at < first));
            if has_jobs || is_earlier || !self.to_flush.borrow().is_empty() {
                return Poll::Ready(());
            }
            timer.as_mut().poll(context)
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_long_and_differ() {
        let (one, other) = (secret_id(), secret_id());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
