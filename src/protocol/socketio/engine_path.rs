//! A path that Engine.IO sessions are served at: by which transports, and what a session begins
//! with.

use std::sync::Arc;

use actix_web::HttpMessage;

use super::{
    link::{Engine, Request},
    request::{Enabled, Query},
};
use crate::{
    catalogue::{LaneId, SOCKETIO_POLLING, SOCKETIO_WEBSOCKET},
    registry::{LaneWorker, labels_kept_with},
};

/// A path that Engine.IO sessions are served at, and its server.
pub struct EnginePath {
    /// With its slash; served without it as well.
    pub path: &'static str,
    /// The sessions there.
    pub engine: Arc<Engine>,
}

impl EnginePath {
    /// Which transports a lane serves here: the main lane both, a transport's own lane that one.
    pub fn enabled_on(&self, lane: LaneId) -> Enabled {
        Enabled {
            polling: lane != SOCKETIO_WEBSOCKET.id,
            websocket: lane != SOCKETIO_POLLING.id,
        }
    }

    /// Whether a path is this one.
    pub fn serves(&self, path: &str) -> bool {
        path.strip_suffix('/').unwrap_or(path) == self.path.trim_end_matches('/')
    }

    /// What a session on this lane begins with.
    pub fn began(&self, lane: &LaneWorker, request: &impl HttpMessage, query: &str) -> Request {
        Request {
            address: None,
            peer: None,
            query: query.to_owned(),
            binary_as_text: Query::parse(query).binary_as_text,
            may_upgrade: self.enabled_on(lane.lane).websocket,
            labels: labels_kept_with(request).map(Arc::new),
            meters: lane.lab.meters.clone(),
        }
    }
}
