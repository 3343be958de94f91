//! What a run is to do: from flags, from a `plan.toml`, or both (flags count first), checked
//! before anything starts.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    conditions::PlannedConditions,
    destination::{BadDestination, Destination, Peer},
    lanes::{self, Row},
    machine::{self, KeepAwake, Pin},
    schedule::{self, BadReplay, Kind},
    server_settings,
};
use crate::{
    client::tls::{Tls, Trust, TrustError},
    config::Span,
    demo::content::SIZE_MIN_BYTES,
};

// How clients behave is theirs to define; a plan is where it is chosen.
pub use crate::client::{back_off::BackOff, short_poll::PollFor};

/// Deliveries that a run may have, so that its books fit into memory.
const DELIVERIES_MAX: f64 = 500_000_000.0;
/// Largest data of a publication. A lab that the run starts is told to take it.
pub const SIZE_MAX_BYTES: usize = 256 << 10;
/// Largest blob: the clients take messages of twice that.
const BLOB_MAX_BYTES: usize = 8 << 20;
/// Descriptors that the generator needs beside one per client.
const SPARE_DESCRIPTORS: u64 = 100;

/// What [`Plan::expected`] takes for connecting and draining, and for starting the lab.
const PASS_OVERHEAD: Duration = Duration::from_millis(600);
const START_OVERHEAD: Duration = Duration::from_millis(500);

/// When the clock of a short poller starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PollTimer {
    /// Every interval, whatever the answers do
    #[default]
    Interval,
    /// An interval after each answer
    AfterAnswer,
}

/// Which lanes run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// All lanes at once
    #[default]
    Together,
    /// One after the other, the order turned round at every repetition (ABBA)
    InTurn,
}

/// Whether clients continue from their position after an interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Resume {
    /// Wherever the protocol can
    #[default]
    Yes,
    /// Never
    No,
    /// Two rows for every lane that can, and for Channels a second one by the lab's extension
    Both,
}

/// Who publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PublishBy {
    /// The run, by HTTP beside the lanes
    #[default]
    Run,
    /// The clients in turn, each by its own way up: its socket, or POST after POST beside its
    /// stream or its polls
    Clients,
}

/// Which node a client's requests go to, where there is more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// All of them to one node; clients are spread over the nodes
    #[default]
    Sticky,
    /// To one node after the other
    Alternate,
}

/// Which connection blobs take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum BlobOn {
    /// The one that the timed publications take
    #[default]
    Same,
    /// Each client has another one for them
    Own,
}

