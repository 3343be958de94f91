//! One pass: some rows at once, the schedule once. Clients first, then the publisher, then what
//! both sides counted.
//!
//! ```text
//! clients connect ─► all in the channel ─► warm-up ─► measured ────────► drain ─► clients close
//!                                                  ▲ snapshot          ▲ snapshot           ▲ snapshot
//! ```

mod clients;

use std::{
    cell::RefCell,
    collections::BTreeSet,
    ops::RangeInclusive,
    rc::Rc,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::{
    sync::{mpsc, watch},
    task::{JoinSet, LocalSet},
    time::sleep,
};

use super::{
    blobs::{self, BlobPlan, Blobs},
    bytes::{Answers, Model},
    collector::{Collected, Collector, Timetable, empty_histogram, record},
    conditions::PlannedConditions,
    error::RunError,
    lab_process::LabProcess,
    lanes::Row,
    names,
    plan::{BlobOn, Plan, PublishBy},
    poll_bytes::PollBytes,
    process::{self, Usage},
    publisher::{Assignment, Publisher},
    schedule::Kind,
    server_stats::{Counts, Snapshot},
    source::{Feed, Feeder, Source},
    upstream_bytes::{self, UpBytes},
    validity,
};
use crate::{
    channel::{ChannelName, Epoch},
    client::{
        Tally,
        connection::Road,
        lifecycle::{Orders, Outage, Tunnel},
        upstream::Outbox,
    },
    clock,
};

/// Between the last client's arrival and the first instant of the schedule.
const LEAD: Duration = Duration::from_millis(50);
/// For telling the lab when conditions begin to count.
const LEAD_FOR_CONDITIONS: Duration = Duration::from_millis(250);
/// Longer than clients take to get in.
const LONG: Duration = Duration::from_secs(3_600);
/// Stamps that may wait for the receiving side.
const STAMPS_MAX: usize = 4_096;

/// What one pass gave.
pub struct Passed {
    pub rows: Vec<RowPassed>,
    /// Intended → written by the publisher, µs.
    pub publish_lag: Histogram<u64>,
    /// Meant to wake → woke of the publisher's thread, µs.
    pub wake_lag: Histogram<u64>,
    /// Publisher's stamp → seen by the receiving thread, µs: how far behind that one was.
    pub receive_lag: Histogram<u64>,
    pub scheduled: usize,
    pub published: usize,
    /// Confirmed by the server, over all rows' channels.
    pub acknowledged: u64,
    /// How many it was to confirm.
    pub to_acknowledge: u64,
    pub measured_for: Duration,
    pub own_cpu: Duration,
    pub server_cpu: Option<Duration>,
    pub is_partial: bool,
}

impl Passed {
    /// Whether the generator woke or looked at its sockets too late: whatever came out, so that
    /// doing it again favours no result.
    pub fn is_late(&self) -> bool {
        validity::is_late(&self.wake_lag) || validity::is_late(&self.receive_lag)
    }

    /// Its server's process had clients before these.
    pub fn in_used_process(&mut self) {
        for row in &mut self.rows {
            row.server_memory = row.server_memory.map(|_| ServerMemory::UsedProcess);
        }
    }

    /// Takes over what an earlier try of the same pass found of the server's memory, which no late
    /// generator changes.
    pub fn with_memory_of(mut self, earlier: &Self) -> Self {
        for row in &mut self.rows {
            let same = earlier.rows.iter().find(|found| found.row == row.row);
            row.server_memory = same.and_then(|found| found.server_memory);
        }
        self
    }

    /// The same, of a run that was stopped.
    pub fn as_partial(self) -> Self {
        Self {
            is_partial: true,
            ..self
        }
    }
}

/// What one pass gave for a row.
pub struct RowPassed {
    pub row: Row,
    pub collected: Collected,
    pub clients: usize,
    /// While it was measured.
    pub counts: Counts,
    /// From the first connection to the last close.
    pub whole: Counts,
    /// The clients counted, for the server is no lab: nothing is known of `whole`.
    pub counted_at_client: bool,
    /// What the clients' kernel received; `None` where it does not say.
    pub kernel_down_bytes: Option<u64>,
    pub client_connections: u64,
    pub client_requests: u64,
    /// What its messages must cost; `None` where the server is none of ours, or what it
    /// answers is not known to the byte.
    pub model: Option<Model>,
    pub answers: Answers,
    /// What a publication must cost on its way up, where clients publish.
    pub up_predicted: Option<UpBytes>,
    /// Where pollers ask for the latest state.
    pub poll_bytes: Option<PollBytes>,
    /// Only where the row was alone in its pass.
    pub server_memory: Option<ServerMemory>,
    pub flow: Flow,
}

/// What the clients of a row that was alone added to the resident memory of the server's process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ServerMemory {
    /// Bytes, over the first clients that the process ever had.
    PerClient(f64),
    /// The process had served a pass before. What that one allocated and freed is still resident
    /// and is used again, so that the difference to just before this pass is too small, often
    /// nothing: it is the allocator's, not the lane's.
    UsedProcess,
    /// It shrank while the clients came.
    Shrank,
}

