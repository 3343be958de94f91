//! Server-sent events: one request whose answer never ends (WHATWG HTML §9.2; RFC 6202 §3).
//!
//! The browser brings a parser for it (`EventSource`), comes back by itself after a break, and says
//! where it stopped. It is still a GET and an answer, so nothing has to be upgraded; but a proxy
//! that waits for the end of an answer waits forever, and the client cannot say anything on it.
//!
//! # On the wire
//!
//! ```text
//! client                                        server
//!   │── GET /sse/news ────────────────────────────►│
//!   │ ◄── 200, text/event-stream, chunked ──────── │  one head for all that follows
//!   │ ◄── retry: 2000                              │
//!   │     event: subscribed                        │  where the stream begins, with an id of its own
//!   │     id: k3:7                                 │
//!   │     data: {…,"offset":7,"recovered":false} ─ │
//!   │ ◄── id: k3:8                                 │  a publication: an event without a name,
//!   │     data: {…,"offset":8,…,"data":{"n":1}} ── │  and an empty line that ends it
//!   │ ◄── : heartbeat ──────────────────────────── │  a comment, after 25 s of silence
//!   ✕   the connection breaks                      ✕
//!   │── GET /sse/news, Last-Event-ID: k3:8 ───────►│  the browser, two seconds later, by itself
//! ```
//!
//! `Last-Event-ID` (or `epoch` and `offset` in the query, for a client whose browser has forgotten)
//! resumes, the header before the query; an id that is no position counts as one that cannot be
//! recovered. Then `subscribed` says `"recovered":false`, and all that is still kept follows.
//! Before the server ends a stream it sends `closing` with the reason. `?envelope=bare` asks for
//! publications as their data alone, without an id, so that such a stream cannot go on where it
//! broke.
//!
//! The empty line ends an event; the chunk around it does not. Chunks belong to the connection
//! (RFC 9112 §7.1), and a proxy may join or cut them. The reader joins several `data:` lines of an
//! event with a line feed, and takes CR and CRLF for a line's end, too.
//!
//! # What goes wrong
//!
//! - **A proxy gathers the answer** until its buffer is full or its time is up, and events come in
//!   bursts (RFC 6202 §3.2). The head asks it not to (`X-Accel-Buffering: no`, and `no-transform`
//!   so that nobody on the way compresses), which helps with proxies that obey; TLS keeps the others from
//!   looking in. `pushlab experiment E11`: gathered for up to 1.2 s, events were 0.5 to 0.9 s late
//!   on average, a WebSocket's a few milliseconds.
//! - **The seventh tab hangs.** A browser opens six connections to one host and port by HTTP/1.1,
//!   for all its tabs together, and each stream keeps one: the seventh waits, and with it every
//!   other request there (experiment E21). One stream for all tabs (`SharedWorker`,
//!   `BroadcastChannel`), or ports of their own as the lanes have here, or HTTP/2, which this lab
//!   does not speak ([`crate::tls`]). WebSockets do not count among the six.
//! - **`EventSource` gives up for good** at any status but 200, 204 too, and at another content
//!   type; the page sees an `error` without a reason. After a break or an end it comes back. So
//!   what will pass (503, 429) is said with 200 and a stream that ends ([`closing`]), to whoever
//!   accepts `text/event-stream`; 400 and 403 stay, since coming back would not help. Its wait has no chance in it, so that a thousand
//!   readers of a server that restarted come back together; after a second failure the lab's page
//!   waits in its place, longer each time and at random.
//! - **The client is gone without a word.** Nothing ever comes up a stream, so only TCP notices: a
//!   heartbeat, sent after 25 s of silence, stays unacknowledged for 30 s (`tcp_unacknowledged`),
//!   or probes do (`tcp_keepalive`). That is 30 to 60 s; and behind a proxy it is the proxy that
//!   acknowledges.
//! - **A client reads slowly.** When the kernel's buffers are full, what comes waits in the
//!   stream's queue, up to 1 MiB ([`hub::queue`](crate::hub::queue)); past it `--slow-consumer`
//!   decides ([`hub::when_full`](crate::hub::when_full)), and nobody else waits. `disconnect`, the
//!   default, throws the queue away, counted, and sends `closing`: the client comes back with its
//!   last id and gets what the history still has. After `drop-oldest` or `conflate` it cannot: it
//!   has since received later ids and would ask from the last of them. That something is missing
//!   before it shows only in the offsets. Less
//!   than 500 bytes a second for 30 s: cut off ([`lane::pace`](crate::lane::pace)).
//!
//! # Rejected
//!
//! - **The offset alone as the id.** After a restart of the server offsets begin again at 1. A
//!   browser that returns with 8 would wait in silence for a ninth publication of another life. The
//!   epoch in front makes such an id one that is known to be void.
//! - **Publications as events with a name** (`event: tick`). The name is in the envelope already, a
//!   listener would have to be added for each, and it would be 12 bytes a publication more.
//! - **A channel of messages for each client, encoded in the client's own task.** That is what most
//!   examples do. Here the hub hands every stream the same encoded bytes (`stream`), so a thousand
//!   readers cost one encoding.
//!
//! # What it costs
//!
//! `pushlab run --lanes sse,sse-bare,websocket --clients 1 --markdown`: **245 bytes** for a
//! publication of 60, 29 of them framing (`id: `, `data: `, the empty line, the chunk around it). A
//! WebSocket frames the same with 4. Bare it is 74, with 14 of framing. An idle stream costs 18
//! bytes a heartbeat. Killed by RST, a stream without a line of the application's code had its next
//! event after 2.0 s, as `retry:` said, and a bare WebSocket never had (`pushlab experiment E8`).
//!
//! # Where it can be seen
//!
//! Lessons 11 (who comes back), 12 (the office proxy) and 8 (up is not down); experiments E8, E11
//! and E18; `docs/lanes/sse.md`.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};

