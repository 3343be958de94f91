//! Heads of requests and answers (RFC 9112 §3 to §5): the first line, then a field a line, then an
//! empty one.

mod fields;

use std::{borrow::Cow, ops::Range};

use super::{
    part::{By, Layer, PERCENT_DECODED},
    text::{find, line},
    writer::{Words, Writer},
};
use crate::capture::Direction;

fn words(by: By, what: impl Into<Cow<'static, str>>) -> Words {
    Words::new(Layer::HttpHeaders, by, what)
}

fn blank(writer: &mut Writer<'_>, to: usize) {
    let words = words(By::Protocol, "blank").section("RFC 9112 §3");
    writer.put(to, &words);
}

pub(super) fn request(writer: &mut Writer<'_>) {
    let (content, next) = line(writer.bytes, 0);
    request_line(writer, content);
    line_end(writer, next, "RFC 9112 §3");
    fields(writer, Direction::Up);
}

pub(super) fn answer(writer: &mut Writer<'_>) {
    let (content, next) = line(writer.bytes, 0);
    status_line(writer, content);
    line_end(writer, next, "RFC 9112 §4");
    fields(writer, Direction::Down);
}

fn line_end(writer: &mut Writer<'_>, to: usize, section: &'static str) {
    let words = words(By::Protocol, "line end").section(section);
    writer.put(to, &words);
}

fn request_line(writer: &mut Writer<'_>, end: usize) {
    let bytes = writer.bytes;
    let Some(after_method) = find(bytes, b' ', 0, end) else {
        return writer.put(end, &words(By::Page, "request line").section("RFC 9112 §3"));
    };
    let (section, note) = match &bytes[..after_method] {
        b"GET" => ("RFC 9110 §9.3.1", "Asks for what is at the address."),
        b"POST" => ("RFC 9110 §9.3.3", "Hands something over to the address."),
        b"HEAD" => ("RFC 9110 §9.3.2", "Asks for the head of the answer alone."),
        b"PUT" => ("RFC 9110 §9.3.4", "Puts something at the address."),
        b"DELETE" => ("RFC 9110 §9.3.5", "Removes what is at the address."),
        b"OPTIONS" => (
            "RFC 9110 §9.3.7",
            "Asks what may be asked: a browser's question before a request to another origin.",
        ),
        _ => ("RFC 9110 §9", "What is to be done with the address."),
    };
    // A preflight is the browser's own question.
    let by = match bytes.starts_with(b"OPTIONS ") {
        true => By::Browser,
        false => By::Page,
    };
    let method = words(by, "method").section(section).note(note);
    writer.put(after_method, &method);
    blank(writer, after_method + 1);
    let target_end = bytes[writer.at.min(end)..end]
        .iter()
        .rposition(|byte| *byte == b' ')
        .map_or(end, |at| writer.at + at);
    target(writer, target_end);
    if writer.at < end {
        blank(writer, target_end + 1);
        let version = words(By::Browser, "version")
            .section("RFC 9112 §2.3")
            .note("Which HTTP the sender speaks.");
        writer.put(end, &version);
    }
}

/// Path and query (RFC 3986 §3.3, §3.4).
fn target(writer: &mut Writer<'_>, end: usize) {
    let query = find(writer.bytes, b'?', writer.at, end);
    let path = words(By::Page, "path")
        .section("RFC 3986 §3.3")
        .note("Which thing on the server is meant; the lab's lanes have the channel's name in it.");
    decoded(writer, query.unwrap_or(end), &path);
    let Some(query) = query else { return };
    let mark = |what| words(By::Page, what).section("RFC 3986 §3.4");
    writer.put(query + 1, &mark("? before the query"));
    while writer.at < end {
        let field_end = find(writer.bytes, b'&', writer.at, end).unwrap_or(end);
        let name_end = find(writer.bytes, b'=', writer.at, field_end).unwrap_or(field_end);
        let name = String::from_utf8_lossy(writer.rest(name_end)).into_owned();
        let field = words(By::Page, format!("query field {name}"))
            .section("RFC 3986 §3.4")
            .maybe_note(query_note(&name));
        decoded(writer, field_end, &field);
        writer.put(
            field_end.saturating_add(1).min(end),
            &mark("& between query fields"),
        );
    }
}

