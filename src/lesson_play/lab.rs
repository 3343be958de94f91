//! The lab that lessons are played in: a child process on free ports, with a folder of its own for
//! what it keeps, which goes when the lab does.

use std::{
    fs, io,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use serde::Deserialize;
use url::Url;

use super::PlayError;
use crate::{
    client::{Target, connection::SimulatedLink},
    config::presenter,
    run::lab_process::belong_to_this_thread,
    system,
};

/// How long a lab may take to start.
const PATIENCE: Duration = Duration::from_secs(15);

/// See the module. It ends when this is dropped.
pub struct OwnLab {
    child: Child,
    data: PathBuf,
    pub main: Target,
    /// The presenter's.
    pub token: String,
}

#[derive(Deserialize)]
struct Started {
    listening: Vec<Listening>,
}

#[derive(Deserialize)]
struct Listening {
    lane: String,
    url: String,
}

impl OwnLab {
    /// `lessons`: a teacher's own.
    pub async fn start(lessons: Option<&Path>) -> Result<Self, PlayError> {
        let program = std::env::current_exe().map_err(PlayError::NotStarted)?;
        let data = folder().map_err(PlayError::NotStarted)?;
        let token = presenter::make();
        let mut command = Command::new(program);
        command
            .args(["serve", "--port", "0", "--host", "127.0.0.1", "--json"])
            .args(["--log", "error"])
            .arg("--data-dir")
            .arg(&data)
            .env("PUSHLAB_PRESENTER_TOKEN", &token)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(lessons) = lessons {
            command.arg("--lessons").arg(lessons);
        }
        belong_to_this_thread(&mut command);
        let spawned = command.spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                remove(&data);
                return Err(PlayError::NotStarted(error));
            }
        };
        let stdout = child.stdout.take();
        let mut lab = Self {
            child,
            data,
            main: nowhere(),
            token,
        };
        let (send, first_line) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            if let Some(stdout) = stdout
                && BufReader::new(stdout).read_line(&mut line).is_ok()
            {
                let _ = send.send(line);
            }
        });
        let line = match first_line.recv_timeout(PATIENCE) {
            Ok(line) if !line.is_empty() => line,
            Ok(_) | Err(RecvTimeoutError::Disconnected) => return Err(PlayError::EndedAtOnce),
            Err(RecvTimeoutError::Timeout) => return Err(PlayError::TooSlow(PATIENCE)),
        };
        lab.main = main_lane(&line).ok_or(PlayError::Unreadable(line))?;
        Ok(lab)
    }
}

impl Drop for OwnLab {
    /// Nothing of it is needed any more: it is killed, and waited for so that no zombie stays.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        remove(&self.data);
    }
}

/// Where the main lane listens, by what a lab says first.
fn main_lane(line: &str) -> Option<Target> {
    let started: Started = serde_json::from_str(line).ok()?;
    let mut listening = started.listening.into_iter();
    target(&listening.find(|it| it.lane == "main")?.url)
}

fn nowhere() -> Target {
    Target {
        address: ([127, 0, 0, 1], 0).into(),
        host: String::new(),
        link: SimulatedLink::default(),
        tls: None,
        compress: None,
        coding: None,
    }
}

/// Of a lab on this machine, without TLS.
fn target(url: &str) -> Option<Target> {
    let url = Url::parse(url).ok()?;
    let addresses = url.socket_addrs(|| None).ok()?;
    let address = *addresses.first()?;
    Some(Target {
        address,
        host: format!("{}:{}", url.host_str()?, address.port()),
        ..nowhere()
    })
}

/// A new one, for this user alone.
fn folder() -> io::Result<PathBuf> {
    let name = format!("pushlab-play-{:016x}", rand::random::<u64>());
    let folder = std::env::temp_dir().join(name);
    system::folders_for_their_owner().create(&folder)?;
    Ok(folder)
}

fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder) {
        tracing::warn!(%error, folder = %folder.display(), "a folder could not be removed");
    }
}
