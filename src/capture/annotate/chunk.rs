//! A chunk of the chunked coding (RFC 9112 §7.1): size line, data, line end.

use super::{
    part::{By, Layer},
    text::{find, line},
    writer::{Words, Writer},
};
use crate::capture::Direction;

/// Writes the chunk; `data` writes what is in it, up to the position that it is given.
pub(super) fn chunk(
    writer: &mut Writer<'_>,
    direction: Direction,
    data: impl FnOnce(&mut Writer<'_>, usize),
) {
    let by = match direction {
        Direction::Up => By::Browser,
        Direction::Down => By::Server,
    };
    let framing =
        |what: &'static str| Words::new(Layer::Framing, by, what).section("RFC 9112 §7.1");
    let bytes = writer.bytes;
    let (content, next) = line(bytes, writer.at);
    let digits_end = find(bytes, b';', writer.at, content).unwrap_or(content);
    let digits = std::str::from_utf8(&bytes[writer.at..digits_end]).unwrap_or_default();
    let Ok(size) = usize::from_str_radix(digits.trim(), 16) else {
        return writer.unread(bytes.len());
    };
    if digits.starts_with('+') {
        return writer.unread(bytes.len());
    }
    let size_words = match size {
        0 => framing("chunk size 0: the last one")
            .note("A chunk without data says that the answer is at its end."),
        _ => framing("chunk size").note(format!(
            "So many bytes follow, written in base 16: {size} of them."
        )),
    };
    writer.put(next, &size_words);
    let end = next.saturating_add(size).min(bytes.len());
    if size > 0 {
        data(writer, end);
        writer.unread(end);
    }
    let end_words = match size {
        0 => framing("empty line after the last chunk"),
        _ => framing("line end after the chunk"),
    };
    writer.put(bytes.len(), &end_words);
}
