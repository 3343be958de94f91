//! One pass: some rows at once, the schedule once. Clients first, then the publisher, then what
//! both sides counted.
//!
//! ```text
//! clients connect ─► all in the channel ─► warm-up ─► measured ────────► drain ─► clients close
//!                                                  ▲ snapshot          ▲ snapshot           ▲ snapshot
//! ```

mod clients;
mod expected;
mod quota;
mod readings;
mod result;
mod timing;

use std::{
    cell::RefCell,
    collections::BTreeSet,
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

use self::quota::Quota;
pub use self::result::{Flow, PassResult, RowResult, ServerMemory};
use super::{
    blobs::{self, BlobPlan, Blobs},
    collector::{Collector, Timetable, empty_histogram, record},
    conditions::PlannedConditions,
    error::RunError,
    lab_process::LabProcess,
    lanes::Row,
    names,
    plan::{BlobOn, Plan, PublishBy},
    process,
    processing::Processing,
    publisher::{Assignment, Publisher},
    source::{Feed, Feeder, Source},
};
use crate::{
    catalogue::Fetching,
    client::{Tally, lifecycle::Control, upstream::Outbox},
    clock,
};

/// Longer than clients take to get in.
const LONG: Duration = Duration::from_secs(3_600);
/// Stamps that may wait for the receiving side.
const STAMPS_MAX: usize = 4_096;

/// How long to wait for publications that have not arrived. A short poll asks for the last of them
/// only after its interval, so until then it is not lost.
fn patience(plan: &Plan) -> Duration {
    plan.drain.0 + plan.poll_interval.0
}

/// How long a pass that was stopped waits for what is in flight, so that nothing counts as lost that
/// was on its way. Less than whoever stops a run waits before it is killed ([`crate::jobs`]).
const STOPPED_PATIENCE: Duration = Duration::from_millis(1_500);

/// A row at work.
struct RunningRow {
    row: Row,
    channel: String,
    collector: Rc<Collector>,
    tally: Rc<Tally>,
    /// Of each client; empty where the run publishes.
    outboxes: Vec<Rc<Outbox>>,
}

impl RunningRow {
    /// Whether its clients ask again and again.
    fn polls(&self) -> bool {
        let fetching = self.row.lane().map(|lane| lane.fetching);
        fetching.is_some_and(|fetching| fetching != Fetching::Stream)
    }
}

/// Runs one pass with this seed and name. `bar` is given the progress, 0 to 1; `stop` ends it early
/// with what was measured so far.
pub async fn pass(
    plan: &Plan,
    labs: &[LabProcess],
    rows: &[Row],
    (seed, name): (u64, &str),
    bar: &dyn Fn(f64),
    stop: &mut watch::Receiver<bool>,
) -> Result<PassResult, RunError> {
    let local = LocalSet::new();
    let running = rows
        .iter()
        .enumerate()
        .map(|(index, row)| RunningRow {
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
        running: Vec<RunningRow>,
        lanes: &BTreeSet<&str>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<PassResult, RunError> {
        let server = || match self.labs {
            [lab] => lab.pid().and_then(process::usage),
            _ => None,
        };
        let before_clients = server();
        let (control, _) = watch::channel(Control::default());
        let (mut clients, mut uploads) = (JoinSet::new(), JoinSet::new());
        for row in &running {
            row.tally.example.want();
            self.bring_in(row, &control, &mut clients, stop).await?;
            self.bring_up(row, &mut uploads)?;
            self.bring_blobs(row, &control, &mut clients)?;
        }
        let with_clients = server();

        let (timetable, publish_us) = self.timetable()?;
        let began = Instant::now();
        let starts = began + self.until(timetable.from_us);
        self.impair(lanes, timetable.from_us - self.half_a_beat_us())
            .await?;
        self.plan_interruptions(starts, &control);
        let mut connect_lag = Vec::new();
        for row in &running {
            row.collector.begin(self.timetable_of(row, &timetable));
            connect_lag.push(row.tally.read_lag.take());
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
        for row in &running {
            row.tally.read_lag.take();
        }
        let from = self.take_reading(server(), &running).await?;
        // Who only receives asked once, when it came in; a poll is shown as it is while measured.
        for row in running.iter().filter(|row| row.polls()) {
            row.tally.example.want();
        }
        let waiting = self.wait(until_us, until_us, &publisher, stop);
        is_partial |= tokio::join!(waiting, self.kill_node(timetable.from_us)).0;
        let until = self.take_reading(server(), &running).await?;
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
        control.send_modify(|control| control.stop = true);
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
        let (late, all) = (punctuality.late_in_warm_up, punctuality.warm_up);
        let warm_up_tells = !Processing::is_disturbed_by(late, all);
        Ok(PassResult {
            rows: running
                .iter()
                .zip(expected)
                .zip(connect_lag)
                .enumerate()
                .filter_map(|(index, ((row, expected), connect_lag))| {
                    let mut passed =
                        row.close(index, &from, &until, &end, punctuality.published)?;
                    passed.connect_lag = connect_lag;
                    if !warm_up_tells {
                        passed.collected.warm_up.clear();
                    }
                    passed.flow = Flow {
                        is_of_latest: row.row.is_of_latest(self.plan),
                        ..self.flow(&timetable, (&from, &until), index, row.collector.counted())
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
            to_acknowledge: match self.lab().publish_target().confirms() {
                true => (punctuality.published * self.channels(&running).len()) as u64,
                false => 0,
            },
            measured_for: until.at - from.at,
            own_cpu: until.own.cpu.saturating_sub(from.own.cpu),
            server_cpu: until
                .server
                .zip(from.server)
                .map(|(until, from)| until.cpu.saturating_sub(from.cpu)),
            server_waited: until
                .server
                .zip(from.server)
                .map(|(until, from)| until.waited.saturating_sub(from.waited)),
            is_partial,
        })
    }

    /// Waits until everything is published, and returns until when to wait for its arrival. A
    /// publisher that the server holds up is given as much time as publications in flight.
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
    fn blobs(&self, running: &[RunningRow], timetable: &Timetable) -> Option<Blobs> {
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

    /// What publishes, at these instants.
    fn source(
        &self,
        running: &[RunningRow],
        timetable: &Timetable,
        publish_us: Vec<u64>,
        stamps: mpsc::Sender<u64>,
    ) -> Result<Source, RunError> {
        let (first, content) = (timetable.first, self.plan.content()?);
        if self.plan.publish_by == PublishBy::Clients {
            let feed = Feed {
                outboxes: running.iter().map(|row| row.outboxes.clone()).collect(),
                publish_us,
                first,
                content,
            };
            return Ok(Source::Clients(Feeder::spawn(feed, stamps)));
        }
        let assignment = Assignment {
            target: self.lab().publish_target(),
            channels: self.channels(running),
            publish_us,
            first,
            content,
        };
        Ok(Source::Run(Publisher::spawn(assignment, stamps)?))
    }

    /// Where publications go: to each row's channel, or to everybody at once.
    fn channels(&self, running: &[RunningRow]) -> Vec<String> {
        let each = running.iter().map(|row| row.channel.clone());
        match self.lab().peer() {
            Some(peer) if peer.has_one_channel() => each.take(1).collect(),
            _ => each.collect(),
        }
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
        running: &[RunningRow],
        published: usize,
        mut deadline: Instant,
        stop: &mut watch::Receiver<bool>,
    ) {
        let mut is_stopped = false;
        for row in running {
            while !row.collector.is_complete(published) {
                if *stop.borrow() && !is_stopped {
                    is_stopped = true;
                    deadline = deadline.min(Instant::now() + STOPPED_PATIENCE);
                }
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                tokio::select! {
                    () = sleep(left) => {}
                    () = row.collector.changed.notified() => {}
                    Ok(_) = stop.wait_for(|stop| *stop), if !is_stopped => {}
                }
            }
        }
    }
}

/// Records how late the receiving thread notices what another thread tells it: from the instant at
/// which that was due to do so.
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
}
