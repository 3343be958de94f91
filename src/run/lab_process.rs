//! The lab that a run measures: one it starts as a child process of the same binary, so that
//! server and generator never share a thread, or one that runs already.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io::{self, BufRead, BufReader},
    net::ToSocketAddrs,
    process::{Child, Command, Stdio},
    rc::Rc,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use super::{
    destination::{Address, Destination, Peer},
    plan::Plan,
    publish_connection::PublishTarget,
    server_settings,
    server_stats::Snapshot,
};
use crate::{
    catalogue::{self, CHANNELS},
    client::{
        Ended, Tally, Target,
        connection::{Connection, SimulatedLink},
        http,
        tls::{Tls, Trust, TrustError},
    },
    clock,
    config::presenter,
    lane::conditions::Conditions,
    system,
};

/// How long a lab may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(15);
/// Exchanges that the round trip is the median of.
const ROUND_TRIPS: usize = 41;

/// Why there is no lab to measure.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A target that is no address.
    #[error("the lab says that a lane is at {url:?}, which is no address")]
    BadUrl {
        /// As it was given.
        url: String,
    },
    /// Nobody answers there.
    #[error(
        "target is {url}, which cannot be reached; is it running there?{}",
        trusting(url)
    )]
    Unreachable {
        /// The address.
        url: String,
        /// What went wrong.
        source: Ended,
    },
    /// The host has no address.
    #[error("target is {url}, whose host is not known; is it spelt right?")]
    UnknownHost {
        /// As it was given.
        url: String,
    },
    /// The certificate cannot be judged.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The target has no such lane.
    #[error(
        "the lab at {url} has no lane {lane}; leave it out of lanes, or use a newer pushlab there"
    )]
    NoLane {
        /// The address.
        url: String,
        /// The lane.
        lane: String,
    },
    /// The target does not tell its demo application's key.
    #[error(
        "the lab at {url} does not tell the key of an application of Pusher Channels; leave the \
         lane {lane} out"
    )]
    NoKey {
        /// The address.
        url: String,
        /// The lane that needs it.
        lane: String,
    },
    /// The target has another setting than the run asks for.
    #[error(
        "the lab at {url} has {name} = {has}, and the plan wants {wanted}; start it with \
         --{flag} {wanted}, or take {name} out of the plan's server"
    )]
    OtherSettings {
        /// The address.
        url: String,
        /// The setting.
        name: String,
        /// The flag by which it is set.
        flag: String,
        /// What it has.
        has: String,
        /// What the run asks for.
        wanted: String,
    },
    /// The target takes no bodies as large as the run publishes.
    #[error(
        "the lab at {url} takes bodies of up to {takes} bytes and the plan's are of {needed}; choose \
         a smaller size, or start it with --body-max-bytes and --message-max-bytes {needed}"
    )]
    TooLarge {
        /// The address.
        url: String,
        /// The most that it takes, bytes.
        takes: u64,
        /// What is needed, bytes.
        needed: u64,
    },
    /// The target does not set these conditions.
    #[error(
        "the lab at {url} did not take the conditions {conditions:?} for {lane}; does its version \
         know them, and does it run without --single-port?"
    )]
    NoConditions {
        /// The address.
        url: String,
        /// The lane.
        lane: String,
        /// The conditions.
        conditions: String,
        /// What it answered.
        source: Box<Ended>,
    },
    /// The lab's process could not be started.
    #[error("the lab could not be started")]
    NotStarted {
        /// What the system says.
        source: io::Error,
    },
    /// The lab's process ended before it listened.
    #[error("the lab that was started ended at once; what it said is above")]
    EndedAtOnce,
}

/// What else may be wrong where TLS is spoken.
fn trusting(url: &str) -> &'static str {
    match url.split_once("s://") {
        Some(_) => " Is its certificate trusted? --ca FILE names one, --insecure takes any",
        None => "",
    }
}

