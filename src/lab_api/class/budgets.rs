//! How much a phone may ask, and how often an address may mistype the code. A whole class is behind one
//! address, so phones are counted each for itself.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use crate::{class::ParticipantId, network};

/// Requests of a phone: at once, and each second.
const OF_PHONE: Rate = Rate {
    burst: 40.0,
    per_s: 20.0,
};
/// Wrong codes of an address: forty phones may mistype at once; all 923,521 codes would take days.
const OF_WRONG_CODES: Rate = Rate {
    burst: 60.0,
    per_s: 1.0,
};
/// Addresses that are remembered; those that have spent least are forgotten first.
const ADDRESSES_MAX: usize = 1_000;

#[derive(Clone, Copy)]
struct Rate {
    burst: f64,
    per_s: f64,
}

/// Tokens that are left, and when they were counted, µs.
#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at_us: u64,
}

impl Bucket {
    fn at(self, rate: Rate, now_us: u64) -> Self {
        let passed_s = now_us.saturating_sub(self.at_us) as f64 / 1e6;
        Self {
            left: (self.left + passed_s * rate.per_s).min(rate.burst),
            at_us: now_us,
        }
    }
}

/// Each under its own lock; `now_us` is on a monotonic clock.
#[derive(Default)]
pub struct Budgets {
    phones: Mutex<HashMap<ParticipantId, Bucket>>,
    wrong_codes: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Budgets {
    /// Whether the phone may ask now. There are no more phones than a class has.
    pub fn may_ask(&self, phone: ParticipantId, now_us: u64) -> bool {
        let mut phones = self.phones.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = look(&phones, phone, OF_PHONE, now_us);
        let may = bucket.left >= 1.0;
        let left = bucket.left - f64::from(u8::from(may));
        phones.insert(phone, Bucket { left, ..bucket });
        may
    }

    /// Whether the address may try a code; only wrong ones are counted.
    pub fn may_try(&self, address: Option<IpAddr>, now_us: u64) -> bool {
        let Some(address) = address.map(network::of) else {
            return true;
        };
        let addresses = self.wrong_codes.lock();
        let addresses = addresses.unwrap_or_else(PoisonError::into_inner);
        look(&addresses, address, OF_WRONG_CODES, now_us).left >= 1.0
    }

    pub fn note_wrong_code(&self, address: Option<IpAddr>, now_us: u64) {
        let Some(address) = address.map(network::of) else {
            return;
        };
        let addresses = self.wrong_codes.lock();
        let mut addresses = addresses.unwrap_or_else(PoisonError::into_inner);
        let bucket = look(&addresses, address, OF_WRONG_CODES, now_us);
        if addresses.len() >= ADDRESSES_MAX && !addresses.contains_key(&address) {
            forget(&mut addresses, now_us);
        }
        let left = (bucket.left - 1.0).max(0.0);
        addresses.insert(address, Bucket { left, ..bucket });
    }

    /// A new class has other phones.
    pub fn begin_anew(&self) {
        let mut phones = self.phones.lock().unwrap_or_else(PoisonError::into_inner);
        phones.clear();
    }
}

fn look<K: Eq + Hash>(all: &HashMap<K, Bucket>, key: K, rate: Rate, now_us: u64) -> Bucket {
    let known = all.get(&key).map(|bucket| bucket.at(rate, now_us));
    known.unwrap_or(Bucket {
        left: rate.burst,
        at_us: now_us,
    })
}

/// Forgets whoever has its whole budget again, or else the one that has most of it.
fn forget(addresses: &mut HashMap<IpAddr, Bucket>, now_us: u64) {
    let left = |bucket: &Bucket| bucket.at(OF_WRONG_CODES, now_us).left;
    addresses.retain(|_, bucket| left(bucket) < OF_WRONG_CODES.burst);
    if addresses.len() >= ADDRESSES_MAX {
        let most = addresses
            .iter()
            .max_by(|(_, one), (_, other)| left(one).total_cmp(&left(other)));
        if let Some(address) = most.map(|(address, _)| *address) {
            addresses.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_has_its_own_budget_and_gets_it_back() {
        let budgets = Budgets::default();
        let [one, other] = [ParticipantId(1), ParticipantId(2)];
        let granted = (0..100).filter(|_| budgets.may_ask(one, 0)).count();
        assert_eq!(granted, 40);
        assert!(budgets.may_ask(other, 0));
        let granted = (0..100).filter(|_| budgets.may_ask(one, 1_000_000)).count();
        assert_eq!(granted, 20);
    }

    #[test]
    fn wrong_codes_are_counted_by_address_and_the_addresses_are_bounded() {
        let budgets = Budgets::default();
        let address = |n: u32| Some(IpAddr::from(n.to_be_bytes()));
        for _ in 0..60 {
            assert!(budgets.may_try(address(1), 0));
            budgets.note_wrong_code(address(1), 0);
        }
        assert!(!budgets.may_try(address(1), 0));
        assert!(budgets.may_try(address(1), 1_000_000));
        for n in 2..3_000 {
            budgets.note_wrong_code(address(n), 0);
        }
        assert!(budgets.wrong_codes.lock().unwrap().len() <= ADDRESSES_MAX);
        assert!(!budgets.may_try(address(1), 0), "the one that spent most");
    }
}
