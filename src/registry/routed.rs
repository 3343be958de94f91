//! A request's route is found once and kept with the request.

use std::{ops::Deref, rc::Rc};

use actix_web::{HttpMessage, dev::ServiceRequest, web};

use super::{route::Route, worker::LaneWorker};
use crate::lane::meter::Labels;

/// The route of a request, which is stored with it.
#[derive(Clone)]
pub struct Routed(Rc<Route>);

impl Deref for Routed {
    type Target = Route;

    fn deref(&self) -> &Route {
        &self.0
    }
}

impl Routed {
    /// Stores it with a request.
    pub fn kept_with(route: Route, request: &impl HttpMessage) -> Self {
        let routed = Self(Rc::new(route));
        request.extensions_mut().insert(routed.clone());
        routed
    }
}

/// The path that routes are matched with, in which `%61` is an `a`. A decision by the path as it
/// was written could be for another handler than the one that answers.
pub fn routed_path(request: &ServiceRequest) -> &str {
    request.match_info().as_str()
}

/// The request's route: found by the first call, stored for later ones.
pub fn route_of(request: &ServiceRequest) -> Option<Routed> {
    if let Some(known) = request.extensions().get::<Routed>() {
        return Some(known.clone());
    }
    let worker = request.app_data::<web::Data<LaneWorker>>()?;
    let route = worker.find(routed_path(request), request.query_string());
    Some(Routed::kept_with(route, request))
}

/// The labels of a request, for its handler.
pub fn labels_kept_with(request: &impl HttpMessage) -> Option<Labels> {
    request.extensions().get::<Routed>()?.labels.clone()
}
