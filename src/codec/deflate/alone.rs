//! Messages that begin with an empty window: one compressor (for each size of window that was asked
//! for) and one inflater for each thread, whatever the number of connections.

use std::cell::RefCell;

use super::{BITS_MAX, BITS_MIN, Compressor, FROM_BYTES, Inflater, Uninflatable};

const SIZES: usize = (BITS_MAX - BITS_MIN + 1) as usize;

thread_local! {
    static COMPRESSORS: RefCell<[Option<Compressor>; SIZES]> = RefCell::default();
    static INFLATER: RefCell<Option<Inflater>> = RefCell::default();
}

/// Appends a message's compressed form, which refers to nothing before it and back by `2^bits` bytes
/// at most. False, and nothing is appended: it is no shorter so, or too short to try.
pub fn compress_alone(bits: u8, message: &[u8], out: &mut Vec<u8>) -> bool {
    if message.len() < FROM_BYTES || !(BITS_MIN..=BITS_MAX).contains(&bits) {
        return false;
    }
    let from = out.len();
    COMPRESSORS.with_borrow_mut(|compressors| {
        let compressor = &mut compressors[usize::from(bits - BITS_MIN)];
        let compressor = compressor.get_or_insert_with(|| Compressor::new(bits));
        compressor.message(message, out);
        compressor.forget();
    });
    let is_shorter = out.len() - from < message.len();
    if !is_shorter {
        out.truncate(from);
    }
    is_shorter
}

/// As [`Inflater::message`], of a message that refers to nothing before it. What a broken one left
/// behind is in nobody's way.
pub fn inflate_alone(
    compressed: &[u8],
    max_bytes: usize,
    out: &mut Vec<u8>,
) -> Result<(), Uninflatable> {
    INFLATER.with_borrow_mut(|inflater| {
        let inflater = inflater.get_or_insert_default();
        inflater.forget();
        inflater.message(compressed, max_bytes, out)
    })
}
