//! Keeping all histories within their budget of bytes.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::PoisonError,
};

use super::{MemoryBroker, SharedHistory, lock};
use crate::channel::{ChannelName, history::History};

/// Ids may take one part in so many of the budget; the rest is for publications.
const IDS_PART: usize = 4;

impl MemoryBroker {
    /// Evicts where the ids exceed their part of the budget, or all histories the whole, until an
    /// eighth of it is free, so that not every publication searches all channels. The caller must
    /// not hold the lock of a channel.
    pub(in crate::broker) fn evict_over_budget(&self) {
        let budget = self.limits.budget_bytes;
        let ids_budget = budget / IDS_PART;
        let is_exceeded = || self.total.ids() > ids_budget || self.total.all() > budget;
        if !is_exceeded() {
            return;
        }
        let _one_at_a_time = self.evicting.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_exceeded() {
            return;
        }
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        if self.total.ids() > ids_budget {
            self.evict_ids(&channels, ids_budget / 8 * 7);
        }
        if self.total.all() > budget {
            self.evict_publications(&channels, budget / 8 * 7);
        }
    }

    /// Evicts ids until all channels hold no more than `enough` bytes of them: always the older
    /// half of the channel that has the most. So a channel that is flooded with ids loses its own,
    /// and one with a few keeps them.
    fn evict_ids(&self, channels: &HashMap<ChannelName, SharedHistory>, enough: usize) {
        let by_size = channels.values().map(|shared| {
            let id_bytes = lock(shared).id_bytes();
            Keyed(id_bytes, shared)
        });
        let mut by_size: BinaryHeap<_> =
            by_size.filter(|Keyed(id_bytes, _)| *id_bytes > 0).collect();
        while self.total.ids() > enough
            && let Some(Keyed(_, shared)) = by_size.pop()
        {
            let mut history = lock(shared);
            self.change(&mut history, History::evict_older_ids);
            if history.id_bytes() > 0 {
                by_size.push(Keyed(history.id_bytes(), shared));
            }
        }
    }

    /// Evicts publications until all histories hold no more than `enough` bytes: first those of
    /// channels that nobody listens to, least recently used first; then the oldest of the others; and
    /// the lab's own last.
    fn evict_publications(&self, channels: &HashMap<ChannelName, SharedHistory>, enough: usize) {
        let (mut idle, mut heard) = (Vec::new(), BinaryHeap::new());
        for (name, shared) in channels {
            let is_own = (self.around.is_reserved)(name);
            let stays = is_own || (self.around.has_audience)(name);
            let history = lock(shared);
            match (stays, history.oldest_us()) {
                (false, _) if history.publication_bytes() > 0 => {
                    idle.push((history.used_us(), shared));
                }
                (true, Some(oldest_us)) => {
                    heard.push(Keyed(Reverse((is_own, oldest_us)), shared));
                }
                _ => (),
            }
        }
        idle.sort_unstable_by_key(|(used_us, _)| *used_us);
        for (_, shared) in idle {
            if self.total.all() <= enough {
                return;
            }
            self.change(&mut lock(shared), History::evict_publications);
        }
        while self.total.all() > enough
            && let Some(Keyed(Reverse((is_own, _)), shared)) = heard.pop()
        {
            let mut history = lock(shared);
            self.change(&mut history, History::evict_oldest);
            if let Some(oldest_us) = history.oldest_us() {
                heard.push(Keyed(Reverse((is_own, oldest_us)), shared));
            }
        }
    }
}

/// A history with its sort key, for a heap: the greatest comes first.
struct Keyed<'a, K>(K, &'a SharedHistory);

impl<K: Ord> PartialEq for Keyed<'_, K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Ord> Eq for Keyed<'_, K> {}

impl<K: Ord> PartialOrd for Keyed<'_, K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord> Ord for Keyed<'_, K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
