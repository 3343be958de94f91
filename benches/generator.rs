//! What the generator can take: 5,000 WebSocket subscribers of one channel, ten publications a
//! second, so 50,000 received, on one core with the server on another.
//!
//! `cargo bench --bench generator`; half a minute. Asked for is a scheduling lag under 1 ms at p99:
//! how long the receiving thread takes to look at what another thread has just told it, how late
//! the publishing thread wakes, and how late publications leave. All are in every result of
//! `pushlab run`; the same is printed by
//!
//! ```text
//! pushlab run --lanes websocket --clients 5000 --rate 10 --duration 10s
//! ```
//! Needs 5,100 open files for each side (`ulimit -n`), and a machine that does nothing else: the
//! load average is printed beside the figures.

mod measured;

use std::{io, process::ExitCode};

use measured::{figure, load_average, objections, run};

const LAG_P99_MAX_US: u64 = 1_000;
const RECEIVED_PER_S_MIN: f64 = 49_500.0;

fn main() -> ExitCode {
    match capacity() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn capacity() -> io::Result<()> {
    let before = load_average();
    let result = run(&[
        "--lanes",
        "websocket",
        "--clients",
        "5000",
        "--rate",
        "10",
        "--duration",
        "10s",
    ])?;
    let generator = &result["generator"];
    let number = |name: &str| generator[name].as_u64().unwrap_or(u64::MAX);
    let received = generator["received_per_s"].as_f64().unwrap_or(0.0);
    let [woke, published, looked] = [
        "wake_lag_p99_us",
        "publish_lag_p99_us",
        "receive_lag_p99_us",
    ]
    .map(number);
    let delivered = figure(&result["lanes"][0], "delivery_ratio").unwrap_or(0.0);
    println!(
        "generator: 5,000 WebSocket subscribers, {received:.0} publications received per second"
    );
    println!(
        "  {:.0} % of a core; p99 of the lag: {woke} us to wake, {published} us to publish, {looked} us to receive",
        generator["cpu_share"].as_f64().unwrap_or(0.0) * 100.0
    );
    println!(
        "  {:.2} % delivered; {}; before: {before}",
        delivered * 100.0,
        generator["pinned"]
            .as_str()
            .unwrap_or("no cores of their own"),
    );
    let holds = received >= RECEIVED_PER_S_MIN
        && woke.max(published).max(looked) < LAG_P99_MAX_US
        && objections(&result).is_empty()
        && delivered >= 1.0;
    println!("  {}", if holds { "holds" } else { "does not hold" });
    for objection in objections(&result) {
        println!("  {objection}");
    }
    Ok(())
}
