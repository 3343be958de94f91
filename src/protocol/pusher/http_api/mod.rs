//! The signed HTTP API, `/apps/{id}/…`, as the SDKs call it (`docs/protocols/pusher-channels.md`,
//! "HTTP API").
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

use std::{borrow::Cow, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    body::{BodySize, MessageBody},
    http::{
        Method, StatusCode,
        header::{ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue},
    },
    web,
};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::{
    app::{App, Apps},
    app_event::AppEvent,
    auth::{BadRequestAuth, Parameters, SignedRequest, check_request},
};
use crate::{
    catalogue::{CHANNELS, LaneId},
    clock,
    codec::{pusher::kind::BadName, surrogates},
    lane::meter::Labels,
    node::NodeError,
    registry::{Door, Endpoint, LaneWorker, NO_CHANNEL, OfConnection},
    transport::{
        body::{self, Unread},
        will_answer,
    },
    wire::Layers,
};

/// Largest body: ten events of 10 KB, every byte of them escaped.
const BODY_MAX_BYTES: usize = 1 << 20;

/// Registers the API. It is not wrapped in the middleware of a lane, which would be most of the
/// cost of a publication by an SDK: [`call`] does the same itself, once.
///
/// The paths are matched by hand: actix's router runs a regular expression per path with a name in
/// it, and these paths are the busiest of all.
fn configure(config: &mut web::ServiceConfig) {
    config
        .service(web::scope("/apps").default_service(web::to(call)))
        // Where an official SDK really sends it; the application is that of `auth_key`.
        .service(web::resource("/users/{user}/terminate_connections").route(web::route().to(call)));
}

/// The endpoint, on the lanes where clients of Channels ask for a WebSocket first.
pub struct ApiEndpoint(pub Arc<Apps>);

impl Endpoint for ApiEndpoint {
    fn paths(&self) -> &[&'static str] {
        &["/apps/", "/users/"]
    }

    fn is_on(&self, lane: LaneId) -> bool {
        [LaneId::MAIN, CHANNELS.id].contains(&lane)
    }

    /// A call is refused in the API's own form.
    fn door(&self, _rest: &str, _is_upgrade: bool) -> Door<'_> {
        Door::Lab
    }

    /// Calls are signed with their method.
    fn answers_every_method(&self) -> bool {
        true
    }

    fn configure(&self, _lane: LaneId, _config: &mut web::ServiceConfig) {}

    fn configure_apart(&self, lane: LaneId, config: &mut web::ServiceConfig) {
        config
            .app_data(web::Data::from(self.0.clone()))
            .app_data(web::Data::new(ApiLabels(Arc::new(Labels {
                lane,
                transport: "http",
                protocol: CHANNELS.protocol,
                demo: "none",
                form: "",
                channel: NO_CHANNEL.into(),
            }))))
            .configure(configure);
    }
}

/// What all calls on a lane are metered under.
struct ApiLabels(Arc<Labels>);

