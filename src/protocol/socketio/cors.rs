//! Pages of which origins may use Engine.IO: the lab's policy ([`crate::access::origins`]), and
//! besides it the setting `socketio_origins`. Refusals have Engine.IO's form: 403, code 4
//! (reference, 2.11), for polling and for WebSocket alike.

use actix_web::{HttpRequest, HttpResponse, http::header::HeaderMap};

use crate::{
    access::origins::{Grant, is_preflight, preflight_headers},
    lab::Lab,
};

/// What a request's page may do.
pub fn grant(lab: &Lab, headers: &HeaderMap) -> Grant {
    lab.doors.grant(headers, &lab.doors.socketio)
}

/// The answer to a preflight; its grant is to be applied. `None`: it is none.
pub fn preflight(request: &HttpRequest) -> Option<HttpResponse> {
    if !is_preflight(request.method(), request.headers()) {
        return None;
    }
    let mut granted = HttpResponse::NoContent();
    for header in preflight_headers(request.headers()) {
        granted.append_header(header);
    }
    Some(granted.finish())
}
