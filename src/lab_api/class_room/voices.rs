//! Which of the phones on the wall speak for their address. In the class's figures several phones at one
//! address are one value (`class::live::by_phones`); the wall's race says the same of what it shows live.
//! So a script that is in the class twenty times is there as one.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    class::{ParticipantId, state::GridEntry},
    network,
};

/// Where a phone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The other end of its connection: a proxy's, behind one.
    pub peer: IpAddr,
    /// Its own, as a trusted proxy tells it.
    pub client: Option<IpAddr>,
}

/// Of those at one address and in one group that have a delay, the one in the middle speaks; those of this
/// machine, where stand-ins are, each for itself.
pub fn give(grid: &mut [GridEntry], places: &BTreeMap<ParticipantId, Place>) {
    let mut shared = BTreeMap::<_, Vec<(f64, usize)>>::new();
    for (at, one) in grid.iter().enumerate().filter(|(_, one)| one.speaks) {
        let place = places.get(&one.id);
        let address = network::counted(place.and_then(|place| place.client));
        if let (Some(address), Some(delay_ms)) = (address, one.delay_ms) {
            let of_address = shared.entry((address, one.group, one.lane.clone()));
            of_address.or_default().push((delay_ms, at));
        }
    }
    for mut voices in shared.into_values() {
        voices.sort_by(|one, other| one.0.total_cmp(&other.0));
        let middle = (voices.len() - 1) / 2;
        for (nth, (_, at)) in voices.into_iter().enumerate() {
            grid[at].speaks = nth == middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::{
        participant::LineState,
        state::{GridState, HereBy},
    };

    fn phone(n: u32, group: usize, delay_ms: f64) -> GridEntry {
        GridEntry {
            id: ParticipantId(n),
            name: String::new(),
            state: GridState::Open,
            line: LineState::Open,
            lane: Some("sse".to_owned()),
            delay_ms: Some(delay_ms),
            group: Some(group),
            here_by: HereBy::Browser,
            speaks: true,
            seen: None,
        }
    }

    #[test]
    fn an_address_speaks_once_in_each_group_by_its_middle() {
        let mut grid = vec![
            phone(1, 0, 40.0),
            phone(2, 0, 9_000.0),
            phone(3, 0, 9_000.5),
            phone(4, 0, 9_000.9),
            phone(5, 1, 9_000.0),
            phone(6, 0, 1.0),
            phone(7, 0, 2.0),
            phone(8, 0, 3.0),
        ];
        grid[7].speaks = false;
        let at = |address: &str| {
            let address = address.parse().unwrap();
            Place {
                peer: address,
                client: Some(address),
            }
        };
        let mut places = BTreeMap::from([(ParticipantId(1), at("192.0.2.1"))]);
        // One device; two stand-ins; one without a stream.
        for n in 2..=5 {
            places.insert(ParticipantId(n), at(&format!("2001:db8::{n}")));
        }
        for n in 6..=8 {
            places.insert(ParticipantId(n), at("127.0.0.1"));
        }
        give(&mut grid, &places);
        let speaks = grid.iter().filter(|one| one.speaks).map(|one| one.id.0);
        assert_eq!(speaks.collect::<Vec<_>>(), [1, 3, 5, 6, 7]);
    }
}