/// Declares the settings of a plan once; makes [`Plan`] and [`PlanSettings`].
macro_rules! plan {
    ($($name:ident: $type:ty = $default:expr, $help:literal $(, [$($clap:tt)*])?;)+) => {
        /// A run, with every setting in effect.
        ///
        /// Saved runs of earlier versions have fewer; the others then had their defaults.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Plan {
            $(#[doc = $help] pub $name: $type,)+
        }

        /// Settings of a run as somebody gave them.
        #[derive(Debug, Clone, Default, clap::Args, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct PlanSettings {
            $(#[arg(long, help = $help $(, $($clap)*)?)] pub $name: Option<$type>,)+
        }

        impl Default for Plan {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Plan {
            fn from_layers(layers: &[PlanSettings]) -> Self {
                let default = Self::default();
                Self {
                    $($name: layers
                        .iter()
                        .find_map(|layer| layer.$name.clone())
                        .unwrap_or(default.$name),)+
                }
            }
        }
    };
}

const fn ms(ms: u64) -> Span {
    Span(Duration::from_millis(ms))
}

plan! {
    lanes: String = "all".to_owned(),
        "Lanes to measure, with commas between, or all [default: all]", [value_name = "LANES"];
    clients: usize = 25,
        "Clients of every lane [default: 25]";
    rate: f64 = 4.0,
        "Publications per second [default: 4]", [value_name = "PER_S", allow_negative_numbers = true];
    size: usize = 60,
        "Bytes of a publication's data, 20 to 262144 [default: 60]", [value_name = "BYTES"];
    duration: Span = ms(10_000),
        "How long is measured [default: 10s]", [allow_hyphen_values = true];
    warm_up: Span = ms(1_000),
        "How long is published before that, and not counted [default: 1s]";
    drain: Span = ms(5_000),
        "How long to wait for the last publications [default: 5s]";
    schedule: Kind = Kind::Periodic,
        "How publications are spread over time [default: periodic]", [value_enum];
    replay: PathBuf = PathBuf::new(),
        "With --schedule replay: a file with one number of seconds after the start per line",
        [value_name = "FILE"];
    poll_interval: Span = ms(500),
        "How often a short poller asks [default: 500ms]";
    poll_timer: PollTimer = PollTimer::Interval,
        "When a short poller's timer starts [default: interval]", [value_enum];
    conflate: Span = ms(0),
        "Of what happens within so long, publish the newest alone, at the end of it; 0s: publish everything [default: 0s]";
    hold: Span = ms(25_000),
        "How long a long poll is held [default: 25s]";
    round_trip: Span = ms(0),
        "Added between every client and the server, there and back together [default: 0s]";
    tunnel_every: Span = ms(0),
        "Every so often all clients lose their connections; 0s: never [default: 0s]";
    tunnel_away: Span = ms(2_000),
        "How long they then stay away [default: 2s]";
    slow_readers: usize = 0,
        "Clients of every lane that read slowly; the figures are those of the others [default: 0]";
    slow_bytes_per_s: u64 = 2_000,
        "How fast these read [default: 2000]", [value_name = "BYTES"];
    may_be_refused: usize = 0,
        "Clients of every lane that the server may refuse without the run failing, for quotas [default: 0]";
    publish_by: PublishBy = PublishBy::Run,
        "Who publishes [default: run]", [value_enum];
    poll_for: PollFor = PollFor::News,
        "What a short poller asks for [default: news]", [value_enum];
    nodes: usize = 1,
        "Labs that the run starts, without anything between them; it publishes on the first [default: 1]";
    balance: Balance = Balance::Sticky,
        "With 2 nodes: where a client's requests go [default: sticky]", [value_enum];
    blob_every: Span = ms(0),
        "Publish a blob so often beside what is timed; 0s: never [default: 0s]";
    blob_size: usize = 1 << 20,
        "Bytes of a blob [default: 1048576]", [value_name = "BYTES"];
    blob_on: BlobOn = BlobOn::Same,
        "Which connection blobs take [default: same]", [value_enum];
    kill_node_at: Span = ms(0),
        "With 2 nodes: kill the second this long after measuring began, so that its clients go to the first; 0s: never [default: 0s]";
    arrive_within: Span = ms(0),
        "Begin this long after the clients were started, whoever is in the channel; 0s: when all are [default: 0s]";
    outage_at: Span = ms(0),
        "Cut all connections this long after measuring began; 0s: never [default: 0s]";
    outage_for: Span = ms(0),
        "How long nobody can connect then; 0s: only the cut [default: 0s]";
    back_off: BackOff = BackOff::Quick,
        "How clients come back after they lost their connections [default: quick]", [value_enum];
    back_off_first: Span = ms(1_000),
        "The first wait of a fixed, exponential or jittered back-off [default: 1s]";
    conditions: String = String::new(),
        "Network conditions of the lanes, as in \"train tunnel\" or \"latency down=50ms up=50ms\"; for single lanes as in \"sse: train tunnel; websocket: cut-rst after=5s\" [default: none]",
        [value_name = "TEXT"];
    resume: Resume = Resume::Yes,
        "Whether clients continue from their position after an interruption [default: yes]",
        [value_enum];
    order: Order = Order::Together,
        "Which lanes run at the same time [default: together]", [value_enum];
    seed: u64 = 1,
        "Fixes the schedule [default: 1]";
    repeat: usize = 1,
        "How many times everything is done; 3 or more give intervals over repetitions [default: 1]";
    redo: usize = 0,
        "Passes of a run that are done again because the generator was not fit in them; the report says how many were [default: 0]";
    workers: usize = std::thread::available_parallelism().map_or(1, usize::from).div_ceil(2).max(1),
        "Worker threads of the server that the run starts [default: half the cores]";
    server: String = String::new(),
        "Settings of the server that the run starts, with commas between, as in coalesce=20ms,heartbeat=5s; with --target it must have them [default: none]",
        [value_name = "NAME=VALUE,…"];
    pin: Pin = Pin::Auto,
        "Whether generator and server get processor cores of their own [default: auto]", [value_enum];
    keep_awake: KeepAwake = KeepAwake::Auto,
        "Whether idle processors are kept from sleeping while it is measured, which needs the right to write to /dev/cpu_dma_latency [default: auto]", [value_enum];
    target: String = String::new(),
        "Measure what is there instead of a lab that the run starts: http(s)://host:port of a pushlab, pusher(s)://KEY:SECRET@host:port?app=ID of any Channels server, socketio(s)://host:port/namespace?emit=send-message&on=new-message of a Socket.IO server that broadcasts the first event as the second [default: start one]",
        [value_name = "URL"];
    ca: PathBuf = PathBuf::new(),
        "With a target that speaks TLS: trust the certificates in this PEM file [default: the system's]",
        [value_name = "FILE"];
    insecure: bool = false,
        "With a target that speaks TLS: trust any certificate, as that which a lab makes for itself",
        [num_args = 0..=1, default_missing_value = "true", value_name = "BOOL"];
}

/// Why a plan cannot be carried out. `Display` names the field and the way out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("the plan {path} cannot be read")]
    Unreadable { path: String, source: io::Error },
    #[error("the plan {path} is not understood: {source}")]
    BadFile {
        path: String,
        source: Box<toml::de::Error>,
    },
    #[error("{field} is {value}; {expected}")]
    OutOfRange {
        field: &'static str,
        value: String,
        expected: String,
    },
    #[error("target is no address that can be measured: {why}")]
    BadTarget { why: BadDestination },
    #[error(transparent)]
    BadTrust { source: TrustError },
    #[error("replay is {path}: {source}")]
    BadReplay { path: String, source: BadReplay },
}

