//! Runs that are started from a page: each is a child process of the same binary, so that the
//! generator shares no thread with the lab that shows it; one at a time, and none after the lab
//! was told to stop.
//!
//! ```text
//!  POST ──► Jobs ──spawns──► pushlab run - / pushlab experiment E2  --progress json
//!            ▲  ◄── progress, line by line on standard error ──┘  saves its result itself
//!            └──── watch ────► event streams of everybody who looks
//! ```
//!
//! Who may start one is asked elsewhere (`lab_api`). [`progress`] is what the two processes say to
//! each other.
//!
//! May use: `run`, `system`.

pub mod progress;

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::watch;

use self::progress::Line;
use crate::system;

/// How long a child that was told to stop may take before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(2);
/// Longest line of a child that is read as one.
const LINE_MAX_BYTES: u64 = 64 << 10;
/// Lines of a child's complaints that are kept.
const COMPLAINTS_MAX: usize = 20;

/// What is to be started.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// For people: "E2, quick", or the lanes.
    pub what: String,
    /// Its id, where it is an experiment of the catalogue.
    pub experiment: Option<&'static str>,
    /// After the name of the program.
    pub arguments: Vec<String>,
    /// For its standard input.
    pub input: String,
}

/// A job as others see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Job {
    /// One more than the one before.
    pub number: u64,
    /// What it does, for people: the command line.
    pub what: String,
    /// The experiment that it is; `None`: a run.
    pub experiment: Option<&'static str>,
    /// How far it is.
    pub state: State,
    /// How long it has run, on no clock that can be set.
    #[serde(rename = "elapsed_ms")]
    pub elapsed: Elapsed,
    /// What the child said last.
    #[serde(flatten)]
    pub progress: progress::At,
    /// Id of the saved result.
    pub saved: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
}

/// From when, and until when if it is over; as JSON in ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elapsed {
    started: Instant,
    ended: Option<Instant>,
}

impl Serialize for Elapsed {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let until = self.ended.unwrap_or_else(Instant::now);
        to.serialize_u64((until - self.started).as_millis() as u64)
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its process is alive.
    Running,
    /// It was told to stop, and ends with what it has.
    Stopping,
    /// It ended, with a result.
    Done,
    /// It ended without one.
    Failed,
}

impl State {
    /// Whether its process has ended.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum CannotStart {
    /// Another job runs, which is named; two would disturb each other.
    #[error("{0} runs already; one run at a time, since two would disturb each other")]
    Busy(String),
    /// The server stops.
    #[error("the lab is being stopped")]
    ShuttingDown,
}

/// See the module.
pub struct Jobs {
    shared: Arc<Shared>,
}

struct Shared {
    data_dir: PathBuf,
    /// The last one, and what happens to it. Written by whoever starts or stops one, and by its
    /// thread.
    job: watch::Sender<Option<Job>>,
    /// Only while it runs; its thread takes it out before it is waited for to the end, so that no
    /// signal goes to another process that has got its number.
    child: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    child: Option<Child>,
    is_closed: bool,
}

