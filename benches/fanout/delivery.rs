//! The scenarios a, b and flat: what a delivered publication costs the server in CPU time, beside
//! what it costs a bare `write(2)` loop in the same minute. And channels and socketio: what it costs
//! over these protocols, beside plain WebSockets with frames of the same size.
//!
//! A round is bare, pushlab, pushlab, bare (ABBA), so that a machine that slows down or speeds up
//! steadily does so for both; its ratio is the sum of the two pushlab costs over the sum of the two
//! bare costs. `summary.rs` makes one figure of several rounds.

use std::io;

use serde_json::{Value, json};

use crate::Bench;
use crate::doors::{self, Door};
use crate::options::Scenario;
use crate::plan::Plan;
use crate::process::{self, Server};
use crate::protocol::Protocol;
use crate::report::{self, Table, f1, f2, thousands};
use crate::sample;
use crate::summary::{self, Costs};
use crate::validity;

/// The load of one scenario, and what is aimed at.
pub struct Shape {
    pub name: &'static str,
    pub subscribers: u64,
    pub rate_per_s: u64,
    /// What is measured, and what it is held against.
    pub measured: Who,
    pub base: Who,
    /// Greatest ratio aimed at now, and later (`performance.md`).
    pub aims: Option<(f64, f64)>,
}

const A: Shape = Shape {
    name: "a",
    subscribers: 1_000,
    rate_per_s: 50,
    measured: Who::Pushlab,
    base: Who::Bare,
    aims: Some((1.1, 1.1)),
};
const B: Shape = Shape {
    name: "b",
    subscribers: 100,
    rate_per_s: 4_000,
    measured: Who::Pushlab,
    base: Who::Bare,
    aims: Some((0.3, 0.3)),
};
const CHANNELS: Shape = Shape {
    name: "channels",
    measured: Who::Compared(Protocol::Channels),
    base: Who::Compared(Protocol::Plain),
    aims: Some((1.05, 1.05)),
    ..A
};
const SOCKETIO: Shape = Shape {
    name: "socketio",
    measured: Who::Compared(Protocol::SocketIo),
    ..CHANNELS
};
/// What a reader would begin with, beside the owned socket: a figure, and no aim.
const ACTIX_WS: Shape = Shape {
    name: "actix-ws",
    measured: Who::Compared(Protocol::ActixWs),
    aims: None,
    ..CHANNELS
};
const FLAT: [Shape; 3] = [
    Shape {
        name: "flat",
        subscribers: 100,
        rate_per_s: 500,
        measured: Who::Pushlab,
        base: Who::Bare,
        aims: None,
    },
    Shape {
        name: "flat",
        subscribers: 1_000,
        rate_per_s: 50,
        measured: Who::Pushlab,
        base: Who::Bare,
        aims: None,
    },
    Shape {
        name: "flat",
        subscribers: 10_000,
        rate_per_s: 5,
        measured: Who::Pushlab,
        base: Who::Bare,
        aims: None,
    },
];
pub const SMOKE: Shape = Shape {
    name: "smoke",
    subscribers: 20,
    rate_per_s: 100,
    measured: Who::Pushlab,
    base: Who::Bare,
    aims: None,
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Bare,
    /// Plain WebSockets, with the same frames as the bare loop.
    Pushlab,
    /// With frames padded so that they are of one size in every protocol.
    Compared(Protocol),
    /// Published to through this door, with subscribers that speak what belongs to it.
    Through(Door),
}

