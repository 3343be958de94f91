//! The newest entries of a feed. Past either bound the oldest go; readers count what they missed
//! by the numbers.

use std::collections::VecDeque;

use bytes::Bytes;

/// Entries that are kept.
pub const MAX_COUNT: usize = 500;
/// Bytes of entries that are kept.
pub const MAX_BYTES: usize = 512 * 1024;

/// The newest entries, within a bound in number and bytes.
#[derive(Default)]
pub struct Ring {
    entries: VecDeque<Bytes>,
    bytes: usize,
    /// Number of the next entry; the first one ever was 0.
    next: u64,
}

impl Ring {
    /// Adds one; the eldest go where there is no room.
    pub fn push(&mut self, entry: Bytes) {
        self.bytes += entry.len();
        self.entries.push_back(entry);
        self.next += 1;
        while self.entries.len() > MAX_COUNT || self.bytes > MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= oldest.len();
        }
    }

    /// Number of the oldest entry that is kept; that of the next one, if none is.
    pub fn first(&self) -> u64 {
        self.next - self.entries.len() as u64
    }

    /// The number that the next one will have.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// What is kept from number `n` on.
    pub fn after(&self, n: u64) -> Vec<Bytes> {
        let skip = n.saturating_sub(self.first());
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        self.entries.iter().skip(skip).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_past_either_bound() {
        let mut ring = Ring::default();
        for _ in 0..MAX_COUNT + 3 {
            ring.push(Bytes::from_static(b"x"));
        }
        assert_eq!((ring.first(), ring.after(0).len()), (3, MAX_COUNT));
        ring.push(vec![0; MAX_BYTES - 1].into());
        assert_eq!(ring.after(0).len(), 2);
        ring.push(vec![0; MAX_BYTES + 1].into());
        assert_eq!((ring.after(0).len(), ring.first()), (0, ring.next()));
    }

    #[test]
    fn numbers_beyond_the_end_find_nothing() {
        let mut ring = Ring::default();
        ring.push(Bytes::from_static(b"x"));
        assert!(ring.after(1).is_empty() && ring.after(u64::MAX).is_empty());
    }
}
