//! Every setting: its name, unit, default and meaning, once.
//!
//! A setting is given as a flag (`--history-max-count 50`), in the environment
//! (`PUSHLAB_HISTORY_MAX_COUNT=50`) or in a TOML file (`history_max_count = 50`), and counts in
//! that order; what nobody gives has its default. This is the only place that reads the
//! environment. The effective values are printed where `--print-settings` asks for them, logged at
//! `debug`, and stored with every result.
//!
//! May use: `channel`, `lane`, `hub`, `broker`, `node`, `access`, `system`.

pub mod apps;
pub mod compress;
pub mod durable;
pub mod presenter;
pub mod private_file;
pub mod secret;
pub mod webhooks;

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use self::{apps::AppSettings, compress::Compress, durable::Durable, secret::Secret};
use crate::{
    access::{address::TrustedProxies, host_names::HostNames, listed::Origins},
    broker::memory::MemoryLimits,
    channel::{history::HistoryLimits, idempotence::IdLimits},
    hub::{coalesce::Coalesce, when_full::WhenFull},
    lane::{pace::Pace, stream::TcpOptions},
    node::NodeLimits,
};

/// Bytes of ids that one channel remembers.
const IDS_MAX_BYTES: usize = 2 << 20;

/// A duration as people write it: `250ms`, `25s`, `10m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Span {
    const fn ms(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text)
            .map(Self)
            .map_err(|error| format!("{error}; write it like 250ms, 25s or 10m"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Form of the log on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[doc = concat!("Lines ", "for people.")]
    Human,
    #[doc = concat!("A ", "JSON object a line.")]
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as clap::ValueEnum>::from_str(text, true)
    }
}

/// Why the settings are not usable. `Display` names the setting and the way out.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The settings file cannot be read.
    #[error("the settings file {path} cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The settings file is not understood.
    #[error("the settings file {path} is not understood")]
    BadFile {
        /// The file.
        path: String,
        /// What the parser says, with the line.
        source: Box<toml::de::Error>,
    },
    /// An environment variable is not understood.
    #[error("{variable}={value:?} is not understood: {why}")]
    BadVariable {
        /// Its name.
        variable: String,
        /// What it has.
        value: String,
        /// What it is to have.
        why: String,
    },
    /// The log filter is not understood.
    #[error(
        "log is {value:?}, which is no filter: {why}; write it like warn, info or pushlab=debug"
    )]
    BadLog {
        /// As it was given.
        value: String,
        /// What is wrong.
        why: String,
    },
    /// A setting is outside of its range.
    #[error("{name} is {value}; {expected}")]
    OutOfRange {
        /// The setting's name.
        name: &'static str,
        /// What it was given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

/// Declares the settings once; makes [`Config`], [`Settings`] and the ways between.
macro_rules! settings {
    ($($name:ident: $type:ty = $default:expr, $help:literal $(, [$($clap:tt)*])?;)+) => {
        /// Effective settings.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        pub struct Config {
            $(#[doc = $help] pub $name: $type,)+
            /// Applications of Pusher Channels; in the settings file only.
            pub apps: Vec<AppSettings>,
        }

        /// Settings as somebody gave them: on the command line or in a file.
        #[derive(Debug, Clone, Default, clap::Args, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Settings {
            // Not a plain literal, or clap would take it for the help a second time.
            $(#[doc = concat!($help, ".")] #[arg(long, help = $help $(, $($clap)*)?)] pub $name: Option<$type>,)+
            /// Applications of Pusher Channels; in the settings file only.
            #[arg(skip)]
            pub apps: Option<Vec<AppSettings>>,
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $default,)+ apps: Vec::new() }
            }
        }

        impl Config {
            /// The first layer that gives a setting wins.
            fn from_layers(layers: &[Settings]) -> Self {
                let default = Self::default();
                Self {
                    $($name: layers
                        .iter()
                        .find_map(|layer| layer.$name.clone())
                        .unwrap_or(default.$name),)+
                    apps: layers
                        .iter()
                        .find_map(|layer| layer.apps.clone())
                        .unwrap_or_default(),
                }
            }
        }

        impl Settings {
            /// What no flag gives: a variable that a flag overrules is not even read, so that one
            /// which is not understood can be overruled.
            fn from_environment(flags: &Self) -> Result<Self, ConfigError> {
                Ok(Self {
                    $($name: match flags.$name {
                        Some(_) => None,
                        None => from_environment(stringify!($name))?,
                    },)+
                    apps: None,
                })
            }
        }
    };
}

