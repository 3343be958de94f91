//! How fast one address may publish: a number per second, and a burst of two seconds' worth.
//!
//! Counted as the generic cell rate algorithm does (ITU-T I.371, annex A, "virtual scheduling"):
//! each address has one number, the instant at which its publications so far would be over if they
//! had come evenly. An address that is ahead by more than the burst is refused and told how long to
//! wait.
//!
//! This machine's own publications are not counted: benches, runs and proxies live there. The table
//! is bounded, because strangers can add entries: one per address (an IPv6 /64 network is one).
//! Entries whose instant has passed mean nothing and are removed first.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use crate::network;

/// Addresses that are remembered; only those that are publishing right now need to be.
const ADDRESSES_MAX: usize = 10_000;
/// A burst: what may come at once, in µs of the even rate.
const BURST_US: u64 = 2_000_000;

/// See the module.
pub struct PublishRates {
    /// µs between publications at the even rate; 0: no limit.
    each_us: u64,
    over_us: Mutex<HashMap<IpAddr, u64>>,
}

impl PublishRates {
    /// `per_second`: publications of one address; 0: no limit.
    pub fn new(per_second: u32) -> Self {
        Self {
            each_us: match per_second {
                0 => 0,
                per_second => (1_000_000 / u64::from(per_second)).max(1),
            },
            over_us: Mutex::default(),
        }
    }

    /// Whether one more may be published at `now_us`, on the monotonic clock. The error is the time
    /// to wait, µs.
    pub fn take(&self, address: Option<IpAddr>, now_us: u64) -> Result<(), u64> {
        let Some(address) = network::counted(address) else {
            return Ok(());
        };
        if self.each_us == 0 {
            return Ok(());
        }
        let mut over_us = self.over_us.lock().unwrap_or_else(PoisonError::into_inner);
        let so_far_us = over_us.get(&address).copied().unwrap_or(0).max(now_us);
        let ahead_us = so_far_us - now_us;
        if ahead_us + self.each_us > BURST_US {
            return Err(ahead_us + self.each_us - BURST_US);
        }
        if over_us.len() >= ADDRESSES_MAX && !over_us.contains_key(&address) {
            over_us.retain(|_, at_us| *at_us > now_us);
            if over_us.len() >= ADDRESSES_MAX {
                over_us.clear();
            }
        }
        over_us.insert(address, so_far_us + self.each_us);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_burst_and_then_the_even_rate() {
        let rates = PublishRates::new(10);
        let publish = |at_us| rates.take(of("192.0.2.1"), at_us);
        for _ in 0..20 {
            assert_eq!(publish(1_000), Ok(()));
        }
        assert_eq!(publish(1_000), Err(100_000));
        assert_eq!(publish(101_000), Ok(()));
        assert!(publish(101_000).is_err());
        assert_eq!(
            rates.take(of("192.0.2.2"), 1_000),
            Ok(()),
            "another address"
        );
    }

    #[test]
    fn this_machine_and_nobody_are_not_counted() {
        let rates = PublishRates::new(1);
        for address in [of("127.0.0.1"), of("::1"), of("::ffff:127.0.0.9"), None] {
            for _ in 0..10 {
                assert_eq!(rates.take(address, 5), Ok(()));
            }
        }
        let free = PublishRates::new(0);
        assert!((0..10).all(|_| free.take(of("192.0.2.1"), 5).is_ok()));
    }

    #[test]
    fn a_network_of_64_bits_is_one_and_the_table_is_bounded() {
        let rates = PublishRates::new(1);
        assert!(rates.take(of("2001:db8::1"), 0).is_ok());
        assert!(rates.take(of("2001:db8::2"), 0).is_ok());
        assert!(rates.take(of("2001:db8::3"), 0).is_err());
        for n in 0..2 * ADDRESSES_MAX as u32 {
            let address = IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0b00_0000 + n));
            assert!(rates.take(Some(address), 0).is_ok());
            assert!(rates.over_us.lock().unwrap().len() <= ADDRESSES_MAX);
        }
    }
}
