//! Both sides at one instant, and what lies between two.

use std::time::Instant;

use super::{Flow, Pass, RowResult, RunningRow};
use crate::run::{
    collector::{Timetable, empty_histogram},
    error::RunError,
    process::{self, Usage},
    server_stats::{Counts, Snapshot},
};

/// Both sides at one instant.
pub(super) struct Reading {
    /// Of the rows in their order, where the clients are the ones that count.
    clients: Option<Vec<Counts>>,
    pub(super) at: Instant,
    /// By row.
    received: Vec<u64>,
    pub(super) own: Usage,
    pub(super) server: Option<Usage>,
    snapshot: Snapshot,
}

impl Pass<'_> {
    pub(super) async fn take_reading(
        &self,
        server: Option<Usage>,
        running: &[RunningRow],
    ) -> Result<Reading, RunError> {
        Ok(Reading {
            clients: self.client_counts(running),
            at: Instant::now(),
            received: running.iter().map(|row| row.collector.received()).collect(),
            own: process::usage(std::process::id()).unwrap_or_default(),
            server,
            snapshot: self.snapshot().await?,
        })
    }

    pub(super) fn flow(
        &self,
        timetable: &Timetable,
        readings: (&Reading, &Reading),
        index: usize,
        clients: usize,
    ) -> Flow {
        let (from, until) = readings;
        let received = |reading: &Reading| reading.received.get(index).copied().unwrap_or(0);
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

    pub(super) fn client_counts(&self, running: &[RunningRow]) -> Option<Vec<Counts>> {
        self.lab().peer()?;
        let counts = running
            .iter()
            .map(|row| Counts::of_clients(&row.tally, row.collector.delivered(), self.plan.size));
        Some(counts.collect())
    }

    /// What all nodes have counted.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, RunError> {
        let mut sum = self.lab().snapshot().await?;
        let others = self.labs[1..].iter().filter(|lab| !lab.is_killed());
        for lab in others {
            sum.absorb(lab.snapshot().await?);
        }
        Ok(sum)
    }
}

impl RunningRow {
    pub(super) fn close(
        &self,
        index: usize,
        from: &Reading,
        until: &Reading,
        end: &Snapshot,
        published: usize,
    ) -> Option<RowResult> {
        let lane = self.row.lane()?;
        let counts = |reading: &Reading| match &reading.clients {
            Some(clients) => clients.get(index).copied().unwrap_or_default(),
            None => reading.snapshot.of(lane, &self.channel),
        };
        Some(RowResult {
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
            example: self.tally.example.take(),
            up_predicted: None,
            poll_bytes: None,
            server_memory: None,
            read_lag: self.tally.read_lag.take(),
            connect_lag: empty_histogram(),
            flow: Flow::default(),
        })
    }
}
