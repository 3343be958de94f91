//! The plain HTTP API beside the transports, on every lane: publish, presence, history, clock.
//!
//! ```text
//! client                                                        server
//!   │── POST /api/channels/news/publications {"event","data"} ──►│
//!   │ ◄── 200 {"channel":"news","epoch":"k3","offset":8} ─────── │  it has a position: it is published
//!   │── GET /api/channels/news/history?limit=5 ─────────────────►│
//!   │ ◄── 200 {"epoch","offset","recovered","publications"} ──── │
//!   │── GET /api/channels/news/presence ────────────────────────►│
//!   │ ◄── 200 {"channel","members","subscribers"} ────────────── │
//!   │── GET /api/clock ─────────────────────────────────────────►│
//!   │ ◄── 200 {"received_us","sent_us"} ──────────────────────── │  with the client's own two instants: the
//!                                                                    offset of its clock (RFC 5905 §8)
//! ```
//!
//! Polls and streams have no way up, so their clients publish by this, and what that costs belongs
//! to their lane: `pushlab experiment E6` prints 168 bytes of headers for each POST beside an event
//! stream, where a WebSocket's frame has 6 to 8 bytes around the message.
//!
//! Rejected: answering 202 and publishing later. The answer's offset is the proof that it is in the
//! history; a client that has none knows that it may ask again, with the same `id`. All addresses:
//! `docs/api.md`.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use serde::{Deserialize, Serialize};

use super::{
    Polled, SubscribeQuery,
    body::{self, Unread},
    metered_json, wrong_method,
};
use crate::{
    catalogue::{LaneId, lane},
    channel::{ChannelName, presence::Member},
    clock,
    codec::{envelope, surrogates},
    error::{Code, Refusal},
    node::Kept,
    registry::{Endpoint, LaneWorker, OfConnection, named_channel},
    wire::Layers,
};

/// The endpoint, on every lane.
pub struct HttpApi;

impl Endpoint for HttpApi {
    fn paths(&self) -> &[&'static str] {
        &["/api/channels/"]
    }

    fn is_on(&self, _lane: LaneId) -> bool {
        true
    }

    /// Publishing, presence and history on a transport's lane belong to that transport; on the main
    /// lane to `http`.
    fn labelled(&self, on: LaneId) -> Option<(&'static str, &'static str)> {
        Some((lane(on.0).map_or("http", |own| own.transport), "plain"))
    }

    fn metered_as(&self, rest: &str, _query: &str) -> Option<Arc<str>> {
        named_channel(rest.split('/').next()?)
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        configure(config);
    }
}

/// One place for all routes, used by the server and by tests.
fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/api/channels/{channel}/publications")
                .route(web::post().to(publish))
                .default_service(wrong_method(&[Method::POST])),
        )
        .service(
            web::resource("/api/channels/{channel}/presence")
                .route(web::get().to(presence))
                .default_service(wrong_method(&[Method::GET])),
        )
        .service(
            web::resource("/api/channels/{channel}/presence/leave")
                .route(web::post().to(leave))
                .default_service(wrong_method(&[Method::POST])),
        )
        .service(
            web::resource("/api/channels/{channel}/history")
                .route(web::get().to(history))
                .default_service(wrong_method(&[Method::GET])),
        )
        .service(
            web::resource("/api/clock")
                .route(web::get().to(read_clock))
                .default_service(wrong_method(&[Method::GET])),
        )
        .service(
            web::resource("/api/reports/key")
                .route(web::get().to(report_key))
                .default_service(wrong_method(&[Method::GET])),
        )
        .service(
            web::resource("/healthz")
                .route(web::get().to(health))
                .default_service(wrong_method(&[Method::GET])),
        );
}

/// A request's whole body, or the refusal.
pub async fn body(
    request: &HttpRequest,
    payload: web::Payload,
    max_bytes: usize,
) -> Result<web::Bytes, Refusal> {
    // If `Content-Length` is too large, refuses before the client sends the body.
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced: Option<u64> = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length| length > max_bytes as u64) {
        return Err(too_large(max_bytes));
    }
    body::read(request, payload, max_bytes)
        .await
        .map_err(|error| match error {
            Unread::Broken(why) => Refusal::new(
                Code::BadJson,
                format!("the body did not arrive whole: {why}"),
            )
            .with_hint(
                "Send all of the body, in the length or the chunks that its head announces.",
            ),
            Unread::TooLarge => too_large(max_bytes),
            Unread::TooSlow => Refusal::new(Code::TooSlow, Unread::TOO_SLOW),
        })
}

/// Parses a body as JSON; a lone surrogate in it is replaced, as everywhere where JSON comes in.
pub fn read_json<T: serde::de::DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(&surrogates::replace_lone_bytes(body))
}

fn too_large(max_bytes: usize) -> Refusal {
    Refusal::new(
        Code::BodyTooLarge,
        format!("the body is over {max_bytes} bytes"),
    )
}

