//! What the parts of one running lab share, whatever they speak: it knows no transport and no
//! protocol.
//!
//! May use: `lane`, `metrics`, `node`, `access`, `config`.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
};

use actix_web::{HttpRequest, http::header::HeaderMap};
use tokio::sync::Semaphore;

use crate::{
    access::{
        address::{address_behind, client_address},
        origins::Doors,
        own_key::OwnKey,
        presenter::Presenter,
    },
    config::{Config, compress::Compress},
    lane::{LaneId, conditions::ConditionsByLane, meter::Meters},
    metrics::{answers::Answers, latency::Latencies, report_key::ReportKeys},
    node::Node,
};

/// A lane's address, once it listens.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LaneAddress {
    /// The lane.
    pub lane: LaneId,
    /// Its address as browsers on this machine reach it, without a slash at the end.
    pub url: String,
    /// The port that it got.
    #[serde(skip)]
    pub port: u16,
}

/// Shared by all workers.
pub struct Lab {
    /// Effective settings.
    pub config: Config,
    /// Under which names it answers, and whose pages are let in.
    pub doors: Doors,
    /// Channels, subscribers, history, presence.
    pub node: Arc<Node>,
    /// Counts of every connection.
    pub meters: Arc<Meters>,
    /// Network conditions of the lanes.
    pub conditions: ConditionsByLane,
    /// Histograms of delays.
    pub latencies: Latencies,
    /// Texts of `/metrics` that wait for their readers.
    pub metrics_answers: Answers,
    /// Keys with which pages report delays.
    pub report_keys: ReportKeys,
    /// Who may see secrets and change the lab for others.
    pub presenter: Presenter,
    /// Compressors that belong to one connection: a WebSocket's in context, a stream's over HTTP.
    pub compressors: Arc<Semaphore>,
    /// Of the stand-ins that this lab starts: only who shows it is a native client for a class.
    pub stand_ins_key: OwnKey,
    /// When the server started, µs of the time of day.
    pub started_us: u64,
    /// Written once, when every lane is bound.
    pub addresses: OnceLock<Vec<LaneAddress>>,
    /// Of a lab on one port: lanes on the loopback, which have conditions, for native clients of its own
    /// process. On no page, and in no list of lanes.
    pub lanes_inside: Vec<LaneAddress>,
}

impl Lab {
    /// What is compressed on a connection that asks for this, or for nothing.
    pub fn compress(&self, asked: Option<Compress>) -> Compress {
        asked.unwrap_or(self.config.compress)
    }

    /// Addresses of all lanes; empty until they listen.
    pub fn addresses(&self) -> &[LaneAddress] {
        self.addresses.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// Lanes whose conditions whoever uses the lab meets, in order: none where all share one port.
    pub fn lanes_with_conditions(&self) -> Vec<LaneId> {
        let lanes = self.conditions.lanes().map(|(lane, _)| lane);
        lanes.filter(|_| !self.config.single_port).collect()
    }

    /// The address of who asks, behind the proxies that are trusted.
    pub fn client_address(&self, request: &HttpRequest) -> Option<IpAddr> {
        client_address(request, &self.config.trusted_proxies)
    }

    /// As [`Self::client_address`], of an upgrade's parts.
    pub fn address_behind(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let trusted = &self.config.trusted_proxies;
        peer.map(|peer| address_behind(peer.ip(), headers, trusted))
    }
}
