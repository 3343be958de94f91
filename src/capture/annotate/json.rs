//! JSON by position (RFC 8259): where members and items begin and end, and which bytes a string
//! stands for. One level at a time, without recursion, and as far as it goes: what was cut off reads
//! as what is there.

use std::ops::Range;

use super::{
    part::{By, Layer, UNESCAPED},
    writer::{Words, Writer},
};
use crate::codec::envelope::JSON_MAX_DEPTH;

/// Members or items of one object or list that are told apart.
const MEMBERS_MAX: usize = 20_000;
/// Brackets inside of each other: what clients may send, and what the lab puts around it.
const DEPTH_MAX: usize = JSON_MAX_DEPTH + 8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Inside of its quotes, with its backslashes.
    pub key: Range<usize>,
    pub value: Range<usize>,
}

/// An object or a list, one level of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Level<T> {
    pub members: Vec<T>,
    /// After its closing bracket, or where it was cut off.
    pub end: usize,
    pub is_whole: bool,
}

impl Level<Member> {
    pub fn value(&self, bytes: &[u8], key: &str) -> Option<Range<usize>> {
        let mut members = self.members.iter();
        let member = members.find(|member| &bytes[member.key.clone()] == key.as_bytes())?;
        Some(member.value.clone())
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

pub(super) fn skip_blanks(bytes: &[u8], mut at: usize, to: usize) -> usize {
    while at < to && is_blank(bytes[at]) {
        at += 1;
    }
    at
}

/// Where the string ends that begins with the quote at `at`, and whether its closing quote is there.
fn string_end(bytes: &[u8], at: usize, to: usize) -> (usize, bool) {
    let mut at = at + 1;
    while at < to {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return (at + 1, true),
            _ => at += 1,
        }
    }
    (to, false)
}

/// The inside of the quotes of a string, and whether its closing quote is there; `None` for another
/// value.
pub(super) fn inside_of_string(bytes: &[u8], value: &Range<usize>) -> Option<(Range<usize>, bool)> {
    let to = value.end.min(bytes.len());
    if bytes[..to].get(value.start) != Some(&b'"') {
        return None;
    }
    let (end, is_whole) = string_end(bytes, value.start, to);
    Some((value.start + 1..end - usize::from(is_whole), is_whole))
}

/// Where the value ends that begins at `at`, and whether it is whole; `None` for what is none.
pub(super) fn value_end(bytes: &[u8], at: usize, to: usize) -> Option<(usize, bool)> {
    match *bytes[..to].get(at)? {
        b'"' => Some(string_end(bytes, at, to)),
        b'{' | b'[' => brackets_end(bytes, at, to),
        b',' | b':' | b'}' | b']' => None,
        _ => {
            let is_end = |byte: &u8| is_blank(*byte) || b",:}]{[\"".contains(byte);
            let length = bytes[at..to].iter().position(is_end);
            match length {
                Some(length) if length > 0 => Some((at + length, true)),
                Some(_) => None,
                None => Some((to, true)),
            }
        }
    }
}

fn brackets_end(bytes: &[u8], mut at: usize, to: usize) -> Option<(usize, bool)> {
    let mut open = Vec::new();
    while at < to {
        match bytes[at] {
            b'"' => {
                at = string_end(bytes, at, to).0;
                continue;
            }
            bracket @ (b'{' | b'[') => {
                if open.len() >= DEPTH_MAX {
                    return None;
                }
                open.push(bracket);
            }
            bracket @ (b'}' | b']') => {
                // `{` and `}` are two apart in ASCII, `[` and `]` as well.
                if open.pop() != Some(bracket - 2) {
                    return None;
                }
                if open.is_empty() {
                    return Some((at + 1, true));
                }
            }
            _ => {}
        }
        at += 1;
    }
    Some((to, false))
}

/// The members of the object that begins at `at`.
pub(super) fn object(bytes: &[u8], at: usize, to: usize) -> Option<Level<Member>> {
    level(bytes, (at, to), (b'{', b'}'), |at| {
        if bytes.get(at) != Some(&b'"') {
            return None;
        }
        let (key_end, is_whole) = string_end(bytes, at, to);
        if !is_whole {
            return Some(Read::Cut);
        }
        let colon = skip_blanks(bytes, key_end, to);
        if colon == to {
            return Some(Read::Cut);
        }
        if bytes[colon] != b':' {
            return None;
        }
        let from = skip_blanks(bytes, colon + 1, to);
        if from == to {
            return Some(Read::Cut);
        }
        let (end, is_whole) = value_end(bytes, from, to)?;
        let member = Member {
            key: at + 1..key_end - 1,
            value: from..end,
        };
        Some(Read::Member(member, end, is_whole))
    })
}

/// The items of the list that begins at `at`.
pub(super) fn list(bytes: &[u8], at: usize, to: usize) -> Option<Level<Range<usize>>> {
    level(bytes, (at, to), (b'[', b']'), |at| {
        let (end, is_whole) = value_end(bytes, at, to)?;
        Some(Read::Member(at..end, end, is_whole))
    })
}

enum Read<T> {
    Member(T, usize, bool),
    Cut,
}

fn level<T>(
    bytes: &[u8],
    (at, to): (usize, usize),
    (open, close): (u8, u8),
    mut member: impl FnMut(usize) -> Option<Read<T>>,
) -> Option<Level<T>> {
    let to = to.min(bytes.len());
    let mut level = Level {
        members: Vec::new(),
        end: to,
        is_whole: false,
    };
    if at >= to || bytes[at] != open {
        return None;
    }
    let mut at = skip_blanks(bytes, at + 1, to);
    loop {
        match bytes[..to].get(at) {
            None => return Some(level),
            Some(byte) if *byte == close => {
                level.end = at + 1;
                level.is_whole = true;
                return Some(level);
            }
            Some(b',') if !level.members.is_empty() => {
                at = skip_blanks(bytes, at + 1, to);
                if at == to {
                    return Some(level);
                }
            }
            Some(_) if !level.members.is_empty() => return None,
            Some(_) => {}
        }
        if level.members.len() >= MEMBERS_MAX {
            return None;
        }
        match member(at)? {
            Read::Cut => return Some(level),
            Read::Member(read, end, is_whole) => {
                level.members.push(read);
                if !is_whole {
                    return Some(level);
                }
                at = skip_blanks(bytes, end, to);
            }
        }
    }
}

/// A whole number without a sign.
pub(super) fn number(bytes: &[u8], range: Range<usize>) -> Option<u64> {
    let digits = bytes.get(range)?;
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits)
        .ok()
        .filter(|_| is_number)?
        .parse()
        .ok()
}

