//! `cargo bench --bench fanout`: what delivering a publication costs the server, over real loopback
//! sockets, as a ratio to a bare `write(2)` loop over the same number of sockets in the same run.
//!
//! **What.** CPU time (user and system, all threads) of the server process per publication delivered
//! to a WebSocket subscriber, at a steady load (a) and at saturation (b), over 100 to 10,000
//! subscribers (flat); the same over actix-ws, Pusher Channels and Socket.IO, as a ratio to plain
//! WebSockets (actix-ws, channels, socketio); signed HTTP requests per second as a ratio to an empty actix-web handler
//! (api); resident memory per idle subscriber (idle); time to the first answer (start).
//!
//! **How.** The binary starts itself again in roles, each a process of its own:
//!
//! ```text
//! this process            waits, prints; does nothing while a run is on
//!  ├─ server   core 0     `pushlab serve --port 0 --json --workers 1`, or the role `bare`
//!  └─ load     core 1     N subscribers, one of them publishing on an open-loop schedule
//! ```
//!
//! The same load process meets both servers with the same handshakes, schedule, publications and
//! frame bytes, and reads both servers' CPU clocks at the same two instants. Runs alternate bare,
//! pushlab, pushlab, bare. Every subscriber checks that it gets every offset once, in order; a loss at
//! pushlab fails the bench.
//!
//! **What not.** No network card: on loopback one `write` also runs the receiver's half of TCP, so the
//! bare loop is dear (4–8 µs) and ratios are mild. Interrupt work that the kernel moves to its own
//! threads is in nobody's CPU time. The publisher's acknowledgements (one per publication) and the
//! reading of its message are paid by pushlab and not by the bare loop. Figures of different runs of
//! this bench, and more so of different machines, are not comparable; ratios of one run are (±20 %).
//! Codecs and queues alone are in the criterion benches.
//!
//! Read next: `load.rs` and `bare.rs` (the two sides), `delivery.rs` (the scenarios), `api.rs` (the
//! HTTP API, with sides of its own), `validity.rs` (when not to believe a run).

mod api;
mod bare;
mod bare_api;
mod clocks;
mod delivery;
mod doors;
mod envelope;
mod epoll;
mod frame;
mod idle;
mod load;
mod options;
mod plan;
mod process;
mod protocol;
mod publisher;
mod report;
mod requests;
mod sample;
mod start;
mod subscriber;
mod summary;
mod sys;
mod tally;
mod validity;

use std::io;
use std::process::ExitCode;
use std::{env, fs};

use serde_json::{Value, json};

use options::{Options, Request, Scenario};
use process::{Cores, Server};
use report::Report;
use sample::Sample;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let outcome = match words.as_slice() {
        [flag, role, argument] if flag == "--role" => run_role(role, argument).map(|()| true),
        words => run_request(words),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fanout: {error}");
            ExitCode::FAILURE
        }
    }
}

/// This process is one of the roles of a run; its findings are the JSON on its stdout.
fn run_role(role: &str, argument: &str) -> io::Result<()> {
    match role {
        "bare" => return bare::run(argument),
        "bare-api" => return bare_api::run(),
        _ => {}
    }
    let plan: Value = serde_json::from_str(argument)?;
    let findings = match role {
        "load" => load::run(&plan)?,
        "requests" => requests::run(&plan)?,
        "hold" => idle::hold(&plan)?,
        _ => return Err(io::Error::other(format!("no role {role:?}"))),
    };
    println!("{findings}");
    Ok(())
}

/// This process is the bench; returns whether nothing happened that must not.
fn run_request(words: &[String]) -> io::Result<bool> {
    match options::parse(words).map_err(io::Error::other)? {
        Request::Help => println!("{}", options::USAGE),
        Request::List => println!("0 tests, 0 benchmarks"),
        Request::Smoke(options) => return smoke(options),
        Request::Measure(options) => return measure(options),
    }
    Ok(true)
}