settings! {
    host: String = "127.0.0.1".to_owned(),
        "Address to listen on; 0.0.0.0 lets other machines in [default: 127.0.0.1]";
    port: u16 = 8080,
        "First port: the main lane's; the other lanes take the next ones. 0: the system chooses [default: 8080]";
    single_port: bool = false,
        "Serve every lane on one port",
        [num_args = 0..=1, default_missing_value = "true", value_name = "BOOL"];
    json: bool = false,
        "Print the addresses as one JSON line on standard output",
        [num_args = 0..=1, default_missing_value = "true", value_name = "BOOL"];
    workers: usize = std::thread::available_parallelism().map_or(2, usize::from).min(60),
        "Worker threads, 1 to 60 [default: one per core]";
    echo: bool = false,
        "Serve a WebSocket echo at /echo and the Socket.IO namespace /echo, to try clients out",
        [num_args = 0..=1, default_missing_value = "true", value_name = "BOOL"];
    conformance: bool = false,
        "Serve what the official Engine.IO and Socket.IO suites expect, at /engine.io/ and /socket.io/",
        [num_args = 0..=1, default_missing_value = "true", value_name = "BOOL"];
    socketio_max_payload: usize = 1_000_000,
        "Largest Engine.IO POST body or WebSocket message from a client; POSTs get 413, sockets close with 1009 [default: 1000000]";
    socketio_recovery: Span = Span::ms(0),
        "How long a Socket.IO client may be away and still get what it missed, within the bounds of a channel's history; 0s: no recovery [default: 0s]";
    socketio_origins: Origins = Origins::default(),
        "Pages that may use Socket.IO from a browser besides those of origins: origins with commas between, or * for any, without credentials [default: none]",
        [value_name = "ORIGINS"];
    socketio_admin_password: Secret = Secret::default(),
        "Password of the user admin of the Socket.IO Admin UI, at least 8 bytes; without one there is no /admin namespace. Better given as PUSHLAB_SOCKETIO_ADMIN_PASSWORD than as a flag, which other users of the machine can see [default: none]",
        [value_name = "PASSWORD"];
    tls_cert: PathBuf = PathBuf::new(),
        "Speak TLS on every lane with this certificate chain, a PEM file; needs --tls-key [default: no TLS]",
        [value_name = "FILE"];
    tls_key: PathBuf = PathBuf::new(),
        "The certificate's private key, a PEM file [default: no TLS]",
        [value_name = "FILE"];
    tls_self_signed: bool = false,
        "Speak TLS on every lane with a certificate made at start; clients must be told to trust it",
        [num_args = 0..=1, default_missing_value = "true", value_name = "BOOL"];
    assets: PathBuf = PathBuf::new(),
        "Serve /static from this folder instead of from the binary [default: from the binary]",
        [value_name = "DIR"];
    lessons: PathBuf = PathBuf::new(),
        "A folder of your own lessons (*.md) beside the lab's on /lessons; one with the same id replaces the lab's [default: none]",
        [value_name = "DIR"];
    data_dir: PathBuf = PathBuf::new(),
        "Where runs are saved and /runs finds them [default: pushlab in $XDG_DATA_HOME, ~/.local/share, ~/Library/Application Support or %LOCALAPPDATA%; without a home, ./pushlab-data]",
        [value_name = "DIR"];
    durable: Durable = Durable::Off,
        "Keep what is published in a file of the data folder, with positions and idempotence ids, so that it outlives the process. Without a value: commit [default: off]",
        [value_enum, num_args = 0..=1, default_missing_value = "commit"];
    log: String = "warn".to_owned(),
        "What to log: error, warn, info, debug (with the effective settings), trace, or levels of modules, such as warn,pushlab::hub=debug [default: warn]",
        [value_name = "FILTER"];
    log_format: LogFormat = LogFormat::Human,
        "Form of the log on standard error [default: human]", [value_enum];

    sandbox_plan: bool = false,
        "Keep to the limits of Pusher's Sandbox plan: 100 connections and 200000 messages a day over all applications",
        [num_args = 0..=1, default_missing_value = "true", value_name = "BOOL"];

    coalesce: Coalesce = Coalesce::default(),
        "How publications leave for subscribers of WebSocket, SSE, Channels or Socket.IO: adaptive (at once; a busy worker gathers what comes between two rounds of writing, which follow the load), off (one write each), tick (all that wait in one write), or a time such as 20ms (the first waits so long for others) [default: adaptive]",
        [value_name = "adaptive|off|tick|TIME"];
    compress: Compress = Compress::Off,
        "What is compressed for clients that offer to take it [default: off]", [value_enum];
    compress_contexts: usize = 500,
        "Compressors that belong to one connection, about 340 KiB each (brotli up to 700): of WebSockets with compress = context, of streams over HTTP with either. A WebSocket more gets what compress = on gives, a stream more leaves as it is [default: 500]";
    history_max_count: usize = 1_000,
        "Publications that a channel keeps; 0 keeps none [default: 1000]";
    history_max_bytes: usize = 1 << 20,
        "Bytes of publications that a channel keeps; 0 keeps none [default: 1048576]";
    history_max_age: Span = Span::ms(600_000),
        "Age at which a publication is forgotten; 0s keeps none [default: 10m]";
    max_channels: usize = 10_000,
        "Channels kept at once; past that, those without subscribers are given up for new ones, and without such, new ones are refused [default: 10000]";
    max_channels_per_address: usize = 2_500,
        "Channels that one address may have opened at once; past that, its own without subscribers are given up, and without such, new ones are refused with 429. This machine's own are not counted; 0: any number [default: 2500]";
    presence_max_members: usize = 5_000,
        "Members that a channel may have; more are refused [default: 5000]";
    cache_max_age: Span = Span::ms(1_800_000),
        "Age at which a cache channel forgets its last event; 0s keeps none [default: 30m]";
    poller_stays: Span = Span::ms(10_000),
        "A poller is present until it has not asked for this long [default: 10s]";
    history_budget_bytes: usize = 128 << 20,
        "Bytes that the histories of all channels keep together, ids and overhead included; past that, channels without subscribers forget first, then the oldest publications of the others go [default: 134217728]";
    idempotence_window: Span = Span::ms(300_000),
        "How long publishing again with the same id publishes nothing and answers the first position; 0s: never [default: 5m]";
    idempotence_max_ids: usize = 10_000,
        "Ids that a channel remembers within the window [default: 10000]";

    long_poll_hold: Span = Span::ms(25_000),
        "How long a long poll is held when it names no hold_ms [default: 25s]";
    long_poll_hold_max: Span = Span::ms(120_000),
        "Longest hold; a larger hold_ms is cut to it [default: 2m]";
    sse_retry: Span = Span::ms(2_000),
        "Reconnection time told to event-stream readers [default: 2s]";
    heartbeat: Span = Span::ms(25_000),
        "Idle time after which a WebSocket is pinged or a stream sent a comment [default: 25s]";
    pong_timeout: Span = Span::ms(20_000),
        "A WebSocket that is silent this long after a ping is closed with 4408 [default: 20s]";
    close_timeout: Span = Span::ms(2_000),
        "How long a closing WebSocket waits for its peer [default: 2s]";
    body_max_bytes: usize = 65_536,
        "Largest request body; larger ones get 413 [default: 65536]";
    message_max_bytes: usize = 65_536,
        "Largest WebSocket message from a client; larger ones close with 1009 [default: 65536]";
    subscriber_queue_max_bytes: usize = 1 << 20,
        "Bytes that may wait for one subscriber; past that it is a slow consumer [default: 1048576]";

    slow_consumer: WhenFull = WhenFull::Disconnect,
        "What happens to a WebSocket or SSE subscriber whose queue is full [default: disconnect]",
        [value_enum];

    keep_alive: Span = Span::ms(75_000),
        "How long an idle HTTP connection is kept [default: 1m 15s]";
    request_timeout: Span = Span::ms(10_000),
        "How long a client may take to send a request's head [default: 10s]";
    tcp_keepalive: Span = Span::ms(15_000),
        "TCP keep-alive: idle time before a probe, and between probes; at least 1s [default: 15s]";
    tcp_keepalive_probes: u32 = 2,
        "TCP keep-alive probes without an answer after which a peer is gone [default: 2]";
    tcp_unacknowledged: Span = Span::ms(30_000),
        "How long sent bytes may stay unacknowledged before a peer is gone [default: 30s]";
    tcp_send_buffer: usize = 0,
        "Bytes that the system may keep for one connection before they wait in its subscriber's queue; 0: as it likes, megabytes [default: 0]";
    max_connections: usize = 25_000,
        "Connections per worker; more are told 503 [default: 25000]";
    shutdown_grace: Span = Span::ms(5_000),
        "How long a stop waits for requests and streams to end [default: 5s]";
    source_linger: Span = Span::ms(30_000),
        "A demo's publisher stops when its channel had no audience for this long [default: 30s]";
    trusted_proxies: TrustedProxies = TrustedProxies::default(),
        "Proxies whose X-Forwarded-For and X-Forwarded-Host are believed: IP addresses and networks such as 10.0.0.0/8, with commas between [default: none]",
        [value_name = "ADDRESSES"];

    hosts: HostNames = HostNames::default(),
        "Names that the lab answers under, besides addresses, loopback names and this machine's own, and whose pages are its own behind a proxy that changes Host: lab.example.org,*.class.example, or * for any, which lets other sites' pages in by DNS rebinding [default: none]",
        [value_name = "NAMES"];
    origins: Origins = Origins::default(),
        "Pages that may use the lanes from a browser, besides those of loopback names and of this machine, on any port: https://a.example,http://b.example:5173, null for files, or * for any [default: none]",
        [value_name = "ORIGINS"];

    presenter_token: Secret = Secret::default(),
        "The presenter's token, at least 16 bytes of A-Z a-z 0-9 - _ . ~; better given as PUSHLAB_PRESENTER_TOKEN than as a flag, which other users of the machine can see [default: made at first start, kept in the data folder]",
        [value_name = "TOKEN"];
    no_token: bool = false,
        "Ask nobody for the presenter's token: every visitor may see secrets, start runs and set conditions, those that come through a proxy too",
        [num_args = 0..=1, default_missing_value = "true", value_name = "BOOL"];
    max_connections_per_address: usize = 2_000,
        "Connections from one address, such as a class behind one router; more get 429. Not counted: this machine's own, and trusted proxies, behind which WebSockets, streams and polls count for the address that is forwarded [default: 2000]";
    body_timeout: Span = Span::ms(10_000),
        "How long a request's body may take; each byte that came adds what it takes at min_rate; slower ones get 408 [default: 10s]";
    answer_timeout: Span = Span::ms(30_000),
        "A client that takes an answer or stream slower than min_rate for this long is disconnected [default: 30s]";
    min_rate: u64 = 500,
        "Bytes a second that a client must at least send of a body, or take of an answer that waits for it [default: 500]";
    publish_rate: u32 = 2_000,
        "Publications a second that one address may make over plain transports and Socket.IO, and twice as many at once; more get 429. This machine's own are not counted; 0: any number [default: 2000]";
}

