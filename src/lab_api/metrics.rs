//! `GET /metrics`, for Prometheus.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use actix_web::{HttpResponse, body::SizedStream, web};

use super::no_store;
use crate::{
    clock,
    error::{Code, Refusal},
    lab::Lab,
    metrics::prometheus,
    protocol::socketio::engines::Engines,
    registry::LaneWorker,
};

/// How long a channel that nobody uses keeps its own series in `/metrics`; then its counts go on
/// in those of the channel `(other)`.
const SERIES_KEPT: Duration = Duration::from_secs(600);

pub async fn metrics(
    worker: web::Data<LaneWorker>,
    engines: web::Data<Engines>,
) -> Result<HttpResponse, Refusal> {
    let lab = &worker.lab;
    let text = lab
        .metrics_answers
        .next(Instant::now(), || metrics_text(lab, &engines))?;
    let text = text.ok_or_else(|| {
        Refusal::new(
            Code::TooManyReaders,
            "as many texts of /metrics as there may be wait for readers that do not read",
        )
    })?;
    let length = text.len() as u64;
    let mut response = no_store();
    response.insert_header(("content-type", "text/plain; version=0.0.4; charset=utf-8"));
    Ok(response.body(SizedStream::new(length, text.stream::<Infallible>())))
}

fn metrics_text(lab: &Lab, engines: &Engines) -> Result<Vec<u8>, Refusal> {
    lab.meters.forget_idle(SERIES_KEPT);
    let lanes = lab
        .addresses()
        .iter()
        .map(|address| (address.lane, lab.meters.lane(address.lane)))
        .collect();
    prometheus::encode(&prometheus::Figures {
        version: crate::VERSION,
        uptime_s: (clock::now_us() - lab.started_us) as f64 / 1e6,
        channels: lab.node.channels(),
        announcements_dropped: lab.node.announcements_dropped(),
        lanes,
        series: lab.meters.series(),
        socketio: engines.figures(),
        latencies: &lab.latencies,
    })
    .map_err(|error| Refusal::new(Code::Internal, error.to_string()))
}