impl Who {
    pub fn label(self) -> &'static str {
        match self {
            Who::Bare => "bare",
            Who::Pushlab => "pushlab",
            Who::Compared(Protocol::Plain) => "plain",
            Who::Compared(Protocol::ActixWs) => "actix-ws",
            Who::Compared(Protocol::Channels) => "channels",
            Who::Compared(Protocol::SocketIo) => "socketio",
            Who::Through(door) => door.name(),
        }
    }

    fn protocol(self) -> Protocol {
        match self {
            Who::Bare | Who::Pushlab => Protocol::Plain,
            Who::Compared(protocol) => protocol,
            Who::Through(door) => door.subscribers_speak(),
        }
    }

    /// How long the end of a run may wait for stragglers. The bare loop promises no delivery, so what
    /// its publisher's socket still holds is not waited for.
    fn drain_ms(self) -> u64 {
        match self {
            Who::Bare => 200,
            _ => 30_000,
        }
    }
}

/// Runs a and b (interleaved, round by round) and flat, as far as they are asked for.
pub fn run(bench: &mut Bench) -> io::Result<()> {
    let all = [
        (Scenario::A, A),
        (Scenario::ActixWs, ACTIX_WS),
        (Scenario::Channels, CHANNELS),
        (Scenario::SocketIo, SOCKETIO),
    ];
    let through_doors = doors::ALL.map(|door| {
        let measured = Who::Through(door);
        (Scenario::B, Shape { measured, ..B })
    });
    let wanted: Vec<Shape> = all
        .into_iter()
        .chain(through_doors)
        .filter_map(|(scenario, shape)| bench.wants(scenario).then_some(shape))
        .collect();
    if !wanted.is_empty() {
        bench.say("\nCost of a delivery, run by run");
        rows(&wanted, bench.options.rounds, bench)?;
    }
    if bench.wants(Scenario::Flat) {
        bench.say("\nThe same deliveries per second over 100 to 10,000 subscribers");
        let costs = rows(&FLAT, 1, bench)?;
        summary::sum_up_flatness(&costs, bench);
    }
    Ok(())
}

/// One short run of each server; fails unless pushlab delivered everything once.
pub fn smoke(bench: &mut Bench) -> io::Result<()> {
    let others = [
        Who::Bare,
        Who::Pushlab,
        Who::Compared(Protocol::ActixWs),
        Who::Compared(Protocol::Channels),
        Who::Compared(Protocol::SocketIo),
    ];
    for who in others.into_iter().chain(doors::ALL.map(Who::Through)) {
        let findings = run_once(who, &SMOKE, bench)?;
        bench.say(&format!(
            "{}: {} delivered",
            who.label(),
            findings["delivered"]
        ));
    }
    Ok(())
}

/// Runs all rounds of all shapes, prints each run as it ends and the sum at the end.
fn rows(shapes: &[Shape], rounds: u64, bench: &mut Bench) -> io::Result<Vec<Costs>> {
    let table = runs_table();
    bench.say(&table.head());
    let mut costs: Vec<Vec<Costs>> = shapes.iter().map(|_| Vec::new()).collect();
    for round in 1..=rounds {
        for (shape, costs) in shapes.iter().zip(&mut costs) {
            costs.push(run_round(shape, round, &table, bench)?);
        }
    }
    summary::sum_up(shapes, &costs, bench);
    Ok(costs.into_iter().flatten().collect())
}

fn run_round(shape: &Shape, round: u64, table: &Table, bench: &mut Bench) -> io::Result<Costs> {
    let (mut base, mut measured) = (Vec::new(), Vec::new());
    let mut doubted = 0;
    let round_of = [shape.base, shape.measured, shape.measured, shape.base];
    for who in round_of {
        let mut run = run_once(who, shape, bench)?;
        let cost_us = run["cpu_us_per_delivery"].as_f64().unwrap_or(f64::NAN);
        if who == shape.base {
            base.push(cost_us);
        } else {
            measured.push(cost_us);
        }
        bench.say(&table.row(&cells(shape, who, &run)));
        doubted += usize::from(run["cost_doubts"] != json!([]));
        run["scenario"] = json!(shape.name);
        run["round"] = json!(round);
        run["server"] = json!(who.label());
        bench.report.runs.push(run);
    }
    Ok(Costs {
        base_us: report::mean(&base),
        measured_us: report::mean(&measured),
        runs: round_of.len(),
        doubted,
    })
}