impl ServerMemory {
    fn grown(before_bytes: u64, with_bytes: u64, clients: usize) -> Self {
        match with_bytes.checked_sub(before_bytes) {
            Some(grown) => Self::PerClient(grown as f64 / clients.max(1) as f64),
            None => Self::Shrank,
        }
    }

    /// Why there is no figure.
    pub fn objection(self) -> Option<&'static str> {
        match self {
            Self::PerClient(_) => None,
            Self::UsedProcess => Some(
                "an earlier pass left memory in the server's process, which this one used again; \
                 a run of one lane, once (--lanes NAME), starts a new process and measures it",
            ),
            Self::Shrank => Some("the server's memory shrank while the clients came"),
        }
    }
}

/// How long what was published may be on its way: a short poll asks for the last only after its
/// interval, and what was not asked for yet is not lost. Nobody waits for what has arrived.
fn patience(plan: &Plan) -> Duration {
    plan.drain.0 + plan.poll_interval.0
}

/// What went through while it was measured, whatever it was that came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flow {
    pub measured_for: Duration,
    /// The generator's processor time.
    pub own_cpu: Duration,
    /// Deliveries that came in this time, and those that were due in it.
    pub received: u64,
    pub due: u64,
    /// Due at its end and not there yet, over all clients.
    pub backlog: u64,
    /// Clients whose deliveries are counted here.
    pub clients: usize,
    /// Each answer holds the newest publication, new to the client or not.
    pub is_of_latest: bool,
    /// From the schedule's start until the messages of the lab's plan were used up.
    pub quota_s: Option<f64>,
}

/// A row at work.
struct Running {
    row: Row,
    channel: String,
    collector: Rc<Collector>,
    tally: Rc<Tally>,
    /// Of each client; empty where the run publishes.
    outboxes: Vec<Rc<Outbox>>,
}

/// Runs one pass, of a seed and a name. `bar` is told how far it is; `stop` ends it early, with what there is.
pub async fn pass(
    plan: &Plan,
    labs: &[LabProcess],
    rows: &[Row],
    (seed, name): (u64, &str),
    bar: &dyn Fn(f64),
    stop: &mut watch::Receiver<bool>,
) -> Result<Passed, RunError> {
    let local = LocalSet::new();
    let running = rows
        .iter()
        .enumerate()
        .map(|(index, row)| Running {
            row: row.clone(),
            channel: names::channel(name, index),
            collector: Rc::new(Collector::new(
                plan.clients,
                plan.slow_readers,
                plan.may_be_refused,
            )),
            tally: Rc::default(),
            outboxes: match plan.publish_by {
                PublishBy::Run => Vec::new(),
                PublishBy::Clients => (0..plan.clients).map(|_| Rc::default()).collect(),
            },
        })
        .collect();
    let conditions = plan.conditions()?;
    let pass = Pass {
        plan,
        labs,
        seed,
        quota: RefCell::default(),
        bar,
        conditions,
    };
    let lanes: BTreeSet<&str> = rows.iter().map(|row| row.lane.as_str()).collect();
    // Clients connect under them, and nothing is cut before measuring begins.
    let from_us = clock::now_us() + LONG.as_micros() as u64;
    let passed = match pass.impair(&lanes, from_us).await {
        Ok(()) => local.run_until(pass.run(running, &lanes, stop)).await,
        Err(error) => Err(error),
    };
    // Also after a failure: a lab that goes on is left as it was found.
    let cleared = pass.clear(&lanes).await;
    let passed = passed?;
    cleared?;
    Ok(passed)
}

