//! A delay line: bytes in flight in one direction, each piece with the instant it is due.
//!
//! Pieces have fixed instants, whenever the line is read, so delays do not compound and a late read
//! delays only itself. Order is kept: no piece is due before the one ahead of it. The line is
//! bounded in bytes and pieces; full, it takes nothing more and the sender waits (back-pressure).

use std::{collections::VecDeque, time::Instant};

use bytes::{Buf, Bytes};

/// Bytes that may be in flight: as much as a large TCP window.
pub const LINE_MAX_BYTES: usize = 1 << 20;
/// Pieces that may be in flight; each costs some bytes beside its content.
const PIECES_MAX: usize = 4_096;

/// Bytes in flight. `entered` is kept beside `due`, so that other conditions can be applied to
/// them.
struct Piece {
    entered: Instant,
    due: Instant,
    bytes: Bytes,
}

/// See the module.
#[derive(Default)]
pub struct Line {
    pieces: VecDeque<Piece>,
    bytes: usize,
}

impl Line {
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many bytes it takes now, if no more than `window` may be in flight.
    pub fn free_bytes(&self, window: usize) -> usize {
        match self.pieces.len() < PIECES_MAX {
            true => window.min(LINE_MAX_BYTES).saturating_sub(self.bytes),
            false => 0,
        }
    }

    /// Puts a piece behind the others.
    pub fn push(&mut self, bytes: Bytes, entered: Instant, due: Instant) {
        let due = self.pieces.back().map_or(due, |last| due.max(last.due));
        self.bytes += bytes.len();
        self.pieces.push_back(Piece {
            entered,
            due,
            bytes,
        });
    }

    /// When the first piece is due.
    pub fn due(&self) -> Option<Instant> {
        self.pieces.front().map(|piece| piece.due)
    }

    /// When the last one is.
    pub fn all_due(&self) -> Option<Instant> {
        self.pieces.back().map(|piece| piece.due)
    }

    /// The first bytes that are due by `now`; empty for none.
    pub fn front(&self, now: Instant) -> &[u8] {
        match self.pieces.front() {
            Some(piece) if piece.due <= now => &piece.bytes,
            _ => &[],
        }
    }

    /// Takes bytes off the front piece, which has them.
    pub fn advance(&mut self, bytes: usize) {
        if let Some(piece) = self.pieces.front_mut() {
            piece.bytes.advance(bytes);
            self.bytes -= bytes;
            if piece.bytes.is_empty() {
                self.pieces.pop_front();
            }
        }
    }

    /// Copies what is due by `now`, as much as fits.
    pub fn read(&mut self, mut into: &mut [u8], now: Instant) -> usize {
        let mut read = 0;
        while !into.is_empty() {
            let front = self.front(now);
            if front.is_empty() {
                break;
            }
            let some = front.len().min(into.len());
            into[..some].copy_from_slice(&front[..some]);
            into = &mut into[some..];
            self.advance(some);
            read += some;
        }
        read
    }

    /// Drops everything in flight.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Conditions have changed: recomputes when each piece is due, from when it entered.
    pub fn reschedule(&mut self, mut leaves: impl FnMut(usize, Instant) -> Instant) {
        let mut last = None;
        for piece in &mut self.pieces {
            let due = leaves(piece.bytes.len(), piece.entered);
            piece.due = last.map_or(due, |last: Instant| due.max(last));
            last = Some(piece.due);
        }
        self.pieces.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn bytes_come_out_when_they_are_due_and_in_order() {
        let start = Instant::now();
        let mut line = Line::default();
        line.push(Bytes::from_static(b"one"), start, start + ms(20));
        // Would overtake.
        line.push(Bytes::from_static(b"two"), start, start + ms(10));
        let mut buffer = [0; 4];
        assert_eq!(line.read(&mut buffer, start + ms(19)), 0);
        assert_eq!(line.due(), Some(start + ms(20)));
        assert_eq!(line.read(&mut buffer, start + ms(20)), 4);
        assert_eq!(&buffer, b"onet");
        assert_eq!(line.read(&mut buffer, start + ms(20)), 2);
        assert!(line.is_empty() && line.due().is_none());
    }

    #[test]
    fn it_is_bounded_in_bytes_and_in_pieces() {
        let start = Instant::now();
        let mut line = Line::default();
        assert_eq!(line.free_bytes(usize::MAX), LINE_MAX_BYTES);
        line.push(Bytes::from(vec![0; 1_000]), start, start);
        assert_eq!(line.free_bytes(4_096), 3_096);
        assert_eq!(line.free_bytes(10), 0);
        for _ in 1..PIECES_MAX {
            line.push(Bytes::from_static(b"x"), start, start);
        }
        assert_eq!(line.free_bytes(usize::MAX), 0);
        line.clear();
        assert_eq!(line.free_bytes(usize::MAX), LINE_MAX_BYTES);
    }

    #[test]
    fn new_conditions_hold_for_what_is_on_its_way() {
        let start = Instant::now();
        let mut line = Line::default();
        line.push(Bytes::from_static(b"late"), start, start + ms(10_000));
        line.reschedule(|_, entered| entered + ms(5));
        assert_eq!(line.due(), Some(start + ms(5)));
    }
}
