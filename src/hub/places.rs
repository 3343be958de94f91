//! A list that is walked while it changes.

use std::rc::Rc;

/// A list whose places stay put while it is walked; freed places are used again.
pub struct Places<T> {
    pub places: Vec<Option<Rc<T>>>,
    free: Vec<usize>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Places<T> {
    pub fn insert(&mut self, value: Rc<T>) -> usize {
        match self.free.pop() {
            Some(place) => {
                self.places[place] = Some(value);
                place
            }
            None => {
                self.places.push(Some(value));
                self.places.len() - 1
            }
        }
    }

    pub fn remove(&mut self, place: usize) {
        if self.places[place].take().is_some() {
            self.free.push(place);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.places.len() == self.free.len()
    }
}