/// A lab within reach.
pub struct LabProcess {
    url: String,
    main: Target,
    lanes: BTreeMap<String, Target>,
    app_key: Option<String>,
    /// `None` once it was killed, and for a server that is none of this run's.
    child: RefCell<Option<Child>>,
    is_killed: Cell<bool>,
    peer: Option<Peer>,
    /// The presenter's, where this run started the lab.
    token: Option<String>,
    /// What the lab says of itself and its host.
    pub facts: Facts,
}

/// Parts of `GET /api/lab` that go into a report.
#[derive(Debug, Clone, Deserialize)]
pub struct Facts {
    /// Of the server.
    pub version: String,
    /// Effective settings, without secrets.
    pub settings: serde_json::Value,
    /// What is alike for all lanes, in sentences.
    pub fairness: Vec<String>,
    /// The server's machine.
    pub host: serde_json::Value,
    lanes: Vec<LaneFacts>,
    #[serde(default)]
    demo_app: Option<App>,
}

#[derive(Debug, Clone, Deserialize)]
struct LaneFacts {
    lane: String,
    url: String,
}

#[derive(Debug, Clone, Deserialize)]
struct App {
    key: String,
}

impl LabProcess {
    /// What the plan names, or as many new labs as it wants: one at least. New ones run on `cores`,
    /// where there are some for them.
    pub async fn reach(plan: &Plan, cores: Option<&[usize]>) -> Result<Vec<Self>, LabError> {
        let destination = plan.destination().unwrap_or(Destination::Own);
        let lab = match &destination {
            Destination::Own => {
                let mut labs = Vec::new();
                for _ in 0..plan.nodes.max(1) {
                    let (child, url, app_key, token) = start(plan, cores)?;
                    let mut lab = Self::at(&url, &Trust::System, Some(child), app_key).await?;
                    lab.token = Some(token);
                    labs.push(lab);
                }
                return Ok(labs);
            }
            Destination::Lab(_) => {
                Self::at(&destination.to_string(), &plan.trust(), None, None).await?
            }
            Destination::Peer(address, peer) => {
                let target = located(&destination.to_string(), address, &plan.trust())?;
                Self::of_peer(destination.to_string(), target, peer).await?
            }
        };
        lab.expect_settings(&plan.server)?;
        lab.check_size(plan)?;
        Ok(vec![lab])
    }

    /// Refuses publications that this lab would refuse. Another server's limits are not known.
    fn check_size(&self, plan: &Plan) -> Result<(), LabError> {
        let needed = body_bytes(plan);
        let takes = self.facts.settings["body_max_bytes"].as_u64();
        match takes {
            Some(takes) if takes < needed => Err(LabError::TooLarge {
                url: self.url.clone(),
                takes,
                needed,
            }),
            _ => Ok(()),
        }
    }

    async fn at(
        url: &str,
        trust: &Trust,
        child: Option<ChildLab>,
        app_key: Option<String>,
    ) -> Result<Self, LabError> {
        let main = target(url, trust)?;
        let facts: Facts =
            ask(&main, "/api/lab")
                .await
                .map_err(|source| LabError::Unreachable {
                    url: url.to_owned(),
                    source,
                })?;
        let mut lanes = BTreeMap::new();
        for lane in &facts.lanes {
            lanes.insert(lane.lane.clone(), target(&lane.url, trust)?);
        }
        let app_key = app_key.or(facts.demo_app.as_ref().map(|app| app.key.clone()));
        Ok(Self {
            url: url.to_owned(),
            main,
            lanes,
            app_key,
            child: RefCell::new(child.map(ChildLab::release)),
            is_killed: Cell::new(false),
            peer: None,
            token: None,
            facts,
        })
    }

    /// With these lanes at these addresses, in place of what it says of them.
    ///
    /// # Errors
    ///
    /// One is no address.
    pub fn with_lanes(mut self, lanes: &[(String, String)]) -> Result<Self, LabError> {
        for (lane, url) in lanes {
            let target = target(url, &Trust::Anything)?;
            self.lanes.insert(lane.clone(), target);
        }
        Ok(self)
    }

