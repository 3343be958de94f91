//! Lines of JSON (`codec::ndjson`): a publication a line; what the stream says of itself is framing.

use super::{
    envelope, json,
    part::{By, Layer},
    text::line,
    writer::{Words, Writer},
};
use crate::capture::Direction;

pub(super) fn lines(writer: &mut Writer<'_>, end: usize) {
    let bytes = &writer.bytes[..end];
    while writer.at < end {
        let (content, next) = line(bytes, writer.at);
        let line_end = Words::new(Layer::Framing, By::Server, "line end")
            .section("this lab, lines of JSON")
            .note("A line end says that a message is whole; a line of nothing else is a sign of life.");
        let object = json::object(writer.bytes, writer.at, content);
        let is_publication =
            object.is_some_and(|object| object.value(writer.bytes, "offset").is_some());
        match is_publication {
            true => envelope::message(writer, content, Direction::Down),
            false => json::any(writer, content, Layer::Framing, By::Server),
        }
        writer.put(next, &line_end);
    }
}
