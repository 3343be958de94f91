//! What every request passes: its meter, and the seat of its connection.

use actix_http::{ConnectionType, body::MessageBody};
use actix_web::{
    HttpMessage, ResponseError,
    body::{BodySize, BoxBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{Method, StatusCode},
    middleware::Next,
    web,
};

use super::admission;
use crate::{
    registry::{AskedForHead, LaneWorker, OfConnection, route_of},
    transport::{Attributed, body},
    wire::Layers,
};

/// Labels the connection's meter, and counts answers that their handler did not.
pub async fn meter_request(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let payload = request.take_payload();
    let has_body = !matches!(payload, Payload::None);
    request.set_payload(payload);
    let meter = request.meter();
    let worker = request.app_data::<web::Data<LaneWorker>>();
    let route = route_of(&request);
    if let (Some(meter), Some(worker), Some(route)) = (&meter, worker, &route) {
        let on_written = worker.on_written(route);
        meter.begin_request(route.labels.clone(), on_written);
        if !has_body {
            meter.has_no_body();
        }
    }
    let is_head =
        request.extensions().get::<AskedForHead>().is_some() || request.method() == Method::HEAD;
    let response = next.call(request).await?;
    let attributed = response
        .response()
        .extensions()
        .get::<Attributed>()
        .is_some();
    if let Some(meter) = meter
        && !attributed
    {
        let bytes = match response.response().body().size() {
            BodySize::Sized(bytes) if !is_head => bytes,
            _ => 0,
        };
        meter.answer(Layers::of_protocol(bytes as usize).into());
    }
    Ok(response)
}

/// An answer of so many bytes is with the kernel as soon as it is made, or its peer is behind.
const IN_ONE_PIECE: u64 = 64 << 10;

/// Holds the connections of requests that stay, and ends those of bodies that came too slowly.
pub async fn seat_request(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let worker = request.app_data::<web::Data<LaneWorker>>();
    let seat = request.seat();
    if let Some(seat) = &seat {
        seat.request_begins();
    }
    if let Some(worker) = worker
        && route_of(&request).is_some_and(|route| worker.stays(&route))
    {
        let trusted = &worker.lab.config.trusted_proxies;
        let held = admission::hold(
            seat.as_ref(),
            request.peer_addr(),
            request.headers(),
            trusted,
        );
        if let Err(refusal) = held {
            let mut response = refusal.error_response();
            response
                .head_mut()
                .set_connection_type(ConnectionType::Close);
            return Ok(request.into_response(response).map_into_boxed_body());
        }
    }
    if let Some(seat) = &seat {
        seat.rest_until(None);
    }
    // A body of unknown length is read to its end by the HTTP server before the next request, if
    // its handler does not: it gets the same time.
    let mut response = next.call(request).await?.map_into_boxed_body();
    if let Some(seat) = &seat {
        body::bound_the_rest(seat, response.request());
        let is_whole = matches!(
            response.response().body().size(),
            BodySize::None | BodySize::Sized(0..=IN_ONE_PIECE)
        );
        match is_whole {
            true => seat.request_ends(),
            false => {
                let seat = seat.clone();
                response =
                    response.map_body(|_, body| BoxBody::new(admission::UntilSent { body, seat }));
            }
        }
    }
    if response.status() == StatusCode::REQUEST_TIMEOUT {
        // The rest of the body may be on its way.
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
