//! HTTP as it is written, around every route of a lane: what follows from the request's own
//! method, version and `Connection`, whoever answers it.
//!
//! - `HEAD` is answered as `GET` would be, without the body (RFC 9110 §9.3.2). Handlers are
//!   routed as for `GET` and ask [`is_head`](crate::registry::is_head) where they would hold, stream or count.
//! - Nothing chunked goes to HTTP/1.0 (RFC 9112 §6.1): the connection's end ends the body.
//! - `Connection: upgrade` on a request that upgrades nothing, as a much-copied nginx snippet
//!   sends it: actix-http answers and then closes. It cannot be told to go on, so the answer says
//!   `Connection: close` (RFC 9112 §9.6), and no proxy sends its next request into a closed one.
//! - An `EventSource` gives up for good at any status but 200 (WHATWG HTML §9.2.3), and comes back
//!   by itself after a stream that ends. So what will pass (a stop, a limit that is reached) is said
//!   in a stream of one event, `closing`, to whoever says that it takes nothing but streams.
//! - What streams says that it is not to be transformed (RFC 9111 §5.2.2.6): proxies that compress
//!   keep it back until their compressor has enough. `x-accel-buffering` tells nginx not to gather;
//!   its own gzip module obeys no `no-transform`, but flushes what is not gathered (nginx 1.22,
//!   measured in `tests/proxy`).

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_http::ConnectionType;
use actix_web::{
    HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, Version, header},
    middleware::Next,
    web,
};
use bytes::Bytes;

use crate::{
    error::Refusal,
    registry::{AskedForHead, LaneWorker, route_of},
    transport::sse,
};

/// What streams say of keeping and changing them.
const NO_TRANSFORM: header::HeaderValue =
    header::HeaderValue::from_static("no-store, no-transform");

/// The middleware: see the module.
pub async fn answer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let asks_for_head = request.method() == Method::HEAD && !answers_every_method(&request);
    if asks_for_head {
        request.head_mut().method = Method::GET;
        request.extensions_mut().insert(AskedForHead);
    }
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(as_asked(response, asks_for_head))
}

/// Says refusals that will pass so that an `EventSource` comes back; see the module.
pub async fn come_again(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let accept = request.headers().get(header::ACCEPT);
    let takes_streams = request.method() == Method::GET
        && accept
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.trim() == "text/event-stream");
    let retry = request
        .app_data::<web::Data<LaneWorker>>()
        .map(|worker| worker.lab.config.sse_retry.0);
    let mut response = next.call(request).await?.map_into_boxed_body();
    let will_pass = [
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::TOO_MANY_REQUESTS,
    ]
    .contains(&response.status());
    let code = response
        .response()
        .extensions()
        .get::<Refusal>()
        .map(|refusal| refusal.code);
    let (true, true, Some(code), Some(retry)) = (takes_streams, will_pass, code, retry) else {
        return Ok(response);
    };
    let head = response.response_mut().head_mut();
    head.status = StatusCode::OK;
    let stream = header::HeaderValue::from_static("text/event-stream");
    head.headers.insert(header::CONTENT_TYPE, stream);
    head.headers.insert(header::CACHE_CONTROL, NO_TRANSFORM);
    let body = sse::closing(code, retry);
    Ok(response.map_body(|_, _| BoxBody::new(body)))
}

fn answers_every_method(request: &ServiceRequest) -> bool {
    let worker = request.app_data::<web::Data<LaneWorker>>();
    let endpoint = |worker: &LaneWorker| {
        let endpoint = worker.endpoint(&*route_of(request)?)?;
        Some(endpoint.answers_every_method())
    };
    worker
        .and_then(|worker| endpoint(worker))
        .unwrap_or_default()
}

fn as_asked(response: ServiceResponse, asks_for_head: bool) -> ServiceResponse {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // What follows is no HTTP.
        return response;
    }
    let (request, mut response) = response.into_parts();
    let is_old = request.version() < Version::HTTP_11;
    let head = response.head_mut();
    if request.head().connection_type() == ConnectionType::Upgrade {
        head.set_connection_type(ConnectionType::Close);
    }
    if response.body().size() == BodySize::Stream {
        let head = response.head_mut();
        head.headers.insert(header::CACHE_CONTROL, NO_TRANSFORM);
        let unbuffered = header::HeaderValue::from_static("no");
        let name = header::HeaderName::from_static("x-accel-buffering");
        head.headers.insert(name, unbuffered);
        if is_old {
            head.no_chunking(true);
            head.set_connection_type(ConnectionType::Close);
        }
    }
    if asks_for_head {
        let size = match response.body().size() {
            BodySize::Stream => BodySize::None,
            size => size,
        };
        response = response.set_body(HeadOnly(size).boxed());
    }
    ServiceResponse::new(request, response)
}

/// The body that a `HEAD` leaves out: its length is told, and nothing of it comes.
struct HeadOnly(BodySize);

impl MessageBody for HeadOnly {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}
