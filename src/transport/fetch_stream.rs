//! Newline-delimited JSON by `fetch`: one answer that never ends, read as it comes (WHATWG Fetch,
//! "body"; Streams, `ReadableStream`).
//!
//! It is what a page uses when `EventSource` is in its way: a header of its own, a POST, a line
//! format without `data:`, the status and text of a refusal. It is here to be read beside
//! [`sse`](super::sse): on the wire nearly the same, and what differs is what the browser no
//! longer does for you. The page decodes and cuts the lines, tells an end from a break, remembers
//! the position, and comes back after a growing wait. Six connections and gathering proxies are as there.
//!
//! # On the wire
//!
//! ```text
//! client                                                server
//!   │── GET /fetch-stream/news?epoch=k3&offset=7 ────────►│
//!   │ ◄── 200, application/x-ndjson, chunked ──────────── │
//!   │ ◄── {"subscribed":{…,"offset":7,"recovered":true}}⏎ │  where the stream begins
//!   │ ◄── {…,"offset":8,"event":"tick",…,"data":{"n":1}}⏎ │  a publication: one line
//!   │ ◄── ⏎ ───────────────────────────────────────────── │  an empty line, after 25 s of silence
//!   │ ◄── {"closing":{"reason":…,"advice":…}}⏎ ────────── │  the server ends it, and says why
//!   ✕                                                     ✕
//!   │── GET /fetch-stream/news?epoch=k3&offset=8 ────────►│  by the client's own code, at a time of its own
//! ```
//!
//! `POST` does the same with the query as a JSON object in the body, for clients whose addresses are
//! logged or limited in length: `{"epoch":"k3","offset":17,"client":"c1"}`. What labels the bytes
//! (`demo=`) stays in the query, since the meter reads no bodies. HTTP does not let a POST be
//! repeated blindly (RFC 9110 §9.2.2), but this one only subscribes and changes nothing, so that
//! repeating it is safe; with its position it resumes, without one it begins now, and
//! `Last-Event-ID` is not looked at. Behind a language model's POST the same repetition starts the
//! work anew: a second answer, paid again and another one.
//!
//! # What the reader has to know
//!
//! - **A piece is not a line.** `read()` gives what has come, cut anywhere: the rest behind the
//!   last line end is kept for the next piece. An "ä" is two bytes that may come in two pieces, so
//!   the decoder must be one that goes on (`TextDecoderStream`, or `{stream: true}`); one for each
//!   piece makes two replacement characters of it.
//! - **Ended, cut, or quiet.** On purpose: a line `closing`, the last chunk, and `read()` says
//!   `done`. Cut: no last chunk, so `read()` fails, perhaps with half a line, which is thrown
//!   away. Either way the page goes on from the position of its last whole line. Quiet: an empty
//!   line every 25 s. If none comes for clearly longer the line is dead and nobody says so; that
//!   takes a timer, which the lab's page does not have.
//! - **Another origin's page** that sends a header such as `Authorization` pays a round trip
//!   first: a preflight (`OPTIONS`), answered with 204 and for 600 s remembered by the browser for
//!   this address. None is needed from the same origin, nor for a GET, or a POST as `text/plain`,
//!   without a header of one's own.
//! - **A refusal can be read**: status and `{"error":{"code","message","hint"}}`, where
//!   `EventSource` only says `error`. So a page can tell what is final (400, 405, 413) from what
//!   will pass (429, 503). A page of an origin that is not let in ([`crate::gate`]) gets 403, but
//!   its browser shows it only a `TypeError`.
//!
//! # What goes wrong
//!
//! - **The page stops calling `read()`.** The stream's buffer in the browser fills, then the
//!   browser stops reading the socket, TCP's window closes, the kernel's buffer fills here, actix
//!   takes no more, and what comes waits in this client's queue, up to 1 MiB. Past it
//!   `--slow-consumer` decides ([`hub::when_full`](crate::hub::when_full)): by default the queue
//!   is thrown away, counted, and the stream ends with `closing`. Nobody else waits. Less than
//!   500 bytes a second for 30 s: cut off ([`lane::pace`](crate::lane::pace)).
//! - **The client is gone without a word**: noticed by TCP alone, as on [`sse`](super::sse).
//!
//! # Rejected
//!
//! - **One JSON array that is never closed** (`[{…},{…},`). `JSON.parse` reads nothing of it before
//!   the end; a line is complete when its line end is there. JSON writes a line end inside of a
//!   text as `\n`, so one that stands in the stream always ends a line.
//! - **Length before content.** Cheaper to cut than looking for the line end, but nobody can read
//!   it with `curl -N`, and a letter of three bytes makes "length" a question.
//! - **One chunk of HTTP as one message.** Chunks belong to the connection and not to the message:
//!   a proxy may join or cut them (RFC 9112 §7.1), and a browser's reader gives pieces of any size.
//!
//! # What it costs
//!
//! `pushlab run --lanes fetch-stream,sse --clients 1 --markdown`: **223 bytes** for a publication
//! of 60, 7 of them framing (the line end, and 6 of the chunk around it); server-sent events need
//! 245, with 29. The 22 between them are `id: `, `data: ` and the position, which stands in the
//! envelope as well.
//!
//! # Where it can be seen
//!
//! Compare page, beside server-sent events; experiments E7 (with positions nothing is lost,
//! whether the browser names them or the page) and E11; `docs/lanes/fetch-stream.md`.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use super::{
    SubscribeQuery, http_api,
    stream::{self, StreamForm},
    wrong_method,
};
use crate::{
    catalogue::{FETCH_STREAM, Lane, LaneId, WireFormat},
    channel::{ChannelName, Publication, history::Recovery},
    codec::envelope,
    error::{Code, Refusal},
    hub::Format,
    registry::{Endpoint, LaneWorker, OfConnection, named_channel},
    wire::Layers,
};

