//! `GET /api/stats`: what the meters say now.

use std::collections::{BTreeMap, HashMap};

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::{MainLane, lanes::lane_views, no_store};
use crate::{
    clock,
    error::Refusal,
    lane::{
        LaneId,
        meter::{SEGMENT_HEADER_BYTES, Series, Totals},
    },
    metrics::{
        latency::{LatencyFigures, WINDOW_US},
        prometheus::{by_layer, envelope_parts},
    },
    registry::LaneWorker,
    wire::Layers,
};

#[derive(Deserialize)]
pub struct StatsQuery {
    channel: Option<String>,
}

pub async fn stats(
    query: web::Query<StatsQuery>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    #[derive(Serialize)]
    struct LaneStats {
        lane: LaneId,
        transport: Option<&'static str>,
        protocol: Option<&'static str>,
        connections_open: u64,
        connections_opened_total: u64,
    }
    #[derive(Serialize)]
    struct Stats {
        now_us: u64,
        uptime_us: u64,
        /// How often the machine's clock was set since the start.
        clock_steps: u64,
        /// Delays that would have crossed such a step.
        delays_withheld_total: u64,
        /// Delays that browsers reported and that were not counted, by reason.
        reports_refused: BTreeMap<&'static str, u64>,
        lanes: Vec<LaneStats>,
        series: Vec<SeriesView>,
        /// Of the last `latency_window_us` at most; `/metrics` has all since the start.
        latency: Vec<LatencyFigures>,
        latency_window_us: u64,
    }
    let lab = &worker.lab;
    let wanted = query.into_inner().channel.filter(|name| !name.is_empty());
    let lanes = lane_views(lab, None)
        .into_iter()
        .map(|view| {
            let sum = lab.meters.lane(LaneId(view.lane));
            LaneStats {
                lane: LaneId(view.lane),
                transport: view.transport,
                protocol: view.protocol,
                connections_open: sum.connections_open,
                connections_opened_total: sum.totals.connections_opened,
            }
        })
        .collect();
    let series = lab
        .meters
        .series()
        .iter()
        .filter(|series| {
            wanted
                .as_deref()
                .is_none_or(|w| w == &*series.labels.channel)
        })
        .map(SeriesView::of)
        .collect();
    Ok(no_store().json(Stats {
        now_us: clock::time_of_day_us(),
        uptime_us: clock::now_us() - lab.started_us,
        clock_steps: clock::steps(),
        delays_withheld_total: clock::withheld(),
        reports_refused: main.reported.refused(),
        lanes,
        series,
        latency: lab.latencies.figures(clock::now_us()),
        latency_window_us: WINDOW_US,
    }))
}

/// Counts under one combination of labels, as JSON.
#[derive(Debug, Serialize)]
struct SeriesView {
    #[serde(flatten)]
    labels: crate::lane::meter::Labels,
    connections_open: u64,
    connections_opened_total: u64,
    requests_total: u64,
    empty_answers_total: u64,
    publications_delivered_total: u64,
    publications_received_total: u64,
    drops_total: u64,
    writes_total: u64,
    up: HashMap<&'static str, u64>,
    down: HashMap<&'static str, u64>,
    tcp: TcpView,
}

#[derive(Debug, Serialize)]
struct TcpView {
    segments_up: u64,
    segments_down: u64,
    /// Application bytes, repeats, and 66 bytes of Ethernet, IP and TCP headers for each segment.
    wire_bytes_up: u64,
    wire_bytes_down: u64,
    source: &'static str,
}

impl SeriesView {
    fn of(series: &Series) -> Self {
        let totals: &Totals = &series.totals;
        let (carried_up, carried_down) = totals.carried();
        Self {
            labels: series.labels.clone(),
            connections_open: series.connections_open,
            connections_opened_total: totals.connections_opened,
            requests_total: totals.requests,
            empty_answers_total: totals.empty_answers,
            publications_delivered_total: totals.delivered,
            publications_received_total: totals.received,
            drops_total: totals.drops,
            writes_total: totals.writes,
            up: layers(totals.bytes_up, totals.layers_up(), totals.tls_up),
            down: layers(totals.bytes_down, totals.layers_down(), totals.tls_down),
            tcp: TcpView {
                segments_up: totals.segments_up,
                segments_down: totals.segments_down,
                wire_bytes_up: carried_up + totals.segments_up * SEGMENT_HEADER_BYTES,
                wire_bytes_down: carried_down
                    + totals.retransmitted_down
                    + totals.segments_down * SEGMENT_HEADER_BYTES,
                source: if series.segments_by_kernel {
                    "TCP_INFO"
                } else {
                    "model"
                },
            },
        }
    }
}

/// Beside the sum and not in it: `protocol` and `lab`, whose sum is `envelope`; `tls`, the same bytes
/// once more, encrypted; and `saved`, what compression took off. The layers are what messages were
/// before it, so that their sum is `before_compression`, and `total` what passed.
fn layers(total: u64, layers: Layers, tls: u64) -> HashMap<&'static str, u64> {
    let mut named = HashMap::from(by_layer(total, layers));
    named.extend(envelope_parts(layers));
    named.insert("total", total);
    named.insert("saved", layers.saved);
    named.insert("before_compression", total + layers.saved);
    named.insert("tls", tls);
    named
}