/// Starts a server, loads it, ends it. Loss at pushlab is entered as a failure of the bench.
fn run_once(who: Who, shape: &Shape, bench: &mut Bench) -> io::Result<Value> {
    let server = match who {
        Who::Bare => Server::bare(bench.cores, &bench.sample.publication)?,
        _ => Server::pushlab(&bench.options.pushlab, bench.cores)?,
    };
    let protocol = who.protocol();
    let pad_bytes = match who {
        Who::Bare | Who::Pushlab => bench.sample.pad_bytes,
        Who::Compared(_) => sample::compared_pad_bytes(&server, protocol)?,
        // Short ones, as the bare loop's.
        Who::Through(_) => bench.sample.pad_bytes,
    };
    let door = match who {
        Who::Through(door) => door,
        _ => Door::WebSocket,
    };
    let plan = Plan {
        address: server.lane(protocol.lane()),
        protocol,
        door,
        publisher_address: server.lane(door.first_speaks().lane()),
        main_address: match who {
            Who::Bare => server.lane(Protocol::Plain.lane()),
            _ => server.lane("main"),
        },
        server_pid: server.pid(),
        subscribers: shape.subscribers,
        rate_per_s: shape.rate_per_s,
        warm_up_ms: bench.options.warm_up_ms,
        measure_ms: bench.options.measure_ms,
        drain_ms: who.drain_ms(),
        pad_bytes,
        pause_us: bench.options.pause_us,
    };
    let mut findings = process::run_role("load", &plan.to_json(), bench.cores.load)?;
    let mut doubts = validity::cost_doubts(&findings);
    if who != Who::Bare {
        // A bare loop that falls behind is what it is measured for, so only pushlab is held to this.
        let due_per_s = shape.subscribers * shape.rate_per_s;
        doubts.extend(validity::falls_behind(due_per_s, &findings));
        let failure = validity::failure(&findings).map(|text| format!("{}: {text}", shape.name));
        bench.report.failures.extend(failure);
    }
    findings["cost_doubts"] = json!(doubts);
    findings["delay_doubts"] = json!(validity::delay_doubts(&findings));
    Ok(findings)
}

fn runs_table() -> Table {
    Table::new(&[
        ("scenario", -8),
        ("subscribers", 11),
        ("rate/s", 6),
        ("server", -15),
        ("CPU µs/delivery", 15),
        ("delivered/s", 11),
        ("lost", 9),
        ("B/frame", 7),
        ("frames/read", 11),
        ("delay p50 µs", 12),
        ("p99 µs", 8),
        ("server CPU", 10),
        ("load CPU", 8),
        ("waited", 9),
        ("lag p99 µs", 10),
        ("doubts", -1),
    ])
}

fn cells(shape: &Shape, who: Who, run: &Value) -> Vec<String> {
    let value = |at: &str| report::number_at(run, at);
    let doubts: Vec<&str> = ["cost_doubts", "delay_doubts"]
        .into_iter()
        .filter_map(|kind| run[kind].as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    vec![
        shape.name.to_owned(),
        thousands(shape.subscribers as f64),
        thousands(shape.rate_per_s as f64),
        who.label().to_owned(),
        f2(value("/cpu_us_per_delivery")),
        thousands(value("/delivered_per_s")),
        thousands(value("/lost") + value("/missing")),
        f1(value("/bytes_per_delivery")),
        f1(value("/deliveries_per_read")),
        thousands(value("/delay_us/p50")),
        thousands(value("/delay_us/p99")),
        format!("{:.0} %", value("/server_cpu_percent")),
        format!("{:.0} %", value("/load_cpu_percent")),
        format!(
            "{:.0} / {:.0} %",
            value("/server_waited_percent"),
            value("/load_waited_percent")
        ),
        thousands(value("/lag_us/p99")),
        doubts.join("; "),
    ]
}
