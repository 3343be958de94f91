//! Engine.IO over HTTP requests (Engine.IO protocol v4, "HTTP long-polling").
//!
//! A session's requests land on any thread; each is passed on to the session's own, and this
//! handler waits for the answer. When the client goes away the dispatcher drops the handler (the
//! lanes do not allow half-closed connections), and `AbortGuard` passes that on to the session.
//!
//! Of two POSTs at once both get 400 and the session ends; Node drops the first one's connection
//! without an answer. Which pages may use it is [`super::cors`]'s to say.

use std::sync::{Arc, atomic::Ordering};

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web,
};
use tokio::sync::oneshot;

use super::{
    cors,
    engine::{Payload, Reason},
    engine_path::EnginePath,
    link::{Engine, Link, Peer, Request},
    request::{EngineError, Query, Transport, Wanted},
    shutdown,
    worker::SessionEntry,
};
use crate::{
    config::compress::Compress,
    lane::meter::Message,
    registry::{LaneWorker, OfConnection},
    transport::{
        body::{self, Unread},
        coding::Coded,
        metered,
    },
    wire::Layers,
};

/// Answers any request to an endpoint that is no upgrade.
pub async fn handle(
    endpoint: Arc<EnginePath>,
    request: HttpRequest,
    payload: web::Payload,
    lane: web::Data<LaneWorker>,
) -> HttpResponse {
    let grant = cors::grant(&lane.lab, &request);
    let mut response = match cors::preflight(&request) {
        _ if grant.check().is_err() => refuse(EngineError::Forbidden),
        Some(preflight) => preflight,
        None => serve(&endpoint, request, payload, lane).await,
    };
    grant.apply(response.headers_mut(), true);
    response
}

async fn serve(
    endpoint: &EnginePath,
    request: HttpRequest,
    payload: web::Payload,
    lane: web::Data<LaneWorker>,
) -> HttpResponse {
    let engine = &endpoint.engine;
    let text = request.query_string().to_owned();
    let query = Query::parse(&text);
    let origin = request.headers().get(header::ORIGIN);
    let wanted = query.check(
        request.method().as_str(),
        false,
        origin.map(|origin| origin.as_bytes()),
        endpoint.enabled_on(lane.lane),
        |sid| engine.entry(sid).is_some(),
    );
    match wanted {
        Ok(Wanted::Handshake(Transport::Polling)) => {
            let began = Request {
                address: lane.lab.client_address(&request),
                peer: Peer::kept_by(engine, request.headers()),
                ..endpoint.began(&lane, &request, &text)
            };
            open(engine, &request, began, &lane)
        }
        Ok(Wanted::Poll(sid)) => {
            let asked = Compress::asked(&text);
            let coded = Coded::of(&request, lane.lab.compress(asked));
            poll(engine, &request, sid, coded).await
        }
        Ok(Wanted::Post(sid)) => post(engine, &request, sid, payload).await,
        Ok(_) => refuse(EngineError::BadRequest),
        Err(error) => refuse(error),
    }
}

fn refuse(error: EngineError) -> HttpResponse {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(error.body())
}

/// Answers a poll with what waited; what it carries counts once it is written.
fn answer(request: &HttpRequest, payload: Payload, coded: Coded) -> HttpResponse {
    let message = Message {
        layers: payload.layers,
        publications: payload.publications,
        stamps: payload.stamps.clone(),
        is_empty_answer: payload.publications == 0,
    };
    let body = (payload.body, message);
    respond(request, "text/plain; charset=UTF-8", body, coded)
}

/// An answer of a few bytes.
fn attributed(request: &HttpRequest, content_type: &'static str, payload: Payload) -> HttpResponse {
    let body = (payload.body, payload.layers.into());
    respond(request, content_type, body, Coded::NEVER)
}

fn respond(
    request: &HttpRequest,
    content_type: &'static str,
    body: (Vec<u8>, Message),
    coded: Coded,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, content_type));
    metered(request, response, body, None, coded)
}

/// With this many sessions no more are opened by polling. A polling session lives for a while
/// without any connection, so the bound on connections does not bound sessions.
const SESSIONS_MAX: usize = 10_000;

fn open(
    engine: &Arc<Engine>,
    request: &HttpRequest,
    began: Request,
    lane: &LaneWorker,
) -> HttpResponse {
    if engine.sessions() >= SESSIONS_MAX {
        return refuse(EngineError::TooManySessions);
    }
    let address = lane.lab.client_address(request);
    let Some(permit) = lane.lab.node.reserve_session(address) else {
        return refuse(EngineError::TooManyOfAddress);
    };
    let link = Link::open(engine, began, None);
    link.polls_by(permit);
    if !shutdown::register(&lane.lab.node, &link) {
        return refuse(EngineError::ShuttingDown);
    }
    let payload = Payload::text(link.open_packet());
    attributed(request, "text/plain; charset=UTF-8", payload)
}