    fn expect_settings(&self, wanted: &str) -> Result<(), LabError> {
        let mut apart = server_settings::differences(wanted, &self.facts.settings);
        match apart.pop() {
            None => Ok(()),
            Some((name, has, wanted)) => Err(LabError::OtherSettings {
                url: self.url.clone(),
                flag: name.replace('_', "-"),
                name,
                has,
                wanted,
            }),
        }
    }

    /// A server that is no lab, or is measured as if it were none. Of it is known only what its
    /// protocol tells and what the clients count.
    async fn of_peer(url: String, main: Target, peer: &Peer) -> Result<Self, LabError> {
        if let Err(source) = connect(&main).await {
            return Err(LabError::Unreachable { url, source });
        }
        let lanes = peer.lanes().into_iter();
        Ok(Self {
            lanes: lanes.map(|lane| (lane.to_owned(), main.clone())).collect(),
            app_key: match peer {
                Peer::Pusher(app) => Some(app.key.clone()),
                Peer::Socketio(_) => None,
            },
            child: RefCell::default(),
            is_killed: Cell::default(),
            peer: Some(peer.clone()),
            token: None,
            facts: Facts {
                version: format!("not told by {url}"),
                settings: serde_json::Value::Null,
                fairness: vec![
                    format!("The server at {url} ran as it was, measured through its protocol."),
                    "Bytes and requests were counted by the clients; what only a server can tell, \
                     as its processor time, drops and TCP segments, is left out."
                        .to_owned(),
                ],
                host: serde_json::Value::Null,
                lanes: Vec::new(),
                demo_app: None,
            },
            url,
            main,
        })
    }

    /// The protocol of a server that is no lab.
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// How publications get there.
    pub fn publish_target(&self) -> PublishTarget {
        PublishTarget {
            main: self.main.clone(),
            peer: self.peer.clone(),
        }
    }

    /// Where the lab's own API is.
    pub fn main(&self) -> &Target {
        &self.main
    }

    /// Where a lane is, as far away as the plan wants it.
    pub fn lane(&self, lane: &str, link: SimulatedLink) -> Result<Target, LabError> {
        let (url, lane) = (self.url.clone(), lane.to_owned());
        let known = catalogue::lane(&lane);
        let is_of_channels = known.is_some_and(|known| known.protocol == CHANNELS.protocol);
        if is_of_channels && self.app_key.is_none() {
            return Err(LabError::NoKey { url, lane });
        }
        match self.lanes.get(&lane) {
            Some(target) => Ok(Target {
                link,
                ..target.clone()
            }),
            None => Err(self.no_lane(&lane)),
        }
    }

    /// The error for a lane that this lab does not have.
    pub fn no_lane(&self, lane: &str) -> LabError {
        LabError::NoLane {
            url: self.url.clone(),
            lane: lane.to_owned(),
        }
    }

    /// Ends a lab that this run started, as a crash would.
    pub fn kill(&self) {
        if let Some(child) = self.child.take() {
            end(child);
            self.is_killed.set(true);
        }
    }

    /// Whether it was killed as the plan says.
    pub fn is_killed(&self) -> bool {
        self.is_killed.get()
    }

    /// Of its demo application; `None` where it told none.
    pub fn app_key(&self) -> Option<&str> {
        self.app_key.as_deref()
    }

    /// The server's process; `None` where it is none of this run's.
    pub fn pid(&self) -> Option<u32> {
        self.child.borrow().as_ref().map(Child::id)
    }

    /// Nothing where the server is no lab.
    pub async fn snapshot(&self) -> Result<Snapshot, LabError> {
        if self.peer.is_some() {
            return Ok(Snapshot::default());
        }
        ask(&self.main, "/api/stats")
            .await
            .map_err(|source| self.unreachable(source))
    }