/// `{"event","data","id"?,"intended_us"?}` → `{"channel","offset","epoch"}`. Browsers send it as
/// `text/plain`, which spares them a CORS preflight: the content type is not looked at.
async fn publish(
    request: HttpRequest,
    channel: web::Path<String>,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let body = body(&request, payload, worker.lab.config.body_max_bytes).await?;
    let draft = envelope::decode_publish(&body);
    if let Some(meter) = request.meter() {
        let payload = draft.as_ref().map_or(0, |draft| draft.data.get().len());
        meter.received(Layers {
            framing: 0,
            protocol: (body.len() - payload) as u64,
            lab: 0,
            payload: payload as u64,
            saved: 0,
        });
    }
    let draft = draft?;
    let lab = &worker.lab;
    lab.node
        .may_publish(&channel, lab.client_address(&request))?;
    let position = lab.node.publish_by(&channel, draft, "http").await?;
    if let Some(meter) = request.meter() {
        meter.publication_received();
    }
    let mut answer = Vec::with_capacity(128);
    let kept = lab.node.kept().map(Kept::as_str);
    envelope::encode_published(&channel, &position, None, kept, &mut answer);
    let layers = Layers::of_protocol(answer.len());
    Ok(metered_json(&request, answer, layers, None))
}

/// Who is here. A count alone tells more than it should of nobody: subscribers without an id are in
/// it, too.
async fn presence(
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Presence<'a> {
        channel: &'a str,
        members: Vec<Member>,
        /// Streams and sockets, with a client id or without.
        subscribers: usize,
    }
    let channel = ChannelName::parse(&channel)?;
    let node = &worker.lab.node;
    Ok(HttpResponse::Ok().json(Presence {
        channel: channel.as_str(),
        members: node.members(&channel),
        subscribers: node.subscribers(&channel),
    }))
}

/// A poller leaves; repeating it does no harm.
async fn leave(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let asked = SubscribeQuery::parse(request.query_string())?;
    let Some(who) = asked.who else {
        return Err(Refusal::new(Code::BadClient, "the query has no client"));
    };
    worker.lab.node.stop_polling(&channel, &who.client);
    Ok(HttpResponse::NoContent().finish())
}

/// What followed a position, or the latest `limit`.
async fn history(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let mut asked = SubscribeQuery::parse(request.query_string())?;
    if asked.start.position.is_none() {
        asked.start.history = Some(asked.limit.unwrap_or(usize::MAX));
    }
    let lab = &worker.lab;
    lab.node.may_use(&channel, lab.client_address(&request))?;
    let recovery = lab.node.recover(&channel, &asked.start).await?;
    let goes_on = recovery.recovered;
    let polled = Polled::new(recovery, asked.limit, goes_on);
    let (body, layers) =
        envelope::encode_polled(&polled.position, polled.recovered, &polled.publications);
    Ok(metered_json(&request, body, layers, Some(&polled.position)))
}

/// For an NTP-like exchange: when the request came and when the answer leaves, µs.
async fn read_clock() -> HttpResponse {
    #[derive(Serialize)]
    struct Clock {
        received_us: u64,
        sent_us: u64,
    }
    let received_us = clock::time_of_day_us();
    HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .json(Clock {
            received_us,
            sent_us: clock::time_of_day_us(),
        })
}

#[derive(Deserialize)]
struct KeyQuery {
    lane: String,
}

/// The key with which a page on this lane reports its delays, see [`crate::metrics::report_key`].
async fn report_key(
    query: Result<web::Query<KeyQuery>, actix_web::Error>,
    worker: web::Data<LaneWorker>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct Given {
        key: String,
    }
    let port_of = |lane| {
        let mut addresses = worker.lab.addresses().iter();
        addresses
            .find(|address| address.lane == lane)
            .map(|address| address.port)
    };
    let here = port_of(worker.lane);
    let is_elsewhere = |lane| port_of(lane).is_some_and(|port| Some(port) != here);
    let asked = query.map_err(|error| Refusal::new(Code::BadQuery, error.to_string()))?;
    let lane = worker
        .served()
        .filter_map(|endpoint| endpoint.lane())
        .map(|own| own.id)
        .find(|lane| lane.0 == asked.lane && (*lane == worker.lane || !is_elsewhere(*lane)))
        .ok_or_else(|| {
            Refusal::new(
                Code::BadRange,
                format!(
                    "{:?} is no transport's lane that is served here",
                    asked.lane
                ),
            )
        })?;
    let key = worker.lab.report_keys.give(lane.0, clock::now_us());
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .json(Given { key }))
}

/// For load balancers and scripts. 503 from the moment that a stop begins, so that nobody new is
/// sent here.
async fn health(worker: web::Data<LaneWorker>) -> Result<HttpResponse, Refusal> {
    if worker.lab.node.is_shutting_down() {
        return Err(Refusal::new(
            Code::ShuttingDown,
            "the server is shutting down",
        ));
    }
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", "application/json"))
        .body("{\"status\":\"ok\"}"))
}
