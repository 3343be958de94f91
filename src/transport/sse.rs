//! Server-sent events: one answer that never ends (WHATWG HTML §9.2; RFC 6202 §3).
//!
//! `GET /sse/{channel}` → `text/event-stream`: an event `subscribed` with `retry:`, then each
//! publication as an unnamed event whose `id:` is its position. `Last-Event-ID` (or `epoch` and
//! `offset` in the query) resumes; an id that is not a position counts as one that cannot be
//! recovered. A comment is the heartbeat. Before the server ends a stream it sends `closing` with
//! the reason. `?envelope=bare` asks for publications as their data alone, without an id, so that
//! such a stream cannot go on where it broke.
//!
//! The stream's queue is bounded in bytes ([`hub::queue`](crate::hub::queue)). TCP gives up a
//! connection whose peer acknowledges nothing (`tcp_unacknowledged`).

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

static FORM: StreamForm = StreamForm {
    content_type: "text/event-stream",
    format: Format {
        form: WireFormat::PlainEvent,
        encode: encode_event,
    },
    heartbeat: b": heartbeat\n\n",
    closing: |reason| closing_event(&reason.to_string(), reason.advice()),
};

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

fn closing_event(reason: &str, advice: &str) -> Vec<u8> {
    // Both are texts of the lab, without characters that JSON escapes.
    let data = format!("{{\"reason\":\"{reason}\",\"advice\":\"{advice}\"}}");
    let mut event = Vec::new();
    sse::encode_event(Some("closing"), None, data.as_bytes(), &mut event);
    event
}

/// A stream that refuses for now: the event `closing`, and the end. It has a length, so that a
/// proxy can keep the connection.
pub fn closing(code: Code, retry: Duration) -> Vec<u8> {
    let mut body = Vec::new();
    sse::encode_retry(retry.as_millis() as u64, &mut body);
    body.extend(closing_event(code.as_str(), Disconnect::Shutdown.advice()));
    body
}

async fn open(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let mut query = SubscribeQuery::parse_for(&SSE, request.query_string())?;
    // An empty header counts as missing: proxies and some clients send it.
    let last = request.headers().get("last-event-id");
    if let Some(last) = last.filter(|last| !last.is_empty()) {
        query.start.position = Some(last_event_id(last));
    }
    let retry = worker.lab.config.sse_retry.0;
    let form = query.form;
    let hello = |channel: &ChannelName, recovery: &Recovery| hello(channel, recovery, retry, form);
    let lane = match form {
        Form::Bare => (&SSE, &BARE),
        Form::AsItIs | Form::WithPositions => (&SSE, &FORM),
    };
    stream::begin(&request, &worker, lane, (channel, query), hello).await
}

fn hello(channel: &ChannelName, recovery: &Recovery, retry: Duration, form: Form) -> Vec<u8> {
    let mut hello = Vec::new();
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

/// The position that a client returns; for an invalid one, a position that no history has.
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
