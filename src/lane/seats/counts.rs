//! How many seats are taken, in all and by address.

use std::{collections::HashMap, net::IpAddr, sync::Weak};

use super::{capacity::Full, seat::Seat};

#[derive(Default)]
pub struct SeatCounts {
    pub all: usize,
    pub held: usize,
    /// Most of `all` since the last [`Seats::take_peak`](super::Seats::take_peak).
    pub most: usize,
    /// Seats by number, for finding idle ones.
    pub taken: HashMap<u64, Weak<Seat>>,
    /// Bounded by `all`: an address leaves with its last connection.
    pub by_address: HashMap<IpAddr, usize>,
}

impl SeatCounts {
    /// One connection fewer of this address.
    pub fn leave(&mut self, address: IpAddr) {
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }

    /// One connection more of this address, unless it has `most`.
    pub fn enter(&mut self, address: IpAddr, most: usize) -> Result<(), Full> {
        let count = self.by_address.get(&address).copied().unwrap_or(0);
        if count >= most {
            return Err(Full::ForAddress);
        }
        self.by_address.insert(address, count + 1);
        Ok(())
    }
}
