//! The broker of a single node: histories in memory, gone with the process.
//!
//! Each channel has a lock of its own, held while a publication gets its position and is handed
//! on, which is what keeps a channel's order. Subscribers never meet these locks.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use rand::Rng;

use super::{Answer, Broker, BrokerError, OnPublication};
use crate::channel::{
    ChannelName, Draft, Epoch, StreamPosition,
    history::{Appended, History, HistoryLimits, Recovery, Start},
};

/// Bounds of a memory broker.
#[derive(Debug, Clone, Copy)]
pub struct MemoryLimits {
    pub history: HistoryLimits,
    /// Channels kept at once; more are refused.
    pub max_channels: usize,
}

type Shared = Arc<Mutex<History>>;

/// See the module.
pub struct MemoryBroker {
    limits: MemoryLimits,
    on_publication: OnPublication,
    /// Written when a channel comes or goes, read once per publication or poll.
    channels: RwLock<HashMap<ChannelName, Shared>>,
    /// Makes each life of each channel an epoch of its own: process, then count.
    process: String,
    lives: AtomicU64,
}

impl MemoryBroker {
    pub fn new(limits: MemoryLimits, on_publication: OnPublication) -> Self {
        const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut random = rand::rng();
        let process = (0..6)
            .map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]))
            .collect();
        Self {
            limits,
            on_publication,
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

    fn publish_now(
        &self,
        channel: &ChannelName,
        draft: Draft,
        now_us: u64,
    ) -> Result<StreamPosition, BrokerError> {
        let history = self.history(channel)?;
        let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match history.append(draft, now_us) {
            Appended::Duplicate(position) => position,
            Appended::New(publication) => {
                (self.on_publication)(&publication);
                publication.position()
            }
        })
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
            let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
            history.recover(start, now_us)
        });
        Box::pin(std::future::ready(recovery))
    }

    fn tidy_up(&self, now_us: u64, in_use: &dyn Fn(&ChannelName) -> bool) {
        let mut channels = self
            .channels
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        channels.retain(|channel, shared| {
            let mut history = shared.lock().unwrap_or_else(PoisonError::into_inner);
            history.expire(now_us);
            // A handle outside the table means that somebody is about to publish into it.
            !history.is_idle(now_us) || in_use(channel) || Arc::strong_count(shared) > 1
        });
    }

    fn channels(&self) -> usize {
        self.channels
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
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
        }
    }

    #[test]
    fn memory_broker_meets_the_contract() {
        contract::run(&|on_publication| Arc::new(MemoryBroker::new(limits(), on_publication)));
    }

    #[test]
    fn channels_are_bounded_and_idle_ones_are_given_back() {
        let limits = MemoryLimits {
            max_channels: 2,
            ..limits()
        };
        let broker = MemoryBroker::new(limits, Box::new(|_| ()));
        let [a, b, c] = ["a", "b", "c"].map(|name| ChannelName::parse(name).unwrap());
        assert!(broker.history(&a).is_ok());
        assert!(broker.history(&b).is_ok());
        assert_eq!(
            broker.history(&c).map(drop),
            Err(BrokerError::TooManyChannels(2))
        );
        broker.tidy_up(60_000_000, &|channel| *channel == a);
        assert_eq!(broker.channels(), 1);
        assert!(broker.history(&c).is_ok());
    }
}
