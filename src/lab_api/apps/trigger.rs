//! `POST /api/apps/{id}/trigger`: publishes an event from the console. The body is that of
//! `POST /apps/{id}/events`, and so are the answer and every check; the browser that has no secret
//! is spared the signature.

use actix_web::{HttpRequest, HttpResponse, web};

use super::owned;
use crate::{
    error::Refusal,
    protocol::pusher::{app::Apps, http_api::publish},
    registry::LaneWorker,
    transport::http_api,
};

/// Largest body: one event of 10 KB, every byte of it escaped, and its names.
const BODY_MAX_BYTES: usize = 128 * 1024;

pub(super) async fn trigger(
    request: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    apps: web::Data<Apps>,
) -> Result<HttpResponse, Refusal> {
    let app = owned(&request, &worker, &apps, &id)?;
    let body = http_api::body(&request, payload, BODY_MAX_BYTES).await?;
    Ok(publish::trusted(&request, &worker, app, &body).await)
}