use super::{
    SubscribeQuery,
    stream::{self, StreamForm},
    wrong_method,
};
use crate::{
    catalogue::{Form, Lane, LaneId, SSE, WireFormat},
    channel::{ChannelName, Epoch, Publication, StreamPosition, history::Recovery},
    codec::{envelope, sse},
    disconnect::Disconnect,
    error::{Code, Refusal},
    hub::Format,
    registry::{Endpoint, LaneWorker, named_channel},
    wire::Layers,
};

/// The endpoint: see the module.
pub struct Sse;

impl Endpoint for Sse {
    fn lane(&self) -> Option<&'static Lane> {
        Some(&SSE)
    }

    fn metered_as(&self, rest: &str, _query: &str) -> Option<Arc<str>> {
        named_channel(rest)
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.service(
            web::resource("/sse/{channel}")
                .route(web::get().to(open))
                .default_service(wrong_method(&[Method::GET])),
        );
    }
}

/// What this transport says on the wire; how it is queued and sent is the same for all streams.
static FORM: StreamForm = StreamForm {
    content_type: "text/event-stream",
    format: Format {
        form: WireFormat::PlainEvent,
        encode: encode_event,
    },
    heartbeat: b": heartbeat\n\n",
    closing: |reason| closing_event(&reason.to_string(), reason.advice()),
};

/// A publication as an event with its position as the id.
///
/// The envelope is made first and on its own: data that contains line ends becomes one `data:` line
/// for each (the field cannot contain them), so its length on the wire is not known before. What the
/// lines add is what is not envelope: framing.
fn encode_event(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let mut json = Vec::with_capacity(publication.retained_bytes() + 64);
    let layers = envelope::encode_publication(publication, &mut json);
    let from = out.len();
    let id = publication.position().to_string();
    sse::encode_event(None, Some(&id), &json, out);
    Layers {
        framing: (out.len() - from) as u64 - layers.total(),
        ..layers
    }
}

/// Publications as their data alone, without an id.
static BARE: StreamForm = StreamForm {
    format: Format {
        form: WireFormat::BareEvent,
        encode: encode_bare_event,
    },
    ..FORM
};

/// A publication's data as an event, and nothing to resume by.
fn encode_bare_event(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let mut data = Vec::with_capacity(publication.retained_bytes());
    let layers = envelope::encode_bare(publication, &mut data);
    let from = out.len();
    sse::encode_event(None, None, &data, out);
    Layers {
        framing: (out.len() - from) as u64 - layers.total(),
        ..layers
    }
}

/// `event: closing` with why, and what to do next. Named, so that it does not reach `onmessage`.
fn closing_event(reason: &str, advice: &str) -> Vec<u8> {
    // Both are texts of the lab, without characters that JSON escapes.
    let data = format!("{{\"reason\":\"{reason}\",\"advice\":\"{advice}\"}}");
    let mut event = Vec::new();
    sse::encode_event(Some("closing"), None, data.as_bytes(), &mut event);
    event
}

