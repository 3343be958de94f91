//! The subscribers of one thread.
//!
//! `Rc` and `RefCell` throughout: nothing in here is ever seen by another thread, which is what
//! makes delivering free of locks. While a delivery is under way its subscribers may come and go
//! ([`super::slots`] keeps places stable), since the loop yields to the other tasks of its thread
//! now and then.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{Arc, PoisonError},
};

use super::{
    Hub, SHARDS_MAX,
    delivery::Batch,
    format::Outgoing,
    inbox::{Inbox, Item},
    rounds::Rounds,
    slots::Slots,
    subscriber::Subscriber,
    subscription::Subscription,
};
use crate::{channel::ChannelName, disconnect::Disconnect};

/// After this many deliveries a shard yields to the other tasks of its thread.
const DELIVERIES_PER_TURN: usize = 256;

pub(super) type ChannelSubscriptions = Rc<RefCell<Slots<Subscription>>>;

/// The subscribers of one thread.
pub struct Shard {
    pub(super) hub: Arc<Hub>,
    pub(super) index: usize,
    pub(super) inbox: Arc<Inbox>,
    pub(super) channels: RefCell<HashMap<ChannelName, ChannelSubscriptions>>,
    /// All connections of this thread, subscribed or not: a stop disconnects them.
    pub(super) connections: Rc<RefCell<Slots<Rc<dyn Subscriber>>>>,
    pub(super) rounds: Rc<Rounds>,
}

impl Shard {
    /// This thread's shard; its place in the list is its bit in [`Interest`](super::Interest).
    pub(super) fn register(hub: Arc<Hub>, rounds: Rounds) -> Self {
        let inbox = Arc::<Inbox>::default();
        let index = {
            let mut inboxes = hub.inboxes.write().unwrap_or_else(PoisonError::into_inner);
            assert!(inboxes.len() < SHARDS_MAX, "at most {SHARDS_MAX} workers");
            inboxes.push(inbox.clone());
            inboxes.len() - 1
        };
        Self {
            hub,
            index,
            inbox,
            channels: RefCell::default(),
            connections: Rc::default(),
            rounds: Rc::new(rounds),
        }
    }

    /// Groups publications by channel, in the order of each channel. A group is either all
    /// ephemeral or all with offsets.
    pub(super) fn group_by_channel(
        &self,
        items: Vec<Item>,
    ) -> Vec<(ChannelName, Vec<Arc<Outgoing>>)> {
        let mut groups: Vec<(ChannelName, Vec<Arc<Outgoing>>)> = Vec::new();
        let mut group_of: HashMap<ChannelName, usize> = HashMap::new();
        for item in items {
            match item {
                Item::Disconnect(reason) => self.disconnect_all(reason),
                Item::Publication(outgoing) => {
                    let channel = &outgoing.publication.channel;
                    let is_ephemeral = outgoing.publication.is_ephemeral();
                    let takes =
                        |list: &[Arc<Outgoing>]| list[0].publication.is_ephemeral() == is_ephemeral;
                    match groups.last_mut() {
                        Some((last, list)) if last == channel && takes(list) => list.push(outgoing),
                        _ => match group_of.get(channel) {
                            Some(&index) if takes(&groups[index].1) => {
                                groups[index].1.push(outgoing);
                            }
                            _ => {
                                group_of.insert(channel.clone(), groups.len());
                                groups.push((channel.clone(), vec![outgoing]));
                            }
                        },
                    }
                }
            }
        }
        groups
    }

    /// Offers a batch to the channel's subscribers that pass the filter `for_whom`.
    pub(super) async fn fan_out(
        &self,
        channel: &ChannelName,
        batch: &Batch,
        for_whom: impl Fn(&dyn Subscriber) -> bool,
    ) {
        let Some(subscriptions) = self.channels.borrow().get(channel).cloned() else {
            return;
        };
        let mut slot = 0;
        loop {
            let subscription = match subscriptions.borrow().slots.get(slot) {
                Some(subscription) => subscription.clone(),
                None => return,
            };
            if let Some(subscription) = subscription
                && for_whom(&*subscription.subscriber)
            {
                subscription.offer(batch);
            }
            slot += 1;
            if slot % DELIVERIES_PER_TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Every connection of this thread, subscribed or not. Copied first: each removes itself
    /// meanwhile.
    pub(super) fn disconnect_all(&self, reason: Disconnect) {
        let connections: Vec<_> = self.connections.borrow().slots.to_vec();
        for connection in connections.into_iter().flatten() {
            connection.disconnect(reason);
        }
    }
}
