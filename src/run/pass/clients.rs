//! The clients of a pass: how many, where each is at home, how it behaves, and what beside its own
//! connection works for it.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::{sync::watch, task::JoinSet, time::timeout_at};

use super::{Pass, RunningRow};
use crate::{
    client::{
        Follow, Target,
        back_off::Curve,
        connection::SimulatedLink,
        lifecycle::{self, ClientOptions, Control},
        upstream,
    },
    clock,
    run::{
        blobs::{self, Deaf},
        collector::ClientInbox,
        error::RunError,
        lab_process::{LabError, LabProcess},
        lanes::Compressed,
        plan::{Balance, BlobOn},
    },
};

/// How long all clients may take to get into their channels, and a little more for each.
const SUBSCRIBE_PATIENCE: Duration = Duration::from_secs(15);
const SUBSCRIBE_PATIENCE_EACH: Duration = Duration::from_millis(5);
/// Clients that connect at the same time: fewer than a listening socket lets wait.
const CONNECT_AT_ONCE: usize = 256;

impl Pass<'_> {
    /// Starts a row's clients and waits until all are in the channel, or for as long as the plan
    /// says.
    pub(super) async fn bring_in(
        &self,
        row: &RunningRow,
        control: &watch::Sender<Control>,
        clients: &mut JoinSet<()>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), RunError> {
        let waits_for_all = self.plan.arrive_within.0.is_zero();
        let patience = self.patience(row);
        let deadline = Instant::now() + patience;
        for client in 0..self.plan.clients {
            let (follower, options) = (self.client(row, client)?, self.options(row, client)?);
            let (collector, tally, control) = (
                row.collector.clone(),
                row.tally.clone(),
                control.subscribe(),
            );
            collector.client_starts(client, clock::now_us());
            clients.spawn_local(async move {
                let inbox = ClientInbox {
                    collector: &collector,
                    client,
                };
                lifecycle::follow(follower, options, &inbox, tally, control).await;
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

    /// How long a row's clients may take to arrive.
    fn patience(&self, row: &RunningRow) -> Duration {
        if !self.plan.arrive_within.0.is_zero() {
            return self.plan.arrive_within.0;
        }
        let effect = row.row.effect(self.plan);
        let distance = effect.down + effect.up + effect.jitter * 2;
        SUBSCRIBE_PATIENCE
            + SUBSCRIBE_PATIENCE_EACH * self.plan.clients as u32
            + (self.plan.round_trip.0 + distance) * 8
    }

    /// How a client of a row behaves, and where it goes.
    fn options(&self, row: &RunningRow, client: usize) -> Result<ClientOptions, RunError> {
        let node = self.node(client);
        let is_slow = client < self.plan.slow_readers;
        let link = SimulatedLink {
            read_bytes_per_s: is_slow.then_some(self.plan.slow_bytes_per_s),
            ..self.link()
        };
        let other = match self.plan.balance {
            Balance::Sticky => None,
            Balance::Alternate => Some(target(row, self.node(client + 1), link)?),
        };
        Ok(ClientOptions {
            target: target(row, node, link)?,
            other,
            fail_over: match self.plan.kill_node_at.0.is_zero() {
                true => None,
                false => Some(target(row, self.node(client + 1), link)?),
            },
            outbox: row.outboxes.get(client).cloned(),
            back_off: Curve::named(self.plan.back_off, self.plan.back_off_first.0),
            channel: row.channel.clone(),
            resume: row.row.resume,
        })
    }

    /// Starts what posts for those clients of a row that do not send by their own connection.
    pub(super) fn bring_up(
        &self,
        row: &RunningRow,
        uploads: &mut JoinSet<()>,
    ) -> Result<(), RunError> {
        for (client, outbox) in row.outboxes.iter().enumerate() {
            let node = self.node(client);
            if self.client(row, client)?.sends() {
                continue;
            }
            let target = node.lane(&row.row.lane, self.link())?;
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
    pub(super) fn bring_blobs(
        &self,
        row: &RunningRow,
        control: &watch::Sender<Control>,
        clients: &mut JoinSet<()>,
    ) -> Result<(), RunError> {
        if self.plan.blob_every.0.is_zero() || self.plan.blob_on == BlobOn::Same {
            return Ok(());
        }
        for client in 0..self.plan.clients {
            let node = self.node(client);
            let follower = self.client(row, client)?;
            let options = ClientOptions {
                target: target(row, node, self.link())?,
                other: None,
                fail_over: None,
                outbox: None,
                back_off: Curve::named(self.plan.back_off, self.plan.back_off_first.0),
                channel: blobs::channel(&row.channel),
                resume: false,
            };
            let control = control.subscribe();
            clients.spawn_local(async move {
                lifecycle::follow(follower, options, &Deaf, Rc::default(), control).await;
            });
        }
        Ok(())
    }

    /// A client of a row.
    pub(super) fn client(
        &self,
        row: &RunningRow,
        client: usize,
    ) -> Result<Box<dyn Follow>, RunError> {
        let (node, row) = (self.node(client), &row.row);
        row.client(self.plan, client, node.app_key(), node.peer())
            .ok_or_else(|| node.no_lane(&row.lane).into())
    }

    /// Where a client of a row is at home.
    pub(super) fn node(&self, client: usize) -> &LabProcess {
        &self.labs[client % self.labs.len()]
    }

    fn link(&self) -> SimulatedLink {
        SimulatedLink {
            one_way: self.plan.round_trip.0 / 2,
            read_bytes_per_s: None,
        }
    }
}

/// Where a row's clients follow their channel, and what they take compressed.
fn target(row: &RunningRow, node: &LabProcess, link: SimulatedLink) -> Result<Target, LabError> {
    Ok(Target {
        coding: row.row.coding(),
        compress: match row.row.compressed {
            None | Some(Compressed::Coded(_)) => None,
            Some(Compressed::Deflated) => Some("on"),
            Some(Compressed::DeflatedInContext) => Some("context"),
        },
        ..node.lane(&row.row.lane, link)?
    })
}
