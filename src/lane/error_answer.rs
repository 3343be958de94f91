//! Replaces the empty error answers that the HTTP server gives by itself by ones that explain.
//!
//! actix-http answers what it cannot read as a request (a malformed head, one that is too large or
//! comes too slowly) before any service is asked, with a status and nothing else, and offers no
//! hook for it. It writes that answer to the connection like any other, so it is recognised here:
//! it is the last thing written, it has no body, and no handler has announced it to the meter. The
//! answer that replaces it says what to do.
//!
//! Closing with unread input resets the connection, and the peer loses what it has not read yet
//! (RFC 9112 §9.6). So the write side is closed first, and what still comes is read and dropped for
//! a while. Not here: the texts of the answers, which are the server's.
//!
//! ```text
//! client                      lane                          actix-http
//!   │── GET / HTTP/9.9 ───────►│─────────────────────────────►│ cannot be read
//!   │                          │ ◄── 400, content-length: 0 ──│
//!   │ ◄── 400 {"error":…} ─────│  replaced: nobody announced a body of none
//!   │ ◄── FIN                  │  and what still comes is read and dropped, for a second at most
//! ```
//!
//! Rejected: a parser of our own before actix's. Two parsers that disagree about one request are
//! how requests are smuggled (RFC 9112 §11.2). What serves streams and polls uses the same one, and
//! leaves to actix-http what that refuses (`server::small_http`).

use std::{pin::Pin, time::Duration};

use super::seats::LingeringClose;
use tokio::time::{Sleep, sleep};

/// Head and body of the answer with this status; `None` leaves the HTTP server's own.
pub type ErrorAnswers = fn(status: u16) -> Option<(Vec<u8>, Vec<u8>)>;

/// Time that the peer has to read the answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest answer that actix-http gives by itself.
const LONGEST: usize = 256;

/// Looks for one of actix-http's own answers at the end of `bytes`: where it begins, and its
/// status.
pub fn find(bytes: &[u8]) -> Option<(usize, u16)> {
    const END: &[u8] = b"\r\n\r\n";
    if !bytes.ends_with(END) {
        return None;
    }
    let tail_at = bytes.len().saturating_sub(LONGEST);
    let at = tail_at + memchr::memmem::rfind(&bytes[tail_at..], b"HTTP/1.")?;
    let head = &bytes[at..];
    let is_whole = memchr::memmem::find(head, END) == Some(head.len() - END.len());
    let is_empty = memchr::memmem::find(head, b"\r\ncontent-length: 0\r\n").is_some();
    let status: u16 = std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()?;
    (is_whole && is_empty && status >= 400).then_some((at, status))
}

/// An answer that is being written in the place of another.
pub struct SubstituteAnswer {
    /// Head and body.
    pub bytes: Vec<u8>,
    /// How many of `bytes` are written.
    pub written: usize,
    /// Length of the answer that it replaces, which the HTTP server believes to be written.
    pub replaces: usize,
    /// Until when input is read and dropped.
    pub drained_by: Option<Pin<Box<Sleep>>>,
    /// `Some` once the answer is written, for a connection with a seat; inside, the permission to
    /// wait for the peer, if there is one.
    pub lingers: Option<Option<LingeringClose>>,
}

impl SubstituteAnswer {
    /// An answer of which nothing is written yet. `replaces`: length of the one in whose place it
    /// comes.
    pub fn new(bytes: Vec<u8>, replaces: usize) -> Self {
        Self {
            bytes,
            written: 0,
            replaces,
            drained_by: None,
            lingers: None,
        }
    }

    /// The end of the time for draining, which begins with the first call.
    pub fn drained_by(&mut self) -> Pin<&mut Sleep> {
        let by = self
            .drained_by
            .get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        by.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\
        date: Sun, 29 Nov 2026 10:06:07 GMT\r\n\r\n";

    #[test]
    fn an_answer_without_a_body_is_found_where_it_ends_what_is_written() {
        assert_eq!(find(OWN), Some((0, 400)));
        let behind = [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", OWN].concat();
        assert_eq!(find(&behind), Some((behind.len() - OWN.len(), 400)));
    }

    #[test]
    fn others_are_not() {
        let at_the_end = [OWN, b"more"].concat();
        let good = OWN.to_vec();
        let good = String::from_utf8(good).unwrap();
        let with_body = good.replace("content-length: 0", "content-length: 4");
        let good = good.replace("400 Bad Request", "200 OK");
        for bytes in [
            &b""[..],
            b"\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 4\xff0 X\r\ncontent-length: 0\r\n\r\n",
            &at_the_end,
            with_body.as_bytes(),
            good.as_bytes(),
            &OWN[1..],
        ] {
            assert_eq!(find(bytes), None, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
