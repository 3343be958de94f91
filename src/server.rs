//! Building, running and stopping the server.
//!
//! `build` binds every lane (so port 0 works) → `addresses` → `run_until_stopped`. The order of a
//! stop: sources end; every subscriber is told and closes within the grace; then the listeners
//! close and idle connections are dropped.

mod admission;
mod as_written;
mod memory;

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs},
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_http::{ConnectionType, HttpService, body::MessageBody, error::DispatchError};
use actix_server::{GracefulShutdownSignal, ServerBuilder};
use actix_service::{ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{
    App, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::{BodySize, BoxBody},
    dev::{AppConfig, ServiceRequest, ServiceResponse},
    http::{Method, StatusCode},
    middleware::{Condition, Next, from_fn},
    web,
};
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::TcpStream, runtime::Handle};
use tracing_actix_web::TracingLogger;

use crate::{
    access::{hosts::Hosts, origins::Doors, presenter::Presenter},
    assets, clock,
    config::{self, Config},
    demo::{host, sources::Sources},
    error::{Code, Refusal},
    gate,
    jobs::Jobs,
    lab::{AskedForHead, Lab, LaneAddress, LaneWorker, OfConnection},
    lab_api::{self, MainLane, Reported},
    lane::{
        LaneId,
        conditions::Board,
        files,
        meter::Meters,
        seats::{Room, Seat, Seats},
        stream::LaneStream,
    },
    metrics::latency::Latencies,
    node::Node,
    pages,
    protocol::pusher::{self, app::Apps, console::Console, demo_keys::DemoKeys, plan},
    protocol::socketio::{self, ENGINE_ECHO, Engines},
    saved::folder::Folder,
    telemetry::{self, RequestSpan},
    tls::{self, Identity, TlsError},
    transport::{
        self, Attributed, Upgrade, body, http_api,
        websocket::{echo, handshake},
    },
    wire::Layers,
};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4_096;

/// What a stop may take beyond the grace: the last words to the workers.
const STOP_MARGIN: Duration = Duration::from_millis(300);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "the host {host:?} is no address of this machine: choose another with --host, 0.0.0.0 for \
         all of them"
    )]
    BadHost { host: String, source: io::Error },
    #[error(
        "cannot listen on {address} (lane {lane}): choose another port with --port, or --port 0 \
         to let the system choose"
    )]
    CannotListen {
        address: SocketAddr,
        lane: LaneId,
        source: io::Error,
    },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the server cannot be started")]
    Server(#[source] io::Error),
}

/// A server whose lanes are bound.
pub struct Server {
    lab: Arc<Lab>,
    main: web::Data<MainLane>,
    lanes: Vec<(LaneId, TcpListener)>,
    tls: Option<Identity>,
    files: u64,
    seats: Arc<Seats>,
}