/// The number that a source of this lab gave its publication, if the data is one's.
pub(super) fn number_in(data: &[u8]) -> Option<u64> {
    let from = skip_blanks(data, 0, data.len());
    let object = object(data, from, data.len())?;
    number(data, object.value(data, "n")?)
}

/// What a string stands for.
pub(super) struct Unescaped {
    pub bytes: Vec<u8>,
    /// For each byte of it, where in the source its character or escape begins; one more at the end.
    origin: Vec<usize>,
}

impl Unescaped {
    /// Reads `range`, the inside of a string's quotes, up to an escape that is cut off; `None` where
    /// an escape is none.
    pub fn read(source: &[u8], range: Range<usize>) -> Option<Self> {
        let (mut at, to) = (range.start, range.end.min(source.len()));
        let mut read = Self {
            bytes: Vec::with_capacity(to.saturating_sub(at)),
            origin: Vec::with_capacity(to.saturating_sub(at) + 1),
        };
        while at < to {
            let from = at;
            if source[at] != b'\\' {
                read.bytes.push(source[at]);
                at += 1;
            } else {
                let mut utf8 = [0; 4];
                let (character, length) = match escape(&source[at..to]) {
                    Some(read) => read,
                    None if to - at < LONGEST_ESCAPE => break,
                    None => return None,
                };
                read.bytes
                    .extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
                at += length;
            }
            read.origin.resize(read.bytes.len(), from);
        }
        read.origin.push(at);
        Some(read)
    }

    /// The position in the source of byte `at` of the text.
    pub fn source_of(&self, at: usize) -> usize {
        let last = self.origin.len() - 1;
        self.origin[at.min(last)]
    }

    /// The byte of the text that byte `at` of the source went into.
    fn index_of(&self, at: usize) -> usize {
        let last = self.bytes.len().saturating_sub(1);
        let after = self.origin.partition_point(|origin| *origin <= at);
        after.saturating_sub(1).min(last)
    }

