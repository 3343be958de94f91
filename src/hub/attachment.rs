//! Attaching a subscriber to a channel, pausing it, and detaching it.
//!
//! ```text
//! attach ─► held back ─── go_live(e1:7) ──► live: from 8 on
//!               ▲  │
//!    hold_back  │  ▼  pause
//!             paused: nothing kept, a backlog is read from the history
//! ```
//!
//! Attaching comes before looking into the history, so between the two publications arrive that may
//! be in the history as well, or not. They are held back, and [`Attachment::go_live`] says up to
//! where the history reached: what is older is dropped, the rest delivered in order. Rejected: a
//! lock over both steps, which would stop publishing while a disk is read.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use super::{
    delivery::Batch, format::Outgoing, shard::Shard, slots::Slots, subscriber::Subscriber,
    subscription::Subscription,
};
use crate::channel::{ChannelName, StreamPosition};

impl Shard {
    /// Attaches a subscriber. Nothing is delivered before [`Attachment::go_live`]; publications
    /// until then are held back for it. Dropping the attachment detaches.
    pub fn attach(
        self: &Rc<Self>,
        channel: &ChannelName,
        subscriber: Rc<dyn Subscriber>,
    ) -> Attachment {
        let subscription = Rc::new(Subscription {
            subscriber,
            next_offset: Cell::new(0),
            epoch: RefCell::default(),
            is_met: Cell::default(),
            held_back: RefCell::new(Some(Vec::new())),
        });
        let subscriptions = self
            .channels
            .borrow_mut()
            .entry(channel.clone())
            .or_default()
            .clone();
        let slot = subscriptions.borrow_mut().insert(subscription.clone());
        self.hub.change_interest(channel, |interest| {
            interest.shards |= 1 << self.index;
            interest.subscribers += 1;
        });
        Attachment {
            shard: self.clone(),
            channel: channel.clone(),
            slot,
            subscription,
        }
    }

    /// Registers a connection, so that a stop of the node disconnects it.
    pub fn register_connection(&self, connection: Rc<dyn Subscriber>) -> Registration {
        let slot = self.connections.borrow_mut().insert(Rc::new(connection));
        Registration {
            connections: self.connections.clone(),
            slot,
        }
    }
}

/// A subscriber's slot in a channel; dropping it detaches the subscriber.
pub struct Attachment {
    shard: Rc<Shard>,
    channel: ChannelName,
    slot: usize,
    subscription: Rc<Subscription>,
}

impl Attachment {
    /// Delivers nothing and holds nothing back, but keeps the subscriber's slot. For a subscriber
    /// that reads a backlog: it will find the live publications there.
    pub fn pause(&self) {
        self.subscription.held_back.replace(None);
        self.subscription.next_offset.set(u64::MAX);
        self.subscription.epoch.replace(None);
    }

    /// Holds back publications from now on, until [`Self::go_live`].
    pub fn hold_back(&self) {
        self.subscription.held_back.replace(Some(Vec::new()));
    }

    /// The subscriber has everything up to and including `position`: delivers what was held back and
    /// is newer, and then live publications.
    pub fn go_live(&self, position: &StreamPosition) {
        self.subscription.next_offset.set(position.offset + 1);
        self.subscription
            .epoch
            .replace(Some(position.epoch.clone()));
        self.subscription.is_met.set(false);
        let held_back = self.subscription.held_back.borrow_mut().take();
        let is_one_kind = |a: &Arc<Outgoing>, b: &Arc<Outgoing>| {
            a.publication.is_ephemeral() == b.publication.is_ephemeral()
        };
        for list in held_back.unwrap_or_default().chunk_by(is_one_kind) {
            self.subscription.offer(&Batch::new(list.to_vec()));
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let mut channels = self.shard.channels.borrow_mut();
        let mut shard_is_done = false;
        if let Some(subscriptions) = channels.get(&self.channel) {
            subscriptions.borrow_mut().remove(self.slot);
            shard_is_done = subscriptions.borrow().is_empty();
        }
        if shard_is_done {
            channels.remove(&self.channel);
        }
        self.shard.hub.change_interest(&self.channel, |interest| {
            interest.subscribers -= 1;
            if shard_is_done {
                interest.shards &= !(1 << self.shard.index);
            }
        });
    }
}

/// A connection's entry in its shard's list; dropping it removes the entry.
pub struct Registration {
    connections: Rc<RefCell<Slots<Rc<dyn Subscriber>>>>,
    slot: usize,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.connections.borrow_mut().remove(self.slot);
    }
}