/// Every call: meters it, finds out what is asked, answers, and notifies the application.
async fn call(
    request: HttpRequest,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    apps: web::Data<Apps>,
    labels: web::Data<ApiLabels>,
) -> HttpResponse {
    if let Some(meter) = request.meter() {
        meter.begin_shared_request(&labels.0);
    }
    let seat = request.seat();
    if let Some(seat) = &seat {
        seat.request_begins();
        seat.rest_until(None);
    }
    let path = request.path();
    let mut app = None;
    let peer = request.peer_addr().map(|peer| peer.ip());
    let doors = &worker.lab.doors;
    let foreign = doors.enter(request.uri(), request.headers(), peer);
    let answered = match Target::of(path) {
        _ if foreign.is_err() => Err(foreign.err().map_or_else(
            || ApiError::bad("Bad host"),
            |refusal| {
                let message = format!("{refusal}. {}", refusal.code.hint());
                ApiError::new(refusal.code.status().as_u16(), message)
            },
        )),
        None => Err(ApiError::new(404, format!("There is nothing at {path}"))),
        Some(target) if !target.is_asked_by(request.method()) => {
            let message = format!("{path} is asked for with {}", target.method());
            Err(ApiError::new(405, message))
        }
        Some(target) => answer(&request, payload, (&worker, &apps), &target, &mut app).await,
    };
    let mut response = answered.unwrap_or_else(|error| error.error_response());
    if let Some(seat) = &seat {
        body::bound_the_rest(seat, &request);
        seat.request_ends();
    }
    if response.status() == StatusCode::REQUEST_TIMEOUT {
        // The rest of the body may be on its way.
        response
            .head_mut()
            .set_connection_type(actix_http::ConnectionType::Close);
    }
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let bytes = match response.body().size() {
        BodySize::Sized(bytes) => bytes as usize,
        _ => 0,
    };
    will_answer(&request, Layers::of_protocol(bytes).into());
    let status = response.status().as_u16();
    tracing::debug!(method = %request.method(), path, status, "answered a call of the HTTP API");
    if let Some(app) = app {
        app.notify(AppEvent::ApiCall {
            method: request.method().as_str(),
            path,
            status,
        });
    }
    response
}

/// What a path names. Names in it are decoded.
#[derive(Debug, PartialEq, Eq)]
enum Target<'a> {
    Events(Cow<'a, str>),
    BatchEvents(Cow<'a, str>),
    Channels(Cow<'a, str>),
    Channel(Cow<'a, str>, Cow<'a, str>),
    Users(Cow<'a, str>, Cow<'a, str>),
    /// Without an application's id it is that of `auth_key`.
    Terminate(Option<Cow<'a, str>>, Cow<'a, str>),
}

impl<'a> Target<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let mut segments = path.strip_prefix('/')?.split('/');
        let mut next = || segments.next();
        let named = |name: &'a str| {
            let name = percent_decode_str(name).decode_utf8().ok()?;
            (!name.is_empty()).then_some(name)
        };
        let target = match (next()?, next()?, next()?, next(), next()) {
            ("apps", id, "events", None, None) => Self::Events(named(id)?),
            ("apps", id, "batch_events", None, None) => Self::BatchEvents(named(id)?),
            ("apps", id, "channels", None, None) => Self::Channels(named(id)?),
            ("apps", id, "channels", Some(name), None) => Self::Channel(named(id)?, named(name)?),
            ("apps", id, "channels", Some(name), Some("users")) => {
                Self::Users(named(id)?, named(name)?)
            }
            ("apps", id, "users", Some(user), Some("terminate_connections")) => {
                Self::Terminate(Some(named(id)?), named(user)?)
            }
            ("users", user, "terminate_connections", None, None) => {
                Self::Terminate(None, named(user)?)
            }
            _ => return None,
        };
        segments.next().is_none().then_some(target)
    }

    /// `HEAD` is answered wherever `GET` is; it is signed as the method that it is.
    fn is_asked_by(&self, method: &Method) -> bool {
        let expected = self.method();
        method == expected || (method == Method::HEAD && expected == Method::GET)
    }

    fn method(&self) -> &'static Method {
        match self {
            Self::Events(_) | Self::BatchEvents(_) | Self::Terminate(..) => &Method::POST,
            Self::Channels(_) | Self::Channel(..) | Self::Users(..) => &Method::GET,
        }
    }

    fn app_id(&self) -> Option<&str> {
        match self {
            Self::Events(id)
            | Self::BatchEvents(id)
            | Self::Channels(id)
            | Self::Channel(id, _)
            | Self::Users(id, _) => Some(id),
            Self::Terminate(id, _) => id.as_deref(),
        }
    }
}