impl Plan {
    /// Puts flags and file together and checks the result.
    pub fn load(flags: PlanSettings, file: Option<&Path>) -> Result<Self, PlanError> {
        let file = match file {
            Some(path) => read_file(path)?,
            None => PlanSettings::default(),
        };
        let plan = Self::from_layers(&[flags, file]);
        plan.check()?;
        Ok(plan)
    }

    /// From settings alone, as somebody sent them; checked.
    pub fn of(settings: PlanSettings) -> Result<Self, PlanError> {
        let plan = Self::from_layers(&[settings]);
        plan.check()?;
        Ok(plan)
    }

    /// About how long it takes to carry out, for a progress bar: starting, connecting and draining
    /// are guessed.
    pub fn expected(&self) -> Duration {
        let rows = self.rows().map_or(1, |rows| rows.len());
        let passes = match self.order {
            Order::Together => self.repeat,
            Order::InTurn => self.repeat * rows,
        };
        let pass = self.warm_up.0 + self.duration.0 + self.round_trip.0 * 4 + PASS_OVERHEAD;
        pass.saturating_mul(passes as u32) + START_OVERHEAD
    }

    /// Refuses what cannot be carried out.
    pub fn check(&self) -> Result<(), PlanError> {
        let hour = Duration::from_secs(3_600);
        let between = |span: Span, least_ms, most: Duration| {
            (Duration::from_millis(least_ms)..=most).contains(&span.0)
        };
        let rules = [
            (
                "clients",
                self.clients.to_string(),
                (1..=100_000).contains(&self.clients),
                "choose 1 to 100000",
            ),
            (
                "rate",
                self.rate.to_string(),
                (0.01..=10_000.0).contains(&self.rate),
                "choose 0.01 to 10000 publications per second",
            ),
            (
                "size",
                self.size.to_string(),
                (SIZE_MIN_BYTES..=SIZE_MAX_BYTES).contains(&self.size),
                "choose 20 to 262144 bytes",
            ),
            (
                "publish_by",
                "clients".to_owned(),
                self.publish_by == PublishBy::Run
                    || self.all_lanes(|lane| lane.protocol == "plain"),
                "only the plain lanes have a way up here: short-poll, long-poll, sse, websocket",
            ),
            (
                "nodes",
                self.nodes.to_string(),
                self.nodes == 1 || (self.nodes == 2 && self.target.is_empty()),
                "choose 1, or 2 without a target: the run starts both",
            ),
            (
                "balance",
                "alternate".to_owned(),
                self.balance == Balance::Sticky
                    || (self.nodes == 2 && self.all_lanes(|lane| lane.name == "socketio-polling")),
                "it goes with nodes 2 and the lane socketio-polling, whose sessions need one node",
            ),
            (
                "outage_at",
                self.outage_at.to_string(),
                self.outage_at.0 + self.outage_for.0 <= self.duration.0,
                "the outage must be over within the duration",
            ),
            (
                "outage_for",
                self.outage_for.to_string(),
                self.outage_for.0.is_zero() || !self.outage_at.0.is_zero(),
                "an outage needs outage_at, the instant that it begins at",
            ),
            (
                "outage_at",
                self.outage_at.to_string(),
                self.outage_at.0.is_zero() || self.tunnel_every.0.is_zero(),
                "choose either an outage or tunnels",
            ),
            (
                "kill_node_at",
                self.kill_node_at.to_string(),
                self.kill_node_at.0.is_zero()
                    || (self.nodes == 2
                        && self.balance == Balance::Sticky
                        // Nobody starts it again.
                        && self.repeat == 1
                        && self.redo == 0
                        && self.order == Order::Together
                        && self.kill_node_at.0 < self.duration.0),
                "it goes with nodes 2, balance sticky and a single pass (repeat 1, redo 0, order together), and \
                 comes within the duration",
            ),
            (
                "blob_every",
                self.blob_every.to_string(),
                self.blob_every.0.is_zero() || between(self.blob_every, 100, hour),
                "choose 100ms to 1h, or 0s for no blobs",
            ),
            (
                "blob_size",
                self.blob_size.to_string(),
                (SIZE_MIN_BYTES..=BLOB_MAX_BYTES).contains(&self.blob_size),
                "choose 20 to 8388608 bytes",
            ),
            (
                "back_off_first",
                self.back_off_first.to_string(),
                between(self.back_off_first, 1, Duration::from_secs(60)),
                "choose 1ms to 1m",
            ),
            (
                "arrive_within",
                self.arrive_within.to_string(),
                self.arrive_within.0 <= hour,
                "choose at most 1h",
            ),
            (
                "duration",
                self.duration.to_string(),
                between(self.duration, 100, hour * 24),
                "choose 100ms to 24h",
            ),
            (
                "warm_up",
                self.warm_up.to_string(),
                self.warm_up.0 <= hour,
                "choose at most 1h",
            ),
            (
                "drain",
                self.drain.to_string(),
                self.drain.0 <= hour,
                "choose at most 1h",
            ),
            (
                "poll_interval",
                self.poll_interval.to_string(),
                between(self.poll_interval, 1, hour),
                "choose 1ms to 1h",
            ),
            (
                "hold",
                self.hold.to_string(),
                between(self.hold, 1, Duration::from_secs(120)),
                "choose 1ms to 2m, the longest that the server holds",
            ),
            (
                "conflate",
                self.conflate.to_string(),
                self.conflate.0 <= Duration::from_secs(60),
                "choose at most 1m",
            ),
            (
                "slow_readers",
                self.slow_readers.to_string(),
                self.slow_readers < self.clients,
                "somebody must be left to measure: choose fewer than clients",
            ),
            (
                "slow_bytes_per_s",
                self.slow_bytes_per_s.to_string(),
                (1..=1_000_000_000).contains(&self.slow_bytes_per_s),
                "choose 1 to 1000000000",
            ),
            (
                "may_be_refused",
                self.may_be_refused.to_string(),
                self.may_be_refused < self.clients,
                "somebody must get in: choose fewer than clients",
            ),
            (
                "round_trip",
                self.round_trip.to_string(),
                self.round_trip.0 <= Duration::from_secs(60),
                "choose at most 1m",
            ),
            (
                "tunnel_away",
                self.tunnel_away.to_string(),
                self.tunnel_every.0.is_zero() || self.tunnel_away.0 < self.tunnel_every.0,
                "it must be shorter than tunnel_every",
            ),
            (
                "repeat",
                self.repeat.to_string(),
                (1..=1_000).contains(&self.repeat),
                "choose 1 to 1000",
            ),
            (
                "redo",
                self.redo.to_string(),
                self.redo <= 1_000,
                "choose 0 to 1000",
            ),
            (
                "workers",
                self.workers.to_string(),
                (1..=60).contains(&self.workers),
                "choose 1 to 60",
            ),
            (
                "replay",
                self.replay.display().to_string(),
                (self.schedule == Kind::Replay) != self.replay.as_os_str().is_empty(),
                "a file goes with --schedule replay, and only with it",
            ),
        ];
        if let Some((field, value, _, expected)) = rules.into_iter().find(|rule| !rule.2) {
            return Err(out_of_range(field, value, expected));
        }
        if let Some(why) = server_settings::objection(&self.server) {
            let expected = format!("{why}; pushlab serve --help lists them");
            return Err(out_of_range("server", &self.server, expected));
        }
        self.conditions()?;
        if self.destination()?.peer().is_some() && !self.blob_every.0.is_zero() {
            let expected = "blobs go to the lanes of a pushlab; leave them out for this target";
            return Err(out_of_range("blob_every", self.blob_every, expected));
        }
        if self.destination()?.peer().is_some() && !self.conditions.trim().is_empty() {
            let expected = "the lanes of a pushlab have conditions; leave them out for this target";
            return Err(out_of_range("conditions", &self.conditions, expected));
        }
        self.trust_for(&self.destination()?)?;
        let rows = self.rows()?;
        self.check_size(&rows)?;
        self.check_instants()
    }

