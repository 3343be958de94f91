//! An event stream (WHATWG HTML §9.2): a field a line, an empty line after each event. The data of an
//! event may be spread over lines; what is in it is read with them joined, and told line by line.

use std::collections::VecDeque;

use super::{
    part::{By, Layer, Part},
    text::{find, line},
    writer::{Words, Writer},
};
use crate::capture::Hidden;

const SECTION: &str = "WHATWG HTML §9.2.6";

/// A line of an event.
struct Line {
    from: usize,
    /// Its field's name ends here, or, of a comment, the line.
    name_end: usize,
    /// Where the value begins.
    value: usize,
    content: usize,
    next: usize,
    is_data: bool,
}

/// Writes the stream up to `end`. `data` writes the data of an unnamed event, which is a publication,
/// or, with its name, of one that has one.
pub(super) fn stream(
    writer: &mut Writer<'_>,
    end: usize,
    data: &dyn Fn(&mut Writer<'_>, Option<&str>),
) {
    while writer.at < end {
        let lines = block(&writer.bytes[..end], writer.at);
        let name = lines.iter().find_map(|line| name_of(writer.bytes, line));
        event(writer, &lines, &|inner| data(inner, name.as_deref()));
    }
}

fn name_of(bytes: &[u8], line: &Line) -> Option<String> {
    let is_name = &bytes[line.from..line.name_end] == b"event";
    is_name.then(|| String::from_utf8_lossy(&bytes[line.value..line.content]).into_owned())
}

/// The lines of one event, its empty line included, as far as they are there.
fn block(bytes: &[u8], mut at: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    while at < bytes.len() {
        let (content, next) = line(bytes, at);
        let colon = find(bytes, b':', at, content);
        let name_end = match colon {
            // A line that begins with a colon is a comment.
            Some(colon) if colon > at => colon,
            _ => content,
        };
        let value = match colon {
            Some(colon) if colon > at => {
                colon + 1 + usize::from(bytes[..content].get(colon + 1) == Some(&b' '))
            }
            _ => content,
        };
        lines.push(Line {
            from: at,
            name_end,
            value,
            content,
            next,
            is_data: &bytes[at..name_end] == b"data",
        });
        if content == at {
            break;
        }
        at = next;
    }
    lines
}

fn event(writer: &mut Writer<'_>, lines: &[Line], data: &dyn Fn(&mut Writer<'_>)) {
    let of_data: Vec<&Line> = lines.iter().filter(|line| line.is_data).collect();
    let joined = Joined::new(writer, &of_data);
    let (parts, found) = joined.read(writer, data);
    writer.found = found;
    let mut parts = VecDeque::from(parts);
    let mut from = 0;
    for line in lines {
        field(writer, line);
        if !line.is_data {
            continue;
        }
        // The line's share of the joined text: its value, and, but for the last, the line end that
        // stands for the one in the data.
        let length = line.content - line.value;
        let to = from + length;
        joined.put(writer, &mut parts, (from, to), line);
        from = to + 1;
        if writer.at < line.next {
            let end = Words::new(Layer::Framing, By::Server, "line end").section(SECTION);
            writer.put(line.next, &end);
        }
    }
}

fn field(writer: &mut Writer<'_>, line: &Line) {
    let framing = |what: String| Words::new(Layer::Framing, By::Server, what).section(SECTION);
    if line.content == writer.at {
        let words = framing("empty line: the event is whole".to_owned())
            .note("Only now does the browser hand the event to the page.");
        return writer.put(line.next, &words);
    }
    let name = String::from_utf8_lossy(writer.rest(line.name_end)).into_owned();
    if line.is_data {
        let words = framing("data: before each line of the data".to_owned())
            .note("What stands before each line of a message; several lines are joined again.");
        return writer.put(line.value, &words);
    }
    let (what, note) = match &*name {
        "id" => (
            "id: the position",
            "The browser keeps it, and sends it as Last-Event-ID when it comes back.",
        ),
        "event" => (
            "event: the event's name",
            "A page can listen to events of one name.",
        ),
        "retry" => (
            "retry: how long to wait, ms",
            "How long the browser waits before it comes back after a break.",
        ),
        name if name.starts_with(':') => (
            "comment",
            "Nobody reads it: it shows that the stream is alive, so that no proxy ends it.",
        ),
        _ => (
            "a field that readers skip",
            "The standard knows no such field.",
        ),
    };
    writer.put(line.next, &framing(what.to_owned()).note(note));
}

/// The data of one event, its lines joined.
struct Joined {
    bytes: Vec<u8>,
    hidden: Vec<Hidden>,
}

impl Joined {
    fn new(writer: &Writer<'_>, lines: &[&Line]) -> Self {
        let (mut bytes, mut hidden) = (Vec::new(), Vec::new());
        for (index, line) in lines.iter().enumerate() {
            let shift = bytes.len();
            for part in writer.hidden_in(line.value..line.content) {
                hidden.push(Hidden {
                    at: part.at - line.value + shift,
                    ..part
                });
            }
            bytes.extend_from_slice(&writer.bytes[line.value..line.content]);
            if index + 1 < lines.len() {
                bytes.push(b'\n');
            }
        }
        Self { bytes, hidden }
    }

    fn read(
        &self,
        outer: &mut Writer<'_>,
        data: &dyn Fn(&mut Writer<'_>),
    ) -> (Vec<Part>, super::writer::Found) {
        let mut writer = outer.beside(&self.bytes, &self.hidden);
        data(&mut writer);
        writer.finish()
    }

    /// Puts what parts say of bytes `from..to` of the joined text, which stand in `line`; a part that
    /// goes on over the line's end takes that with it.
    fn put(
        &self,
        writer: &mut Writer<'_>,
        parts: &mut VecDeque<Part>,
        (from, to): (usize, usize),
        line: &Line,
    ) {
        let is_last = to >= self.bytes.len();
        let limit = to + usize::from(!is_last);
        while let Some(part) = parts.pop_front() {
            if part.at >= limit {
                parts.push_front(part);
                return;
            }
            let end = part.at + part.len;
            if part.at >= from && end <= to {
                writer.put_made(part, line.value - from);
                continue;
            }
            let stop = match end > to && !is_last {
                true => line.next,
                false => line.value + end.min(to) - from,
            };
            writer.put_piece(&part, stop);
            if end > limit {
                parts.push_front(part);
                return;
            }
        }
    }
}
