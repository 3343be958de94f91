//! When the subscribers of a channel are notified of how many they are (reference, 10): at every
//! change up to 100 subscribers; above that at most once in five seconds, the last change included.
//!
//! Pure but for the lock: the time is a parameter. Sending is
//! [`subscription_count`](super::subscription_count)'s.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::channel::ChannelName;

const EVERY_CHANGE_UP_TO: usize = 100;
const AT_MOST_EVERY: Duration = Duration::from_secs(5);

/// The channels of one application that have had more than 100 subscribers, until they have none.
#[derive(Default)]
pub struct CountSchedule(Mutex<HashMap<ChannelName, LastNotice>>);

#[derive(Default)]
struct LastNotice {
    at_us: u64,
    /// A task waits to send the next one.
    is_next_planned: bool,
}

impl CountSchedule {
    /// A channel has `count` subscribers now: how long to wait before they are notified. `None`:
    /// not at all, because there are none or because a task waits to do it.
    pub fn wait(&self, channel: &ChannelName, count: usize, now_us: u64) -> Option<Duration> {
        if count <= EVERY_CHANGE_UP_TO {
            self.notified(channel, count, now_us);
            return (count > 0).then_some(Duration::ZERO);
        }
        let mut channels = self.lock();
        let last = channels.entry(channel.clone()).or_default();
        let since = Duration::from_micros(now_us.saturating_sub(last.at_us));
        if since >= AT_MOST_EVERY {
            last.at_us = now_us;
            return Some(Duration::ZERO);
        }
        let is_planned = std::mem::replace(&mut last.is_next_planned, true);
        (!is_planned).then_some(AT_MOST_EVERY - since)
    }

    /// They are notified now, by the task that waited.
    pub fn notified(&self, channel: &ChannelName, count: usize, now_us: u64) {
        let mut channels = self.lock();
        if count == 0 {
            channels.remove(channel);
        } else if count > EVERY_CHANGE_UP_TO || channels.contains_key(channel) {
            let last = LastNotice {
                at_us: now_us,
                is_next_planned: false,
            };
            channels.insert(channel.clone(), last);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChannelName, LastNotice>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_up_to_a_hundred_then_one_in_five_seconds() {
        let schedule = CountSchedule::default();
        let channel = ChannelName::parse("news").unwrap();
        let at = |count, s: u64| schedule.wait(&channel, count, s * 1_000_000);
        assert_eq!(at(99, 100), Some(Duration::ZERO));
        assert_eq!(at(100, 100), Some(Duration::ZERO));
        assert_eq!(at(101, 100), Some(Duration::ZERO));
        assert_eq!(at(102, 102), Some(Duration::from_secs(3)));
        assert_eq!(at(103, 103), None, "a task waits until 105");
        schedule.notified(&channel, 103, 105_000_000);
        assert_eq!(at(104, 106), Some(Duration::from_secs(4)));
        assert_eq!(at(0, 107), None);
        assert!(schedule.lock().is_empty());
    }
}