/// A stream that refuses for now: the event `closing`, and the end. It has a length, so that a
/// proxy can keep the connection.
///
/// Answered with 200 on purpose: at any other status `EventSource` gives up for good (WHATWG HTML
/// §9.2.3, "fail the connection"), and a server that only restarts would lose its readers.
/// `retry`: when to come back, in whole milliseconds on the wire.
pub fn closing(code: Code, retry: Duration) -> Vec<u8> {
    let mut body = Vec::new();
    sse::encode_retry(retry.as_millis() as u64, &mut body);
    body.extend(closing_event(code.as_str(), Disconnect::Shutdown.advice()));
    body
}

/// Begins a stream; see [`stream::begin`] for its life.
async fn open(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let mut query = SubscribeQuery::parse_for(&SSE, request.query_string())?;
    // The query says where the page began; the header, where the browser stopped reading. The
    // header wins, whatever its offset. An empty header counts as missing: proxies and some clients send it.
    let last = request.headers().get("last-event-id");
    if let Some(last) = last.filter(|last| !last.is_empty()) {
        query.start.position = Some(last_event_id(last));
    }
    let retry = worker.lab.config.sse_retry.0;
    let form = query.form;
    let hello = |channel: &ChannelName, recovery: &Recovery| hello(channel, recovery, retry, form);
    // Two forms of one lane: each has encodings of its own in the hub, made only if somebody wants
    // them.
    let lane = match form {
        Form::Bare => (&SSE, &BARE),
        Form::AsItIs | Form::WithPositions => (&SSE, &FORM),
    };
    stream::begin(&request, &worker, lane, (channel, query), hello).await
}

/// The first bytes of every stream: when to come back, and where this begins.
fn hello(channel: &ChannelName, recovery: &Recovery, retry: Duration, form: Form) -> Vec<u8> {
    let mut hello = Vec::new();
    // Told in every stream, since a browser remembers it for this one alone. Without it browsers
    // choose: three seconds or five.
    sse::encode_retry(retry.as_millis() as u64, &mut hello);
    let mut subscribed = Vec::new();
    envelope::encode_subscribed(channel, recovery, &mut subscribed);
    // So a stream that breaks before its first publication can resume, too.
    let begins = StreamPosition {
        offset: recovery.position.offset - recovery.publications.len() as u64,
        ..recovery.position.clone()
    };
    // A bare stream has no positions: with this one alone, who comes back would get all again.
    let id = (form != Form::Bare).then(|| begins.to_string());
    sse::encode_event(Some("subscribed"), id.as_deref(), &subscribed, &mut hello);
    hello
}

/// The position that a client returns; for an invalid one, a position that no history has. Whatever
/// a browser returns it got from here; but from which life of the server, or from which of two
/// servers, nobody knows.
fn last_event_id(value: &header::HeaderValue) -> StreamPosition {
    let named = value.to_str().ok().and_then(|text| text.parse().ok());
    named.unwrap_or_else(|| StreamPosition {
        epoch: Epoch::parse("unknown").expect("seven letters make an epoch"),
        offset: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    #[test]
    fn an_event_carries_the_envelope_and_its_position() {
        let publication = Publication {
            channel: ChannelName::parse("news").unwrap(),
            epoch: Epoch::parse("e1").unwrap(),
            offset: 7,
            event: "tick".into(),
            data: RawValue::from_string("{\n\"n\":1}".to_owned()).unwrap(),
            intended_us: 1,
            published_us: 2,
            origin: None,
        };
        let mut out = Vec::new();
        let layers = encode_event(&publication, &mut out);
        assert_eq!(layers.total(), out.len() as u64);
        assert_eq!(layers.payload, 8);
        let event = sse::Decoder::default().feed(&out).remove(0);
        assert_eq!(event.last_event_id, "e1:7");
        let mut json = Vec::new();
        envelope::encode_publication(&publication, &mut json);
        assert_eq!(event.data.as_bytes(), json);
        let mut out = Vec::new();
        let layers = encode_bare_event(&publication, &mut out);
        assert_eq!(out, b"data: {\ndata: \"n\":1}\n\n");
        assert_eq!((layers.payload, layers.envelope()), (8, 0));
        assert_eq!(layers.total(), out.len() as u64);
    }

    #[test]
    fn the_heartbeat_is_a_comment() {
        let mut comment = Vec::new();
        sse::encode_comment("heartbeat", &mut comment);
        assert_eq!(FORM.heartbeat, comment);
    }
}
