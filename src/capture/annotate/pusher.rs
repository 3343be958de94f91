//! Frames of Pusher Channels (`codec::pusher`), and the lines that carry them where the transport is
//! HTTP: JSON in a string in JSON, and there in a string once more.

use std::ops::Range;

use super::{
    envelope, json,
    part::{By, Layer},
    text::line,
    writer::{Words, Writer},
};
use crate::{
    capture::Direction,
    codec::pusher::{CLIENT_PREFIX, SUBSCRIPTION_COUNT_EVENT, extension::POSITION_EVENT},
};

const FRAME: &str = "Pusher Channels protocol 7, Events";
const LINES: &str = "SockJS protocol 0.3.3, framing";

fn protocol(what: impl Into<std::borrow::Cow<'static, str>>) -> Words {
    Words::new(Layer::Protocol, By::Protocol, what).section(FRAME)
}

/// Lines to a client, or the list of frames that comes up.
pub(super) fn lines(writer: &mut Writer<'_>, end: usize, direction: Direction) {
    let bytes = &writer.bytes[..end];
    while writer.at < end {
        let (content, next) = match direction {
            Direction::Up => (end, end),
            Direction::Down => line(bytes, writer.at),
        };
        let framing =
            |what: &'static str| Words::new(Layer::Framing, By::Protocol, what).section(LINES);
        match (direction, writer.rest(content).first()) {
            (Direction::Down, Some(b'a')) => {
                let note = "A list of frames follows, each as a string: JSON in JSON.";
                writer.put(writer.at + 1, &framing("a: frames").note(note));
                frames(writer, content, direction);
            }
            (Direction::Up, Some(b'[')) => frames(writer, content, direction),
            (Direction::Down, Some(b'o')) => {
                let note = "The session is open.";
                writer.put(content, &framing("o: open").note(note));
            }
            (Direction::Down, Some(b'h')) => {
                let note = "Nothing has happened; the session is alive.";
                writer.put(content, &framing("h: heartbeat").note(note));
            }
            (Direction::Down, Some(b'c')) => {
                let note = "The session is over: a number as of a WebSocket's close, and why.";
                writer.put(content, &framing("c: closed").note(note));
            }
            _ => writer.unread(content),
        }
        writer.put(
            next,
            &framing("line end").note("A line end says that the line is whole."),
        );
    }
}

/// `["…","…"]`, each string a frame.
fn frames(writer: &mut Writer<'_>, end: usize, direction: Direction) {
    let framing = Words::new(
        Layer::Framing,
        By::Protocol,
        "brackets, commas and quotes around frames",
    )
    .section(LINES);
    let bytes = writer.bytes;
    let Some(list) = json::list(bytes, writer.at, end) else {
        return writer.unread(end);
    };
    for item in &list.members {
        let Some((inside, _)) = json::inside_of_string(bytes, item) else {
            writer.put(item.end, &framing);
            continue;
        };
        writer.put(inside.start, &framing);
        let Some(read) = json::Unescaped::read(bytes, inside.clone()) else {
            writer.put(item.end, &framing);
            continue;
        };
        let words = Words::new(Layer::Framing, By::Protocol, "a frame, as a string")
            .section(LINES)
            .note("Each quote of the frame has a backslash before it here, each backslash too.");
        read.put(writer, 0..read.bytes.len(), &words, |inner| {
            let end = inner.bytes.len();
            frame(inner, end, direction);
        });
        writer.put(item.end, &framing);
    }
    writer.put(list.end, &framing);
    writer.put(end, &framing);
}

/// `{"event","channel","data"}`.
pub(super) fn frame(writer: &mut Writer<'_>, end: usize, direction: Direction) {
    let bytes = writer.bytes;
    let from = json::skip_blanks(bytes, writer.at, end);
    let Some(object) = json::object(bytes, from, end) else {
        return json::any(writer, end, Layer::Protocol, By::Protocol);
    };
    let event = object
        .value(bytes, "event")
        .and_then(|value| json::inside_of_string(bytes, &value))
        .and_then(|(inside, _)| std::str::from_utf8(&bytes[inside]).ok())
        .unwrap_or_default();
    let meaning = Meaning::of(event, direction);
    for member in &object.members {
        let name = std::str::from_utf8(&bytes[member.key.clone()]).unwrap_or_default();
        let words = protocol(format!("key {name}")).maybe_note(note(name));
        writer.put(member.value.start, &words);
        match (name, meaning) {
            ("data", Meaning::Publication { by_client }) => {
                published(writer, &member.value, by_client);
            }
            ("data", Meaning::FromClient) => envelope::data(writer, member.value.end),
            ("event" | "channel" | "user_id", _) => {
                let words = protocol(json::value_of(name)).maybe_note(note(name));
                writer.put(member.value.end, &words);
            }
            _ => json::any(writer, member.value.end, Layer::Protocol, By::Protocol),
        }
    }
    writer.put(object.end, &json::punctuation(Layer::Protocol));
    json::any(writer, end, Layer::Protocol, By::Protocol);
}

fn note(name: &str) -> Option<&'static str> {
    Some(match name {
        "event" => "What happened. Names that begin with pusher are the protocol's own.",
        "channel" => "In which channel.",
        "data" => {
            "What the publisher said: a text, and so JSON in a string, with a backslash before each quote."
        }
        "user_id" => "Which member of a presence channel said it.",
        _ => return None,
    })
}

/// Whose `data` a frame has.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    /// A publication on its way to a subscriber.
    Publication { by_client: bool },
    /// What a client says to others.
    FromClient,
    /// The protocol's, or this lab's extension's.
    Protocol,
}

