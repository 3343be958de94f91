//! One pass: some rows at once, the schedule once. Clients first, then the publisher, then what
//! both sides counted.
//!
//! ```text
//! clients connect ─► all in the channel ─► warm-up ─► measured ────────► drain ─► clients close
//!                                                  ▲ snapshot          ▲ snapshot           ▲ snapshot
//! ```

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
    time::{sleep, timeout_at},
};

use super::{
    blobs::{self, BlobPlan, Blobs, Deaf},
    collector::{ClientInbox, Collected, Collector, Timetable, empty_histogram, record},
    conditions::PlannedConditions,
    execute::RunError,
    figures,
    lab_process::LabProcess,
    lanes::Row,
    plan::{Balance, BlobOn, Plan, PublishBy},
    poll_bytes::PollBytes,
    process::{self, Usage},
    publisher::{Assignment, Publisher},
    server_stats::{Counts, Snapshot},
    source::{Feed, Feeder, Source},
    stream_bytes::{self, MessageBytes, per_publication},
};
use crate::{
    client::{
        Tally,
        back_off::Curve,
        conduct::{self, Conduct, Orders, Outage, Tunnel},
        connection::Road,
        short_poll::PollFor,
        upstream::{self, Outbox},
    },
    clock,
};

/// How long all clients may take to get into their channels, and a little more for each.
const SUBSCRIBE_PATIENCE: Duration = Duration::from_secs(15);
const SUBSCRIBE_PATIENCE_EACH: Duration = Duration::from_millis(5);
/// Clients that connect at the same time: fewer than a listening socket lets wait.
const CONNECT_AT_ONCE: usize = 256;
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
    /// Publisher's stamp → seen by the receiving thread, µs: how far behind that one was.
    pub receive_lag: Histogram<u64>,
    pub scheduled: usize,
    pub published: usize,
    /// Confirmed by the server, over all rows' channels.
    pub acknowledged: u64,
    pub measured_for: Duration,
    pub own_cpu: Duration,
    pub server_cpu: Option<Duration>,
    pub is_partial: bool,
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
    /// What the clients' kernel received; `None` where it does not say.
    pub kernel_down_bytes: Option<u64>,
    pub client_connections: u64,
    pub client_requests: u64,
    /// What a message must cost; `None` where a message is not one publication.
    pub message_bytes_predicted: Option<MessageBytes>,
    /// What a publication must cost on its way up, where clients publish.
    pub up_predicted: Option<MessageBytes>,
    /// Where pollers ask for the latest state.
    pub poll_bytes: Option<PollBytes>,
    /// Only where the row was alone.
    pub server_memory_per_client: Option<f64>,
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

/// How a pass of a run is called.
pub fn name(run_started_us: u64, number: usize) -> String {
    format!("run-{run_started_us}-{number}")
}

/// The channel of a row in a pass of this name.
pub fn channel(name: &str, row: &Row) -> String {
    format!("{name}-{}", row.name)
}

