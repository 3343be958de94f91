//! The broker of a single node: histories in memory, gone with the process.
//!
//! Each channel has a lock of its own, held while a publication gets its position and is handed to
//! the node: that keeps the channel's order. Delivery to subscribers takes none of these locks.
//!
//! All histories share one budget of bytes, of which ids may have a part ([`IDS_PART`]). A
//! publication adds what it takes to the counters; a publisher that finds one exceeded evicts for
//! many publications at once ([`MemoryBroker::make_room`]). What was evicted cannot be recovered: a
//! position before it is answered with `recovered: false`. Ids are evicted only for other ids,
//! however much is published.
//!
//! The number of channels is bounded, too. Past it unused channels are given up
//! ([`MemoryBroker::give_up_unused`]).

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use rand::RngExt;

use super::{Answer, Broker, BrokerError, OnPublication};
use crate::channel::{
    ChannelName, Draft, Epoch, StreamPosition,
    history::{Appended, History, HistoryLimits, Recovery, Start},
};

/// Bounds of a memory broker.
#[derive(Debug, Clone, Copy)]
pub struct MemoryLimits {
    pub history: HistoryLimits,
    /// Channels at once. Channels without an audience are given up for new ones.
    pub max_channels: usize,
    /// Bytes that all histories keep together: [`History::publication_bytes`] and
    /// [`History::id_bytes`].
    pub budget_bytes: usize,
}

/// Ids may take one part in so many of the budget; the rest is for publications.
const IDS_PART: usize = 4;

/// Bytes of histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bytes {
    publications: usize,
    ids: usize,
}

impl Bytes {
    fn of(history: &History) -> Self {
        Self {
            publications: history.publication_bytes(),
            ids: history.id_bytes(),
        }
    }
}

/// The sum of all histories' bytes; changed under the lock of the history that changes.
#[derive(Default)]
struct Held {
    publications: AtomicUsize,
    ids: AtomicUsize,
}

impl Held {
    fn replace(&self, before: Bytes, after: Bytes) {
        let replace = |sum: &AtomicUsize, before: usize, after: usize| {
            if after > before {
                sum.fetch_add(after - before, Ordering::Relaxed);
            } else if before > after {
                sum.fetch_sub(before - after, Ordering::Relaxed);
            }
        };
        replace(&self.publications, before.publications, after.publications);
        replace(&self.ids, before.ids, after.ids);
    }

    /// Subtracts a history that is removed.
    fn forget(&self, history: &History) {
        let nothing = Bytes {
            publications: 0,
            ids: 0,
        };
        self.replace(Bytes::of(history), nothing);
    }

    fn ids(&self) -> usize {
        self.ids.load(Ordering::Relaxed)
    }

    fn all(&self) -> usize {
        self.publications.load(Ordering::Relaxed) + self.ids()
    }
}

type Shared = Arc<Mutex<History>>;

/// Whether somebody listens to a channel. Must not call the broker.
pub type HasAudience = Box<dyn Fn(&ChannelName) -> bool + Send + Sync>;

fn lock(history: &Shared) -> MutexGuard<'_, History> {
    history.lock().unwrap_or_else(PoisonError::into_inner)
}

/// See the module.
pub struct MemoryBroker {
    limits: MemoryLimits,
    on_publication: OnPublication,
    has_audience: HasAudience,
    /// Of all histories in `channels`.
    held: Held,
    /// Held while somebody evicts; locked only when the budget is exceeded.
    making_room: Mutex<()>,
    /// Written when a channel comes or goes, read once per publication or poll.
    channels: RwLock<HashMap<ChannelName, Shared>>,
    /// An epoch is the process's random text and this count, so that no two histories share one.
    process: String,
    lives: AtomicU64,
}

