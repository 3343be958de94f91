//! Bytes that wait, in a queue whose owner writes a stream of them.
//!
//! A kernel takes as many bytes as it has room for, in the middle of a frame if need be. So a chunk
//! knows how much of it is out, and one that is begun is never given up: what follows half a frame
//! would be read as its other half.

use bytes::{Buf, Bytes};

use super::{Item, Queue};
use crate::wire::Layers;

/// Bytes that wait, and what they are once written.
pub struct Chunk {
    /// What is left of it.
    pub bytes: Bytes,
    /// How all of its bytes divide, those that are out included.
    pub layers: Layers,
    /// How many publications are in it.
    pub publications: usize,
    /// `published_us` of those that are live.
    pub live_since_us: Vec<u64>,
    /// How many bytes of it are out already.
    pub written: usize,
}

impl Chunk {
    /// Bytes of the transport itself.
    pub fn framing(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            layers: Layers {
                framing: bytes.len() as u64,
                ..Layers::default()
            },
            bytes,
            publications: 0,
            live_since_us: Vec::new(),
            written: 0,
        }
    }
}

impl Item for Chunk {
    fn bytes(&self) -> usize {
        self.bytes.len()
    }
    fn publications(&self) -> usize {
        self.publications
    }
    fn is_begun(&self) -> bool {
        self.written > 0
    }
}

impl Queue<Chunk> {
    /// What waits, in order.
    pub fn slices(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.entries.iter().map(|entry| &*entry.item.bytes)
    }

    /// Takes off the first `taken` bytes, which have been written. `begins` is called with each
    /// chunk whose first byte is among them, and with where in `taken` that is.
    pub fn advance(&mut self, mut taken: usize, mut begins: impl FnMut(usize, &mut Chunk)) {
        let mut at = 0;
        while taken > 0
            && let Some(entry) = self.entries.front_mut()
        {
            let chunk = &mut entry.item;
            if chunk.written == 0 {
                begins(at, chunk);
            }
            let of_it = taken.min(chunk.bytes.len());
            chunk.bytes.advance(of_it);
            chunk.written += of_it;
            at += of_it;
            taken -= of_it;
            let is_out = chunk.bytes.is_empty();
            *self.sums.of(entry.share()) -= of_it;
            if is_out {
                self.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Budget, Kind, Pushed},
        *,
    };

    const PLACE: usize = Queue::<Chunk>::PLACE_BYTES;

    #[test]
    fn bytes_leave_in_order_and_each_chunk_begins_once() {
        let mut queue = Queue::new(Budget::or_disconnect(5 + 2 * PLACE));
        for (text, kind) in [
            ("page", Kind::Page),
            ("abc", Kind::Message),
            ("de", Kind::Message),
        ] {
            let pushed = queue.push(Chunk::framing(text), kind);
            assert_eq!(pushed, Pushed::Queued);
        }
        assert_eq!(queue.slices().collect::<Vec<_>>().concat(), b"pageabcde");
        let mut begun = Vec::new();
        for taken in [1, 4, 4] {
            queue.advance(taken, |at, chunk| begun.push((at, chunk.layers.framing)));
            begun.push((taken, 0));
        }
        assert_eq!(
            begun,
            [(0, 4), (1, 0), (3, 3), (4, 0), (2, 2), (4, 0)],
            "where each begins, and how much was taken"
        );
        assert!(queue.is_empty() && queue.has_room_for(5 + PLACE));
    }

    #[test]
    fn what_is_out_makes_room() {
        let mut queue = Queue::new(Budget::or_disconnect(8 + 2 * PLACE));
        assert_eq!(
            queue.push(Chunk::framing("12345678"), Kind::Message),
            Pushed::Queued
        );
        queue.advance(3, |_, _| {});
        assert!(queue.has_room_for(3) && !queue.has_room_for(4));
        assert_eq!(queue.clear_unbegun(), 0);
        assert_eq!(queue.slices().next(), Some(&b"45678"[..]));
    }
}