    /// Of lanes that there are.
    fn all_lanes(&self, is_fit: fn(&lanes::Lane) -> bool) -> bool {
        let mut named = self.lanes.split(',').map(str::trim);
        named.all(|name| lanes::find(name).is_some_and(is_fit))
    }

    /// Network conditions by lane.
    pub fn conditions(&self) -> Result<PlannedConditions, PlanError> {
        PlannedConditions::read(&self.conditions)
            .map_err(|why| out_of_range("conditions", format!("{:?}", self.conditions), why))
    }

    /// What is measured.
    pub fn destination(&self) -> Result<Destination, PlanError> {
        Destination::parse(&self.target).map_err(|why| PlanError::BadTarget { why })
    }

    /// Whose certificates are good.
    pub fn trust(&self) -> Trust {
        match (self.insecure, self.ca.as_os_str().is_empty()) {
            (true, _) => Trust::Anything,
            (false, true) => Trust::System,
            (false, false) => Trust::File(self.ca.clone()),
        }
    }

    /// Says before a run what would make every handshake fail.
    fn trust_for(&self, destination: &Destination) -> Result<(), PlanError> {
        match destination {
            Destination::Lab(address) | Destination::Peer(address, _) if address.tls => {
                Tls::new(&address.name, &self.trust())
                    .map(|_| ())
                    .map_err(|source| PlanError::BadTrust { source })
            }
            _ => Ok(()),
        }
    }

