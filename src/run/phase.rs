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
    bytes::{Answers, Model},
    collector::{ClientInbox, Collected, Collector, Timetable, empty_histogram, record},
    conditions::PlannedConditions,
    execute::RunError,
    figures,
    lab_process::LabProcess,
    lanes::Row,
    plan::Plan,
    process::{self, Usage},
    publisher::{Assignment, Publisher},
    schedule::Kind,
    server_stats::{Counts, Snapshot},
};
use crate::{
    channel::{ChannelName, Epoch},
    client::{
        Tally, Target,
        conduct::{self, Conduct, Orders, Tunnel},
        connection::Road,
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
    /// How many it was to confirm.
    pub to_acknowledge: u64,
    pub measured_for: Duration,
    pub own_cpu: Duration,
    pub server_cpu: Option<Duration>,
    pub is_partial: bool,
}

/// What one pass gave for a row.
pub struct RowPassed {
    pub row: Row,
    pub collected: Collected,
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
    /// What its messages must cost; `None` where the server is none of ours.
    pub model: Option<Model>,
    pub answers: Answers,
    /// Only where the row was alone.
    pub server_memory_per_client: Option<f64>,
    pub flow: Flow,
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
}

/// Runs one pass, of a seed and a name. `bar` is told how far it is; `stop` ends it early, with what there is.
pub async fn pass(
    plan: &Plan,
    lab: &LabProcess,
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
            // As long for every row, so that none has more bytes for its name.
            channel: format!("{name}-{index:02}"),
            collector: Rc::new(Collector::new(plan.clients, plan.slow_readers)),
            tally: Rc::default(),
        })
        .collect();
    let conditions = plan.conditions()?;
    let pass = Pass {
        plan,
        lab,
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
    lab: &'a LabProcess,
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
                self.lab
                    .put_conditions(lane, Some(conditions), self.seed, from_us)
                    .await?;
            }
        }
        Ok(())
    }

    async fn clear(&self, lanes: &BTreeSet<&str>) -> Result<(), RunError> {
        for lane in lanes {
            if self.conditions.of(lane).is_some() {
                self.lab.put_conditions(lane, None, self.seed, 0).await?;
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
        let server = || self.lab.pid().and_then(process::usage);
        let before_clients = server();
        let (orders, _) = watch::channel(Orders::default());
        let mut clients = JoinSet::new();
        for row in &running {
            self.bring_in(row, &orders, &mut clients, stop).await?;
        }
        let with_clients = server();

        let (timetable, publish_us) = self.timetable()?;
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
        for row in &running {
            row.collector.begin(timetable.clone());
        }
        let receive_lag = Rc::new(RefCell::new(empty_histogram()));
        let (stamps, stamped) = mpsc::channel(STAMPS_MAX);
        let listening = tokio::task::spawn_local(listen(stamped, receive_lag.clone()));
        let publisher = Publisher::spawn(
            Assignment {
                way: self.lab.way(),
                channels: self.channels(&running),
                publish_us,
                first: timetable.first,
                size_bytes: self.plan.size,
            },
            stamps,
        )?;

        let off_beat_us = self.off_beat_us();
        let (from_us, until_us) = (
            timetable.from_us + off_beat_us,
            timetable.until_us + off_beat_us,
        );
        let mut is_partial = self.wait(from_us, until_us, &publisher, stop).await;
        // What the warm-up made the receiving side wait is not measured either.
        receive_lag.borrow_mut().reset();
        let from = self.look(server(), &running).await?;
        is_partial |= self.wait(until_us, until_us, &publisher, stop).await;
        let until = self.look(server(), &running).await?;
        if is_partial {
            publisher.stop();
        }
        // One that a server holds up is given as long as what it published.
        let drained = Instant::now() + self.plan.drain.0;
        while !publisher.is_finished() {
            if Instant::now() > drained {
                publisher.stop();
            }
            sleep(Duration::from_millis(5)).await;
        }
        let acknowledged = publisher.acknowledged();
        let punctuality = publisher.join()?;
        self.drain(&running, punctuality.published, drained, stop)
            .await;
        orders.send_modify(|orders| orders.stop = true);
        while clients.join_next().await.is_some() {}
        let end = self.lab.snapshot().await?;
        let numbers = timetable.first as u64 + 1..=punctuality.published as u64;
        let mut models = Vec::new();
        for row in &running {
            models.push(self.model(row, numbers.clone()).await?);
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
                .zip(models)
                .enumerate()
                .filter_map(|(index, (row, model))| {
                    let mut passed =
                        row.close(index, &from, &until, &end, punctuality.published)?;
                    passed.flow = Flow {
                        is_of_latest: row.row.is_of_latest(self.plan),
                        ..self.flow(&timetable, (&from, &until), index)
                    };
                    passed.server_memory_per_client = memory;
                    passed.model = model;
                    Some(passed)
                })
                .collect(),
            publish_lag: punctuality.lag,
            receive_lag,
            scheduled: timetable.intended_us.len(),
            published: punctuality.published,
            acknowledged: acknowledged.load(Ordering::Relaxed),
            to_acknowledge: match self.lab.way().confirms() {
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

    /// Starts a row's clients and waits until all are in the channel.
    async fn bring_in(
        &self,
        row: &Running,
        orders: &watch::Sender<Orders>,
        clients: &mut JoinSet<()>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), RunError> {
        let road = Road {
            one_way: self.plan.round_trip.0 / 2,
            read_bytes_per_s: None,
        };
        let target = self.lab.lane(&row.row.lane, road)?;
        let slow = Target {
            road: Road {
                read_bytes_per_s: Some(self.plan.slow_bytes_per_s),
                ..road
            },
            ..target.clone()
        };
        let effect = figures::effect(self.plan, &row.row);
        let round_trip = self.plan.round_trip.0 + effect.down + effect.up + effect.jitter * 2;
        let patience = SUBSCRIBE_PATIENCE
            + SUBSCRIBE_PATIENCE_EACH * self.plan.clients as u32
            + round_trip * 8;
        let deadline = Instant::now() + patience;
        for client in 0..self.plan.clients {
            let (key, peer) = (self.lab.app_key(), self.lab.peer());
            let way = row.row.client(self.plan, client, key, peer);
            let conduct = Conduct {
                target: match client < self.plan.slow_readers {
                    true => slow.clone(),
                    false => target.clone(),
                },
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
                true => self.plan.may_be_refused,
                false => CONNECT_AT_ONCE,
            };
            while client + 1 - row.collector.subscribed() > most_missing {
                let arrival = timeout_at(deadline.into(), row.collector.changed.notified());
                let is_late = tokio::select! {
                    arrived = arrival => arrived.is_err(),
                    _ = stop.wait_for(|stop| *stop) => return Err(RunError::Stopped),
                };
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

    /// Where publications go: to each row's channel, or to everybody at once.
    fn channels(&self, running: &[Running]) -> Vec<String> {
        let each = running.iter().map(|row| row.channel.clone());
        match self.lab.peer() {
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

    /// What a row's messages must cost.
    async fn model(
        &self,
        row: &Running,
        numbers: RangeInclusive<u64>,
    ) -> Result<Option<Model>, RunError> {
        // Nor is there a model of polls without a cursor, or of clients that are turned away or
        // leave what was sent unread.
        let is_plain = !row.row.is_of_latest(self.plan)
            && self.plan.slow_readers + self.plan.may_be_refused == 0;
        if self.lab.peer().is_some() || !is_plain {
            return Ok(None);
        }
        let epoch = self.lab.epoch(&row.channel).await?;
        let names = ChannelName::parse(&row.channel)
            .ok()
            .zip(Epoch::parse(&epoch));
        let lane = self.lab.lane(&row.row.lane, Road::default())?;
        Ok(names.map(|(channel, epoch)| Model {
            row: row.row.clone(),
            channel,
            epoch,
            size_bytes: self.plan.size,
            clients: self.plan.clients as u64,
            numbers,
            lane,
            app_key: self.lab.app_key().unwrap_or_default().to_owned(),
            hold_ms: self.plan.hold.0.as_millis() as u64,
        }))
    }

    fn until(&self, at_us: u64) -> Duration {
        Duration::from_micros(at_us.saturating_sub(clock::now_us()))
    }

    /// Sleeps up to an instant; true when the run is to stop or publishing has failed before.
    async fn wait(
        &self,
        at_us: u64,
        ends_us: u64,
        publisher: &Publisher,
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
            if self.lab.has_quota()
                && let Ok((counted, limit)) = self.lab.messages().await
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
        self.lab.peer()?;
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
            snapshot: self.lab.snapshot().await?,
        })
    }
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
            counts: counts(until).since(counts(from)),
            whole: end.of(lane, &self.channel),
            counted_at_client: until.clients.is_some(),
            kernel_down_bytes: (!self.tally.kernel_silent.get())
                .then(|| self.tally.kernel_down.get()),
            client_connections: self.tally.connections.get(),
            client_requests: self.tally.requests.get(),
            model: None,
            answers: self.tally.answers.take(),
            server_memory_per_client: None,
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
