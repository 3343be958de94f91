//! Pusher Channels over HTTP, for clients whose WebSocket does not get through
//! (`docs/protocols/pusher-channels.md`, "Fallback over HTTP").
//!
//! ```text
//! client                                         server
//!   │ POST /pusher/app/KEY/SRV/SID/xhr_streaming    │  one response that grows
//!   │ ────────────────────────────────────────────► │
//!   │                o LF a["{…established…}"] LF … │  lines of frames: codec::pusher::line
//!   │ ◄──────────────────────────────────────────── │
//!   │ POST /pusher/app/KEY/SRV/SID/xhr_send ["{…}"] │  a request for what the client says
//!   │ ────────────────────────────────────────────► │
//! ```
//! With `xhr` instead of `xhr_streaming` the client polls: each poll is answered as soon as there
//! is a line. The client names its session (`SRV/SID`); an unknown one is opened by the request
//! that fetches. Behind HTTP it is a [`Connection`](super::connection::Connection) like any other.
//!
//! Reading order: [`http_session`](super::http_session), [`line_sink`], [`session_task`],
//! [`order`], then the three requests: [`streaming`], [`polling`], [`send`]. Not here: the forms
//! for old browsers (XDomainRequest, SockJS's iframes), which no current client reaches.

pub mod line_sink;
pub mod order;

pub mod polling;
pub mod send;
pub mod session_task;
pub mod streaming;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};

use self::session_task::Opening;
use super::{
    admission::admit_to,
    app::Apps,
    close::{self, Closing},
    http_session::{
        Request, Session,
        outbox::{Fetching, Receiving},
    },
};
use crate::{
    catalogue::Lane,
    codec::pusher::line,
    config::compress::Compress,
    lane::meter::Message,
    registry::{LaneWorker, OfConnection},
    transport::{coding::Coded, metered},
    wire::Layers,
};

/// What SockJS serves its lines as, and so what clients expect.
const CONTENT_TYPE: (header::HeaderName, &str) = (
    header::CONTENT_TYPE,
    "application/javascript; charset=UTF-8",
);
const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// `key`, `srv` and `sid` of an address.
type Address = web::Path<(String, String, String)>;

/// The name of a session within its application, if the address has the form of one.
fn name_of(address: &Address) -> Option<Box<str>> {
    const SID_MAX_BYTES: usize = 64;
    let (_, srv, sid) = &**address;
    let is_srv = (1..=3).contains(&srv.len()) && srv.bytes().all(|b| b.is_ascii_digit());
    let is_sid =
        (1..=SID_MAX_BYTES).contains(&sid.len()) && sid.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_srv && is_sid).then(|| format!("{srv}/{sid}").into())
}

/// The client's number of a request.
fn number_of(request: &HttpRequest) -> Option<u64> {
    let mut pairs = request.query_string().split('&');
    pairs.find_map(|pair| pair.strip_prefix("n="))?.parse().ok()
}

/// Why a request that fetches is the receiver of no session.
enum NoSession {
    /// The address names none.
    Unnamed,
    Closed(Closing),
}

impl NoSession {
    fn answer(self, request: &HttpRequest) -> HttpResponse {
        match self {
            Self::Closed(closing) => closed(request, closing),
            Self::Unnamed => refuse(
                StatusCode::NOT_FOUND,
                "a session is named by up to three digits and by letters and digits: \
                 /pusher/app/{key}/{srv}/{sid}/…",
            ),
        }
    }
}

/// Becomes the receiver of the session that the address names, which is opened if it is not
/// known.
fn receive(
    request: &HttpRequest,
    address: &Address,
    here: (&LaneWorker, &Apps),
    own: &'static Lane,
    fetching: Fetching,
) -> Result<Receiving, NoSession> {
    let name = name_of(address).ok_or(NoSession::Unnamed)?;
    let session = find_or_open(request, &address.0, name, here, own).map_err(NoSession::Closed)?;
    name_labels(request, &session);
    let meter = request.meter();
    Ok(Receiving::new(session.outbox.clone(), fetching, meter))
}

fn find_or_open(
    request: &HttpRequest,
    key: &str,
    name: Box<str>,
    (worker, apps): (&LaneWorker, &Apps),
    own: &'static Lane,
) -> Result<Arc<Session>, Closing> {
    let number = number_of(request);
    let app = apps.by_key(key).ok_or(close::UNKNOWN_APP)?;
    if let Some(session) = app.sessions.get(&name)
        && !session.outbox.is_over()
    {
        // If the inbox is full, the session has signs of life enough.
        let _ = session.inbox.try_send(Request { number, sent: None });
        return Ok(session);
    }
    session_task::open(Opening {
        lab: worker.lab.clone(),
        lane: worker.lane,
        transport: own.transport,
        slot: admit_to(worker, app, request.query_string())?,
        name,
        number,
        address: worker.lab.client_address(request),
    })
}

/// Meters a request under its session's transport and channel.
fn name_labels(request: &HttpRequest, session: &Session) {
    if let Some(meter) = request.meter() {
        meter.name_transport(session.transport);
        if let Some((channel, form)) = session.outbox.channel() {
            meter.name_channel(&channel, form);
        }
    }
}

/// A session that is opened and closed in one answer: clients look at a close code only after `o`.
fn closed(request: &HttpRequest, closing: Closing) -> HttpResponse {
    let mut body = line::OPEN.to_vec();
    line::encode_close(closing.code, closing.why, &mut body);
    let layers = Layers {
        framing: body.len() as u64,
        ..Layers::default()
    };
    lines(request, (body, layers.into()), Coded::NEVER)
}

/// A whole answer of lines.
fn lines(request: &HttpRequest, body: (Vec<u8>, Message), coded: Coded) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header(CONTENT_TYPE);
    metered(request, response, body, None, coded)
}

/// The coding of what fetches; the key of the lab's query is one that the protocol does not know.
fn coded(request: &HttpRequest, worker: &LaneWorker) -> Coded {
    let asked = Compress::asked(request.query_string());
    Coded::of(request, worker.lab.compress(asked))
}

fn refuse(status: StatusCode, why: &str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=UTF-8"))
        .insert_header(NO_STORE)
        .body(format!("{why}\n"))
}
