//! Every lane end to end on loopback, one after the other, beside the WebSocket lane: what a
//! delivery costs the server's processor, its bytes and its delay, as ratios.
//!
//! `cargo bench --bench transports`; a minute. The runner does the work (`pushlab run`), so clients,
//! schedule and validity gate are those of every other figure. Ratios of processor time hold where
//! absolute figures depend on the machine; delays that the gate refuses are shown as none.

mod measured;

use std::{io, process::ExitCode};

use measured::{figure, load_average, objections, run};

const BESIDE: &str = "websocket";
const PLAN: [&str; 12] = [
    "--order",
    "in-turn",
    "--clients",
    "100",
    "--rate",
    "20",
    "--duration",
    "4s",
    "--warm-up",
    "1s",
    "--poll-interval",
    "100ms",
];
const COLUMNS: [(&str, &str); 4] = [
    ("server CPU, us/delivery", "server_cpu_us_per_delivery"),
    ("bytes/publication", "bytes_per_publication"),
    ("p50, us", "p50_us"),
    ("p99, us", "p99_us"),
];

fn main() -> ExitCode {
    match compare() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("transports: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> io::Result<()> {
    println!(
        "transports: pushlab run {}; {}",
        PLAN.join(" "),
        load_average()
    );
    let result = run(&PLAN)?;
    let none = Vec::new();
    let lanes = result["lanes"].as_array().unwrap_or(&none);
    let beside = lanes.iter().find(|lane| lane["row"] == BESIDE);
    let beside = beside.ok_or_else(|| io::Error::other("the run has no WebSocket lane"))?;
    print!("{:<20}", "lane");
    for (heading, _) in COLUMNS {
        print!(" {heading:>24} {:>7}", "ratio");
    }
    println!(" {:>10}", "delivered");
    for lane in lanes {
        print!("{:<20}", lane["row"].as_str().unwrap_or_default());
        for (_, name) in COLUMNS {
            let value = figure(lane, name);
            let ratio = value
                .zip(figure(beside, name))
                .map(|(own, other)| own / other);
            print!(" {:>24} {:>7}", shown(value, 1), shown(ratio, 2));
        }
        let delivered = figure(lane, "delivery_ratio").map(|share| share * 100.0);
        println!(" {:>8} %", shown(delivered, 1));
    }
    for objection in objections(&result) {
        println!("delays are not shown: {objection}");
    }
    Ok(())
}

fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
}
