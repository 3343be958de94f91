//! What registers an Engine.IO path with the lanes.

use std::sync::Arc;

use actix_web::{HttpRequest, web};

use super::{engine_path::EnginePath, engines::Engines, polling, websocket};
use crate::{
    catalogue::{Lane, LaneId, SOCKETIO_POLLING, SOCKETIO_WEBSOCKET},
    registry::{Door, Endpoint, LaneWorker, NO_CHANNEL, TakeOver, channel_in_path},
};

/// The endpoint of an Engine.IO path, for one transport: the main lane serves both, and the upgrade
/// between them.
pub struct EngineEndpoint {
    own: Option<&'static Lane>,
    /// Without its slash.
    path: [&'static str; 1],
    served: Arc<EnginePath>,
    engines: Arc<Engines>,
}

impl EngineEndpoint {
    /// Socket.IO over long polling alone.
    pub fn polling(engines: &Arc<Engines>) -> Self {
        Self::new(Some(&SOCKETIO_POLLING), &engines.socketio, engines)
    }

    /// Socket.IO over WebSocket from the first request.
    pub fn websocket(engines: &Arc<Engines>) -> Self {
        Self::new(Some(&SOCKETIO_WEBSOCKET), &engines.socketio, engines)
    }

    /// Plain Engine.IO that echoes, on the main lane; for conformance suites.
    pub fn echo(engines: &Arc<Engines>) -> Self {
        Self::new(None, &engines.echo, engines)
    }

    fn new(own: Option<&'static Lane>, served: &Arc<EnginePath>, engines: &Arc<Engines>) -> Self {
        Self {
            own,
            path: [served.path.trim_end_matches('/')],
            served: served.clone(),
            engines: engines.clone(),
        }
    }
}

impl Endpoint for EngineEndpoint {
    fn paths(&self) -> &[&'static str] {
        &self.path
    }

    fn lane(&self) -> Option<&'static Lane> {
        self.own
    }

    fn metered_as(&self, rest: &str, query: &str) -> Option<Arc<str>> {
        metered_as(self.own?.transport, rest, query)
    }

    /// Refused in the words of Engine.IO.
    fn door(&self, rest: &str, _is_upgrade: bool) -> Door<'_> {
        match rest {
            "" | "/" => Door::LooksItself,
            _ => Door::CLIENTS,
        }
    }

    fn answers_every_method(&self) -> bool {
        true
    }

    /// On the main lane both transports register the same; the first is used.
    fn configure(&self, _lane: LaneId, config: &mut web::ServiceConfig) {
        config.app_data(web::Data::from(self.engines.clone()));
        configure(self.served.clone(), config);
    }

    fn take_over(&self, path: &str) -> Option<TakeOver> {
        take_over(self.served.clone(), path)
    }
}

/// A request's transport and channel are in its query: a client of the lab names the channel that
/// its session is for in the option `query`, which goes with every request.
fn metered_as(transport: &str, rest: &str, query: &str) -> Option<Arc<str>> {
    let get = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    if !matches!(rest, "" | "/") || get("transport") != Some(transport) {
        return None;
    }
    let channel = get("channel").and_then(|channel| channel_in_path(channel).ok());
    Some(channel.map_or(NO_CHANNEL.into(), |channel| channel.as_str().into()))
}

fn configure(served: Arc<EnginePath>, config: &mut web::ServiceConfig) {
    let (with_slash, without) = (served.path, served.path.trim_end_matches('/'));
    let handle = move |request: HttpRequest, payload: web::Payload, lane: web::Data<LaneWorker>| {
        polling::handle(served.clone(), request, payload, lane)
    };
    config
        .route(with_slash, web::route().to(handle.clone()))
        .route(without, web::route().to(handle));
}

fn take_over(served: Arc<EnginePath>, path: &str) -> Option<TakeOver> {
    if !served.serves(path) {
        return None;
    }
    Some(Box::new(|lane: Arc<LaneWorker>, upgrade| {
        let recorder = lane.written(&SOCKETIO_WEBSOCKET);
        let recorder = recorder.map(|written| written.recorder.clone());
        Box::pin(async move { websocket::open(&served, lane, upgrade, recorder).await })
    }))
}