fn from_environment<T: FromStr>(name: &str) -> Result<Option<T>, ConfigError>
where
    T::Err: fmt::Display,
{
    let variable = format!("PUSHLAB_{}", name.to_uppercase());
    let value = match env::var(&variable) {
        Ok(value) => value,
        Err(env::VarError::NotPresent) => return Ok(None),
        Err(env::VarError::NotUnicode(value)) => {
            return Err(ConfigError::BadVariable {
                variable,
                value: value.to_string_lossy().into_owned(),
                why: "it is not UTF-8".to_owned(),
            });
        }
    };
    match value.parse() {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) => Err(ConfigError::BadVariable {
            why: T::Err::to_string(&error),
            variable,
            value,
        }),
    }
}

/// Where data is kept: the folder that was named, or the system's place for it (XDG Base Directory
/// Specification, `XDG_DATA_HOME`), so that a run finds the lab's folder from wherever it starts.
/// The default is not among the effective settings, for results are shown to others and a home
/// has its owner's name.
pub fn data_folder(named: &Path) -> PathBuf {
    if !named.as_os_str().is_empty() {
        return named.to_path_buf();
    }
    let absolute = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let home = |below: &str| absolute("HOME").map(|home| home.join(below));
    let place = match env::consts::OS {
        "macos" => home("Library/Application Support"),
        // Known Folders: what belongs to one user on one machine.
        "windows" => absolute("LOCALAPPDATA"),
        _ => absolute("XDG_DATA_HOME").or_else(|| home(".local/share")),
    };
    place.map_or_else(
        || PathBuf::from("pushlab-data"),
        |place| place.join("pushlab"),
    )
}

