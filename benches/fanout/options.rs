//! The command line of the bench. Cargo adds words of its own (`--bench`, a filter, options of the
//! standard harness when all targets get them), so nothing unknown is refused: an unknown option is
//! named and ignored, an unknown word is a filter that matches no scenario.

use std::env;
use std::path::PathBuf;

pub const USAGE: &str = "\
cargo bench --bench fanout -- [SCENARIO…] [OPTION…]

Scenarios (default: all)
  a      1,000 WebSocket subscribers × 50 publications/s, ratio to a bare write(2) loop
  b      100 subscribers offered 4,000 publications/s through every door a user has (HTTP one by one
         and pipelined, WebSocket, Channels HTTP API single and in batches, Socket.IO emit): throughput,
         loss, ratio
  actix-ws, channels, socketio
         scenario a over the crate actix-ws, Pusher Channels and Socket.IO (WebSocket), ratio to plain WebSockets
         with frames of the same size
  api    signed POST /apps/{id}/events over 32 connections, request rate as a ratio to an empty
         actix-web handler
  flat   100, 1,000 and 10,000 subscribers at 50,000 deliveries/s: is the cost per delivery flat?
  idle   resident memory per idle subscriber: WebSocket, SSE, held long poll, Channels, Socket.IO
  start  time from exec to the first answered GET /healthz

Options
  --quick       one short round of everything
  --rounds N    rounds of all but flat, each bare, pushlab, pushlab, bare (default 3)
  --seconds N   measured seconds per run (default 10, with --quick 3)
  --pause-us N  rest of the load generator between two sweeps over its sockets (default 1000);
                0 wakes it for every arrival: finer delays, dearer writes for both servers
  --json        one JSON line on stdout at the end; the tables go to stderr
  --help        this text

Environment
  PUSHLAB_BIN=/path   measure this build instead of the one cargo has just made";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    A,
    B,
    ActixWs,
    Channels,
    SocketIo,
    Api,
    Flat,
    Idle,
    Start,
}

const ALL: [(&str, Scenario); 9] = [
    ("a", Scenario::A),
    ("b", Scenario::B),
    ("actix-ws", Scenario::ActixWs),
    ("channels", Scenario::Channels),
    ("socketio", Scenario::SocketIo),
    ("api", Scenario::Api),
    ("flat", Scenario::Flat),
    ("idle", Scenario::Idle),
    ("start", Scenario::Start),
];

/// What the command line asks for.
pub enum Request {
    Help,
    /// The standard harness's `--list`: there are no tests in here to list.
    List,
    /// Run without `--bench`, so by `cargo test --benches`: see that everything works, measure nothing.
    Smoke(Options),
    Measure(Options),
}

pub struct Options {
    pub scenarios: Vec<Scenario>,
    pub is_quick: bool,
    pub rounds: u64,
    pub measure_ms: u64,
    pub warm_up_ms: u64,
    pub pause_us: u64,
    pub wants_json: bool,
    /// The server to measure.
    pub pushlab: PathBuf,
    /// What was ignored, to be said once.
    pub ignored: Vec<String>,
}

/// Reads the words after the program's name.
pub fn parse(words: &[String]) -> Result<Request, String> {
    let has = |word: &str| words.iter().any(|each| each == word);
    if has("--help") || has("-h") {
        return Ok(Request::Help);
    }
    if has("--list") {
        return Ok(Request::List);
    }
    let is_quick = has("--quick");
    let seconds = number_after(words, "--seconds")?
        .unwrap_or(if is_quick { 3 } else { 10 })
        .max(1);
    let mut options = Options {
        scenarios: Vec::new(),
        is_quick,
        rounds: number_after(words, "--rounds")?
            .unwrap_or(if is_quick { 1 } else { 3 })
            .max(1),
        measure_ms: seconds * 1_000,
        warm_up_ms: if is_quick { 1_000 } else { 2_000 },
        pause_us: number_after(words, "--pause-us")?.unwrap_or(1_000),
        wants_json: has("--json"),
        pushlab: pushlab(),
        ignored: Vec::new(),
    };
    let filters = sort_words(words, &mut options);
    if options.scenarios.is_empty() && filters == 0 {
        options.scenarios = ALL.map(|(_, scenario)| scenario).to_vec();
        if !has("--bench") {
            return Ok(Request::Smoke(options));
        }
    }
    Ok(Request::Measure(options))
}

/// Enters scenarios and what is ignored; returns how many words were filters for other benches.
fn sort_words(words: &[String], options: &mut Options) -> usize {
    let mut filters = 0;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--bench" | "--quick" | "--json" => {}
            "--rounds" | "--seconds" | "--pause-us" => drop(words.next()),
            word => match ALL.iter().find(|(name, _)| *name == word) {
                Some((_, scenario)) => options.scenarios.push(*scenario),
                None => {
                    filters += usize::from(!word.starts_with('-'));
                    options.ignored.push(word.to_owned());
                }
            },
        }
    }
    filters
}

fn number_after(words: &[String], option: &str) -> Result<Option<u64>, String> {
    let Some(at) = words.iter().position(|word| word == option) else {
        return Ok(None);
    };
    match words.get(at + 1).map(|word| word.parse()) {
        Some(Ok(number)) => Ok(Some(number)),
        _ => Err(format!("{option} needs a whole number, as in {option} 3")),
    }
}

fn pushlab() -> PathBuf {
    env::var_os("PUSHLAB_BIN").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_pushlab")),
        PathBuf::from,
    )
}
