//! HTTP/1.1 as far as the clients need it (RFC 9112): requests without surprises, answers by
//! `Content-Length` or by chunks, on one kept-alive connection.
//!
//! Heads are counted as heads, chunk sizes as framing. Where the target names a content coding, it is
//! asked for in the head and in the lab's own way (`compress=on` in the query), and undone here: what
//! is counted is what came, and what is handed on is what it says. Not here: redirects, pipelining.

use std::io;

use super::{Ended, Target, add, connection::Connection};
use crate::codec::compressed::{self, Coding, Decompressor};

/// Heads and bodies past this are refused: no lane answers with more.
const HEAD_MAX_BYTES: usize = 64 << 10;
const BODY_MAX_BYTES: usize = 64 << 20;

/// The start of an answer.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status (RFC 9110 §15).
    pub status: u16,
    length: Length,
    /// `Connection: close`: no request may follow.
    pub will_close: bool,
    /// The validator of what is answered (RFC 9110 §8.8.3), quotes and all.
    pub etag: Option<String>,
    /// The first cookie that it sets, `name=value`, without how long and where it holds (RFC 6265
    /// §4.1).
    pub cookie: Option<String>,
    /// What a WebSocket's server agrees to (RFC 6455 §9.1).
    pub extensions: Option<String>,
    /// What the body is coded with; nothing where it is as it is.
    pub coding: Option<String>,
    /// Of the head itself.
    pub bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Bytes(usize),
    Chunked,
    /// Up to the end of the connection.
    Open,
}