impl Config {
    /// Puts the layers together and checks the result.
    pub fn load(flags: Settings, file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_with(flags, file, Settings::default())
    }

    /// As [`Self::load`], with other defaults where `defaults` has some.
    pub fn load_with(
        flags: Settings,
        file: Option<&Path>,
        defaults: Settings,
    ) -> Result<Self, ConfigError> {
        let file = match file {
            Some(path) => read_file(path)?,
            None => Settings::default(),
        };
        let environment = Settings::from_environment(&flags)?;
        let config = Self::from_layers(&[flags, environment, file, defaults]);
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let second = Duration::from_secs(1);
        let rules: [(&'static str, String, bool, &'static str); 12] = [
            (
                "workers",
                self.workers.to_string(),
                (1..=60).contains(&self.workers),
                "choose 1 to 60",
            ),
            (
                "port",
                self.port.to_string(),
                self.port == 0 || self.single_port || self.port <= 65_500,
                "leave room for the lanes' ports above it: at most 65500",
            ),
            (
                "tcp_keepalive",
                self.tcp_keepalive.to_string(),
                self.tcp_keepalive.0 >= second,
                "the system counts whole seconds: at least 1s",
            ),
            (
                "request_timeout",
                self.request_timeout.to_string(),
                self.request_timeout.0 >= second,
                "the HTTP server's clock ticks twice a second: at least 1s",
            ),
            (
                "heartbeat",
                self.heartbeat.to_string(),
                !self.heartbeat.0.is_zero(),
                "choose more than 0s",
            ),
            (
                "long_poll_hold",
                self.long_poll_hold.to_string(),
                self.long_poll_hold.0 <= self.long_poll_hold_max.0,
                "it must not be over long_poll_hold_max",
            ),
            (
                "socketio_admin_password",
                self.socketio_admin_password.to_string(),
                self.socketio_admin_password.is_empty() || self.socketio_admin_password.len() >= 8,
                "choose at least 8 bytes",
            ),
            (
                "max_connections",
                self.max_connections.to_string(),
                self.max_connections > 0,
                "choose at least 1",
            ),
            (
                "presenter_token",
                self.presenter_token.to_string(),
                self.presenter_token.is_empty()
                    || presenter::is_token(self.presenter_token.reveal()),
                "choose at least 16 bytes of A-Z a-z 0-9 - _ . ~, which an address takes as they are",
            ),
            (
                "max_connections_per_address",
                self.max_connections_per_address.to_string(),
                self.max_connections_per_address > 0,
                "choose at least 1",
            ),
            (
                "body_timeout",
                self.body_timeout.to_string(),
                !self.body_timeout.0.is_zero(),
                "choose more than 0s",
            ),
            (
                "answer_timeout",
                self.answer_timeout.to_string(),
                self.answer_timeout.0 >= second,
                "choose at least 1s",
            ),
        ];
        match rules.into_iter().find(|rule| !rule.2) {
            None => {
                apps::check(&self.apps).map_err(|(name, value, expected)| ConfigError::OutOfRange {
                    name,
                    value,
                    expected,
                })
            }
            Some((name, value, _, expected)) => Err(ConfigError::OutOfRange {
                name,
                value,
                expected,
            }),
        }
    }

