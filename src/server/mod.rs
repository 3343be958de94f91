//! Building, running and stopping the server.
//!
//! `build` binds every lane (so port 0 works) → `addresses` → `run_until_stopped`. The order of a
//! stop: sources end; every subscriber is told and closes within the grace; then the listeners
//! close and idle connections are dropped.
//!
//! May use: `class`, `reach`, `wire`, `clock`, `network`, `catalogue`, `lane`, `metrics`, `broker`,
//! `node`, `demo`, `error`, `access`, `config`, `lesson_folder`, `class_keep`, `saved`, `jobs`,
//! `telemetry`, `tls`, `lab`, `registry`, `transport`, `protocol`, `lab_api`, `pages`, `assets`,
//! `gate`, `system`.

mod admission;
mod app;
mod as_written;
mod connections;
mod each_request;
mod kept;
mod listening;
mod memory;
mod serving;
mod small_http;
mod tls_handshake;
mod upgrades;

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_server::ServerBuilder;
use actix_web::web;
use tokio::{runtime::Handle, sync::Semaphore};

use self::{
    connections::lane_service,
    listening::{addresses, bind_inside, bind_lanes, inside},
    serving::{endpoints, start_apps},
};
use crate::{
    access::{hosts::Hosts, origins::Doors, own_key::OwnKey, presenter::Presenter},
    broker::durable::OpenError,
    class::of_lesson::CHANNEL,
    class_keep::{self, Keep},
    clock,
    config::{self, Config},
    demo::{
        host,
        sources::{Channels, Sources},
    },
    jobs::Jobs,
    lab::{Lab, LaneAddress},
    lab_api::{
        self, Delays, MARKET_CHANNEL, MainLane, Reported,
        class::ClassRoom,
        class_room,
        way_in::{ForPhones, WayIn},
    },
    lane::{
        LaneId,
        conditions::ConditionsByLane,
        files,
        meter::Meters,
        seats::{Capacity, Seats},
    },
    lesson_folder::LessonFolder,
    metrics::latency::Latencies,
    node::{IsOwn, Node, Own},
    protocol::{pusher::app::Apps, socketio::engines::Engines},
    reach,
    registry::Endpoints,
    saved::folder::Folder,
    tls::{self, Identity, TlsError},
};

