//! Parts, written from the first byte to the last.
//!
//! Whoever reads bytes says only where the next part ends; so parts are in order and cover all,
//! however wrong a reader is. What is hidden is cut out here, for all readers alike.

use std::{borrow::Cow, ops::Range};

use super::part::{By, Inner, Layer, PERCENT_DECODED, Part, UNESCAPED};
use crate::capture::Hidden;

/// Longest text that a part shows beside what it stands for.
const TEXT_BESIDE_INNER_MAX_BYTES: usize = 2_048;
/// Parts of one unit, its insides included, that are told one by one; later ones of a layer that
/// follow each other become one.
const DETAILED_PARTS_MAX: usize = 1_500;
/// From so many on, what is encoded is told as it stands. Publications of any size in a body of any
/// sensible size are fewer.
const PARTS_MAX: usize = 6_000;
/// How deep one encoding is taken off after another.
const INSIDES_MAX: usize = 6;

/// What is said of a part.
#[derive(Debug, Clone)]
pub(super) struct Words {
    pub layer: Layer,
    by: By,
    what: Cow<'static, str>,
    section: Option<&'static str>,
    note: Option<Cow<'static, str>>,
}

impl Words {
    pub fn new(layer: Layer, by: By, what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            layer,
            by,
            what: what.into(),
            section: None,
            note: None,
        }
    }

    /// The part that these words are of.
    fn part(&self, at: usize, len: usize, text: Option<&str>) -> Part {
        Part {
            at,
            len,
            layer: self.layer,
            what: self.what.clone(),
            by: self.by,
            section: self.section,
            note: self.note.clone(),
            text: text.map(str::to_owned),
            hidden: None,
            inner: None,
        }
    }

    pub fn section(mut self, section: &'static str) -> Self {
        self.section = Some(section);
        self
    }

    pub fn note(mut self, note: impl Into<Cow<'static, str>>) -> Self {
        self.note = Some(note.into());
        self
    }

    pub fn maybe_note(mut self, note: Option<&'static str>) -> Self {
        self.note = note.map(Cow::Borrowed);
        self
    }
}

/// What the bytes carry, gathered while they are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Positions in their channel of the publications that came down, where the protocol tells them.
    pub publications: Vec<u64>,
    /// The numbers that this lab's sources put into the data: its member `n`.
    pub numbers: Vec<u64>,
    /// How many publications came down, whether or not they have a position.
    pub publication_count: usize,
}

/// Kept of each list in [`Found`].
const FOUND_MAX: usize = 1_000;

/// Writes the parts of `bytes`, from left to right.
pub(super) struct Writer<'a> {
    pub bytes: &'a [u8],
    /// In order.
    hidden: Cow<'a, [Hidden]>,
    pub at: usize,
    parts: Vec<Part>,
    pub found: Found,
    depth: usize,
    /// Whether parts are kept, or only what the bytes carry is looked for.
    keeps_parts: bool,
    /// Parts so far, with those of insides and of whatever it is inside of.
    count: usize,
}

impl<'a> Writer<'a> {
    pub fn new(bytes: &'a [u8], hidden: &'a [Hidden]) -> Self {
        Self {
            bytes,
            hidden: hidden.into(),
            at: 0,
            parts: Vec::new(),
            found: Found::default(),
            depth: 0,
            keeps_parts: true,
            count: 0,
        }
    }

    /// As [`Self::new`], for who wants to know only what the bytes carry.
    pub fn without_parts(bytes: &'a [u8], hidden: &'a [Hidden]) -> Self {
        Self {
            keeps_parts: false,
            ..Self::new(bytes, hidden)
        }
    }

    /// One for another text, which goes on with what was found here and is as detailed.
    pub fn beside<'b>(&mut self, bytes: &'b [u8], hidden: &'b [Hidden]) -> Writer<'b> {
        Writer {
            found: std::mem::take(&mut self.found),
            depth: self.depth,
            keeps_parts: self.keeps_parts,
            count: self.count,
            ..Writer::new(bytes, hidden)
        }
    }

    pub fn finish(mut self) -> (Vec<Part>, Found) {
        self.unread(self.bytes.len());
        (self.parts, self.found)
    }

