//! A list that may change while it is iterated.
//!
//! A loop over subscribers yields in its middle, and until it goes on others may have attached or
//! gone. A `Vec` with `remove` would move a subscriber into a place that the loop has passed, and
//! so past its delivery. Places stay; one that is free is used again. Rejected: a copy of the list
//! for each publication, which for a thousand subscribers is a thousand counters to raise and
//! lower.

use std::rc::Rc;

/// An entry keeps its index until it is removed; free indexes are reused.
pub struct Slots<T> {
    pub slots: Vec<Option<Rc<T>>>,
    free: Vec<usize>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    /// Takes a free place, or a new one; answers which.
    pub fn insert(&mut self, value: Rc<T>) -> usize {
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = Some(value);
                slot
            }
            None => {
                self.slots.push(Some(value));
                self.slots.len() - 1
            }
        }
    }

    /// Frees a place; the others keep theirs.
    pub fn remove(&mut self, slot: usize) {
        if self.slots[slot].take().is_some() {
            self.free.push(slot);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }
}