impl Server {
    /// Binds every lane. Must be called inside a runtime: the node's housekeeping starts here.
    pub fn build(config: Config) -> Result<Self, StartError> {
        let tls = tls::identity(&config)?;
        let files = files::raise_limit();
        let connections = config.max_connections.saturating_mul(config.workers);
        let per_address = config.max_connections_per_address;
        let room = Room::within(files, config.workers, connections, per_address);
        if room.all < connections.min(1_000) {
            tracing::warn!(
                files,
                connections = room.all,
                "the limit of open files is low: raise it with ulimit -n"
            );
        }
        let lanes = bind_lanes(&config)?;
        let addresses = addresses(&config, &lanes);
        let (node, housekeeping) = Node::new(config.node_limits());
        tokio::spawn(housekeeping);
        let runtime = Handle::current();
        host::spawn(&node, runtime.clone());
        let data = config::data_folder(&config.data_dir);
        let apps = Arc::new(Apps::with_demo(
            &config.apps,
            config.sandbox_plan.then_some(&plan::SANDBOX),
            || DemoKeys::of(&data),
        ));
        node.watched_by(apps.clone());
        for app in apps.all() {
            app.observed_by(vec![Arc::new(Console)]);
        }
        let main_url = addresses
            .iter()
            .find(|address| address.lane == LaneId::MAIN);
        pusher::start(&apps, &node, main_url.map_or("", |main| &main.url));
        let latencies = Latencies::default();
        let token = config.presenter_token().unwrap_or_else(|error| {
            tracing::warn!(
                "the presenter's token cannot be kept in the data folder ({error}): it is new at \
                 every start; choose another folder with --data-dir"
            );
            Some(config::presenter::make())
        });
        let presenter = Presenter::new(token, config.is_tls());
        let meters = Arc::<Meters>::default();
        // The main lane stays as it is: conditions are set by it.
        let own = lanes.iter().map(|(lane, _)| *lane);
        let conditions = Board::new(own.filter(|lane| *lane != LaneId::MAIN), meters.clone());
        let main = web::Data::new(MainLane {
            saved: Folder::of(&data),
            jobs: Jobs::new(data),
            sources: Sources::new(node.clone(), runtime, config.source_linger.0),
            reported: Reported::new(&latencies),
        });
        let lab = Arc::new(Lab {
            presenter,
            report_keys: Default::default(),
            latencies,
            metrics_answers: Default::default(),
            socketio: Engines::new(&config, &node),
            node,
            apps,
            meters,
            conditions,
            started_us: clock::now_us(),
            addresses: OnceLock::from(addresses),
            doors: doors(&config),
            config,
        });
        Ok(Self {
            lab,
            main,
            lanes,
            tls,
            files,
            seats: Seats::new(room),
        })
    }

    /// Where each lane listens.
    pub fn addresses(&self) -> &[LaneAddress] {
        self.lab.addresses()
    }

    /// The main lane's addresses for other machines, such as phones: one for each of this machine's
    /// interfaces where it listens on all of them, the one it was told where that is no loopback.
    pub fn addresses_from_elsewhere(&self) -> Vec<(IpAddr, String)> {
        let main = self.lanes.iter().find(|(lane, _)| *lane == LaneId::MAIN);
        let Some(bound) = main.and_then(|(_, listener)| listener.local_addr().ok()) else {
            return Vec::new();
        };
        let scheme = self.lab.config.scheme();
        let mut found = match bound.ip() {
            ip if ip.is_unspecified() => of_interfaces(ip.is_ipv6()),
            ip => vec![ip],
        };
        found.retain(|ip| !ip.is_loopback());
        let url = |ip| format!("{scheme}://{}", SocketAddr::new(ip, bound.port()));
        found.into_iter().map(|ip| (ip, url(ip))).collect()
    }

    /// SHA-256 of the certificate, if there is one.
    pub fn tls_fingerprint(&self) -> Option<&str> {
        self.tls.as_ref().map(|tls| tls.fingerprint.as_str())
    }

    /// Files that this process may have open, and the connections that they are enough for.
    pub fn room(&self) -> (u64, Room) {
        (self.files, self.seats.room())
    }

    pub fn lab(&self) -> &Arc<Lab> {
        &self.lab
    }

