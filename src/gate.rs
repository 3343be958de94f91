//! What stands before every handler and every upgrade: the names that a lab answers under, and
//! whose pages are let in ([`crate::access`]).
//!
//! ```text
//! request ──► Host ──► Origin ──► preflight? ──► handler
//!              421       403         204
//! ```
//! `/healthz` is answered under any name. Applications of `[[apps]]` have origins of their own; a
//! key that nobody has gets its close code, whoever asks. The lab's own API is changed by its own
//! pages only, port included. Engine.IO applies the same policy in its own form.

use std::sync::LazyLock;

use actix_web::{
    HttpResponse, ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, Uri,
        header::{self, HeaderMap},
    },
    middleware::Next,
    web,
};

use crate::{
    access::{
        self,
        listed::Origins,
        origins::{Grant, is_preflight, preflight_headers},
    },
    error::Refusal,
    lab::{Lab, LaneWorker},
    protocol::pusher::{self, app_server, fallback},
    protocol::socketio::{ENGINE_ECHO, SOCKET_IO},
    transport,
};

/// Where browsers report delays: what foreign pages send there is counted among the refused.
const REPORTS: &str = "/api/reports";

/// Refuses an upgrade under a foreign name or for a foreign page.
pub fn check_upgrade(lab: &Lab, path: &str, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    lab.doors.hosts.check(uri, headers)?;
    match is_engine(path) {
        true => Ok(()),
        false => grant(lab, path, headers).check(),
    }
}

/// The middleware of every lane.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let Some(worker) = request.app_data::<web::Data<LaneWorker>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let (lab, path) = (&worker.lab, request.path());
    if path == "/healthz" {
        let mut response = next.call(request).await?.map_into_boxed_body();
        Grant::NoPage.apply(response.headers_mut(), false);
        return Ok(response);
    }
    if let Err(refusal) = lab.doors.hosts.check(request.uri(), request.headers()) {
        let answer = refuse(&refusal, request.headers());
        return Ok(request.into_response(answer).map_into_boxed_body());
    }
    if is_engine(path) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let grant = grant(lab, path, request.headers());
    let for_clients = path.starts_with("/api/channels/")
        || app_server::serves(path)
        || transport::ALL.iter().any(|t| path.starts_with(t.path));
    let is_change = ![Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let checked = grant
        .check()
        .and_then(|()| match is_change && !for_clients {
            true => access::from_own_page(request.request()),
            false => Ok(()),
        });
    let mut response = if let Err(refusal) = checked {
        if path == REPORTS {
            lab.reported.note_foreign_page();
        }
        let answer = refuse(&refusal, request.headers());
        request.into_response(answer).map_into_boxed_body()
    } else if for_clients && is_preflight(request.method(), request.headers()) {
        let mut granted = HttpResponse::NoContent();
        for header in preflight_headers(request.headers()) {
            granted.append_header(header);
        }
        request
            .into_response(granted.finish())
            .map_into_boxed_body()
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    grant.apply(response.headers_mut(), for_clients);
    Ok(response)
}

/// As JSON, or as a page for people.
fn refuse(refusal: &Refusal, headers: &HeaderMap) -> HttpResponse {
    let accept = headers.get(header::ACCEPT).and_then(|a| a.to_str().ok());
    if !accept.is_some_and(|accept| accept.contains("text/html")) {
        return refusal.error_response();
    }
    let escaped = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;")
    };
    let (message, hint) = (escaped(&refusal.message), escaped(refusal.hint()));
    HttpResponse::build(refusal.code.status())
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'"))
        .body(format!(
            "<!doctype html><meta charset=utf-8><title>pushlab</title>\
             <h1>Not answered here</h1><p>{message}.</p><p>{hint}</p>\n"
        ))
}

fn is_engine(path: &str) -> bool {
    [&SOCKET_IO, &ENGINE_ECHO].iter().any(|e| e.serves(path))
}

fn grant(lab: &Lab, path: &str, headers: &HeaderMap) -> Grant {
    lab.doors.grant(headers, also(lab, path))
}

/// Origins that are let in at a path besides the lab's: those of the application that it names, and
/// of the demo where its own server is asked.
fn also<'a>(lab: &'a Lab, path: &str) -> &'a Origins {
    static NONE: LazyLock<Origins> = LazyLock::new(Origins::default);
    static ANY: Origins = Origins::Any;
    if app_server::serves(path) {
        let demo = lab.apps.demo_app();
        return demo.map_or(&NONE, |app| &app.settings.origins);
    }
    let paths = [pusher::TRANSPORT.path, fallback::streaming::TRANSPORT.path];
    let Some(rest) = paths.iter().find_map(|start| path.strip_prefix(start)) else {
        return &NONE;
    };
    let key = rest.split('/').next().unwrap_or_default();
    lab.apps
        .by_key(key)
        .map_or(&ANY, |app| &app.settings.origins)
}
