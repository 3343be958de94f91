//! Server-sent events: one answer that never ends (WHATWG HTML §9.2; RFC 6202 §3).
//!
//! `GET /sse/{channel}` → `text/event-stream`: an event `subscribed` with `retry:`, then each
//! publication as an unnamed event whose `id:` is its position. `Last-Event-ID` (or `epoch` and
//! `offset` in the query) resumes; an id that is not a position counts as one that cannot be
//! recovered. A comment is the heartbeat. Before the server ends a stream it sends `closing` with
//! the reason.
//!
//! The stream's queue is bounded in bytes ([`hub::queue`](crate::hub::queue)). TCP gives up a
//! connection whose peer acknowledges nothing (`tcp_unacknowledged`).

mod stream;

use std::{convert::Infallible, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use bytes::Bytes;
use futures_util::FutureExt;

use self::stream::{CatchingUp, EventStream, StreamQueue, Subscription};
use super::{
    Attributed, SubscribeQuery, catch_up::catch_up, is_chunked, will_answer, wrong_method,
};
use crate::{
    catalogue::{Lane, LaneId, SSE},
    channel::{ChannelName, Epoch, StreamPosition},
    codec::{envelope, sse},
    disconnect::Disconnect,
    error::{Code, Refusal},
    hub::queue::Budget,
    lane::meter::Message,
    registry::{Endpoint, LaneWorker, OfConnection, is_head, named_channel, via},
};

/// The endpoint: see the module.
pub struct Sse;

impl Endpoint for Sse {
    fn paths(&self) -> &[&'static str] {
        std::slice::from_ref(&SSE.path)
    }

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

/// A stream that refuses for now: the event `closing`, and the end. It has a length, so that a
/// proxy can keep the connection.
pub fn closing(code: Code, retry: Duration) -> Vec<u8> {
    let mut body = Vec::new();
    sse::encode_retry(retry.as_millis() as u64, &mut body);
    let data = serde_json::json!({
        "reason": code.as_str(),
        "advice": Disconnect::Shutdown.advice(),
    });
    let data = data.to_string();
    sse::encode_event(Some("closing"), None, data.as_bytes(), &mut body);
    body
}

async fn open(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let mut query = SubscribeQuery::parse(request.query_string())?;
    // An empty header counts as missing: proxies and some clients send it.
    let last = request.headers().get("last-event-id");
    if let Some(last) = last.filter(|last| !last.is_empty()) {
        query.start.position = Some(last_event_id(last));
    }
    if is_head(&request) {
        // HEAD: the head of a stream without a subscription.
        return Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "text/event-stream"))
            .streaming(futures_util::stream::pending::<Result<Bytes, Infallible>>()));
    }
    let lab = &worker.lab;
    lab.node.may_use(&channel, lab.client_address(&request))?;
    let budget = Budget {
        max_bytes: lab.config.subscriber_queue_max_bytes,
        when_full: lab.config.slow_consumer,
    };
    let meter = request.meter().cloned();
    let queue = Rc::new(StreamQueue::new(meter, is_chunked(&request), budget));
    let connected = lab.node.register(queue.clone())?;
    let presence_guard = match &query.who {
        Some(who) => Some(lab.node.enter(&channel, who, via(&SSE))?),
        None => None,
    };
    let attachment = lab.node.attach(&channel, queue.clone());
    let recovery = lab.node.recover(&channel, &query.start).await?;

    let mut hello = Vec::new();
    sse::encode_retry(lab.config.sse_retry.0.as_millis() as u64, &mut hello);
    let mut subscribed = Vec::new();
    envelope::encode_subscribed(&channel, &recovery, &mut subscribed);
    // So a stream that breaks before its first publication can resume, too.
    let begins = StreamPosition {
        offset: recovery.position.offset - recovery.publications.len() as u64,
        ..recovery.position.clone()
    };
    let id = begins.to_string();
    sse::encode_event(Some("subscribed"), Some(&id), &subscribed, &mut hello);
    queue.push_control(hello);
    let mut catching_up: CatchingUp = Box::pin(catch_up(
        lab.node.clone(),
        channel,
        queue.clone(),
        attachment,
        recovery,
    ));
    // Polled once here, so that a client that missed nothing is subscribed when the answer begins.
    let subscription = match (&mut catching_up).now_or_never() {
        Some(attachment) => Subscription::Live(attachment),
        None => Subscription::CatchingUp(catching_up),
    };

    let heartbeat = lab.config.heartbeat.0;
    will_answer(&request, Message::default());
    let mut response = HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .body(EventStream::new(
            queue,
            heartbeat,
            subscription,
            presence_guard,
            connected,
        ));
    response.extensions_mut().insert(Attributed);
    Ok(response)
}

/// The position that a client returns; for an invalid one, a position that no history has.
fn last_event_id(value: &header::HeaderValue) -> StreamPosition {
    let named = value.to_str().ok().and_then(|text| text.parse().ok());
    named.unwrap_or_else(|| StreamPosition {
        epoch: Epoch::parse("unknown").expect("seven letters make an epoch"),
        offset: 0,
    })
}
