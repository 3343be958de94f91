//! One response that grows by a line for each frame (reference, 14.4).
//!
//! The server never ends it while the session lives: clients take that for a loss. They let go of
//! it themselves when they have read more than [`ROTATES_AFTER`], and fetch by a new request on
//! the same session. What was on its way to the old one at that moment would be lost, and the
//! protocol has no acknowledgement. So the server counts along: past that length it sends no more
//! on this response and waits for the next request, which takes over all that waits.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, MessageBody},
    http::Method,
    web,
};
use bytes::Bytes;
use tokio::time::{Sleep, sleep};

use super::{Address, CONTENT_TYPE, NO_STORE, send};
use crate::{
    catalogue::{CHANNELS, CHANNELS_STREAMING, Lane, LaneId},
    codec::pusher::line,
    lane::{booking::Message, meter::ConnectionMeter},
    protocol::pusher::{
        admission::door_of_app,
        app::Apps,
        http_session::outbox::{Fetching, Receiving, Taken},
    },
    registry::{Door, Endpoint, LaneWorker, NO_CHANNEL, OfConnection},
    transport::{
        Attributed, LAST_CHUNK_BYTES, chunk_framing_bytes, is_chunked, will_answer, wrong_method,
    },
    wire::Layers,
};

/// The endpoint, on its own lane and on that of WebSockets, whose clients fall back to it.
pub struct StreamingEndpoint(pub Arc<Apps>);

impl Endpoint for StreamingEndpoint {
    fn paths(&self) -> &[&'static str] {
        std::slice::from_ref(&CHANNELS_STREAMING.path)
    }

    fn lane(&self) -> Option<&'static Lane> {
        Some(&CHANNELS_STREAMING)
    }

    fn is_on(&self, lane: LaneId) -> bool {
        [LaneId::MAIN, CHANNELS_STREAMING.id, CHANNELS.id].contains(&lane)
    }

    /// Sends are named after their session's transport once that is known.
    fn metered_as(&self, rest: &str, _query: &str) -> Option<Arc<str>> {
        let is_mine = rest.ends_with("/xhr_streaming") || rest.ends_with("/xhr_send");
        is_mine.then(|| NO_CHANNEL.into())
    }

    fn door(&self, rest: &str, _is_upgrade: bool) -> Door<'_> {
        door_of_app(&self.0, rest)
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config
            .app_data(web::Data::from(self.0.clone()))
            .service(
                web::resource("/pusher/app/{key}/{srv}/{sid}/xhr_streaming")
                    .route(web::post().to(open))
                    .default_service(wrong_method(&[Method::POST])),
            )
            .configure(send::configure);
    }
}

/// pusher-js's `MAX_BUFFER_LENGTH`, in UTF-16 code units of the response's text.
const ROTATES_AFTER: usize = 256 << 10;

async fn open(
    request: HttpRequest,
    address: Address,
    worker: web::Data<LaneWorker>,
    apps: web::Data<Apps>,
) -> HttpResponse {
    let fetching = Fetching::Streaming;
    let receiving = match super::receive(
        &request,
        &address,
        (&worker, &apps),
        &CHANNELS_STREAMING,
        fetching,
    ) {
        Ok(receiving) => receiving,
        Err(no_session) => return no_session.answer(&request),
    };
    will_answer(&request, Message::default());
    let mut response = HttpResponse::Ok()
        .insert_header(CONTENT_TYPE)
        .insert_header(NO_STORE)
        .insert_header(("x-accel-buffering", "no"))
        .body(Lines {
            receiving,
            meter: request.meter().cloned(),
            is_chunked: is_chunked(&request),
            sent_units: 0,
            rest: None,
            rest_at_most: worker.lab.config.poller_stays.0,
            has_rested: false,
        });
    response.extensions_mut().insert(Attributed);
    response
}

/// The body of the answer. Dropping it is how a departure is noticed.
struct Lines {
    receiving: Receiving,
    meter: Option<Arc<ConnectionMeter>>,
    is_chunked: bool,
    /// Length of the response's text so far, as the client counts it.
    sent_units: usize,
    /// While the client is to come with a new request; it is waited for as long as between polls.
    rest: Option<Pin<Box<Sleep>>>,
    rest_at_most: Duration,
    /// Once is enough: who does not come does not rotate.
    has_rested: bool,
}

impl Lines {
    fn say(&self, message: Message) {
        if let Some(meter) = &self.meter {
            meter.follow(message);
        }
    }
}

impl MessageBody for Lines {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = self.get_mut();
        if let Some(rest) = &mut this.rest {
            if rest.as_mut().poll(context).is_pending() {
                ready!(this.receiving.poll_rest(context));
            }
            this.rest = None;
        }
        match ready!(this.receiving.poll_take(context)) {
            Taken::Line(line) => {
                this.sent_units += line::utf16_units(&line.bytes);
                if this.sent_units > ROTATES_AFTER && !this.has_rested {
                    this.has_rested = true;
                    this.rest = Some(Box::pin(sleep(this.rest_at_most)));
                }
                let mut layers = line.layers;
                if this.is_chunked {
                    layers.framing += chunk_framing_bytes(line.bytes.len());
                }
                let live = line.live_since_us.filter(|_| line.is_publication);
                this.say(Message {
                    layers,
                    publications: line.is_publication.into(),
                    stamps: live.into_iter().collect(),
                    is_empty_answer: false,
                });
                Poll::Ready(Some(Ok(line.bytes)))
            }
            Taken::TakenOver | Taken::Ended => {
                if this.is_chunked {
                    let last = Layers {
                        framing: LAST_CHUNK_BYTES,
                        ..Layers::default()
                    };
                    this.say(last.into());
                }
                Poll::Ready(None)
            }
        }
    }
}
