//! Brokers: keep history and carry publications between nodes.
//!
//! A [`Broker`] gives each draft its position and hands every publication of this and other nodes
//! to the node, in each channel's order. [`memory`] is the default and serves one node; [`durable`]
//! writes to a file what the memory broker keeps. Whatever implements the trait must pass
//! [`contract::run`].
//!
//! May use: `channel`.

pub mod contract;
pub mod durable;
pub mod memory;

use std::{pin::Pin, sync::Arc};

use crate::channel::{
    ChannelName, Draft, Publication, StreamPosition,
    history::{Recovery, Start},
    presence::Change,
};

/// The future that a broker's method returns.
pub type BrokerFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BrokerError>> + Send + 'a>>;

/// Called for every publication, in the order of its channel's offsets, never twice at once for
/// one channel. Must return soon.
pub type OnPublication = Box<dyn Fn(&Arc<Publication>) + Send + Sync>;

/// See [`Surroundings::on_found`].
pub type OnFound = Box<dyn Fn(&Arc<Publication>, u64) + Send + Sync>;

/// Whether something holds for a channel. Must not call the broker.
pub type OfChannel = Box<dyn Fn(&ChannelName) -> bool + Send + Sync>;

/// What a broker calls of the node that it serves.
pub struct Surroundings {
    /// Hands a publication on.
    pub on_publication: OnPublication,
    /// A publication that was found at the start, oldest first, with when it came, µs on the clock
    /// that expiry goes by.
    pub on_found: OnFound,
    /// Whether somebody listens to a channel, so that it may not be given up.
    pub has_audience: OfChannel,
    /// Whether the lab itself publishes on a channel.
    pub is_reserved: OfChannel,
}

/// Why a broker does not do what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// The table of channels is full (so many) and none can be given up; `max_channels`.
    #[error("this node has {0} channels already, the most it may keep")]
    TooManyChannels(usize),
    /// What is published cannot be written to the disk, for this reason: nobody gets it, now. Where
    /// the disk took it all the same before the process died, it is there afterwards; so it is to be
    /// published again with the same id (503).
    #[error("the server cannot keep what is published: {0}")]
    CannotKeep(Arc<str>),
    /// So much waits for the disk that no more may (503).
    #[error("too much waits to be written to the disk")]
    Busy,
    /// The broker is closed.
    #[error("the server is shutting down")]
    Closed,
}

/// What an answered publication survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// A crash of the process or of the machine: it was on the disk before anybody got it, and before
    /// the answer.
    Committed,
    /// An orderly stop. It is on its way to the disk; a crash may take it back.
    Early,
}

impl Kept {
    /// As it stands in the answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Early => "early",
        }
    }
}

/// History and distribution of publications. Times are µs since the Unix epoch.
pub trait Broker: Send + Sync + 'static {
    /// Gives the draft its position, or finds the one that its id already has.
    fn publish<'a>(
        &'a self,
        channel: &'a ChannelName,
        draft: Draft,
        now_us: u64,
    ) -> BrokerFuture<'a, StreamPosition>;

    /// What a subscriber that starts at `start` gets. Creates the channel if there is none.
    fn recover<'a>(
        &'a self,
        channel: &'a ChannelName,
        start: &'a Start,
        now_us: u64,
    ) -> BrokerFuture<'a, Recovery>;

    /// Forgets the channel's publications and ids, gives it a new epoch, so that no position from
    /// before is honoured, and publishes `notice` as the first of it. Nothing can come in between.
    fn clear<'a>(
        &'a self,
        channel: &'a ChannelName,
        notice: Draft,
        now_us: u64,
    ) -> BrokerFuture<'a, StreamPosition>;

    /// Removes what has expired, and channels that are empty, not `in_use`, and unused for a
    /// minute.
    fn tidy_up(&self, now_us: u64, in_use: &dyn Fn(&ChannelName) -> bool);

    /// Whether it keeps this channel.
    fn keeps(&self, channel: &ChannelName) -> bool;

    /// Removes a channel and its history, unless somebody is about to publish into it. Returns
    /// whether it did.
    fn give_up(&self, channel: &ChannelName) -> bool;

    /// How many channels it keeps.
    fn channels(&self) -> usize;

    /// Who was in a presence channel, by its joins and leaves, when the process before this one ended
    /// without taking leave of them. Asked once, at the start.
    fn left_over(&self) -> Vec<(ChannelName, Change)> {
        Vec::new()
    }

    /// What an answered publication survives; `None`: nothing but the process living on.
    fn kept(&self) -> Option<Kept> {
        None
    }

    /// Writes what is still to be written and lets go of its file. Blocks. Nothing can be published
    /// afterwards.
    fn close(&self) {}
}