/// Runs one pass. `stop` ends it early, with what there is.
pub async fn pass(
    plan: &Plan,
    labs: &[LabProcess],
    rows: &[Row],
    seed: u64,
    name: &str,
    stop: &mut watch::Receiver<bool>,
) -> Result<Passed, RunError> {
    let local = LocalSet::new();
    let running = rows
        .iter()
        .map(|row| Running {
            row: row.clone(),
            channel: channel(name, row),
            collector: Rc::new(Collector::new(plan.clients)),
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
        conditions,
    };
    let lanes: BTreeSet<&str> = rows.iter().map(|row| row.lane.as_str()).collect();
    // Clients connect under them, and nothing is cut before measuring begins.
    pass.impair(&lanes, clock::now_us() + LONG.as_micros() as u64)
        .await?;
    let passed = local.run_until(pass.run(running, &lanes, stop)).await;
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
    conditions: PlannedConditions,
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

        let timetable = self.timetable()?;
        let began = Instant::now();
        let starts = began + self.until(timetable.from_us);
        // Cuts fall midway between two publications of a periodic schedule. On the beat, one more
        // would be lost at each end than the mean over all phases, which theory gives.
        let half_a_beat = Duration::from_secs_f64(0.5 / self.plan.rate);
        let half_a_beat_us = half_a_beat.as_micros() as u64;
        self.impair(lanes, timetable.from_us - half_a_beat_us)
            .await?;
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
        for row in &running {
            row.collector.begin(self.timetable_of(row, &timetable));
        }
        let receive_lag = Rc::new(RefCell::new(empty_histogram()));
        let (stamps, stamped) = mpsc::channel(STAMPS_MAX);
        let listening = tokio::task::spawn_local(listen(stamped, receive_lag.clone()));
        let publisher = self.source(&running, &timetable, stamps)?;

        let blobs = self.blobs(&running, &timetable);
        let mut is_partial = self.wait(timetable.from_us, &publisher, stop).await;
        // What the warm-up made the receiving side wait is not measured either.
        receive_lag.borrow_mut().reset();
        let from = self.look(server()).await?;
        let waiting = self.wait(timetable.until_us, &publisher, stop);
        is_partial |= tokio::join!(waiting, self.kill_node(timetable.from_us)).0;
        let until = self.look(server()).await?;
        if is_partial {
            publisher.stop();
        }
        while !publisher.is_finished() {
            sleep(Duration::from_millis(5)).await;
        }
        if let Some(blobs) = blobs {
            blobs.finish()?;
        }
        let drained = Instant::now() + self.plan.drain.0;
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
        let mut message_bytes = Vec::new();
        for row in &running {
            message_bytes.push(self.expected_bytes(row, numbers.clone()).await?);
        }
        listening.abort();

        let alone = running.len() == 1;
        let memory = match (before_clients, with_clients) {
            (Some(before), Some(with)) if alone => Some(
                with.memory_bytes.saturating_sub(before.memory_bytes) as f64
                    / self.plan.clients as f64,
            ),
            _ => None,
        };
        let receive_lag = receive_lag.borrow().clone();
        Ok(Passed {
            rows: running
                .iter()
                .zip(message_bytes)
                .filter_map(|(row, expected)| {
                    let mut passed = row.close(&from, &until, &end, punctuality.published)?;
                    passed.server_memory_per_client = memory;
                    passed.message_bytes_predicted = expected.message;
                    passed.up_predicted = expected.up;
                    passed.poll_bytes = expected.poll;
                    Some(passed)
                })
                .collect(),
            publish_lag: punctuality.lag,
            receive_lag,
            scheduled: timetable.intended_us.len(),
            published: punctuality.published,
            acknowledged,
            measured_for: until.at - from.at,
            own_cpu: until.own.cpu.saturating_sub(from.own.cpu),
            server_cpu: until
                .server
                .zip(from.server)
                .map(|(until, from)| until.cpu.saturating_sub(from.cpu)),
            is_partial,
        })
    }

    fn road(&self) -> Road {
        Road {
            one_way: self.plan.round_trip.0 / 2,
        }
    }

    /// Kills the second node when the plan says so.
    async fn kill_node(&self, from_us: u64) {
        let at = self.plan.kill_node_at.0;
        if let ([_, second], false) = (self.labs, at.is_zero()) {
            sleep(self.until(from_us + at.as_micros() as u64)).await;
            second.kill();
        }
    }

    /// Where a client of a row is at home.
    fn node(&self, client: usize) -> &LabProcess {
        &self.labs[client % self.labs.len()]
    }

    /// Starts what posts for those clients of a row that do not send by their own connection.
    fn bring_up(&self, row: &Running, uploads: &mut JoinSet<()>) -> Result<(), RunError> {
        for (client, outbox) in row.outboxes.iter().enumerate() {
            let node = self.node(client);
            if row.row.client(self.plan, client, node.app_key()).sends() {
                continue;
            }
            let target = node.lane(&row.row.lane, self.road())?;
            let (channel, outbox) = (row.channel.clone(), outbox.clone());
            let (collector, tally) = (row.collector.clone(), row.tally.clone());
            uploads.spawn_local(async move {
                let inbox = ClientInbox {
                    collector: &collector,
                    client,
                };
                upstream::post_all(&target, &channel, &outbox, &inbox, tally).await
            });
        }
        Ok(())
    }

    /// Starts what takes the blobs of a row's clients by connections of their own. They end with
    /// the other clients; what they took is in nobody's books.
    fn bring_blobs(
        &self,
        row: &Running,
        orders: &watch::Sender<Orders>,
        clients: &mut JoinSet<()>,
    ) -> Result<(), RunError> {
        if self.plan.blob_every.0.is_zero() || self.plan.blob_on == BlobOn::Same {
            return Ok(());
        }
        for client in 0..self.plan.clients {
            let node = self.node(client);
            let way = row.row.client(self.plan, client, node.app_key());
            let conduct = Conduct {
                target: node.lane(&row.row.lane, self.road())?,
                other: None,
                fail_over: None,
                outbox: None,
                back_off: Curve::named(self.plan.back_off, self.plan.back_off_first.0),
                channel: blobs::channel(&row.channel),
                resume: false,
            };
            let orders = orders.subscribe();
            clients.spawn_local(async move {
                conduct::follow(way, conduct, &Deaf, Rc::default(), orders).await;
            });
        }
        Ok(())
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
            main: self.labs[0].main().clone(),
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

    fn source(
        &self,
        running: &[Running],
        timetable: &Timetable,
        stamps: mpsc::Sender<u64>,
    ) -> Result<Source, RunError> {
        let (intended_us, first) = (timetable.intended_us.clone(), timetable.first);
        let size_bytes = self.plan.size;
        if self.plan.publish_by == PublishBy::Clients {
            return Ok(Source::Clients(Feeder::spawn(Feed {
                outboxes: running.iter().map(|row| row.outboxes.clone()).collect(),
                intended_us,
                first,
                size_bytes,
            })));
        }
        let assignment = Assignment {
            main: self.labs[0].main().clone(),
            channels: running.iter().map(|row| row.channel.clone()).collect(),
            intended_us,
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
        let lab = &self.labs[0];
        let (channel, size) = (&row.channel, self.plan.size);
        let target = lab.lane(&row.row.lane, Road::default())?;
        let mut expected = ExpectedBytes::default();
        match self.plan.publish_by {
            PublishBy::Run => {
                let epoch = lab.epoch(channel).await?;
                expected.message = per_publication(&row.row, channel, &epoch, numbers, size);
            }
            // What comes down has the confirmations of what went up in it.
            PublishBy::Clients => {
                let sends = row.row.client(self.plan, 0, lab.app_key()).sends();
                expected.up = Some(stream_bytes::up(sends, &target, channel, size));
            }
        }
        if self.plan.poll_for != PollFor::News && row.row.lane == "short-poll" {
            // A lab that does not answer is said by the row's own bytes, which then stand alone.
            expected.poll = PollBytes::learn(&target, channel).await.ok();
        }
        Ok(expected)
    }

    /// What all nodes have counted.
    async fn snapshot(&self) -> Result<Snapshot, RunError> {
        let mut sum = self.labs[0].snapshot().await?;
        let others = self.labs[1..].iter().filter(|lab| !lab.is_killed());
        for lab in others {
            sum.absorb(lab.snapshot().await?);
        }
        Ok(sum)
    }

    /// Starts a row's clients and waits until all are in the channel, or for as long as the plan
    /// says.
    async fn bring_in(
        &self,
        row: &Running,
        orders: &watch::Sender<Orders>,
        clients: &mut JoinSet<()>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), RunError> {
        let waits_for_all = self.plan.arrive_within.0.is_zero();
        let patience = match waits_for_all {
            true => {
                let effect = figures::effect(self.plan, &row.row);
                let distance = effect.down + effect.up + effect.jitter * 2;
                SUBSCRIBE_PATIENCE
                    + SUBSCRIBE_PATIENCE_EACH * self.plan.clients as u32
                    + (self.plan.round_trip.0 + distance) * 8
            }
            false => self.plan.arrive_within.0,
        };
        let deadline = Instant::now() + patience;
        for client in 0..self.plan.clients {
            let node = self.node(client);
            let way = row.row.client(self.plan, client, node.app_key());
            let other = match self.plan.balance {
                Balance::Sticky => None,
                Balance::Alternate => {
                    let next = self.node(client + 1);
                    Some(next.lane(&row.row.lane, self.road())?)
                }
            };
            let conduct = Conduct {
                target: node.lane(&row.row.lane, self.road())?,
                other,
                fail_over: match self.plan.kill_node_at.0.is_zero() {
                    true => None,
                    false => Some(self.node(client + 1).lane(&row.row.lane, self.road())?),
                },
                outbox: row.outboxes.get(client).cloned(),
                back_off: Curve::named(self.plan.back_off, self.plan.back_off_first.0),
                channel: row.channel.clone(),
                resume: row.row.resume,
            };
            let (collector, tally, orders) =
                (row.collector.clone(), row.tally.clone(), orders.subscribe());
            collector.client_starts(client, clock::now_us());
            clients.spawn_local(async move {
                let inbox = ClientInbox {
                    collector: &collector,
                    client,
                };
                conduct::follow(way, conduct, &inbox, tally, orders).await;
            });
            let most_missing = match client + 1 == self.plan.clients {
                true => 0,
                false => CONNECT_AT_ONCE,
            };
            while client + 1 - row.collector.subscribed() > most_missing {
                let arrival = timeout_at(deadline.into(), row.collector.changed.notified());
                let is_late = tokio::select! {
                    arrived = arrival => arrived.is_err(),
                    _ = stop.wait_for(|stop| *stop) => return Err(RunError::Stopped),
                };
                if is_late && !waits_for_all {
                    break;
                }
                if is_late {
                    return Err(RunError::NotSubscribed {
                        lane: row.row.name.clone(),
                        missing: client + 1 - row.collector.subscribed(),
                        clients: self.plan.clients,
                        why: row
                            .collector
                            .first_reason()
                            .unwrap_or_else(|| "no answer in time".to_owned()),
                    });
                }
            }
        }
        Ok(())
    }

    fn timetable(&self) -> Result<Timetable, RunError> {
        let lead = match self.plan.conditions.is_empty() {
            true => LEAD,
            false => LEAD + LEAD_FOR_CONDITIONS,
        };
        let start_us = clock::now_us() + lead.as_micros() as u64;
        let warm_up_us = self.plan.warm_up.0.as_micros() as u64;
        let instants = self.plan.instants(self.seed)?;
        Ok(Timetable {
            first: instants
                .iter()
                .filter(|at_us| **at_us <= warm_up_us)
                .count(),
            intended_us: instants.iter().map(|at_us| start_us + at_us).collect(),
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
        })
    }

    fn until(&self, at_us: u64) -> Duration {
        Duration::from_micros(at_us.saturating_sub(clock::now_us()))
    }

    /// Sleeps up to an instant; true when the run is to stop or publishing has failed before.
    async fn wait(&self, at_us: u64, publisher: &Source, stop: &mut watch::Receiver<bool>) -> bool {
        const LOOK_EVERY: Duration = Duration::from_millis(200);
        loop {
            let left = self.until(at_us);
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

    async fn look(&self, server: Option<Usage>) -> Result<Look, RunError> {
        Ok(Look {
            at: Instant::now(),
            own: process::usage(std::process::id()).unwrap_or_default(),
            server,
            snapshot: self.snapshot().await?,
        })
    }
}

/// See [`RowPassed`].
#[derive(Default)]
struct ExpectedBytes {
    message: Option<MessageBytes>,
    up: Option<MessageBytes>,
    poll: Option<PollBytes>,
}

/// Both sides at one instant.
struct Look {
    at: Instant,
    own: Usage,
    server: Option<Usage>,
    snapshot: Snapshot,
}

impl Running {
    fn close(
        &self,
        from: &Look,
        until: &Look,
        end: &Snapshot,
        published: usize,
    ) -> Option<RowPassed> {
        let lane = self.row.lane()?;
        let counts = until.snapshot.of(lane, &self.channel);
        Some(RowPassed {
            row: self.row.clone(),
            collected: self.collector.close(published),
            clients: self.collector.clients(),
            counts: counts.since(from.snapshot.of(lane, &self.channel)),
            whole: end.of(lane, &self.channel),
            kernel_down_bytes: (!self.tally.kernel_silent.get())
                .then(|| self.tally.kernel_down.get()),
            client_connections: self.tally.connections.get(),
            client_requests: self.tally.requests.get(),
            message_bytes_predicted: None,
            up_predicted: None,
            poll_bytes: None,
            server_memory_per_client: None,
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