/// A request as its bytes; `target` is the path with its query.
pub fn request(method: &str, to: &Target, target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = match body.is_empty() && method == "GET" {
        true => String::new(),
        false => format!("Content-Length: {}\r\n", body.len()),
    };
    let (asks, takes) = match to.coding {
        None => (String::new(), String::new()),
        Some(coding) => {
            let joint = if target.contains('?') { '&' } else { '?' };
            (
                format!("{joint}compress=on"),
                format!("Accept-Encoding: {}\r\n", coding.name()),
            )
        }
    };
    let mut bytes = format!(
        "{method} {target}{asks} HTTP/1.1\r\nHost: {}\r\nUser-Agent: pushlab/{}\r\n{takes}{headers}{length}\r\n",
        to.host,
        crate::VERSION
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A POST of text, as its bytes.
pub fn post_request(to: &Target, target: &str, body: &[u8]) -> Vec<u8> {
    request("POST", to, target, "Content-Type: text/plain\r\n", body)
}

/// Sends a GET and counts it as a request.
pub async fn get(io: &mut Connection, to: &Target, target: &str, headers: &str) -> io::Result<()> {
    let bytes = request("GET", to, target, headers, b"");
    add(&io.tally().requests, 1);
    add(&io.tally().up.heads, bytes.len());
    io.asks(&bytes);
    io.send(&bytes).await
}

/// Sends a POST and counts it as a request.
pub async fn post(io: &mut Connection, to: &Target, target: &str, body: &[u8]) -> io::Result<()> {
    let bytes = post_request(to, target, body);
    add(&io.tally().requests, 1);
    let head_bytes = bytes.len() - body.len();
    add(&io.tally().up.heads, head_bytes);
    io.asks(&bytes[..head_bytes]);
    io.send(&bytes).await
}

/// Reads the answer's status line and headers.
pub async fn read_head(io: &mut Connection) -> Result<Head, Ended> {
    let end = loop {
        match memchr::memmem::find(io.waiting(), b"\r\n\r\n") {
            Some(end) => break end + 4,
            None if io.waiting().len() > HEAD_MAX_BYTES => {
                return Err(Ended::NotUnderstood("an answer's head without end".into()));
            }
            None => io.fill().await?,
        }
    };
    let head = parse_head(&io.waiting()[..end])
        .ok_or_else(|| Ended::NotUnderstood("an answer's head that is no HTTP/1.1".into()))?;
    io.is_answered(end, head.status);
    io.consume(end);
    add(&io.tally().down.heads, end);
    Ok(head)
}

fn parse_head(bytes: &[u8]) -> Option<Head> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.split("\r\n");
    let status_line = lines.next()?.strip_prefix("HTTP/1.1 ")?;
    let status: u16 = status_line.get(..3)?.parse().ok()?;
    let mut head = Head {
        status,
        length: match status {
            100..=199 | 204 | 304 => Length::Bytes(0),
            _ => Length::Open,
        },
        will_close: false,
        etag: None,
        cookie: None,
        extensions: None,
        coding: None,
        bytes: bytes.len(),
    };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") && head.length == Length::Open {
            head.length = Length::Bytes(value.parse().ok()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding")
            && value.eq_ignore_ascii_case("chunked")
        {
            head.length = Length::Chunked;
        } else if name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close") {
            head.will_close = true;
        } else if name.eq_ignore_ascii_case("sec-websocket-extensions") {
            head.extensions = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("etag") {
            head.etag = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("content-encoding")
            && !value.eq_ignore_ascii_case("identity")
        {
            head.coding = Some(value.to_owned());
        } else if name.eq_ignore_ascii_case("set-cookie") && head.cookie.is_none() {
            head.cookie = value.split(';').next().map(|pair| pair.trim().to_owned());
        }
    }
    Some(head)
}

/// Reads the whole body of an answer that has an end.
pub async fn read_body(io: &mut Connection, head: &Head) -> Result<Vec<u8>, Ended> {
    let body = read_coded_body(io, head).await?;
    match head.coding()? {
        // The answer to HEAD has none, nor has 304.
        Some(coding) if !body.is_empty() => {
            compressed::read_whole(coding, &body, BODY_MAX_BYTES).map_err(not_understood)
        }
        _ => Ok(body),
    }
}

fn not_understood(error: impl ToString) -> Ended {
    Ended::NotUnderstood(error.to_string())
}

impl Head {
    /// What the body is to be decoded by.
    fn coding(&self) -> Result<Option<Coding>, Ended> {
        let named = self.coding.as_deref().map(|name| {
            Coding::named(name)
                .ok_or_else(|| not_understood(format!("an answer that is coded with {name:?}")))
        });
        named.transpose()
    }
}

async fn read_coded_body(io: &mut Connection, head: &Head) -> Result<Vec<u8>, Ended> {
    match head.length {
        Length::Bytes(length) if length > BODY_MAX_BYTES => Err(Ended::NotUnderstood(format!(
            "an answer of {length} bytes; {BODY_MAX_BYTES} are taken"
        ))),
        Length::Bytes(length) => {
            while io.waiting().len() < length {
                io.fill().await?;
            }
            let body = io.waiting()[..length].to_vec();
            io.consume(length);
            Ok(body)
        }
        Length::Chunked => {
            let mut body = Vec::new();
            while read_chunk(io, &mut body).await? {
                if body.len() > BODY_MAX_BYTES {
                    return Err(Ended::NotUnderstood("an answer without end".into()));
                }
            }
            Ok(body)
        }
        Length::Open => Err(Ended::NotUnderstood("an answer without a length".into())),
    }
}

/// Appends the next chunk of a chunked body; false at the last.
pub async fn read_chunk(io: &mut Connection, out: &mut Vec<u8>) -> Result<bool, Ended> {
    let (line, size) = loop {
        if let Some(sizes) = chunk_sizes(io.waiting())? {
            break sizes;
        }
        io.fill().await?;
    };
    let whole = line + size + 2;
    while io.waiting().len() < whole {
        io.fill().await?;
    }
    out.extend_from_slice(&io.waiting()[line..line + size]);
    io.consume(whole);
    add(&io.tally().down.framing, line + 2);
    Ok(size > 0)
}

/// Bytes of the chunk's first line, and of what it holds; `None` while the line is not whole.
fn chunk_sizes(bytes: &[u8]) -> Result<Option<(usize, usize)>, Ended> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n") else {
        return Ok(None);
    };
    let size = std::str::from_utf8(&bytes[..end])
        .ok()
        .and_then(|digits| usize::from_str_radix(digits, 16).ok())
        .filter(|size| *size <= BODY_MAX_BYTES);
    match size {
        Some(size) => Ok(Some((end + 2, size))),
        None => Err(Ended::NotUnderstood("a chunk without a size".into())),
    }
}