    /// Whether the lab keeps to a plan of the hosted service.
    pub fn has_quota(&self) -> bool {
        self.facts.settings["sandbox_plan"] == true
    }

    /// Messages that the hosted service would have counted today, and how many its plan has.
    pub async fn messages(&self) -> Result<(u64, u64), LabError> {
        #[derive(Deserialize)]
        struct Usage {
            messages: Messages,
        }
        #[derive(Deserialize)]
        struct Messages {
            today: u64,
            limit: u64,
        }
        let usage: Result<Usage, Ended> = ask(&self.main, "/api/apps/usage").await;
        usage
            .map(|usage| (usage.messages.today, usage.messages.limit))
            .map_err(|source| self.unreachable(source))
    }

    /// Puts conditions on a lane, or lifts them. `from_us`: when tunnels and cuts begin to
    /// count, on [`clock::now_us`]; the lab is told the time of day.
    pub async fn put_conditions(
        &self,
        lane: &str,
        conditions: Option<&Conditions>,
        seed: u64,
        from_us: u64,
    ) -> Result<(), LabError> {
        let path = format!("/api/conditions/{lane}");
        let token = self.token.clone().or_else(|| {
            let url = Url::parse(&self.url).ok()?;
            presenter::token_for(url.host_str()?)
        });
        let bearer = token.map_or_else(String::new, |token| {
            format!("Authorization: Bearer {token}\r\n")
        });
        let request = match conditions {
            None => http::request("DELETE", &self.main, &path, &bearer, b""),
            Some(conditions) => {
                let body = serde_json::json!({
                    "conditions": format!("{conditions:#}"),
                    "seed": seed,
                    "from_us": clock::time_of_day_at(from_us),
                });
                let body = body.to_string();
                let headers = format!("Content-Type: application/json\r\n{bearer}");
                http::request("PUT", &self.main, &path, &headers, body.as_bytes())
            }
        };
        let exchange = async {
            let mut io = connect(&self.main).await?;
            io.send(&request).await?;
            let head = http::read_head(&mut io).await?;
            let body = http::read_body(&mut io, &head).await?;
            http::expect(200, head.status, &path, &body)
        };
        exchange.await.map_err(|source| LabError::NoConditions {
            url: self.url.clone(),
            lane: lane.to_owned(),
            conditions: conditions.map(ToString::to_string).unwrap_or_default(),
            source: Box::new(source),
        })
    }

    /// The epoch of a channel's history.
    pub async fn epoch(&self, channel: &str) -> Result<String, LabError> {
        #[derive(Deserialize)]
        struct History {
            epoch: String,
        }
        let path = format!("/api/channels/{channel}/history?limit=1");
        let history: Result<History, Ended> = ask(&self.main, &path).await;
        history
            .map(|history| history.epoch)
            .map_err(|source| self.unreachable(source))
    }

    /// There and back: the median of some exchanges. A lab's own time is included; of other
    /// servers it is the kernel's, which answers a connection.
    pub async fn round_trip_us(&self) -> Result<u64, LabError> {
        let exchange = async {
            if self.peer.is_some() {
                let mut all = Vec::with_capacity(ROUND_TRIPS);
                for _ in 0..ROUND_TRIPS {
                    let asked = Instant::now();
                    tokio::net::TcpStream::connect(self.main.address).await?;
                    all.push(asked.elapsed().as_micros() as u64);
                }
                all.sort_unstable();
                return Ok(all[ROUND_TRIPS / 2]);
            }
            let mut io = connect(&self.main).await?;
            let mut all = Vec::with_capacity(ROUND_TRIPS);
            for _ in 0..ROUND_TRIPS {
                let asked = Instant::now();
                http::ask(&mut io, &self.main, "/api/clock").await?;
                all.push(asked.elapsed().as_micros() as u64);
            }
            all.sort_unstable();
            Ok(all[ROUND_TRIPS / 2])
        };
        exchange.await.map_err(|source| self.unreachable(source))
    }