fn query_note(name: &str) -> Option<&'static str> {
    Some(match name {
        "epoch" => "Which life of the channel the position below belongs to.",
        "offset" => "The last publication that the client has: the answer is to begin after it.",
        "history" => "How many publications from before the client wants at most.",
        "limit" => "How many publications one answer may have.",
        "hold_ms" => "How long the server may hold the question open, in ms.",
        "client" => "By what name the client is known in the channel.",
        "demo" => "Which page of the lab the bytes are counted for.",
        "envelope" => "bare: the data alone, without what the plain envelope puts around it.",
        "EIO" => "Version of Engine.IO.",
        "transport" => "Which way Engine.IO's packets travel.",
        "sid" => "Which Engine.IO session; whoever knows it could take it over.",
        "t" => "A value that is never the same twice, so that no cache answers.",
        "protocol" => "Version of Pusher's protocol.",
        "version" => "Version of the client's library.",
        "flash" => "Left from a time when Flash was another way; always false.",
        _ => return None,
    })
}

/// A part of an address, decoded where it has `%`.
fn decoded(writer: &mut Writer<'_>, end: usize, words: &Words) {
    let from = writer.at;
    let raw = writer.rest(end);
    if !raw.contains(&b'%') {
        return writer.put(end, words);
    }
    let (decoded, origin) = percent_decoded(raw);
    if decoded.len() == raw.len() {
        return writer.put(end, words);
    }
    let of = |at: usize| {
        origin
            .partition_point(|raw| from + raw <= at)
            .saturating_sub(1)
    };
    writer.put_inner(end, words, PERCENT_DECODED, &decoded, of, |inner| {
        let to = inner.bytes.len();
        inner.put(to, words);
    });
}

/// The bytes that `%` and two digits stand for, and where each byte began.
fn percent_decoded(raw: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut decoded, mut origin) = (Vec::with_capacity(raw.len()), Vec::with_capacity(raw.len()));
    let mut at = 0;
    while at < raw.len() {
        let digit = |index: usize| {
            let digit = char::from(*raw.get(index)?).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        origin.push(at);
        match (raw[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high << 4 | low);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    (decoded, origin)
}

fn status_line(writer: &mut Writer<'_>, end: usize) {
    let bytes = writer.bytes;
    let version_end = find(bytes, b' ', 0, end).unwrap_or(end);
    let version = words(By::Server, "version")
        .section("RFC 9112 §2.3")
        .note("Which HTTP the sender speaks.");
    writer.put(version_end, &version);
    if writer.at == end {
        return;
    }
    blank(writer, version_end + 1);
    let status_end = find(bytes, b' ', writer.at, end).unwrap_or(end);
    let (section, note) = match writer.rest(status_end) {
        b"101" => (
            "RFC 9110 §15.2.2",
            "From the next byte on, both speak what the request asked to change to.",
        ),
        b"200" => ("RFC 9110 §15.3.1", "Here is what was asked for."),
        b"201" => ("RFC 9110 §15.3.2", "Something new was made."),
        b"204" => ("RFC 9110 §15.3.5", "Done; there is nothing to send."),
        b"304" => (
            "RFC 9110 §15.4.5",
            "The client has the newest already, so it is not sent again.",
        ),
        [b'1', ..] => ("RFC 9110 §15.2", "Not the answer yet."),
        [b'2', ..] => ("RFC 9110 §15.3", "It went well."),
        [b'3', ..] => ("RFC 9110 §15.4", "The client is to go on elsewhere."),
        [b'4', ..] => ("RFC 9110 §15.5", "The server does not do what was asked."),
        [b'5', ..] => ("RFC 9110 §15.6", "The server cannot do it."),
        _ => ("RFC 9110 §15", "How it went."),
    };
    let status = words(By::Server, "status").section(section).note(note);
    writer.put(status_end, &status);
    blank(writer, status_end.saturating_add(1).min(end));
    let reason = words(By::Server, "reason in words")
        .section("RFC 9112 §4")
        .note("For people who read along; programs go by the number.");
    writer.put(end, &reason);
}

fn fields(writer: &mut Writer<'_>, direction: Direction) {
    while writer.at < writer.bytes.len() {
        let (content, next) = line(writer.bytes, writer.at);
        let range: Range<usize> = writer.at..content;
        if range.is_empty() {
            let end =
                words(By::Protocol, "empty line: the end of the head").section("RFC 9112 §2.1");
            writer.put(next, &end);
            continue;
        }
        let name_end = find(writer.bytes, b':', range.start, range.end);
        let Some(name) = name_end.and_then(|end| std::str::from_utf8(writer.rest(end)).ok()) else {
            writer.unread(next);
            continue;
        };
        let (by, section, note) = fields::known(name, direction);
        let header = words(by, format!("header {name}"))
            .section(section)
            .maybe_note(note);
        writer.put(next, &header);
    }
}