/// Answers a call whose signature is good; `app` is set to its application in any case.
async fn answer(
    request: &HttpRequest,
    payload: web::Payload,
    (worker, apps): (&LaneWorker, &Apps),
    target: &Target<'_>,
    app: &mut Option<Arc<App>>,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(request, payload, BODY_MAX_BYTES)
        .await
        .map_err(|error| match error {
            Unread::Broken(why) => ApiError::bad(why),
            Unread::TooSlow => ApiError::new(408, Unread::TOO_SLOW),
            Unread::TooLarge => {
                ApiError::new(413, format!("The body is over {BODY_MAX_BYTES} bytes"))
            }
        })?;
    if let Some(meter) = request.meter() {
        meter.received(Layers::of_protocol(body.len()));
    }
    let call = Call::check(request, apps, target.app_id(), body, app)?;
    match target {
        Target::Events(_) => publish::event(request, worker, &call).await,
        Target::BatchEvents(_) => publish::batch(request, worker, &call).await,
        Target::Channels(_) => query::channels(worker, &call),
        Target::Channel(_, name) => query::channel(worker, &call, name),
        Target::Users(_, name) => query::users(worker, &call, name),
        Target::Terminate(_, user) => users::terminate(worker, &call, user).await,
    }
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
struct Call<'a> {
    app: Arc<App>,
    parameters: Parameters<'a>,
    body: web::Bytes,
}

impl<'r> Call<'r> {
    /// Checks a request to an application, by id or, without one, by `auth_key`.
    fn check(
        request: &'r HttpRequest,
        apps: &Apps,
        id: Option<&str>,
        body: web::Bytes,
        called: &mut Option<Arc<App>>,
    ) -> Result<Self, ApiError> {
        let parameters = Parameters::parse(request.query_string());
        let app = match id {
            Some(id) => apps
                .by_id(id)
                .ok_or_else(|| ApiError::new(404, format!("There is no application {id}")))?,
            None => parameters
                .get("auth_key")
                .and_then(|key| apps.by_key(key))
                .ok_or_else(|| ApiError::new(401, "auth_key is the key of no application"))?,
        };
        *called = Some(app.clone());
        let signed = SignedRequest {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.query_string(),
            body: &body,
        };
        let settings = &app.settings;
        let now_s = clock::time_of_day_us() / 1_000_000;
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

    fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, ApiError> {
        json(&self.body)
    }
}

fn json<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    crate::codec::envelope::check_depth(body).map_err(ApiError::bad)?;
    serde_json::from_slice(&surrogates::replace_lone_bytes(body))
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
    fn paths_are_told_apart_and_their_names_decoded() {
        for (path, target) in [
            ("/apps/1/events", Some(Target::Events("1".into()))),
            ("/apps/%31/events", Some(Target::Events("1".into()))),
            (
                "/apps/1/batch_events",
                Some(Target::BatchEvents("1".into())),
            ),
            ("/apps/1/channels", Some(Target::Channels("1".into()))),
            (
                "/apps/1/channels/%23server-to-user-7",
                Some(Target::Channel("1".into(), "#server-to-user-7".into())),
            ),
            (
                "/apps/1/channels/presence-a/users",
                Some(Target::Users("1".into(), "presence-a".into())),
            ),
            (
                "/apps/1/users/a%40b/terminate_connections",
                Some(Target::Terminate(Some("1".into()), "a@b".into())),
            ),
            (
                "/users/7/terminate_connections",
                Some(Target::Terminate(None, "7".into())),
            ),
            ("/apps/1", None),
            ("/apps/1/events/", None),
            ("/apps/1/channels/a/users/b", None),
            ("/apps/1/channels/", None),
            ("/apps/1/channels/%ff", None),
            ("/apps", None),
        ] {
            assert_eq!(Target::of(path), target, "{path}");
        }
    }

    #[test]
    fn attributes_are_read_and_others_refused() {
        let wanted = Wanted::parse(Some("user_count, cache,")).unwrap();
        assert!(wanted.user_count && wanted.cache && !wanted.subscription_count);
        assert_eq!(Wanted::parse(None), Ok(Wanted::default()));
        assert_eq!(Wanted::parse(Some("users")).unwrap_err().status, 400);
    }
}
