//! Clients of one row in one channel, those of `pushlab run`, on this thread.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use pushlab::{
    catalogue::Fetching,
    channel::{ChannelName, StreamPosition},
    client::{
        ClientContext, Cursor, Ended, Inbox, Tally, Target, connection::SimulatedLink, steps::Steps,
    },
    run::{lanes::Row, plan::Plan},
};
use serde_json::value::RawValue;
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
    task::{JoinHandle, LocalSet, yield_now},
    time::timeout,
};

use crate::lab::{Lab, PATIENCE};

/// Bytes of a publication's data.
pub const DATA_BYTES: usize = 60;

pub fn data(bytes: usize) -> Box<RawValue> {
    const AROUND: usize = r#"{"pad":""}"#.len();
    let text = format!(r#"{{"pad":"{}"}}"#, "x".repeat(bytes - AROUND));
    RawValue::from_string(text).expect("an object is JSON")
}

pub fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).expect("a valid name")
}

/// Where nobody is asked.
pub fn nowhere() -> Target {
    Target {
        address: ([127, 0, 0, 1], 1).into(),
        host: "127.0.0.1:1".to_owned(),
        link: SimulatedLink::default(),
        tls: None,
        compress: None,
        coding: None,
    }
}

/// A lab, and what clients of it run in. Nothing of theirs goes on outside of [`Self::run`].
pub struct Stage {
    // In this order they end: no lab waits for clients that nobody runs any more.
    tasks: LocalSet,
    runtime: Runtime,
    pub lab: Rc<Lab>,
}

impl Stage {
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        Self {
            tasks: LocalSet::new(),
            runtime: runtime.expect("a runtime can be built"),
            lab: Rc::new(Lab::start()),
        }
    }

    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.tasks.block_on(&self.runtime, work)
    }
}

/// What all clients of a row got together.
#[derive(Default)]
pub struct Arrivals {
    subscribed: Cell<u64>,
    publications: Cell<u64>,
    failure: RefCell<Option<String>>,
    changed: Notify,
}

impl Inbox for Arrivals {
    fn subscribed(&self, _at_us: u64) {
        self.subscribed.set(self.subscribed.get() + 1);
        self.changed.notify_one();
    }

    fn publication(&self, data: &str, _at_us: u64) {
        assert_eq!(data.len(), DATA_BYTES, "what was published: {data}");
        self.publications.set(self.publications.get() + 1);
        self.changed.notify_one();
    }

    fn failed(&self, why: &Ended) {
        self.failure.replace(Some(why.to_string()));
        self.changed.notify_one();
    }
}

impl Arrivals {
    /// So many publications since the start.
    pub fn publications(&self) -> u64 {
        self.publications.get()
    }

    /// Resolves when there are so many.
    pub async fn until_publications(&self, count: u64) {
        self.until(|| self.publications.get() >= count).await;
        assert_eq!(self.publications.get(), count, "each comes once");
    }

