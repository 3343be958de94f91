//! Units for the tests of what is made from them.

use super::{Direction, Hidden, Kind, Secret, Unit};
use crate::catalogue::LaneId;

/// A connection whose units follow each other without gaps, 100 µs apart.
pub struct Example {
    lane: LaneId,
    connection: u32,
    exchange: u32,
    now_us: u64,
    reached: [u64; 2],
    pub units: Vec<Unit>,
}

impl Example {
    pub fn new(lane: &'static str, connection: u32) -> Self {
        Self {
            lane: LaneId(lane),
            connection,
            exchange: 1,
            now_us: 1_000_000,
            reached: [0; 2],
            units: Vec::new(),
        }
    }

    pub fn up(&mut self, kind: Kind, bytes: impl AsRef<[u8]>) -> &mut Unit {
        self.push(Direction::Up, kind, bytes.as_ref())
    }

    pub fn down(&mut self, kind: Kind, bytes: impl AsRef<[u8]>) -> &mut Unit {
        self.push(Direction::Down, kind, bytes.as_ref())
    }

    /// What comes now belongs to the next request.
    pub fn next_exchange(&mut self) {
        self.exchange += 1;
    }

    fn push(&mut self, direction: Direction, kind: Kind, bytes: &[u8]) -> &mut Unit {
        let reached = &mut self.reached[usize::from(direction == Direction::Down)];
        let at = *reached;
        *reached += bytes.len() as u64;
        self.now_us += 100;
        self.units.push(Unit {
            n: self.units.len() as u64 + 1,
            lane: self.lane,
            connection: self.connection,
            exchange: self.exchange,
            direction,
            kind,
            at,
            first_us: self.now_us,
            last_us: self.now_us + 50,
            size: bytes.len(),
            bytes: bytes.to_vec(),
            hidden: Vec::new(),
            inflated: None,
            brings_nothing: None,
        });
        let last = self.units.len() - 1;
        &mut self.units[last]
    }
}

/// Hides this text in a unit.
pub fn hide(unit: &mut Unit, text: &str, what: Secret) {
    let at = unit
        .bytes
        .windows(text.len())
        .position(|window| window == text.as_bytes());
    let at = at.expect("the text is there");
    unit.bytes[at..at + text.len()].fill(b'x');
    unit.hidden.push(Hidden {
        at,
        len: text.len(),
        what,
    });
}
