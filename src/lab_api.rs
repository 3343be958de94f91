//! The lab's own API, on the main lane: settings and addresses, live figures, predictions,
//! browsers' reports, sources, saved runs, experiments, Prometheus.

mod conditions;
mod main_lane;
mod predictions;
mod presenter;
mod reports;
mod sources;

pub mod apps;
pub mod experiments;
pub mod runs;
pub mod usage;
pub mod webhooks;

pub use main_lane::MainLane;
pub use reports::Reported;

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    fs,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, body::SizedStream, http::Method, web};
use serde::{Deserialize, Serialize};

use crate::{
    access::asked,
    clock,
    error::{Code, Refusal},
    lab::{Lab, LaneWorker},
    lane::{
        LaneId,
        meter::{SEGMENT_HEADER_BYTES, Series, Totals},
    },
    metrics::{
        latency::{LatencyFigures, WINDOW_US},
        prometheus::{self, by_layer},
    },
    transport::{self, wrong_method},
    wire::Layers,
};

/// How long a channel that nobody uses keeps its own series in `/metrics`; then its counts go on
/// in those of the channel `(other)`.
const SERIES_KEPT: Duration = Duration::from_secs(600);

pub fn configure(config: &mut web::ServiceConfig) {
    resources(config);
    presenter::configure(config);
}

fn resources(config: &mut web::ServiceConfig) {
    for (path, route, allowed) in [
        ("/api/lab", web::get().to(lab), &[Method::GET] as &[Method]),
        ("/api/stats", web::get().to(stats), &[Method::GET]),
        (
            "/api/predictions",
            web::get().to(predictions::handle),
            &[Method::GET],
        ),
        (
            "/api/reports",
            web::post().to(reports::report),
            &[Method::POST],
        ),
        ("/api/sources", web::get().to(sources::list), &[Method::GET]),
        ("/metrics", web::get().to(metrics), &[Method::GET]),
    ] {
        config.service(
            web::resource(path)
                .route(route)
                .default_service(wrong_method(allowed)),
        );
    }
    config.service(
        web::resource("/api/sources/{channel}")
            .route(web::put().to(sources::put))
            .route(web::delete().to(sources::stop))
            .default_service(wrong_method(&[Method::PUT, Method::DELETE])),
    );
    apps::configure(config);
    conditions::configure(config);
    usage::configure(config);
    runs::configure(config);
    experiments::configure(config);
    webhooks::configure(config);
}

/// A lane as pages see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaneView {
    pub lane: &'static str,
    pub transport: Option<&'static str>,
    pub protocol: Option<&'static str>,
    pub label: &'static str,
    pub url: String,
    pub port: u16,
}

/// The lanes, with addresses on the host name that `request`'s visitor used. Where all share one
/// port, that is the one which the visitor used, too: a proxy's, perhaps.
pub fn lanes_for(lab: &Lab, request: &HttpRequest) -> Vec<LaneView> {
    let (config, host) = (&lab.config, asked::host_of(request));
    let mut views = lane_views(lab, host.as_deref());
    let origin = asked::origin_of(request, config.scheme(), &config.trusted_proxies);
    if let (true, Some((scheme, authority))) = (config.single_port && host.is_some(), origin) {
        for view in &mut views {
            view.url = format!("{scheme}://{authority}");
        }
    }
    views
}

/// The lanes, with addresses on this host name, or where there is none those they listen at.
fn lane_views(lab: &Lab, host: Option<&str>) -> Vec<LaneView> {
    lab.addresses()
        .iter()
        .map(|address| {
            let transport = transport::ALL.iter().find(|t| t.lane == address.lane);
            LaneView {
                lane: address.lane.0,
                transport: transport.map(|t| t.name),
                protocol: transport.map(|t| t.protocol),
                label: transport.map_or("Main", |t| t.label),
                url: match host {
                    Some(host) => {
                        format!("{}://{host}:{}", lab.config.scheme(), address.port)
                    }
                    None => address.url.clone(),
                },
                port: address.port,
            }
        })
        .collect()
}

/// What every comparison in this lab has in common.
pub fn fairness(lab: &Lab) -> Vec<String> {
    vec![
        "Same payload bytes, same publications, same schedule, at the same time on every lane."
            .to_owned(),
        "Delays count from the instant the schedule intended, not from when publishing happened."
            .to_owned(),
        "No compression anywhere: neither of HTTP bodies nor of WebSocket messages.".to_owned(),
        format!(
            "HTTP/1.1 connections are kept alive for {}; TCP_NODELAY is on everywhere.",
            lab.config.keep_alive
        ),
        format!(
            "Idle streams and sockets get a heartbeat every {}.",
            lab.config.heartbeat
        ),
        "Every client continues from its position after an interruption (polls by cursor)."
            .to_owned(),
        format!(
            "One server process with {} worker threads; congestion control: {}.",
            lab.config.workers,
            host_facts().congestion_control
        ),
        format!(
            "pushlab {} ({}), {}, {}.",
            crate::VERSION,
            env!("PUSHLAB_GIT_REVISION"),
            env!("PUSHLAB_VERSIONS"),
            env!("PUSHLAB_RUSTC"),
        ),
    ]
}

#[derive(Debug, Clone, Serialize)]
pub struct HostFacts {
    os: String,
    kernel: String,
    cpus: usize,
    memory_bytes: u64,
    congestion_control: String,
}

/// Facts of this machine that a figure depends on.
pub fn host_facts() -> HostFacts {
    let unknown = || "unknown".to_owned();
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    HostFacts {
        os: sysinfo::System::long_os_version().unwrap_or_else(unknown),
        kernel: sysinfo::System::kernel_version().unwrap_or_else(unknown),
        cpus: std::thread::available_parallelism().map_or(0, usize::from),
        memory_bytes: system.total_memory(),
        congestion_control: fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control")
            .map_or_else(|_| unknown(), |text| text.trim().to_owned()),
    }
}

async fn lab(request: HttpRequest, worker: web::Data<LaneWorker>) -> HttpResponse {
    #[derive(Serialize)]
    struct LabView<'a> {
        version: &'a str,
        lanes: Vec<LaneView>,
        settings: serde_json::Value,
        fairness: Vec<String>,
        host: HostFacts,
        demo_app: Option<apps::DemoApp>,
    }
    let lab = &worker.lab;
    no_store().json(LabView {
        version: crate::VERSION,
        lanes: lanes_for(lab, &request),
        settings: lab.config.shown(),
        fairness: fairness(lab),
        host: host_facts(),
        demo_app: apps::DemoApp::of(lab),
    })
}

#[derive(Deserialize)]
struct StatsQuery {
    channel: Option<String>,
}

async fn stats(
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
    /// Application bytes, repeats, and 66 bytes of headers for each segment.
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

/// `tls` is beside the sum and not in it: the same bytes once more, encrypted.
fn layers(total: u64, layers: Layers, tls: u64) -> HashMap<&'static str, u64> {
    let mut named = HashMap::from(by_layer(total, layers));
    named.insert("total", total);
    named.insert("tls", tls);
    named
}

async fn metrics(worker: web::Data<LaneWorker>) -> Result<HttpResponse, Refusal> {
    let lab = &worker.lab;
    let text = lab
        .metrics_answers
        .next(Instant::now(), || metrics_text(lab))?;
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

fn metrics_text(lab: &Lab) -> Result<Vec<u8>, Refusal> {
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
        socketio: lab.socketio.figures(),
        latencies: &lab.latencies,
    })
    .map_err(|error| Refusal::new(Code::Internal, error.to_string()))
}

fn no_store() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header(("cache-control", "no-store"));
    response
}
