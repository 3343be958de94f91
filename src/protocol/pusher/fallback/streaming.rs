//! One response that grows by a line for each frame (`docs/protocols/pusher-channels.md`,
//! "Streaming").
//!
//! The server does not end the response while the session lives, because clients take that for a
//! lost connection. Clients close it themselves when they have read more than `ROTATES_AFTER`,
//! and fetch with a new request on the same session. Lines on their way to the old response at that
//! moment would be lost, since the protocol has no acknowledgement. So the server counts as well:
//! past that length it sends no more on this response and waits for the next request, which gets
//! all lines that wait.

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
    lane::meter::{ConnectionMeter, Message},
    protocol::pusher::{
        admission::door_of_app,
        app::Apps,
        http_session::outbox::{Fetching, Receiving, Taken},
    },
    registry::{Door, Endpoint, LaneWorker, NO_CHANNEL, OfConnection},
    transport::{Attributed, coding::Pieces, will_answer, wrong_method},
};

/// The endpoint, on its own lane and on that of WebSockets, whose clients fall back to it.
pub struct StreamingEndpoint(pub Arc<Apps>);

impl Endpoint for StreamingEndpoint {
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
    let mut response = HttpResponse::Ok();
    let coded = super::coded(&request, &worker);
    let pieces = coded.stream(&request, &mut response, &worker.lab.compressors);
    let mut response = response
        .insert_header(CONTENT_TYPE)
        .insert_header(NO_STORE)
        .insert_header(("x-accel-buffering", "no"))
        .body(Lines {
            receiving,
            meter: request.meter(),
            pieces,
            sent_units: 0,
            rotation: None,
            rotation_timeout: worker.lab.config.poller_stays.0,
            has_waited: false,
        });
    response.extensions_mut().insert(Attributed);
    response
}

/// The body of the answer. It is dropped when the client is gone, which ends the receiving.
struct Lines {
    receiving: Receiving,
    meter: Option<Arc<ConnectionMeter>>,
    pieces: Pieces,
    /// Length of the response's text so far, as the client counts it.
    sent_units: usize,
    /// Runs while a new request is expected, for as long as polling clients may stay away.
    rotation: Option<Pin<Box<Sleep>>>,
    rotation_timeout: Duration,
    /// A client that did not come the first time does not rotate: it is not waited for again.
    has_waited: bool,
}

impl Lines {
    fn record(&self, message: Message) {
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
        if let Some(timeout) = &mut this.rotation {
            if timeout.as_mut().poll(context).is_pending() {
                ready!(this.receiving.poll_taken_over(context));
            }
            this.rotation = None;
        }
        match ready!(this.receiving.poll_take(context)) {
            Taken::Line(line) => {
                this.sent_units += line::utf16_units(&line.bytes);
                if this.sent_units > ROTATES_AFTER && !this.has_waited {
                    this.has_waited = true;
                    this.rotation = Some(Box::pin(sleep(this.rotation_timeout)));
                }
                let (bytes, layers) = this.pieces.piece(line.bytes, line.layers);
                let live = line.live_since_us.filter(|_| line.is_publication);
                this.record(Message {
                    layers,
                    publications: line.is_publication.into(),
                    stamps: live.into_iter().collect(),
                    is_empty_answer: false,
                });
                Poll::Ready(Some(Ok(bytes)))
            }
            Taken::TakenOver | Taken::Ended => {
                if let Some((end, layers)) = this.pieces.end() {
                    this.record(layers.into());
                    return Poll::Ready(Some(Ok(end)));
                }
                this.record(this.pieces.last().into());
                Poll::Ready(None)
            }
        }
    }
}
