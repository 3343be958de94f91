//! The plain envelope (`codec::envelope`): which of its bytes are the protocol's, which the lab's, and
//! which the application's.

use std::ops::Range;

use super::{
    json::{self, Level, Member},
    part::{By, Layer},
    writer::{Words, Writer},
};
use crate::capture::Direction;

/// Where it is written down: the lab's protocol is its own.
const SECTION: &str = "this lab, plain envelope";

/// A message of a plain lane: a publication, an answer to a poll, `{"subscribed":…}` and its like
/// down; a publish up.
pub(super) fn message(writer: &mut Writer<'_>, end: usize, direction: Direction) {
    let bytes = writer.bytes;
    let from = json::skip_blanks(bytes, writer.at, end);
    let Some(object) = json::object(bytes, from, end) else {
        return other(writer, end);
    };
    let has = |key| object.value(bytes, key).is_some();
    match direction {
        Direction::Up if has("publish") => in_publish(writer, &object),
        Direction::Up if has("event") && has("data") => publish(writer, &object),
        Direction::Down if has("publications") && has("recovered") => polled(writer, &object),
        Direction::Down if has("channel") && has("offset") && has("event") => {
            publication(writer, &object);
        }
        _ => json::any(writer, object.end, Layer::Protocol, by(direction)),
    }
    other(writer, end);
}

/// What a message is that is no JSON, and blanks after one.
pub(super) fn other(writer: &mut Writer<'_>, end: usize) {
    json::any(writer, end, Layer::Protocol, By::Protocol);
}

fn by(direction: Direction) -> By {
    match direction {
        Direction::Up => By::Page,
        Direction::Down => By::Protocol,
    }
}

/// The application's data, up to `to`.
pub(super) fn data(writer: &mut Writer<'_>, to: usize) {
    let number = json::number_in(writer.rest(to));
    writer.found_number(number);
    let words = Words::new(Layer::Payload, By::Application, "data")
        .note("What the application has to say; all other bytes are there to bring it.");
    writer.put(to, &words);
}

/// `{"channel","epoch","offset","event","intended_us","published_us","data"}`.
pub(super) fn publication(writer: &mut Writer<'_>, object: &Level<Member>) {
    let bytes = writer.bytes;
    let offset = object.value(bytes, "offset");
    writer.found_publication(offset.and_then(|range| json::number(bytes, range)));
    members(writer, object, |name| match name {
        "data" => Kind::Data,
        "intended_us" | "published_us" => Kind::Lab,
        _ => Kind::Protocol(By::Protocol),
    });
}

fn publish(writer: &mut Writer<'_>, object: &Level<Member>) {
    members(writer, object, |name| match name {
        "data" => Kind::Data,
        _ => Kind::Protocol(By::Page),
    });
}

/// `{"publish":{…}}`, a client's message on a socket.
fn in_publish(writer: &mut Writer<'_>, object: &Level<Member>) {
    let bytes = writer.bytes;
    for member in &object.members {
        key(writer, member, Layer::Protocol, By::Page);
        match json::object(bytes, member.value.start, member.value.end) {
            Some(inner) if name_of(bytes, member) == "publish" => publish(writer, &inner),
            _ => json::any(writer, member.value.end, Layer::Protocol, By::Page),
        }
    }
    writer.put(object.end, &json::punctuation(Layer::Protocol));
}

/// `{"epoch","offset","recovered","publications":[…]}`, the answer to a poll.
fn polled(writer: &mut Writer<'_>, object: &Level<Member>) {
    let bytes = writer.bytes;
    for member in &object.members {
        key(writer, member, Layer::Protocol, By::Protocol);
        let Range { start, end } = member.value;
        let list = match name_of(bytes, member) {
            "publications" => json::list(bytes, start, end),
            _ => None,
        };
        let Some(list) = list else {
            value(writer, member, Layer::Protocol, By::Protocol);
            continue;
        };
        if list.members.is_empty() {
            let words = Words::new(
                Layer::Protocol,
                By::Protocol,
                "an empty list of publications",
            )
            .section(SECTION)
            .note("Nothing has happened: the whole answer says no more than that.");
            writer.put(list.end, &words);
        }
        for item in &list.members {
            writer.put(item.start, &json::punctuation(Layer::Protocol));
            match json::object(bytes, item.start, item.end) {
                Some(object) => publication(writer, &object),
                None => json::any(writer, item.end, Layer::Protocol, By::Protocol),
            }
        }
        writer.put(list.end, &json::punctuation(Layer::Protocol));
    }
    writer.put(object.end, &json::punctuation(Layer::Protocol));
}

/// What a member is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Data,
    Lab,
    Protocol(By),
}

/// Writes an object, each member as what `kind` says of its name. A comma counts to the member
/// after it.
pub(super) fn members(
    writer: &mut Writer<'_>,
    object: &Level<Member>,
    kind: impl Fn(&str) -> Kind,
) {
    let bytes = writer.bytes;
    for member in &object.members {
        match kind(name_of(bytes, member)) {
            Kind::Data => {
                key(writer, member, Layer::Protocol, By::Protocol);
                data(writer, member.value.end);
            }
            Kind::Lab => {
                key(writer, member, Layer::Lab, By::Lab);
                value(writer, member, Layer::Lab, By::Lab);
            }
            Kind::Protocol(by) => {
                key(writer, member, Layer::Protocol, by);
                value(writer, member, Layer::Protocol, by);
            }
        }
    }
    writer.put(object.end, &json::punctuation(Layer::Protocol));
}

fn name_of<'a>(bytes: &'a [u8], member: &Member) -> &'a str {
    std::str::from_utf8(&bytes[member.key.clone()]).unwrap_or_default()
}

pub(super) fn key(writer: &mut Writer<'_>, member: &Member, layer: Layer, by: By) {
    let name = name_of(writer.bytes, member);
    let words = Words::new(layer, by, format!("key {name}"))
        .section(SECTION)
        .maybe_note(note(name));
    writer.put(member.value.start, &words);
}

fn value(writer: &mut Writer<'_>, member: &Member, layer: Layer, by: By) {
    let name = name_of(writer.bytes, member);
    let words = Words::new(layer, by, json::value_of(name))
        .section(SECTION)
        .maybe_note(note(name));
    writer.put(member.value.end, &words);
}

fn note(name: &str) -> Option<&'static str> {
    Some(match name {
        "channel" => "In which channel it was published.",
        "epoch" => {
            "Which life of the channel: after a restart without history, offsets begin again."
        }
        "offset" => {
            "Its position in the channel: a client that comes back names the last one it has."
        }
        "event" => "What happened, in the application's words.",
        "intended_us" => {
            "When it was meant to be published, µs: the lab measures by it, no application needs it."
        }
        "published_us" => {
            "When it was published, µs: the lab measures by it, no application needs it."
        }
        "data" => "The application's own data follow.",
        "recovered" => "Whether everything after the position asked for is here.",
        "publications" => "What was published after the position asked for.",
        "id" => "The publisher's own name for it: published twice, it counts once.",
        "publish" => "The client publishes on its connection.",
        _ => return None,
    })
}
