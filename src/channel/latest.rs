//! The latest publication of channels that keep it (the cache channels of Pusher Channels
//! protocol 7, "Cache channels"): for who comes later, and beyond the last subscriber.
//!
//! What clients tell each other and what the server announces is not a channel's state and is
//! passed over. Bounded by age, and by count: past that the oldest gives way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{ChannelName, Publication, is_reserved_event};

/// See the module.
pub struct Latest {
    max_channels: usize,
    max_age_us: u64,
    /// With when each came. Written by publishers under their channel's own lock in the broker, read by subscribers.
    kept: Mutex<HashMap<ChannelName, (Arc<Publication>, u64)>>,
}

impl Latest {
    pub fn new(max_channels: usize, max_age_us: u64) -> Self {
        Self {
            max_channels,
            max_age_us,
            kept: Mutex::default(),
        }
    }

    /// A publication came, at `now_us` on the clock that ages are told by: never set back, so not
    /// necessarily the one of its stamps.
    pub fn note(&self, publication: &Arc<Publication>, now_us: u64) {
        let by_client = publication
            .origin
            .as_ref()
            .is_some_and(|origin| origin.by_client);
        if !publication.channel.keeps_latest() || by_client || is_reserved_event(&publication.event)
        {
            return;
        }
        let mut kept = self.kept();
        kept.insert(publication.channel.clone(), (publication.clone(), now_us));
        if kept.len() > self.max_channels {
            let oldest = kept.values().min_by_key(|(_, since_us)| *since_us);
            if let Some(oldest) = oldest.map(|(oldest, _)| oldest.channel.clone()) {
                kept.remove(&oldest);
            }
        }
    }

    /// The latest of a channel, and for how many µs more it is kept.
    pub fn of(&self, channel: &ChannelName, now_us: u64) -> Option<(Arc<Publication>, u64)> {
        let (publication, since_us) = self.kept().get(channel)?.clone();
        let until_us = since_us + self.max_age_us;
        let left_us = until_us
            .checked_sub(now_us)
            .filter(|left_us| *left_us > 0)?;
        Some((publication, left_us))
    }

    /// Forgets what is too old.
    pub fn tidy_up(&self, now_us: u64) {
        let max_age_us = self.max_age_us;
        self.kept()
            .retain(|_, (_, since_us)| *since_us + max_age_us > now_us);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<ChannelName, (Arc<Publication>, u64)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{Epoch, Origin};
    use serde_json::value::to_raw_value;

    fn publication(channel: &str, event: &str, at_us: u64, by_client: bool) -> Arc<Publication> {
        Arc::new(Publication {
            channel: ChannelName::parse(channel).unwrap(),
            epoch: Epoch::parse("e").unwrap(),
            offset: at_us,
            event: event.into(),
            data: to_raw_value(&at_us).unwrap(),
            intended_us: at_us,
            published_us: at_us,
            origin: by_client.then(|| {
                Box::new(Origin {
                    by_client,
                    ..Origin::default()
                })
            }),
        })
    }

    #[test]
    fn the_last_published_event_is_kept_until_its_time_is_up() {
        let latest = Latest::new(10, 100);
        let channel = ChannelName::parse("cache-a").unwrap();
        for (event, at_us, by_client) in [
            ("tick", 1, false),
            ("tick", 5, false),
            ("client-t", 6, true),
            ("pushlab:join", 7, false),
            ("pusher_internal:subscription_count", 8, false),
        ] {
            latest.note(&publication("cache-a", event, at_us, by_client), at_us);
        }
        latest.note(&publication("a", "tick", 9, false), 9);
        let (kept, left_us) = latest.of(&channel, 50).unwrap();
        assert_eq!((kept.offset, left_us), (5, 55));
        assert!(latest.of(&channel, 105).is_none());
        assert!(latest.of(&ChannelName::parse("a").unwrap(), 10).is_none());
        latest.tidy_up(105);
        assert!(latest.kept().is_empty());
    }

    #[test]
    fn the_oldest_gives_way() {
        let latest = Latest::new(2, 100);
        for (n, name) in ["cache-a", "cache-b", "cache-c"].into_iter().enumerate() {
            // Their stamps say the opposite: the clock was set back in between.
            latest.note(&publication(name, "tick", 9 - n as u64, false), n as u64);
        }
        let of = |name| latest.of(&ChannelName::parse(name).unwrap(), 5).is_some();
        assert_eq!(
            [of("cache-a"), of("cache-b"), of("cache-c")],
            [false, true, true]
        );
    }
}
