//! The processes of a run: a server (pushlab or the bare loop) and roles of this same binary, each
//! pinned to its core, with room for many files, and gone when the bench is gone.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddrV4;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{env, process, thread};

use serde_json::Value;

use crate::protocol::SETTINGS;
use crate::sys;

/// Enough for the largest scenario: 10,000 sockets, an epoll and some files.
const OPEN_FILES: u64 = 65_536;

/// Which core the server has and which the load. One and the same on a machine with a single core.
#[derive(Clone, Copy)]
pub struct Cores {
    pub server: usize,
    pub load: usize,
}

impl Cores {
    /// The first two cores this process may use.
    pub fn pick() -> io::Result<Self> {
        let allowed = sys::allowed_cores()?;
        let server = *allowed
            .first()
            .ok_or_else(|| io::Error::other("no core allowed"))?;
        Ok(Cores {
            server,
            load: *allowed.get(1).unwrap_or(&server),
        })
    }
}

/// A running server that has said where it listens. Dropping it kills it.
pub struct Server {
    child: Child,
    lanes: Vec<(String, SocketAddrV4)>,
}

impl Server {
    /// The bare write loop (role `bare`), fed with a publication as pushlab sent it.
    pub fn bare(cores: Cores, publication: &str) -> io::Result<Self> {
        Self::of_role("bare", publication, cores)
    }

    /// A server that is a role of this binary, pinned.
    pub fn of_role(name: &str, argument: &str, cores: Cores) -> io::Result<Self> {
        let mut command = role(name, argument)?;
        prepare(&mut command, Some(cores.server));
        Self::spawn(command)
    }

    /// `pushlab serve`, pinned with one worker.
    pub fn pushlab(program: &Path, cores: Cores) -> io::Result<Self> {
        let mut command = pushlab_command(program)?;
        command.args(["--workers", "1"]);
        prepare(&mut command, Some(cores.server));
        Self::spawn(command)
    }

    /// `pushlab serve` as a person starts it: not pinned, workers by default.
    pub fn pushlab_by_default(program: &Path) -> io::Result<Self> {
        let mut command = pushlab_command(program)?;
        prepare(&mut command, None);
        Self::spawn(command)
    }

    /// The address of a lane; of the only one there is, when the server has no such lane.
    pub fn lane(&self, name: &str) -> SocketAddrV4 {
        self.lanes
            .iter()
            .find(|(lane, _)| lane == name)
            .unwrap_or(&self.lanes[0])
            .1
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    fn spawn(mut command: Command) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().expect("stdout was piped");
        match listening(stdout) {
            Ok(lanes) => Ok(Server { child, lanes }),
            Err(error) => {
                end(&mut child);
                Err(io::Error::other(format!(
                    "{:?}: {error}",
                    command.get_program()
                )))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Runs one role of this binary to its end and returns the JSON it printed.
pub fn run_role(name: &str, plan: &Value, core: usize) -> io::Result<Value> {
    let mut command = role(name, &plan.to_string())?;
    prepare(&mut command, Some(core));
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!(
            "the role {name} ended with {}",
            output.status
        )));
    }
    serde_json::from_slice(&output.stdout).map_err(io::Error::other)
}

/// Resident memory of a process in KiB: `VmRSS` of `/proc/PID/status`.
pub fn resident_kib(pid: i32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .ok_or_else(|| io::Error::other("no VmRSS in /proc/PID/status"))
}

/// How long the threads of a process were ready to run and had no core, in nanoseconds: the second
/// figure of `/proc/PID/task/*/schedstat`. It grows when other processes want the same core.
pub fn waited_ns(pid: i32) -> io::Result<u64> {
    let mut waited_ns = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between being listed and being read.
        let figures = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        let waited = figures
            .split(' ')
            .nth(1)
            .and_then(|figure| figure.parse::<u64>().ok());
        waited_ns += waited.unwrap_or(0);
    }
    Ok(waited_ns)
}

/// Where the server's own log goes; a failure names this file.
pub fn server_log() -> PathBuf {
    env::temp_dir().join(format!("pushlab-fanout-{}.log", process::id()))
}

fn pushlab_command(program: &Path) -> io::Result<Command> {
    let mut command = Command::new(program);
    let settings = env::temp_dir().join(format!("pushlab-fanout-{}.toml", process::id()));
    fs::write(&settings, SETTINGS)?;
    command.args(["serve", "--port", "0", "--json", "--config"]);
    command.arg(settings);
    // The server reads PUSHLAB_* as settings, and this one is the bench's.
    command.env_remove("PUSHLAB_BIN");
    command.stderr(File::create(server_log())?);
    Ok(command)
}

fn role(name: &str, argument: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--role", name, argument]);
    Ok(command)
}

fn prepare(command: &mut Command, core: Option<usize>) {
    let in_child = move || {
        sys::die_with_parent()?;
        sys::raise_open_files(OPEN_FILES)?;
        core.map_or(Ok(()), sys::pin_to_core)
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; the three above make
    // system calls on locals and neither allocate nor lock.
    unsafe { command.pre_exec(in_child) };
}

/// Reads the first line, `{"listening":[{"lane":"main","url":"http://127.0.0.1:8080"},…]}`, and
/// leaves a thread behind that reads the rest, so that the server never waits for its own output.
fn listening(stdout: ChildStdout) -> io::Result<Vec<(String, SocketAddrV4)>> {
    let mut stdout = BufReader::new(stdout);
    let mut line = String::new();
    stdout.read_line(&mut line)?;
    let lanes = lanes_of(&line).ok_or_else(|| {
        let log = server_log();
        io::Error::other(format!(
            "no list of lanes but {line:?} (its log: {})",
            log.display()
        ))
    })?;
    thread::spawn(move || io::copy(&mut stdout, &mut io::sink()));
    Ok(lanes)
}

fn lanes_of(line: &str) -> Option<Vec<(String, SocketAddrV4)>> {
    let line: Value = serde_json::from_str(line).ok()?;
    let lane_of = |lane: &Value| {
        let address = lane["url"]
            .as_str()?
            .strip_prefix("http://")?
            .parse()
            .ok()?;
        Some((lane["lane"].as_str()?.to_owned(), address))
    };
    let lanes: Vec<_> = line["listening"]
        .as_array()?
        .iter()
        .filter_map(lane_of)
        .collect();
    (!lanes.is_empty()).then_some(lanes)
}

fn end(child: &mut Child) {
    // Both fail only when the process has ended already, which is what is wanted.
    let _ = child.kill();
    let _ = child.wait();
}
