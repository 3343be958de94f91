//! What a tap keeps of one lane: the newest units, within a budget.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;

use super::LANE_BYTES_MAX;
use crate::capture::Unit;

/// What a unit takes beside its bytes, about.
const UNIT_BYTES: usize = size_of::<Unit>();

/// Of the budget, for heads of exchanges that go on.
const HEADS_MAX_BYTES: usize = LANE_BYTES_MAX / 4;

/// How much is kept of a lane, and how much was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LaneKept {
    /// Bytes that are kept now.
    pub kept_bytes: usize,
    /// Units that had to give way to newer ones.
    pub dropped_units: u64,
}

/// Units of one lane, in order, within its budget.
#[derive(Default)]
pub struct Ring {
    units: VecDeque<Unit>,
    /// The newest exchange of each connection that has not ended.
    newest: HashMap<u32, u32>,
    size: LaneKept,
}

impl Ring {
    /// Adds one; the oldest go. Heads of exchanges that go on are kept apart, since without them
    /// what follows cannot be read.
    pub fn push(&mut self, unit: Unit) {
        self.size.kept_bytes += cost(&unit);
        self.newest.insert(unit.connection, unit.exchange);
        self.units.push_back(unit);
        while self.size.kept_bytes > LANE_BYTES_MAX && self.units.len() > 1 {
            let Some(gone) = self.units.remove(self.oldest_that_may_go()) else {
                return;
            };
            self.size.kept_bytes -= cost(&gone);
            self.size.dropped_units += 1;
        }
    }

    /// The oldest unit that is no head of an exchange which still goes on: a stream's frames mean
    /// little without its opening. But where very many go on, the oldest of these.
    fn oldest_that_may_go(&self) -> usize {
        let goes_on = |head: &Unit| self.newest.get(&head.connection) == Some(&head.exchange);
        let mut of_heads = 0;
        for (index, unit) in self.units.iter().enumerate() {
            if !unit.is_head() || !goes_on(unit) {
                return index;
            }
            of_heads += cost(unit);
            if of_heads > HEADS_MAX_BYTES {
                return 0;
            }
        }
        0
    }

    /// Nothing more comes of a connection.
    pub fn left(&mut self, connection: u32) {
        self.newest.remove(&connection);
    }

    /// Those with a greater number.
    pub fn after(&self, n: u64) -> impl Iterator<Item = &Unit> {
        self.units.iter().filter(move |unit| unit.n > n)
    }

    pub fn size(&self) -> LaneKept {
        self.size
    }
}

/// What a unit counts for in the budget.
fn cost(unit: &Unit) -> usize {
    UNIT_BYTES + unit.bytes.len() + size_of_val(&unit.hidden[..])
}