impl MemoryBroker {
    pub fn new(
        limits: MemoryLimits,
        on_publication: OnPublication,
        has_audience: HasAudience,
    ) -> Self {
        const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut random = rand::rng();
        let process = (0..6)
            .map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]))
            .collect();
        Self {
            limits,
            on_publication,
            has_audience,
            held: Held::default(),
            making_room: Mutex::default(),
            channels: RwLock::default(),
            process,
            lives: AtomicU64::new(0),
        }
    }

    fn history(&self, channel: &ChannelName) -> Result<Shared, BrokerError> {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(history) = channels.get(channel) {
            return Ok(history.clone());
        }
        drop(channels);
        let mut channels = self
            .channels
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if channels.len() >= self.limits.max_channels && !channels.contains_key(channel) {
            self.give_up_unused(&mut channels);
        }
        if channels.len() >= self.limits.max_channels && !channels.contains_key(channel) {
            return Err(BrokerError::TooManyChannels(channels.len()));
        }
        let history = channels
            .entry(channel.clone())
            .or_insert_with(|| self.new_history(channel));
        Ok(history.clone())
    }

    fn new_history(&self, channel: &ChannelName) -> Shared {
        let life = self.lives.fetch_add(1, Ordering::Relaxed);
        let epoch = Epoch::parse(&format!("{}{life:x}", self.process))
            .expect("letters and digits make an epoch");
        Arc::new(Mutex::new(History::new(
            channel.clone(),
            epoch,
            self.limits.history,
        )))
    }

    /// Gives up the least recently used channels that nobody listens to: several at once, so that
    /// not every new channel searches all of them.
    fn give_up_unused(&self, channels: &mut HashMap<ChannelName, Shared>) {
        const PART: usize = 64;
        let mut idle: Vec<_> = channels
            .iter()
            // A handle outside the table means that somebody is about to publish into it.
            .filter(|(name, shared)| Arc::strong_count(shared) == 1 && !(self.has_audience)(name))
            .map(|(name, shared)| (lock(shared).used_us(), name.clone()))
            .collect();
        idle.sort_unstable_by_key(|(used_us, _)| *used_us);
        for (_, name) in idle.iter().take(1 + self.limits.max_channels / PART) {
            self.give_up_one(channels, name);
        }
    }

    /// Removes a channel. Returns `false` if it stays because a handle outside the table means that
    /// somebody is about to publish into it.
    fn give_up_one(&self, channels: &mut HashMap<ChannelName, Shared>, name: &ChannelName) -> bool {
        let Some(shared) = channels.get(name) else {
            return true;
        };
        if Arc::strong_count(shared) > 1 {
            return false;
        }
        self.held.forget(&lock(shared));
        channels.remove(name);
        true
    }

    /// Changes a history and updates the sums of all.
    fn change<T>(&self, history: &mut History, change: impl FnOnce(&mut History) -> T) -> T {
        let before = Bytes::of(history);
        let result = change(history);
        self.held.replace(before, Bytes::of(history));
        result
    }

    /// Evicts where the ids exceed their part of the budget, or all histories the whole, until an
    /// eighth of it is free, so that not every publication searches all channels. The caller must
    /// not hold the lock of a channel.
    fn make_room(&self) {
        let budget = self.limits.budget_bytes;
        let ids_budget = budget / IDS_PART;
        let is_exceeded = || self.held.ids() > ids_budget || self.held.all() > budget;
        if !is_exceeded() {
            return;
        }
        let _one_at_a_time = self
            .making_room
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !is_exceeded() {
            return;
        }
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        if self.held.ids() > ids_budget {
            self.evict_ids(&channels, ids_budget / 8 * 7);
        }
        if self.held.all() > budget {
            self.evict_publications(&channels, budget / 8 * 7);
        }
    }

    /// Evicts ids until all channels hold no more than `enough` bytes of them: always the older
    /// half of the channel that has the most. So a channel that is flooded with ids loses its own,
    /// and one with a few keeps them.
    fn evict_ids(&self, channels: &HashMap<ChannelName, Shared>, enough: usize) {
        let by_size = channels.values().map(|shared| {
            let id_bytes = lock(shared).id_bytes();
            By(id_bytes, shared)
        });
        let mut by_size: BinaryHeap<_> = by_size.filter(|By(id_bytes, _)| *id_bytes > 0).collect();
        while self.held.ids() > enough
            && let Some(By(_, shared)) = by_size.pop()
        {
            let mut history = lock(shared);
            self.change(&mut history, History::evict_older_ids);
            if history.id_bytes() > 0 {
                by_size.push(By(history.id_bytes(), shared));
            }
        }
    }

    /// Evicts publications until all histories hold no more than `enough` bytes: first those of
    /// channels that nobody listens to, least recently used first; then the oldest of the others.
    fn evict_publications(&self, channels: &HashMap<ChannelName, Shared>, enough: usize) {
        let (mut idle, mut heard) = (Vec::new(), BinaryHeap::new());
        for (name, shared) in channels {
            let listens = (self.has_audience)(name);
            let history = lock(shared);
            match (listens, history.oldest_us()) {
                (false, _) if history.publication_bytes() > 0 => {
                    idle.push((history.used_us(), shared));
                }
                (true, Some(oldest_us)) => heard.push(By(Reverse(oldest_us), shared)),
                _ => (),
            }
        }
        idle.sort_unstable_by_key(|(used_us, _)| *used_us);
        for (_, shared) in idle {
            if self.held.all() <= enough {
                return;
            }
            self.change(&mut lock(shared), History::evict_publications);
        }
        while self.held.all() > enough
            && let Some(By(_, shared)) = heard.pop()
        {
            let mut history = lock(shared);
            self.change(&mut history, History::evict_oldest);
            if let Some(oldest_us) = history.oldest_us() {
                heard.push(By(Reverse(oldest_us), shared));
            }
        }
    }

    fn publish_now(
        &self,
        channel: &ChannelName,
        draft: Draft,
        now_us: u64,
    ) -> Result<StreamPosition, BrokerError> {
        let history = self.history(channel)?;
        let position = {
            let mut history = lock(&history);
            match self.change(&mut history, |history| history.append(draft, now_us)) {
                Appended::Duplicate(position) => position,
                Appended::New(publication) => {
                    (self.on_publication)(&publication);
                    publication.position()
                }
            }
        };
        self.make_room();
        Ok(position)
    }
}

