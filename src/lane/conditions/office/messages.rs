//! Where messages of HTTP/1.1 begin and end in a stream of bytes (RFC 9112), as far as a proxy has
//! to know: heads whole, bodies as they come.
//!
//! Not here: HEAD requests, whose answers have a length and no body; then what follows is mistaken
//! for the body, which passes unchanged.

use bytes::{Buf, Bytes};

/// Longer heads are not parsed.
const HEAD_MAX_BYTES: usize = 64 << 10;

/// A part of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A head, with the empty line that ends it.
    Head(Vec<u8>),
    Body(Bytes),
    /// The message is over.
    End,
}

/// How much of the present message is left.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Left {
    /// What there is of the head.
    Head(Vec<u8>),
    Bytes(u64),
    /// Inside the line of a chunk's size, with its digits so far.
    Size(u64),
    /// After the digits, up to the end of that line.
    SizeLine(u64),
    /// A chunk's data and the two bytes after it.
    Chunk(u64),
    /// After the last chunk, with how much of the line there is.
    Trailer(usize),
    /// Up to the end: no message any more, or one whose end is the connection's.
    Open,
}

/// See the module.
#[derive(Debug)]
pub struct Messages {
    left: Left,
}

impl Messages {
    /// Before the first message.
    pub fn new() -> Self {
        Self {
            left: Left::Head(Vec::new()),
        }
    }

    /// From now on the stream is not HTTP.
    pub fn open(&mut self) {
        self.left = Left::Open;
    }

    /// Takes the next part of the input; `None` if there is none.
    pub fn next(&mut self, bytes: &mut Bytes) -> Option<Part> {
        if bytes.is_empty() {
            return None;
        }
        match &mut self.left {
            Left::Open => Some(Part::Body(bytes.split_to(bytes.len()))),
            Left::Head(head) => {
                let first = head.first().or(bytes.first()).copied();
                if !first.is_some_and(|byte| byte.is_ascii_uppercase()) {
                    // TLS, or something else that is not HTTP.
                    self.left = Left::Open;
                    return self.next(bytes);
                }
                let had = head.len();
                head.extend_from_slice(bytes);
                let searched = had.saturating_sub(3);
                match memchr::memmem::find(&head[searched..], b"\r\n\r\n") {
                    Some(at) => {
                        let end = searched + at + 4;
                        bytes.advance(end - had);
                        head.truncate(end);
                        let head = std::mem::take(head);
                        self.left = body(&head);
                        Some(Part::Head(head))
                    }
                    None => {
                        bytes.clear();
                        if head.len() < HEAD_MAX_BYTES {
                            return None;
                        }
                        let head = std::mem::take(head);
                        self.left = Left::Open;
                        Some(Part::Body(head.into()))
                    }
                }
            }
            // A message without a body ends with its head.
            Left::Bytes(0) => {
                self.left = Left::Head(Vec::new());
                Some(Part::End)
            }
            _ => Some(Part::Body(self.body(bytes))),
        }
    }

    /// Whether a message has ended with what was taken so far.
    pub fn is_between(&self) -> bool {
        matches!(&self.left, Left::Bytes(0))
            || matches!(&self.left, Left::Head(head) if head.is_empty())
    }

    /// Takes what belongs to the present body.
    fn body(&mut self, bytes: &mut Bytes) -> Bytes {
        let mut taken = 0;
        while taken < bytes.len() {
            let there = (bytes.len() - taken) as u64;
            match &mut self.left {
                Left::Bytes(0) | Left::Head(_) => break,
                Left::Open => taken = bytes.len(),
                Left::Bytes(left) => {
                    let some = there.min(*left);
                    *left -= some;
                    taken += some as usize;
                }
                Left::Chunk(left) => {
                    let some = there.min(*left);
                    *left -= some;
                    taken += some as usize;
                    if *left == 0 {
                        self.left = Left::Size(0);
                    }
                }
                Left::Size(size) => {
                    let byte = bytes[taken];
                    taken += 1;
                    self.left = match ((byte as char).to_digit(16), byte) {
                        (Some(digit), _) => Left::Size(size.saturating_mul(16) + u64::from(digit)),
                        (None, b'\n') => after_size(*size),
                        (None, _) => Left::SizeLine(*size),
                    };
                }
                Left::SizeLine(size) => {
                    if bytes[taken] == b'\n' {
                        self.left = after_size(*size);
                    }
                    taken += 1;
                }
                Left::Trailer(line) => {
                    match bytes[taken] {
                        b'\n' if *line == 0 => self.left = Left::Bytes(0),
                        b'\n' => *line = 0,
                        b'\r' => {}
                        _ => *line += 1,
                    }
                    taken += 1;
                }
            }
        }
        bytes.split_to(taken)
    }
}