/// The endpoint: see the module.
pub struct FetchStream;

impl Endpoint for FetchStream {
    fn lane(&self) -> Option<&'static Lane> {
        Some(&FETCH_STREAM)
    }

    fn metered_as(&self, rest: &str, _query: &str) -> Option<Arc<str>> {
        named_channel(rest)
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.service(
            web::resource("/fetch-stream/{channel}")
                .route(web::get().to(open))
                .route(web::post().to(open_by_post))
                .default_service(wrong_method(&[Method::GET, Method::POST])),
        );
    }
}

/// What this transport says on the wire; how it is queued and sent is the same for all streams.
static FORM: StreamForm = StreamForm {
    content_type: "application/x-ndjson",
    format: Format {
        form: WireFormat::PlainLine,
        encode: encode_line,
    },
    heartbeat: b"\n",
    closing: |reason| {
        let advice = reason.advice();
        format!("{{\"closing\":{{\"reason\":\"{reason}\",\"advice\":\"{advice}\"}}}}\n")
            .into_bytes()
    },
};

/// A publication as one line. The envelope's own JSON has no line end in it. `data` passes as its
/// publisher wrote it, but for line ends between its parts, which become spaces: inside of a string
/// JSON has none (RFC 8259 §2 and §7), so it says the same in as many bytes.
fn encode_line(publication: &Publication, out: &mut Vec<u8>) -> Layers {
    let from = out.len();
    let layers = envelope::encode_publication(publication, out);
    for byte in &mut out[from..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.push(b'\n');
    Layers {
        framing: layers.framing + 1,
        ..layers
    }
}

/// The common case: what is asked for stands in the address, so that `curl -N` shows it.
async fn open(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let query = request.query_string();
    begin(&request, &channel, &worker, query).await
}

/// The same by POST. The body is read whole before the answer begins, so it has the limits of any
/// body (`body_max_bytes`, `body_timeout`).
async fn open_by_post(
    request: HttpRequest,
    channel: web::Path<String>,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let body = http_api::body(&request, payload, worker.lab.config.body_max_bytes).await?;
    // What came is not HTTP's head, and so must be said to be something.
    if let Some(meter) = request.meter() {
        meter.received(Layers::of_protocol(body.len()));
    }
    let query = query_of(&body)?;
    begin(&request, &channel, &worker, &query).await
}

/// Begins a stream; see [`stream::begin`] for its life.
async fn begin(
    request: &HttpRequest,
    channel: &str,
    worker: &LaneWorker,
    query: &str,
) -> Result<HttpResponse, Refusal> {
    let query = SubscribeQuery::parse_for(&FETCH_STREAM, query)?;
    let subscription = (ChannelName::parse(channel)?, query);
    let lane = (&FETCH_STREAM, &FORM);
    stream::begin(request, worker, lane, subscription, hello).await
}

/// The first line: where the stream begins.
fn hello(channel: &ChannelName, recovery: &Recovery) -> Vec<u8> {
    let mut line = b"{\"subscribed\":".to_vec();
    envelope::encode_subscribed(channel, recovery, &mut line);
    line.extend_from_slice(b"}\n");
    line
}

/// The query that a JSON object stands for: texts and numbers, each under its name.
fn query_of(body: &[u8]) -> Result<String, Refusal> {
    let bad = |what: String| {
        Refusal::new(Code::BadJson, what).with_hint(
            "Send the query as one JSON object, such as {\"epoch\":\"k3\",\"offset\":17}, or {} to begin now.",
        )
    };
    let Members(object) = http_api::read_json(body)
        .map_err(|error| bad(format!("the body is no JSON object: {error}")))?;
    // Back to a query, and then through the one parser that all transports have: two parsers would
    // come to differ in what they refuse.
    let mut pairs = Vec::with_capacity(object.len());
    for (name, value) in object {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Null => continue,
            _ => return Err(bad(format!("{name} is neither a text nor a number"))),
        };
        let escaped = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        pairs.push(format!("{}={}", escaped(&name), escaped(&text)));
    }
    Ok(pairs.join("&"))
}

