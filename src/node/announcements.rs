//! The task that publishes joins and leaves, and so knows the members at each position.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::value::to_raw_value;
use tokio::sync::{mpsc, oneshot};

use super::{Node, NodeError};
use crate::{
    broker::BrokerError,
    channel::{
        ChannelName, Draft, JOIN_EVENT, LEAVE_EVENT, StreamPosition, history::Start,
        presence::Change,
    },
};

/// Joins and leaves that may wait to be published; more are dropped and counted.
pub const ANNOUNCEMENTS_MAX: usize = 65_536;
/// Announcements that are handled together.
const AT_ONCE_MAX: usize = 256;
/// How often expired pollers and publications are removed.
const TIDY_UP_EVERY: Duration = Duration::from_millis(250);

/// A request to the announcing task, which handles them in order.
pub enum Announcement {
    /// Publish a join or a leave.
    Changed {
        channel: ChannelName,
        event: &'static str,
        change: Change,
    },
    /// A member has new data about itself. It is not announced, only part of later snapshots.
    Renewed {
        channel: ChannelName,
        change: Change,
    },
    Snapshot {
        channel: ChannelName,
        reply: oneshot::Sender<Result<PresenceSnapshot, NodeError>>,
    },
}

/// The members of a presence channel after all publications up to `position`.
#[derive(Debug)]
pub struct PresenceSnapshot {
    /// Sorted by client id.
    pub members: Vec<Change>,
    /// After which publication this holds.
    pub position: StreamPosition,
}

/// Members by channel, as announced so far. Only the announcing task has it.
type Announced = HashMap<ChannelName, BTreeMap<Box<str>, Change>>;

pub async fn run_housekeeping(node: Arc<Node>, mut to_announce: mpsc::Receiver<Announcement>) {
    let mut tidy_up = tokio::time::interval(TIDY_UP_EVERY);
    let mut announced = Announced::default();
    leave_left_over(&node, &mut announced).await;
    loop {
        tokio::select! {
            first = to_announce.recv() => {
                let Some(first) = first else {
                    return;
                };
                let mut waiting = vec![first];
                while waiting.len() < AT_ONCE_MAX && let Ok(next) = to_announce.try_recv() {
                    waiting.push(next);
                }
                handle(&node, &mut announced, waiting).await;
            },
            _ = tidy_up.tick() => node.tidy_up(),
        }
    }
}

/// Who was in a channel when the process before this one died: they have left with it.
async fn leave_left_over(node: &Node, announced: &mut Announced) {
    let left = node.broker.left_over().into_iter();
    let left = left.map(|(channel, change)| Announcement::Changed {
        channel,
        event: LEAVE_EVENT,
        change,
    });
    handle(node, announced, left.collect()).await;
}

/// A join or a leave, to be published.
type Changed = (ChannelName, &'static str, Change);

/// Handles what waits, in its order.
async fn handle(node: &Node, announced: &mut Announced, waiting: Vec<Announcement>) {
    let mut changes = Vec::new();
    for announcement in waiting {
        match announcement {
            Announcement::Changed {
                channel,
                event,
                change,
            } => changes.push((channel, event, change)),
            Announcement::Renewed { channel, change } => {
                publish_all(node, announced, std::mem::take(&mut changes)).await;
                let members = announced.get_mut(&channel);
                let known = members.and_then(|members| members.get_mut(&change.client));
                if let Some(known) = known {
                    *known = change;
                }
            }
            Announcement::Snapshot { channel, reply } => {
                publish_all(node, announced, std::mem::take(&mut changes)).await;
                let recovery = node.recover(&channel, &Start::default()).await;
                let members = announced.get(&channel).into_iter();
                let snapshot = recovery.map(|recovery| PresenceSnapshot {
                    members: members.flat_map(BTreeMap::values).cloned().collect(),
                    position: recovery.position,
                });
                let _ = reply.send(snapshot);
            }
        }
    }
    publish_all(node, announced, changes).await;
}

/// Publishes joins and leaves together: a broker that writes to a disk writes them at once.
async fn publish_all(node: &Node, announced: &mut Announced, changes: Vec<Changed>) {
    let mut publishing = Vec::with_capacity(changes.len());
    for (channel, event, change) in &changes {
        if let Ok(data) = to_raw_value(change) {
            let published = node.publishing(channel, Draft::new(event, data));
            publishing.push((channel, *event, change, published));
        }
    }
    for (channel, event, change, published) in publishing {
        note(node, announced, channel, event, change, published.await);
    }
}

/// A join or leave was published, or could not be.
fn note(
    node: &Node,
    announced: &mut Announced,
    channel: &ChannelName,
    event: &'static str,
    change: &Change,
    published: Result<StreamPosition, BrokerError>,
) {
    if let Err(error) = published {
        node.announcements_dropped.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%error, "a {event} could not be published");
    }
    if let Some(observer) = node.observer.get() {
        match event {
            JOIN_EVENT => observer.joined(channel, &change.client),
            _ => observer.left(channel, &change.client),
        }
    }
    if event == JOIN_EVENT {
        let members = announced.entry(channel.clone()).or_default();
        members.insert(change.client.clone(), change.clone());
    } else if let Some(members) = announced.get_mut(channel) {
        members.remove(&change.client);
        if members.is_empty() {
            announced.remove(channel);
        }
    }
}
