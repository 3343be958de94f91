//! By which addresses' requests channels came into being, so that nobody takes all of them.
//!
//! A channel exists from the first request that names it, and a node keeps so many
//! (`max_channels`). One visitor who asks for thousands of names, and stays subscribed, would leave
//! none to others. So each address may open a share of them. Past it the oldest of its own that
//! nobody listens to give way, and where all are listened to, it is refused.
//!
//! This machine's own requests are not counted: benches, runs and proxies live there.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use super::rates::network;
use crate::channel::ChannelName;

/// See the module.
pub struct Openers {
    /// Channels that one address may have opened; 0: any number.
    most: usize,
    opened: Mutex<HashMap<IpAddr, Opened>>,
}

/// The channels of one address, each with the number it was opened as.
#[derive(Default)]
struct Opened {
    next: u64,
    channels: HashMap<ChannelName, u64>,
}

impl Openers {
    pub fn new(most: usize) -> Self {
        Self {
            most,
            opened: Mutex::default(),
        }
    }

    /// Notes that `address` opens a channel that does not exist yet. Asks `give_up` for its older
    /// ones while it has too many: whether the channel was idle and is gone. The error is how many
    /// it has, all of them in use.
    pub fn open(
        &self,
        address: Option<IpAddr>,
        channel: &ChannelName,
        give_up: impl Fn(&ChannelName) -> bool,
    ) -> Result<(), usize> {
        let Some(address) = address.map(network).filter(|a| !a.is_loopback()) else {
            return Ok(());
        };
        if self.most == 0 {
            return Ok(());
        }
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = opened.entry(address).or_default();
        if opened.channels.len() >= self.most && !opened.channels.contains_key(channel) {
            opened.make_room(self.most, give_up);
            if opened.channels.len() >= self.most {
                return Err(opened.channels.len());
            }
        }
        let number = opened.next;
        opened.next += 1;
        opened.channels.entry(channel.clone()).or_insert(number);
        Ok(())
    }

    /// Forgets channels that do not exist any more, and addresses that have none: so this holds no
    /// more names than there are channels, but for those of the last moment.
    pub fn tidy_up(&self, exists: impl Fn(&ChannelName) -> bool) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|_, opened| {
            opened.channels.retain(|channel, _| exists(channel));
            !opened.channels.is_empty()
        });
    }
}

impl Opened {
    /// Gives up an eighth of `most` at once: newcomers in a row do not each look through all.
    fn make_room(&mut self, most: usize, give_up: impl Fn(&ChannelName) -> bool) {
        let mut by_age: Vec<_> = self
            .channels
            .iter()
            .map(|(channel, number)| (*number, channel.clone()))
            .collect();
        by_age.sort_unstable_by_key(|(number, _)| *number);
        let mut wanted = 1 + most / 8;
        for (_, channel) in by_age {
            if wanted == 0 {
                return;
            }
            if give_up(&channel) {
                self.channels.remove(&channel);
                wanted -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name).unwrap()
    }

    #[test]
    fn the_oldest_idle_one_of_the_same_address_gives_way() {
        let openers = Openers::new(2);
        let heard = channel("a");
        let idle = |name: &ChannelName| *name != heard;
        for name in ["a", "b", "c"] {
            openers
                .open(address("192.0.2.1"), &channel(name), idle)
                .unwrap();
        }
        openers
            .open(address("192.0.2.1"), &channel("c"), |_| false)
            .unwrap();
        let full = openers.open(address("192.0.2.1"), &channel("d"), |_| false);
        assert_eq!(full, Err(2));
        openers
            .open(address("192.0.2.2"), &channel("d"), |_| false)
            .unwrap();
        openers.tidy_up(|name| *name == heard);
        openers
            .open(address("192.0.2.1"), &channel("e"), |_| false)
            .unwrap();
        assert_eq!(openers.opened.lock().unwrap().len(), 1);
    }

    #[test]
    fn this_machine_is_not_counted_and_0_counts_nobody() {
        let openers = Openers::new(1);
        for name in ["a", "b"] {
            openers
                .open(address("::1"), &channel(name), |_| false)
                .unwrap();
            openers.open(None, &channel(name), |_| false).unwrap();
        }
        let openers = Openers::new(0);
        for name in ["a", "b"] {
            openers
                .open(address("192.0.2.1"), &channel(name), |_| false)
                .unwrap();
        }
    }
}
