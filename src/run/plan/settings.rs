//! The settings of a plan: each declared once, with its default and its help.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::choices::{BackOff, Balance, BlobOn, Order, PollFor, PollTimer, PublishBy, Resume};
use crate::{
    config::Span,
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
            $(#[arg(long, help = $help $(, $($clap)*)?)] pub $name: Option<$type>,)+
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
