//! The local subscribers of this node, and fan-out to them: one publication in, a thousand
//! deliveries out.
//!
//! ```text
//!  any thread                         worker threads, each with its own subscribers
//!  publish ──► Hub::broadcast ──┬──► inbox ──► Shard 0's loop ──► deliver ──► WebSocket, stream, held poll …
//!              who has any?     └──► inbox ──► Shard 1's loop ──► deliver ──► …
//!              encode once per form, when the first subscriber wants it
//! ```
//!
//! One [`Shard`] per worker thread holds that thread's subscribers; a publication is handed to each
//! shard that has any for its channel, once, and the shard's own loop delivers it. So only one
//! thread ever touches a subscriber, and delivering takes no lock.
//!
//! - A publication is encoded once per wire [`Format`], whatever the number of subscribers and
//!   shards; they share the bytes.
//! - When publications wait, a shard takes all that wait for a channel as one [`Batch`], which a
//!   subscriber can write in one system call. A shard with little to do lets nothing wait; a busy
//!   one writes in [`rounds`], so that it makes fewer and larger writes. That is the default;
//!   [`coalesce`] has the other choices.
//! - A subscription knows the next offset it needs, so a publication that both recovery and live
//!   delivery bring is delivered once. An ephemeral publication ([`Publication::ephemeral`]) has no
//!   offset; it keeps its place among the others and is delivered by a method of its own.
//!
//! Each subscriber has a bounded [`queue`] of its own, with a policy for when it is full
//! ([`when_full`]).
//!
//! # Rejected
//!
//! - **`tokio::sync::broadcast`.** Each receiver is a task that wakes, clones and encodes; and who
//!   is slow gets `Lagged(n)`: a loss that its client is never told. Here who is slow is told, and
//!   may resume.
//! - **One map of subscribers behind a lock.** A publication would hold it for as long as it takes
//!   to write to everybody, and who comes in would wait for that.
//! - **Waiting for each subscriber in turn** (`socket.send().await` in a loop, the chat of every
//!   tutorial). The slowest phone then decides when the others get it. [`Subscriber::deliver`]
//!   writes or queues, and returns.
//!
//! # What it costs
//!
//! A publication costs each client the same bytes however many there are (219.75 with 1, 20 and 200
//! of them), but the last client has it later than the first: the loop is a loop.
//! `pushlab run --lanes websocket --clients 1` and `--clients 200`: the median delay is 3.1 times
//! as long for 200 times the deliveries. `cargo bench --bench fanout` has the processor's time.
//!
//! # Where it can be seen
//!
//! Experiments E13 (more than can be written one by one) and E17 (one of twenty reads slowly);
//! lesson 1 (`lessons/01-one-in-many-out.md`).
//!
//! May use: `wire`, `disconnect`, `catalogue`, `channel`, `writing`.

mod attachment;
pub mod coalesce;
mod delivery;
mod format;
mod inbox;
pub mod queue;
pub mod rounds;
mod shard;
mod slots;
mod subscriber;
mod subscription;
#[cfg(test)]
mod tests;
pub mod when_full;

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

pub use self::{
    attachment::{Attachment, Registration},
    delivery::{Batch, Delivery, Encoded},
    format::Format,
    shard::Shard,
    subscriber::Subscriber,
};
use self::{
    coalesce::Coalesce,
    format::Outgoing,
    inbox::{Inbox, Item},
    rounds::{Pacing, Rounds},
};
use crate::{
    channel::{ChannelName, Publication, observer::ChannelObserver},
    disconnect::Disconnect,
};

/// With `--coalesce tick`: how long a shard that found several publications waiting gathers before
/// its next round.
pub const GATHER_WHEN_BEHIND: Duration = Duration::from_millis(1);
/// Shards that one hub can have: a `u64` has one bit for each.
pub const SHARDS_MAX: usize = 64;

/// Which shards have subscribers of a channel, and how many there are.
#[derive(Default, Clone, Copy)]
struct Interest {
    /// A bit for each shard that has subscribers.
    shards: u64,
    subscribers: usize,
}

/// All shards of a node.
pub struct Hub {
    /// Key of this hub in the thread-local table of shards: a process may have several hubs.
    id: usize,
    coalesce: Coalesce,
    inboxes: RwLock<Vec<Arc<Inbox>>>,
    /// Written when a shard gets its first or loses its last subscription; read once per
    /// publication.
    interest: RwLock<HashMap<ChannelName, Interest>>,
    /// Called under the lock of `interest` when a channel gets its first or loses its last
    /// subscription.
    observer: OnceLock<Arc<dyn ChannelObserver>>,
}

