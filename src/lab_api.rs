//! The lab's own API, on the main lane: settings and addresses, live figures, predictions,
//! browsers' reports, sources, saved runs, experiments, Prometheus.

mod conditions;
mod main_lane;
mod predictions;
mod presenter;
mod reports;

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
    net::IpAddr,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, body::SizedStream, http::Method, web};
use serde::{Deserialize, Serialize};

use crate::{
    access::asked,
    channel::ChannelName,
    clock,
    demo::sources::{By, SourceError, SourceSettings},
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
    transport::{self, http_api, wrong_method},
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
        ("/api/sources", web::get().to(sources), &[Method::GET]),
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
            .route(web::put().to(put_source))
            .route(web::delete().to(stop_source))
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

async fn sources(main: web::Data<MainLane>) -> HttpResponse {
    #[derive(Serialize)]
    struct Sources {
        sources: Vec<crate::demo::sources::SourceState>,
    }
    no_store().json(Sources {
        sources: main.sources.list(),
    })
}

async fn put_source(
    request: HttpRequest,
    channel: web::Path<String>,
    payload: web::Payload,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let asks = who_asks(&request, &worker.lab)?;
    let is_own = asks.is_for(&channel, true)?;
    let body = http_api::body(&request, payload, worker.lab.config.body_max_bytes).await?;
    let settings: SourceSettings = http_api::read_json(&body).map_err(|error| {
        Refusal::new(Code::BadJson, format!("no source: {error}")).with_hint(
            "Send {\"kind\":\"compare\",\"rate_per_s\":4,\"size_bytes\":100}; kind is compare or \
                 market, and GET /api/sources lists what runs.",
        )
    })?;
    // Stopping the old source waits for its thread.
    let started = web::block(move || main.sources.put(channel, settings, asks.by())).await;
    let mut started = started
        .map_err(|error| Refusal::new(Code::Internal, error.to_string()))?
        .map_err(refuse_source)?;
    // What others watch is theirs, too, who started it.
    started.key = started.key.filter(|_| is_own);
    Ok(no_store().json(started))
}

/// Carries the key that starting a source has answered.
const SOURCE_KEY: &str = "x-source-key";

/// Who wants to start or stop a source.
enum Asks {
    Presenter,
    Visitor {
        /// That they show.
        key: Option<String>,
        address: Option<IpAddr>,
        /// How the presenter's part is refused.
        refused: Refusal,
    },
}

fn who_asks(request: &HttpRequest, lab: &Lab) -> Result<Asks, Refusal> {
    match lab.presenter.require(request) {
        Ok(()) => Ok(Asks::Presenter),
        Err(refused) if refused.code == Code::PresenterOnly => {
            let key = request.headers().get(SOURCE_KEY);
            let key = key.and_then(|key| key.to_str().ok()).map(str::to_owned);
            Ok(Asks::Visitor {
                key,
                address: lab.client_address(request),
                refused,
            })
        }
        Err(refused) => Err(refused),
    }
}

impl Asks {
    /// Refuses a visitor on a channel that is not for visitors' sources: they may start one on a
    /// channel of their own, which a page names at random, and the dashboard's market where there
    /// is none. Whether it is one's own from then on.
    fn is_for(&self, channel: &ChannelName, starts: bool) -> Result<bool, Refusal> {
        let Self::Visitor { refused, .. } = self else {
            return Ok(true);
        };
        let name = channel.as_str();
        let is_own = VISITORS_CHANNELS.iter().any(|own| name.starts_with(own));
        match is_own || starts && name == MARKET_CHANNEL {
            true => Ok(is_own),
            false => Err(refused.clone()),
        }
    }

    fn by(&self) -> By<'_> {
        match self {
            Self::Presenter => By::Presenter,
            Self::Visitor { key, address, .. } => By::Visitor {
                key: key.as_deref(),
                address: *address,
            },
        }
    }
}

fn refuse_source(error: SourceError) -> Refusal {
    let message = error.to_string();
    match error {
        SourceError::TooMany(_) => Refusal::new(Code::TooManySources, message),
        SourceError::TooManyOfAddress(_) => Refusal::new(Code::TooManyFromAddress, message)
            .with_hint("Stop one of yours: DELETE /api/sources/{channel} with X-Source-Key."),
        SourceError::Node(error) => error.into(),
        SourceError::NotYours(_) => Refusal::new(Code::PresenterOnly, message).with_hint(
            "Send X-Source-Key with the key that PUT answered to whoever started it, or choose a \
             channel of your own; the presenter may stop any, with the address that the lab printed \
             in its terminal.",
        ),
        _ => Refusal::new(Code::BadRange, message),
    }
}

/// How the names of channels begin that a page takes for itself alone: compare, and E22.
const VISITORS_CHANNELS: [&str; 2] = ["compare-", "e22-"];
/// What every dashboard shows.
const MARKET_CHANNEL: &str = "cache-dashboard-market";

async fn stop_source(
    request: HttpRequest,
    channel: web::Path<String>,
    worker: web::Data<LaneWorker>,
    main: web::Data<MainLane>,
) -> Result<HttpResponse, Refusal> {
    let channel = ChannelName::parse(&channel)?;
    let asks = who_asks(&request, &worker.lab)?;
    asks.is_for(&channel, false)?;
    let name = channel.clone();
    let stopped = web::block(move || main.sources.stop(&name, asks.by()))
        .await
        .map_err(|error| Refusal::new(Code::Internal, error.to_string()))?
        .map_err(refuse_source)?;
    if stopped {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Refusal::new(
            Code::UnknownSource,
            format!("no source runs on {channel}"),
        ))
    }
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