    fn unreachable(&self, source: Ended) -> LabError {
        LabError::Unreachable {
            url: self.url.clone(),
            source,
        }
    }
}

impl Drop for LabProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A child that is ended unless it is released.
struct ChildLab(Option<Child>);

impl ChildLab {
    fn release(mut self) -> Child {
        self.0.take().expect("a child is released once, by value")
    }
}

impl Drop for ChildLab {
    fn drop(&mut self) {
        if let Some(child) = self.0.take() {
            end(child);
        }
    }
}

/// Nothing of it is needed any more: it is killed, and waited for so that no zombie stays.
fn end(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// The longest body or message that a plan makes its publishers send.
fn body_bytes(plan: &Plan) -> u64 {
    const ENVELOPE_BYTES: usize = 256;
    let blob = if plan.blob_every.0.is_zero() {
        0
    } else {
        plan.blob_size
    };
    // A plan whose messages cannot be read any more is refused when they are to be published.
    let content = plan.content();
    let largest = content.map_or(plan.size, |content| content.largest_bytes());
    (largest.max(blob) + ENVELOPE_BYTES) as u64
}

/// Limits that a lab needs for a plan's publications, where the usual ones do not do and the plan
/// does not name others: with each setting's name. The history and the queues hold as many as they would of common ones.
fn limits(plan: &Plan) -> Vec<String> {
    const USUAL_MAX_BYTES: u64 = 65_536;
    const HELD: u64 = 32;
    let needed = body_bytes(plan);
    if needed <= USUAL_MAX_BYTES {
        return Vec::new();
    }
    [
        ("--body-max-bytes", needed),
        ("--message-max-bytes", needed),
        ("--history-max-bytes", needed * HELD),
        ("--subscriber-queue-max-bytes", needed * HELD),
    ]
    .into_iter()
    .filter(|(name, _)| {
        let same = format!("{name}=");
        let named = server_settings::flags(&plan.server);
        !named.iter().any(|flag| flag.starts_with(&same))
    })
    .flat_map(|(name, bytes)| [name.to_owned(), bytes.to_string()])
    .collect()
}

/// Starts this very binary as a server on free ports.
fn start(
    plan: &Plan,
    cores: Option<&[usize]>,
) -> Result<(ChildLab, String, Option<String>, String), LabError> {
    #[derive(Deserialize)]
    struct Started {
        listening: Vec<LaneFacts>,
        #[serde(default)]
        demo_app: Option<App>,
    }
    let not_started = |source| LabError::NotStarted { source };
    let program = std::env::current_exe().map_err(not_started)?;
    let mut command = Command::new(program);
    command
        .args(["serve", "--port", "0", "--host", "127.0.0.1", "--json"])
        .args(["--log", "error", "--workers", &plan.workers.to_string()])
        .args(limits(plan))
        .args(server_settings::flags(&plan.server))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    // A token of its own, so that it makes no file.
    let token = presenter::make();
    command.env("PUSHLAB_PRESENTER_TOKEN", &token);
    // Nor does it take the file of a lab that remembers: only one may have it.
    command.env_remove("PUSHLAB_DURABLE");
    belong_to_this_thread(&mut command);
    if let Some(cores) = cores {
        run_on(&mut command, cores.to_vec());
    }
    let mut child = command.spawn().map_err(not_started)?;
    let stdout = child.stdout.take();
    let child = ChildLab(Some(child));
    let (send, first_line) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        if let Some(stdout) = stdout
            && BufReader::new(stdout).read_line(&mut line).is_ok()
        {
            let _ = send.send(line);
        }
    });
    let line = first_line
        .recv_timeout(PATIENCE)
        .map_err(|_| LabError::EndedAtOnce)?;
    let started: Started = serde_json::from_str(&line).map_err(|_| LabError::EndedAtOnce)?;
    let main = started.listening.into_iter().find(|l| l.lane == "main");
    let url = main.ok_or(LabError::EndedAtOnce)?.url;
    Ok((child, url, started.demo_app.map(|app| app.key), token))
}

