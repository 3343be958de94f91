//! The broker of a single node: histories in memory, gone with the process.
//!
//! Each channel has a lock of its own, held while a publication gets its position and is handed to
//! the node: that keeps the channel's order. Delivery to subscribers takes none of these locks.
//!
//! All histories share one budget of bytes, of which ids may have a part (`evict`). A publication
//! adds what it takes to the counters; a publisher that finds one exceeded evicts for many
//! publications at once (`MemoryBroker::evict_over_budget`). What was evicted cannot be
//! recovered: a position before it is answered with `recovered: false`. Ids are evicted only for
//! other ids, however much is published.
//!
//! The number of channels is bounded, too. Past it unused channels are given up
//! (`MemoryBroker::give_up_unused`).
//!
//! The lab's own channels have their place whatever others fill: they are made past the bound, never
//! given up for a newcomer, and the last whose publications are evicted. They are few.

mod bytes;
mod evict;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use rand::RngExt;

use self::bytes::{HistoryBytes, TotalBytes};
use super::{Broker, BrokerError, BrokerFuture, Surroundings};
use crate::channel::{
    ChannelName, Draft, Epoch, Publication, StreamPosition,
    history::{Appended, History, HistoryLimits, Recovery, Start},
};

/// Bounds of a memory broker.
#[derive(Debug, Clone, Copy)]
pub struct MemoryLimits {
    /// Of each channel's history: publications, bytes, age.
    pub history: HistoryLimits,
    /// Channels at once. Channels without an audience are given up for new ones.
    pub max_channels: usize,
    /// Bytes that all histories keep together: [`History::publication_bytes`] and
    /// [`History::id_bytes`].
    pub budget_bytes: usize,
}

pub(super) type SharedHistory = Arc<Mutex<History>>;

pub(super) fn lock(history: &SharedHistory) -> MutexGuard<'_, History> {
    history.lock().unwrap_or_else(PoisonError::into_inner)
}

/// See the module.
pub struct MemoryBroker {
    pub(super) limits: MemoryLimits,
    pub(super) around: Surroundings,
    /// Of all histories in `channels`.
    total: TotalBytes,
    /// Locked while somebody evicts, which is only when the budget is exceeded.
    evicting: Mutex<()>,
    /// Written when a channel comes or goes, read once per publication or poll.
    channels: RwLock<HashMap<ChannelName, SharedHistory>>,
    /// An epoch is the process's random text and this count, so that no two histories share one. It
    /// stands in every publication: its length stays the same for a lab's first 1,296 histories.
    process: String,
    lives: AtomicU64,
}

/// Of epochs.
const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const BASE: u64 = ALPHABET.len() as u64;

