//! The ids that were published to one channel lately, with the positions that they got.
//!
//! Ids have a window of their own, so that a repeat is recognised even if the history has evicted
//! its publication. The window ends early only if there are too many ids, in the channel
//! ([`IdLimits`]) or in all channels together (then the broker evicts from the channels with the
//! most), or if the channel is given up.

use std::{
    collections::{HashMap, VecDeque},
    mem::size_of,
    sync::Arc,
};

/// How many ids one channel remembers. Whichever bound is reached first forgets the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdLimits {
    /// Ids; 0 remembers none.
    pub max_count: usize,
    /// Bytes by [`RecentIds::held_bytes`].
    pub max_bytes: usize,
    /// Age in µs; 0 remembers none.
    pub max_age_us: u64,
}

/// See the module.
pub struct RecentIds {
    limits: IdLimits,
    offsets: HashMap<Arc<str>, u64>,
    /// Oldest first, with the time at which each was published, µs on the monotonic clock.
    order: VecDeque<(Arc<str>, u64)>,
    bytes: usize,
}

/// Bytes of memory that one id takes: its text, which is allocated with two counts before it (16
/// bytes), and its places in the map and in the queue, each of which may be half empty. A place is
/// a handle of the text and a number; in the map it has one more byte.
const fn cost(id_bytes: usize) -> usize {
    id_bytes + 16 + 2 * (size_of::<(Arc<str>, u64)>() + 1) + 2 * size_of::<(Arc<str>, u64)>()
}

impl RecentIds {
    /// A memory without ids.
    pub fn new(limits: IdLimits) -> Self {
        Self {
            limits,
            offsets: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
        }
    }

    /// The offset that was published with this id.
    pub fn offset_of(&self, id: &str) -> Option<u64> {
        self.offsets.get(id).copied()
    }

    /// Remembers that a publication with this id has this offset; forgets what is too old or too
    /// much.
    pub fn note(&mut self, id: &str, offset: u64, now_us: u64) {
        let id = Arc::<str>::from(id);
        if self.offsets.insert(id.clone(), offset).is_none() {
            self.bytes += cost(id.len());
            self.order.push_back((id, now_us));
        }
        while self.offsets.len() > self.limits.max_count || self.bytes > self.limits.max_bytes {
            self.forget_oldest();
        }
    }

    /// Forgets what is older than the window.
    pub fn expire(&mut self, now_us: u64) {
        while let Some((_, published_us)) = self.order.front() {
            if now_us.saturating_sub(*published_us) < self.limits.max_age_us {
                break;
            }
            self.forget_oldest();
        }
    }

    /// Oldest first: id, offset, when it was published.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.order.iter().map(|(id, published_us)| {
            let offset = self.offsets.get(id).copied().unwrap_or_default();
            (&**id, offset, *published_us)
        })
    }

    /// Whether it remembers nothing.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Bytes of memory, overhead included.
    pub fn held_bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets the older half, the last one too, and gives the memory back.
    pub fn evict_older_half(&mut self) {
        for _ in 0..self.order.len().div_ceil(2) {
            self.forget_oldest();
        }
        self.offsets.shrink_to_fit();
        self.order.shrink_to_fit();
    }

    fn forget_oldest(&mut self) {
        if let Some((id, _)) = self.order.pop_front() {
            self.bytes -= cost(id.len());
            self.offsets.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: IdLimits = IdLimits {
        max_count: 3,
        max_bytes: 10_000,
        max_age_us: 1_000,
    };

    #[test]
    fn count_bytes_and_age_are_bounds() {
        let mut counted = RecentIds::new(LIMITS);
        (1..=4).for_each(|n| counted.note(&n.to_string(), n, n));
        assert_eq!(counted.offset_of("1"), None);
        assert_eq!(counted.offset_of("2"), Some(2));
        counted.expire(1_002);
        assert_eq!(counted.offset_of("2"), None);
        assert_eq!(counted.offset_of("3"), Some(3));
        counted.expire(1_004);
        assert!(counted.is_empty());
        assert_eq!(counted.held_bytes(), 0);

        let mut small = RecentIds::new(IdLimits {
            max_bytes: cost(1) * 2,
            ..LIMITS
        });
        (1..=3).for_each(|n| small.note(&n.to_string(), n, n));
        assert_eq!(small.offset_of("1"), None);
        assert_eq!(small.offset_of("3"), Some(3));
    }
}
