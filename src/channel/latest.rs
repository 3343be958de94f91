//! The latest publication of channels that keep it (the cache channels of Pusher Channels protocol
//! 7, "Cache channels"): for subscribers that come later, even after the last one has left.
//!
//! Events that clients send to each other and announcements of the server are not a channel's state
//! and are skipped. Bounded by age, count and bytes: past a bound the oldest eighth is removed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{CLEARED_EVENT, ChannelName, Publication, is_reserved_event};

/// See the module.
pub struct Latest {
    max_channels: usize,
    max_age_us: u64,
    max_bytes: usize,
    /// Written by publishers under their channel's own lock in the broker, read by subscribers.
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// With when each came.
    by_channel: HashMap<ChannelName, (Arc<Publication>, u64)>,
    /// Of all of them.
    bytes: usize,
}

impl Kept {
    fn insert(&mut self, publication: Arc<Publication>, now_us: u64) {
        self.bytes += publication.retained_bytes();
        let channel = publication.channel.clone();
        if let Some((before, _)) = self.by_channel.insert(channel, (publication, now_us)) {
            self.bytes -= before.retained_bytes();
        }
    }

    fn remove(&mut self, channel: &ChannelName) {
        if let Some((gone, _)) = self.by_channel.remove(channel) {
            self.bytes -= gone.retained_bytes();
        }
    }

    /// Past a bound, removes the oldest eighth at once, so that the next publications need no
    /// search.
    fn shrink(&mut self, max_channels: usize, max_bytes: usize) {
        if self.by_channel.len() <= max_channels && self.bytes <= max_bytes {
            return;
        }
        let (few, small) = (max_channels - max_channels / 8, max_bytes - max_bytes / 8);
        let mut by_age: Vec<_> = (self.by_channel.values())
            .map(|(publication, since_us)| (*since_us, publication.channel.clone()))
            .collect();
        by_age.sort_unstable_by_key(|(since_us, _)| *since_us);
        for (_, channel) in by_age {
            if self.by_channel.len() <= few && self.bytes <= small {
                break;
            }
            self.remove(&channel);
        }
    }
}

impl Latest {
    /// Bounds: so many channels, each event no older (µs) and no larger (bytes) than that. The
    /// eldest goes for a new one.
    pub fn new(max_channels: usize, max_age_us: u64, max_bytes: usize) -> Self {
        Self {
            max_channels,
            max_age_us,
            max_bytes,
            kept: Mutex::default(),
        }
    }

    /// A publication came, which may be that the channel was emptied, at `now_us` on the monotonic clock, which is not the clock of its
    /// timestamps.
    pub fn note(&self, publication: &Arc<Publication>, now_us: u64) {
        if *publication.event == *CLEARED_EVENT {
            self.kept().remove(&publication.channel);
        }
        let by_client = publication
            .origin
            .as_ref()
            .is_some_and(|origin| origin.by_client);
        if !publication.channel.keeps_latest() || by_client || is_reserved_event(&publication.event)
        {
            return;
        }
        let mut kept = self.kept();
        kept.insert(publication.clone(), now_us);
        kept.shrink(self.max_channels, self.max_bytes);
    }

    /// The latest of a channel, and for how many µs more it is kept.
    pub fn of(&self, channel: &ChannelName, now_us: u64) -> Option<(Arc<Publication>, u64)> {
        let (publication, since_us) = self.kept().by_channel.get(channel)?.clone();
        let until_us = since_us + self.max_age_us;
        let left_us = until_us
            .checked_sub(now_us)
            .filter(|left_us| *left_us > 0)?;
        Some((publication, left_us))
    }

    /// Forgets what is too old.
    pub fn tidy_up(&self, now_us: u64) {
        let max_age_us = self.max_age_us;
        let mut kept = self.kept();
        let Kept { by_channel, bytes } = &mut *kept;
        by_channel.retain(|_, (publication, since_us)| {
            let stays = *since_us + max_age_us > now_us;
            if !stays {
                *bytes -= publication.retained_bytes();
            }
            stays
        });
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
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
        let latest = Latest::new(10, 100, 10_000);
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
        latest.note(&publication("cache-a", CLEARED_EVENT, 51, false), 51);
        assert!(latest.of(&channel, 52).is_none(), "the channel was emptied");
        latest.note(&publication("cache-a", "tick", 5, false), 5);
        latest.tidy_up(105);
        assert!(latest.kept().by_channel.is_empty() && latest.kept().bytes == 0);
    }

    #[test]
    fn the_oldest_gives_way() {
        let latest = Latest::new(2, 100, 10_000);
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

    #[test]
    fn bytes_are_a_bound_of_their_own() {
        let one = publication("cache-0", "tick", 0, false).retained_bytes();
        let latest = Latest::new(100, 100, 16 * one);
        for n in 0..40 {
            let publication = publication(&format!("cache-{}", n % 30), "tick", n, false);
            latest.note(&publication, n);
            assert!(latest.kept().bytes <= 16 * one);
        }
        let kept = latest.kept();
        let sum = kept.by_channel.values().map(|(p, _)| p.retained_bytes());
        assert_eq!(sum.sum::<usize>(), kept.bytes);
        assert!(kept.by_channel.len() > 8, "{}", kept.by_channel.len());
    }
}