    /// Resolves when so many are in the channel.
    pub async fn until_subscribed(&self, count: u64) {
        self.until(|| self.subscribed.get() >= count).await;
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        let waiting = async {
            while !is_so() {
                if let Some(why) = &*self.failure.borrow() {
                    panic!("a client ended: {why}");
                }
                self.changed.notified().await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("it comes in time");
    }
}

/// How clients of a group are.
#[derive(Clone)]
pub struct Kind {
    pub row: Row,
    pub channel: ChannelName,
    /// Where they go on from.
    pub from: Option<StreamPosition>,
    /// Each poll is sent when it is told to.
    pub is_stepped: bool,
    /// How long polls ask to be held.
    pub hold: Duration,
}

impl Kind {
    /// Of the lane as it is. Who asks at intervals is stepped: the interval is nobody's cost.
    pub fn new(row: Row, channel: ChannelName) -> Self {
        let fetching = row.lane().map(|lane| lane.fetching);
        Self {
            is_stepped: fetching == Some(Fetching::ShortPolls),
            row,
            channel,
            from: None,
            hold: Duration::from_secs(25),
        }
    }
}

/// See the module. Dropping them closes their connections.
pub struct Clients {
    lab: Rc<Lab>,
    row: Row,
    pub arrivals: Rc<Arrivals>,
    tally: Rc<Tally>,
    steps: Vec<Rc<Steps>>,
    tasks: Vec<JoinHandle<()>>,
    /// What the lab had read on the lane before.
    read_before: u64,
}

impl Clients {
    /// Starts to connect. Inside of [`Stage::run`].
    pub fn start(lab: &Rc<Lab>, kind: &Kind, count: usize) -> Self {
        let lane = kind.row.lane().expect("a row of a lane");
        let mut clients = Self {
            lab: lab.clone(),
            row: kind.row.clone(),
            arrivals: Rc::default(),
            tally: Rc::default(),
            steps: Vec::new(),
            tasks: Vec::new(),
            read_before: lab.counted(lane).totals.bytes_up,
        };
        for index in 0..count {
            clients.start_one(kind, index, count);
        }
        clients
    }

    fn start_one(&mut self, kind: &Kind, index: usize, count: usize) {
        let mut plan = Plan {
            clients: count,
            ..Plan::default()
        };
        plan.hold.0 = kind.hold;
        let app_key = Some(&*self.lab.app_key);
        let client = kind.row.client(&plan, index, app_key, None);
        let mut client = client.expect("every lane has a client");
        let target = self.lab.target(kind.row.lane().expect("a row of a lane"));
        let steps = kind.is_stepped.then(Rc::<Steps>::default);
        self.steps.extend(steps.clone());
        let (arrivals, tally) = (self.arrivals.clone(), self.tally.clone());
        let (channel, mut cursor) = (kind.channel.clone(), Cursor(kind.from.clone()));
        self.tasks.push(tokio::task::spawn_local(async move {
            let ended = client
                .follow(&mut ClientContext {
                    target: &target,
                    other: None,
                    channel: channel.as_str(),
                    outbox: None,
                    cursor: &mut cursor,
                    inbox: &*arrivals,
                    tally: &tally,
                    stopping: &Cell::new(false),
                    steps: steps.as_deref(),
                    // RST, or thousands of closed connections would keep their ports for a minute.
                    cut: &Rc::new(Cell::new(true)),
                })
                .await;
            arrivals.failed(&ended);
        }));
    }

    /// Resolves when all of them are in the channel and [ready](Self::ready).
    pub async fn enter(&self) {
        let wanted = self.tasks.len() as u64;
        let deadline = Instant::now() + PATIENCE;
        while self.arrivals.subscribed.get() < wanted {
            // A session takes several polls to get there.
            let waiting = self.steps.iter().filter(|steps| steps.is_waiting());
            waiting.for_each(|steps| steps.go());
            self.wait_a_little(deadline).await;
        }
        self.ready().await;
    }

    /// Resolves when the lab has read every byte that they sent: polls are held, pongs are in. No more is
    /// under way than what the next exchange brings.
    pub async fn ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        let lane = self.row.lane().expect("a row of a lane");
        let is_ready = || {
            let read = self.lab.counted(lane).totals.bytes_up - self.read_before;
            read == self.tally.up.total.get() && self.steps.iter().all(|steps| steps.is_waiting())
        };
        while !is_ready() {
            self.wait_a_little(deadline).await;
        }
    }

    async fn wait_a_little(&self, deadline: Instant) {
        if let Some(why) = &*self.arrivals.failure.borrow() {
            panic!("{}: a client ended: {why}", self.row.name);
        }
        assert!(Instant::now() < deadline, "{}: in time", self.row.name);
        yield_now().await;
    }

    /// Lets those that are stepped ask once. Nothing for others, which have asked.
    pub fn ask(&self) {
        self.steps.iter().for_each(|steps| steps.go());
    }

    /// Resolves when those that are stepped have read their answers.
    pub async fn answered(&self) {
        for steps in &self.steps {
            let waiting = timeout(PATIENCE, steps.waiting()).await;
            waiting.expect("a poll is answered in time");
        }
    }

    /// Closes them; resolves when the lab has noticed.
    pub async fn leave(self) {
        let (lab, row) = (self.lab.clone(), self.row.clone());
        let lane = row.lane().expect("a row of a lane");
        let deadline = Instant::now() + PATIENCE;
        drop(self);
        while lab.counted(lane).connections_open > 0 {
            assert!(Instant::now() < deadline, "{}: left in time", row.name);
            yield_now().await;
        }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