    pub fn rest(&self, end: usize) -> &'a [u8] {
        let end = end.min(self.bytes.len());
        &self.bytes[self.at.min(end)..end]
    }

    /// What cannot be read, up to `to`.
    pub fn unread(&mut self, to: usize) {
        let words = Words::new(
            Layer::Protocol,
            By::Protocol,
            "bytes that are not read here",
        );
        self.put(to, &words);
    }

    /// The bytes up to `to` are this.
    pub fn put(&mut self, to: usize, words: &Words) {
        let to = to.min(self.bytes.len());
        if !self.keeps_parts {
            self.at = self.at.max(to);
            return;
        }
        while self.at < to {
            let next = self.hidden_from(self.at).filter(|hidden| hidden.at < to);
            let (end, hidden) = match next {
                None => (to, None),
                Some(hidden) if hidden.at > self.at => (hidden.at, None),
                Some(hidden) => (
                    to.min(hidden.at.saturating_add(hidden.len)),
                    Some(hidden.what),
                ),
            };
            let bytes = &self.bytes[self.at..end];
            let text = match hidden {
                None => std::str::from_utf8(bytes).ok(),
                Some(_) => None,
            };
            self.count += 1;
            if self.count > DETAILED_PARTS_MAX
                && let Some(last) = self.parts.last_mut()
                && (last.layer, last.hidden, &last.inner) == (words.layer, hidden, &None)
            {
                last.len += bytes.len();
                last.what = "more of the same".into();
                last.note = None;
                last.section = None;
                last.text = match (last.text.take(), text) {
                    (Some(before), Some(text)) => Some(before + text),
                    _ => None,
                };
            } else {
                self.parts.push(Part {
                    hidden,
                    ..words.part(self.at, bytes.len(), text)
                });
            }
            self.at = end;
        }
    }

    /// The first hidden range that ends after `at`.
    fn hidden_from(&self, at: usize) -> Option<Hidden> {
        let before = |hidden: &Hidden| hidden.at.saturating_add(hidden.len) <= at;
        let mut from = self.hidden.partition_point(before);
        // Ranges are in order, unless whoever hid them erred; an empty one hides nothing.
        while self.hidden.get(from).is_some_and(before) {
            from += 1;
        }
        self.hidden.get(from).copied()
    }

    /// Whether none of a range was kept.
    pub fn is_all_hidden(&self, range: &Range<usize>) -> bool {
        let hidden = self.hidden_from(range.start);
        !range.is_empty()
            && hidden.is_some_and(|hidden| {
                hidden.at <= range.start && hidden.at.saturating_add(hidden.len) >= range.end
            })
    }

    pub fn is_hidden(&self, range: &Range<usize>) -> bool {
        self.hidden_from(range.start)
            .is_some_and(|hidden| hidden.at < range.end)
    }

    /// What is hidden of a range, cut to it.
    pub fn hidden_in(&self, range: Range<usize>) -> Vec<Hidden> {
        let cut = |hidden: &Hidden| {
            let at = hidden.at.max(range.start);
            let end = hidden.at.saturating_add(hidden.len).min(range.end);
            (at < end).then(|| Hidden {
                at,
                len: end - at,
                what: hidden.what,
            })
        };
        self.hidden.iter().filter_map(cut).collect()
    }

    /// The next bytes are a part that was written already, of a text that begins `shift` before.
    pub fn put_made(&mut self, mut part: Part, shift: usize) {
        part.at += shift;
        if part.at != self.at || part.at + part.len > self.bytes.len() {
            return;
        }
        self.at += part.len;
        self.count += 1;
        self.parts.push(part);
    }

    /// The bytes up to `to` are a piece of this part.
    pub fn put_piece(&mut self, part: &Part, to: usize) {
        let words = Words {
            layer: part.layer,
            by: part.by,
            what: part.what.clone(),
            section: part.section,
            note: part.note.clone(),
        };
        self.put(to, &words);
    }

    /// The bytes up to `to` are this, and stand for `decoded`, whose parts `write` writes. `origin`
    /// says for a byte of this writer's which byte of `decoded` it went into.
    pub fn put_inner(
        &mut self,
        to: usize,
        words: &Words,
        how: &'static str,
        decoded: &[u8],
        origin: impl Fn(usize) -> usize,
        write: impl FnOnce(&mut Writer<'_>),
    ) {
        let to = to.min(self.bytes.len());
        if self.depth >= INSIDES_MAX || self.count >= PARTS_MAX || to <= self.at {
            return self.put(to, words);
        }
        let hidden = self.hidden_in(self.at..to);
        let hidden: Vec<Hidden> = hidden
            .into_iter()
            .map(|hidden| {
                let at = origin(hidden.at);
                let last = origin(hidden.at + hidden.len - 1);
                Hidden {
                    at,
                    len: (last + 1).saturating_sub(at),
                    ..hidden
                }
            })
            .filter(|hidden| hidden.len > 0)
            .collect();
        let is_hidden = !hidden.is_empty();
        let mut inside = self.beside(decoded, &hidden);
        inside.depth += 1;
        write(&mut inside);
        inside.unread(decoded.len());
        self.count = inside.count + 1;
        let Writer { parts, found, .. } = inside;
        self.found = found;
        if !self.keeps_parts {
            self.at = to;
            return;
        }
        let bytes = &self.bytes[self.at..to];
        let is_text_shown = (how == UNESCAPED || how == PERCENT_DECODED)
            && bytes.len() <= TEXT_BESIDE_INNER_MAX_BYTES
            && !is_hidden;
        let text = std::str::from_utf8(bytes).ok().filter(|_| is_text_shown);
        self.parts.push(Part {
            inner: Some(Inner { how, parts }),
            ..words.part(self.at, bytes.len(), text)
        });
        self.at = to;
    }

    /// A publication came down, at this position if it tells one.
    pub fn found_publication(&mut self, offset: Option<u64>) {
        self.found.publication_count += 1;
        if self.found.publications.len() < FOUND_MAX {
            self.found.publications.extend(offset);
        }
    }

    pub fn found_number(&mut self, number: Option<u64>) {
        if self.found.numbers.len() < FOUND_MAX {
            self.found.numbers.extend(number);
        }
    }
}
