//! The scenario api: how many signed `POST /apps/{id}/events` a second pushlab answers, beside how
//! many an empty actix-web handler does (`bare_api.rs`), each with one worker on the server's core and
//! the same load (`requests.rs`) on the other.
//!
//! A round is bare, pushlab, pushlab, bare, as in `delivery.rs`. The rate is that of a closed loop, so
//! it is the server's only while the server is what is busy: a run in which it is not is doubted. The
//! ratio of CPU times per request is printed too, which does not depend on that.

use std::io;

use serde_json::{Value, json};

use crate::Bench;
use crate::process::{self, Server};
use crate::report::{self, Table, f2, number_at, thousands, verdict};
use crate::validity;

/// Least ratio aimed at.
const AIM: f64 = 0.5;
const CONNECTIONS: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Bare,
    Pushlab,
}

const ROUND: [Who; 4] = [Who::Bare, Who::Pushlab, Who::Pushlab, Who::Bare];

impl Who {
    fn label(self) -> &'static str {
        match self {
            Who::Bare => "empty",
            Who::Pushlab => "pushlab",
        }
    }
}

/// One round: means of two runs each.
struct Round {
    bare: Means,
    pushlab: Means,
    doubted: usize,
}

struct Means {
    requests_per_s: f64,
    cpu_us: f64,
}

impl Means {
    fn of(runs: &[(Who, Value)], who: Who) -> Self {
        let mean = |at: &str| {
            let of_who = runs.iter().filter(|(whose, _)| *whose == who);
            report::mean(
                &of_who
                    .map(|(_, run)| number_at(run, at))
                    .collect::<Vec<_>>(),
            )
        };
        Means {
            requests_per_s: mean("/requests_per_s"),
            cpu_us: mean("/cpu_us_per_request"),
        }
    }
}

/// Runs all rounds, prints each run as it ends and the sum at the end.
pub fn run(bench: &mut Bench) -> io::Result<()> {
    let table = runs_table();
    bench.say(&format!(
        "\nSigned POST /apps/1/events over {CONNECTIONS} connections, and an empty actix-web handler\n{}",
        table.head()
    ));
    let rounds = (1..=bench.options.rounds)
        .map(|round| run_round(round, &table, bench))
        .collect::<io::Result<Vec<_>>>()?;
    sum_up(&rounds, bench);
    Ok(())
}

/// One short run of each server; fails unless each request is answered with 200.
pub fn smoke(bench: &mut Bench) -> io::Result<()> {
    for who in [Who::Bare, Who::Pushlab] {
        let run = run_once(who, bench)?;
        bench.say(&format!(
            "api, {}: {} answered",
            who.label(),
            run["answered"]
        ));
        if run["answered"] == 0 {
            let failure = format!("api: {} answered nothing", who.label());
            bench.report.failures.push(failure);
        }
    }
    Ok(())
}

fn run_round(round: u64, table: &Table, bench: &mut Bench) -> io::Result<Round> {
    let mut runs = Vec::new();
    for who in ROUND {
        let mut run = run_once(who, bench)?;
        bench.say(&table.row(&cells(who, &run)));
        run["scenario"] = json!("api");
        run["round"] = json!(round);
        run["server"] = json!(who.label());
        bench.report.runs.push(run.clone());
        runs.push((who, run));
    }
    let is_doubted = |(_, run): &&(Who, Value)| run["cost_doubts"] != json!([]);
    Ok(Round {
        bare: Means::of(&runs, Who::Bare),
        pushlab: Means::of(&runs, Who::Pushlab),
        doubted: runs.iter().filter(is_doubted).count(),
    })
}

/// Starts a server, loads it, ends it.
fn run_once(who: Who, bench: &Bench) -> io::Result<Value> {
    let server = match who {
        Who::Bare => Server::of_role("bare-api", "", bench.cores)?,
        Who::Pushlab => Server::pushlab(&bench.options.pushlab, bench.cores)?,
    };
    let plan = json!({
        "address": server.lane("main").to_string(), "server_pid": server.pid(),
        "connections": CONNECTIONS, "warm_up_ms": bench.options.warm_up_ms,
        "measure_ms": bench.options.measure_ms,
    });
    let mut run = process::run_role("requests", &plan, bench.cores.load)?;
    run["cost_doubts"] = json!(validity::rate_doubts(&run));
    Ok(run)
}

fn sum_up(rounds: &[Round], bench: &mut Bench) {
    let spread = |of: fn(&Round) -> f64| report::spread(rounds.iter().map(of).collect());
    let bare = spread(|round| round.bare.requests_per_s);
    let pushlab = spread(|round| round.pushlab.requests_per_s);
    let ratio = spread(|round| round.pushlab.requests_per_s / round.bare.requests_per_s);
    let cpu_ratio = spread(|round| round.bare.cpu_us / round.pushlab.cpu_us);
    let doubted: usize = rounds.iter().map(|round| round.doubted).sum();
    let runs = rounds.len() * ROUND.len();
    let judgement = if doubted * 2 > runs {
        "not judged: most runs are doubted"
    } else {
        verdict(ratio.median >= AIM)
    };
    bench.say(&format!(
        "\nRequests per second, median of {} rounds: empty handler {}, pushlab {}; ratio {} \
         ({} – {}), aim ≥ {AIM:.1} {judgement}; by CPU time per request {}; {doubted} of {runs} \
         runs doubted",
        rounds.len(),
        thousands(bare.median),
        thousands(pushlab.median),
        f2(ratio.median),
        f2(ratio.least),
        f2(ratio.most),
        f2(cpu_ratio.median),
    ));
    bench.report.summaries.push(json!({
        "scenario": "api", "connections": CONNECTIONS, "runs": runs, "runs_doubted": doubted,
        "base_requests_per_s": bare.to_json(), "measured_requests_per_s": pushlab.to_json(),
        "ratio": ratio.to_json(), "cpu_ratio": cpu_ratio.to_json(), "aim_ratio": AIM,
    }));
}

fn runs_table() -> Table {
    Table::new(&[
        ("server", -8),
        ("requests/s", 10),
        ("CPU µs/request", 14),
        ("B/request", 9),
        ("server CPU", 10),
        ("load CPU", 8),
        ("waited", 9),
        ("doubts", -1),
    ])
}

fn cells(who: Who, run: &Value) -> Vec<String> {
    let value = |at: &str| number_at(run, at);
    let doubts = run["cost_doubts"].as_array().into_iter().flatten();
    let doubts: Vec<&str> = doubts.filter_map(Value::as_str).collect();
    vec![
        who.label().to_owned(),
        thousands(value("/requests_per_s")),
        f2(value("/cpu_us_per_request")),
        thousands(value("/request_bytes")),
        format!("{:.0} %", value("/server_cpu_percent")),
        format!("{:.0} %", value("/load_cpu_percent")),
        format!(
            "{:.0} / {:.0} %",
            value("/server_waited_percent"),
            value("/load_waited_percent")
        ),
        doubts.join("; "),
    ]
}