impl Broker for MemoryBroker {
    fn publish<'a>(
        &'a self,
        channel: &'a ChannelName,
        draft: Draft,
        now_us: u64,
    ) -> Answer<'a, StreamPosition> {
        Box::pin(std::future::ready(self.publish_now(channel, draft, now_us)))
    }

    fn recover<'a>(
        &'a self,
        channel: &'a ChannelName,
        start: &'a Start,
        now_us: u64,
    ) -> Answer<'a, Recovery> {
        let recovery = self.history(channel).map(|history| {
            self.change(&mut lock(&history), |history| {
                history.recover(start, now_us)
            })
        });
        Box::pin(std::future::ready(recovery))
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
                self.held.forget(&history);
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

/// A history with its sort key, for a heap: the greatest comes first.
struct By<'a, K>(K, &'a Shared);

impl<K: Ord> PartialEq for By<'_, K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Ord> Eq for By<'_, K> {}

impl<K: Ord> PartialOrd for By<'_, K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord> Ord for By<'_, K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::contract;

    fn limits() -> MemoryLimits {
        MemoryLimits {
            history: contract::LIMITS,
            max_channels: 100,
            budget_bytes: 10 << 20,
        }
    }

    #[test]
    fn memory_broker_meets_the_contract() {
        contract::run(&|on_publication| {
            Arc::new(MemoryBroker::new(
                limits(),
                on_publication,
                Box::new(|_| false),
            ))
        });
    }

    fn name(text: &str) -> ChannelName {
        ChannelName::parse(text).unwrap()
    }

    fn broker(limits: MemoryLimits) -> MemoryBroker {
        let heard = |channel: &ChannelName| channel.as_str().starts_with("heard");
        MemoryBroker::new(limits, Box::new(|_| ()), Box::new(heard))
    }

    fn publish(broker: &MemoryBroker, channel: &str, bytes: usize, now_us: u64) -> StreamPosition {
        let data = serde_json::value::to_raw_value(&"x".repeat(bytes)).unwrap();
        broker
            .publish_now(&name(channel), Draft::new("tick", data), now_us)
            .unwrap()
    }

    /// Offsets after `position`, if all of them are there.
    fn recovered(broker: &MemoryBroker, channel: &str, position: &str) -> Option<Vec<u64>> {
        let start = Start {
            position: position.parse().ok(),
            history: None,
        };
        let history = broker.history(&name(channel)).unwrap();
        let recovery = lock(&history).recover(&start, 1);
        let offsets = recovery.publications.iter().map(|p| p.offset).collect();
        recovery.recovered.then_some(offsets)
    }

    /// The sum that is kept is the sum that is there.
    fn held(broker: &MemoryBroker) -> usize {
        let channels = broker.channels.read().unwrap();
        let sums = channels.values().map(|history| {
            let bytes = Bytes::of(&lock(history));
            (bytes.publications, bytes.ids)
        });
        let (publications, ids) = sums.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        assert_eq!(broker.held.ids(), ids);
        assert_eq!(broker.held.all(), publications + ids);
        publications + ids
    }

    #[test]
    fn channels_that_somebody_hears_are_never_given_up() {
        let limits = MemoryLimits {
            max_channels: 2,
            ..limits()
        };
        let broker = broker(limits);
        let first = publish(&broker, "idle", 10, 1);
        publish(&broker, "heard-1", 10, 2);
        publish(&broker, "newcomer", 10, 3);
        publish(&broker, "heard-2", 10, 4);
        assert_eq!(broker.channels(), 2);
        assert_eq!(
            broker.history(&name("newcomer")).map(drop),
            Err(BrokerError::TooManyChannels(2))
        );
        held(&broker);
        broker.tidy_up(100_000_000, &|channel| *channel == name("heard-1"));
        assert_eq!(broker.channels(), 1);
        let again = publish(&broker, "idle", 10, 5);
        assert_ne!(again.epoch, first.epoch, "old positions are void");
        held(&broker);
    }

    #[test]
    fn ten_thousand_channels_of_a_mebibyte_keep_within_the_budget() {
        const BUDGET: usize = 64 << 20;
        let broker = broker(MemoryLimits {
            history: HistoryLimits {
                max_count: 1_000,
                max_bytes: 1 << 20,
                max_age_us: 600_000_000,
                ids: contract::LIMITS.ids,
            },
            max_channels: 10_000,
            budget_bytes: BUDGET,
        });
        let heard = publish(&broker, "heard", 1_000, 1);
        let data = serde_json::value::to_raw_value(&"x".repeat(65_000)).unwrap();
        for n in 0..10_000 {
            let channel = format!("c{n}");
            (0..16).for_each(|_| {
                let draft = Draft::new("tick", data.clone());
                drop(broker.publish_now(&name(&channel), draft, n + 2));
            });
            assert!(broker.held.all() <= BUDGET);
        }
        assert!(held(&broker) > BUDGET / 2, "it is used");
        let start = format!("{}:0", heard.epoch.as_str());
        assert_eq!(recovered(&broker, "heard", &start), Some(vec![1]));
    }

    #[test]
    fn idle_histories_go_first_then_the_oldest_and_nothing_is_recovered_with_a_gap() {
        let broker = broker(MemoryLimits {
            budget_bytes: 8_000,
            ..limits()
        });
        let idle = publish(&broker, "idle", 1_000, 1);
        let a = publish(&broker, "heard-a", 1_000, 2);
        let b = publish(&broker, "heard-b", 1_000, 3);
        for n in 0..3 {
            publish(&broker, "heard-a", 1_000, 4 + n);
        }
        let from =
            |position: &StreamPosition, offset| format!("{}:{offset}", position.epoch.as_str());
        assert!(recovered(&broker, "idle", &from(&idle, 0)).is_some());
        publish(&broker, "heard-b", 1_000, 9);
        publish(&broker, "heard-b", 1_000, 10);
        assert_eq!(recovered(&broker, "idle", &from(&idle, 0)), None);
        assert_eq!(
            recovered(&broker, "idle", &from(&idle, 1)),
            Some(vec![]),
            "its position outlives what it kept"
        );
        publish(&broker, "heard-b", 1_000, 11);
        publish(&broker, "heard-b", 1_000, 12);
        assert_eq!(recovered(&broker, "heard-a", &from(&a, 0)), None);
        let latest = recovered(&broker, "heard-b", &from(&b, 4));
        assert_eq!(latest, Some(vec![5]));
        held(&broker);
    }

    fn publish_with_id(broker: &MemoryBroker, channel: &str, id: &str, now_us: u64) -> u64 {
        let data = serde_json::value::to_raw_value(&1).unwrap();
        let mut draft = Draft::new("tick", data);
        draft.id = Some(id.into());
        let position = broker.publish_now(&name(channel), draft, now_us);
        position.unwrap().offset
    }

    #[test]
    fn a_flood_ends_no_window_of_somebody_else() {
        let broker = broker(MemoryLimits {
            budget_bytes: 40_000,
            ..limits()
        });
        for channel in ["idle", "heard"] {
            publish_with_id(&broker, channel, "mine", 1);
            publish(&broker, channel, 100, 1);
        }
        (0..200).for_each(|n| drop(publish(&broker, "flood", 5_000, 2 + n)));
        let start = format!("{}:0", publish(&broker, "idle", 1, 300).epoch.as_str());
        assert_eq!(recovered(&broker, "idle", &start), None, "it was evicted");
        for n in 0..500 {
            publish_with_id(&broker, "heard-flood", &n.to_string(), 400);
            assert!(broker.held.ids() <= 10_000);
        }
        for channel in ["idle", "heard"] {
            assert_eq!(
                publish_with_id(&broker, channel, "mine", 500),
                1,
                "{channel}"
            );
        }
        held(&broker);
    }

    #[test]
    fn ids_alone_are_never_so_many_that_there_is_nothing_to_evict() {
        let broker = broker(MemoryLimits {
            budget_bytes: 20_000,
            ..limits()
        });
        for n in 0..90 {
            let channel = format!("heard-{n}");
            publish_with_id(&broker, &channel, "a", n);
            publish_with_id(&broker, &channel, "b", n);
            assert!(broker.held.ids() <= 5_000);
            assert!(broker.held.all() <= 20_000, "{}", broker.held.all());
        }
        held(&broker);
    }
}