    /// Serves until `stop` resolves, then ends every connection within the grace.
    pub async fn run_until_stopped(self, stop: impl Future<Output = ()>) -> Result<(), StartError> {
        let config = &self.lab.config;
        let grace = config.shutdown_grace.0;
        let mut builder = ServerBuilder::new()
            .workers(config.workers)
            // Who is too many is told so, and does not wait to be accepted: see `admission`.
            .max_concurrent_connections(self.seats.room().accepted_per_worker)
            .shutdown_timeout(grace.as_secs().max(1))
            .disable_signals();
        for (lane, listener) in self.lanes {
            let lab = self.lab.clone();
            let stopping = builder.graceful_shutdown_signal();
            let tls = self.tls.as_ref().map(|tls| tls.config.clone());
            let seats = self.seats.clone();
            let main = (lane == LaneId::MAIN).then(|| self.main.clone());
            builder = builder
                .listen(lane.0, listener, move || {
                    let (seats, main) = (seats.clone(), main.clone());
                    lane_service(
                        lane,
                        lab.clone(),
                        main,
                        seats,
                        tls.clone(),
                        stopping.clone(),
                    )
                })
                .map_err(StartError::Server)?;
        }
        let giving_back = tokio::spawn(memory::give_back(self.seats, self.lab.clone()));
        let server = builder.run();
        let handle = server.handle();
        let stop = async {
            stop.await;
            giving_back.abort();
        };
        let mut server = std::pin::pin!(server);
        tokio::select! {
            ended = &mut server => return ended.map_err(StartError::Server),
            () = stop => {}
        }
        tracing::info!("stopping: ending every request and stream within {grace:?}");
        let main = self.main.clone();
        let ended = tokio::task::spawn_blocking(move || {
            main.sources.stop_all();
            main.jobs.stop();
        });
        let _ = ended.await;
        let deadline = tokio::time::Instant::now() + grace;
        let closing = async {
            let left = self.lab.node.shut_down(grace).await;
            if left > 0 {
                tracing::warn!("{left} connections did not close in time");
            }
            handle.stop(true).await;
        };
        // The server counts its own grace from when the streams are closed: both share ours.
        let ended = tokio::time::timeout_at(deadline + STOP_MARGIN, async {
            tokio::join!(&mut server, closing).0
        });
        match ended.await {
            Ok(ended) => ended.map_err(StartError::Server),
            Err(_) => {
                tracing::warn!("some requests did not end in time");
                Ok(())
            }
        }
    }
}

/// Who is let in, on a machine of this name and these addresses.
fn doors(config: &Config) -> Doors {
    let machine = sysinfo::System::host_name();
    let networks = sysinfo::Networks::new_with_refreshed_list();
    let networks = networks.values().flat_map(|network| network.ip_networks());
    let addresses = networks.map(|network| network.addr.to_canonical());
    Doors {
        hosts: Hosts::new(
            config.hosts.clone(),
            machine.as_deref(),
            &config.host,
            addresses,
        ),
        origins: config.origins.clone(),
        socketio: config.socketio_origins.clone(),
        trusted: config.trusted_proxies.clone(),
    }
}

/// Binds the main lane, and the others unless there is to be one port only.
fn bind_lanes(config: &Config) -> Result<Vec<(LaneId, TcpListener)>, StartError> {
    let own = transport::ALL.iter().map(|transport| transport.lane);
    let lanes = std::iter::once(LaneId::MAIN).chain(own.filter(|_| !config.single_port));
    lanes
        .zip(0..)
        .map(|(lane, index)| {
            let port = match config.port {
                0 => 0,
                first => first + index,
            };
            let address = resolve(&config.host, port)?;
            let listener = listen(address).map_err(|source| match source.kind() {
                // No other port will do.
                io::ErrorKind::AddrNotAvailable => StartError::BadHost {
                    host: config.host.clone(),
                    source,
                },
                _ => StartError::CannotListen {
                    address,
                    lane,
                    source,
                },
            })?;
            Ok((lane, listener))
        })
        .collect()
}

