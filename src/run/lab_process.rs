//! The lab that a run measures: one it starts as a child process of the same binary, so that
//! server and generator never share a thread, or one that runs already.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io::{self, BufRead, BufReader},
    net::{SocketAddr, ToSocketAddrs},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    rc::Rc,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, de::DeserializeOwned};

use super::{plan::Plan, server_stats::Snapshot};
use crate::client::{
    Ended, Tally, Target,
    connection::{Connection, Road},
    http,
};
use crate::lane::conditions::Conditions;

/// How long a lab may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(15);
/// Exchanges that the round trip is the median of.
const ROUND_TRIPS: usize = 41;

/// Why there is no lab to measure.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error("target is {url:?}; write it like http://127.0.0.1:8080")]
    BadUrl { url: String },
    #[error("the lab at {url} cannot be reached; is it running there?")]
    Unreachable { url: String, source: Ended },
    #[error(
        "the lab at {url} has no lane {lane}; leave it out of lanes, or use a newer pushlab there"
    )]
    NoLane { url: String, lane: String },
    #[error(
        "the lab at {url} does not tell the key of an application of Pusher Channels; leave the \
         lane {lane} out"
    )]
    NoKey { url: String, lane: String },
    #[error(
        "the lab at {url} takes bodies of up to {takes} bytes and the plan's are of {needed}; choose \
         a smaller size, or start it with --body-max-bytes and --message-max-bytes {needed}"
    )]
    TooLarge {
        url: String,
        takes: u64,
        needed: u64,
    },
    #[error(
        "the lab at {url} did not take the conditions {conditions:?} for {lane}; does its version \
         know them, and does it run without --single-port?"
    )]
    NoConditions {
        url: String,
        lane: String,
        conditions: String,
        source: Ended,
    },
    #[error("the lab could not be started")]
    NotStarted { source: io::Error },
    #[error("the lab that was started ended at once; what it said is above")]
    EndedAtOnce,
}

/// A lab within reach.
pub struct LabProcess {
    url: String,
    main: Target,
    lanes: BTreeMap<String, Target>,
    app_key: Option<String>,
    /// `None` once it was killed, and for a lab that is none of this run's.
    child: RefCell<Option<Child>>,
    is_killed: Cell<bool>,
    /// What the lab says of itself and its host.
    pub facts: Facts,
}

/// Parts of `GET /api/lab` that go into a report.
#[derive(Debug, Clone, Deserialize)]
pub struct Facts {
    pub version: String,
    pub settings: serde_json::Value,
    pub fairness: Vec<String>,
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
    /// The lab that the plan names, or as many new ones as it wants; one at least.
    pub async fn reach(plan: &Plan) -> Result<Vec<Self>, LabError> {
        if !plan.target.is_empty() {
            let lab = Self::at(&plan.target, None, None).await?;
            lab.check_size(plan)?;
            return Ok(vec![lab]);
        }
        let mut labs = Vec::new();
        for _ in 0..plan.nodes.max(1) {
            let (child, url, app_key) = start(plan)?;
            labs.push(Self::at(&url, Some(child), app_key).await?);
        }
        Ok(labs)
    }

