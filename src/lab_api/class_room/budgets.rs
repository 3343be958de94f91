//! How much a phone may ask, and how often an address may mistype the code or join. A whole class is
//! behind one address, so phones are counted each for itself.

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
/// Phones that join from one address: forty behind one router, each of which asks again, are in within a
/// minute. A script needs a quarter of an hour to fill the class, and the presenter can close the door.
const OF_JOINS: Rate = Rate {
    burst: 10.0,
    per_s: 0.5,
};
/// Phones that are remembered before those with their whole budget are forgotten: more than a class has
/// were in it, one after the other.
const PHONES_MAX: usize = 1_000;
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
    joins: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Budgets {
    /// Whether the phone may ask now.
    pub fn may_ask(&self, phone: ParticipantId, now_us: u64) -> bool {
        let mut phones = self.phones.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = look(&phones, phone, OF_PHONE, now_us);
        let may = bucket.left >= 1.0;
        let left = bucket.left - f64::from(u8::from(may));
        if phones.len() >= PHONES_MAX {
            phones.retain(|_, bucket| bucket.at(OF_PHONE, now_us).left < OF_PHONE.burst);
        }
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
            forget(&mut addresses, OF_WRONG_CODES, now_us);
        }
        let left = (bucket.left - 1.0).max(0.0);
        addresses.insert(address, Bucket { left, ..bucket });
    }

    /// Whether one more phone may join from the address. This machine's own are not counted: stand-ins.
    pub fn may_join(&self, address: Option<IpAddr>, now_us: u64) -> bool {
        let Some(address) = network::counted(address) else {
            return true;
        };
        let mut joins = self.joins.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = look(&joins, address, OF_JOINS, now_us);
        if joins.len() >= ADDRESSES_MAX && !joins.contains_key(&address) {
            forget(&mut joins, OF_JOINS, now_us);
        }
        let may = bucket.left >= 1.0;
        let left = bucket.left - f64::from(u8::from(may));
        joins.insert(address, Bucket { left, ..bucket });
        may
    }

    /// A new class has other phones.
    pub fn begin_anew(&self) {
        let mut phones = self.phones.lock().unwrap_or_else(PoisonError::into_inner);
        phones.clear();
        drop(phones);
        let mut joins = self.joins.lock().unwrap_or_else(PoisonError::into_inner);
        joins.clear();
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
fn forget(addresses: &mut HashMap<IpAddr, Bucket>, rate: Rate, now_us: u64) {
    let left = |bucket: &Bucket| bucket.at(rate, now_us).left;
    addresses.retain(|_, bucket| left(bucket) < rate.burst);
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
    fn a_class_joins_in_a_minute_and_a_script_does_not_fill_the_room() {
        let budgets = Budgets::default();
        let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let joined = |from: &str, count: usize, at_s: u64| {
            let each = (0..count).filter(|_| budgets.may_join(address(from), at_s * 1_000_000));
            each.count()
        };
        assert_eq!(joined("192.0.2.1", 40, 0), 10);
        assert_eq!(joined("192.0.2.1", 500, 1), 0);
        assert_eq!(joined("192.0.2.1", 500, 2), 1);
        let in_a_minute = (3..=60).map(|at_s| joined("192.0.2.1", 29, at_s));
        assert_eq!(11 + in_a_minute.sum::<usize>(), 40);
        assert_eq!(joined("192.0.2.2", 40, 11), 10, "others are not held up");
        assert_eq!(joined("127.0.0.1", 200, 11), 200, "stand-ins");
        for n in 0..3_000_u32 {
            budgets.may_join(Some(IpAddr::from((n + (10 << 24)).to_be_bytes())), 0);
        }
        assert!(budgets.joins.lock().unwrap().len() <= ADDRESSES_MAX);
        budgets.begin_anew();
        assert_eq!(joined("192.0.2.1", 100, 61), 10, "another class");
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