/// The child ends with the thread that starts it, and in good order before that: Ctrl-C is for
/// the parent alone, which then ends its child.
pub fn belong_to_this_thread(command: &mut Command) {
    system::away_from_ctrl_c(command);
    end_with_parent(command);
}

/// Gives the child cores of its own.
#[cfg(target_os = "linux")]
fn run_on(command: &mut Command, cores: Vec<usize>) {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec only a system call is made, with memory that is there already.
    unsafe {
        command.pre_exec(move || super::machine::pin(&cores));
    }
}

/// Other systems tell of no cores ([`machine::allowed_cores`]), so that there are none to give.
#[cfg(not(target_os = "linux"))]
fn run_on(_command: &mut Command, _cores: Vec<usize>) {}

/// A run that is killed leaves no lab behind: the kernel ends the child with the thread that
/// started it, which is the main one.
#[cfg(target_os = "linux")]
fn end_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec only `prctl` is called, which is async-signal-safe and
    // touches no memory.
    unsafe {
        command.pre_exec(
            || match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            },
        );
    }
}

/// Other systems have no such call; a run that is killed there leaves its lab behind.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_command: &mut Command) {}

/// Where `http://host:port` or `https://host:port` is.
fn target(url: &str, trust: &Trust) -> Result<Target, LabError> {
    match Destination::parse(url) {
        Ok(Destination::Lab(address)) => located(url, &address, trust),
        _ => Err(LabError::BadUrl {
            url: url.to_owned(),
        }),
    }
}

fn located(url: &str, address: &Address, trust: &Trust) -> Result<Target, LabError> {
    let bare = address.name.trim_matches(['[', ']']);
    let found = (bare, address.port).to_socket_addrs();
    let found = found.ok().and_then(|mut all| all.next());
    Ok(Target {
        address: found.ok_or_else(|| LabError::UnknownHost {
            url: url.to_owned(),
        })?,
        host: address.host.clone(),
        link: SimulatedLink::default(),
        tls: match address.tls {
            true => Some(Tls::new(&address.name, trust)?),
            false => None,
        },
        compress: None,
        coding: None,
    })
}

async fn connect(target: &Target) -> Result<Connection, Ended> {
    let (tally, cut) = (Rc::<Tally>::default(), Rc::<Cell<bool>>::default());
    Ok(Connection::open(target, tally, cut).await?)
}

async fn ask<T: DeserializeOwned>(target: &Target, path: &str) -> Result<T, Ended> {
    let mut io = connect(target).await?;
    let body = http::ask(&mut io, target, path).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Ended::NotUnderstood(format!("{path} of this lab: {error}")))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn large_publications_raise_the_limits_that_they_need() {
        let of = |size| {
            limits(&Plan {
                size,
                ..Plan::default()
            })
        };
        assert!(of(60).is_empty() && of(32_768).is_empty());
        let raised = of(256 << 10);
        assert_eq!(raised[..2], ["--body-max-bytes", "262400"]);
        assert_eq!(raised.len(), 8);
    }

    #[test]
    fn targets_are_addresses_or_say_how_to_write_one() {
        let target = |url: &str| target(url, &Trust::Anything);
        let local = target("http://127.0.0.1:8080/").unwrap();
        assert_eq!(local.address, SocketAddr::from(([127, 0, 0, 1], 8080)));
        assert_eq!(local.host, "127.0.0.1:8080");
        assert!(local.tls.is_none());
        let elsewhere = target("https://[::1]").unwrap();
        assert_eq!(elsewhere.address.port(), 443);
        assert!(elsewhere.tls.is_some());
        for url in ["127.0.0.1:8080", "ws://x", "http://", "http://a b:1"] {
            assert!(matches!(target(url), Err(LabError::BadUrl { .. })), "{url}");
        }
    }
}