/// A JSON object's members as they stand: a name that comes twice is refused as it is in a query,
/// where a map would keep the last.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Vec<(String, Value)>;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Each).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_laid_out_over_several_lines_is_one_line() {
        let publication = Publication {
            channel: ChannelName::parse("news").unwrap(),
            epoch: crate::channel::Epoch::parse("e1").unwrap(),
            offset: 1,
            event: "tick".into(),
            data: serde_json::value::RawValue::from_string("{\r\n \"n\":\n1}".to_owned()).unwrap(),
            intended_us: 0,
            published_us: 0,
            origin: None,
        };
        let mut line = Vec::new();
        let layers = encode_line(&publication, &mut line);
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert!(!line.contains(&b'\r'));
        assert_eq!(layers.total(), line.len() as u64);
        let read: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(read["data"]["n"], 1);
    }

    #[test]
    fn a_json_object_is_read_as_the_query_it_stands_for() {
        let query = |body: &str| query_of(body.as_bytes());
        let asked = SubscribeQuery::parse(
            &query(r#"{"epoch":"k3","offset":17,"name":"A & B=\u00e4","client":"c1"}"#).unwrap(),
        )
        .unwrap();
        assert_eq!(asked.start.position.unwrap().to_string(), "k3:17");
        assert_eq!(&*asked.who.unwrap().name, "A & B=ä");
        assert_eq!(query("{}").unwrap(), "");
        assert_eq!(query(r#"{"epoch":null}"#).unwrap(), "");
        let twice = query(r#"{"client":"a","client":"b"}"#).unwrap();
        let refused = SubscribeQuery::parse(&twice).unwrap_err();
        assert_eq!(refused.code, Code::BadQuery);
        for bad in [
            "",
            "[]",
            "{",
            "1",
            r#"{"epoch":["k3"]}"#,
            r#"{"offset":true}"#,
        ] {
            assert_eq!(query(bad).unwrap_err().code, Code::BadJson, "{bad}");
        }
    }
}
