//! Event streams of those who are no phone: the projector, and whoever looks on. One address does not
//! take the projector's place.

use std::{collections::HashMap, net::IpAddr, sync::Mutex};

use super::lock;
use crate::network;

/// All of them, this machine's not counted.
pub const WALLS_MAX: usize = 100;
/// Of these, from one address.
pub const WALLS_OF_ADDRESS_MAX: usize = 20;

/// How many are open from each address.
#[derive(Default)]
pub struct Walls {
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

impl Walls {
    /// A stream for this address, to be given back with [`Self::leave`]; `false`: there is none left.
    pub fn take(&self, address: Option<IpAddr>) -> bool {
        let Some(address) = network::counted(address) else {
            return true;
        };
        let mut open = lock(&self.by_address);
        let all: usize = open.values().sum();
        let own = open.get(&address).copied().unwrap_or_default();
        let is_free = all < WALLS_MAX && own < WALLS_OF_ADDRESS_MAX;
        if is_free {
            open.insert(address, own + 1);
        }
        is_free
    }

    pub fn leave(&self, address: Option<IpAddr>) {
        let Some(address) = network::counted(address) else {
            return;
        };
        let mut open = lock(&self.by_address);
        match open.get_mut(&address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_room_for_others_and_this_machine_always_has_some() {
        let walls = Walls::default();
        let from = |n: u8| Some(IpAddr::from([192, 168, 1, n]));
        let taken = |n| (0..WALLS_MAX).filter(|_| walls.take(from(n))).count();
        assert_eq!(taken(1), WALLS_OF_ADDRESS_MAX);
        assert_eq!(
            (2..=9).map(taken).sum::<usize>(),
            WALLS_MAX - WALLS_OF_ADDRESS_MAX
        );
        assert!(!walls.take(from(10)) && walls.take(Some([127, 0, 0, 1].into())));
        walls.leave(from(1));
        assert!(walls.take(from(10)) && !walls.take(from(11)));
    }
}