impl Meaning {
    fn of(event: &str, direction: Direction) -> Self {
        let by_client = event.starts_with(CLIENT_PREFIX);
        match direction {
            Direction::Up if by_client => Self::FromClient,
            Direction::Up => Self::Protocol,
            Direction::Down if event == SUBSCRIPTION_COUNT_EVENT => {
                Self::Publication { by_client: false }
            }
            Direction::Down
                if event.is_empty() || event == POSITION_EVENT || event.starts_with("pusher:") =>
            {
                Self::Protocol
            }
            // Of members' comings and goings the data are what the publication had, in other words.
            Direction::Down if event.starts_with("pusher_internal:member_") => {
                Self::Publication { by_client: false }
            }
            Direction::Down if event.starts_with("pusher_internal:") => Self::Protocol,
            Direction::Down => Self::Publication { by_client },
        }
    }
}

/// The data of a publication, whose string holds the publisher's text, or, by the lab's extension,
/// that in an object with its position.
///
/// The meter counts as payload what the publication's data are as JSON: of a text that is JSON the
/// text, without the quotes and backslashes around it; of other words all of the string. A string
/// `"17"` may have been published as a number or as a string: it counts as the number.
fn published(writer: &mut Writer<'_>, value: &Range<usize>, by_client: bool) {
    let bytes = writer.bytes;
    let read = json::inside_of_string(bytes, value).and_then(|(inside, is_whole)| {
        let read = json::Unescaped::read(bytes, inside.clone())?;
        Some((inside.start, is_whole, read))
    });
    let Some((inside, is_whole, read)) = read else {
        writer.found_publication(None);
        return envelope::data(writer, value.end);
    };
    let text = &read.bytes[..];
    if let Some(object) = with_position(text, is_whole) {
        let overhead = match object.value(text, "data") {
            // Without the extension these would be written as they stand.
            Some(data) if by_client || text[data.start] == b'"' => Layer::Lab,
            _ => Layer::Protocol,
        };
        writer.put(inside, &quote(overhead));
        extended(writer, &read, &object, overhead);
        return writer.put(value.end, &quote(overhead));
    }
    writer.found_publication(None);
    let is_hidden = writer.is_hidden(value);
    let is_json = match is_whole {
        true => is_bare(text) && json::is_whole_json(text),
        // Of what is cut off, as it begins.
        false => matches!(text.first(), Some(b'{' | b'[')),
    };
    if by_client || !(is_hidden || is_json) {
        return envelope::data(writer, value.end);
    }
    writer.put(inside, &quote(Layer::Protocol));
    let words = protocol("data, as a string")
        .section(FRAME)
        .note("JSON inside of a string of JSON: each quote needs a backslash.");
    read.put(writer, 0..text.len(), &words, |inner| {
        let end = inner.bytes.len();
        envelope::data(inner, end);
    });
    writer.put(value.end, &quote(Layer::Protocol));
}

fn quote(layer: Layer) -> Words {
    let by = match layer {
        Layer::Lab => By::Lab,
        _ => By::Protocol,
    };
    Words::new(layer, by, "quote of a string").section("RFC 8259 §7")
}

/// As `codec::pusher::data` keeps a text as JSON: not of a string, and without blanks around it.
fn is_bare(text: &[u8]) -> bool {
    let first = text.first();
    first.is_some_and(|first| !first.is_ascii_whitespace() && *first != b'"')
        && !text.last().is_some_and(u8::is_ascii_whitespace)
}

/// What the lab's extension puts around the publisher's data, or beside a member's.
fn with_position(text: &[u8], is_whole: bool) -> Option<json::Level<json::Member>> {
    let object = json::object(text, 0, text.len())?;
    if object.is_whole != is_whole {
        return None;
    }
    let all = ["epoch", "offset", "intended_us", "published_us"];
    let has_all = all.iter().all(|key| object.value(text, key).is_some());
    has_all.then_some(object)
}

fn extended(
    writer: &mut Writer<'_>,
    read: &json::Unescaped,
    object: &json::Level<json::Member>,
    overhead: Layer,
) {
    let text = &read.bytes[..];
    let offset = object.value(text, "offset");
    writer.found_publication(offset.and_then(|range| json::number(text, range)));
    let lab = |what: &'static str| {
        Words::new(Layer::Lab, By::Lab, what)
            .section("this lab's extension of protocol 7")
            .note("The position and the instants, which the protocol does not have: the lab's extension puts them around the data.")
    };
    let mut from = 0;
    for member in &object.members {
        let name = &text[member.key.clone()];
        if !matches!(name, b"data" | b"user_id" | b"user_info") {
            continue;
        }
        let Range { start, end } = member.value;
        labs(writer, read, from..start, &lab("the lab's extension"));
        let words = match overhead {
            Layer::Lab => lab("data, in a string once more"),
            _ => protocol("data, as a string")
                .note("JSON inside of a string of JSON: each quote needs a backslash."),
        };
        read.put(writer, start..end, &words, |inner| {
            let end = inner.bytes.len();
            envelope::data(inner, end);
        });
        from = end;
    }
    labs(writer, read, from..text.len(), &lab("the lab's extension"));
}

/// Members of the extension, told one by one.
fn labs(writer: &mut Writer<'_>, read: &json::Unescaped, range: Range<usize>, words: &Words) {
    read.put(writer, range, words, |inner| {
        let end = inner.bytes.len();
        inner.put(end, words);
    });
}