/// What is in a chunk that is whole.
///
/// # Errors
///
/// It is none.
pub fn chunk(bytes: &[u8]) -> Result<&[u8], Ended> {
    chunk_sizes(bytes)?
        .and_then(|(line, size)| bytes.get(line..line + size + 2)?.strip_suffix(b"\r\n"))
        .ok_or_else(|| Ended::NotUnderstood("a chunk that is not whole".into()))
}

/// Sends a GET and reads the answer, which must be 200.
pub async fn ask(io: &mut Connection, to: &Target, target: &str) -> Result<Vec<u8>, Ended> {
    get(io, to, target, "").await?;
    let head = read_head(io).await?;
    let body = read_body(io, &head).await?;
    expect(200, head.status, target, &body)?;
    Ok(body)
}

/// Reads the head of an answer that goes on; any status but 200 is an error with its body.
pub async fn expect_stream(io: &mut Connection, request: &str) -> Result<Chunks, Ended> {
    let head = read_head(io).await?;
    if head.status != 200 {
        let body = read_body(io, &head).await?;
        expect(200, head.status, request, &body)?;
    }
    let decoder = head.coding()?;
    Ok(Chunks {
        decoder: decoder.map(|coding| Decompressor::new(coding, BODY_MAX_BYTES)),
        coded: Vec::new(),
    })
}

/// The chunks of an answer that goes on.
#[derive(Default)]
pub struct Chunks {
    /// Of one that is compressed.
    decoder: Option<Decompressor>,
    /// A chunk as it came.
    coded: Vec<u8>,
}

impl Chunks {
    /// Appends what the next chunk says; false at the last.
    pub async fn read(&mut self, io: &mut Connection, out: &mut Vec<u8>) -> Result<bool, Ended> {
        let Some(decoder) = &mut self.decoder else {
            return read_chunk(io, out).await;
        };
        self.coded.clear();
        let is_more = read_chunk(io, &mut self.coded).await?;
        decoder.feed(&self.coded, out).map_err(not_understood)?;
        Ok(is_more)
    }
}

/// A refusal unless the status is the expected one.
pub fn expect(wanted: u16, status: u16, request: &str, body: &[u8]) -> Result<(), Ended> {
    if status == wanted {
        return Ok(());
    }
    Err(Ended::Refused {
        request: request.to_owned(),
        status,
        body: String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_say_how_the_body_ends() {
        let head = |text: &str| parse_head(text.as_bytes());
        let with_length = head("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n").unwrap();
        assert_eq!(
            (with_length.status, with_length.length),
            (200, Length::Bytes(12))
        );
        let chunked = head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        assert_eq!(chunked.length, Length::Chunked);
        let nothing = head("HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n").unwrap();
        assert_eq!(nothing.length, Length::Bytes(0));
        assert!(nothing.will_close);
        let set = head("HTTP/1.1 200 OK\r\nSet-Cookie: a=b; HttpOnly\r\nset-cookie: c=d\r\n\r\n");
        assert_eq!(set.unwrap().cookie.as_deref(), Some("a=b"));
        let coded = head("HTTP/1.1 200 OK\r\nContent-Encoding: GZIP\r\n\r\n").unwrap();
        assert_eq!(coded.coding().unwrap(), Some(Coding::Gzip));
        let plain = head("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\n\r\n").unwrap();
        assert_eq!(plain.coding().unwrap(), None);
        let unknown = head("HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n").unwrap();
        let refused = unknown.coding().unwrap_err().to_string();
        assert!(refused.contains("deflate"), "{refused}");
        assert!(head("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n").is_none());
        assert!(head("SSH-2.0-x\r\n\r\n").is_none());
    }
}