/// The session that a request belongs to, under whose labels it is metered.
fn session_of(engine: &Engine, request: &HttpRequest, sid: &str) -> Option<Arc<SessionEntry>> {
    let entry = engine.entry(sid)?;
    if let (Some(meter), Some(labels)) = (request.meter(), &entry.labels) {
        meter.belongs_to(labels);
    }
    Some(entry)
}

/// Notifies the session when a handler is dropped before it was answered.
struct AbortGuard {
    engine: Arc<Engine>,
    sid: Arc<str>,
    worker: usize,
    /// Of a GET; a POST has none.
    number: Option<u64>,
    armed: bool,
}

impl Drop for AbortGuard {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let (sid, number) = (self.sid.clone(), self.number);
        self.engine.on(self.worker, move |worker| {
            let Some(link) = worker.link(&sid) else {
                return;
            };
            match number {
                Some(number) => link.poll_gone(number),
                None => link.fail(Reason::TransportError),
            }
        });
    }
}

async fn poll(
    engine: &Arc<Engine>,
    request: &HttpRequest,
    sid: &str,
    coded: Coded,
) -> HttpResponse {
    let Some(entry) = session_of(engine, request, sid) else {
        return refuse(EngineError::UnknownSession);
    };
    let sid: Arc<str> = sid.into();
    let (to_us, from_session) = oneshot::channel();
    // Different for every poll of every thread.
    let here = engine.worker();
    let number = here.number() << 8 | here.index as u64;
    let mut abort_guard = AbortGuard {
        engine: engine.clone(),
        sid: sid.clone(),
        worker: entry.worker,
        number: Some(number),
        armed: true,
    };
    engine.on(entry.worker, move |worker| {
        if let Some(link) = worker.link(&sid) {
            link.poll(number, to_us);
        }
    });
    let answered = from_session.await;
    abort_guard.armed = false;
    match answered {
        Ok(Ok(payload)) => answer(request, payload, coded),
        Ok(Err(refused)) => refuse(refused.into()),
        Err(_) => refuse(EngineError::UnknownSession),
    }
}

/// A POST's claim to be the only one; given up when it is dropped.
struct Claim(Arc<SessionEntry>);

impl Claim {
    fn new(entry: &Arc<SessionEntry>) -> Option<Self> {
        let taken = entry.posting.swap(true, Ordering::AcqRel);
        (!taken).then(|| Self(entry.clone()))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.posting.store(false, Ordering::Release);
    }
}

async fn post(
    engine: &Arc<Engine>,
    request: &HttpRequest,
    sid: &str,
    payload: web::Payload,
) -> HttpResponse {
    let Some(entry) = session_of(engine, request, sid) else {
        return refuse(EngineError::UnknownSession);
    };
    let sid: Arc<str> = sid.into();
    let mut abort_guard = AbortGuard {
        engine: engine.clone(),
        sid: sid.clone(),
        worker: entry.worker,
        number: None,
        armed: true,
    };
    // Listens for an overlap from here on, so that none is missed between the claim and reading.
    let overlapped = entry.overlapped.notified();
    let Some(_claim) = Claim::new(&entry) else {
        entry.overlapped.notify_waiters();
        return refuse(EngineError::Overlap);
    };
    if is_binary(request) {
        return refuse(EngineError::BinaryBody);
    }
    let read = body::read(request, payload, engine.settings.max_payload);
    let body = tokio::select! {
        read = read => read,
        () = overlapped => return refuse(EngineError::Overlap),
    };
    let body = match body {
        Ok(body) => body,
        Err(Unread::Broken(_)) => return refuse(EngineError::BrokenBody),
        Err(Unread::TooSlow) => return refuse(EngineError::TooSlow),
        Err(Unread::TooLarge) => {
            abort_guard.armed = false;
            return refuse(EngineError::TooLarge);
        }
    };
    abort_guard.armed = false;
    let (to_us, from_session) = oneshot::channel();
    let body_bytes = body.len();
    engine.on(entry.worker, move |worker| {
        let _ = to_us.send(worker.link(&sid).map(|link| link.post(&body)));
    });
    let Ok(Some(posted)) = from_session.await else {
        if let Some(meter) = request.meter() {
            meter.received(Layers::of_protocol(body_bytes));
        }
        return refuse(EngineError::UnknownSession);
    };
    if let Some(meter) = request.meter() {
        meter.received(posted.layers);
        (0..posted.publications).for_each(|_| meter.publication_received());
    }
    match posted.answer {
        // Not plain text: old browsers would offer it as a download.
        Ok(()) => attributed(request, "text/html", Payload::text("ok")),
        Err(refused) => refuse(refused.into()),
    }
}

fn is_binary(request: &HttpRequest) -> bool {
    // Parameters do not change what it is: some clients add a charset to every type.
    request.method() == Method::POST
        && request
            .content_type()
            .trim()
            .eq_ignore_ascii_case("application/octet-stream")
}
