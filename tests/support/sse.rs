//! A raw reader of event streams: chunks off the wire, events out of the crate's own decoder.

use std::{collections::VecDeque, io, net::SocketAddr};

use pushlab::codec::sse::{Decoder, Event};
use serde_json::Value;

use super::{
    connection::Connection,
    http::{Answer, Http},
};

/// An open event stream.
pub struct EventStream {
    pub http: Http,
    pub head: Answer,
    decoder: Decoder,
    events: VecDeque<Event>,
    ended: bool,
    /// Bytes of the body so far, chunk sizes and line ends with it.
    pub body_wire_bytes: u64,
}

impl EventStream {
    /// Opens `/sse/{target}`; the target may carry a query.
    pub fn open(address: SocketAddr, target: &str) -> Self {
        Self::open_over(Connection::connect(address), target, None)
            .unwrap_or_else(|error| panic!("/sse/{target}: {error}"))
    }

    /// As a browser reconnects: with `Last-Event-ID`.
    pub fn resume(address: SocketAddr, target: &str, last_event_id: &str) -> Self {
        Self::open_over(Connection::connect(address), target, Some(last_event_id))
            .unwrap_or_else(|error| panic!("/sse/{target}: {error}"))
    }

    pub fn open_over(
        connection: Connection,
        target: &str,
        last_event_id: Option<&str>,
    ) -> io::Result<Self> {
        let mut http = Http::over(connection);
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(last_event_id.map(|id| ("last-event-id", id)));
        http.send_request("GET", &format!("/sse/{target}"), &headers, b"")?;
        let head = http.read_head()?;
        assert_eq!(head.status, 200, "/sse/{target}");
        Ok(Self {
            http,
            head,
            decoder: Decoder::default(),
            events: VecDeque::new(),
            ended: false,
            body_wire_bytes: 0,
        })
    }

    /// The next event, comments skipped; `None` when the server ended the stream properly. An
    /// error when it broke off or nothing came in time.
    pub fn next(&mut self) -> io::Result<Option<Event>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            match self.http.read_chunk()? {
                Some(chunk) => {
                    self.body_wire_bytes += chunk.wire_bytes;
                    self.events.extend(self.decoder.feed(&chunk.bytes));
                }
                None => {
                    self.body_wire_bytes += 5;
                    self.ended = true;
                }
            }
        }
    }

    /// The next event, which must be of this type, as JSON.
    pub fn expect(&mut self, event: &str) -> Value {
        let next = self.next().expect("the stream goes on");
        let next = next.expect("the stream goes on");
        assert_eq!(next.event, event, "{next:?}");
        serde_json::from_str(&next.data).expect("the data is JSON")
    }

    /// The reconnection time that the stream has set.
    pub fn retry_ms(&self) -> Option<u64> {
        self.decoder.retry_ms()
    }
}
