//! The sessions of one worker thread, and how other threads reach them.
//!
//! A session lives on the thread that its handshake landed on and is touched by no other. What
//! comes in elsewhere (a poll, a POST, a broadcast) is sent there as a [`Job`] through the
//! thread's inbox; on the right thread it runs at once. One timer for each thread serves all its
//! sessions' deadlines.

use std::{
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

use actix_web::http::header::HeaderMap;
use futures_util::task::AtomicWaker;
use rand::{TryRng, rngs::SysRng};
use tokio::{sync::Notify, time::Instant};

use super::{
    engine::EngineSettings,
    link::{App, Link, Peer},
    traffic::{Endings, EndingsCounter, Traffic},
    unit::Unit,
};
use crate::{clock, codec::engine::Data, lane::meter::Labels};

/// Something to be done on a worker's thread.
pub type Job = Box<dyn FnOnce(&Rc<Worker>) + Send>;

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
pub struct Entry {
    pub worker: usize,
    /// A POST is being read: claimed by a swap.
    pub posting: AtomicBool,
    /// Told when a second POST came, to the first.
    pub overlapped: Notify,
    /// What its requests are metered under, but for how they travel.
    pub labels: Option<Arc<Labels>>,
}

type MakeApp = Box<dyn Fn(&Rc<Link>) -> Rc<dyn App> + Send + Sync>;

/// One Engine.IO endpoint, shared by all threads.
pub struct Engine {
    id: usize,
    pub settings: EngineSettings,
    make_app: MakeApp,
    entries: RwLock<HashMap<Arc<str>, Arc<Entry>>>,
    inboxes: RwLock<Vec<Arc<Inbox>>>,
    /// Somebody may want to see who the clients are.
    keeps_peers: AtomicBool,
    /// Sessions that were ever opened.
    pub opened: AtomicU64,
    pub endings: EndingsCounter,
}

#[derive(Default)]
struct Inbox {
    jobs: Mutex<Vec<Job>>,
    waker: AtomicWaker,
}

thread_local! {
    static WORKERS: RefCell<HashMap<usize, Rc<Worker>>> = RefCell::default();
}

impl Engine {
    /// `make_app` is called for every session, on its thread.
    pub fn new(
        settings: EngineSettings,
        make_app: impl Fn(&Rc<Link>) -> Rc<dyn App> + Send + Sync + 'static,
    ) -> Arc<Self> {
        static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            settings,
            make_app: Box::new(make_app),
            entries: RwLock::default(),
            inboxes: RwLock::default(),
            keeps_peers: AtomicBool::new(false),
            opened: AtomicU64::new(0),
            endings: EndingsCounter::default(),
        })
    }

    pub fn make_app(&self, link: &Rc<Link>) -> Rc<dyn App> {
        (self.make_app)(link)
    }

    pub fn entry(&self, sid: &str) -> Option<Arc<Entry>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(sid).cloned()
    }

    /// From now on sessions keep what their clients said of themselves.
    pub fn keep_peers(&self) {
        self.keeps_peers.store(true, Ordering::Relaxed);
    }

    /// What a client says of itself, if that is kept.
    pub fn peer(&self, headers: &HeaderMap) -> Option<Box<Peer>> {
        let keeps = self.keeps_peers.load(Ordering::Relaxed);
        keeps.then(|| Box::new(Peer::of(headers)))
    }

    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

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
    pub fn worker(self: &Arc<Self>) -> Rc<Worker> {
        self.existing_worker().unwrap_or_else(|| {
            let worker = Rc::new(Worker::register(self.clone()));
            WORKERS.with_borrow_mut(|workers| workers.insert(self.id, worker.clone()));
            tokio::task::spawn_local(worker.clone().run());
            worker
        })
    }

    fn existing_worker(&self) -> Option<Rc<Worker>> {
        WORKERS.with_borrow(|workers| workers.get(&self.id).cloned())
    }

    /// Does a job on a worker's thread: at once if it is this one.
    pub fn on(&self, worker: usize, job: impl FnOnce(&Rc<Worker>) + Send + 'static) {
        match self.existing_worker() {
            Some(here) if here.index == worker => job(&here),
            _ => self.put(worker, Box::new(job)),
        }
    }

    /// Does a job on every thread that has ever had a session, on this one first and at once, so
    /// that what a handler sends keeps its order.
    pub fn everywhere(&self, job: impl Fn(&Rc<Worker>) + Clone + Send + 'static) {
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

    fn put(&self, worker: usize, job: Job) {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = inboxes.get(worker) {
            inbox.put(job);
        }
    }
}