fn resolve(host: &str, port: u16) -> Result<SocketAddr, StartError> {
    let bad_host = |source| StartError::BadHost {
        host: host.to_owned(),
        source,
    };
    let mut found = (host, port).to_socket_addrs().map_err(bad_host)?;
    found
        .next()
        .ok_or_else(|| bad_host(io::Error::from(io::ErrorKind::AddrNotAvailable)))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Addresses of this machine that a browser elsewhere can use, those of IPv4 first. Those that hold
/// only on one link need its name in the address, which browsers do not take (RFC 6874).
fn of_interfaces(with_ipv6: bool) -> Vec<IpAddr> {
    let networks = sysinfo::Networks::new_with_refreshed_list();
    let all = networks.values().flat_map(|network| network.ip_networks());
    let mut found: Vec<IpAddr> = all
        .map(|network| network.addr)
        .filter(|ip| match ip {
            IpAddr::V4(ip) => !ip.is_link_local(),
            IpAddr::V6(ip) => with_ipv6 && !ip.is_unicast_link_local(),
        })
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// One address for each lane; with one port, all are the main lane's.
fn addresses(config: &Config, lanes: &[(LaneId, TcpListener)]) -> Vec<LaneAddress> {
    let host = match config.host.as_str() {
        "0.0.0.0" | "::" => "127.0.0.1".to_owned(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    let port_of = |wanted: LaneId| {
        let lane = lanes.iter().find(|(lane, _)| *lane == wanted);
        let (_, listener) = lane.or(lanes.first())?;
        listener.local_addr().ok().map(|address| address.port())
    };
    let all = std::iter::once(LaneId::MAIN).chain(transport::ALL.iter().map(|t| t.lane));
    all.filter_map(|lane| {
        let port = port_of(lane)?;
        Some(LaneAddress {
            lane,
            url: format!("{}://{host}:{port}", config.scheme()),
            port,
        })
    })
    .collect()
}

/// What one worker runs for one lane: wrap the accepted stream, TLS if there is to be any, then
/// HTTP/1.1, then the app, or whoever takes over an upgrade.
fn lane_service(
    lane: LaneId,
    lab: Arc<Lab>,
    main: Option<web::Data<MainLane>>,
    seats: Arc<Seats>,
    tls: Option<Arc<ServerConfig>>,
    stopping: GracefulShutdownSignal,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
{
    let options = lab.config.tcp_options();
    let keep_alive = lab.config.keep_alive.0;
    let request_timeout = lab.config.request_timeout.0;
    let meters = lab.meters.clone();
    let conditions = lab.conditions.of(lane);
    let trusted = lab.config.trusted_proxies.clone();
    let worker = Arc::new(LaneWorker::new(lane, lab));
    let upgrading = worker.clone();
    let http = HttpService::build()
        .keep_alive(keep_alive)
        .client_request_timeout(request_timeout)
        .client_disconnect_timeout(Duration::from_secs(1))
        // A client's FIN ends what it waits for: a held poll, an idle stream.
        .h1_allow_half_closed(false)
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .on_connect_ext(|io: &LaneStream, data| {
            data.insert(io.meter().clone());
            if let Some(seat) = io.seat() {
                data.insert(seat.clone());
            }
        })
        .upgrade(fn_service(move |upgrade: Upgrade| {
            take_over(upgrading.clone(), upgrade)
        }))
        .h1(map_config(app(worker, main), |_| AppConfig::default()));
    fn_service(move |io: TcpStream| {
        let peer = io.peer_addr().ok();
        let tls = tls.clone();
        let counted = admission::counted(peer.map(|peer| peer.ip()), &trusted);
        let stream = match seats.take(lane != LaneId::MAIN, counted) {
            Ok(seat) => {
                let stream = LaneStream::new(io, meters.open(lane), options, conditions.clone());
                let stream = stream.with_last_words(admission::last_words);
                Some(stream.seated(seat))
            }
            Err(full) => {
                admission::turn_away(io, full, &seats, lane, options, tls.clone());
                None
            }
        };
        async move {
            let stream = stream.ok_or(DispatchError::DisconnectTimeout)?;
            match tls {
                None => Ok((stream, peer)),
                Some(config) => {
                    let seat = stream.seat().cloned();
                    let handshake = tokio::time::timeout(request_timeout, secure(stream, config));
                    let stream = tokio::select! {
                        stream = handshake => stream.ok(),
                        () = given_up(seat.as_deref()) => None,
                    };
                    let stream = stream.ok_or(DispatchError::DisconnectTimeout)?;
                    Ok((stream.map_err(DispatchError::Io)?, peer))
                }
            }
        }
    })
    .and_then(http)
}

/// Waits until the seat is somebody else's.
async fn given_up(seat: Option<&Seat>) {
    let Some(seat) = seat else {
        return std::future::pending().await;
    };
    std::future::poll_fn(|context| match seat.is_given_up(context) {
        true => std::task::Poll::Ready(()),
        false => std::task::Poll::Pending,
    })
    .await;
}

/// Does the handshake of TLS. Who speaks plain HTTP is told, in plain HTTP, what to do instead.
async fn secure(stream: LaneStream, config: Arc<ServerConfig>) -> io::Result<LaneStream> {
    if stream.begins_with_handshake().await? {
        return stream.secure(config).await;
    }
    let answer = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
                  Content-Length: 55\r\n\r\n\
                  This port speaks TLS: ask again with https:// or wss://";
    handshake::answer_and_end(&stream, answer.as_bytes()).await;
    Err(io::ErrorKind::InvalidData.into())
}

/// A request asks to upgrade: finds who serves its path on this lane.
async fn take_over(worker: Arc<LaneWorker>, upgrade: Upgrade) -> Result<(), actix_web::Error> {
    let request = &upgrade.0;
    let path = request.path().to_owned();
    let query = request.uri().query().unwrap_or_default();
    let meter = upgrade.1.io_ref().meter();
    let labels = transport::labels_of(worker.lane, &path, query);
    meter.begin_request(labels, transport::on_written(&worker, &path, query));
    let trusted = &worker.lab.config.trusted_proxies;
    let headers = &request.head().headers;
    let checked = gate::check_upgrade(&worker.lab, request).and_then(|()| {
        let seat = upgrade.1.io_ref().seat();
        if let Some(seat) = seat {
            seat.request_begins();
        }
        admission::hold(seat, request.peer_addr(), headers, trusted)
    });
    if let Err(refusal) = checked {
        handshake::refuse(upgrade.1.into_parts().io, refusal).await;
        return Ok(());
    }
    if worker.lab.config.echo && path == echo::PATH {
        actix_rt::spawn(echo::open(worker, upgrade));
        return Ok(());
    }
    if echoes_engine(&worker) && ENGINE_ECHO.serves(&path) {
        socketio::websocket::open(&ENGINE_ECHO, worker, upgrade, None).await;
        return Ok(());
    }
    let taker = transport::on_lane(worker.lane)
        .filter(|transport| path.starts_with(transport.path))
        .find_map(|transport| transport.upgrade);
    match taker {
        Some(open) => open(worker, upgrade).await,
        None => {
            let refusal = Refusal::new(
                Code::UnknownPath,
                format!(
                    "{path} cannot be upgraded to a WebSocket on lane {}",
                    worker.lane
                ),
            );
            handshake::refuse(upgrade.1.into_parts().io, refusal).await;
        }
    }
    Ok(())
}

/// Whether a lane serves the Engine.IO echo of the official suite.
fn echoes_engine(worker: &LaneWorker) -> bool {
    worker.lane == LaneId::MAIN && worker.lab.config.conformance
}

/// The app of one lane.
fn app(
    worker: Arc<LaneWorker>,
    main: Option<web::Data<MainLane>>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let lane = worker.lane;
    let assets = worker.lab.config.assets.clone();
    let echoes_engine = echoes_engine(&worker);
    let serves_channels_api =
        transport::on_lane(lane).any(|transport| transport.lane == pusher::TRANSPORT.lane);
    let everything_else = web::scope("")
        .configure(http_api::configure)
        .configure(|config| transport::on_lane(lane).for_each(|t| (t.configure)(config)))
        .configure(|config| {
            if echoes_engine {
                ENGINE_ECHO.configure(config);
            }
        })
        .configure(|config| {
            if lane == LaneId::MAIN {
                config
                    .configure(lab_api::configure)
                    .configure(pages::configure)
                    .configure(assets::configure(&assets));
            }
        })
        .default_service(web::to(move |request, worker| {
            unknown_path(lane, request, worker)
        }))
        .wrap(from_fn(gate::guard))
        .wrap(from_fn(seat_request))
        .wrap(from_fn(as_written::come_again))
        .wrap(from_fn(meter_request))
        .wrap(Condition::new(
            telemetry::traces_requests(),
            TracingLogger::<RequestSpan>::new(),
        ));
    App::new()
        .app_data(web::Data::from(worker))
        .configure(|config| {
            if let Some(main) = main {
                config.app_data(main);
            }
        })
        .app_data(web::QueryConfig::default().error_handler(|error, _| {
            Refusal::new(
                Code::BadQuery,
                format!("the query is not understood: {error}"),
            )
            .into()
        }))
        .configure(|config| {
            if serves_channels_api {
                pusher::http_api::configure(config);
            }
        })
        .service(everything_else)
        .wrap(from_fn(as_written::answer))
}

async fn unknown_path(
    lane: LaneId,
    request: HttpRequest,
    worker: web::Data<LaneWorker>,
) -> HttpResponse {
    let path = request.path();
    let main = worker
        .lab
        .addresses()
        .iter()
        .find(|a| a.lane == LaneId::MAIN);
    let main_port = main.map_or(0, |main| main.port);
    let own = transport::ALL
        .iter()
        .find(|transport| transport.lane == lane);
    let refusal = match own {
        None => Refusal::new(
            Code::UnknownPath,
            format!("there is nothing at {path} on lane {lane}"),
        ),
        Some(own) => {
            let message = match path {
                "/" => format!("this is the lane {lane}: {}, and no page", own.label),
                _ => format!("there is nothing at {path} on lane {lane}"),
            };
            Refusal::new(Code::UnknownPath, message).with_hint(format!(
                "This lane answers {}; the pages and /api/lab are on port {main_port}.",
                own.example(),
            ))
        }
    };
    pages::refused::answer(&request, &refusal)
}

/// Labels the connection's meter, and counts answers that their handler did not.
async fn meter_request(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let meter = request.meter().cloned();
    let worker = request.app_data::<web::Data<LaneWorker>>();
    if let (Some(meter), Some(worker)) = (&meter, worker) {
        let path = gate::routed_path(&request);
        let query = request.query_string();
        let labels = transport::labels_of(worker.lane, path, query);
        meter.begin_request(labels, transport::on_written(worker, path, query));
    }
    let is_head =
        request.extensions().get::<AskedForHead>().is_some() || request.method() == Method::HEAD;
    let response = next.call(request).await?;
    let attributed = response
        .response()
        .extensions()
        .get::<Attributed>()
        .is_some();
    if let Some(meter) = meter
        && !attributed
    {
        let bytes = match response.response().body().size() {
            BodySize::Sized(bytes) if !is_head => bytes,
            _ => 0,
        };
        meter.answer(Layers::envelope(bytes as usize).into());
    }
    Ok(response)
}

/// An answer of so many bytes is with the kernel as soon as it is made, or its peer is behind.
const IN_ONE_PIECE: u64 = 64 << 10;

/// Holds the connections of requests that stay, and ends those of bodies that came too slowly.
async fn seat_request(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let worker = request.app_data::<web::Data<LaneWorker>>();
    let seat = request.request().conn_data::<Arc<Seat>>().cloned();
    if let Some(seat) = &seat {
        seat.request_begins();
    }
    if let Some(worker) = worker
        && transport::stays(
            worker.lane,
            gate::routed_path(&request),
            request.query_string(),
        )
    {
        let trusted = &worker.lab.config.trusted_proxies;
        let held = admission::hold(
            seat.as_ref(),
            request.peer_addr(),
            request.headers(),
            trusted,
        );
        if let Err(refusal) = held {
            let mut response = refusal.error_response();
            response
                .head_mut()
                .set_connection_type(ConnectionType::Close);
            return Ok(request.into_response(response).map_into_boxed_body());
        }
    }
    if let Some(seat) = &seat {
        seat.rest_until(None);
    }
    // A body of unknown length is read to its end by the HTTP server before the next request, if
    // its handler does not: it gets the same time.
    let mut response = next.call(request).await?.map_into_boxed_body();
    if let Some(seat) = &seat {
        body::bound_the_rest(seat, response.request());
        let is_whole = matches!(
            response.response().body().size(),
            BodySize::None | BodySize::Sized(0..=IN_ONE_PIECE)
        );
        match is_whole {
            true => seat.request_ends(),
            false => {
                let seat = seat.clone();
                response =
                    response.map_body(|_, body| BoxBody::new(admission::UntilSent { body, seat }));
            }
        }
    }
    if response.status() == StatusCode::REQUEST_TIMEOUT {
        // The rest of the body may be on its way.
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
