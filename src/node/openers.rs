//! Which address opened which channel, so that one address cannot use up all channels.
//!
//! A channel exists from the first request that names it, and a node keeps at most `max_channels`.
//! A visitor who subscribes to thousands of names would leave none to others. So each address may
//! open a limited number. Past it, its own oldest channels without subscribers are removed; if
//! there are none, the request is refused.
//!
//! A channel that anybody else has used since (also this machine or an application's server) still
//! counts for its opener, but is not removed: what others published must not be lost.
//!
//! This machine's own requests are not counted: benches, runs and proxies live there.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crate::{channel::ChannelName, network};

/// See the module.
pub struct Openers {
    /// Channels that one address may have opened; 0: no limit.
    most: usize,
    opened: RwLock<Opened>,
    /// How many channels `opened` has: while it has none, using a channel takes no lock.
    known: AtomicUsize,
}

#[derive(Default)]
struct Opened {
    /// The number of the next.
    next: u64,
    channels: HashMap<ChannelName, Opening>,
    /// How many of them each address has.
    counts: HashMap<IpAddr, usize>,
}

struct Opening {
    by: IpAddr,
    number: u64,
    /// Somebody else has used the channel.
    is_shared: AtomicBool,
    /// The last look found no such channel.
    is_missing: bool,
}

impl Openers {
    pub fn new(most: usize) -> Self {
        Self {
            most,
            opened: RwLock::default(),
            known: AtomicUsize::new(0),
        }
    }

    /// Records that `address` opens a new channel. While the address has too many, calls `give_up`
    /// for its older ones, which removes a channel if it is idle and returns whether it did. The
    /// error is the number of its channels, none of which could be removed.
    pub fn open(
        &self,
        address: Option<IpAddr>,
        channel: &ChannelName,
        give_up: impl Fn(&ChannelName) -> bool,
    ) -> Result<(), usize> {
        let Some(address) = network::counted(address) else {
            return Ok(());
        };
        if self.most == 0 {
            return Ok(());
        }
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        // Another request was quicker, or the channel was just removed and is opened again.
        let known = opened.channels.get(channel);
        if known.is_some_and(|opening| opening.by == address) {
            return Ok(());
        }
        let is_shared = known.is_some();
        if opened.count(address) >= self.most {
            opened.make_room(address, self.most, give_up);
            let count = opened.count(address);
            if count >= self.most {
                return Err(count);
            }
        }
        opened.forget(channel);
        let number = opened.next;
        opened.next += 1;
        let opening = Opening {
            by: address,
            number,
            is_shared: AtomicBool::new(is_shared),
            is_missing: false,
        };
        opened.channels.insert(channel.clone(), opening);
        *opened.counts.entry(address).or_default() += 1;
        self.known.store(opened.channels.len(), Ordering::Relaxed);
        Ok(())
    }

    /// Records that an existing channel is used. `None`: by the lab itself or an application's
    /// server.
    pub fn used(&self, address: Option<IpAddr>, channel: &ChannelName) {
        if self.known.load(Ordering::Relaxed) == 0 {
            return;
        }
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(opening) = opened.channels.get(channel)
            && address.map(network::of) != Some(opening.by)
            && !opening.is_shared.load(Ordering::Relaxed)
        {
            opening.is_shared.store(true, Ordering::Relaxed);
        }
    }

    /// Forgets channels that do not exist at two looks in a row, and addresses without channels. So
    /// this has no more names than there are channels, apart from the latest ones.
    ///
    /// Two, since a channel is recorded here before it exists: whoever was recorded just before a
    /// look must not open one more for nothing.
    pub fn tidy_up(&self, exists: impl Fn(&ChannelName) -> bool) {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        let mut gone = Vec::new();
        for (channel, opening) in &mut opened.channels {
            let was_missing = std::mem::replace(&mut opening.is_missing, !exists(channel));
            if was_missing && opening.is_missing {
                gone.push(channel.clone());
            }
        }
        for channel in &gone {
            opened.forget(channel);
        }
        self.known.store(opened.channels.len(), Ordering::Relaxed);
    }
}

impl Opened {
    fn count(&self, address: IpAddr) -> usize {
        self.counts.get(&address).copied().unwrap_or_default()
    }

    fn forget(&mut self, channel: &ChannelName) {
        let Some(opening) = self.channels.remove(channel) else {
            return;
        };
        if let Some(count) = self.counts.get_mut(&opening.by) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&opening.by);
            }
        }
    }

    /// Removes an eighth of `most` at once, so that not every new channel searches all of them.
    fn make_room(&mut self, address: IpAddr, most: usize, give_up: impl Fn(&ChannelName) -> bool) {
        let mut by_age: Vec<_> = self
            .channels
            .iter()
            .filter(|(_, opening)| {
                opening.by == address && !opening.is_shared.load(Ordering::Relaxed)
            })
            .map(|(channel, opening)| (opening.number, channel.clone()))
            .collect();
        by_age.sort_unstable_by_key(|(number, _)| *number);
        let mut wanted = 1 + most / 8;
        for (_, channel) in by_age {
            if wanted == 0 {
                return;
            }
            if give_up(&channel) {
                self.forget(&channel);
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
        let full = openers.open(address("192.0.2.1"), &channel("e"), |_| false);
        assert_eq!(full, Err(2), "the last one may be about to exist");
        openers.tidy_up(|name| *name == heard);
        openers
            .open(address("192.0.2.1"), &channel("e"), |_| false)
            .unwrap();
        assert_eq!(openers.opened.read().unwrap().counts.len(), 1);
    }

    #[test]
    fn what_somebody_else_has_used_does_not_give_way() {
        for other in [address("192.0.2.2"), address("127.0.0.1"), None] {
            let openers = Openers::new(2);
            let open = |name| openers.open(address("192.0.2.1"), &channel(name), |_| true);
            openers.used(other, &channel("a"));
            open("a").unwrap();
            open("b").unwrap();
            openers.used(address("192.0.2.1"), &channel("b"));
            openers.used(other, &channel("a"));
            open("c").unwrap();
            let kept = |name| {
                openers
                    .opened
                    .read()
                    .unwrap()
                    .channels
                    .contains_key(&channel(name))
            };
            assert_eq!([kept("a"), kept("b"), kept("c")], [true, false, true]);
            openers.used(other, &channel("c"));
            assert_eq!(open("d"), Err(2), "they count all the same");
        }
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