thread_local! {
    static SHARDS: RefCell<HashMap<usize, Rc<Shard>>> = RefCell::default();
}

impl Default for Hub {
    fn default() -> Self {
        Self::new(Coalesce::default())
    }
}

impl Hub {
    /// A hub without shards, whose shards deliver as `coalesce` says.
    pub fn new(coalesce: Coalesce) -> Self {
        static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            coalesce,
            inboxes: RwLock::default(),
            interest: RwLock::default(),
            observer: OnceLock::new(),
        }
    }
}

impl Hub {
    /// Hands a publication to every shard that has subscribers for it. The caller must not call
    /// this for one channel from two threads at once, or the order is lost.
    pub fn broadcast(&self, publication: &Arc<Publication>) {
        let shards = self.interest_in(&publication.channel).shards;
        if shards == 0 {
            return;
        }
        let outgoing = Arc::new(Outgoing::new(publication.clone()));
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        for (index, inbox) in inboxes.iter().enumerate() {
            if shards & (1 << index) != 0 {
                inbox.put(Item::Publication(outgoing.clone()));
            }
        }
    }

    /// Sets who is notified of first and last subscriptions. Only the first call has an effect.
    pub fn set_observer(&self, observer: Arc<dyn ChannelObserver>) {
        let _ = self.observer.set(observer);
    }

    /// Ends every connection of this node.
    pub fn disconnect_all(&self, reason: Disconnect) {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        for inbox in inboxes.iter() {
            inbox.put(Item::Disconnect(reason));
        }
    }

    /// How many subscriptions a channel has on this node.
    pub fn subscribers(&self, channel: &ChannelName) -> usize {
        self.interest_in(channel).subscribers
    }

    /// This thread's shard. Its loop starts with the first call, which must come from inside a
    /// tokio `LocalSet` (an actix worker is one).
    pub fn shard(self: &Arc<Self>) -> Rc<Shard> {
        let pacing = match self.coalesce {
            Coalesce::Adaptive(pacing) => pacing,
            Coalesce::Off | Coalesce::Tick | Coalesce::For(_) => Pacing::default(),
        };
        let existing = SHARDS.with_borrow(|shards| shards.get(&self.id).cloned());
        existing.unwrap_or_else(|| {
            let shard = Rc::new(Shard::register(self.clone(), Rounds::new(pacing)));
            SHARDS.with_borrow_mut(|shards| shards.insert(self.id, shard.clone()));
            tokio::task::spawn_local(shard.clone().run());
            shard
        })
    }

    /// When this thread writes, for a socket that also writes what does not come from the hub.
    /// `None`: it writes at once, whatever the load.
    pub fn rounds(self: &Arc<Self>) -> Option<Rc<Rounds>> {
        matches!(self.coalesce, Coalesce::Adaptive(_)).then(|| self.shard().rounds.clone())
    }

    /// Channels whose names `wanted` lets through and that have subscriptions on this node, with
    /// how many.
    pub fn occupied(&self, wanted: impl Fn(&ChannelName) -> bool) -> Vec<(ChannelName, usize)> {
        let interest = self.interest.read().unwrap_or_else(PoisonError::into_inner);
        interest
            .iter()
            .filter(|(channel, _)| wanted(channel))
            .map(|(channel, interest)| (channel.clone(), interest.subscribers))
            .collect()
    }

    /// Read for every publication, so it copies two numbers and lets go of the lock.
    fn interest_in(&self, channel: &ChannelName) -> Interest {
        let interest = self.interest.read().unwrap_or_else(PoisonError::into_inner);
        interest.get(channel).copied().unwrap_or_default()
    }

    /// Changes who is interested, and tells the observer of a first or a last one.
    fn change_interest(&self, channel: &ChannelName, change: impl FnOnce(&mut Interest)) {
        let mut all = self
            .interest
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let interest = all.entry(channel.clone()).or_default();
        let before = interest.subscribers;
        change(interest);
        let after = interest.subscribers;
        if after == 0 {
            all.remove(channel);
        }
        // Under the lock, so that notifications come in the order of the changes.
        match self.observer.get() {
            Some(observer) if before == 0 && after > 0 => observer.occupied(channel),
            Some(observer) if before > 0 && after == 0 => observer.vacated(channel),
            _ => {}
        }
    }
}