impl MemoryBroker {
    /// A broker without channels.
    pub fn new(limits: MemoryLimits, around: Surroundings) -> Self {
        let mut random = rand::rng();
        let process = (0..5)
            .map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]))
            .collect();
        Self {
            limits,
            around,
            total: TotalBytes::default(),
            evicting: Mutex::default(),
            channels: RwLock::default(),
            process,
            lives: AtomicU64::new(0),
        }
    }

    /// A channel's history, a new one where there is none. As long as the handle lives, the channel is
    /// not given up.
    pub(super) fn history(&self, channel: &ChannelName) -> Result<SharedHistory, BrokerError> {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(history) = channels.get(channel) {
            return Ok(history.clone());
        }
        drop(channels);
        let is_reserved = (self.around.is_reserved)(channel);
        let mut channels = self
            .channels
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if channels.len() >= self.limits.max_channels && !channels.contains_key(channel) {
            self.give_up_unused(&mut channels);
        }
        let is_full = channels.len() >= self.limits.max_channels;
        if is_full && !is_reserved && !channels.contains_key(channel) {
            return Err(BrokerError::TooManyChannels(channels.len()));
        }
        let history = channels
            .entry(channel.clone())
            .or_insert_with(|| self.new_history(channel));
        Ok(history.clone())
    }

    fn new_history(&self, channel: &ChannelName) -> SharedHistory {
        Arc::new(Mutex::new(History::new(
            channel.clone(),
            self.new_epoch(),
            self.limits.history,
        )))
    }

    /// A channel's history, if there is one.
    pub(super) fn existing(&self, channel: &ChannelName) -> Option<SharedHistory> {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        channels.get(channel).cloned()
    }

    /// Puts a history in its place that another process left.
    pub(super) fn put_back(&self, channel: ChannelName, history: History) {
        let mut channels = (self.channels.write()).unwrap_or_else(PoisonError::into_inner);
        let nothing = HistoryBytes {
            publications: 0,
            ids: 0,
        };
        self.total.replace(nothing, HistoryBytes::of(&history));
        channels.insert(channel, Arc::new(Mutex::new(history)));
    }

    pub(super) fn new_epoch(&self) -> Epoch {
        let life = self.lives.fetch_add(1, Ordering::Relaxed);
        let digit = |value: u64| char::from(ALPHABET[(value % BASE) as usize]);
        let mut count = String::new();
        let mut rest = life;
        while rest > 0 || count.len() < 2 {
            count.insert(0, digit(rest));
            rest /= BASE;
        }
        Epoch::parse(&format!("{}{count}", self.process)).expect("letters and digits make an epoch")
    }

    /// Gives up the least recently used channels that nobody listens to: several at once, so that
    /// not every new channel searches all of them.
    fn give_up_unused(&self, channels: &mut HashMap<ChannelName, SharedHistory>) {
        const PART: usize = 64;
        let mut idle: Vec<_> = channels
            .iter()
            // A handle outside the table means that somebody is about to publish into it.
            .filter(|(name, shared)| {
                let is_free =
                    || !(self.around.has_audience)(name) && !(self.around.is_reserved)(name);
                Arc::strong_count(shared) == 1 && is_free()
            })
            .map(|(name, shared)| (lock(shared).used_us(), name.clone()))
            .collect();
        idle.sort_unstable_by_key(|(used_us, _)| *used_us);
        for (_, name) in idle.iter().take(1 + self.limits.max_channels / PART) {
            self.give_up_one(channels, name);
        }
    }

    /// Removes a channel. Returns `false` if it stays because a handle outside the table means that
    /// somebody is about to publish into it.
    fn give_up_one(
        &self,
        channels: &mut HashMap<ChannelName, SharedHistory>,
        name: &ChannelName,
    ) -> bool {
        let Some(shared) = channels.get(name) else {
            return true;
        };
        if Arc::strong_count(shared) > 1 {
            return false;
        }
        self.total.forget(&lock(shared));
        channels.remove(name);
        true
    }

    /// Changes a history and updates the sums of all.
    pub(super) fn change<T>(
        &self,
        history: &mut History,
        change: impl FnOnce(&mut History) -> T,
    ) -> T {
        let before = HistoryBytes::of(history);
        let result = change(history);
        self.total.replace(before, HistoryBytes::of(history));
        result
    }

    fn publish_now(
        &self,
        channel: &ChannelName,
        draft: Draft,
        now_us: u64,
    ) -> Result<StreamPosition, BrokerError> {
        self.change_and_append(channel, draft, now_us, |_| (), |_| ())
    }

    /// Changes the history and appends to it, both under its lock; `on_new` is told of a new
    /// publication under it, too, before it is handed on.
    pub(super) fn change_and_append(
        &self,
        channel: &ChannelName,
        draft: Draft,
        now_us: u64,
        change: impl FnOnce(&mut History),
        on_new: impl FnOnce(&Arc<Publication>),
    ) -> Result<StreamPosition, BrokerError> {
        let history = self.history(channel)?;
        let position = {
            let mut history = lock(&history);
            self.change(&mut history, change);
            match self.change(&mut history, |history| history.append(draft, now_us)) {
                Appended::Duplicate(position) => position,
                Appended::New(publication) => {
                    on_new(&publication);
                    (self.around.on_publication)(&publication);
                    publication.position()
                }
            }
        };
        self.evict_over_budget();
        Ok(position)
    }
}

impl Broker for MemoryBroker {
    fn publish<'a>(
        &'a self,
        channel: &'a ChannelName,
        draft: Draft,
        now_us: u64,
    ) -> BrokerFuture<'a, StreamPosition> {
        Box::pin(std::future::ready(self.publish_now(channel, draft, now_us)))
    }

    fn recover<'a>(
        &'a self,
        channel: &'a ChannelName,
        start: &'a Start,
        now_us: u64,
    ) -> BrokerFuture<'a, Recovery> {
        let recovery = self.history(channel).map(|history| {
            self.change(&mut lock(&history), |history| {
                history.recover(start, now_us)
            })
        });
        Box::pin(std::future::ready(recovery))
    }

    fn clear<'a>(
        &'a self,
        channel: &'a ChannelName,
        notice: Draft,
        now_us: u64,
    ) -> BrokerFuture<'a, StreamPosition> {
        let epoch = self.new_epoch();
        let begin_anew = |history: &mut History| history.begin_anew(epoch);
        let cleared = self.change_and_append(channel, notice, now_us, begin_anew, |_| ());
        Box::pin(std::future::ready(cleared))
    }

    fn tidy_up(&self, now_us: u64, in_use: &dyn Fn(&ChannelName) -> bool) {
        let mut channels = self
            .channels
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        channels.retain(|channel, shared| {
            let mut history = lock(shared);
            self.change(&mut history, |history| history.expire(now_us));
            // A handle outside the table means that somebody is about to publish into it.
            let stays =
                !history.is_idle(now_us) || in_use(channel) || Arc::strong_count(shared) > 1;
            if !stays {
                self.total.forget(&history);
            }
            stays
        });
    }

    fn keeps(&self, channel: &ChannelName) -> bool {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        channels.contains_key(channel)
    }

    fn give_up(&self, channel: &ChannelName) -> bool {
        let mut channels = self
            .channels
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        self.give_up_one(&mut channels, channel)
    }

    fn channels(&self) -> usize {
        self.channels
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}
