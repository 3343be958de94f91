//! What the parts of one running lab share, and what each worker keeps to itself.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
};

use actix_web::{HttpMessage, HttpRequest, dev::ServiceRequest, http::header::HeaderMap};

use crate::{
    access::{
        address::{address_behind, client_address},
        origins::Doors,
        presenter::Presenter,
    },
    clock,
    config::Config,
    lane::{
        LaneId,
        conditions::Board,
        meter::{ConnectionMeter, Labels, Meters, OnWritten},
    },
    metrics::{
        answers::Answers,
        latency::{Latencies, LatencyKey, Recorder, Stage},
        report_key::ReportKeys,
    },
    node::Node,
    protocol::pusher::app::Apps,
    protocol::socketio::Engines,
    transport::{self, Transport},
};

/// A lane's address, once it listens.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LaneAddress {
    pub lane: LaneId,
    pub url: String,
    #[serde(skip)]
    pub port: u16,
}

/// Shared by all workers.
pub struct Lab {
    pub config: Config,
    /// Under which names it answers, and whose pages are let in.
    pub doors: Doors,
    pub node: Arc<Node>,
    pub meters: Arc<Meters>,
    /// Network conditions of the lanes.
    pub conditions: Board,
    pub latencies: Latencies,
    /// Texts of `/metrics` that wait for their readers.
    pub metrics_answers: Answers,
    /// Applications of Pusher Channels.
    pub apps: Arc<Apps>,
    pub socketio: Engines,
    pub report_keys: ReportKeys,
    /// Who may see secrets and change the lab for others.
    pub presenter: Presenter,
    pub started_us: u64,
    /// Written once, when every lane is bound.
    pub addresses: OnceLock<Vec<LaneAddress>>,
}

impl Lab {
    pub fn addresses(&self) -> &[LaneAddress] {
        self.addresses.get().map(Vec::as_slice).unwrap_or_default()
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

/// One worker's part of one lane.
pub struct LaneWorker {
    pub lane: LaneId,
    pub lab: Arc<Lab>,
    /// What calls of the Channels HTTP API are metered under.
    pub api_labels: Arc<Labels>,
    /// By transport and protocol: several protocols travel by one transport.
    written: HashMap<(&'static str, &'static str), Written>,
}

/// Where a transport's delays to the kernel are recorded, in the two forms that are needed.
#[derive(Clone)]
pub struct Written {
    pub recorder: Recorder,
    pub on_written: OnWritten,
}

impl LaneWorker {
    pub fn new(lane: LaneId, lab: Arc<Lab>) -> Self {
        let written = transport::on_lane(lane)
            .map(|transport| {
                let recorder = lab.latencies.recorder(LatencyKey {
                    lane,
                    transport: transport.name,
                    protocol: transport.protocol,
                    stage: Stage::Written,
                });
                let of_meter = recorder.clone();
                let on_written: OnWritten = Arc::new(move |published_us, written_us| {
                    if let Some(delay_us) = clock::delay_us(published_us, written_us) {
                        of_meter.record(delay_us, clock::now_us());
                    }
                });
                let written = Written {
                    recorder,
                    on_written,
                };
                ((transport.name, transport.protocol), written)
            })
            .collect();
        Self {
            lane,
            lab,
            api_labels: Arc::new(transport::api_labels(lane)),
            written,
        }
    }

    /// `None` for a transport that this lane does not serve.
    pub fn written(&self, transport: &Transport) -> Option<&Written> {
        self.written.get(&(transport.name, transport.protocol))
    }
}

/// The meter of the connection that a request came by.
pub trait OfConnection {
    fn meter(&self) -> Option<&Arc<ConnectionMeter>>;
}

impl OfConnection for HttpRequest {
    /// `None` for `HEAD`, too: what its answer leaves out is not counted.
    fn meter(&self) -> Option<&Arc<ConnectionMeter>> {
        self.conn_data().filter(|_| !is_head(self))
    }
}

/// Marks a request that is routed as `GET` and was `HEAD`: nothing of the answer's body is sent.
pub struct AskedForHead;

/// Whether only the answer's head is asked for.
pub fn is_head(request: &HttpRequest) -> bool {
    request.extensions().get::<AskedForHead>().is_some()
}

impl OfConnection for ServiceRequest {
    fn meter(&self) -> Option<&Arc<ConnectionMeter>> {
        self.conn_data()
    }
}
