//! What stands before every handler and every upgrade: the names that a lab answers under, and
//! whose pages are let in ([`crate::access`]).
//!
//! ```text
//! request ──► Host ──► Origin ──► preflight? ──► handler
//!              421       403         204
//! ```
//! Decided by the path that leads to the handler ([`routed_path`]), not by the way it was written.
//! `/healthz` is answered under any name. Applications of `[[apps]]` have origins of their own; a
//! key that nobody has gets its close code, whoever asks. The lab's own API is changed by its own
//! pages only, port included. Engine.IO applies the same policy in its own form, and so do WebSockets of
//! Channels, with a close code.

use std::sync::LazyLock;

use actix_http::Request;
use actix_web::{
    HttpMessage, HttpResponse, ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap},
    },
    middleware::Next,
    web,
};
use percent_encoding::percent_decode_str;

use crate::{
    access::{
        self,
        asked::Asked,
        listed::Origins,
        origins::{Grant, is_preflight, preflight_headers},
    },
    error::Refusal,
    lab::{Lab, LaneWorker},
    lab_api::MainLane,
    protocol::pusher::{self, app_server, fallback},
    protocol::socketio::{ENGINE_ECHO, SOCKET_IO},
    transport,
};

/// Where browsers report delays: what foreign pages send there is counted among the refused.
const REPORTS: &str = "/api/reports";

/// Refuses an upgrade under a foreign name or for a foreign page.
pub fn check_upgrade(lab: &Lab, request: &Request) -> Result<(), Refusal> {
    let (path, headers) = (request.path(), request.headers());
    let peer = request.peer_addr().map(|peer| peer.ip());
    let asked = lab.doors.enter(request.uri(), headers, peer)?;
    if !is_engine(path) && !path.starts_with(pusher::TRANSPORT.path) {
        grant(lab, path, headers, asked.as_ref()).check()?;
    }
    if let Some(asked) = asked {
        request.extensions_mut().insert(asked);
    }
    Ok(())
}

/// The path as routes are matched with it: `%61` in it is an `a`. What is decided by the path as it
/// was written would be decided for another handler than the one that answers.
pub fn routed_path(request: &ServiceRequest) -> &str {
    request.match_info().as_str()
}

/// The middleware of every lane.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let Some(worker) = request.app_data::<web::Data<LaneWorker>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let (lab, path) = (&worker.lab, routed_path(&request));
    if path == "/healthz" {
        let mut response = next.call(request).await?.map_into_boxed_body();
        Grant::NoPage.apply(response.headers_mut(), false);
        return Ok(response);
    }
    let peer = request.peer_addr().map(|peer| peer.ip());
    let asked = match lab.doors.enter(request.uri(), request.headers(), peer) {
        Ok(asked) => asked,
        Err(refusal) => {
            let answer = refuse(&refusal, request.headers());
            return Ok(request.into_response(answer).map_into_boxed_body());
        }
    };
    if let Some(asked) = &asked {
        request.extensions_mut().insert(asked.clone());
    }
    if is_engine(path) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let grant = grant(lab, path, request.headers(), asked.as_ref());
    let for_clients = path.starts_with("/api/channels/")
        || app_server::serves(path)
        || transport::ALL.iter().any(|t| path.starts_with(t.path));
    let is_change = ![Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let checked = grant
        .check()
        .and_then(|()| match is_change && !for_clients {
            true => access::from_own_page(request.request()),
            false => Ok(()),
        })
        .map_err(|refusal| {
            access::changed_name(request.headers(), asked.as_ref()).unwrap_or(refusal)
        });
    let mut response = if let Err(refusal) = checked {
        if path == REPORTS
            && let Some(main) = request.app_data::<web::Data<MainLane>>()
        {
            main.reported.note_foreign_page();
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

/// Whether an Engine.IO endpoint is there, which has rules of its own for every method.
pub fn is_engine(path: &str) -> bool {
    [&SOCKET_IO, &ENGINE_ECHO].iter().any(|e| e.serves(path))
}

fn grant(lab: &Lab, path: &str, headers: &HeaderMap, asked: Option<&Asked>) -> Grant {
    lab.doors.grant(headers, asked, also(lab, path))
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
    // Handlers get it decoded to the last character.
    let key = percent_decode_str(rest.split('/').next().unwrap_or_default());
    lab.apps
        .by_key(&key.decode_utf8_lossy())
        .map_or(&ANY, |app| &app.settings.origins)
}