    /// The lines that the result will have.
    pub fn rows(&self) -> Result<Vec<Row>, PlanError> {
        let destination = self.destination()?;
        let peer = destination.peer();
        let mut chosen = Vec::new();
        for name in self.lanes.split(',').map(str::trim) {
            let is_spoken = |lane: &str| peer.is_none_or(|peer| peer.lanes().contains(&lane));
            match lanes::find(name) {
                _ if name == "all" => chosen.extend(lanes::ALL.iter().filter(|lane| {
                    peer.is_none_or(|peer| peer.usual_lanes().contains(&lane.name))
                })),
                Some(lane) if is_spoken(name) => chosen.push(lane),
                Some(_) => {
                    let lanes = peer.map_or(&[] as &[_], Peer::lanes).join(", ");
                    let expected =
                        format!("a server at {destination} has no lane {name}; choose of {lanes}");
                    return Err(out_of_range("lanes", self.lanes.clone(), expected));
                }
                None => {
                    let known: Vec<_> = lanes::ALL.iter().map(|lane| lane.name).collect();
                    let known = known.join(", ");
                    let expected = format!("{name:?} is no lane; choose all or some of {known}");
                    return Err(out_of_range("lanes", self.lanes.clone(), expected));
                }
            }
        }
        let mut rows: Vec<Row> = Vec::new();
        for lane in chosen {
            let resumes: &[bool] = match (self.resume, lane.can_resume) {
                // Positions are this lab's, whatever the protocol.
                _ if peer.is_some() => &[false],
                // A protocol that cannot is measured as it is.
                (Resume::Yes, true) => &[true],
                (Resume::Yes, false) | (Resume::No, _) => &[false],
                (Resume::Both, true) => &[true, false],
                (Resume::Both, false) => &[false, true],
            };
            for mut row in resumes.iter().map(|resume| Row::new(lane, *resume)) {
                if peer.is_some() {
                    // No other row can be meant.
                    row.name.clone_from(&row.lane);
                }
                if !rows.contains(&row) {
                    rows.push(row);
                }
            }
        }
        Ok(rows)
    }