/// What a stop may take beyond the grace: the last words to the workers.
const STOP_MARGIN: Duration = Duration::from_millis(300);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The host to listen on is no address of this machine.
    #[error(
        "the host {host:?} is no address of this machine: choose another with --host, 0.0.0.0 for \
         all of them"
    )]
    BadHost {
        /// As it was given.
        host: String,
        /// What the system says.
        source: io::Error,
    },
    /// A port cannot be listened on (exit code 69).
    #[error(
        "cannot listen on {address} (lane {lane}): choose another port with --port, or --port 0 \
         to let the system choose"
    )]
    CannotListen {
        /// Address and port.
        address: SocketAddr,
        /// Whose.
        lane: LaneId,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate is not usable.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// What a durable node kept cannot be used (exit code 74).
    #[error(transparent)]
    Kept(#[from] OpenError),
    /// The HTTP server cannot be started.
    #[error("the server cannot be started")]
    Server(#[source] io::Error),
}

/// A server whose lanes are bound.
pub struct Server {
    lab: Arc<Lab>,
    apps: Arc<Apps>,
    engines: Arc<Engines>,
    endpoints: Endpoints,
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
        let capacity = Capacity::within(files, config.workers, connections, per_address);
        if capacity.all < connections.min(1_000) {
            tracing::warn!(
                files,
                connections = capacity.all,
                "the limit of open files is low: raise it with ulimit -n"
            );
        }
        let mut lanes = bind_lanes(&config)?;
        let addresses = addresses(&config, &lanes);
        let of_natives = bind_inside(&config);
        let lanes_inside = inside(&config, &of_natives);
        lanes.extend(of_natives);
        let data = config::data_folder(&config.data_dir);
        let (node, housekeeping) = Node::with_broker(config.node_limits(), |around| {
            kept::broker(&config, &data, around)
        })?;
        tokio::spawn(housekeeping);
        let runtime = Handle::current();
        host::spawn(&node, runtime.clone());
        let main = addresses
            .iter()
            .find(|address| address.lane == LaneId::MAIN);
        let main_url = main.map_or("", |main| &main.url);
        let apps = start_apps(&config, &data, main_url, &node);
        let engines = Arc::new(Engines::new(&config, &node));
        let endpoints = endpoints(&config, &apps, &engines);
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
        let conditions =
            ConditionsByLane::new(own.filter(|lane| *lane != LaneId::MAIN), meters.clone());
        let lessons = LessonFolder::of(&config.lessons);
        let class = kept_class(&data, &lessons);
        let sources = Sources::new(node.clone(), runtime, config.source_linger.0);
        node.set_own(own_channels(class.clone(), sources.channels().clone()));
        let main = web::Data::new(MainLane {
            class,
            live: Default::default(),
            saved: Folder::of(&data),
            jobs: Jobs::new(data),
            lessons,
            sources,
            reported: Reported::new(&latencies),
            delays: Delays::default(),
            way_in: way_in(&config, &lanes, tls.as_ref()),
        });
        let lab = Arc::new(Lab {
            presenter,
            compressors: Arc::new(Semaphore::new(
                config.compress_contexts.min(Semaphore::MAX_PERMITS),
            )),
            stand_ins_key: OwnKey::make(),
            report_keys: Default::default(),
            latencies,
            metrics_answers: Default::default(),
            node,
            meters,
            conditions,
            started_us: clock::now_us(),
            addresses: OnceLock::from(addresses),
            lanes_inside,
            doors: doors(&config),
            config,
        });
        Ok(Self {
            lab,
            apps,
            engines,
            endpoints,
            main,
            lanes,
            tls,
            files,
            seats: Seats::new(capacity),
        })
    }

    /// Where each lane listens.
    pub fn addresses(&self) -> &[LaneAddress] {
        self.lab.addresses()
    }

    /// The main lane's addresses for other machines, such as phones, the likeliest first: of this
    /// machine's interfaces where it listens on all of them, the one it was told where that is no
    /// loopback.
    pub fn for_phones(&self) -> Vec<ForPhones> {
        self.main.way_in.for_phones()
    }

    /// Begins a class, or goes on with the one that is on; its code.
    pub fn start_class(&self) -> Option<String> {
        self.main.class.begin("");
        self.main.class.keep_now();
        self.main.class_on().map(|class| class.code)
    }

    /// Why the class is gone once this lab stops, for people; `None`: it is kept, or none is on.
    pub fn class_not_kept(&self) -> Option<String> {
        self.main.class.kept().trouble()
    }

    /// Ports that a firewall has to let in for phones, from and to.
    pub fn ports(&self) -> (u16, u16) {
        lab_api::way_in::ports(&self.lab)
    }

    /// SHA-256 of the certificate, if there is one.
    pub fn tls_fingerprint(&self) -> Option<&str> {
        self.tls.as_ref().map(|tls| tls.fingerprint.as_str())
    }

    /// Files that this process may have open, and the connections that they are enough for.
    pub fn capacity(&self) -> (u64, Capacity) {
        (self.files, self.seats.capacity())
    }

    /// The applications of Pusher Channels.
    pub fn apps(&self) -> &Arc<Apps> {
        &self.apps
    }

    /// The servers of Engine.IO and Socket.IO.
    pub fn engines(&self) -> &Arc<Engines> {
        &self.engines
    }

    /// What is shared by all lanes.
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
            .max_concurrent_connections(self.seats.capacity().accepted_per_worker)
            .shutdown_timeout(grace.as_secs().max(1))
            .disable_signals();
        for (lane, listener) in self.lanes {
            let lab = self.lab.clone();
            let endpoints = self.endpoints.clone();
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
                        endpoints.clone(),
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
        let class = self.main.class.clone();
        let ended = tokio::task::spawn_blocking(move || {
            main.live.close();
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
        let ended = ended.await;
        // What phones said in the grace, too.
        let node = self.lab.node.clone();
        let kept = tokio::task::spawn_blocking(move || {
            class.close();
            node.close();
        });
        if let Err(error) = kept.await {
            tracing::warn!(%error, "what is kept could not be written to the end");
        }
        match ended {
            Ok(ended) => ended.map_err(StartError::Server),
            Err(_) => {
                tracing::warn!("some requests did not end in time");
                Ok(())
            }
        }
    }
}

fn way_in(config: &Config, lanes: &[(LaneId, TcpListener)], tls: Option<&Identity>) -> WayIn {
    let main = lanes.iter().find(|(lane, _)| *lane == LaneId::MAIN);
    let bound = main.and_then(|(_, listener)| listener.local_addr().ok());
    let bound = bound.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let fingerprint = tls.map(|tls| tls.fingerprint.clone());
    WayIn::new(bound, config.scheme(), fingerprint)
}

/// Where the lab shows as measured what was published, so that no visitor publishes there: the class's
/// channel while a class is on, the dashboard's, and those with a source. But for rooms: what people
/// say there stands beside what a source does.
fn own_channels(class: Arc<ClassRoom>, sources: Arc<Channels>) -> IsOwn {
    Box::new(move |channel| {
        let name = channel.as_str();
        if name == CHANNEL && class.look(|_| ()).is_some() {
            return Some(Own::Class);
        }
        let is_shown = [host::CHANNEL, MARKET_CHANNEL].contains(&name);
        let is_measured = || sources.has(channel) && !channel.announces_presence();
        (is_shown || is_measured()).then_some(Own::Lab)
    })
}

/// With the class that the last stop interrupted; what changes from now on is kept. Must be called
/// inside a runtime.
fn kept_class(data: &Path, lessons: &LessonFolder) -> Arc<ClassRoom> {
    let room = ClassRoom::new(Keep::of(data), |class| {
        let find = |id: &str| {
            let shelf = lessons.shelf();
            shelf
                .find(id)
                .map(|shelved| Arc::new(shelved.lesson.clone()))
        };
        class.go_on(find, class_room::now());
    });
    let room = Arc::new(room);
    let kept = Arc::downgrade(&room);
    let write = move || kept.upgrade().is_none_or(|room| room.keep_now());
    tokio::spawn(class_keep::keep_on(room.watch(), Arc::new(write)));
    room
}

/// Who is let in, on a machine of this name and these addresses.
fn doors(config: &Config) -> Doors {
    let machine = sysinfo::System::host_name();
    let addresses = reach::interfaces().into_iter().map(|seen| seen.ip);
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
