//! Long polling (`docs/protocols/pusher-channels.md`, "Polling"): a request is answered with all
//! lines that wait, as soon as there is one, or with `h` when none has come within the heartbeat's
//! interval.

use std::{future::poll_fn, sync::Arc, task::Poll};

use actix_web::{HttpRequest, HttpResponse, http::Method, web};

use super::{Address, send};
use crate::{
    catalogue::{CHANNELS, CHANNELS_POLLING, Lane, LaneId},
    codec::pusher::line,
    lane::meter::Message,
    protocol::pusher::{
        admission::door_of_app,
        app::Apps,
        http_session::outbox::{Fetching, Line, Receiving, Taken},
    },
    registry::{Door, Endpoint, LaneWorker, NO_CHANNEL},
    transport::{coding::Coded, wrong_method},
    wire::Layers,
};

/// The endpoint, on its own lane and on that of WebSockets, whose clients fall back to it.
pub struct PollingEndpoint(pub Arc<Apps>);

impl Endpoint for PollingEndpoint {
    fn lane(&self) -> Option<&'static Lane> {
        Some(&CHANNELS_POLLING)
    }

    fn is_on(&self, lane: LaneId) -> bool {
        [LaneId::MAIN, CHANNELS_POLLING.id, CHANNELS.id].contains(&lane)
    }

    /// Sends are named after their session's transport once that is known.
    fn metered_as(&self, rest: &str, _query: &str) -> Option<Arc<str>> {
        let is_mine = rest.ends_with("/xhr") || rest.ends_with("/xhr_send");
        is_mine.then(|| NO_CHANNEL.into())
    }

    fn door(&self, rest: &str, _is_upgrade: bool) -> Door<'_> {
        door_of_app(&self.0, rest)
    }

    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config
            .app_data(web::Data::from(self.0.clone()))
            .service(
                web::resource("/pusher/app/{key}/{srv}/{sid}/xhr")
                    .route(web::post().to(poll))
                    .default_service(wrong_method(&[Method::POST])),
            )
            .configure(send::configure);
    }
}

async fn poll(
    request: HttpRequest,
    address: Address,
    worker: web::Data<LaneWorker>,
    apps: web::Data<Apps>,
) -> HttpResponse {
    let fetching = Fetching::Polling;
    let receiving = match super::receive(
        &request,
        &address,
        (&worker, &apps),
        &CHANNELS_POLLING,
        fetching,
    ) {
        Ok(receiving) => receiving,
        Err(no_session) => return no_session.answer(&request),
    };
    let taken = take(&receiving).await;
    drop(receiving);
    answer(&request, &taken, super::coded(&request, &worker))
}

/// Waits for a line and takes all there are.
async fn take(receiving: &Receiving) -> Vec<Line> {
    let mut lines = Vec::new();
    poll_fn(|context| {
        loop {
            match receiving.poll_take(context) {
                Poll::Ready(Taken::Line(line)) => lines.push(line),
                Poll::Pending if lines.is_empty() => return Poll::Pending,
                _ => return Poll::Ready(()),
            }
        }
    })
    .await;
    lines
}

fn answer(request: &HttpRequest, taken: &[Line], coded: Coded) -> HttpResponse {
    let mut body = Vec::with_capacity(taken.iter().map(|line| line.bytes.len()).sum());
    line::join(taken.iter().map(|line| &*line.bytes), &mut body);
    let mut layers = Layers::default();
    taken.iter().for_each(|line| layers += line.layers);
    // Joining took some of the lines' own bytes away.
    layers.framing = (body.len() as u64).saturating_sub(layers.envelope() + layers.payload);
    let publications = taken.iter().filter(|line| line.is_publication).count();
    let message = Message {
        layers,
        publications,
        stamps: taken.iter().filter_map(|line| line.live_since_us).collect(),
        is_empty_answer: publications == 0,
    };
    super::lines(request, (body, message), coded)
}