    /// The settings as visitors and saved results see them: of files and folders only that they
    /// are set, since a path has its owner's name.
    pub fn shown(&self) -> serde_json::Value {
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        for path in ["assets", "lessons", "data_dir", "tls_cert", "tls_key"] {
            if let Some(text) = shown.get_mut(path)
                && *text != ""
            {
                *text = "(set)".into();
            }
        }
        shown
    }

    /// Whether lanes speak TLS.
    pub fn is_tls(&self) -> bool {
        self.tls_self_signed || !self.tls_cert.as_os_str().is_empty()
    }

    /// Of the lanes' addresses.
    pub fn scheme(&self) -> &'static str {
        if self.is_tls() { "https" } else { "http" }
    }

    /// The settings that bound the node: channels, histories, presence, rates.
    pub fn node_limits(&self) -> NodeLimits {
        NodeLimits {
            broker: MemoryLimits {
                history: HistoryLimits {
                    max_count: self.history_max_count,
                    max_bytes: self.history_max_bytes,
                    max_age_us: self.history_max_age.0.as_micros() as u64,
                    ids: IdLimits {
                        max_count: self.idempotence_max_ids,
                        max_bytes: IDS_MAX_BYTES,
                        max_age_us: self.idempotence_window.0.as_micros() as u64,
                    },
                },
                max_channels: self.max_channels,
                budget_bytes: self.history_budget_bytes,
            },
            presence_max_members: self.presence_max_members,
            latest_max_age_us: self.cache_max_age.0.as_micros() as u64,
            coalesce: self.coalesce,
            publish_rate: self.publish_rate,
            max_channels_per_address: self.max_channels_per_address,
            max_sessions_per_address: self.max_connections_per_address,
        }
    }

    /// How slowly a request's body may come.
    pub fn body_pace(&self) -> Pace {
        Pace {
            patience: self.body_timeout.0,
            bytes_per_s: self.min_rate,
        }
    }

    /// The settings of each connection's socket.
    pub fn tcp_options(&self) -> TcpOptions {
        TcpOptions {
            keepalive: self.tcp_keepalive.0,
            probes: self.tcp_keepalive_probes,
            unacknowledged: self.tcp_unacknowledged.0,
            send_buffer_bytes: self.tcp_send_buffer,
            answers: Pace {
                patience: self.answer_timeout.0,
                bytes_per_s: self.min_rate,
            },
        }
    }
}