/// After a chunk's size: its data, or the trailer.
fn after_size(size: u64) -> Left {
    match size {
        0 => Left::Trailer(0),
        // With the line's end after it.
        size => Left::Chunk(size.saturating_add(2)),
    }
}

/// How the body of a message with this head ends (RFC 9112 §6.3).
fn body(head: &[u8]) -> Left {
    let answer = head.strip_prefix(b"HTTP/1.1 ");
    let status = answer.and_then(|rest| rest.get(..3));
    match status {
        // What follows is another protocol's.
        Some(b"101") => return Left::Open,
        Some([b'1', ..] | b"204" | b"304") => return Left::Bytes(0),
        _ => {}
    }
    if field(head, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return Left::Size(0);
    }
    match field(head, "content-length").map(|value| value.parse()) {
        Some(Ok(length)) => Left::Bytes(length),
        Some(Err(_)) => Left::Open,
        None if answer.is_some() => Left::Open,
        None => Left::Bytes(0),
    }
}

/// The first value of a field of a head.
pub fn field<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(head).ok()?;
    text.split("\r\n").skip(1).find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Whether an answer has no length that is known before its end.
pub fn is_streaming(head: &[u8]) -> bool {
    head.starts_with(b"HTTP/1.1 2") && matches!(body(head), Left::Size(_) | Left::Open)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds it in pieces of one size; heads as they are, bodies joined.
    fn parts(text: &str, piece: usize) -> Vec<String> {
        let mut messages = Messages::new();
        let mut all: Vec<String> = Vec::new();
        let mut body = String::new();
        for piece in text.as_bytes().chunks(piece) {
            let mut bytes = Bytes::copy_from_slice(piece);
            while let Some(part) = messages.next(&mut bytes) {
                match part {
                    Part::Head(head) => {
                        all.extend((!body.is_empty()).then(|| std::mem::take(&mut body)));
                        all.push(String::from_utf8(head).unwrap());
                    }
                    Part::Body(bytes) => body += std::str::from_utf8(&bytes).unwrap(),
                    Part::End => {}
                }
            }
        }
        all.extend((!body.is_empty()).then_some(body));
        all
    }

    #[test]
    fn messages_are_told_apart_however_they_are_cut() {
        let post = "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\n";
        let get = "GET /b HTTP/1.1\r\nHost: x\r\n\r\n";
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunks = "5;x=1\r\nGET /\r\n1F\r\n0123456789012345678901234567890\r\n0\r\nA: b\r\n\r\n";
        let none = "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n";
        let upgraded = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
        for piece in [1, 2, 3, 7, 1_000] {
            let requests = format!("{post}abc{get}{post}def");
            assert_eq!(parts(&requests, piece), [post, "abc", get, post, "def"]);
            let answers = format!("{chunked}{chunks}{none}{chunked}{chunks}{upgraded}\u{81}x");
            assert_eq!(
                parts(&answers, if piece < 3 { 1_000 } else { 2_000 }),
                [chunked, chunks, none, chunked, chunks, upgraded, "\u{81}x"]
            );
            let answers = format!("{chunked}{chunks}{none}{chunked}{chunks}");
            assert_eq!(
                parts(&answers, piece),
                [chunked, chunks, none, chunked, chunks]
            );
        }
    }

    #[test]
    fn what_is_no_http_passes() {
        assert_eq!(parts("\u{16}\u{3}\u{1}abc", 2), ["\u{16}\u{3}\u{1}abc"]);
        let endless = format!("GET {}", "x".repeat(70_000));
        assert_eq!(parts(&endless, 1_000), [endless]);
    }

    #[test]
    fn answers_without_a_length_stream() {
        let is = |fields: &str| is_streaming(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes());
        assert!(is("transfer-encoding: chunked\r\n") && is(""));
        assert!(!is("content-length: 5\r\n"));
        assert!(!is_streaming(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"));
    }
}