impl Inbox {
    fn put(&self, job: Job) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.push(job);
        drop(jobs);
        self.waker.wake();
    }

    fn take(&self) -> Vec<Job> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *jobs)
    }
}

/// See the module.
pub struct Worker {
    pub engine: Arc<Engine>,
    pub index: usize,
    inbox: Arc<Inbox>,
    links: RefCell<HashMap<Arc<str>, Rc<Link>>>,
    deadlines: RefCell<BTreeSet<(u64, Arc<str>)>>,
    /// Links that have something for a held poll; answered at the next turn, so that what is sent
    /// in one turn leaves in one answer.
    to_flush: RefCell<Vec<Rc<Link>>>,
    next_number: Cell<u64>,
    pub traffic: Cell<Traffic>,
}

impl Worker {
    fn register(engine: Arc<Engine>) -> Self {
        let inbox = Arc::<Inbox>::default();
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
            links: RefCell::default(),
            deadlines: RefCell::default(),
            to_flush: RefCell::default(),
            next_number: Cell::new(0),
            traffic: Cell::default(),
        }
    }

    /// Makes a session known to every thread.
    pub fn insert(&self, link: &Rc<Link>) {
        let mut entries = self
            .engine
            .entries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        entries.insert(link.sid.clone(), link.entry.clone());
        drop(entries);
        let mut links = self.links.borrow_mut();
        links.insert(link.sid.clone(), link.clone());
    }

    pub fn remove(&self, link: &Link) {
        let mut entries = self
            .engine
            .entries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        entries.remove(&link.sid);
        drop(entries);
        self.links.borrow_mut().remove(&link.sid);
    }

    pub fn link(&self, sid: &str) -> Option<Rc<Link>> {
        self.links.borrow().get(sid).cloned()
    }

    /// A new entry for a session of this thread.
    pub fn entry(&self, labels: Option<Arc<Labels>>) -> Arc<Entry> {
        Arc::new(Entry {
            labels,
            worker: self.index,
            posting: AtomicBool::new(false),
            overlapped: Notify::new(),
        })
    }

    /// How many of this thread's sessions are on polling.
    pub fn polling_sessions(&self) -> usize {
        let links = self.links.borrow();
        links
            .values()
            .filter(|link| !link.is_on_websocket())
            .count()
    }

    pub fn count_in(&self, message: &Data) {
        self.count(|traffic| {
            traffic.packets_in += 1;
            traffic.bytes_in += message.len() as u64;
        });
    }

    pub fn count_out(&self, unit: &Unit) {
        self.count_sent(unit.parts().len(), unit.bytes());
    }

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

    /// Calls the link's tick at `at`, or earlier. `scheduled` is what stands in the table.
    pub fn schedule(&self, link: &Link, at: Option<u64>) {
        let scheduled = link.scheduled.get();
        // An entry that is early enough stays: it moves on when its time has come.
        if at == scheduled || matches!((scheduled, at), (Some(s), Some(at)) if s <= at) {
            return;
        }
        let mut deadlines = self.deadlines.borrow_mut();
        if let Some(scheduled) = scheduled {
            deadlines.remove(&(scheduled, link.sid.clone()));
        }
        link.scheduled.set(at);
        if let Some(at) = at {
            let is_first = deadlines.first().is_none_or(|first| at < first.0);
            deadlines.insert((at, link.sid.clone()));
            if is_first {
                self.inbox.waker.wake();
            }
        }
    }

    pub fn flush_later(&self, link: &Rc<Link>) {
        self.to_flush.borrow_mut().push(link.clone());
        self.inbox.waker.wake();
    }

    /// Runs a job at the next turn of this worker's loop.
    pub fn later(&self, job: impl FnOnce(&Rc<Worker>) + Send + 'static) {
        self.inbox.put(Box::new(job));
    }

    fn due(&self, now: u64) -> Vec<Rc<Link>> {
        let mut due = Vec::new();
        let mut deadlines = self.deadlines.borrow_mut();
        while deadlines.first().is_some_and(|first| first.0 <= now)
            && let Some((_, sid)) = deadlines.pop_first()
        {
            if let Some(link) = self.link(&sid) {
                link.scheduled.set(None);
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

    /// Lets this thread's connections read, and takes what other threads have read. Were it not
    /// for this, a thread that was held up would end sessions whose pong lies unread in a socket.
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
