//! Frames from a client: one or a few in each request (`docs/protocols/pusher-channels.md`,
//! "Sending and heartbeats").
//!
//! Answered with 204 once the frames have been acted on, so that a client that waits for the answer
//! keeps its order; with 404 where the session is not known. Clients ignore all of it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use tokio::sync::oneshot;

use super::{Address, NO_STORE, name_labels, name_of, number_of, refuse};
use crate::{
    codec::pusher::line,
    protocol::pusher::{
        app::Apps,
        http_session::{Request, Sent},
    },
    registry::{LaneWorker, OfConnection},
    transport::{
        body::{self, Unread},
        wrong_method,
    },
    wire::Layers,
};

/// Shared by both transports. On a lane that serves both, the second one is never reached.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/pusher/app/{key}/{srv}/{sid}/xhr_send")
            .route(web::post().to(send))
            .default_service(wrong_method(&[Method::POST])),
    );
}

async fn send(
    request: HttpRequest,
    address: Address,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    apps: web::Data<Apps>,
) -> HttpResponse {
    let app = apps.by_key(&address.0);
    let session = app.zip(name_of(&address));
    let session = session.and_then(|(app, name)| app.sessions.get(&name));
    let Some(session) = session.filter(|session| !session.outbox.is_closed()) else {
        return unknown_session();
    };
    let max_bytes = worker.lab.config.body_max_bytes;
    name_labels(&request, &session);
    let body = match body::read(&request, payload, max_bytes).await {
        Ok(body) => body,
        Err(Unread::Broken(error)) => {
            let why = format!("the body cannot be read: {error}");
            return refuse(StatusCode::BAD_REQUEST, &why);
        }
        Err(Unread::TooSlow) => return refuse(StatusCode::REQUEST_TIMEOUT, Unread::TOO_SLOW),
        Err(Unread::TooLarge) => {
            let why = format!("the body is too large: send at most {max_bytes} bytes at once");
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, &why);
        }
    };
    let frames = match line::decode_frames(&body) {
        Ok(frames) => frames,
        Err(why) => {
            if let Some(meter) = request.meter() {
                meter.received(Layers::of_protocol(body.len()));
            }
            return refuse(StatusCode::BAD_REQUEST, &why);
        }
    };
    let frames_bytes: usize = frames.iter().map(String::len).sum();
    let (done, acted_on) = oneshot::channel();
    let sent = Request {
        number: number_of(&request),
        sent: Some(Sent { frames, done }),
    };
    if session.inbox.send(sent).await.is_err() {
        return unknown_session();
    }
    let Ok(done) = acted_on.await else {
        return unknown_session();
    };
    // These frames may have subscribed to the first channel, which names the metrics.
    name_labels(&request, &session);
    if let Some(meter) = request.meter() {
        meter.received(Layers {
            framing: body.len().saturating_sub(frames_bytes) as u64,
            protocol: frames_bytes.saturating_sub(done.payload) as u64,
            lab: 0,
            payload: done.payload as u64,
            saved: 0,
        });
        (0..done.publications).for_each(|_| meter.publication_received());
    }
    HttpResponse::NoContent().insert_header(NO_STORE).finish()
}

fn unknown_session() -> HttpResponse {
    refuse(
        StatusCode::NOT_FOUND,
        "the session is not known: open one with xhr_streaming or xhr",
    )
}