    /// Puts bytes `from..to` of the text, as the part of the source that they are written with.
    pub fn put(
        &self,
        writer: &mut Writer<'_>,
        Range { start, end }: Range<usize>,
        words: &Words,
        write: impl FnOnce(&mut Writer<'_>),
    ) {
        let (start, end) = (start.min(self.bytes.len()), end.min(self.bytes.len()));
        if start >= end {
            return;
        }
        let origin = |at: usize| self.index_of(at).saturating_sub(start);
        let text = &self.bytes[start..end];
        writer.put_inner(self.source_of(end), words, UNESCAPED, text, origin, write);
    }
}

/// `\ud83d`
const LONGEST_ESCAPE: usize = 6;

/// The character that an escape stands for, and its length. Half a pair stands for U+FFFD.
fn escape(source: &[u8]) -> Option<(char, usize)> {
    let simple = match source.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let first = hex(source.get(2..6)?)?;
            if let 0xD800..=0xDBFF = first
                && source.get(6..8) == Some(b"\\u")
                && let Some(second @ 0xDC00..=0xDFFF) = source.get(8..12).and_then(hex)
            {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Some((char::from_u32(code)?, 12));
            }
            return Some((char::from_u32(first).unwrap_or('\u{FFFD}'), 6));
        }
        _ => return None,
    };
    Some((simple, 2))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| {
        Some(sum << 4 | char::from(*digit).to_digit(16)?)
    })
}

/// How deep members are told apart where nobody knows what they mean.
const SHOWN_DEPTH: usize = 2;
/// Members of an object or list that are told apart there.
const SHOWN_MEMBERS: usize = 40;

/// Writes JSON that nothing more is known of than its layer: keys and values, and what a string
/// holds that holds JSON.
pub(super) fn any(writer: &mut Writer<'_>, end: usize, layer: Layer, by: By) {
    let from = skip_blanks(writer.bytes, writer.at, end);
    let what = match writer.bytes[..end].get(from) {
        None => "blanks",
        Some(b'{' | b'[' | b'"') => "JSON",
        Some(_) => "text",
    };
    value(writer, end, (layer, by), what, SHOWN_DEPTH);
}

fn value(writer: &mut Writer<'_>, end: usize, (layer, by): (Layer, By), what: &str, depth: usize) {
    let words = Words::new(layer, by, what.to_owned()).section("RFC 8259 §3");
    let bytes = writer.bytes;
    let from = skip_blanks(bytes, writer.at, end);
    if from >= end {
        return writer.put(end, &words);
    }
    match bytes[from] {
        b'{' if depth > 0 => {
            let Some(object) =
                object(bytes, from, end).filter(|o| o.members.len() <= SHOWN_MEMBERS)
            else {
                return writer.put(end, &words);
            };
            for member in object.members {
                let name = String::from_utf8_lossy(&bytes[member.key]).into_owned();
                key(writer, member.value.start, layer, by, &name);
                value(
                    writer,
                    member.value.end,
                    (layer, by),
                    &value_of(&name),
                    depth - 1,
                );
            }
            writer.put(object.end, &punctuation(layer));
            writer.put(end, &words);
        }
        b'[' if depth > 0 => {
            let Some(list) = list(bytes, from, end).filter(|l| l.members.len() <= SHOWN_MEMBERS)
            else {
                return writer.put(end, &words);
            };
            for item in list.members {
                writer.put(item.start, &punctuation(layer));
                value(writer, item.end, (layer, by), "item of a list", depth - 1);
            }
            writer.put(list.end, &punctuation(layer));
            writer.put(end, &words);
        }
        b'"' => string(writer, (from, end), (layer, by), &words),
        _ => writer.put(end, &words),
    }
}

/// A string, with what it holds where that is JSON.
fn string(
    writer: &mut Writer<'_>,
    (from, end): (usize, usize),
    (layer, by): (Layer, By),
    words: &Words,
) {
    let bytes = writer.bytes;
    let held = match inside_of_string(bytes, &(from..end)) {
        Some((held, true)) if matches!(bytes[held.start], b'{' | b'[') => held,
        _ => return writer.put(end, words),
    };
    let read = Unescaped::read(bytes, held.clone());
    let Some(read) = read.filter(|read| is_whole_json(&read.bytes)) else {
        return writer.put(end, words);
    };
    let quote = Words::new(layer, By::Protocol, "quote of a string").section("RFC 8259 §7");
    writer.put(held.start, &quote);
    read.put(writer, 0..read.bytes.len(), words, |inner| {
        let end = inner.bytes.len();
        any(inner, end, layer, by);
    });
    writer.put(held.end + 1, &quote);
    writer.put(end, words);
}

/// Whether bytes are one JSON value and nothing else.
pub(super) fn is_whole_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// A key, with the comma or bracket before it and the colon after it.
pub(super) fn key(writer: &mut Writer<'_>, to: usize, layer: Layer, by: By, name: &str) {
    let words = Words::new(layer, by, format!("key {name}")).section("RFC 8259 §4");
    writer.put(to, &words);
}

pub(super) fn value_of(name: &str) -> String {
    format!("value of {name}")
}

pub(super) fn punctuation(layer: Layer) -> Words {
    Words::new(layer, By::Protocol, "brackets and commas of JSON").section("RFC 8259 §2")
}
