//! Event streams (WHATWG HTML, §9.2 "Server-sent events"): writing them, and reading them as a
//! user agent does.
//!
//! Not here: reconnecting, which is the client's business, and `Last-Event-ID`, a header.

use std::io::Write;

/// Appends one event. `data` may have several lines: each becomes a `data:` field, and a reader
/// joins them with `\n` again (§9.2.6). CR and CRLF end a line too, so they arrive as `\n`.
pub fn encode_event(event: Option<&str>, id: Option<&str>, data: &[u8], out: &mut Vec<u8>) {
    if let Some(event) = event {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event.as_bytes());
        out.push(b'\n');
    }
    if let Some(id) = id {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(id.as_bytes());
        out.push(b'\n');
    }
    let mut rest = data;
    loop {
        let end = memchr::memchr2(b'\n', b'\r', rest);
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&rest[..end.unwrap_or(rest.len())]);
        out.push(b'\n');
        let Some(end) = end else { break };
        let crlf = rest[end..].starts_with(b"\r\n");
        rest = &rest[end + 1 + usize::from(crlf)..];
    }
    out.push(b'\n');
}

/// Appends a comment, which readers ignore: a heartbeat.
pub fn encode_comment(text: &str, out: &mut Vec<u8>) {
    let _ = write!(out, ": {text}\n\n");
}

/// Appends a `retry:` field, how many milliseconds a reader waits before it reconnects, as the
/// beginning of the event that follows. It is no block of its own: a user agent dispatches nothing
/// for one without data, but decoders such as httpx-sse hand it on as an event with empty data.
pub fn encode_retry(millis: u64, out: &mut Vec<u8>) {
    let _ = writeln!(out, "retry: {millis}");
}

/// One event as a reader dispatches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The event's type; `message` where the stream names none.
    pub event: String,
    /// Its `data:` lines joined by line feeds.
    pub data: String,
    /// The last event ID at the time of the event.
    pub last_event_id: String,
}

/// Reads a stream incrementally (§9.2.6 "Interpreting an event stream"). Bytes may be split
/// anywhere, in the middle of a character or of CRLF as well.
#[derive(Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    skip_line_feed: bool,
    begun: bool,
    event: String,
    data: String,
    last_event_id: String,
    retry_ms: Option<u64>,
}

impl Decoder {
    /// Feeds bytes and returns the events they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in bytes {
            if std::mem::take(&mut self.skip_line_feed) && byte == b'\n' {
                continue;
            }
            match byte {
                b'\n' | b'\r' => {
                    self.skip_line_feed = byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.line_ended(&line));
                }
                _ => self.line.push(byte),
            }
        }
        events
    }

    /// The reconnection time that the stream has set, if any.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    fn line_ended(&mut self, line: &[u8]) -> Option<Event> {
        let line = match line.strip_prefix(b"\xEF\xBB\xBF") {
            Some(rest) if !self.begun => rest,
            _ => line,
        };
        self.begun = true;
        if line.is_empty() {
            return self.dispatch();
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event = value.to_owned(),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => self.last_event_id = value.to_owned(),
            "retry" if value.bytes().all(|b| b.is_ascii_digit()) => {
                self.retry_ms = value.parse().ok();
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        data.pop()?;
        Some(Event {
            event: if event.is_empty() {
                "message".to_owned()
            } else {
                event
            },
            data,
            last_event_id: self.last_event_id.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stream: &str) -> Vec<(String, String, String)> {
        Decoder::default()
            .feed(stream.as_bytes())
            .into_iter()
            .map(|e| (e.event, e.data, e.last_event_id))
            .collect()
    }

    fn message(data: &str, id: &str) -> (String, String, String) {
        ("message".into(), data.into(), id.into())
    }

    /// The examples of the standard, §9.2.6, in its order.
    #[test]
    fn the_standards_own_examples() {
        assert_eq!(
            read("data: YHOO\ndata: +2\ndata: 10\n\n"),
            [message("YHOO\n+2\n10", "")]
        );
        let four_blocks = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n";
        assert_eq!(
            read(four_blocks),
            [message("first event", "1"), message("second event", "")]
        );
        assert_eq!(
            read("data\n\ndata\ndata\n\ndata:"),
            [message("", ""), message("\n", "")]
        );
        assert_eq!(
            read("data:test\n\ndata: test\n\n"),
            [message("test", ""), message("test", "")]
        );
    }

    #[test]
    fn any_split_reads_the_same() {
        let stream =
            "\u{feff}event: a\r\nid: é:1\r\ndata: x\rdata: ü\n\n: c\n\nretry: 50\n\ndata: y\n\n";
        let whole = Decoder::default().feed(stream.as_bytes());
        assert_eq!(whole.len(), 2);
        assert_eq!(whole[0].data, "x\nü");
        assert_eq!(whole[1].last_event_id, "é:1");
        for split in 0..stream.len() {
            let mut decoder = Decoder::default();
            let mut events = decoder.feed(&stream.as_bytes()[..split]);
            events.extend(decoder.feed(&stream.as_bytes()[split..]));
            assert_eq!(events, whole, "split at {split}");
            assert_eq!(decoder.retry_ms(), Some(50));
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut out = Vec::new();
        encode_comment("heartbeat", &mut out);
        encode_retry(2_000, &mut out);
        encode_event(Some("subscribed"), None, b"{}", &mut out);
        encode_event(None, Some("e:1"), b"{\n \"a\":\r\n1}", &mut out);
        encode_event(None, Some("e:2"), b"", &mut out);
        let text = String::from_utf8(out.clone()).unwrap();
        assert!(
            text.contains("retry: 2000\nevent: subscribed\ndata: {}\n\n"),
            "{text}"
        );
        let events = Decoder::default().feed(&out);
        assert_eq!(events.len(), 3);
        assert_eq!(events[0].event, "subscribed");
        assert_eq!(events[1].data, "{\n \"a\":\n1}");
        assert_eq!(events[1].last_event_id, "e:1");
        assert_eq!(events[2].data, "");
    }
}