struct Pass<'a> {
    plan: &'a Plan,
    /// The nodes; the run publishes on the first.
    labs: &'a [LabProcess],
    seed: u64,
    quota: RefCell<Quota>,
    /// Told how much of the pass is over, 0 to 1.
    bar: &'a dyn Fn(f64),
    conditions: PlannedConditions,
}

/// How a plan's messages are used up: looked at now and then, the instant between two looks in
/// proportion.
#[derive(Default)]
struct Quota {
    /// When it was looked at, and how many had been counted.
    last: Option<(u64, u64)>,
    used_up_us: Option<f64>,
}

impl Quota {
    fn saw(&mut self, at_us: u64, counted: u64, limit: u64) {
        if let Some((before_us, before)) = self.last.replace((at_us, counted))
            && self.used_up_us.is_none()
            && before < limit
            && counted >= limit
        {
            let share = (limit - before) as f64 / (counted - before) as f64;
            self.used_up_us = Some(before_us as f64 + share * (at_us - before_us) as f64);
        }
    }
}

impl Pass<'_> {
    /// Puts the plan's conditions on lanes; what they do at instants of their own counts from
    /// `from_us`.
    async fn impair(&self, lanes: &BTreeSet<&str>, from_us: u64) -> Result<(), RunError> {
        for lane in lanes {
            if let Some(conditions) = self.conditions.of(lane) {
                for lab in self.labs {
                    lab.put_conditions(lane, Some(conditions), self.seed, from_us)
                        .await?;
                }
            }
        }
        Ok(())
    }

    async fn clear(&self, lanes: &BTreeSet<&str>) -> Result<(), RunError> {
        for lane in lanes {
            if self.conditions.of(lane).is_some() {
                for lab in self.labs.iter().filter(|lab| !lab.is_killed()) {
                    lab.put_conditions(lane, None, self.seed, 0).await?;
                }
            }
        }
        Ok(())
    }

    async fn run(
        &self,
        running: Vec<Running>,
        lanes: &BTreeSet<&str>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Passed, RunError> {
        let server = || match self.labs {
            [lab] => lab.pid().and_then(process::usage),
            _ => None,
        };
        let before_clients = server();
        let (orders, _) = watch::channel(Orders::default());
        let (mut clients, mut uploads) = (JoinSet::new(), JoinSet::new());
        for row in &running {
            self.bring_in(row, &orders, &mut clients, stop).await?;
            self.bring_up(row, &mut uploads)?;
            self.bring_blobs(row, &orders, &mut clients)?;
        }
        let with_clients = server();

        let (timetable, publish_us) = self.timetable()?;
        let began = Instant::now();
        let starts = began + self.until(timetable.from_us);
        self.impair(lanes, timetable.from_us - self.half_a_beat_us())
            .await?;
        self.order_interruptions(starts, &orders);
        for row in &running {
            row.collector.begin(self.timetable_of(row, &timetable));
        }
        let receive_lag = Rc::new(RefCell::new(empty_histogram()));
        let (stamps, stamped) = mpsc::channel(STAMPS_MAX);
        let listening = tokio::task::spawn_local(listen(stamped, receive_lag.clone()));
        let publisher = self.source(&running, &timetable, publish_us, stamps)?;

        let off_beat_us = self.off_beat_us();
        let (from_us, until_us) = (
            timetable.from_us + off_beat_us,
            timetable.until_us + off_beat_us,
        );
        let blobs = self.blobs(&running, &timetable);
        let mut is_partial = self.wait(from_us, until_us, &publisher, stop).await;
        // What the warm-up made the receiving side wait is not measured either.
        receive_lag.borrow_mut().reset();
        let from = self.look(server(), &running).await?;
        let waiting = self.wait(until_us, until_us, &publisher, stop);
        is_partial |= tokio::join!(waiting, self.kill_node(timetable.from_us)).0;
        let until = self.look(server(), &running).await?;
        if is_partial {
            publisher.stop();
        }
        let drained = self.finish(&publisher, blobs).await?;
        let acknowledged = match &publisher {
            Source::Run(publisher) => Some(publisher.acknowledged()),
            Source::Clients(_) => None,
        };
        let punctuality = publisher.join()?;
        self.drain(&running, punctuality.published, drained, stop)
            .await;
        orders.send_modify(|orders| orders.stop = true);
        while clients.join_next().await.is_some() {}
        uploads.shutdown().await;
        let end = self.snapshot().await?;
        let acknowledged = match acknowledged {
            Some(acknowledged) => acknowledged.load(Ordering::Relaxed),
            None => running.iter().map(|row| row.collector.acknowledged()).sum(),
        };
        let numbers = timetable.first as u64 + 1..=punctuality.published as u64;
        let mut expected = Vec::new();
        for row in &running {
            expected.push(self.expected_bytes(row, numbers.clone()).await?);
        }
        listening.abort();

        let alone = running.len() == 1;
        let memory = match (before_clients, with_clients) {
            (Some(before), Some(with)) if alone => Some(ServerMemory::grown(
                before.memory_bytes,
                with.memory_bytes,
                self.plan.clients,
            )),
            _ => None,
        };
        let receive_lag = receive_lag.borrow().clone();
        Ok(Passed {
            rows: running
                .iter()
                .zip(expected)
                .enumerate()
                .filter_map(|(index, (row, expected))| {
                    let mut passed =
                        row.close(index, &from, &until, &end, punctuality.published)?;
                    passed.flow = Flow {
                        is_of_latest: row.row.is_of_latest(self.plan),
                        ..self.flow(&timetable, (&from, &until), index)
                    };
                    passed.server_memory = memory;
                    passed.model = expected.model;
                    passed.up_predicted = expected.up;
                    passed.poll_bytes = expected.poll;
                    Some(passed)
                })
                .collect(),
            publish_lag: punctuality.lag,
            wake_lag: punctuality.wake,
            receive_lag,
            // What was not due yet when it was stopped was not missed.
            scheduled: match is_partial {
                true => punctuality.published,
                false => timetable.intended_us.len(),
            },
            published: punctuality.published,
            acknowledged,
            to_acknowledge: match self.lab().way().confirms() {
                true => (punctuality.published * self.channels(&running).len()) as u64,
                false => 0,
            },
            measured_for: until.at - from.at,
            own_cpu: until.own.cpu.saturating_sub(from.own.cpu),
            server_cpu: until
                .server
                .zip(from.server)
                .map(|(until, from)| until.cpu.saturating_sub(from.cpu)),
            is_partial,
        })
    }

    /// When everybody is to lose the connection by the clients' own doing. Cuts fall midway
    /// between two publications of a periodic schedule: on the beat, one more would be lost at each
    /// end than the mean over all phases, which theory gives.
    fn order_interruptions(&self, starts: Instant, orders: &watch::Sender<Orders>) {
        let half_a_beat = Duration::from_micros(self.half_a_beat_us());
        if !self.plan.tunnel_every.0.is_zero() {
            let from = starts.checked_sub(half_a_beat).unwrap_or(starts);
            let tunnel = Tunnel {
                period: self.plan.tunnel_every.0,
                away: self.plan.tunnel_away.0,
                from,
                until: from + self.plan.duration.0,
            };
            orders.send_modify(|orders| orders.tunnel = Some(tunnel));
        }
        if !self.plan.outage_at.0.is_zero() {
            let from = starts + self.plan.outage_at.0;
            let until = from + self.plan.outage_for.0;
            orders.send_modify(|orders| orders.outage = Some(Outage { from, until }));
        }
    }

    /// Waits until all was published; gives the end of the patience for what is on its way. A
    /// publisher that a server holds up is given as long as what it published.
    async fn finish(&self, publisher: &Source, blobs: Option<Blobs>) -> Result<Instant, RunError> {
        let drained = Instant::now() + patience(self.plan);
        while !publisher.is_finished() {
            if Instant::now() > drained {
                publisher.stop();
            }
            sleep(Duration::from_millis(5)).await;
        }
        let Some(blobs) = blobs else {
            return Ok(drained);
        };
        blobs.finish()?;
        Ok(Instant::now() + patience(self.plan))
    }

    /// The node that the run publishes on.
    fn lab(&self) -> &LabProcess {
        &self.labs[0]
    }

    /// Kills the second node when the plan says so.
    async fn kill_node(&self, from_us: u64) {
        let at = self.plan.kill_node_at.0;
        if let ([_, second], false) = (self.labs, at.is_zero()) {
            sleep(self.until(from_us + at.as_micros() as u64)).await;
            second.kill();
        }
    }

    /// Blobs midway between two publications, the first after half of its time.
    fn blobs(&self, running: &[Running], timetable: &Timetable) -> Option<Blobs> {
        let every_us = self.plan.blob_every.0.as_micros() as u64;
        if every_us == 0 {
            return None;
        }
        let first_us = timetable.from_us + every_us / 2 + self.half_a_beat_us();
        let instants_us = (first_us..timetable.until_us).step_by(every_us as usize);
        let channels = running.iter().map(|row| match self.plan.blob_on {
            BlobOn::Same => row.channel.clone(),
            BlobOn::Own => blobs::channel(&row.channel),
        });
        Some(Blobs::spawn(BlobPlan {
            main: self.lab().main().clone(),
            channels: channels.collect(),
            size_bytes: self.plan.blob_size,
            instants_us: instants_us.collect(),
        }))
    }

    fn half_a_beat_us(&self) -> u64 {
        (0.5e6 / self.plan.rate) as u64
    }

    /// The timetable of one row: a lane whose conditions cut everybody off has an outage of no
    /// length, after which its clients come back or do not.
    fn timetable_of(&self, row: &Running, timetable: &Timetable) -> Timetable {
        let mut timetable = timetable.clone();
        if let Some(after) = self.conditions.cut_after(&row.row.lane) {
            let from_us = timetable.from_us - self.half_a_beat_us();
            let cut_us = from_us + after.as_micros() as u64;
            timetable.outage_us.get_or_insert((cut_us, cut_us));
        }
        timetable
    }

    /// What publishes, at these instants.
    fn source(
        &self,
        running: &[Running],
        timetable: &Timetable,
        publish_us: Vec<u64>,
        stamps: mpsc::Sender<u64>,
    ) -> Result<Source, RunError> {
        let (first, size_bytes) = (timetable.first, self.plan.size);
        if self.plan.publish_by == PublishBy::Clients {
            let feed = Feed {
                outboxes: running.iter().map(|row| row.outboxes.clone()).collect(),
                publish_us,
                first,
                size_bytes,
            };
            return Ok(Source::Clients(Feeder::spawn(feed, stamps)));
        }
        let assignment = Assignment {
            way: self.lab().way(),
            channels: self.channels(running),
            publish_us,
            first,
            size_bytes,
        };
        Ok(Source::Run(Publisher::spawn(assignment, stamps)?))
    }

    /// What a row's bytes must come to.
    async fn expected_bytes(
        &self,
        row: &Running,
        numbers: RangeInclusive<u64>,
    ) -> Result<ExpectedBytes, RunError> {
        if self.lab().peer().is_some() {
            return Ok(ExpectedBytes::default());
        }
        let mut expected = ExpectedBytes {
            model: self.model(row, numbers).await?,
            ..ExpectedBytes::default()
        };
        let target = self.lab().lane(&row.row.lane, Road::default())?;
        if self.plan.publish_by == PublishBy::Clients {
            let sends = self.way(row, 0).sends();
            let size = self.plan.size;
            expected.up = Some(upstream_bytes::up(sends, &target, &row.channel, size));
        }
        if row.row.samples(self.plan) {
            // A lab that does not answer is said by the row's own bytes, which then stand alone.
            expected.poll = PollBytes::learn(&target, &row.channel).await.ok();
        }
        Ok(expected)
    }

    /// What a row's messages must cost, where each is the publications that the run made and
    /// nothing else: no confirmations of what clients published, no blobs, no greetings of clients
    /// that come back, no polls without a cursor, no clients that are turned away or leave what
    /// was sent unread, and one node's epoch.
    async fn model(
        &self,
        row: &Running,
        numbers: RangeInclusive<u64>,
    ) -> Result<Option<Model>, RunError> {
        let plan = self.plan;
        let has_blobs = !plan.blob_every.0.is_zero() && plan.blob_on == BlobOn::Same;
        let is_plain = !row.row.samples(plan)
            && plan.publish_by == PublishBy::Run
            && plan.nodes == 1
            && !has_blobs
            && plan.outage_at.0.is_zero()
            && plan.slow_readers + plan.may_be_refused == 0;
        if !is_plain {
            return Ok(None);
        }
        let lab = self.lab();
        let epoch = lab.epoch(&row.channel).await?;
        let names = ChannelName::parse(&row.channel)
            .ok()
            .zip(Epoch::parse(&epoch));
        let lane = lab.lane(&row.row.lane, Road::default())?;
        Ok(names.map(|(channel, epoch)| Model {
            row: row.row.clone(),
            channel,
            epoch,
            size_bytes: plan.size,
            clients: plan.clients as u64,
            numbers,
            lane,
            app_key: lab.app_key().unwrap_or_default().to_owned(),
            hold_ms: plan.hold.0.as_millis() as u64,
        }))
    }

    /// What all nodes have counted.
    async fn snapshot(&self) -> Result<Snapshot, RunError> {
        let mut sum = self.lab().snapshot().await?;
        let others = self.labs[1..].iter().filter(|lab| !lab.is_killed());
        for lab in others {
            sum.absorb(lab.snapshot().await?);
        }
        Ok(sum)
    }

    /// Where publications go: to each row's channel, or to everybody at once.
    fn channels(&self, running: &[Running]) -> Vec<String> {
        let each = running.iter().map(|row| row.channel.clone());
        match self.lab().peer() {
            Some(peer) if peer.has_one_channel() => each.take(1).collect(),
            _ => each.collect(),
        }
    }

    /// With the instants at which to publish.
    fn timetable(&self) -> Result<(Timetable, Vec<u64>), RunError> {
        let lead = match self.plan.conditions.is_empty() {
            true => LEAD,
            false => LEAD + LEAD_FOR_CONDITIONS,
        };
        let start_us = clock::now_us() + lead.as_micros() as u64;
        let warm_up_us = self.plan.warm_up.0.as_micros() as u64;
        let all = self.plan.publications(self.seed)?;
        let timetable = Timetable {
            first: all.iter().filter(|(at_us, _)| *at_us <= warm_up_us).count(),
            intended_us: all.iter().map(|(at_us, _)| start_us + at_us).collect(),
            from_us: start_us + warm_up_us,
            until_us: start_us + warm_up_us + self.plan.duration.0.as_micros() as u64,
            publishers: match self.plan.publish_by {
                PublishBy::Run => None,
                PublishBy::Clients => Some(self.plan.clients),
            },
            outage_us: {
                let us = |span: Duration| span.as_micros() as u64;
                let cut_us = start_us + warm_up_us + us(self.plan.outage_at.0);
                let until_us = cut_us + us(self.plan.outage_for.0);
                (!self.plan.outage_at.0.is_zero()).then_some((cut_us, until_us))
            },
        };
        let publish_us = all.iter().map(|(_, at_us)| start_us + at_us).collect();
        Ok((timetable, publish_us))
    }

    /// How long after the measured time's ends both sides are looked at: midway between two
    /// publications of a periodic schedule, where nothing is under way. On the beat, one would be
    /// counted by halves.
    fn off_beat_us(&self) -> u64 {
        const MOST_US: f64 = 100_000.0;
        match self.plan.schedule {
            Kind::Periodic => (0.5e6 / self.plan.rate).min(MOST_US) as u64,
            Kind::Poisson | Kind::Bursty | Kind::Replay => 0,
        }
    }

    fn until(&self, at_us: u64) -> Duration {
        Duration::from_micros(at_us.saturating_sub(clock::now_us()))
    }

    /// Sleeps up to an instant; true when the run is to stop or publishing has failed before.
    async fn wait(
        &self,
        at_us: u64,
        ends_us: u64,
        publisher: &Source,
        stop: &mut watch::Receiver<bool>,
    ) -> bool {
        const LOOK_EVERY: Duration = Duration::from_millis(200);
        loop {
            let left = self.until(at_us);
            let whole = self.plan.warm_up.0 + self.plan.duration.0;
            let over = whole.saturating_sub(self.until(ends_us));
            (self.bar)(over.as_secs_f64() / whole.as_secs_f64().max(1e-9));
            if *stop.borrow() {
                return true;
            }
            if left.is_zero() {
                return false;
            }
            tokio::select! {
                () = sleep(left.min(LOOK_EVERY)) => {}
                _ = stop.wait_for(|stop| *stop) => return true,
            }
            if self.lab().has_quota()
                && let Ok((counted, limit)) = self.lab().messages().await
            {
                let mut quota = self.quota.borrow_mut();
                quota.saw(clock::now_us(), counted, limit);
            }
            // Nothing more comes; its join tells why.
            if publisher.has_failed() {
                return false;
            }
        }
    }

    async fn drain(
        &self,
        running: &[Running],
        published: usize,
        deadline: Instant,
        stop: &mut watch::Receiver<bool>,
    ) {
        for row in running {
            while !row.collector.is_complete(published) {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() || *stop.borrow() {
                    break;
                }
                tokio::select! {
                    () = sleep(left) => {}
                    () = row.collector.changed.notified() => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            }
        }
    }

    fn flow(&self, timetable: &Timetable, looks: (&Look, &Look), index: usize) -> Flow {
        let (from, until) = looks;
        let received = |look: &Look| look.received.get(index).copied().unwrap_or(0);
        let clients = self.plan.clients - self.plan.slow_readers;
        let (due, due_by_then) = timetable.due();
        Flow {
            measured_for: until.at - from.at,
            own_cpu: until.own.cpu.saturating_sub(from.own.cpu),
            received: received(until) - received(from),
            due: (due * clients) as u64,
            backlog: ((due_by_then * clients) as u64).saturating_sub(received(until)),
            clients,
            is_of_latest: false,
            quota_s: self.quota.borrow().used_up_us.map(|used_up_us| {
                let warm_up_us = self.plan.warm_up.0.as_micros() as f64;
                (used_up_us - timetable.from_us as f64 + warm_up_us) / 1e6
            }),
        }
    }

    fn client_counts(&self, running: &[Running]) -> Option<Vec<Counts>> {
        self.lab().peer()?;
        let counts = running
            .iter()
            .map(|row| Counts::of_clients(&row.tally, row.collector.delivered(), self.plan.size));
        Some(counts.collect())
    }

    async fn look(&self, server: Option<Usage>, running: &[Running]) -> Result<Look, RunError> {
        Ok(Look {
            clients: self.client_counts(running),
            at: Instant::now(),
            received: running.iter().map(|row| row.collector.received()).collect(),
            own: process::usage(std::process::id()).unwrap_or_default(),
            server,
            snapshot: self.snapshot().await?,
        })
    }
}

/// See [`RowPassed`].
#[derive(Default)]
struct ExpectedBytes {
    model: Option<Model>,
    up: Option<UpBytes>,
    poll: Option<PollBytes>,
}

/// Both sides at one instant.
struct Look {
    /// Of the rows in their order, where the clients are the ones that count.
    clients: Option<Vec<Counts>>,
    at: Instant,
    /// By row.
    received: Vec<u64>,
    own: Usage,
    server: Option<Usage>,
    snapshot: Snapshot,
}

impl Running {
    fn close(
        &self,
        index: usize,
        from: &Look,
        until: &Look,
        end: &Snapshot,
        published: usize,
    ) -> Option<RowPassed> {
        let lane = self.row.lane()?;
        let counts = |look: &Look| match &look.clients {
            Some(clients) => clients.get(index).copied().unwrap_or_default(),
            None => look.snapshot.of(lane, &self.channel),
        };
        Some(RowPassed {
            row: self.row.clone(),
            collected: self.collector.close(published),
            clients: self.collector.clients(),
            counts: counts(until).since(counts(from)),
            whole: end.of(lane, &self.channel),
            counted_at_client: until.clients.is_some(),
            kernel_down_bytes: (!self.tally.kernel_silent.get())
                .then(|| self.tally.kernel_down.get()),
            client_connections: self.tally.connections.get(),
            client_requests: self.tally.requests.get(),
            model: None,
            answers: self.tally.answers.take(),
            up_predicted: None,
            poll_bytes: None,
            server_memory: None,
            flow: Flow::default(),
        })
    }
}

/// Records how long the receiving thread takes to notice what another thread tells it.
async fn listen(mut stamps: mpsc::Receiver<u64>, lag: Rc<RefCell<Histogram<u64>>>) {
    while let Some(stamp_us) = stamps.recv().await {
        record(
            &mut lag.borrow_mut(),
            clock::now_us().saturating_sub(stamp_us),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_that_is_not_due_yet_has_lost_nothing() {
        let mut plan = Plan::default();
        plan.poll_interval.0 = Duration::from_secs(10);
        assert!(patience(&plan) >= plan.poll_interval.0 + plan.drain.0);
    }

    #[test]
    fn a_quota_is_used_up_between_two_looks() {
        let mut quota = Quota::default();
        quota.saw(1_000_000, 100, 1_000);
        quota.saw(2_000_000, 700, 1_000);
        assert_eq!(quota.used_up_us, None);
        quota.saw(3_000_000, 1_300, 1_000);
        quota.saw(4_000_000, 1_900, 1_000);
        assert_eq!(quota.used_up_us, Some(2_500_000.0));
    }
}
