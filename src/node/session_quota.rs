//! How many sessions each address has, so that one address cannot use up all of them.
//!
//! For sessions of protocols that poll: they have no connection of their own, so the limit on
//! connections does not bound them. This machine's own are not counted.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::network;

/// See the module.
pub struct SessionQuota {
    most: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// Permission for one session; given back when it is dropped.
pub struct SessionPermit {
    session_quota: Arc<SessionQuota>,
    /// `None`: not counted.
    address: Option<IpAddr>,
}

impl SessionQuota {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            held: Mutex::default(),
        })
    }

    /// A permit for one more session of this address; `None` if it has too many.
    pub fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Option<SessionPermit> {
        let address = network::counted(address);
        if let Some(address) = address {
            let mut held = self.held();
            let count = held.get(&address).copied().unwrap_or_default();
            if count >= self.most {
                return None;
            }
            held.insert(address, count + 1);
        }
        Some(SessionPermit {
            session_quota: self.clone(),
            address,
        })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SessionPermit {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut held = self.session_quota.held();
        if let Some(count) = held.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_and_gives_them_back() {
        let session_quota = SessionQuota::new(2);
        let take = |address: &str| session_quota.take(Some(address.parse().unwrap()));
        let held = [take("192.0.2.1"), take("::ffff:192.0.2.1")];
        assert!(held.iter().all(Option::is_some));
        assert!(take("192.0.2.1").is_none());
        let other = take("192.0.2.2");
        assert!(other.is_some());
        drop(held);
        drop(other);
        assert!(take("192.0.2.1").is_some());
        assert!(session_quota.held().is_empty());
        let local: Vec<_> = (0..5).map(|_| take("127.0.0.1")).collect();
        assert!(local.iter().all(Option::is_some), "not counted");
        assert!((0..5).all(|_| session_quota.take(None).is_some()));
    }
}