fn read_file(path: &Path) -> Result<Settings, ConfigError> {
    let named = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: named.clone(),
        source,
    })?;
    toml::from_str(&text).map_err(|source| ConfigError::BadFile {
        path: named,
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<Settings, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn the_first_layer_that_gives_a_setting_wins() {
        let flags = settings("port = 1").unwrap();
        let file = settings("port = 2\nheartbeat = '5s'\nlog_format = 'json'").unwrap();
        let config = Config::from_layers(&[flags, file]);
        assert_eq!(config.port, 1);
        assert_eq!(config.heartbeat.0, Duration::from_secs(5));
        assert_eq!(config.log_format, LogFormat::Json);
        assert_eq!(config.history_max_count, 1_000);
    }

    #[test]
    fn unknown_settings_and_bad_values_are_refused() {
        assert!(settings("prot = 1").is_err());
        assert!(settings("port = 70000").is_err());
        let error = settings("heartbeat = '5 bananas'").unwrap_err();
        assert!(error.to_string().contains("like 250ms"), "{error}");
    }

    #[test]
    fn impossible_settings_are_named() {
        let config = Config {
            workers: 0,
            ..Config::default()
        };
        let error = config.check().unwrap_err().to_string();
        assert_eq!(error, "workers is 0; choose 1 to 60");
        assert!(Config::default().check().is_ok());
    }

    #[test]
    fn of_paths_visitors_see_only_that_they_are_set() {
        let config = Config {
            data_dir: "/home/ann/lab".into(),
            tls_key: "/home/ann/key.pem".into(),
            ..Config::default()
        };
        let shown = config.shown();
        assert_eq!(
            (&shown["data_dir"], &shown["assets"]),
            (&"(set)".into(), &"".into())
        );
        assert!(!shown.to_string().contains("/home"), "{shown}");
    }

    #[test]
    fn durations_read_back_what_they_write() {
        for text in ["250ms", "25s", "1m 15s", "0s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }
}
