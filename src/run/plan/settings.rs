//! The settings of a plan: each declared once, with its default and its help.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::choices::{
    BackOff, Balance, BlobOn, Order, PollFor, PollTimer, PublishBy, Resume, Sample,
};
use crate::{
    config::{Span, compress::Compress},
    run::{
        machine::{KeepAwake, Pin},
        schedule::Kind,
    },
};

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
            // Not a plain literal, or clap would take it for the help a second time.
            $(#[doc = concat!($help, ".")] #[arg(long, help = $help $(, $($clap)*)?)] pub $name: Option<$type>,)+
        }

        impl Default for Plan {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Plan {
            pub(super) fn from_layers(layers: &[PlanSettings]) -> Self {
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
        "Lanes to measure, separated by commas, or all [default: all]", [value_name = "LANES"];
    clients: usize = 25,
        "Clients of every lane [default: 25]";
    rate: f64 = 4.0,
        "Publications per second [default: 4]", [value_name = "PER_S", allow_negative_numbers = true];
    size: usize = 60,
        "Bytes of a publication's data, 20 to 262144 [default: 60]", [value_name = "BYTES"];
    payload: PathBuf = PathBuf::new(),
        "Messages of your own: a file with one JSON value per line, published in turn instead of data of that size; each gets the publication's number, as a first member n",
        [value_name = "FILE"];
    sample: Sample = Sample::None,
        "Publish messages of a kind instead of data of that size: as repetitive as real ones, for what is compressed [default: none]", [value_enum];
    duration: Span = ms(10_000),
        "How long the measurement lasts [default: 10s]", [allow_hyphen_values = true];
    warm_up: Span = ms(1_000),
        "How long to publish before that without counting [default: 1s]";
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
        "Conflation: publish only the newest event of each interval of this length, at its end; 0s: publish everything [default: 0s]";
    hold: Span = ms(25_000),
        "How long the server holds a long poll [default: 25s]";
    round_trip: Span = ms(0),
        "Round-trip delay to add between every client and the server, both directions together [default: 0s]";
    tunnel_every: Span = ms(0),
        "Tunnel: how often all clients lose their connections; 0s: never [default: 0s]";
    tunnel_away: Span = ms(2_000),
        "How long they then stay disconnected [default: 2s]";
    slow_readers: usize = 0,
        "How many clients of every lane read slowly; the figures are of the other clients [default: 0]";
    slow_bytes_per_s: u64 = 2_000,
        "How fast slow readers read, in bytes per second [default: 2000]", [value_name = "BYTES"];
    may_be_refused: usize = 0,
        "How many clients of every lane the server may refuse without the run failing, to measure quotas [default: 0]";
    publish_by: PublishBy = PublishBy::Run,
        "Who publishes [default: run]", [value_enum];
    poll_for: PollFor = PollFor::News,
        "What a short poller asks for [default: news]", [value_enum];
    nodes: usize = 1,
        "How many labs the run starts, with no backplane between them; it publishes on the first [default: 1]";
    balance: Balance = Balance::Sticky,
        "With 2 nodes: where a client's requests go [default: sticky]", [value_enum];
    blob_every: Span = ms(0),
        "How often to publish a blob beside the timed publications; 0s: never [default: 0s]";
    blob_size: usize = 1 << 20,
        "Bytes of a blob [default: 1048576]", [value_name = "BYTES"];
    blob_on: BlobOn = BlobOn::Same,
        "Which connection blobs take [default: same]", [value_enum];
    kill_node_at: Span = ms(0),
        "With 2 nodes: how long after measuring began to kill the second, whose clients then go to the first; 0s: never [default: 0s]";
    arrive_within: Span = ms(0),
        "Begin this long after the clients were started, even if some have not subscribed; 0s: begin when all have [default: 0s]";
    outage_at: Span = ms(0),
        "How long after measuring began to cut all connections; 0s: never [default: 0s]";
    outage_for: Span = ms(0),
        "How long nobody can connect after that cut; 0s: at once again [default: 0s]";
    back_off: BackOff = BackOff::Quick,
        "How clients reconnect after they lost their connections [default: quick]", [value_enum];
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
        "Seed of the random schedule: the same seed gives the same schedule [default: 1]";
    repeat: usize = 1,
        "How many times to repeat everything; 3 or more give confidence intervals over the repetitions [default: 1]";
    redo: usize = 0,
        "A pass in which the generator was late is repeated once, by itself, and the better of both counts; how many more repeats there may be, all passes together. The report says how many there were [default: 0]";
    workers: usize = std::thread::available_parallelism().map_or(1, usize::from).div_ceil(2).max(1),
        "Worker threads of the server that the run starts [default: half the cores]";
    server: String = String::new(),
        "Settings of the server that the run starts, separated by commas, as in coalesce=20ms,heartbeat=5s; a server given by --target must already have them [default: none]",
        [value_name = "NAME=VALUE,…"];
    compress: Compress = Compress::Off,
        "All WebSockets of the run as rows that are compressed: off, on (each message by itself, -deflate) or context (with what was said before, -deflate-context) [default: off]",
        [value_enum];
    pin: Pin = Pin::Auto,
        "Whether generator and server are pinned to separate processor cores [default: auto]", [value_enum];
    keep_awake: KeepAwake = KeepAwake::Auto,
        "Whether to keep idle processors from sleeping during the measurement, which needs permission to write to /dev/cpu_dma_latency [default: auto]", [value_enum];
    target: String = String::new(),
        "Measure a running server instead of a lab that the run starts: http(s)://host:port of a pushlab, pusher(s)://KEY:SECRET@host:port?app=ID of any Channels server, socketio(s)://host:port/namespace?emit=send-message&on=new-message of a Socket.IO server that broadcasts the first event as the second [default: start one]",
        [value_name = "URL"];
    ca: PathBuf = PathBuf::new(),
        "With a target that speaks TLS: trust the certificates in this PEM file [default: the system's]",
        [value_name = "FILE"];
    insecure: bool = false,
        "With a target that speaks TLS: trust any certificate, such as one that a lab made for itself",
        [num_args = 0..=1, default_missing_value = "true", value_name = "BOOL"];
}
