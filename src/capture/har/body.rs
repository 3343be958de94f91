//! What followed a head, whole or in chunks, as one body.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    head::{self, Head},
    hidden_in, replaced,
};
use crate::capture::{Kind, Unit, about::bytes};

/// See the module.
pub struct Body<'u> {
    /// All bytes of its units.
    pub wire_bytes: u64,
    /// Without what delimits chunks.
    pub content_bytes: u64,
    pieces: Vec<Piece<'u>>,
    /// The chunk of size 0 was there.
    has_last_chunk: bool,
}

struct Piece<'u> {
    unit: &'u Unit,
    /// Of the kept bytes.
    content: std::ops::Range<usize>,
    /// How many content bytes it had.
    content_bytes: u64,
}

impl<'u> Body<'u> {
    /// Of the units of one direction; heads and frames among them are none of it.
    pub fn of(units: impl Iterator<Item = &'u Unit>) -> Self {
        let mut body = Self {
            wire_bytes: 0,
            content_bytes: 0,
            pieces: Vec::new(),
            has_last_chunk: false,
        };
        for unit in units {
            let piece = match unit.kind {
                Kind::Body => Piece {
                    unit,
                    content: 0..unit.bytes.len(),
                    content_bytes: unit.size as u64,
                },
                Kind::Chunk => chunk(unit),
                _ => continue,
            };
            body.has_last_chunk |= unit.kind == Kind::Chunk && piece.content_bytes == 0;
            body.wire_bytes += unit.size as u64;
            body.content_bytes = body.content_bytes.saturating_add(piece.content_bytes);
            body.pieces.push(piece);
        }
        body
    }

    /// Whether an answer with this head has all of its body here. A body that goes on until its connection
    /// ends never says so.
    pub fn is_whole(&self, head: Option<&Head>, request: Option<&Head>) -> bool {
        let Some(head) = head else { return false };
        let without_body = matches!(head.line[1].as_str(), "204" | "304")
            || request.is_some_and(|request| request.line[0] == "HEAD");
        let coding = head::value(&head.headers, "transfer-encoding");
        if without_body {
            true
        } else if coding.is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            self.has_last_chunk
        } else {
            let stated =
                head::value(&head.headers, "content-length").and_then(|length| length.parse().ok());
            stated.is_some_and(|stated: u64| self.content_bytes >= stated)
        }
    }

    /// What is kept of it, hidden parts as their sizes; `None` if that is no text.
    pub fn text(&self) -> Option<String> {
        String::from_utf8(self.kept()).ok()
    }

    pub fn base64(&self) -> String {
        STANDARD.encode(self.kept())
    }

    fn kept(&self) -> Vec<u8> {
        let each = self.pieces.iter().map(|Piece { unit, content, .. }| {
            let kept = unit.bytes.get(content.clone()).unwrap_or_default();
            replaced(kept, &hidden_in(unit, content.start, content.end))
        });
        each.collect::<Vec<_>>().concat()
    }

    /// What is not in the text, and why.
    pub fn comment(&self) -> Option<String> {
        let kept: u64 = self
            .pieces
            .iter()
            .map(|piece| piece.content.len() as u64)
            .sum();
        let lost = self.content_bytes.saturating_sub(kept);
        (lost > 0).then(|| format!("{} were not kept.", bytes(lost)))
    }
}

/// The data of a chunk (RFC 9112 §7.1), as far as they are kept; all of it where it is none.
fn chunk(unit: &Unit) -> Piece<'_> {
    let kept = &unit.bytes;
    let parsed = kept
        .windows(2)
        .position(|pair| pair == b"\r\n")
        .and_then(|end| {
            let digits = kept[..end].split(|byte| *byte == b';').next()?;
            let digits = std::str::from_utf8(digits).ok()?.trim();
            Some((end + 2, u64::from_str_radix(digits, 16).ok()?))
        });
    let (begins, size) = parsed.unwrap_or((0, unit.size as u64));
    let ends = usize::try_from(size)
        .ok()
        .and_then(|size| begins.checked_add(size));
    Piece {
        unit,
        content: begins..ends.unwrap_or(kept.len()).min(kept.len()),
        content_bytes: size,
    }
}