impl Jobs {
    /// `data_dir`: where children save.
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            shared: Arc::new(Shared {
                data_dir,
                job: watch::Sender::new(None),
                child: Mutex::default(),
            }),
        }
    }

    /// The last job: how it is, and every change of it from now on.
    pub fn watch(&self) -> watch::Receiver<Option<Job>> {
        self.shared.job.subscribe()
    }

    /// The job that runs, or the one that ran last.
    pub fn current(&self) -> Option<Job> {
        self.shared.job.borrow().clone()
    }

    /// Starts one, unless one runs.
    pub fn start(&self, asked: RunRequest) -> Result<Job, CannotStart> {
        if self.shared.slot().is_closed {
            return Err(CannotStart::ShuttingDown);
        }
        let mut started = Err(String::new());
        self.shared.job.send_if_modified(|job| {
            if let Some(running) = job.as_ref().filter(|job| !job.state.is_over()) {
                started = Err(running.what.clone());
                return false;
            }
            let new = Job {
                number: job.as_ref().map_or(1, |last| last.number + 1),
                what: asked.what.clone(),
                experiment: asked.experiment,
                state: State::Running,
                elapsed: Elapsed {
                    started: Instant::now(),
                    ended: None,
                },
                progress: progress::At::default(),
                saved: None,
                error: None,
            };
            *job = Some(new.clone());
            started = Ok(new);
            true
        });
        let started = started.map_err(CannotStart::Busy)?;
        let shared = self.shared.clone();
        let spawned = thread::Builder::new().spawn(move || shared.carry_out(&asked));
        if let Err(error) = spawned {
            self.shared.job.send_modify(|job| {
                if let Some(job) = job {
                    job.state = State::Failed;
                    job.error = Some(format!("no thread for it could be started: {error}"));
                }
            });
        }
        Ok(started)
    }

    /// Tells the running one to end with what it has; told again, it is killed, and its result is
    /// lost. Whether there was one.
    pub fn cancel(&self) -> bool {
        // Under the lock, so that a child is either told here or not started any more.
        let mut slot = self.shared.slot();
        let mut before = None;
        self.shared.change(|job| {
            before = Some(job.state);
            if job.state == State::Running {
                job.state = State::Stopping;
            }
        });
        match (before, &mut slot.child) {
            (None | Some(State::Done | State::Failed), _) => false,
            (Some(State::Running), Some(child)) => system::tell_to_stop(child),
            (Some(State::Stopping), Some(child)) => child.kill().is_ok(),
            (_, None) => true,
        }
    }

    /// Ends everything, for good: told first, killed when it does not listen.
    pub fn stop(&self) {
        self.shared.slot().is_closed = true;
        if !self.cancel() {
            return;
        }
        let until = Instant::now() + STOP_PATIENCE;
        while self.shared.slot().child.is_some() && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
        if let Some(child) = &mut self.shared.slot().child {
            // It has ended already, or ends now.
            let _ = child.kill();
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Job)) {
        self.job.send_if_modified(|job| match job {
            Some(job) => {
                let before = job.clone();
                change(job);
                *job != before
            }
            None => false,
        });
    }

    /// Runs on a thread of its own, as long as the child lives.
    fn carry_out(&self, asked: &RunRequest) {
        let mut complaints = VecDeque::new();
        let ended = self.spawn(asked).and_then(|lines| {
            self.listen(lines, &mut complaints)?;
            self.wait()
        });
        let said = complaints.into_iter().collect::<Vec<_>>().join("\n");
        let said = self.without_folder(&said);
        let now = Instant::now();
        self.change(|job| job.elapsed.ended = Some(now));
        self.change(|job| match &ended {
            // Other exit codes judge a result that is there.
            Ok(_) if job.saved.is_some() => job.state = State::Done,
            Ok(status) => {
                job.state = State::Failed;
                job.error = Some(match said.is_empty() {
                    true => format!("it ended with {status} and no result"),
                    false => said,
                });
            }
            Err(error) => {
                job.state = State::Failed;
                job.error = Some(format!("it could not be carried out: {error}"));
            }
        });
    }

    /// What a child said, as every visitor may read it: the folder's path has its owner's name.
    fn without_folder(&self, said: &str) -> String {
        let folder = self.data_dir.display().to_string();
        match folder.is_empty() {
            true => said.to_owned(),
            false => said.replace(&folder, "(the data folder)"),
        }
    }

    /// Starts the child and gives what it says on standard error.
    fn spawn(&self, asked: &RunRequest) -> io::Result<impl Read + use<>> {
        let mut slot = self.slot();
        let is_stopped =
            |job: &Option<Job>| job.as_ref().map(|job| job.state) != Some(State::Running);
        if slot.is_closed || is_stopped(&self.job.borrow()) {
            return Err(io::Error::other("it was stopped before it began"));
        }
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(&asked.arguments)
            .args(["--progress", "json", "--data-dir"])
            .arg(&self.data_dir)
            .stdin(Stdio::piped())
            // The result is in the file that it saves.
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        crate::run::lab_process::belong_to_this_thread(&mut command);
        let mut child = command.spawn()?;
        let (input, output) = (child.stdin.take(), child.stderr.take());
        slot.child = Some(child);
        drop(slot);
        if let Some(mut input) = input {
            // A child that ends before it has read all says why itself.
            let _ = input.write_all(asked.input.as_bytes());
        }
        output.ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }

    /// Until the child closes its end.
    fn listen(&self, lines: impl Read, complaints: &mut VecDeque<String>) -> io::Result<()> {
        let mut lines = BufReader::new(lines);
        loop {
            let mut line = Vec::new();
            let read = (&mut lines)
                .take(LINE_MAX_BYTES)
                .read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(());
            }
            match serde_json::from_slice(&line) {
                Ok(Line::At(at)) => self.change(|job| job.progress = at),
                Ok(Line::Saved(id)) => self.change(|job| job.saved = Some(id)),
                Err(_) => {
                    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                    complaints.push_back(text);
                    if complaints.len() > COMPLAINTS_MAX {
                        complaints.pop_front();
                    }
                }
            }
        }
    }

    fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            let mut slot = self.slot();
            let Some(child) = &mut slot.child else {
                return Err(io::ErrorKind::NotFound.into());
            };
            // Under the lock, and never for long: a cancel must get in between.
            if let Some(status) = child.try_wait()? {
                slot.child = None;
                return Ok(status);
            }
            drop(slot);
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_does_not_tell_visitors_where_the_folder_is() {
        let jobs = Jobs::new(PathBuf::from("/home/ann/lab"));
        let said = jobs
            .shared
            .without_folder("results cannot be saved in /home/ann/lab/runs: no room");
        assert_eq!(
            said,
            "results cannot be saved in (the data folder)/runs: no room"
        );
        let nowhere = Jobs::new(PathBuf::new());
        assert_eq!(nowhere.shared.without_folder("no room"), "no room");
    }
}
