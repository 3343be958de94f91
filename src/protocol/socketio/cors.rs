//! Pages of which origins may use Engine.IO: the lab's policy ([`crate::access::origins`]), and
//! besides it the setting `socketio_origins`. Refusals have Engine.IO's form: 403, code 4
//! (reference, 2.11), for polling and for WebSocket alike.

use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use crate::{
    access::{
        asked_name::AskedName,
        origins::{Grant, is_preflight, preflight_headers},
    },
    lab::Lab,
};

/// What a request's page may do.
pub fn grant(lab: &Lab, request: &impl HttpMessage) -> Grant {
    let extensions = request.extensions();
    let asked = extensions.get::<AskedName>();
    lab.doors
        .grant(request.headers(), asked, &lab.doors.socketio)
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
