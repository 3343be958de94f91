//! Short polling: requests at an interval, each answered at once (RFC 6202 §2, for contrast).
//!
//! `GET /short-poll/{channel}?epoch=&offset=&limit=` → `200` with what followed the position.
//! The answer's ETag is made of the position it leads to, so `If-None-Match` gets `304` while
//! nothing has changed (RFC 9110 §13.1.2). Not here: the timer, which is the client's.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::Method, http::header, web};

use super::{Attributed, Polled, SubscribeQuery, will_answer, wrong_method};
use crate::{
    catalogue::{Lane, LaneId, SHORT_POLL},
    channel::{ChannelName, StreamPosition},
    error::Refusal,
    lane::meter::Message,
    registry::{Endpoint, LaneWorker, is_head, named_channel, via},
};

/// The endpoint: see the module.
pub struct ShortPoll;

impl Endpoint for ShortPoll {
    fn lane(&self) -> Option<&'static Lane> {
        Some(&SHORT_POLL)
    }

    fn metered_as(&self, rest: &str, _query: &str) -> Option<Arc<str>> {
        named_channel(rest)
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.service(
            web::resource("/short-poll/{channel}")
                .route(web::get().to(poll))
                .default_service(wrong_method(&[Method::GET])),
        );
    }
}

async fn poll(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let mut query = SubscribeQuery::parse_for(&SHORT_POLL, request.query_string())?;
    if is_head(&request) {
        // HEAD does not make the client present.
        query.who = None;
    }
    let node = &worker.lab.node;
    let present_for = worker.lab.config.poller_stays.0;
    node.may_use(&channel, worker.lab.client_address(&request))?;
    // First, so that nobody is present in a channel that the node refuses.
    let recovery = node.recover(&channel, &query.start).await?;
    node.polled(&channel, query.who.as_ref(), via(&SHORT_POLL), present_for)?;
    let goes_on = recovery.recovered;
    let polled = Polled::new(recovery, query.limit, goes_on);
    if client_has(&request, &polled.position) {
        return Ok(not_modified(&request, &polled.position));
    }
    Ok(polled.answer(&request))
}

/// Whether `If-None-Match` names this position (RFC 9110 §13.1.2: any of a list, weak or not).
fn client_has(request: &HttpRequest, position: &StreamPosition) -> bool {
    let etag = format!("\"{position}\"");
    request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim().trim_start_matches("W/") == etag)
}

fn not_modified(request: &HttpRequest, position: &StreamPosition) -> HttpResponse {
    let message = Message {
        is_empty_answer: true,
        ..Message::default()
    };
    will_answer(request, message);
    let mut response = HttpResponse::NotModified()
        .insert_header((header::ETAG, format!("\"{position}\"")))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish();
    response.extensions_mut().insert(Attributed);
    response
}