    /// Refuses publications that this lab would refuse.
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
        child: Option<ChildLab>,
        app_key: Option<String>,
    ) -> Result<Self, LabError> {
        let main = target(url)?;
        let facts: Facts =
            ask(&main, "/api/lab")
                .await
                .map_err(|source| LabError::Unreachable {
                    url: url.to_owned(),
                    source,
                })?;
        let mut lanes = BTreeMap::new();
        for lane in &facts.lanes {
            lanes.insert(lane.lane.clone(), target(&lane.url)?);
        }
        let app_key = app_key.or(facts.demo_app.as_ref().map(|app| app.key.clone()));
        Ok(Self {
            url: url.to_owned(),
            main,
            lanes,
            app_key,
            child: RefCell::new(child.map(ChildLab::release)),
            is_killed: Cell::new(false),
            facts,
        })
    }

    pub fn main(&self) -> &Target {
        &self.main
    }

    /// Where a lane is, as far away as the plan wants it.
    pub fn lane(&self, lane: &str, road: Road) -> Result<Target, LabError> {
        let (url, lane) = (self.url.clone(), lane.to_owned());
        if lane == "channels" && self.app_key.is_none() {
            return Err(LabError::NoKey { url, lane });
        }
        match self.lanes.get(&lane) {
            Some(target) => Ok(Target {
                road,
                ..target.clone()
            }),
            None => Err(LabError::NoLane { url, lane }),
        }
    }

    /// Ends a lab that this run started, as a crash would.
    pub fn kill(&self) {
        if let Some(child) = self.child.take() {
            end(child);
            self.is_killed.set(true);
        }
    }

    pub fn is_killed(&self) -> bool {
        self.is_killed.get()
    }

    pub fn app_key(&self) -> Option<&str> {
        self.app_key.as_deref()
    }

    /// The server's process; `None` where it is none of this run's.
    pub fn pid(&self) -> Option<u32> {
        self.child.borrow().as_ref().map(Child::id)
    }

    pub async fn snapshot(&self) -> Result<Snapshot, LabError> {
        ask(&self.main, "/api/stats")
            .await
            .map_err(|source| self.unreachable(source))
    }

    /// Puts conditions on a lane, or lifts them. `from_us`: when tunnels and cuts begin to count.
    pub async fn put_conditions(
        &self,
        lane: &str,
        conditions: Option<&Conditions>,
        seed: u64,
        from_us: u64,
    ) -> Result<(), LabError> {
        let path = format!("/api/conditions/{lane}");
        let request = match conditions {
            None => http::request("DELETE", &self.main, &path, "", b""),
            Some(conditions) => {
                let body = serde_json::json!({
                    "conditions": format!("{conditions:#}"),
                    "seed": seed,
                    "from_us": from_us,
                });
                let body = body.to_string();
                let headers = "Content-Type: application/json\r\n";
                http::request("PUT", &self.main, &path, headers, body.as_bytes())
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
            source,
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

    /// There and back, the server's own time included: the median of some exchanges.
    pub async fn round_trip_us(&self) -> Result<u64, LabError> {
        let exchange = async {
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
    (plan.size.max(blob) + ENVELOPE_BYTES) as u64
}

/// Limits that a lab needs for a plan's publications, where the usual ones do not do: with each
/// setting's name. The history and the queues hold as many as they would of common ones.
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
    .flat_map(|(name, bytes)| [name.to_owned(), bytes.to_string()])
    .collect()
}

/// Starts this very binary as a server on free ports.
fn start(plan: &Plan) -> Result<(ChildLab, String, Option<String>), LabError> {
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
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Ctrl-C is for the run, which then ends its lab in good order.
        .process_group(0);
    end_with_parent(&mut command);
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
    Ok((child, url, started.demo_app.map(|app| app.key)))
}

/// A run that is killed leaves no lab behind: the kernel ends the child with the thread that
/// started it, which is the main one.
#[cfg(target_os = "linux")]
fn end_with_parent(command: &mut Command) {
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

/// Where `http://host:port` is.
fn target(url: &str) -> Result<Target, LabError> {
    let bad = || LabError::BadUrl {
        url: url.to_owned(),
    };
    let host = url
        .strip_prefix("http://")
        .ok_or_else(bad)?
        .trim_end_matches('/');
    let with_port = match host.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => host.to_owned(),
        _ => format!("{host}:80"),
    };
    let address: SocketAddr = with_port
        .to_socket_addrs()
        .ok()
        .and_then(|mut all| all.next())
        .ok_or_else(bad)?;
    Ok(Target {
        address,
        host: host.to_owned(),
        road: Road::default(),
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
        let local = target("http://127.0.0.1:8080/").unwrap();
        assert_eq!(local.address, SocketAddr::from(([127, 0, 0, 1], 8080)));
        assert_eq!(local.host, "127.0.0.1:8080");
        assert_eq!(target("http://127.0.0.1").unwrap().address.port(), 80);
        for url in ["127.0.0.1:8080", "ws://x", "http://", "http://a b:1"] {
            assert!(matches!(target(url), Err(LabError::BadUrl { .. })), "{url}");
        }
    }
}
