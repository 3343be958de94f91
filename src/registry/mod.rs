//! Endpoints, and which of them answers a request.
//!
//! ```text
//! request ──► Route: whose it is, and what it is metered under; found once, kept with the request
//!               ├─► meter          labels, where delays are recorded
//!               ├─► seat           whether it stays
//!               ├─► gate           whose pages are let in there
//!               └─► upgrade        who takes the connection over
//! ```
//! An [`Endpoint`] answers requests below a path and contains the state that it needs. Endpoints
//! with a [`Lane`] of their own are transports; others serve beside them (the plain HTTP API, the
//! Channels API, echoes for conformance suites). The server has the only list of endpoints and
//! hands it to every [`LaneWorker`]; nothing here knows an endpoint by name.
//!
//! May use: `clock`, `catalogue`, `channel`, `lane`, `metrics`, `error`, `access`, `lab`.

mod request;
mod route;
mod routed;
mod worker;

use std::sync::Arc;

use actix_codec::Framed;
use actix_web::web;
use futures_util::future::LocalBoxFuture;

pub use self::{
    request::{AskedForHead, OfConnection, ReadHere, is_head},
    route::Route,
    routed::{Routed, labels_kept_with, route_of, routed_path},
    worker::{LaneWorker, Written},
};
pub use crate::lane::meter::NO_CHANNEL;
use crate::{
    access::listed::Origins,
    catalogue::{Lane, LaneId},
    channel::{ChannelName, presence::Via},
    error::{Code, Refusal},
    lane::stream::LaneStream,
};

/// A request to upgrade, and the connection it came by with all that was read of it.
pub type Upgrade = (
    actix_http::Request,
    Framed<LaneStream, actix_http::h1::Codec>,
);

/// Takes over a connection that asks to be upgraded.
pub type TakeOver = Box<dyn FnOnce(Arc<LaneWorker>, Upgrade) -> LocalBoxFuture<'static, ()>>;

/// What answers below a path, and the state it needs.
pub trait Endpoint: Send + Sync {
    /// Its paths start with one of these; several endpoints may share a prefix. A transport's is its lane's.
    fn paths(&self) -> &[&'static str] {
        self.lane()
            .map_or(&[], |own| std::slice::from_ref(&own.path))
    }

    /// The lane that it has for itself, which makes it a transport.
    fn lane(&self) -> Option<&'static Lane> {
        None
    }

    /// Whether a lane serves it: the main lane serves everything but what needs a port of its own,
    /// another one its own transport.
    fn is_on(&self, lane: LaneId) -> bool {
        match self.lane() {
            Some(own) if own.needs_own_port => own.id == lane,
            Some(own) if own.id == lane => true,
            _ => lane == LaneId::MAIN,
        }
    }

    /// Transport and protocol that its requests on a lane are metered under.
    fn labelled(&self, _on: LaneId) -> Option<(&'static str, &'static str)> {
        self.lane().map(|own| (own.transport, own.protocol))
    }

    /// The channel under which a request is metered, from what follows the path and from the query;
    /// `None` if the request does not belong to this endpoint.
    fn metered_as(&self, _rest: &str, _query: &str) -> Option<Arc<str>> {
        None
    }

    /// Which pages may make a request whose path goes on like this.
    fn door(&self, _rest: &str, _is_upgrade: bool) -> Door<'_> {
        Door::CLIENTS
    }

    /// Whether it has a rule of its own for every method, `HEAD` included.
    fn answers_every_method(&self) -> bool {
        false
    }

    /// Registers routes, and what their handlers take as `web::Data`.
    fn configure(&self, lane: LaneId, config: &mut web::ServiceConfig);

    /// Registers routes outside of a lane's middlewares, which do the middlewares' work themselves.
    fn configure_apart(&self, _lane: LaneId, _config: &mut web::ServiceConfig) {}

    /// Takes over connections that ask to be upgraded at a path of its own.
    fn take_over(&self, _path: &str) -> Option<TakeOver> {
        None
    }
}

/// All of them, in the order in which they are asked.
pub type Endpoints = Arc<[Arc<dyn Endpoint>]>;

/// Which pages may make a request to a path.
#[derive(Debug, Clone, Copy)]
pub enum Door<'a> {
    /// Only the lab's own, for requests that change something.
    Lab,
    /// Pages whose origin the lab allows, or is among these.
    Clients(&'a Origins),
    /// The endpoint checks, and refuses in the form of its protocol.
    LooksItself,
}

impl Door<'static> {
    /// Pages that the lab allows.
    pub const CLIENTS: Self = {
        static NONE: Origins = Origins::none();
        Self::Clients(&NONE)
    };
}

/// What presence says of a client of a lane.
pub const fn via(lane: &Lane) -> Via {
    Via {
        transport: lane.transport,
        protocol: lane.protocol,
    }
}

/// [`Endpoint::metered_as`] where the channel's name follows the path.
pub fn named_channel(rest: &str) -> Option<Arc<str>> {
    Some(channel_in_path(rest).ok()?.as_str().into())
}

/// A channel's name from a path that is not decoded yet. Handlers get theirs decoded (`web::Path`)
/// and parse it as it is: decoding twice would make `%2541` an `A`.
pub fn channel_in_path(segment: &str) -> Result<ChannelName, Refusal> {
    let decoded = percent_encoding::percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| Refusal::new(Code::BadChannel, "the channel name is not UTF-8"))?;
    Ok(ChannelName::parse(&decoded)?)
}
