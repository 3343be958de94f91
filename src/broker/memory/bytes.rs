//! What histories take, in bytes.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::channel::history::History;

/// Bytes that one history takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryBytes {
    pub publications: usize,
    pub ids: usize,
}

impl HistoryBytes {
    pub fn of(history: &History) -> Self {
        Self {
            publications: history.publication_bytes(),
            ids: history.id_bytes(),
        }
    }
}

/// The sum of all histories' bytes; changed under the lock of the history that changes.
#[derive(Default)]
pub struct TotalBytes {
    publications: AtomicUsize,
    ids: AtomicUsize,
}

impl TotalBytes {
    pub fn replace(&self, before: HistoryBytes, after: HistoryBytes) {
        let replace = |sum: &AtomicUsize, before: usize, after: usize| {
            if after > before {
                sum.fetch_add(after - before, Ordering::Relaxed);
            } else if before > after {
                sum.fetch_sub(before - after, Ordering::Relaxed);
            }
        };
        replace(&self.publications, before.publications, after.publications);
        replace(&self.ids, before.ids, after.ids);
    }

    /// Subtracts a history that is removed.
    pub fn forget(&self, history: &History) {
        let nothing = HistoryBytes {
            publications: 0,
            ids: 0,
        };
        self.replace(HistoryBytes::of(history), nothing);
    }

    pub fn ids(&self) -> usize {
        self.ids.load(Ordering::Relaxed)
    }

    pub fn all(&self) -> usize {
        self.publications.load(Ordering::Relaxed) + self.ids()
    }
}