/// What all scenarios share.
pub struct Bench {
    options: Options,
    cores: Cores,
    sample: Sample,
    report: Report,
}

impl Bench {
    fn prepare(options: Options) -> io::Result<Self> {
        let cores = Cores::pick()?;
        let server = Server::pushlab(&options.pushlab, cores)?;
        let sample = Sample::take(server.lane("websocket"))?;
        Ok(Bench {
            options,
            cores,
            sample,
            report: Report::default(),
        })
    }

    fn wants(&self, scenario: Scenario) -> bool {
        self.options.scenarios.contains(&scenario)
    }

    /// One line for people: on stdout, unless that is kept for the JSON line.
    fn say(&self, line: &str) {
        if self.options.wants_json {
            eprintln!("{line}")
        } else {
            println!("{line}")
        }
    }

    /// Everything a reader needs to know before believing a figure.
    fn setting(&self) -> Value {
        json!({
            "server": self.options.pushlab, "server_core": self.cores.server,
            "load_core": self.cores.load, "warm_up_ms": self.options.warm_up_ms,
            "measure_ms": self.options.measure_ms, "rounds": self.options.rounds,
            "pause_us": self.options.pause_us,
            "frame_bytes": self.sample.frame_bytes, "publication": self.sample.publication,
            "tcp_nodelay": true, "host": report::host(),
        })
    }

    fn say_setting(&self, setting: &Value) {
        self.say(&format!("server {}", self.options.pushlab.display()));
        self.say(&format!(
            "cores: server {}, load {}; warm-up {} ms, measured {} ms, {} rounds; TCP_NODELAY; host {}",
            self.cores.server,
            self.cores.load,
            self.options.warm_up_ms,
            self.options.measure_ms,
            self.options.rounds,
            setting["host"],
        ));
        self.say(&format!(
            "frame of {} bytes (at offset 1 or 2; the same from both servers): {}",
            self.sample.frame_bytes, self.sample.publication
        ));
        if self.cores.server == self.cores.load {
            self.say("only one core: server and load share it, ratios mean little");
        }
    }

    /// Says what went wrong, if anything, and returns whether nothing did.
    fn conclude(&self) -> bool {
        for failure in &self.report.failures {
            self.say(&format!("FAILED: {failure}"));
        }
        if self.report.failures.is_empty() {
            // Nobody needs the log of a server that did well; that it is gone already is fine.
            let _ = fs::remove_file(process::server_log());
        }
        self.report.failures.is_empty()
    }
}

fn measure(options: Options) -> io::Result<bool> {
    if !options.ignored.is_empty() {
        eprintln!(
            "fanout: ignored {:?}; --help lists what there is",
            options.ignored
        );
    }
    if options.scenarios.is_empty() {
        return Ok(true);
    }
    let mut bench = Bench::prepare(options)?;
    let setting = bench.setting();
    bench.say_setting(&setting);
    delivery::run(&mut bench)?;
    if bench.wants(Scenario::Api) {
        api::run(&mut bench)?;
    }
    if bench.wants(Scenario::Idle) {
        idle::run(&mut bench)?;
    }
    if bench.wants(Scenario::Start) {
        start::run(&mut bench)?;
    }
    let is_good = bench.conclude();
    if bench.options.wants_json {
        println!("{}", bench.report.to_json(&setting));
    }
    Ok(is_good)
}

/// A second of everything that carries the bench, without a claim of speed.
fn smoke(mut options: Options) -> io::Result<bool> {
    frame::check_against_the_standard();
    envelope::check_examples();
    protocol::check_examples();
    options.warm_up_ms = 100;
    options.measure_ms = 400;
    let mut bench = Bench::prepare(options)?;
    delivery::smoke(&mut bench)?;
    api::smoke(&mut bench)?;
    bench.say("fanout: smoke run only, measure with `cargo bench --bench fanout`");
    Ok(bench.conclude())
}
