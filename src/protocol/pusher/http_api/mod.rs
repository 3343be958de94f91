//! The signed HTTP API, `/apps/{id}/…`, as the SDKs call it (reference, 16).
//!
//! - [`publish`]: events, batches of events
//! - [`query`]: channels, a channel, its users
//! - [`users`]: ending a user's connections
//!
//! Errors are `{"error":"…","code":400}` with the status in `code`. A body is read whole before
//! its signature is checked: the signature is over its MD5.

pub mod publish;
pub mod query;
pub mod users;

use std::sync::Arc;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::{Next, from_fn},
    web,
};
use serde::Serialize;

use super::{
    app::App,
    auth::{BadRequestAuth, Parameters, SignedRequest, check_request},
    happening::Happening,
};
use crate::{
    clock,
    codec::pusher::kind::BadName,
    lab::{LaneWorker, OfConnection},
    node::NodeError,
    wire::Layers,
};

/// Largest body: ten events of 10 KB, every byte of them escaped.
const BODY_MAX_BYTES: usize = 1 << 20;

pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::scope("/apps/{id}")
                .wrap(from_fn(observed))
                .route("/events", web::post().to(publish::event))
                .route("/batch_events", web::post().to(publish::batch))
                .route("/channels", web::get().to(query::channels))
                .route("/channels/{name}", web::get().to(query::channel))
                .route("/channels/{name}/users", web::get().to(query::users))
                .route(
                    "/users/{user}/terminate_connections",
                    web::post().to(users::terminate),
                ),
        )
        // Where an official SDK really sends it; the application is that of `auth_key`.
        .service(
            web::resource("/users/{user}/terminate_connections")
                .wrap(from_fn(observed))
                .route(web::post().to(users::terminate_without_app)),
        );
}

/// Tells a call's application of it once it is answered.
async fn observed(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let response = next.call(request).await?;
    let request = response.request();
    if let Some(app) = request.extensions().get::<Arc<App>>() {
        app.observe(Happening::ApiCall {
            method: request.method().as_str(),
            path: request.path(),
            status: response.status().as_u16(),
        });
    }
    Ok(response)
}

/// What an SDK gets instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    status: u16,
    message: String,
}

impl ApiError {
    pub(super) fn new(status: u16, message: impl ToString) -> Self {
        Self {
            status,
            message: message.to_string(),
        }
    }

    fn bad(message: impl ToString) -> Self {
        Self::new(400, message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'a str,
            code: u16,
        }
        HttpResponse::build(self.status_code()).json(Body {
            error: &self.message,
            code: self.status,
        })
    }
}

impl From<BadRequestAuth> for ApiError {
    fn from(error: BadRequestAuth) -> Self {
        Self::new(401, error)
    }
}

impl From<BadName> for ApiError {
    fn from(error: BadName) -> Self {
        Self::bad(error)
    }
}

impl From<NodeError> for ApiError {
    fn from(error: NodeError) -> Self {
        Self::new(503, error)
    }
}

/// A request whose signature is good.
struct Call {
    app: Arc<App>,
    parameters: Parameters,
    body: web::Bytes,
}

impl Call {
    /// Reads and checks a request to an application, by id or, without one, by `auth_key`.
    async fn read(
        request: &HttpRequest,
        worker: &LaneWorker,
        id: Option<&str>,
        payload: web::Payload,
    ) -> Result<Self, ApiError> {
        let body = match payload.to_bytes_limited(BODY_MAX_BYTES).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) => return Err(ApiError::bad(error)),
            Err(_) => {
                let message = format!("The body is over {BODY_MAX_BYTES} bytes");
                return Err(ApiError::new(413, message));
            }
        };
        if let Some(meter) = request.meter() {
            meter.received(Layers::envelope(body.len()));
        }
        let parameters = Parameters::parse(request.query_string());
        let apps = &worker.lab.apps;
        let app = match id {
            Some(id) => apps
                .by_id(id)
                .ok_or_else(|| ApiError::new(404, format!("There is no application {id}")))?,
            None => parameters
                .get("auth_key")
                .and_then(|key| apps.by_key(key))
                .ok_or_else(|| ApiError::new(401, "auth_key is the key of no application"))?,
        };
        request.extensions_mut().insert(app.clone());
        let signed = SignedRequest {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.query_string(),
            body: &body,
        };
        let settings = &app.settings;
        let now_s = clock::now_us() / 1_000_000;
        check_request(&settings.key, &settings.secret, &signed, &parameters, now_s)?;
        if !settings.enabled {
            return Err(ApiError::new(403, "The application is disabled"));
        }
        Ok(Self {
            app: app.clone(),
            parameters,
            body,
        })
    }

    fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, ApiError> {
        json(&self.body)
    }
}

fn json<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    crate::codec::envelope::check_depth(body).map_err(ApiError::bad)?;
    serde_json::from_slice(body)
        .map_err(|error| ApiError::bad(format!("The body is not understood: {error}")))
}

/// What `info` may ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Wanted {
    user_count: bool,
    subscription_count: bool,
    cache: bool,
}

impl Wanted {
    /// `user_count,subscription_count,cache` in any order; others are refused.
    fn parse(info: Option<&str>) -> Result<Self, ApiError> {
        let mut wanted = Self::default();
        let asked = info.unwrap_or_default().split(',').map(str::trim);
        for attribute in asked.filter(|attribute| !attribute.is_empty()) {
            match attribute {
                "user_count" => wanted.user_count = true,
                "subscription_count" => wanted.subscription_count = true,
                "cache" => wanted.cache = true,
                other => return Err(ApiError::bad(format!("There is no attribute {other:?}"))),
            }
        }
        Ok(wanted)
    }
}

/// Attributes of a channel: those that were asked for.
#[derive(Debug, Default, Serialize)]
struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_count: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_and_others_refused() {
        let wanted = Wanted::parse(Some("user_count, cache,")).unwrap();
        assert!(wanted.user_count && wanted.cache && !wanted.subscription_count);
        assert_eq!(Wanted::parse(None), Ok(Wanted::default()));
        assert_eq!(Wanted::parse(Some("users")).unwrap_err().status, 400);
    }
}
