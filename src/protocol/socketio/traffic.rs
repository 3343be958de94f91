//! What passes through an engine, counted: for `/metrics` and for the admin namespace.

use std::{
    ops::AddAssign,
    sync::atomic::{AtomicU64, Ordering},
};

use super::engine::Reason;

/// Messages and their bytes, of one thread since it began. Out: counted when handed to the
/// transport, as the original does for its admin page; what the kernel has taken of them is in the
/// lane's meter (`lane::meter`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages from clients.
    pub packets_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Messages to clients.
    pub packets_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.packets_in += other.packets_in;
        self.bytes_in += other.bytes_in;
        self.packets_out += other.packets_out;
        self.bytes_out += other.bytes_out;
    }
}

/// Sessions that ended, by their reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Endings([u64; Reason::ALL.len()]);

impl Endings {
    /// How many sessions ended so.
    pub fn of(&self, reason: Reason) -> u64 {
        self.0[reason as usize]
    }
}

/// The same while they are being counted, by every thread.
#[derive(Debug, Default)]
pub struct EndingsCounter([AtomicU64; Reason::ALL.len()]);

impl EndingsCounter {
    /// One more ended so.
    pub fn count(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// All of them, as they are now.
    pub fn get(&self) -> Endings {
        Endings(std::array::from_fn(|at| self.0[at].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_place() {
        let counter = EndingsCounter::default();
        for (times, reason) in Reason::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| counter.count(reason));
        }
        let endings = counter.get();
        for (times, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(endings.of(reason), times as u64);
        }
    }
}
