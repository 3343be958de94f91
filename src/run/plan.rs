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
    lanes::{self, Row},
    schedule::{self, BadReplay, Kind},
};
use crate::{config::Span, demo::content::SIZE_MIN_BYTES};

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
    /// Two rows for every lane that can
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
    hold: Span = ms(25_000),
        "How long a long poll is held [default: 25s]";
    round_trip: Span = ms(0),
        "Added between every client and the server, there and back together [default: 0s]";
    tunnel_every: Span = ms(0),
        "Every so often all clients lose their connections; 0s: never [default: 0s]";
    tunnel_away: Span = ms(2_000),
        "How long they then stay away [default: 2s]";
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
    workers: usize = std::thread::available_parallelism().map_or(1, usize::from).div_ceil(2).max(1),
        "Worker threads of the server that the run starts [default: half the cores]";
    target: String = String::new(),
        "Measure the lab at this address instead of one that the run starts, as in http://127.0.0.1:8080 [default: start one]",
        [value_name = "URL"];
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
                        && self.order == Order::Together
                        && self.kill_node_at.0 < self.duration.0),
                "it goes with nodes 2, balance sticky and a single pass (repeat 1, order together), and \
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
        self.conditions()?;
        let rows = self.rows()?;
        self.check_size(rows.len())?;
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

    /// The lines that the result will have.
    pub fn rows(&self) -> Result<Vec<Row>, PlanError> {
        let mut chosen = Vec::new();
        for name in self.lanes.split(',').map(str::trim) {
            match lanes::find(name) {
                _ if name == "all" => chosen.extend(lanes::ALL),
                Some(lane) => chosen.push(lane),
                None => {
                    let known: Vec<_> = lanes::ALL.iter().map(|lane| lane.name).collect();
                    let known = known.join(", ");
                    let expected = format!("{name:?} is no lane; choose all or some of {known}");
                    return Err(out_of_range("lanes", self.lanes.clone(), expected));
                }
            }
        }
        let resumes: &[bool] = match self.resume {
            Resume::Yes => &[true],
            Resume::No => &[false],
            Resume::Both => &[true, false],
        };
        let mut rows: Vec<Row> = Vec::new();
        for lane in chosen {
            for row in resumes.iter().map(|resume| Row::new(lane, *resume)) {
                if !rows.contains(&row) {
                    rows.push(row);
                }
            }
        }
        Ok(rows)
    }

    fn check_size(&self, rows: usize) -> Result<(), PlanError> {
        let at_once = match self.order {
            Order::Together => rows,
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
        // Who posts, is not kept to a node, or takes blobs apart has a second connection.
        let each = 1
            + usize::from(self.publish_by == PublishBy::Clients)
            + usize::from(self.balance == Balance::Alternate)
            + usize::from(self.blob_on == BlobOn::Own);
        let needed = (self.clients * at_once * each) as u64 + SPARE_DESCRIPTORS;
        match descriptor_limit() {
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
    let text = fs::read_to_string(path).map_err(|source| PlanError::Unreadable {
        path: named.clone(),
        source,
    })?;
    toml::from_str(&text).map_err(|source| PlanError::BadFile {
        path: named,
        source: Box::new(source),
    })
}

/// How many files this process may have open; `None` where the system does not say.
fn descriptor_limit() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
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
            ("clients = 90000", "clients", "ulimit -n"),
            ("size = 7", "size", "choose 20"),
            ("duration = '1ms'", "duration", "choose 100ms"),
            ("rate = 0.01\nduration = '1s'", "duration", "longer"),
            ("tunnel_every = '1s'", "tunnel_away", "shorter"),
            ("schedule = 'replay'", "replay", "--schedule replay"),
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
                "outage_at = '9s'\noutage_for = '2s'",
                "outage_at",
                "over within",
            ),
            ("outage_for = '2s'", "outage_for", "outage_at"),
            ("kill_node_at = '1s'", "kill_node_at", "nodes 2"),
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
        assert_eq!(names, ["sse", "sse-no-resume", "channels"]);
    }

    #[test]
    fn flags_count_before_the_file() {
        let flags = toml::from_str("rate = 1.0").unwrap();
        let file = toml::from_str("rate = 2.0\nseed = 9").unwrap();
        let plan = Plan::from_layers(&[flags, file]);
        assert_eq!((plan.rate, plan.seed), (1.0, 9));
    }
}
