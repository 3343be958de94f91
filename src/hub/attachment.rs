//! A subscriber's way into a channel and out of it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use super::{
    delivery::Batch, format::Outgoing, places::Places, shard::Shard, subscriber::Subscriber,
    subscription::Subscription,
};
use crate::channel::ChannelName;

impl Shard {
    /// Attaches a subscriber. Nothing is delivered before [`Attachment::go_live`]; what is
    /// published until then is held back for it. Dropping the attachment detaches.
    pub fn attach(
        self: &Rc<Self>,
        channel: &ChannelName,
        subscriber: Rc<dyn Subscriber>,
    ) -> Attachment {
        let subscription = Rc::new(Subscription {
            subscriber,
            next_offset: Cell::new(0),
            held_back: RefCell::new(Some(Vec::new())),
        });
        let room = self
            .rooms
            .borrow_mut()
            .entry(channel.clone())
            .or_default()
            .clone();
        let place = room.borrow_mut().insert(subscription.clone());
        self.hub.change_interest(channel, |interest| {
            interest.shards |= 1 << self.index;
            interest.subscribers += 1;
        });
        Attachment {
            shard: self.clone(),
            channel: channel.clone(),
            place,
            subscription,
        }
    }

    /// Makes a connection known that must be told when the node stops.
    pub fn register_connection(&self, connection: Rc<dyn Subscriber>) -> Registration {
        let place = self.connections.borrow_mut().insert(Rc::new(connection));
        Registration {
            connections: self.connections.clone(),
            place,
        }
    }
}

/// A subscriber's place in a channel; dropping it detaches the subscriber.
pub struct Attachment {
    shard: Rc<Shard>,
    channel: ChannelName,
    place: usize,
    subscription: Rc<Subscription>,
}

impl Attachment {
    /// Delivers nothing more and keeps nothing back, while the subscriber keeps its place in the
    /// channel: for one that reads a backlog, in which live publications will be.
    pub fn pause(&self) {
        self.subscription.held_back.replace(None);
        self.subscription.next_offset.set(u64::MAX);
    }

    /// Holds back what comes from now on, until [`Self::go_live`].
    pub fn hold_back(&self) {
        self.subscription.held_back.replace(Some(Vec::new()));
    }

    /// The subscriber has everything up to and including `offset`: deliver the rest, what was
    /// held back first, and go on.
    pub fn go_live(&self, offset: u64) {
        self.subscription.next_offset.set(offset + 1);
        let held_back = self.subscription.held_back.borrow_mut().take();
        let is_one_kind = |a: &Arc<Outgoing>, b: &Arc<Outgoing>| {
            a.publication.is_told() == b.publication.is_told()
        };
        for list in held_back.unwrap_or_default().chunk_by(is_one_kind) {
            self.subscription.offer(&Batch::new(list.to_vec()));
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let mut rooms = self.shard.rooms.borrow_mut();
        let mut shard_is_done = false;
        if let Some(room) = rooms.get(&self.channel) {
            room.borrow_mut().remove(self.place);
            shard_is_done = room.borrow().is_empty();
        }
        if shard_is_done {
            rooms.remove(&self.channel);
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
    connections: Rc<RefCell<Places<Rc<dyn Subscriber>>>>,
    place: usize,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.connections.borrow_mut().remove(self.place);
    }
}
