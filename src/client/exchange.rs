//! One question and its answer as they were sent: the heads only, each line with its size, bounded,
//! and without what is secret. A row keeps one, so that people see what its headers are made of.
//!
//! Keeping costs one look at a flag for each request; the text is made once.
//!
//! Not here: bodies, and frames after an upgrade.

use std::cell::{Cell, RefCell};

use serde::{Deserialize, Serialize};

/// Characters of a head that are shown; what is beyond is counted only. Twice the heads of this lab, and
/// room for what a foreign server adds.
const SHOWN_MAX_BYTES: usize = 2 << 10;

/// Headers whose values are for nobody else.
const SECRET_HEADERS: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "x-auth-token",
    "x-pusher-signature",
];

/// Fields of an address of which the same holds.
const SECRET_FIELDS: [&str; 8] = [
    "auth",
    "auth_signature",
    "signature",
    "token",
    "access_token",
    "api_key",
    "password",
    "secret",
];

/// A request and the answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Head of the request.
    pub request: SentHead,
    /// Head of the answer.
    pub answer: SentHead,
}

/// The head of one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentHead {
    /// All of it, as it was sent, with what is hidden and what is left out.
    pub bytes: usize,
    /// Its lines, with their lengths.
    pub lines: Vec<SentLine>,
}

/// A line of a head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentLine {
    /// For people: secrets are hidden, what is long is cut.
    pub text: String,
    /// As it was sent, with its line end.
    pub bytes: usize,
}

impl Exchange {
    /// In their order, with what each is called.
    pub fn heads(&self) -> [(&'static str, &SentHead); 2] {
        [
            ("The question", &self.request),
            ("The answer", &self.answer),
        ]
    }

    /// Both ways.
    pub fn bytes(&self) -> usize {
        self.request.bytes.saturating_add(self.answer.bytes)
    }
}

impl SentHead {
    /// Of the bytes as they are on the wire, with the empty line that ends them.
    pub fn of(head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(head);
        let mut left = SHOWN_MAX_BYTES;
        let mut lines = Vec::new();
        let mut is_secret = false;
        for line in text.split_inclusive("\r\n") {
            let bare = line.strip_suffix("\r\n").unwrap_or(line);
            // A line that begins with a space goes on with the header before it (RFC 9112, 5.2).
            is_secret = match bare.starts_with([' ', '\t']) {
                true => is_secret,
                false => has_secret(bare),
            };
            let shown = cut(&shown(bare, is_secret), left);
            // Its line end counts, so that a head of empty lines has an end as well.
            left = left.saturating_sub(shown.len() + 2);
            lines.push(SentLine {
                text: shown,
                bytes: line.len(),
            });
            if left == 0 {
                break;
            }
        }
        Self {
            bytes: head.len(),
            lines,
        }
    }

    /// Bytes of the lines that are not shown.
    pub fn left_out(&self) -> usize {
        // Of a file these may be any numbers.
        let lines = self.lines.iter();
        lines.fold(self.bytes, |left, line| left.saturating_sub(line.bytes))
    }
}

fn has_secret(line: &str) -> bool {
    let name = line.split_once(':').map(|(name, _)| name.trim());
    name.is_some_and(|name| is_one_of(name, &SECRET_HEADERS))
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn hidden(value: &str) -> String {
    format!("hidden, {} bytes", value.len())
}

/// A line without what is secret in it, and without what would not stay on it.
fn shown(line: &str, is_secret: bool) -> String {
    let text = match (is_secret, line.split_once(':')) {
        (true, Some((name, value))) if has_secret(line) => {
            format!("{name}: {}", hidden(value.trim()))
        }
        (true, _) => hidden(line),
        (false, _) => without_secret_fields(line),
    };
    text.replace(char::is_control, "\u{fffd}")
}

/// Hides values in the query of an address, wherever in the line that stands.
fn without_secret_fields(line: &str) -> String {
    let Some((before, query)) = line.split_once('?') else {
        return line.to_owned();
    };
    let (query, after) = match query.find([' ', '#']) {
        Some(end) => query.split_at(end),
        None => (query, ""),
    };
    let fields: Vec<String> = query
        .split('&')
        .map(|field| match field.split_once('=') {
            Some((name, value)) if is_one_of(name, &SECRET_FIELDS) => {
                format!("{name}=({})", hidden(value))
            }
            _ => field.to_owned(),
        })
        .collect();
    format!("{before}?{}{after}", fields.join("&"))
}

/// At most about so many bytes of it, and how many there are more.
fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    // `floor_char_boundary` is newer than the oldest compiler that is supported.
    let is_boundary = |at: &usize| text.is_char_boundary(*at);
    let end = (0..=max).rev().find(is_boundary).unwrap_or(0);
    format!("{}… and {} bytes more", &text[..end], text.len() - end)
}

/// What a row keeps: the first exchange that ends after it was wanted.
#[derive(Debug, Default)]
pub struct Example {
    is_wanted: Cell<bool>,
    kept: RefCell<Option<Exchange>>,
}

impl Example {
    /// The next one is to be kept, instead of what there is.
    pub fn want(&self) {
        self.is_wanted.set(true);
    }

