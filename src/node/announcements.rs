//! The task that publishes joins and leaves, and so knows the members at each position.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde_json::value::to_raw_value;
use tokio::sync::{mpsc, oneshot};

use super::{Node, NodeError};
use crate::channel::{
    ChannelName, Draft, JOIN_EVENT, StreamPosition, history::Start, presence::Change,
};

/// Joins and leaves that may wait to be published; more are dropped and counted.
pub const ANNOUNCEMENTS_MAX: usize = 65_536;
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
    loop {
        tokio::select! {
            announcement = to_announce.recv() => match announcement {
                None => return,
                Some(Announcement::Changed { channel, event, change }) => {
                    announce(&node, &mut announced, channel, event, change).await;
                }
                Some(Announcement::Renewed { channel, change }) => {
                    let members = announced.get_mut(&channel);
                    let known = members.and_then(|members| members.get_mut(&change.client));
                    if let Some(known) = known {
                        *known = change;
                    }
                }
                Some(Announcement::Snapshot { channel, reply }) => {
                    let recovery = node.recover(&channel, &Start::default()).await;
                    let members = announced.get(&channel);
                    let snapshot = recovery.map(|recovery| PresenceSnapshot {
                        members: members.into_iter().flat_map(BTreeMap::values).cloned().collect(),
                        position: recovery.position,
                    });
                    let _ = reply.send(snapshot);
                }
            },
            _ = tidy_up.tick() => node.tidy_up(),
        }
    }
}

async fn announce(
    node: &Node,
    announced: &mut Announced,
    channel: ChannelName,
    event: &'static str,
    change: Change,
) {
    let Ok(data) = to_raw_value(&change) else {
        return;
    };
    if let Err(error) = node.publish(&channel, Draft::new(event, data)).await {
        node.announcements_dropped.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%error, "a {event} could not be published");
    }
    if let Some(observer) = node.observer.get() {
        match event {
            JOIN_EVENT => observer.joined(&channel, &change.client),
            _ => observer.left(&channel, &change.client),
        }
    }
    if event == JOIN_EVENT {
        let members = announced.entry(channel).or_default();
        members.insert(change.client.clone(), change);
    } else if let Some(members) = announced.get_mut(&channel) {
        members.remove(&change.client);
        if members.is_empty() {
            announced.remove(&channel);
        }
    }
}
