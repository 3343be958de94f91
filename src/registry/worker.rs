//! One worker's part of one lane.

use std::sync::Arc;

use super::{Door, Endpoint, Endpoints, TakeOver, route::Route};
use crate::{
    catalogue::{Fetching, LANES, Lane, LaneId},
    clock,
    lab::Lab,
    lane::meter::{Labels, OnWritten},
    metrics::latency::{LatencyKey, Recorder, Stage},
};

/// See the module.
pub struct LaneWorker {
    /// Which lane it serves.
    pub lane: LaneId,
    /// What is shared by all.
    pub lab: Arc<Lab>,
    endpoints: Endpoints,
    /// Where delays are recorded, for each of `endpoints` that is a transport and served here.
    written: Vec<Option<Written>>,
}

/// Where a transport's delays to the kernel are recorded, in two forms.
#[derive(Clone)]
pub struct Written {
    /// For transports that know when their bytes are out.
    pub recorder: Recorder,
    /// For the meter, which calls it when they are.
    pub on_written: OnWritten,
}

impl Written {
    fn of(own: &Lane, on: LaneId, lab: &Lab) -> Self {
        let recorder = lab.latencies.recorder(LatencyKey {
            lane: on,
            transport: own.transport,
            protocol: own.protocol,
            stage: Stage::Written,
        });
        let of_meter = recorder.clone();
        let on_written: OnWritten = Arc::new(move |published_us, written_us| {
            if let Some(delay_us) = clock::delay_us(published_us, written_us) {
                of_meter.record(delay_us, clock::now_us());
            }
        });
        Self {
            recorder,
            on_written,
        }
    }
}

impl LaneWorker {
    /// A worker of a lane, with all endpoints; those that the lane serves are chosen here.
    pub fn new(lane: LaneId, lab: Arc<Lab>, endpoints: Endpoints) -> Self {
        let served =
            |endpoint: &Arc<dyn Endpoint>| endpoint.lane().filter(|_| endpoint.is_on(lane));
        let written = endpoints
            .iter()
            .map(|endpoint| served(endpoint).map(|own| Written::of(own, lane, &lab)))
            .collect();
        Self {
            lane,
            lab,
            endpoints,
            written,
        }
    }

    /// What this lane serves.
    pub fn served(&self) -> impl Iterator<Item = &Arc<dyn Endpoint>> {
        self.endpoints
            .iter()
            .filter(|endpoint| endpoint.is_on(self.lane))
    }

    /// Where a transport's delays are recorded; `None` for one that this lane does not serve.
    pub fn written(&self, own: &Lane) -> Option<&Written> {
        let is_it = |endpoint: &Arc<dyn Endpoint>| endpoint.lane().is_some_and(|l| l.id == own.id);
        self.written[self.endpoints.iter().position(is_it)?].as_ref()
    }

    /// Which endpoint a request belongs to.
    pub fn find(&self, path: &str, query: &str) -> Route {
        Route::find(&self.endpoints, self.lane, path, query)
    }

    /// The endpoint to whose path a request belongs, whether this lane serves it or not.
    pub fn endpoint(&self, route: &Route) -> Option<&Arc<dyn Endpoint>> {
        self.endpoints.get(route.endpoint?)
    }

    /// Which pages may make a request to this path, which must be the one that the route was found
    /// by.
    pub fn door(&self, route: &Route, path: &str, is_upgrade: bool) -> Door<'_> {
        self.endpoint(route).map_or(Door::Lab, |endpoint| {
            endpoint.door(path.get(route.rest_from..).unwrap_or_default(), is_upgrade)
        })
    }

    /// Who takes over a connection that asks to be upgraded at this path.
    pub fn taker(&self, route: &Route, path: &str) -> Option<TakeOver> {
        let endpoint = self.endpoint(route).filter(|_| route.is_served)?;
        endpoint.take_over(path)
    }

    /// Whether a request keeps its connection for long: a stream or a poll of some transport.
    pub fn stays(&self, route: &Route) -> bool {
        let is_transport = |at: usize| self.written[at].is_some();
        route.labels.is_some() && route.endpoint.is_some_and(is_transport)
    }

    /// Whether a request stays and its client needs nothing else of its connection: a stream, or a poll of the
    /// plain transports. A poll of Channels or Socket.IO shares its connection with what the client says.
    pub fn stays_alone(&self, route: &Route) -> bool {
        let is_alone = |labels: &Labels| {
            let is_it = |lane: &&&Lane| {
                (lane.transport, lane.protocol) == (labels.transport, labels.protocol)
            };
            let lane = LANES.iter().find(is_it);
            labels.protocol == "plain" || lane.is_some_and(|lane| lane.fetching == Fetching::Stream)
        };
        self.stays(route) && route.labels.as_ref().is_some_and(is_alone)
    }

    /// Where delays to the kernel are told of what answers this request.
    pub fn on_written(&self, route: &Route) -> Option<OnWritten> {
        let written = self.written[route.labels.as_ref().and(route.endpoint)?].as_ref()?;
        Some(written.on_written.clone())
    }
}