    /// A request is about to leave: its head, if the exchange is to be kept. Whoever got it
    /// [keeps](Self::keep) the answer or says that there is [none](Self::want).
    pub fn asked(&self, head: &[u8]) -> Option<Box<SentHead>> {
        self.is_wanted.take().then(|| Box::new(SentHead::of(head)))
    }

    /// Keeps this exchange, unless one is kept. `answer`: the answer's head, to its empty line.
    pub fn keep(&self, request: SentHead, answer: &[u8]) {
        let answer = SentHead::of(answer);
        *self.kept.borrow_mut() = Some(Exchange { request, answer });
    }

    /// Takes it out.
    pub fn take(&self) -> Option<Exchange> {
        self.kept.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(head: &SentHead) -> Vec<&str> {
        head.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn each_line_has_its_size_as_sent_and_the_sum_is_the_head() {
        let head = SentHead::of(b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n");
        assert_eq!(texts(&head), ["GET /a HTTP/1.1", "Host: b", ""]);
        let sizes: Vec<usize> = head.lines.iter().map(|line| line.bytes).collect();
        assert_eq!(sizes, [17, 9, 2]);
        assert_eq!((head.bytes, head.left_out()), (28, 0));
    }

    #[test]
    fn secrets_are_hidden_and_counted() {
        let sent = "GET /x?auth_signature=0123&b=1&TOKEN=t HTTP/1.1\r\nCookie: a=b; c=d\r\n\
                    AUTHORIZATION:Bearer 12345\r\n folded secret\r\nSec-WebSocket-Key: kept\r\n\
                    Location: /y?token=abc#d\r\nX: \u{1b}[2J\r\n\r\n";
        let head = SentHead::of(sent.as_bytes());
        assert_eq!(
            texts(&head),
            [
                "GET /x?auth_signature=(hidden, 4 bytes)&b=1&TOKEN=(hidden, 1 bytes) HTTP/1.1",
                "Cookie: hidden, 8 bytes",
                "AUTHORIZATION: hidden, 12 bytes",
                "hidden, 14 bytes",
                "Sec-WebSocket-Key: kept",
                "Location: /y?token=(hidden, 3 bytes)#d",
                "X: \u{fffd}[2J",
                "",
            ]
        );
        assert_eq!((head.bytes, head.left_out()), (sent.len(), 0));
    }

    #[test]
    fn what_is_long_is_cut_and_still_counted() {
        let long = format!(
            "HTTP/1.1 200 OK\r\nA: {}\r\nB: c\r\n\r\n",
            "ä".repeat(4_000)
        );
        let head = SentHead::of(long.as_bytes());
        assert_eq!(head.lines.len(), 2);
        assert!(head.lines[1].text.ends_with("bytes more"));
        assert!(head.lines[1].text.len() < SHOWN_MAX_BYTES + 40);
        assert_eq!((head.bytes, head.left_out()), (long.len(), 8));
        let lines = "a\r\n".repeat(50_000);
        let head = SentHead::of(lines.as_bytes());
        assert!(head.lines.len() <= SHOWN_MAX_BYTES);
        assert_eq!(head.left_out(), lines.len() - head.lines.len() * 3);
        // A long secret takes no room.
        let secret = format!("Cookie: {}\r\nB: c\r\n\r\n", "x".repeat(9_000));
        assert_eq!(texts(&SentHead::of(secret.as_bytes()))[1], "B: c");
    }

    #[test]
    fn the_first_that_is_wanted_is_kept() {
        let example = Example::default();
        assert!(example.asked(b"a\r\n\r\n").is_none());
        example.want();
        let first = example.asked(b"a\r\n\r\n").unwrap();
        assert!(example.asked(b"b\r\n\r\n").is_none(), "one at a time");
        example.keep(*first, b"c\r\n\r\n");
        let kept = example.take().unwrap();
        assert_eq!(kept.request.lines[0].text, "a");
        assert_eq!(kept.answer.lines[0].text, "c");
        assert_eq!(kept.bytes(), 10);
    }
}