    fn check_size(&self, rows: &[Row]) -> Result<(), PlanError> {
        let at_once = match self.order {
            Order::Together => rows.len(),
            Order::InTurn => 1,
        };
        let events = self.rate * (self.duration.0 + self.warm_up.0).as_secs_f64();
        let deliveries = events * self.clients as f64 * at_once as f64;
        if deliveries > DELIVERIES_MAX {
            return Err(out_of_range(
                "clients",
                self.clients,
                format!(
                    "with this rate and duration that makes {deliveries:.0} deliveries; at most \
                     {DELIVERIES_MAX:.0} fit into memory"
                ),
            ));
        }
        // Who posts, is not kept to a node, or takes blobs apart has one more.
        let more = usize::from(self.publish_by == PublishBy::Clients)
            + usize::from(self.balance == Balance::Alternate)
            + usize::from(self.blob_on == BlobOn::Own);
        let connections = rows.iter().map(|row| row.connections() + more);
        let connections: usize = match self.order {
            Order::Together => connections.sum(),
            Order::InTurn => connections.max().unwrap_or(1),
        };
        self.check_ports(rows, more)?;
        let needed = (self.clients * connections) as u64 + SPARE_DESCRIPTORS;
        match machine::open_files_max() {
            Some(limit) if needed > limit => Err(out_of_range(
                "clients",
                self.clients,
                format!(
                    "{at_once} lanes at once need {needed} file descriptors and {limit} are \
                     allowed; run ulimit -n {needed} first, or --order in-turn"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Connections to one address must each have a local port of their own, and a lane is an
    /// address.
    fn check_ports(&self, rows: &[Row], more: usize) -> Result<(), PlanError> {
        let of_lane = |lane: &str| -> usize {
            let same = rows.iter().filter(|row| row.lane == lane);
            let each = same.map(|row| row.connections() + more);
            match self.order {
                Order::Together => each.sum(),
                Order::InTurn => each.max().unwrap_or(1),
            }
        };
        let most = rows.iter().map(|row| of_lane(&row.lane)).max();
        let needed = (self.clients * most.unwrap_or(1)) as u64;
        match machine::local_ports() {
            Some(ports) if needed > ports => Err(out_of_range(
                "clients",
                self.clients,
                format!(
                    "a lane would have {needed} connections and this machine has {ports} local \
                     ports; choose fewer, or widen net.ipv4.ip_local_port_range"
                ),
            )),
            _ => Ok(()),
        }
    }

    fn check_instants(&self) -> Result<(), PlanError> {
        let warm_up_us = self.warm_up.0.as_micros() as u64;
        let measured = self.instants(self.seed)?;
        if measured.iter().any(|at_us| *at_us > warm_up_us) {
            return Ok(());
        }
        Err(out_of_range(
            "duration",
            self.duration,
            "nothing is published in it; choose a longer one or a higher rate",
        ))
    }

    /// What one pass publishes, each with the instant at which it happens and the one at which it
    /// is published, in µs after the start: the same unless it is conflated.
    pub fn publications(&self, seed: u64) -> Result<Vec<(u64, u64)>, PlanError> {
        let events = self.instants(seed)?;
        Ok(schedule::conflated(
            &events,
            self.conflate.0.as_micros() as u64,
        ))
    }

    /// Every instant of one pass, in µs after its start, the warm-up's first.
    pub fn instants(&self, seed: u64) -> Result<Vec<u64>, PlanError> {
        let until_us = (self.warm_up.0 + self.duration.0).as_micros() as u64;
        if self.schedule != Kind::Replay {
            return Ok(schedule::instants(self.schedule, self.rate, seed, until_us));
        }
        let recorded = schedule::replay(&self.replay).map_err(|source| PlanError::BadReplay {
            path: self.replay.display().to_string(),
            source,
        })?;
        // A recording begins when measuring does.
        let warm_up_us = self.warm_up.0.as_micros() as u64;
        Ok(recorded
            .into_iter()
            .map(|at_us| at_us + warm_up_us)
            .take_while(|at_us| *at_us <= until_us)
            .collect())
    }
}

fn out_of_range(
    field: &'static str,
    value: impl ToString,
    expected: impl Into<String>,
) -> PlanError {
    PlanError::OutOfRange {
        field,
        value: value.to_string(),
        expected: expected.into(),
    }
}

fn read_file(path: &Path) -> Result<PlanSettings, PlanError> {
    let named = path.display().to_string();
    let text = match path == Path::new("-") {
        true => io::read_to_string(io::stdin()),
        false => fs::read_to_string(path),
    };
    let text = text.map_err(|source| PlanError::Unreadable {
        path: named.clone(),
        source,
    })?;
    toml::from_str(&text).map_err(|source| PlanError::BadFile {
        path: named,
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<Plan, PlanError> {
        let plan = Plan::from_layers(&[toml::from_str(text).unwrap()]);
        plan.check().map(|()| plan)
    }

    #[test]
    fn the_default_plan_can_be_carried_out() {
        let rows = plan("").unwrap().rows().unwrap();
        assert_eq!(rows.len(), lanes::ALL.len());
        assert!(rows.iter().all(|row| row.name == row.lane));
    }

    #[test]
    fn impossible_plans_are_refused_by_field_with_the_way_out() {
        for (text, field, way_out) in [
            ("rate = 0.0", "rate", "choose"),
            ("rate = nan", "rate", "choose"),
            ("lanes = 'sse,pigeon'", "lanes", "short-poll"),
            ("lanes = ''", "lanes", "choose"),
            ("clients = 0", "clients", "choose 1"),
            ("clients = 100001", "clients", "100000"),
            ("size = 7", "size", "choose 20"),
            ("duration = '1ms'", "duration", "choose 100ms"),
            ("rate = 0.01\nduration = '1s'", "duration", "longer"),
            ("tunnel_every = '1s'", "tunnel_away", "shorter"),
            ("slow_readers = 25", "slow_readers", "fewer"),
            ("slow_bytes_per_s = 0", "slow_bytes_per_s", "choose 1"),
            ("may_be_refused = 25", "may_be_refused", "fewer"),
            ("conflate = '2m'", "conflate", "at most 1m"),
            ("schedule = 'replay'", "replay", "--schedule replay"),
            ("target = 'somewhere'", "target", "socketio://"),
            (
                "target = 'socketio://a'\nlanes = 'sse'",
                "lanes",
                "socketio-polling",
            ),
            (
                "target = 'socketio://a'\nconditions = 'train tunnel'",
                "conditions",
                "leave them out",
            ),
            (
                "target = 'https://a'\nca = '/nowhere/ca.pem'",
                "ca",
                "/nowhere/ca.pem",
            ),
            ("replay = 'x'", "replay", "--schedule replay"),
            ("size = 300000", "size", "262144"),
            ("publish_by = 'clients'", "publish_by", "short-poll"),
            ("nodes = 3", "nodes", "choose 1"),
            (
                "nodes = 2\ntarget = 'http://h'",
                "nodes",
                "without a target",
            ),
            ("balance = 'alternate'", "balance", "nodes 2"),
            (
                "clients = 99000\nlanes = 'sse'\nrate = 1",
                "clients",
                "local ports",
            ),
            (
                "outage_at = '9s'\noutage_for = '2s'",
                "outage_at",
                "over within",
            ),
            ("outage_for = '2s'", "outage_for", "outage_at"),
            ("kill_node_at = '1s'", "kill_node_at", "nodes 2"),
            (
                "kill_node_at = '1s'\nnodes = 2\nredo = 1",
                "kill_node_at",
                "redo 0",
            ),
            ("blob_every = '1ms'", "blob_every", "100ms"),
            ("blob_size = 99000000", "blob_size", "8388608"),
            ("back_off_first = '0s'", "back_off_first", "choose 1ms"),
            ("conditions = 'pigeons'", "conditions", "train tunnel"),
            (
                "conditions = 'pigeon: train tunnel'",
                "conditions",
                "short-poll",
            ),
            (
                "conditions = 'latency down=5'",
                "conditions",
                "written like",
            ),
            (
                "server = 'coalesce=often'",
                "server",
                "pushlab serve --help",
            ),
            (
                "clients = 9999\nrate = 9999.0\nduration = '1h'",
                "clients",
                "memory",
            ),
        ] {
            let error = plan(text).unwrap_err().to_string();
            assert!(error.starts_with(field), "{text}: {error}");
            assert!(error.contains(way_out), "{text}: {error}");
        }
        assert!(toml::from_str::<PlanSettings>("durations = '1s'").is_err());
        assert!("-1s".parse::<Span>().is_err());
    }

    #[test]
    fn resume_both_makes_two_rows_where_the_protocol_can() {
        let rows = plan("resume = 'both'\nlanes = 'sse,channels,sse'")
            .unwrap()
            .rows()
            .unwrap();
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(
            names,
            ["sse", "sse-no-resume", "channels", "channels-resume"]
        );
    }

    #[test]
    fn flags_count_before_the_file() {
        let flags = toml::from_str("rate = 1.0").unwrap();
        let file = toml::from_str("rate = 2.0\nseed = 9").unwrap();
        let plan = Plan::from_layers(&[flags, file]);
        assert_eq!((plan.rate, plan.seed), (1.0, 9));
    }
}
