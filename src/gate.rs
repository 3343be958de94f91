//! What stands before every handler and every upgrade: the names that a lab answers under, and
//! whose pages are let in ([`crate::access`]).
//!
//! ```text
//! request ──► Host ──► Origin ──► preflight? ──► handler
//!              421       403         204
//! ```
//! Decided by the path that leads to the handler ([`routed_path`]), not by the way it was written, and
//! by what stands there: each endpoint says whose pages it is for ([`Door`]). `/healthz` is answered
//! under any name. The lab's own API is changed by its own pages only, port included.
//!
//! May use: `error`, `access`, `registry`, `lab_api`.

use actix_http::Request;
use actix_web::{
    HttpMessage, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::Next,
    web,
};

use crate::{
    access::{
        self,
        listed::Origins,
        origins::{Grant, is_preflight, preflight_headers},
    },
    error::{Refusal, page::not_answered_here},
    lab_api::MainLane,
    registry::{Door, LaneWorker, Route, route_of, routed_path},
};

static NOBODY_ELSE: Origins = Origins::none();

/// Where browsers report delays: what foreign pages send there is counted among the refused.
const REPORTS: &str = "/api/reports";

/// Refuses an upgrade under a foreign name or for a foreign page.
pub fn check_upgrade(worker: &LaneWorker, route: &Route, request: &Request) -> Result<(), Refusal> {
    let (doors, headers) = (&worker.lab.doors, request.headers());
    let peer = request.peer_addr().map(|peer| peer.ip());
    let asked = doors.enter(request.uri(), headers, peer)?;
    match worker.door(route, request.path(), true) {
        Door::LooksItself => {}
        Door::Lab => doors.grant(headers, asked.as_ref(), &NOBODY_ELSE).check()?,
        Door::Clients(also) => doors.grant(headers, asked.as_ref(), also).check()?,
    }
    if let Some(asked) = asked {
        request.extensions_mut().insert(asked);
    }
    Ok(())
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
    let Some(route) = route_of(&request) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if path == "/healthz" {
        let mut response = next.call(request).await?.map_into_boxed_body();
        Grant::NoPage.apply(response.headers_mut(), false);
        return Ok(response);
    }
    let peer = request.peer_addr().map(|peer| peer.ip());
    let asked = match lab.doors.enter(request.uri(), request.headers(), peer) {
        Ok(asked) => asked,
        Err(refusal) => {
            let answer = not_answered_here(&refusal, request.headers());
            return Ok(request.into_response(answer).map_into_boxed_body());
        }
    };
    if let Some(asked) = &asked {
        request.extensions_mut().insert(asked.clone());
    }
    let (for_clients, also) = match worker.door(&route, path, false) {
        Door::LooksItself => return Ok(next.call(request).await?.map_into_boxed_body()),
        Door::Lab => (false, &NOBODY_ELSE),
        Door::Clients(also) => (true, also),
    };
    let grant = lab.doors.grant(request.headers(), asked.as_ref(), also);
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
        let answer = not_answered_here(&refusal, request.headers());
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
